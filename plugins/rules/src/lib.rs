//! Finds what rules describe that an operator writes in the config: no code, one language, exact numbers.

pub mod abi;
mod config;
mod constants;
mod explain;
mod judge;
pub mod language;
mod memory;
mod rule;
mod set;
mod sort;
mod trigger;

use watchfire_sdk::prelude::*;

pub use config::Config;
use set::Rules;

/// The detector.
pub struct RuleDetector {
    rules: Rules,
}

impl Detector for RuleDetector {
    type Config = Config;

    fn manifest() -> Manifest {
        let version = env!("CARGO_PKG_VERSION");
        Manifest::new("rules", version, "What rules in its config describe; each rule's name is a kind of finding too.")
            .kind(rule::UNNAMED, Severity::Medium, "A rule without a name matched.")
            .kind(judge::FAILED, Severity::Medium, "A rule could not be judged, or matched too often to be told.")
            .kind(explain::EXPLAINED, Severity::Info, "What became of candidates, where `explain` is set.")
            .asks_for(Capability::Chain)
            .asks_for(Capability::State)
            .asks_for(Capability::Traces)
            .asks_for(Capability::Storage)
            .asks_for(Capability::Feeds)
            .asks_for(Capability::Findings)
    }

    fn start(config: Config) -> Result<(Self, Vec<Subscription>), ConfigError> {
        let (rules, wants) = Rules::new(&config)?;
        Ok((Self { rules }, wants))
    }

    fn on_batch(&mut self, batch: &Batch<'_>) -> Result<Vec<Finding>, Error> {
        self.rules.look(batch)
    }
}

watchfire_sdk::export!(RuleDetector);
