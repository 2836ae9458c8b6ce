//! What a detector costs: its size, its start, its time on each block, the memory that it takes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::app::author::reads::Reads;
use crate::app::deploy::spec::KeptSpec;
use crate::block::{Block, Verification};
use crate::chain_read::ChainReader;
use crate::event::Event;
use crate::plugin::{
    Allocated, Compiler, Component, Fleet, Limits, Outcome, Recorded, Runtime, compile_counting, describe,
};
use crate::source::recording::{Item, Recording};

/// Longest that blocks are shown over and over.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// What it says that it is called.
    pub name: String,
    /// Its component, bytes.
    pub size_bytes: u64,
    /// Making machine code of it, milliseconds; once for each version.
    pub compile_ms: f64,
    /// From machine code to the first batch, milliseconds: instantiated, started, shown one block.
    pub cold_start_ms: f64,
    /// On one block, microseconds: the median, of those in which it had something to see.
    pub block_us: f64,
    /// The same, of the slowest hundredth.
    pub block_p99_us: f64,
    /// Instructions on one block, by fuel: the mean. The same on every machine.
    pub block_fuel: u64,
    /// What it allocates on one block, the mean; `None` where its component does not name the functions that take memory.
    #[serde(default)]
    pub block_allocated: Option<Allocated>,
    /// Memory of the guest after all blocks, bytes.
    pub memory_bytes: u64,
    /// Blocks on which this was measured, those of several rounds counted each.
    pub blocks: u64,
}

/// A figure of a measurement, for people.
pub type Figure = (&'static str, fn(&Measured) -> Option<f64>, &'static str);

/// All figures that can be compared, with their units.
pub const FIGURES: [Figure; 9] = [
    ("size", |of| Some(of.size_bytes as f64 / 1024.0), "KiB"),
    ("compile", |of| Some(of.compile_ms), "ms"),
    ("cold start", |of| Some(of.cold_start_ms), "ms"),
    ("block, median", |of| Some(of.block_us), "µs"),
    ("block, slowest 1 %", |of| Some(of.block_p99_us), "µs"),
    ("block, budget used", |of| Some(of.block_fuel as f64), "instructions"),
    ("block, allocations", |of| of.block_allocated.map(|all| all.calls as f64), ""),
    ("block, allocated", |of| of.block_allocated.map(|all| all.bytes as f64 / 1024.0), "KiB"),
    ("memory", |of| Some(of.memory_bytes as f64 / 1024.0), "KiB"),
];

/// What a recording has, read once.
pub(super) struct Read {
    pub(super) blocks: Vec<Arc<Block>>,
    pub(super) reader: Arc<dyn ChainReader>,
}

/// Measures a component on a recording's blocks.
///
/// # Errors
///
/// If the recording can't be read, the component is not admitted, or it sees nothing in the recording or fails on it.
pub fn measure(bytes: &[u8], recording: &Path, config: Value) -> anyhow::Result<Measured> {
    let read = read(recording)?;
    let started = Instant::now();
    let runtime = Runtime::new(Compiler::in_process())?;
    let component = Arc::new(runtime.compile(bytes, &Limits::default())?);
    let compile_ms = millis(started.elapsed());
    let manifest = describe(&component, &Limits::default())?;
    let spec = |limits: Limits| KeptSpec { limits, ..KeptSpec::alone(&manifest, config.clone()) };
    let show =
        |fleet: &mut Fleet, block: &Arc<Block>| fleet.on_block(block.hash, block, &read.reader, &Recorded::new());

    let started = Instant::now();
    let mut fleet = Fleet::new();
    fleet.swap(spec(Limits::default()).start(&manifest.name, component.clone())?)?;
    show(&mut fleet, &read.blocks[0]);
    let cold_start_ms = millis(started.elapsed());

    let (mut times, begun) = (Vec::new(), Instant::now());
    while times.is_empty() || begun.elapsed() < PATIENCE {
        fleet.forget()?;
        let before = times.len();
        for block in &read.blocks {
            for outcome in show(&mut fleet, block) {
                // One that failed rests, and what rests costs nothing.
                if let Err(failure) = outcome.result {
                    anyhow::bail!("it fails on block {}, so it has no figures: {failure}", block.number);
                }
                times.push(outcome.elapsed);
            }
        }
        anyhow::ensure!(times.len() > before, "it sees nothing in `{}`; does its config fit?", recording.display());
    }
    times.sort_unstable();
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
    let memory_bytes = fleet.memory_bytes(&manifest.name).unwrap_or_default();
    Ok(Measured {
        size_bytes: bytes.len() as u64,
        compile_ms,
        cold_start_ms,
        block_us: micros(at(50)),
        block_p99_us: micros(at(99)),
        block_fuel: fuel(&runtime, bytes, &read, &spec)?,
        block_allocated: allocated(&runtime, bytes, &read, &spec)?,
        memory_bytes,
        blocks: times.len() as u64,
        name: manifest.name,
    })
}

