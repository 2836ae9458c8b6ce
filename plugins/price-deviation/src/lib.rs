//! Finds on-chain oracle answers that are stale, impossible, or far from an off-chain feed.

mod check;
mod config;
mod memory;

use watchfire_sdk::batch::Log;
use watchfire_sdk::chain::ChainError;
use watchfire_sdk::prelude::*;

use check::Case;
pub use config::Config;
use config::{Pair, Rules};
use memory::{Answer, Memory, More, Said};

sol! {
    event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);
    function latestRoundData()
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
}

/// The detector.
pub struct PriceDeviation {
    rules: Rules,
}

impl Detector for PriceDeviation {
    type Config = Config;

    fn manifest() -> Manifest {
        let summary = "On-chain oracle answers against an off-chain feed: divergence, staleness, impossible answers.";
        Manifest::new("price-deviation", env!("CARGO_PKG_VERSION"), summary)
            .kind("price-divergence", Severity::High, "An oracle's answer is further from the feed than allowed.")
            .kind("price-stale", Severity::High, "An oracle has not answered for longer than its heartbeat.")
            .kind("price-invalid", Severity::Critical, "An oracle's answer can't be: not positive, or of no time.")
            .kind("feed-stale", Severity::Medium, "The feed is silent, so that nothing checks the oracle.")
            .asks_for(Capability::Chain)
            .asks_for(Capability::State)
            .asks_for(Capability::Feeds)
    }

    fn start(config: Config) -> Result<(Self, Vec<Subscription>), ConfigError> {
        let rules = config.resolve()?;
        let aggregators = rules.pairs.iter().map(|pair| pair.aggregator);
        let mut subscriptions: Vec<Subscription> = vec![
            LogFilter::default().addresses(aggregators).event::<AnswerUpdated>().into(),
            Subscription::EveryBlocks(rules.check_every_blocks),
        ];
        let mut feeds: Vec<&str> = rules.pairs.iter().flat_map(config::Pair::feeds).collect();
        feeds.sort_unstable();
        feeds.dedup();
        subscriptions.extend(feeds.into_iter().map(|feed| Subscription::Feed(feed.to_owned())));
        Ok((Self { rules }, subscriptions))
    }

    fn on_batch(&mut self, batch: &Batch<'_>) -> Result<Vec<Finding>, Error> {
        let is_due = !batch.due_ticks().is_empty();
        let mut findings = Vec::new();
        for pair in &self.rules.pairs {
            let spoke: Vec<(&str, Said)> =
                pair.feeds().filter_map(|feed| Some((feed, hear(pair, feed, batch)?))).collect();
            let events: Vec<Log<'_>> = batch.logs().filter(|log| log.address() == pair.aggregator).collect();
            if !is_due && spoke.is_empty() && events.is_empty() {
                continue;
            }
            let mut memory = Memory::load(pair)?;
            memory.begin(batch.timestamp_s());
            let mut more = More::load(pair)?;
            let feed_spoke = !spoke.is_empty();
            for (feed, said) in spoke {
                match feed == pair.feed {
                    true => memory.said = Some(said),
                    false => drop(more.0.insert(feed.to_owned(), said)),
                }
            }
            if feed_spoke && !pair.more_feeds.is_empty() {
                more.save(pair)?;
            }
            let now_s = batch.timestamp_s();
            let mut case = Case { pair, memory: &mut memory, more: &more, now_s, findings: Vec::new() };
            for log in &events {
                if let Some(event) = log.decode::<AnswerUpdated>() {
                    let updated_at_s = event.updatedAt.saturating_to();
                    case.answered(Answer { value: event.current, updated_at_s }, Some(log));
                }
            }
            if is_due {
                match chain::call(pair.aggregator, &latestRoundDataCall {}) {
                    Ok(round) => {
                        let updated_at_s = round.updatedAt.saturating_to();
                        case.answered(Answer { value: round.answer, updated_at_s }, None);
                    }
                    Err(error @ (ChainError::Reverted(_) | ChainError::Malformed(_))) => case.unanswerable(&error),
                    // Without an answer of its own, the event's or the last one known still ages.
                    Err(error) => log::warn(&format!("{}: {error}", pair.name)),
                }
                case.aged();
            } else if feed_spoke {
                case.compared(None);
            }
            findings.extend(case.findings);
            memory.save(pair)?;
        }
        Ok(findings)
    }
}

/// The newest price that one of the pair's feeds said in this batch.
fn hear(pair: &Pair, feed: &str, batch: &Batch<'_>) -> Option<Said> {
    let mut newest: Option<Said> = None;
    for observation in batch.observations().iter().filter(|observation| observation.feed == feed) {
        match observation.number() {
            Ok(price) if !price.is_negative() && !price.is_zero() => {
                let said = Said { price: observation.value.clone(), observed_at_ms: observation.observed_at_ms };
                if newest.as_ref().is_none_or(|newest| newest.observed_at_ms <= said.observed_at_ms) {
                    newest = Some(said);
                }
            }
            // What is no price leaves the feed silent, and in time stale.
            Ok(price) => log::warn(&format!("{}: feed `{feed}` says {price}, which is no price", pair.name)),
            Err(error) => log::warn(&format!("{}: feed `{feed}`: {error}", pair.name)),
        }
    }
    newest
}

watchfire_sdk::export!(PriceDeviation);
