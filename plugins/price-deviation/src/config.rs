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
