//! What detectors cost beside blocks: memory, start and swap.

use std::sync::Arc;
use std::time::Instant;

use rayon::prelude::*;

use crate::report::{Aim, Report, median, quantile};
use crate::{Bench, Nobody};
use watchfire::app::engine::Engine;
use watchfire::chain_read::ChainReader;
use watchfire::journal::Journal;
use watchfire::plugin::{Cache, Compiler, Limits, Recorded, Runtime};

pub(super) fn measure(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    report.section("memory");
    memory(bench, report)?;
    report.section("start and swap");
    start(bench, report)?;
    swap(bench, report)?;
    crate::swaps::measure(bench, report)
}

/// The memory that the process has, in bytes; `None` where the system does not say.
fn resident() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<f64>().ok().map(|kib| kib * 1024.0)
}

fn memory(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    let reader: Arc<dyn ChainReader> = Arc::new(Nobody);
    let Some(before) = resident() else { return Ok(()) };
    let mut fleet = bench.fleet((0..bench.most).map(|at| bench.blocks.narrow(at)))?;
    // Each has seen what there is to see, so that memory that comes with the work is counted.
    for block in &bench.blocks.all {
        fleet.on_block(block.hash, block, &reader, &Recorded::new());
    }
    let Some(after) = resident() else { return Ok(()) };
    let all = (after - before).max(0.0);
    let name = format!("{} detectors of one component", bench.most);
    report.row(&name, all / (1 << 20) as f64, "MiB", Some(Aim::AtMost(500.0)));
    report.row("each of them", all / 1024.0 / bench.most as f64, "KiB", None);
    Ok(())
}

/// The component once more under another digest: with a custom section at its end that says nothing.
fn variant(component: &[u8], at: usize) -> Vec<u8> {
    let name = format!("variant-{at:03}");
    let section = [&[0, name.len() as u8 + 1, name.len() as u8][..], name.as_bytes()].concat();
    [component, &section].concat()
}

fn start(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    let count = bench.most.min(100);
    let variants: Vec<Vec<u8>> = (0..count).map(|at| variant(&bench.outflow, at)).collect();
    let folder = tempfile::tempdir()?;
    let all = |name: &str| format!("{count} detectors, each of its own component, {name}");
    for (name, aim) in [("nothing cached", None), ("all cached", Some(300.0))] {
        let started = Instant::now();
        let cache = Cache::open(&folder.path().join("compiled"), u64::MAX)?;
        let runtime = Runtime::new(Compiler::in_process().with_cache(cache))?;
        // As a host does it, on all cores.
        let made = variants.par_iter().enumerate().map(|(at, bytes)| {
            let component = Arc::new(runtime.compile(bytes, &Limits::default())?);
            Ok(bench.spec(bench.blocks.narrow(at)).start(&format!("outflow-{at}"), component)?)
        });
        let detectors = made.collect::<anyhow::Result<Vec<_>>>()?;
        report.row(&all(name), started.elapsed().as_secs_f64() * 1e3, "ms", aim.map(Aim::AtMost));
        drop(detectors);
    }
    Ok(())
}

/// How long the loop stands still for a swap: the new detector is ready, and the next block is waited for.
fn swap(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    let count = bench.most.min(100);
    let folder = tempfile::tempdir()?;
    let fleet = bench.fleet((0..count).map(|at| bench.blocks.narrow(at)))?;
    let mut engine = Engine::new(Journal::open(&folder.path().join("swap.db"))?, fleet, Arc::new(Nobody))?;
    let mut times = Vec::new();
    for round in 0..bench.rounds.max(3) * 3 {
        let (id, spec) = (format!("outflow-{}", round % count), bench.spec(bench.blocks.narrow(round + 1)));
        let detector = bench.detector(&id, &bench.rule, spec.config.clone())?;
        let text = spec.text();
        let started = Instant::now();
        engine.swap(detector, text, round as u64)?;
        engine.commit()?;
        times.push(started.elapsed());
    }
    report.ms(&format!("a swap among {count} detectors, journaled; median"), median(times.clone()), 5.0);
    report.ms("the slowest of them", quantile(times, 1.0), 5.0);
    Ok(())
}
