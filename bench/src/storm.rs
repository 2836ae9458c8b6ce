//! A storm: findings from a guest to the commit, and what one more costs the more there are.

use std::sync::Arc;
use std::time::Instant;

use anyhow::ensure;
use serde_json::json;

use crate::plans::with_team;
use crate::report::{Aim, Report};
use crate::steps::{NOW_MS, finding};
use crate::{Bench, Nobody};
use watchfire::app::engine::{Engine, Given};
use watchfire::desk::{Desk, Input};
use watchfire::entry::Entry;
use watchfire::event::{Event, Stamped};
use watchfire::journal::Journal;
use watchfire::plugin::Fleet;

/// Findings about each transfer of a block.
const OF_EACH: u32 = 100;
/// Signals of the plan, of which one is for the storm.
const SIGNALS: usize = 20;

pub(super) fn measure(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    report.section(&format!("a storm, under a plan of {SIGNALS} signals"));
    let (found, seconds, effects) = from_guest_to_commit(bench)?;
    report.row("findings", found as f64, "", None);
    let rate = found as f64 / seconds.max(f64::EPSILON);
    report.row("from guest to commit, on a disk", rate, "in a s", Some(Aim::AtLeast(20_000.0)));
    report.row("effects that went out for them", effects as f64, "", None);
    let live: &[u64] = if bench.rounds == 1 { &[10, 1_000] } else { &[10, 1_000, 100_000] };
    let costs = curve(live)?;
    for (count, us) in live.iter().zip(&costs) {
        report.row(&format!("one more condition, at {count} live"), *us, "µs", None);
    }
    if let [_, middle, most] = costs[..] {
        report.row("at 100,000, times that at 1,000", most / middle.max(f64::EPSILON), "", Some(Aim::AtMost(2.0)));
    }
    Ok(())
}

/// Returns how many findings came, within how many seconds, and how many effects were ordered for them.
fn from_guest_to_commit(bench: &Bench) -> anyhow::Result<(usize, f64, usize)> {
    let folder = tempfile::tempdir()?;
    let mut engine = Engine::new(Journal::open(&folder.path().join("storm.db"))?, Fleet::new(), Arc::new(Nobody))?;
    let (_, event) = with_team(&plan(10_000))?;
    engine.take(Stamped { at_ms: 0, event }, &Given::default())?;
    let spec = bench.spec(json!({ "report_from": 0, "storm": OF_EACH }));
    engine.swap(bench.detector("scan", &bench.scan, spec.config.clone())?, spec.text(), 0)?;
    engine.commit()?;
    let blocks = bench.blocks.looped(if bench.rounds == 1 { 10 } else { 84 });
    let (mut found, mut effects, started) = (0, 0, Instant::now());
    for block in &blocks {
        let event = Event::Committed { block: block.clone() };
        engine.take(Stamped { at_ms: block.timestamp_s * 1_000, event }, &Given::default())?;
        for (_, entry) in engine.commit()? {
            match entry {
                Entry::Finding(_) => found += 1,
                Entry::Effect(_) => effects += 1,
                Entry::Failed { detector, message, .. } => anyhow::bail!("{detector}: {message}"),
                _ => {}
            }
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    ensure!(found > 0, "the blocks have no transfer");
    Ok((found, seconds, effects))
}

/// Returns what one more condition of an incident costs, in microseconds, once so many are live.
fn curve(live: &[u64]) -> anyhow::Result<Vec<f64>> {
    let plan = Arc::new(with_team(&plan(100_000_000))?.0);
    let (mut desk, mut made, mut costs) = (Desk::default(), 0, Vec::new());
    desk.step(Input::plan(plan), NOW_MS);
    let mut give = |desk: &mut Desk| {
        made += 1;
        let one = finding(made, 0, made);
        let one = watchfire::finding::Finding { detector: "scan".to_owned(), ..one };
        std::hint::black_box(desk.step(Input::Finding(&one), one.at_ms).len());
        made
    };
    for count in live {
        while give(&mut desk) < *count {}
        let (started, more) = (Instant::now(), 200);
        for _ in 0..more {
            give(&mut desk);
        }
        costs.push(started.elapsed().as_secs_f64() * 1e6 / f64::from(more));
    }
    Ok(costs)
}

/// A plan of many signals that takes so many conditions in an hour.
fn plan(conditions: u64) -> String {
    let mut text = format!("[protocol]\nconditions_per_hour = {conditions}\n");
    for number in 1..SIGNALS {
        text.push_str(&format!(
            "\n[signal.other-{number}]\nsummary = \"Another\"\nmatch = [{{ detector = \"other-{number}\" }}, {{ kinds = [\"kind-{number}\"] }}]\n\
             group_by = [\"chain\"]\nwindow_s = 600\ninterventions = [\"warn\"]\n"
        ));
    }
    text + "\n[signal.storm]\nsummary = \"Transfers\"\nmatch = [{ detector = \"scan\" }]\ngroup_by = [\"chain\"]\nwindow_s = 600\n\
            interventions = [\"warn\"]\n"
}
