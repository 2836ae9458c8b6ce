//! Finds more value leaving a watched address than its limit or its own history allows.

mod config;
mod flow;
mod history;
mod tell;

use watchfire_sdk::prelude::*;

use config::Rules;
pub use config::{AssetId, Config};
use flow::Windows;

sol! {
    event Transfer(address indexed from, address indexed to, uint256 value);
}

/// The detector.
pub struct Outflow {
    rules: Rules,
    windows: Windows,
}

impl Detector for Outflow {
    type Config = Config;

    fn manifest() -> Manifest {
        let version = env!("CARGO_PKG_VERSION");
        Manifest::new("outflow", version, "Net outflow of watched addresses over a sliding window of chain time.")
            .kind(
                "outflow-limit",
                Severity::High,
                "More of an asset left a watched address within the window than its limit allows, inflows deducted.",
            )
            .kind(
                "outflow-unusual",
                Severity::Medium,
                "Much more of an asset left a watched address within the window than in the windows before.",
            )
            .asks_for(Capability::State)
            .asks_for(Capability::Traces)
    }

    fn start(config: Config) -> Result<(Self, Vec<Subscription>), ConfigError> {
        let rules = config.resolve()?;
        let tokens = rules.tokens();
        let watched = || rules.watched.iter().map(|watched| watched.address.into_word());
        let transfers = LogFilter::default().event::<Transfer>();
        let mut subscriptions = Vec::new();
        if tokens.as_ref().is_none_or(|tokens| !tokens.is_empty()) {
            let transfers = transfers.addresses(tokens.unwrap_or_default());
            subscriptions.push(transfers.clone().topic(1, watched()).into());
            subscriptions.push(transfers.topic(2, watched()).into());
        }
        if rules.watches_native() {
            subscriptions.push(FrameFilter::default().with_value().into());
        }
        Ok((Self { rules, windows: flow::windows() }, subscriptions))
    }

    fn on_batch(&mut self, batch: &Batch<'_>) -> Result<Vec<Finding>, Error> {
        let now_s = batch.timestamp_s();
        let mut findings = Vec::new();
        for flow in flow::flows(&self.rules, batch) {
            let (watched, tracked) = (&self.rules.watched[flow.watched as usize], self.rules.tracked(flow.asset));
            let Some(net) = flow.enter(&self.rules, &mut self.windows, watched, now_s)? else { continue };
            let usual = match &self.rules.history {
                Some(rule) => history::enter(rule, watched.address, &flow, now_s)?,
                None => None,
            };
            // Findings come with outflows: a window that is over its limit and quiet was told already.
            if !flow.net.is_negative() || !net.is_negative() {
                continue;
            }
            let out = net.unsigned_abs();
            let case = tell::Case { rules: &self.rules, watched, tracked, flow: &flow, out };
            findings.extend(case.over_limit(batch));
            findings.extend(usual.and_then(|usual| case.unusual(batch, usual)));
        }
        Ok(findings)
    }
}

watchfire_sdk::export!(Outflow);
