//! Finds bridged tokens that are not backed by what is locked for them.

mod account;
mod config;
mod tell;
mod track;

use watchfire_sdk::chain::ChainError;
use watchfire_sdk::prelude::*;

use account::Account;
pub use config::Config;
use config::{Asset, Bridge, Count, Rules, Side};

sol! {
    event Transfer(address indexed from, address indexed to, uint256 value);
    function balanceOf(address account) returns (uint256 balance);
    function totalSupply() returns (uint256 supply);
}

/// The detector.
pub struct BridgeAccounting {
    rules: Rules,
}

impl Detector for BridgeAccounting {
    type Config = Config;

    fn manifest() -> Manifest {
        let summary = "Bridges, on all their chains at once: more is issued there than is locked here.";
        Manifest::new("bridge-accounting", env!("CARGO_PKG_VERSION"), summary)
            .kind("unbacked-mint", Severity::Critical, "Tokens were issued for which nothing was locked.")
            .kind(
                "unbacked-release",
                Severity::Critical,
                "What was locked left, and the tokens issued for it are still there.",
            )
            .kind("backing-short", Severity::High, "From the first look on, more is issued than locked.")
            .kind(
                "side-unread",
                Severity::Medium,
                "A side of a bridge can't be read, so that nothing holds it to its accounts.",
            )
            .asks_for(Capability::Chain)
            .asks_for(Capability::State)
    }

    fn start(config: Config) -> Result<(Self, Vec<Subscription>), ConfigError> {
        let rules = config.resolve()?;
        let mut subscriptions = vec![Subscription::EveryBlocks(rules.check_every_blocks)];
        for side in rules.bridges.iter().flat_map(|bridge| &bridge.sides) {
            let Some(token) = side.token() else { continue };
            let moves =
                LogFilter::default().addresses([token]).event::<Transfer>().topic(1, [side.payer().into_word()]);
            if !subscriptions.contains(&moves.clone().into()) {
                subscriptions.push(moves.into());
            }
        }
        Ok((Self { rules }, subscriptions))
    }

    fn on_batch(&mut self, batch: &Batch<'_>) -> Result<Vec<Finding>, Error> {
        let mut findings = Vec::new();
        let is_here = |bridge: &&Bridge| bridge.sides.iter().any(|side| side.chain == batch.chain_id());
        for bridge in self.rules.bridges.iter().filter(is_here) {
            let mut account = Account::load(bridge)?;
            if account.since_s == 0 {
                account.since_s = batch.timestamp_s();
            }
            for (side, track) in bridge.sides.iter().zip(&mut account.tracks) {
                if side.chain != batch.chain_id() {
                    continue;
                }
                for log in batch.logs().filter(|log| Some(log.address()) == side.token()) {
                    if let Some(transfer) = log.decode::<Transfer>().filter(|it| it.from == side.payer()) {
                        track.moved(
                            batch.timestamp_s(),
                            transfer.value.saturating_mul(side.factor),
                            log.transaction_hash(),
                        );
                    }
                }
                match read(side) {
                    Ok(amount) => track.read(batch.timestamp_s(), amount.saturating_mul(side.factor), side.is_locked()),
                    // The next block is tried again; what is unread for long is told.
                    Err(error) => {
                        log::warn(&format!("{}: {} on chain {}: {error}", bridge.name, side.address(), side.chain))
                    }
                }
            }
            if let Some(balance) = account.balance(bridge) {
                let right = account.right;
                if account.is_to_be_told(balance, bridge.tolerance) {
                    findings.push(tell::short(bridge, &account, balance, right));
                }
            }
            findings.extend(tell::unread(bridge, &mut account, batch.timestamp_s()));
            account.save(bridge)?;
        }
        Ok(findings)
    }
}

/// What a side amounts to, in units of its own.
fn read(side: &Side) -> Result<U256, ChainError> {
    match &side.count {
        Count::Held(Asset::Native, holder) => chain::balance(*holder),
        Count::Held(Asset::Token(token), holder) => chain::call(*token, &balanceOfCall { account: *holder }),
        Count::Issued(token, unissued) => {
            let mut supply = chain::call(*token, &totalSupplyCall {})?;
            for account in unissued {
                supply = supply.saturating_sub(chain::call(*token, &balanceOfCall { account: *account })?);
            }
            Ok(supply)
        }
    }
}

watchfire_sdk::export!(BridgeAccounting);
