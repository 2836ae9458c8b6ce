//! `watchfire bench`: what each stage costs on real blocks, in one run, with ratios that travel between machines.

mod blocks;
mod measure;
mod native;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args as ClapArgs;
use serde::Serialize;
use serde_json::json;

use super::Exit;
use crate::app::load::KeptSpec;
use crate::app::output::Format;
use crate::block::{BlockRef, Verification};
use crate::chain_read::{ChainAnswer, ChainFault, ChainRead, ChainReader};
use crate::narrow::{BlockIndex, Matcher};
use crate::plugin::{Component, Detector, Fleet, Limits, Recorded, Runtime};
use crate::source::evm::decode::decode;
use blocks::Blocks;
use measure::{Table, median};
use native::Native;

/// Measure each stage on real blocks.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire bench
  watchfire bench --format json > bench.json

Times are medians of several rounds over all blocks. Compare ratios between machines, times only on one.")]
pub struct Args {
    /// Real blocks: a recording, or a folder of them.
    #[arg(long, default_value = "../shared/data/mainnet", value_name = "PATH")]
    data: PathBuf,
    /// Where the detectors' components are.
    #[arg(long, default_value = "target/plugins", value_name = "FOLDER")]
    components: PathBuf,
    /// How often each measurement is repeated.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// The shape of what is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Nobody answers: the rules that are measured ask nothing.
struct Nobody;

impl ChainReader for Nobody {
    fn read(&self, _: BlockRef, _: &ChainRead) -> ChainAnswer {
        Err(ChainFault { code: "unavailable".into(), message: "no chain".into(), data: Default::default() })
    }
}

pub(super) fn main(args: Args) -> anyhow::Result<Exit> {
    let blocks = Blocks::load(&args.data)?;
    let path = args.components.join("outflow.wasm");
    let bytes = std::fs::read(&path)
        .map_err(|error| anyhow::anyhow!("`{}`: {error}; build it with `cargo xtask plugins`", path.display()))?;
    let runtime = Runtime::new()?;
    let component = Arc::new(runtime.compile(&bytes, &Limits::default())?);
    let bench = Bench { runtime, component, blocks, rounds: args.rounds.max(1) };
    let table = bench.run()?;
    match args.format {
        Format::Json => println!("{}", json!(table)),
        Format::Pretty => table.print(),
    }
    Ok(Exit::Good)
}

struct Bench {
    runtime: Runtime,
    component: Arc<Component>,
    blocks: Blocks,
    rounds: usize,
}

/// What a fleet made of all blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Made {
    findings: usize,
    batches: usize,
}

impl Bench {
    fn run(&self) -> anyhow::Result<Table> {
        let mut table = Table::new(&self.blocks);
        let per_block = |total: Duration| total / self.blocks.all.len() as u32;

        let full = self.timed(|| self.decoded(Verification::Full))?;
        table.row("decode and verify in full, JSON in hand", per_block(full));
        let none = self.timed(|| self.decoded(Verification::None))?;
        table.row("decode alone", per_block(none));

        let narrow = self.blocks.narrow_config();
        let wide = self.blocks.wide_config();
        let matchers = [("one contract's logs", &narrow), ("transfers of 100 addresses", &wide)];
        for (name, config) in matchers {
            let matcher = Matcher::new(self.detector("x", config)?.profile().subscriptions());
            let time = self.timed(|| {
                let rows = self.blocks.all.iter().map(|block| matcher.select(&BlockIndex::new(block, None)));
                Ok(rows.filter(|selection| !selection.is_empty()).count())
            })?;
            table.row(&format!("index and narrow, {name}"), per_block(time));
        }

        for count in [1, 10, 100] {
            let (time, made) = self.fleet(count, &narrow)?;
            let name = format!("{count} narrow detectors, narrowing and hand-over included");
            table.rate(&name, per_block(time), made.batches);
            if count == 1 {
                let batch = time.checked_div(made.batches as u32).unwrap_or_default();
                table.row("one batch of one contract's logs, all-in", batch);
            }
        }
        for count in [1, 10, 100] {
            let (time, made) = self.fleet(count, &wide)?;
            table.rate(&format!("{count} wide detectors, hand-over included"), per_block(time), made.batches);
            if count == 1 {
                self.against_native(&mut table, time, made, &wide)?;
            }
        }
        Ok(table)
    }

    /// The same rule as native code in the host, which must find as much.
    fn against_native(
        &self,
        table: &mut Table,
        guest: Duration,
        made: Made,
        config: &serde_json::Value,
    ) -> anyhow::Result<()> {
        let mut found = 0;
        let time = self.timed(|| {
            let mut native = Native::new(config)?;
            found = self.blocks.all.iter().map(|block| native.block(block)).sum();
            Ok(found)
        })?;
        anyhow::ensure!(
            found == made.findings,
            "the native rule found {found}, the detector {}: they are not the same rule",
            made.findings
        );
        table.row("the wide rule as native code in the host", time / self.blocks.all.len() as u32);
        table.ratio("wide rule, detector / native", guest, time, 1.5);
        Ok(())
    }

    fn decoded(&self, level: Verification) -> anyhow::Result<usize> {
        let mut logs = 0;
        for raw in &self.blocks.raw {
            logs += decode(raw, level, "bench")?.logs.len();
        }
        Ok(logs)
    }

    fn detector(&self, id: &str, config: &serde_json::Value) -> anyhow::Result<Detector> {
        let spec = KeptSpec {
            chains: vec![1],
            feeds: Vec::new(),
            grants: vec!["state".into(), "traces".into()],
            shadow_of: None,
            limits: Limits { findings_per_batch: 10_000, ..Limits::default() },
            config: config.clone(),
        };
        Ok(spec.start(&self.runtime, id, self.component.clone())?)
    }

    /// All blocks through so many detectors: the time, and what came of it. Detectors are started beforehand; each
    /// round begins with an empty state.
    fn fleet(&self, count: usize, config: &serde_json::Value) -> anyhow::Result<(Duration, Made)> {
        let reader: Arc<dyn ChainReader> = Arc::new(Nobody);
        let mut fleet = Fleet::new(&self.runtime)?;
        let mut times = Vec::new();
        let mut made = Made { findings: 0, batches: 0 };
        for at in 0..count {
            fleet.swap(self.detector(&format!("outflow-{at}"), config)?)?;
        }
        for _ in 0..self.rounds {
            fleet.forget()?;
            made = Made { findings: 0, batches: 0 };
            let started = std::time::Instant::now();
            for block in &self.blocks.all {
                for outcome in fleet.on_block(block.hash, block, &reader, &Recorded::new()) {
                    made.findings += outcome.result.map_err(anyhow::Error::from)?.len();
                    made.batches += 1;
                }
            }
            times.push(started.elapsed());
        }
        Ok((median(times), made))
    }

    fn timed<T>(&self, mut work: impl FnMut() -> anyhow::Result<T>) -> anyhow::Result<Duration> {
        let mut times = Vec::new();
        for _ in 0..self.rounds {
            let started = std::time::Instant::now();
            std::hint::black_box(work()?);
            times.push(started.elapsed());
        }
        Ok(median(times))
    }
}
