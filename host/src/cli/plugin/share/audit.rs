//! `watchfire plugin audit`.

use clap::Args as ClapArgs;
use jiff::Timestamp;

use super::search::{say_ages, sorted};
use super::{Deployment, compiler, sharing};
use crate::app::deploy::sandbox::Sandboxes;
use crate::app::live::output::Format;
use crate::app::share::pinned::said;
use crate::cli::{Exit, runtime, tell};
use crate::share::registry::Credentials;

/// Say what is known against the detectors that are pinned.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire plugin audit
  watchfire plugin audit --offline --format json

Each is judged by what its component says of itself. The exit code is 1 where something is known against one, where
watchfire.lock says of one what its component does not, where a component is not in the store, and where an index could
not be read, or only as it was kept, or is older than `[trust] index_max_age_days`. What was read is
kept: a running host raises a coverage finding for each advisory in it.")]
pub struct Audit {
    /// Ask no registry.
    #[arg(long)]
    offline: bool,
    #[command(flatten)]
    of: Deployment,
}

pub(super) fn audit(args: &Audit, sandboxes: &Sandboxes) -> anyhow::Result<Exit> {
    let Some(sharing) = sharing(&args.of)? else { return Ok(Exit::Refused) };
    let indexes = runtime()?.block_on(sharing.indexes(&Credentials::of_user(), !args.offline));
    let (known, missing) = sorted(indexes);
    // Who asks the registry and hears of an older copy has not heard what is known by now.
    let missing = missing || (!args.offline && known.iter().any(|known| known.kept_since.is_some()));
    let missing = say_ages(&known, Timestamp::now(), sharing.trust.index_max_age_days) || missing;
    let mut said = said(&sharing, &compiler(sandboxes)?);
    said.wrong.extend(sharing.not_locked());
    let against = sharing.against(&known, &said.versions);
    match args.of.format {
        Format::Json => println!("{}", serde_json::to_string(&against)?),
        Format::Pretty => {
            for found in &against {
                println!("{} {}  {}", found.id, found.version, found.advisory.line());
            }
            if against.is_empty() && !missing && said.wrong.is_empty() {
                println!(
                    "nothing is known against {} detectors, by {} indexes",
                    sharing.lock.detector.len(),
                    known.len()
                );
            }
        }
    }
    // What is known stands on standard output as one JSON value; what is wrong with the files stands beside it.
    tell(&said.wrong, Format::Pretty)?;
    Ok(if missing || !against.is_empty() || !said.wrong.is_empty() { Exit::No } else { Exit::Good })
}
