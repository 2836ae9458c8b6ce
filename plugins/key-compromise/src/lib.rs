//! Finds accounts that are emptied into one by whoever has their keys.

mod anybody;
mod config;
mod own;
mod sent;

use watchfire_sdk::prelude::*;

pub use config::Config;
use config::Rules;

sol! {
    event Transfer(address indexed from, address indexed to, uint256 value);
    function transfer(address to, uint256 amount) returns (bool done);
    function balanceOf(address account) returns (uint256 balance);
}

/// The detector.
pub struct KeyCompromise {
    rules: Rules,
}

impl Detector for KeyCompromise {
    type Config = Config;

    fn manifest() -> Manifest {
        let summary =
            "Accounts that are emptied into one by whoever has their keys: those of the config, and anybody's.";
        Manifest::new("key-compromise", env!("CARGO_PKG_VERSION"), summary)
            .kind("account-emptied", Severity::High, "A watched account was emptied into one that is not expected.")
            .kind("emptied-together", Severity::Critical, "Several watched accounts were emptied into the same one.")
            .kind(
                "swept-accounts",
                Severity::Medium,
                "Many accounts of anybody's were emptied into one that held nothing.",
            )
            .asks_for(Capability::Chain)
            .asks_for(Capability::State)
    }

    fn start(config: Config) -> Result<(Self, Vec<Subscription>), ConfigError> {
        let rules = config.resolve()?;
        let mut subscriptions: Vec<Subscription> = Vec::new();
        if !rules.accounts.is_empty() {
            let accounts = rules.accounts.iter().map(|account| account.into_word());
            subscriptions.push(LogFilter::default().event::<Transfer>().topic(1, accounts).into());
        }
        // Sweeps are seen in transactions of anybody.
        let senders = if rules.swept == 0 { rules.accounts.clone() } else { Vec::new() };
        subscriptions.push(TransactionFilter { senders, ..TransactionFilter::default() }.into());
        Ok((Self { rules }, subscriptions))
    }

    fn on_batch(&mut self, batch: &Batch<'_>) -> Result<Vec<Finding>, Error> {
        let prices = self.rules.prices.of(batch.chain_id());
        let mut findings = Vec::new();
        if !self.rules.accounts.is_empty() {
            findings.extend(own::find(&self.rules, batch, prices)?);
        }
        if self.rules.swept > 0 {
            findings.extend(anybody::find(&self.rules, batch, prices)?);
        }
        Ok(findings)
    }
}

watchfire_sdk::export!(KeyCompromise);
