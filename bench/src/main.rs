//! `watchfire-bench`: what each stage costs on real blocks, in one run, with ratios that travel between machines.

mod blocks;
mod boundary;
mod decisions;
mod deliveries;
mod detectors;
mod fleets;
mod native;
mod pages;
mod plans;
mod report;
mod stages;
mod steps;
mod storm;
mod swaps;
mod upkeep;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use serde_json::{Value, json};

use blocks::Blocks;
use report::{Report, median};
use watchfire::app::deploy::spec::KeptSpec;
use watchfire::app::live::output::Format;
use watchfire::block::{Block, BlockRef};
use watchfire::chain_read::{ChainAnswer, ChainFault, ChainRead, ChainReader};
use watchfire::plugin::{Compiler, Component, Detector, Fleet, Limits, Runtime};

/// Measure each stage on real blocks.
#[derive(Debug, Parser)]
#[command(after_help = "\
Examples:
  cargo xtask bench
  cargo xtask bench --format json > before.json
  cargo xtask bench --compare before.json

Times are medians of several rounds over all blocks. Compare ratios between machines, times only on one.")]
struct Args {
    /// Real blocks: a recording, or a folder of them.
    #[arg(long, default_value = "../shared/data/mainnet", value_name = "PATH")]
    data: PathBuf,
    /// Where the detectors' components are.
    #[arg(long, default_value = "target/plugins", value_name = "FOLDER")]
    components: PathBuf,
    /// How often each measurement is repeated, at most.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Few rounds and few detectors: whether it works, not what it costs.
    #[arg(long)]
    quick: bool,
    /// Measure this only; may be given several times.
    #[arg(long, value_enum)]
    only: Vec<Part>,
    /// Show the figures of an earlier run, kept with `--format json`, beside those of this one.
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
    /// The shape of what is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Each stage by itself.
    Stages,
    /// Detectors against native code.
    Boundary,
    /// The detectors that ship.
    Detectors,
    /// Many detectors at once.
    Fleets,
    /// From a block to its decisions, journaled.
    Decisions,
    /// Findings through the engine alone.
    Steps,
    /// Thousands of findings a block, to the commit.
    Storm,
    /// From a finding to a page that was accepted.
    Pages,
    /// Effects that wait, to a receiver that keeps pace.
    Deliveries,
    /// Memory, start and swap.
    Upkeep,
}

type Measure = fn(&Bench, &mut Report) -> anyhow::Result<()>;

const PARTS: [(Part, Measure); 10] = [
    (Part::Stages, stages::measure),
    (Part::Boundary, boundary::measure),
    (Part::Detectors, detectors::measure),
    (Part::Fleets, fleets::measure),
    (Part::Decisions, decisions::measure),
    (Part::Steps, steps::measure),
    (Part::Storm, storm::measure),
    (Part::Pages, pages::measure),
    (Part::Deliveries, deliveries::measure),
    (Part::Upkeep, upkeep::measure),
];

/// Longest that one measurement is repeated, once it was done three times.
const PATIENCE: Duration = Duration::from_secs(4);

/// Rounds over the real blocks in which the hour of a rule's windows fills.
const FIRST_ROUNDS: usize = 8;

/// Nobody answers: the rules that are measured ask nothing.
struct Nobody;

impl ChainReader for Nobody {
    fn read(&self, _: BlockRef, _: &ChainRead) -> ChainAnswer {
        Err(ChainFault { code: "unavailable".into(), message: "no chain".into(), data: Default::default() })
    }
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let before = args.compare.as_deref().map(Report::read).transpose()?;
    let blocks = Blocks::load(&args.data)?;
    let read = |name: &str| {
        let path = args.components.join(name);
        std::fs::read(&path)
            .map_err(|error| anyhow::anyhow!("`{}`: {error}; build it with `cargo xtask bench`", path.display()))
    };
    let rounds = if args.quick { 1 } else { args.rounds.max(1) };
    let runtime = Runtime::new(Compiler::in_process())?;
    let (outflow, scan) = (read("outflow.wasm")?, read("topic-scan.wasm")?);
    let bench = Bench {
        rule: Arc::new(runtime.compile(&outflow, &Limits::default())?),
        scan: Arc::new(runtime.compile(&scan, &Limits::default())?),
        outflow,
        components: args.components.clone(),
        loops: blocks.loops(rounds + if args.quick { 1 } else { FIRST_ROUNDS }),
        blocks,
        rounds,
        most: if args.quick { 10 } else { 1_000 },
    };
    let report = bench.run(&args.only)?;
    match args.format {
        Format::Json => println!("{}", json!(report)),
        Format::Pretty => report.print(before.as_ref()),
    }
    Ok(())
}

