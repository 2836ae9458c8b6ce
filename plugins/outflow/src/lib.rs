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
    event Deposit(address indexed account, uint256 value);
    event Withdrawal(address indexed account, uint256 value);
}

/// The detector.
pub struct Outflow {
    rules: Rules,
    /// Loaded with the first batch.
    windows: Option<Windows>,
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
        let wrapped = rules.wrapped();
        if !wrapped.is_empty() {
            let wraps = LogFilter::default().addresses(wrapped).event::<Deposit>().event::<Withdrawal>();
            subscriptions.push(wraps.topic(1, watched()).into());
        }
        if rules.watches_native() {
            subscriptions.push(FrameFilter::default().with_value().into());
        }
        Ok((Self { rules, windows: None }, subscriptions))
    }

    fn on_batch(&mut self, batch: &Batch<'_>) -> Result<Vec<Finding>, Error> {
        let now_s = batch.timestamp_s();
        let mut findings = Vec::new();
        let windows = match &mut self.windows {
            Some(windows) => windows,
            none => none.insert(Windows::load(&self.rules)?),
        };
        for flow in windows.enter(&self.rules, batch)? {
            let watched = &self.rules.watched[flow.watched as usize];
            let usual = match &self.rules.history {
                Some(rule) => history::enter(rule, watched.address, &flow, now_s)?,
                None => None,
            };
            // Findings come with outflows: a window that is over its limit and quiet was told already.
            if !flow.net.is_negative() || !flow.window.is_negative() {
                continue;
            }
            let (out, tracked) = (flow.window.unsigned_abs(), self.rules.tracked(flow.asset));
            let case = tell::Case { rules: &self.rules, watched, tracked, flow: &flow, out };
            findings.extend(case.over_limit(batch));
            findings.extend(usual.and_then(|usual| case.unusual(batch, usual)));
        }
        Ok(findings)
    }
}

watchfire_sdk::export!(Outflow);
