//! What the operator writes, and what it comes to.

use serde::Deserialize;
use watchfire_sdk::prelude::*;

/// Which oracles to hold against which feeds.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Oracles with the feeds that they are held against.
    pairs: Vec<Pair>,
    /// How often each oracle is asked, in blocks. Answers that it tells by event are checked whenever they come.
    #[serde(default = "default_check_every_blocks")]
    #[schemars(range(min = 1))]
    check_every_blocks: u64,
}

/// An oracle and its feed.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pair {
    /// What findings call it, such as `ETH/USD`.
    pub(crate) name: String,
    /// The Chainlink-like contract that answers `latestRoundData`.
    #[schemars(with = "schema::Address")]
    pub(crate) aggregator: Address,
    /// Digits behind the point of the contract's answers.
    #[schemars(range(max = 36))]
    pub(crate) decimals: u8,
    /// Name of the feed in the host's config; it gives the price as a number.
    pub(crate) feed: String,
    /// More feeds of the same price. The answer is held against the median of those that are not silent.
    #[serde(default)]
    pub(crate) more_feeds: Vec<String>,
    /// How many feeds must not be silent for anything to be compared. By default more than half of them.
    #[serde(default)]
    pub(crate) quorum: Option<usize>,
    /// Furthest that an answer may be from the feed, in basis points of the feed's price.
    #[schemars(range(min = 1))]
    pub(crate) max_deviation_bps: u32,
    /// Longest that the oracle may go without an answer, in seconds.
    #[schemars(range(min = 1))]
    pub(crate) heartbeat_s: u64,
    /// Longest that the feed may be silent before nothing is compared with it, in seconds.
    #[schemars(range(min = 1))]
    pub(crate) feed_heartbeat_s: u64,
}

impl Pair {
    /// All feeds, the first one first.
    pub(crate) fn feeds(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.feed).chain(&self.more_feeds).map(String::as_str)
    }

    /// How many of them must speak.
    pub(crate) fn quorum(&self) -> usize {
        self.quorum.unwrap_or(self.feeds().count() / 2 + 1)
    }

    /// What findings call the feeds.
    pub(crate) fn feeds_name(&self) -> String {
        match self.more_feeds.len() {
            0 => format!("feed `{}`", self.feed),
            more => format!("the median of {} feeds", more + 1),
        }
    }
}

fn default_check_every_blocks() -> u64 {
    1
}

/// The config, checked.
pub(crate) struct Rules {
    pub(crate) pairs: Vec<Pair>,
    pub(crate) check_every_blocks: u64,
}

impl Config {
    pub(crate) fn resolve(self) -> Result<Rules, ConfigError> {
        if self.check_every_blocks == 0 {
            return Err(ConfigError::at("check_every_blocks", "it must be at least 1"));
        }
        if self.pairs.is_empty() {
            return Err(ConfigError::at("pairs", "name at least one pair"));
        }
        for (at, pair) in self.pairs.iter().enumerate() {
            let wrong = |key: &str, message: &str| Err(ConfigError::at(format!("pairs.{at}.{key}"), message));
            if self.pairs[..at].iter().any(|other| other.name == pair.name) {
                return wrong("name", "another pair has this name");
            }
            if pair.decimals > 36 {
                return wrong("decimals", "an answer has at most 36");
            }
            let feeds: Vec<&str> = pair.feeds().collect();
            if (1..feeds.len()).any(|at| feeds[..at].contains(&feeds[at])) {
                return wrong("more_feeds", "a feed is there twice, and would count twice");
            }
            if !(1..=feeds.len()).contains(&pair.quorum()) {
                return wrong("quorum", "it must be from 1 to the number of feeds");
            }
            for (key, value) in [
                ("max_deviation_bps", u64::from(pair.max_deviation_bps)),
                ("heartbeat_s", pair.heartbeat_s),
                ("feed_heartbeat_s", pair.feed_heartbeat_s),
            ] {
                if value == 0 {
                    return wrong(key, "it must be at least 1");
                }
            }
        }
        Ok(Rules { pairs: self.pairs, check_every_blocks: self.check_every_blocks })
    }
}
