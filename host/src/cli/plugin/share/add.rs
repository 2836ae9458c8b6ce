//! `watchfire plugin add`.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::Args as ClapArgs;
use jiff::Timestamp;
use serde_json::json;

use super::show::show;
use super::{Deployment, compiler, is_agreed, is_reviewed, looked_at, sharing, untrusted, would_be_wrong};
use crate::app::config::is_name;
use crate::app::deploy::sandbox::Sandboxes;
use crate::app::live::output::Format;
use crate::app::share::adopt::Taking;
use crate::app::share::section::Section;
use crate::cli::{Exit, runtime};
use crate::share::package::Role;
use crate::share::reference::Reference;
use crate::share::review::Review;

/// Take a detector into a config.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire plugin add oci://ghcr.io/harbor/outflow:1.2.0
  watchfire plugin add oci://ghcr.io/harbor/outflow:1.2.0 --as vault-outflow --detector-config vault.toml
  watchfire plugin add oci://ghcr.io/harbor/outflow:1.2.0 --yes --format json
  watchfire plugin add oci://ghcr.io/harbor/outflow:1.2.0 --yes --reviewed capabilities,limits

It shows who signed it, what it asks for and why, what it finds, and asks. Then the config has a section for it, and
watchfire.lock its digest: `watchfire run` uses these very bytes, and no registry. It is granted what it asks for, unless
`--grant` says less, and gets the limits that its publisher states. What is not signed by whom `[trust]` names is refused, and
so is what would not start with the config as it would be: nothing is written then.")]
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
    /// Say that you looked at what `[trust] review` names: `capabilities`, `limits`, `severities`.
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    reviewed: Vec<Review>,
    /// Agree to what is shown.
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    of: Deployment,
}

pub(super) fn add(args: &Add, sandboxes: &Sandboxes) -> anyhow::Result<Exit> {
    let Some(mut sharing) = sharing(&args.of)? else { return Ok(Exit::Refused) };
    if let Some(id) = args.id.as_ref().filter(|id| !is_name(id)) {
        anstream::eprintln!("error: `--as`: `{id}` is no name; use letters, digits, `-` and `_`");
        return Ok(Exit::No);
    }
    let now = Timestamp::now();
    let (offer, verdict, repute) = runtime()?.block_on(looked_at(&args.reference, &sharing, sandboxes, now))?;
    let id = args.id.clone().unwrap_or_else(|| offer.manifest.name.clone());
    if let Some(there) = sharing.detectors.get(&id) {
        let same = there.reference() == Ok(Some(args.reference.clone()));
        ensure!(
            same,
            "the config has a detector `{id}` already, `{}`; name this one by `--as`{}",
            there.component.as_deref().or(there.shipped.as_deref().map(Path::new)).unwrap_or(Path::new("")).display(),
            match there.is_shared() {
                true => format!(", or take another version of it by `watchfire plugin update {id}`"),
                false => String::new(),
            }
        );
    }
    let config = args
        .detector_config
        .as_ref()
        .map(|path| std::fs::read_to_string(path).with_context(|| format!("`{}` can't be read", path.display())));
    let config = config.transpose()?;
    let granted = args.grant.clone().unwrap_or_else(|| offer.manifest.capabilities.clone());
    let pin = offer.pin(&verdict, now);
    let refusal = verdict.refusal.as_ref().map(|refusal| untrusted(&sharing, refusal));
    let refusal = refusal.or_else(|| sharing.moved(&args.reference, &pin).filter(|_| !args.moved));
    let refusal = refusal.or_else(|| offer.misnamed());
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
    for unheard in sharing.unheard(&id, offer.listens()) {
        anstream::eprintln!("warning: {unheard}");
    }
    if let Some(why) = refusal {
        anstream::eprintln!("not taken: {why}");
        return Ok(Exit::No);
    }
    let limits = offer.stated_limits();
    let there = [
        (Review::Capabilities, !granted.is_empty()),
        (Review::Limits, !limits.is_empty()),
        (Review::Severities, !offer.manifest.finding_kinds.is_empty()),
    ];
    let there: Vec<Review> = there.into_iter().filter(|(_, is_there)| *is_there).map(|(what, _)| what).collect();
    if !is_reviewed(&sharing, &there, &args.reviewed, args.yes) {
        return Ok(Exit::No);
    }
    let beside = if limits.is_empty() { "" } else { ", with the limits above" };
    if !is_agreed(&format!("take it as `{id}`, granted {}{beside}?", list(&granted)), args.yes) {
        return Ok(Exit::No);
    }
    offer.keep(&sharing.store())?;
    let taking = Taking { pin, component: &offer.taken.component, runtime: &compiler(sandboxes)? };
    let wrong = sharing.adopt(&Section { id: id.clone(), grant: granted, config, limits }, taking)?;
    if !wrong.is_empty() {
        let of = &args.reference;
        anstream::eprintln!(
            "give what it lacks by `--detector-config FILE` and `--grant`, or begin with a `[detector.{id}]` of your own whose \
             `component` is \"{of}\""
        );
        return would_be_wrong(&wrong, args.of.format);
    }
    if args.of.format == Format::Pretty {
        println!("added     `[detector.{id}]` in {}, pinned in watchfire.lock", args.of.config.display());
        if offer.taken.files.contains_key(&Role::Response) {
            println!("pack      watchfire plugin adopt {id}: signals, risks, playbook for the plan");
        }
        println!("next      watchfire check --config {}", args.of.config.display());
    }
    Ok(Exit::Good)
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}
