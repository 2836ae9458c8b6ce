//! `watchfire fetch`.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use alloy::primitives::{Address, B256};
use clap::Args as ClapArgs;

use super::asked::Asked;
use super::plugin::setting::Setting;
use super::plugin::{Loaded, component_bytes};
use super::{Exit, runtime};
use crate::app::author::fetch::{Fetched, Options, fetch};
use crate::app::author::reads::Reads;
use crate::app::author::test_run::Bench;
use crate::app::deploy::sandbox::Sandboxes;
use crate::block::{Verification, block_range};
use crate::subscription::Needs;

/// Record blocks of the past, for tests of detectors.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire fetch --node $RPC_URL --blocks 15259100..15259110 --out nomad.jsonl.gz
  watchfire fetch --node $RPC_URL --transaction 0xa5fe… --around 5 --traces --out attack.jsonl.gz
  watchfire fetch --node $RPC_URL --blocks 18000000..18050000 --address 0xA0b8… --out usdc.jsonl.gz
  watchfire fetch --node $RPC_URL --blocks 18000000..18000100 --detector my-rule --out case.jsonl.gz

Each block is held against its header, as in a watch; --verify says how much of it. A fetch that was interrupted goes on where it was when it is asked
for the same again; the recording has its name once it is whole.")]
pub struct Args {
    /// A node, by its URL or IPC socket; several in order of preference.
    #[arg(long, value_name = "URL", required = true, env = "WATCHFIRE_NODE", hide_env_values = true)]
    node: Vec<String>,
    /// The recording; gzipped where the name ends in `.gz`.
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    /// Blocks, from the first to the last; one alone as its number.
    #[arg(long, value_name = "FIRST..LAST", value_parser = block_range, required_unless_present = "transaction")]
    blocks: Vec<RangeInclusive<u64>>,
    /// The block of a transaction.
    #[arg(long, value_name = "HASH")]
    transaction: Vec<B256>,
    /// So many blocks before and after that of each transaction.
    #[arg(long, value_name = "COUNT", default_value_t = 0, requires = "transaction")]
    around: u64,
    /// Of the blocks, only those with logs of this address.
    #[arg(long, value_name = "ADDRESS", requires = "blocks")]
    address: Vec<Address>,
    /// Fetch call frames too.
    #[arg(long)]
    traces: bool,
    /// Fetch storage changes too.
    #[arg(long)]
    storage: bool,
    /// How much of each block is checked: full, header, links or none; as much as the chain's family allows, where absent.
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    verify: Option<Verification>,
    /// Requests a second to each node, at most.
    #[arg(long, value_name = "RATE")]
    max_requests_per_second: Option<u32>,
    /// Fetch what this component or project needs, run it over the blocks, and keep what the node answers to its reads of the
    /// chain beside the recording, as FILE.answers.
    #[arg(short, long, value_name = "PATH")]
    detector: Option<PathBuf>,
    /// The detector's own config, as TOML, or a case; by default that of the project's case.
    #[arg(long, value_name = "FILE", requires = "detector")]
    detector_config: Option<PathBuf>,
}

fn level(text: &str) -> Result<Verification, String> {
    serde_json::from_value(serde_json::Value::from(text)).map_err(|_| "expected full, header, links or none".to_owned())
}

pub(super) fn main(args: Args, sandboxes: &Sandboxes) -> anyhow::Result<Exit> {
    let config = args.detector_config.as_deref();
    let reader = args.detector.as_deref().map(|path| reader(path, config, sandboxes)).transpose()?;
    let (mut traces, mut storage) = (args.traces, args.storage);
    if let Some((_, needs)) = &reader {
        (traces, storage) = (traces || needs.traces, storage || needs.storage);
    }
    let options = Options {
        nodes: args.node,
        out: args.out,
        ranges: args.blocks,
        transactions: args.transaction,
        around: args.around,
        addresses: args.address,
        needs: Needs { traces, storage, ..Needs::KEPT },
        requests_per_second: args.max_requests_per_second,
        verify: args.verify,
    };
    let Fetched { blocks, resumed } = runtime()?.block_on(fetch(&options))?;
    let earlier = if resumed > 0 { format!(", {resumed} of them by an earlier run") } else { String::new() };
    println!("{}: {blocks} blocks{earlier}", options.out.display());
    match reader {
        Some((bench, _)) => keep_reads(&bench, &options),
        None => Ok(Exit::Good),
    }
}

/// A detector whose reads are kept, and what it wants of blocks.
fn reader(path: &Path, config: Option<&Path>, sandboxes: &Sandboxes) -> anyhow::Result<(Bench, Needs)> {
    let setting = Setting::of(path, None, config)?;
    let Loaded { component, manifest } = Loaded::of(&component_bytes(path)?, sandboxes)?;
    let bench = Bench { component, manifest, config: setting.config.clone(), others: Vec::new() };
    let needs = bench.needs().map_err(|error| setting.explain(error))?;
    Ok((bench, needs))
}

/// Runs the detector over what was fetched, and keeps what the node answers.
fn keep_reads(bench: &Bench, options: &Options) -> anyhow::Result<Exit> {
    let asked = Asked::of(&options.nodes)?;
    let reads = Arc::new(Reads::beside(&options.out, asked.reader.clone())?);
    let tested = bench.run(&options.out, false, &reads)?;
    match reads.keep()? {
        Some((file, added)) => println!("{}: {added} answers to what `{}` reads", file.display(), bench.manifest.name),
        None => println!("`{}` reads nothing of the chain in these blocks", bench.manifest.name),
    }
    if let Some(unanswered) = reads.unanswered() {
        anstream::eprintln!("{} reads had no answer; {}", unanswered.reads, unanswered.first);
    }
    tested.failures.iter().for_each(|failure| anstream::eprintln!("FAILED: {failure}"));
    let is_whole = tested.failures.is_empty() && reads.unanswered().is_none();
    Ok(if is_whole { Exit::Good } else { Exit::No })
}
