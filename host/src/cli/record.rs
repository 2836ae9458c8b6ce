//! `watchfire record`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::{Exit, runtime, tell};
use crate::app::live::output::Format;
use crate::app::live::record::{Options, record};
use crate::app::live::run::Ended;
use crate::subscription::Needs;

/// Record blocks and observations to a file, without detectors.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire record --out today.jsonl.gz
  watchfire record --out hour.jsonl.gz --from 21000000 --blocks 300 --traces

The recording has its name once it is whole; until then it ends in `.partial`.")]
pub struct Args {
    /// The config: its chains and feeds are recorded.
    #[arg(short, long, default_value = "watchfire.toml", value_name = "FILE")]
    config: PathBuf,
    /// The recording; gzipped where the name ends in `.gz`.
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    /// Block to start at, instead of where the config says.
    #[arg(long, value_name = "NUMBER")]
    from: Option<u64>,
    /// End after so many blocks.
    #[arg(long, value_name = "COUNT")]
    blocks: Option<u64>,
    /// Record call frames too.
    #[arg(long)]
    traces: bool,
    /// Record storage changes too.
    #[arg(long)]
    storage: bool,
}

pub(super) fn main(args: Args) -> anyhow::Result<Exit> {
    let needs = Needs { traces: args.traces, storage: args.storage, ..Needs::KEPT };
    let options = Options { config: args.config, out: args.out, blocks: args.blocks, needs, from: args.from };
    match runtime()?.block_on(record(options))? {
        Ended::Stopped => Ok(Exit::Good),
        Ended::Refused(diagnostics) => {
            tell(&diagnostics, Format::Pretty)?;
            Ok(Exit::Refused)
        }
    }
}