/// Counted apart: what counts fuel is slower.
fn fuel(runtime: &Runtime, bytes: &[u8], read: &Read, spec: &dyn Fn(Limits) -> KeptSpec) -> anyhow::Result<u64> {
    let limits = Limits { fuel_per_batch: Some(u64::MAX / 2), ..Limits::default() };
    let component = runtime.compile(bytes, &limits)?;
    let mut used = 0;
    let batches = once(component, spec(limits), read, |outcome| used += u128::from(outcome.fuel.unwrap_or_default()))?;
    Ok(u64::try_from(used / u128::from(batches))?)
}

fn allocated(
    runtime: &Runtime,
    bytes: &[u8],
    read: &Read,
    spec: &dyn Fn(Limits) -> KeptSpec,
) -> anyhow::Result<Option<Allocated>> {
    let limits = Limits { component_bytes: usize::MAX, ..Limits::default() };
    let Some(component) = compile_counting(runtime, bytes, &limits)? else { return Ok(None) };
    let mut sum = Allocated::default();
    let batches = once(component, spec(limits), read, |outcome| {
        let all = outcome.allocated.unwrap_or_default();
        sum = Allocated { calls: sum.calls + all.calls, bytes: sum.bytes + all.bytes };
    })?;
    Ok(Some(Allocated { calls: sum.calls / batches, bytes: sum.bytes / batches }))
}

/// Shows all blocks once; how many batches came of it, 1 at least.
fn once(component: Component, spec: KeptSpec, read: &Read, mut look: impl FnMut(&Outcome)) -> anyhow::Result<u64> {
    let mut fleet = Fleet::new();
    fleet.swap(spec.start("once", Arc::new(component))?)?;
    let mut batches = 0;
    for block in &read.blocks {
        for outcome in fleet.on_block(block.hash, block, &read.reader, &Recorded::new()) {
            look(&outcome);
            batches += 1;
        }
    }
    Ok(u64::max(batches, 1))
}

pub(super) fn read(recording: &Path) -> anyhow::Result<Read> {
    let reads = Arc::new(Reads::beside(recording, None)?);
    let mut blocks = Vec::new();
    let mut items = Recording::open(recording, &BTreeMap::from([(0, Verification::None)]))?;
    while let Some(item) = items.next_item()? {
        match item {
            Item::Answer { at, read, answer } => reads.insert(at, read, answer),
            Item::Delivery(delivery) => {
                if let Event::Committed { block } = delivery.event {
                    reads.meet(&block);
                    blocks.push(block);
                }
            }
        }
    }
    reads.refuse_strangers()?;
    anyhow::ensure!(!blocks.is_empty(), "`{}` has no block", recording.display());
    Ok(Read { blocks, reader: reads })
}

fn millis(elapsed: Duration) -> f64 {
    elapsed.as_secs_f64() * 1e3
}

fn micros(elapsed: Duration) -> f64 {
    elapsed.as_secs_f64() * 1e6
}
