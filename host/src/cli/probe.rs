//! `watchfire check --probe`: what the endpoints of the config offer.

use std::path::Path;

use serde_json::json;

use super::table::Table;
use crate::app::config::Config;
use crate::app::live::main_loop::wall_clock_ms;
use crate::plugin::Manifest;
use crate::source::evm::config::ChainConfig;
use crate::source::evm::probe::{EndpointReport, lacks, probe, suggestions};

/// Probes each chain of a config. Returns whether every chain has an endpoint that serves it and none is of another chain.
///
/// # Errors
///
/// If the config or a secret of it can't be read.
pub(super) fn run(file: &Path, detectors: &[(String, Manifest)], as_json: bool) -> anyhow::Result<bool> {
    let Ok(config) = Config::load(file) else { return Ok(false) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut is_good = true;
    for (name, chain) in &config.chains {
        let reports = runtime.block_on(probe(chain, &config.folder(), wall_clock_ms() / 1_000))?;
        is_good &= reports.iter().any(|report| report.is_right_chain && report.head.is_some());
        is_good &= !reports.iter().any(|report| report.chain.is_some_and(|of| of != chain.id));
        let watching = detectors.iter().filter(|(id, _)| {
            let chains = config.detectors.get(id).map(|detector| detector.chains.as_slice()).unwrap_or_default();
            chains.is_empty() || chains.contains(name)
        });
        let watching: Vec<&(String, Manifest)> = watching.collect();
        if as_json { lines(name, chain, &reports, &watching)? } else { pretty(name, chain, &reports, &watching) }
    }
    Ok(is_good)
}

fn lines(
    name: &str,
    chain: &ChainConfig,
    reports: &[EndpointReport],
    detectors: &[&(String, Manifest)],
) -> anyhow::Result<()> {
    for report in reports {
        println!("{}", json!({ "type": "endpoint", "of": name, "report": report }));
    }
    for (id, manifest) in detectors {
        for lack in lacks(id, &manifest.capabilities, reports) {
            println!("{}", json!({ "type": "lack", "of": name, "lack": lack }));
        }
    }
    for suggestion in suggestions(chain, reports) {
        println!("{}", json!({ "type": "suggestion", "of": name, "suggestion": suggestion }));
    }
    Ok(())
}

fn pretty(name: &str, chain: &ChainConfig, reports: &[EndpointReport], detectors: &[&(String, Manifest)]) {
    println!("\nchain {name} (id {}):", chain.id);
    for report in reports {
        print!("\n{}", table(report).pretty());
    }
    println!();
    for (id, manifest) in detectors {
        for lack in lacks(id, &manifest.capabilities, reports) {
            println!("detector {} will lack {}: {}", lack.detector, lack.capability, lack.what);
        }
    }
    for suggestion in suggestions(chain, reports) {
        println!("suggestion for chain.{name}: {}: {}", suggestion.setting, suggestion.why);
    }
}

fn table(report: &EndpointReport) -> Table {
    fn shown<T: ToString>(value: Option<T>) -> String {
        value.map_or_else(|| "not known".to_owned(), |value| value.to_string())
    }
    let depth = |depth: Option<u64>| match depth {
        Some(_) if report.is_archive => "all blocks".to_owned(),
        Some(depth) => format!("{depth} blocks or more"),
        None => "none".to_owned(),
    };
    let mut table = Table::new(&["asked", "answer"]);
    let mut row = |asked: &str, answer: String| table.row([asked.to_owned(), answer]);
    row("endpoint", report.endpoint.clone());
    let right = if report.is_right_chain || report.chain.is_none() { "" } else { ", which is another one" };
    row("chain", format!("{}{right}", shown(report.chain)));
    row("client", shown(report.client.clone()));
    row("latency", report.latency_ms.map_or_else(|| "not known".into(), |ms| format!("{ms} ms")));
    row("head", shown(report.head));
    row("its age", report.head_age_s.map_or_else(|| "not known".into(), |age_s| format!("{age_s} s")));
    row("safe, finalized", format!("{}, {}", shown(report.safe), shown(report.finalized)));
    row("announces heads", if report.announces_heads { "yes" } else { "no" }.to_owned());
    for method in &report.methods {
        let answer = match method.works {
            Some(true) => "works".to_owned(),
            Some(false) => format!("no: {}", method.said),
            None => format!("not tried: {}", method.said),
        };
        row(method.name, answer);
    }
    row("largest batch tried", report.batch.map_or_else(|| "not known".into(), |calls| format!("{calls} calls")));
    row(
        "widest range of logs",
        report.logs_range.map_or_else(|| "not known".into(), |range| format!("{range} blocks")),
    );
    row("depth of state", depth(report.state_depth));
    row("depth of traces", depth(report.traces_depth));
    for fault in &report.faults {
        row("fault", fault.clone());
    }
    table
}
