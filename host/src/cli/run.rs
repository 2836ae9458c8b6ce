//! `watchfire run`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args as ClapArgs;

use super::{Exit, runtime, tell};
use crate::app::deploy::sandbox::Sandboxes;
use crate::app::live::output::Format;
use crate::app::live::run::{Ended, Options, run};

/// How long a host that has drained waits for threads that are still at work.
const ENDS_WITHIN: Duration = Duration::from_secs(5);

/// Watch: follow chains and feeds, run detectors, decide, and journal all of it.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire run
  watchfire run --config deploy/watchfire.toml --format json | jq 'select(.type == \"decision\")'
  watchfire run --record incident.jsonl.gz

Changed files are taken up while it runs; SIGHUP asks for it. SIGINT and SIGTERM drain and end it.")]
pub struct Args {
    /// The config.
    #[arg(short, long, default_value = "watchfire.toml", value_name = "FILE")]
    config: PathBuf,
    /// The shape of what is printed to standard output.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Record the run as well; gzipped where the name ends in `.gz`.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Print findings and decisions only, not each block.
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn main(args: Args, sandboxes: Sandboxes) -> anyhow::Result<Exit> {
    let Args { config, format, record, quiet } = args;
    let runtime = runtime()?;
    let ended = runtime.block_on(run(Options { config, format, record, blocks: !quiet, sandboxes }));
    // A thread that waits for a disk that hangs is not waited for.
    runtime.shutdown_timeout(ENDS_WITHIN);
    match ended? {
        Ended::Stopped => Ok(Exit::Good),
        Ended::Refused(diagnostics) => {
            tell(&diagnostics, Format::Pretty)?;
            Ok(Exit::Refused)
        }
    }
}
