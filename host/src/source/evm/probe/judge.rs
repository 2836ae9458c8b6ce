//! What follows from what endpoints offer: what detectors will lack, and which settings suit.

use serde::Serialize;

use super::EndpointReport;
use crate::source::evm::config::{ChainConfig, Finality};

/// A capability that a detector asks for and no endpoint offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lack {
    /// The detector's id.
    pub detector: String,
    /// The capability.
    pub capability: String,
    /// What is missing.
    pub what: String,
}

/// A setting that suits the endpoints better.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suggestion {
    /// The key below the chain's section, or what else to change.
    pub setting: String,
    /// Why.
    pub why: String,
}

/// Age of a head above which an endpoint seems to stand, seconds, and below which a clock is wrong.
const OLD_S: i64 = 300;
const FUTURE_S: i64 = -5;
/// Blocks below the head that detectors' reads may need: a host that was down for a few minutes catches up over them.
const SHALLOW: u64 = 100;

const TRACES: [&str; 3] = ["debug_traceBlockByHash", "trace_block", "debug_traceTransaction"];
const STORAGE: &str = "debug_traceBlockByHash with prestateTracer";
const PENDING: &str = "pending block";
const READS: &str = "reads at a block's hash";
const RECEIPTS: &str = "eth_getBlockReceipts";

/// Returns what a detector with these capabilities will lack on a chain.
pub fn lacks(detector: &str, capabilities: &[String], reports: &[EndpointReport]) -> Vec<Lack> {
    let any = |name: &str| reports.iter().any(|report| report.offers(name));
    let what = |capability: &str| match capability {
        "traces" if !TRACES.into_iter().any(any) => {
            Some("no endpoint traces blocks or transactions: it sees no call frames")
        }
        "storage" if !any(STORAGE) => Some("no endpoint has `prestateTracer`: it sees no storage changes"),
        "mempool" if !any(PENDING) => Some("no endpoint shows its pending block: it sees no waiting transactions"),
        "chain" if !any(READS) => Some("no endpoint reads state at a block's hash (EIP-1898): its reads fail"),
        _ => None,
    };
    let lack = |capability: &String| {
        let what = what(capability)?.to_owned();
        Some(Lack { detector: detector.to_owned(), capability: capability.clone(), what })
    };
    capabilities.iter().filter_map(lack).collect()
}

/// Returns settings of a chain that suit its endpoints better.
pub fn suggestions(config: &ChainConfig, reports: &[EndpointReport]) -> Vec<Suggestion> {
    let mut all = Vec::new();
    let mut suggest = |setting: String, why: String| all.push(Suggestion { setting, why });
    let here: Vec<&EndpointReport> =
        reports.iter().filter(|report| report.is_right_chain && report.head.is_some()).collect();
    for report in reports {
        let name = &report.endpoint;
        match report.chain {
            Some(chain) if chain != config.id => {
                suggest(
                    "endpoints".into(),
                    format!("{name} is on chain {chain}, not on {}; nothing of it is taken", config.id),
                );
            }
            _ if report.head.is_none() => {
                suggest("endpoints".into(), format!("{name} gives no block; mend or replace it"))
            }
            _ => {}
        }
        match report.head_age_s {
            Some(age_s) if age_s < FUTURE_S => suggest(
                "the clock".into(),
                format!("the head of {name} is {} s ahead of this machine's clock: set the clock by NTP", -age_s),
            ),
            Some(age_s) if age_s > OLD_S => {
                suggest("endpoints".into(), format!("the head of {name} is {age_s} s old: does the node still sync?"));
            }
            _ => {}
        }
        if let Some(batch) = report.batch.filter(|batch| *batch < config.batch) {
            suggest(format!("batch = {batch}"), format!("{name} takes no batch of {} calls", config.batch));
        }
        if report.is_right_chain && report.state_depth.is_some_and(|depth| depth < SHALLOW) && !report.is_archive {
            let depth = report.state_depth.unwrap_or_default();
            suggest(
                "endpoints".into(),
                format!(
                    "{name} has the state of {depth} blocks: after an outage reads and traces fail; add an archive node"
                ),
            );
        }
    }
    if !here.is_empty() {
        let has_tags = here.iter().any(|report| report.finalized.is_some());
        if config.finality == Finality::Tags && !has_tags {
            suggest("finality = { confirmations = 64 }".into(), "no endpoint says which block is final".into());
        }
        if !here.iter().any(|report| report.offers(RECEIPTS)) {
            let why = "no endpoint gives a block's receipts at once: each transaction costs a request";
            suggest("endpoints".into(), why.into());
        }
    }
    if here.len() == 1 {
        suggest(
            "endpoints".into(),
            "one endpoint serves this chain: with a second one of another provider the watch outlives it".into(),
        );
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::evm::probe::MethodReport;

    fn report(methods: &[&'static str]) -> EndpointReport {
        let method = |name: &&'static str| MethodReport { name, works: Some(true), said: String::new() };
        EndpointReport {
            endpoint: "http://a".into(),
            chain: Some(1),
            is_right_chain: true,
            head: Some(20_000_000),
            head_age_s: Some(3),
            safe: Some(19_999_968),
            finalized: Some(19_999_936),
            batch: Some(500),
            state_depth: Some(1_000),
            methods: methods.iter().map(method).collect(),
            ..EndpointReport::default()
        }
    }

    fn settings(reports: &[EndpointReport]) -> Vec<String> {
        let config = toml::from_str("id = 1\nendpoints = ['http://a', 'http://b']").unwrap();
        suggestions(&config, reports).into_iter().map(|suggestion| suggestion.setting).collect()
    }

    #[test]
    fn a_detector_lacks_what_no_endpoint_of_the_right_chain_offers() {
        let capabilities = ["state", "traces", "storage", "mempool", "chain"].map(str::to_owned);
        let of = |reports: &[EndpointReport]| -> Vec<String> {
            lacks("d", &capabilities, reports).into_iter().map(|lack| lack.capability).collect()
        };
        assert_eq!(of(&[report(&[])]), ["traces", "storage", "mempool", "chain"]);
        let both = [report(&["trace_block", READS]), report(&[STORAGE, PENDING])];
        assert!(of(&both).is_empty(), "one has what the other lacks");
        let elsewhere = EndpointReport { is_right_chain: false, ..report(&["trace_block"]) };
        assert!(of(&[elsewhere]).contains(&"traces".to_owned()));
    }

    #[test]
    fn settings_that_suit_better_are_named() {
        let good = report(&[RECEIPTS]);
        assert!(settings(&[good.clone(), good.clone()]).is_empty());
        let odd = EndpointReport { batch: Some(1), finalized: None, ..report(&[RECEIPTS]) };
        assert_eq!(settings(&[odd.clone(), odd]), ["batch = 1", "batch = 1", "finality = { confirmations = 64 }"]);
        let elsewhere = EndpointReport { chain: Some(5), is_right_chain: false, ..good.clone() };
        assert_eq!(settings(&[good.clone(), elsewhere]), ["endpoints", "endpoints"], "wrong, and so only one is left");
        let ahead = EndpointReport { head_age_s: Some(-60), ..good.clone() };
        assert_eq!(settings(&[good, ahead]), ["the clock"]);
    }
}
