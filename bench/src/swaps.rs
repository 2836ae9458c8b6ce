//! Swaps while blocks flow: what a block waits for that a swap comes before, and whether each detector sees each block once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::json;

use crate::report::{Report, quantile};
use crate::{Bench, Nobody};
use watchfire::app::engine::{Engine, Given, Placed};
use watchfire::entry::Entry;
use watchfire::event::{Event, Stamped};
use watchfire::journal::Journal;
use watchfire::plugin::Fleet;

/// From one block to the next: 200 blocks a second.
const PACE: Duration = Duration::from_millis(5);
/// How long an input waits for a detector, as in a run.
const PATIENCE: Duration = Duration::from_millis(4);
/// Blocks between two swaps, and between two commits.
const SWAP_EVERY: usize = 40;
const COMMIT_EVERY: usize = 10;

/// The detector that is swapped, and one beside it.
const IDS: [&str; 2] = ["steady", "swapped"];

pub(super) fn measure(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    report.section("swaps while 200 blocks a second flow");
    let count = if bench.rounds == 1 { 80 } else { 600 };
    let blocks = bench.blocks.looped(count * 2);
    let blocks: Vec<_> = blocks.into_iter().filter(|block| !block.logs.is_empty()).take(count).collect();
    let folder = tempfile::tempdir()?;
    let mut fleet = Fleet::new();
    fleet.set_patience(PATIENCE, Arc::new(|| {}));
    let mut engine = Engine::new(Journal::open(&folder.path().join("swaps.db"))?, fleet, Arc::new(Nobody))?;
    let spec = bench.spec(json!({ "report_from": 0 }));
    let ready = |id: &str| bench.detector(id, &bench.scan, spec.config.clone());
    for id in IDS {
        engine.swap(ready(id)?, spec.text(), 0)?;
    }
    let mut waiting = (0..count / SWAP_EVERY).map(|_| ready("swapped")).collect::<anyhow::Result<Vec<_>>>()?;
    let (mut with_swap, mut others, mut placed) = (Vec::new(), Vec::new(), Vec::new());
    let started = Instant::now();
    for (at, block) in blocks.iter().enumerate() {
        std::thread::sleep((started + PACE * at as u32).saturating_duration_since(Instant::now()));
        let begun = Instant::now();
        let new = if at % SWAP_EVERY == SWAP_EVERY - 1 { waiting.pop() } else { None };
        let is_swap = new.is_some();
        if let Some(new) = new {
            engine.swap(new, spec.text(), at as u64)?;
        }
        let event = Event::Committed { block: block.clone() };
        engine.take(Stamped { at_ms: at as u64, event }, &Given::default())?;
        engine.catch_up(at as u64)?;
        if is_swap { &mut with_swap } else { &mut others }.push(begun.elapsed());
        if at % COMMIT_EVERY == COMMIT_EVERY - 1 {
            placed.extend(engine.commit()?);
        }
    }
    while engine.has_late() {
        engine.catch_up(count as u64)?;
        std::thread::yield_now();
    }
    placed.extend(engine.commit()?);
    let (missed, doubled) = counted(&placed, blocks.len());
    ensure!((missed, doubled) == (0, 0), "{missed} blocks were missed, {doubled} findings doubled");
    report.row("blocks missed, findings doubled", (missed + doubled) as f64, "", None);
    report.row("swaps", with_swap.len() as f64, "", None);
    report.ms("longest wait of a block that a swap came before", quantile(with_swap, 1.0), 5.0);
    report.row("longest wait of any other", quantile(others, 1.0).as_secs_f64() * 1e3, "ms", None);
    Ok(())
}

/// How many blocks some detector did not see, and how many findings came twice.
fn counted(placed: &[Placed], blocks: usize) -> (usize, usize) {
    let findings = placed.iter().filter_map(|(_, entry)| match entry {
        Entry::Finding(finding) => Some((finding.detector.as_str(), finding.block)),
        _ => None,
    });
    let all: Vec<_> = findings.filter(|(detector, _)| IDS.contains(detector)).collect();
    let distinct = all.iter().collect::<BTreeSet<_>>().len();
    ((IDS.len() * blocks).saturating_sub(distinct), all.len() - distinct)
}
