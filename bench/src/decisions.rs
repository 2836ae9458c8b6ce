//! From a block in hand to what was decided on it, durable in the journal.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::plans::with_team;
use crate::report::{Aim, Report, median, quantile};
use crate::{Bench, Nobody};
use watchfire::app::deploy::spec::KeptSpec;
use watchfire::app::engine::{Engine, Given};
use watchfire::block::Block;
use watchfire::entry::Entry;
use watchfire::event::{Event, Stamped};
use watchfire::journal::Journal;
use watchfire::plugin::Fleet;

/// Blocks that share a commit where many wait.
const SHARE_A_COMMIT: usize = 16;

const SIGNAL: &str = r#"
[signal.outflow]
summary = "Funds leave"
match = [{ kinds = ["outflow-limit"] }]
group_by = ["detector", "subject", "asset"]
window_s = 600
interventions = ["warn"]
time_to_harm_s = 60
"#;

pub(super) fn measure(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    let detectors = bench.most.min(100);
    report.section(&format!("from a block in hand to what was decided on it, journaled; {detectors} detectors"));
    let blocks = bench.blocks.looped(if bench.rounds == 1 { 42 } else { 1_000 });

    let (mut taken, mut decisions) = (Vec::with_capacity(blocks.len()), 0);
    let (_folder, mut taking) = engine(bench, detectors)?;
    let begun = Instant::now();
    for block in &blocks {
        let started = Instant::now();
        take(&mut taking, block)?;
        decisions += decided(&mut taking)?;
        taken.push(started.elapsed());
        // As the loop does while it waits for the next block.
        taking.tidy()?;
    }
    let all = begun.elapsed();
    report.row("decisions, in all", decisions as f64, "", None);
    report.row("median", median(taken.clone()).as_secs_f64() * 1e3, "ms", None);
    report.ms("99th percentile", quantile(taken.clone(), 0.99), 5.0);
    report.row("blocks, one to a commit", rate(taken.len(), all), "in a s", None);

    // Most is decided where conditions are new: the real blocks once.
    let first = &blocks[..bench.blocks.all.len().min(blocks.len())];
    let (_folder, mut sharing) = engine(bench, detectors)?;
    let (mut decisions, started) = (0, Instant::now());
    for together in first.chunks(SHARE_A_COMMIT) {
        for block in together {
            take(&mut sharing, block)?;
        }
        decisions += decided(&mut sharing)?;
    }
    let time = started.elapsed();
    report.row("decisions, where many blocks wait and share commits", rate(decisions, time), "in a s", None);
    report.row("blocks, the same", rate(first.len(), time), "in a s", Some(Aim::AtLeast(200.0)));
    Ok(())
}

fn rate(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64().max(f64::EPSILON)
}

fn take(engine: &mut Engine, block: &Arc<Block>) -> anyhow::Result<()> {
    let event = Event::Committed { block: block.clone() };
    engine.take(Stamped { at_ms: block.timestamp_s * 1_000, event }, &Given::default())
}

/// Commits, and counts what was decided since the last commit.
fn decided(engine: &mut Engine) -> anyhow::Result<usize> {
    let placed = engine.commit()?;
    for (_, entry) in &placed {
        if let Entry::Failed { detector, message, .. } = entry {
            anyhow::bail!("{detector}: {message}");
        }
    }
    Ok(placed.iter().filter(|(_, entry)| matches!(entry, Entry::Decision(_))).count())
}

/// A journal on the disk, a plan, and detectors each of which finds whatever leaves a busy address of its own.
fn engine(bench: &Bench, detectors: usize) -> anyhow::Result<(tempfile::TempDir, Engine)> {
    let folder = tempfile::tempdir()?;
    let journal = Journal::open(&folder.path().join("bench.db"))?;
    let mut engine = Engine::new(journal, Fleet::new(), Arc::new(Nobody))?;
    let (_, event) = with_team(SIGNAL)?;
    engine.take(Stamped { at_ms: 0, event }, &Given::default())?;
    for at in 0..detectors {
        let spec: KeptSpec = bench.spec(bench.blocks.sensitive(at));
        let detector = bench.detector(&format!("outflow-{at}"), &bench.rule, spec.config.clone())?;
        engine.swap(detector, spec.text(), 0)?;
    }
    engine.commit()?;
    Ok((folder, engine))
}