struct Bench {
    /// The outflow rule.
    rule: Arc<Component>,
    /// The scan of all logs.
    scan: Arc<Component>,
    /// The outflow rule's bytes.
    outflow: Vec<u8>,
    /// Where the detectors' components are.
    components: PathBuf,
    blocks: Blocks,
    /// The blocks over and over, as one chain.
    loops: Vec<Vec<Arc<Block>>>,
    rounds: usize,
    /// Most detectors at once.
    most: usize,
}

impl Bench {
    fn run(&self, only: &[Part]) -> anyhow::Result<Report> {
        let mut report = Report::new(&self.blocks);
        for (_, measure) in PARTS.iter().filter(|(part, _)| only.is_empty() || only.contains(part)) {
            measure(self, &mut report)?;
        }
        Ok(report)
    }

    /// The same where there is nothing to make ready.
    fn per_block_of<T>(&self, mut work: impl FnMut() -> anyhow::Result<T>) -> anyhow::Result<Duration> {
        self.per_block((), |()| Ok(()), |()| work())
    }

    /// The median time, for one block, of work over a chain that goes on from round to round. The first rounds, in which
    /// windows fill and memory is taken, are not counted.
    fn per_block_of_chain<T>(
        &self,
        mut work: impl FnMut(&[Arc<Block>]) -> anyhow::Result<T>,
    ) -> anyhow::Result<Duration> {
        let (first, rest) = self.loops.split_at(self.loops.len() - self.rounds);
        let begun = Instant::now();
        for blocks in first.iter().take_while(|_| begun.elapsed() < PATIENCE) {
            work(blocks)?;
        }
        let mut rounds = rest.iter();
        self.per_block_of(|| rounds.next().map(|blocks| work(blocks)).transpose())
    }

    /// Powers of ten up to the most detectors at once.
    fn counts(&self) -> impl Iterator<Item = usize> {
        let most = self.most;
        std::iter::successors(Some(1), |count| Some(count * 10)).take_while(move |count| *count <= most)
    }

    fn spec(&self, config: Value) -> KeptSpec {
        KeptSpec {
            chains: vec![1],
            feeds: Vec::new(),
            grants: vec!["state".into(), "traces".into()],
            shadow_of: None,
            hears: None,
            limits: Limits {
                findings_per_batch: 10_000,
                findings_bytes_per_batch: 64 << 20,
                state_bytes: 64 << 20,
                state_write_bytes_per_batch: 64 << 20,
                ..Limits::default()
            },
            config,
        }
    }

    fn detector(&self, id: &str, component: &Arc<Component>, config: Value) -> anyhow::Result<Detector> {
        Ok(self.spec(config).start(id, component.clone())?)
    }

    /// Detectors of the outflow rule, with a config for each.
    fn fleet(&self, configs: impl Iterator<Item = Value>) -> anyhow::Result<Fleet> {
        let mut fleet = Fleet::new();
        for (at, config) in configs.enumerate() {
            fleet.swap(self.detector(&format!("outflow-{at}"), &self.rule, config)?)?;
        }
        Ok(fleet)
    }

    /// The median time, for one block, of some work that goes over all of them. What is made ready for it each time is
    /// not counted.
    fn per_block<S, T>(
        &self,
        mut state: S,
        mut ready: impl FnMut(&mut S) -> anyhow::Result<()>,
        mut work: impl FnMut(&mut S) -> anyhow::Result<T>,
    ) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        let mut times = Vec::new();
        while times.len() < self.rounds && (times.len() < 3 || begun.elapsed() < PATIENCE) {
            ready(&mut state)?;
            let started = Instant::now();
            std::hint::black_box(work(&mut state)?);
            times.push(started.elapsed());
        }
        Ok(median(times) / self.blocks.all.len() as u32)
    }
}
