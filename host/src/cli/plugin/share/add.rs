//! `watchfire plugin add` and `fetch`.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::Args as ClapArgs;
use jiff::Timestamp;
use serde_json::json;

use super::show::show;
use super::{Deployment, is_agreed, looked_at, sharing};
use crate::app::deploy::sandbox::Sandboxes;
use crate::app::live::output::Format;
use crate::app::share::adopt::Section;
use crate::cli::{Exit, runtime};
use crate::share::package::Role;
use crate::share::reference::Reference;
use crate::share::registry::Credentials;

/// Take a detector into a config.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire plugin add oci://ghcr.io/harbor/outflow:1.2.0
  watchfire plugin add oci://ghcr.io/harbor/outflow:1.2.0 --as vault-outflow --detector-config vault.toml
  watchfire plugin add oci://ghcr.io/harbor/outflow:1.2.0 --yes --format json

It shows who signed it, what it asks for and why, what it finds, and asks. Then the config has a section for it, and
watchfire.lock its digest: `watchfire run` uses these very bytes, and no registry. It is granted what it asks for, unless
`--grant` says less, and gets the limits that its publisher states. What is not signed by whom `[trust]` names is refused.")]
pub struct Add {
    /// Where it is.
    reference: Reference,
    /// Its id in the config; its own name by default.
    #[arg(long = "as", value_name = "ID")]
    id: Option<String>,
    /// What it is granted, in place of all that it asks for.
    #[arg(long, value_name = "CAPABILITY", value_delimiter = ',')]
    grant: Option<Vec<String>>,
    /// Its own config, TOML.
    #[arg(long, value_name = "FILE")]
    detector_config: Option<PathBuf>,
    /// Take a version that was pinned as other bytes before.
    #[arg(long)]
    moved: bool,
    /// Take it despite an advisory of this id.
    #[arg(long, value_name = "ADVISORY", value_delimiter = ',')]
    despite: Vec<String>,
    /// Agree to what is shown.
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    of: Deployment,
}

/// Bring what is pinned into the store.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire plugin fetch
  watchfire plugin fetch --config deploy/watchfire.toml

It asks registries for the digests in watchfire.lock and takes nothing else, wherever tags may point by now.")]
pub struct Fetch {
    #[command(flatten)]
    of: Deployment,
}

pub(super) fn add(args: &Add, sandboxes: &Sandboxes) -> anyhow::Result<Exit> {
    let Some(mut sharing) = sharing(&args.of)? else { return Ok(Exit::Refused) };
    let now = Timestamp::now();
    let (offer, verdict, repute) = runtime()?.block_on(looked_at(&args.reference, &sharing, sandboxes, now))?;
    let id = args.id.clone().unwrap_or_else(|| offer.manifest.name.clone());
    if let Some(there) = sharing.detectors.get(&id) {
        let same = there.reference() == Ok(Some(args.reference.clone()));
        ensure!(
            same,
            "the config has a detector `{id}` already, `{}`; name this one by `--as`, or take another version of it by \
             `watchfire plugin update {id}`",
            there.component.as_deref().unwrap_or(Path::new("")).display()
        );
    }
    let config = args
        .detector_config
        .as_ref()
        .map(|path| std::fs::read_to_string(path).with_context(|| format!("`{}` can't be read", path.display())));
    let config = config.transpose()?;
    let granted = args.grant.clone().unwrap_or_else(|| offer.manifest.capabilities.clone());
    let pin = offer.pin(&verdict, now);
    let refusal = verdict.refusal.clone();
    let refusal = refusal.or_else(|| sharing.moved(&args.reference, &pin).filter(|_| !args.moved));
    let refusal = refusal.or_else(|| repute.refusal(&args.despite));
    match args.of.format {
        Format::Json => {
            let mut shown = serde_json::to_value(offer.shown(&verdict))?;
            shown["id"] = json!(id);
            shown["granted"] = json!(granted);
            shown["indexes"] = json!(repute);
            shown["refusal"] = json!(refusal);
            println!("{shown}");
        }
        Format::Pretty => show(&offer, &verdict, &repute, now),
    }
    if let Some(why) = refusal {
        anstream::eprintln!("not taken: {why}");
        return Ok(Exit::No);
    }
    let limits = offer.stated_limits();
    let beside = if limits.is_empty() { "" } else { ", with the limits above" };
    if !is_agreed(&format!("take it as `{id}`, granted {}{beside}?", list(&granted)), args.yes) {
        return Ok(Exit::No);
    }
    offer.keep(&sharing.store())?;
    sharing.adopt(&Section { id: id.clone(), grant: granted, config, limits }, pin, &offer.taken.component)?;
    if args.of.format == Format::Pretty {
        println!("added     `[detector.{id}]` in {}, pinned in watchfire.lock", args.of.config.display());
        if offer.taken.files.contains_key(&Role::Response) {
            println!("pack      watchfire plugin adopt {id}: signals, risks, playbook for the plan");
        }
        println!("next      watchfire check --config {}", args.of.config.display());
    }
    Ok(Exit::Good)
}

pub(super) fn fetch(args: &Fetch) -> anyhow::Result<Exit> {
    let Some(sharing) = sharing(&args.of)? else { return Ok(Exit::Refused) };
    let fetched = runtime()?.block_on(sharing.fetch(&Credentials::of_user()))?;
    match args.of.format {
        Format::Json => {
            let fetched: Vec<_> = fetched.iter().map(|(id, path)| json!({ "id": id, "path": path })).collect();
            println!("{}", json!(fetched));
        }
        Format::Pretty => {
            fetched.iter().for_each(|(id, path)| println!("{id}  {}", path.display()));
            println!("{} of {} were missing", fetched.len(), sharing.lock.detector.len());
        }
    }
    Ok(Exit::Good)
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}
