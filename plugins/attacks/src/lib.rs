//! Finds transactions that are attacks by what they do, whoever the victim is and without any config.
//!
//! Several detectors in one component: each has its name, its kinds and its switch, and what all of them need of a transaction is
//! computed once.

mod claim;
mod config;
mod rules;
mod tell;

use watchfire_sdk::flow::{self, Reader, Transaction};
use watchfire_sdk::prelude::*;

pub use config::Config;
use config::Rules;

/// The detector.
pub struct Attacks {
    rules: Rules,
    reader: Reader,
}

impl Detector for Attacks {
    type Config = Config;

    fn manifest() -> Manifest {
        tell::manifest()
    }

    fn start(config: Config) -> Result<(Self, Vec<Subscription>), ConfigError> {
        let (rules, prices) = config.resolve()?;
        let mut subscriptions = flow::subscriptions();
        subscriptions.push(LogFilter::default().topic(0, rules::pair_events()).into());
        Ok((Self { rules, reader: Reader::new(prices).skipping_plain() }, subscriptions))
    }

    fn on_batch(&mut self, batch: &Batch<'_>) -> Result<Vec<Finding>, Error> {
        let mut findings = Vec::new();
        let mut claims = Vec::new();
        let mut look = |tx: &Transaction<'_>| {
            let before = findings.len();
            for &rule in &self.rules.on {
                (rules::ALL[rule].look)(tx, &self.rules, &mut claims);
                let name = rules::ALL[rule].name;
                let told = claims.drain(..).filter(|claim| !self.rules.ignores(tx, claim.victim));
                findings.extend(told.map(|claim| tell::finding(tx, name, claim)));
            }
            findings.len() > before
        };
        for tx in self.reader.transactions(batch) {
            // Where nothing is seen of whom the sender calls, the one behind may be who acts.
            if !look(&tx)
                && let Some(tx) = tx.from_within()
            {
                look(&tx);
            }
        }
        Ok(findings)
    }
}

watchfire_sdk::export!(Attacks);
