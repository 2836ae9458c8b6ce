//! `watchfire plugin fetch`.

use clap::Args as ClapArgs;
use serde_json::json;

use super::{Deployment, sharing};
use crate::app::live::output::Format;
use crate::cli::{Exit, runtime, tell};
use crate::share::registry::Credentials;

/// Bring what is pinned into the store.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire plugin fetch
  watchfire plugin fetch --config deploy/watchfire.toml

It asks registries for the digests in watchfire.lock and takes nothing else, wherever tags may point by now; also for those
to which `plugin update --back` returns. The exit code is 1 where the config has a detector of a registry that is not in the
lock, and where one to go back to could not be had.")]
pub struct Fetch {
    #[command(flatten)]
    of: Deployment,
}

pub(super) fn fetch(args: &Fetch) -> anyhow::Result<Exit> {
    let Some(mut sharing) = sharing(&args.of)? else { return Ok(Exit::Refused) };
    let fetched = runtime()?.block_on(sharing.fetch(&Credentials::of_user()))?;
    let missing = sharing.not_locked();
    match args.of.format {
        Format::Json => {
            let brought: Vec<_> = fetched.brought.iter().map(|(id, path)| json!({ "id": id, "path": path })).collect();
            println!("{}", json!(brought));
        }
        Format::Pretty => {
            fetched.brought.iter().for_each(|(id, path)| println!("{id}  {}", path.display()));
            println!("{} of {} were missing", fetched.brought.len(), fetched.pins);
        }
    }
    for id in &fetched.signers {
        anstream::eprintln!(
            "{id}: watchfire.lock pins the accounts and keys that signed it, and not names alone, from now on"
        );
    }
    for (id, why) in &fetched.lost {
        anstream::eprintln!(
            "{id}: what was pinned before can't be had, so that `plugin update {id} --back` has nothing to go to: {why}"
        );
    }
    tell(&missing, args.of.format)?;
    Ok(if missing.is_empty() && fetched.lost.is_empty() { Exit::Good } else { Exit::No })
}
