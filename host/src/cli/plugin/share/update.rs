//! `watchfire plugin outdated`, `update` and `diff`.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use clap::Args as ClapArgs;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{Deployment, is_agreed, looked_at, offer, sharing};
use crate::app::config::{CacheConfig, Config, Sharing};
use crate::app::deploy::sandbox::Sandboxes;
use crate::app::live::output::Format;
use crate::app::share::adopt::Section;
use crate::app::share::current::{Standing, standings};
use crate::app::share::differ::{Difference, Side};
use crate::app::share::take::Offer;
use crate::cli::{Exit, runtime};
use crate::plugin::{Component, Limits, Manifest, describe};
use crate::share::lock::Pin;
use crate::share::package::Role;
use crate::share::reference::Reference;
use crate::share::registry::Credentials;

/// List what is not the newest.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire plugin outdated
  watchfire plugin outdated --format json | jq '.[] | select(.newest)'

The exit code is 1 where there is a newer version, or a version was moved.")]
pub struct Outdated {
    #[command(flatten)]
    of: Deployment,
}

/// Take another version.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire plugin update outflow
  watchfire plugin update outflow --to 1.1.0 --grant traces
  watchfire plugin update outflow --shadow 24h
  watchfire plugin update outflow --back

It shows what changes, tries both versions on the last inputs of the journal, and asks. One that asks for more than the
config grants waits until `--grant` names it. A running host takes it up by itself; one that fails soon is taken back.")]
pub struct Update {
    /// The detector's id in the config.
    detector: String,
    /// The version; the newest by default.
    #[arg(long, value_name = "VERSION", conflicts_with = "back")]
    to: Option<String>,
    /// Go back to what was pinned before; a shadow is ended.
    #[arg(long)]
    back: bool,
    /// Run it as a shadow for so long before it takes over: `24h`, `30m`.
    #[arg(long, value_name = "TIME", conflicts_with = "back")]
    shadow: Option<SignedDuration>,
    /// Capabilities to grant beside those that it has.
    #[arg(long, value_name = "CAPABILITY", value_delimiter = ',')]
    grant: Vec<String>,
    /// Write the limits that its publisher states into the config.
    #[arg(long, conflicts_with = "back")]
    limits: bool,
    /// Take it despite an advisory of this id.
    #[arg(long, value_name = "ADVISORY", value_delimiter = ',')]
    despite: Vec<String>,
    /// How many of the journal's last inputs both versions are run over.
    #[arg(long, default_value_t = 256, value_name = "N")]
    inputs: usize,
    /// Take a version that was pinned as other bytes before.
    #[arg(long)]
    moved: bool,
    /// Agree to what is shown.
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    of: Deployment,
}

/// Compare two versions.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire plugin diff oci://ghcr.io/harbor/outflow:1.1.0 oci://ghcr.io/harbor/outflow:1.2.0
  watchfire plugin diff oci://ghcr.io/harbor/outflow:1.1.0 oci://ghcr.io/harbor/outflow:1.2.0 --detector outflow

With `--detector`, both are run over the last inputs of the config's journal, as the config has that detector.")]
pub struct Diff {
    /// The version before.
    before: Reference,
    /// The version after.
    after: Reference,
    /// The detector in the config as which both are run.
    #[arg(long, value_name = "ID")]
    detector: Option<String>,
    /// How many of the journal's last inputs both are run over.
    #[arg(long, default_value_t = 256, value_name = "N")]
    inputs: usize,
    #[command(flatten)]
    of: Deployment,
}

/// A component of the store, and what it says of itself.
struct Known {
    component: Component,
    manifest: Manifest,
    limits: Limits,
    score: Option<serde_json::Value>,
}

pub(super) fn outdated(args: &Outdated) -> anyhow::Result<Exit> {
    let Some(sharing) = sharing(&args.of)? else { return Ok(Exit::Refused) };
    let standings = runtime()?.block_on(standings(&sharing, &Credentials::of_user()));
    let is_current = |standing: &Standing| standing.newest.is_none() && standing.fault.is_none();
    match args.of.format {
        Format::Json => println!("{}", serde_json::to_string(&standings)?),
        Format::Pretty => {
            for standing in &standings {
                let newest =
                    standing.newest.as_ref().map_or("is the newest".to_owned(), |newest| format!("→ {newest}"));
                println!("{:<24} {:<12} {newest}", standing.id, standing.version);
                standing.fault.iter().for_each(|fault| println!("  {fault}"));
            }
        }
    }
    Ok(if standings.iter().all(is_current) { Exit::Good } else { Exit::No })
}

pub(super) fn update(args: &Update, sandboxes: &Sandboxes) -> anyhow::Result<Exit> {
    let Some(mut sharing) = sharing(&args.of)? else { return Ok(Exit::Refused) };
    let id = &args.detector;
    let locked = sharing.lock.detector.get(id).cloned();
    let locked =
        locked.with_context(|| format!("watchfire.lock has no detector `{id}`; take one by `watchfire plugin add`"))?;
    let wanted = sharing.detectors.get(id).with_context(|| format!("the config has no detector `{id}`"))?.clone();
    if args.back && wanted.shadow_of.is_some() {
        sharing.end_shadow(id, false)?;
        println!("the shadow `{id}` is ended");
        return Ok(Exit::Good);
    }
    let old = known(&sharing, &locked.pin, sandboxes)?;
    let runtime = runtime()?;
    let now = Timestamp::now();
    let mut taken = None;
    let (pin, bytes, new, refusal) = if args.back {
        let before = locked.before.clone().with_context(|| format!("`{id}` was never another version"))?;
        let refusal = sharing.trust.refusal(&before.reference, &before.signed_by);
        let bytes = sharing.store().get(before.component)?;
        let new = known(&sharing, &before, sandboxes)?;
        (before, bytes, new, refusal)
    } else {
        let to = match &args.to {
            Some(version) => version.clone(),
            None => {
                let standings = runtime.block_on(standings(&sharing, &Credentials::of_user()));
                let own = standings.into_iter().find(|standing| standing.id == *id);
                if let Some(fault) = own.as_ref().and_then(|own| own.fault.as_ref()) {
                    anstream::eprintln!("{fault}");
                }
                match own.and_then(|own| own.newest) {
                    Some(newest) => newest,
                    None => {
                        println!("`{id}` is the newest: {}", locked.pin.version);
                        return Ok(Exit::Good);
                    }
                }
            }
        };
        let reference = locked.pin.reference.with_tag(&to);
        let (offer, verdict, repute) = runtime.block_on(looked_at(&reference, &sharing, sandboxes, now))?;
        let pin = offer.pin(&verdict, now);
        let refusal = verdict.refusal.or_else(|| sharing.moved(&reference, &pin).filter(|_| !args.moved));
        let refusal = refusal.or_else(|| repute.refusal(&args.despite));
        let (bytes, new) = (offer.taken.component.clone(), Known::of(&offer));
        taken = Some(offer);
        (pin, bytes, new, refusal)
    };
    let mut difference = Difference::of(old.side(), new.side());
    let (old, manifest, new) = (Arc::new(old.component), new.manifest, Arc::new(new.component));
    try_on(&mut difference, &args.of.config, id, old, (new, &manifest), args.inputs);
    let granted: Vec<String> = wanted
        .grant
        .iter()
        .flatten()
        .chain(&args.grant)
        .filter(|name| manifest.capabilities.contains(name))
        .cloned()
        .collect();
    let missing: Vec<&String> = manifest.capabilities.iter().filter(|name| !granted.contains(name)).collect();
    let waits = (!missing.is_empty()).then(|| {
        let names = missing.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(",");
        format!("it asks for more than it is granted: {names}. It waits for `--grant {names}`")
    });
    let refusal = refusal.or(waits);
    match args.of.format {
        Format::Json => println!("{}", json!({ "id": id, "pin": pin, "difference": difference, "refusal": refusal })),
        Format::Pretty => {
            println!("{id}  {} → {}  {}", locked.pin.version, pin.version, pin.reference);
            difference.lines().iter().for_each(|line| println!("  {line}"));
        }
    }
    if let Some(why) = refusal {
        anstream::eprintln!("not taken: {why}");
        return Ok(Exit::No);
    }
    if !is_agreed(&format!("take {} {}?", pin.name, pin.version), args.yes) {
        return Ok(Exit::No);
    }
    taken.iter().try_for_each(|offer| offer.keep(&sharing.store()))?;
    let limits = taken.iter().filter(|_| args.limits).map(Offer::stated_limits).next().unwrap_or_default();
    if let Some(time) = args.shadow {
        let shadow = format!("{id}-next");
        let at = now.checked_add(time).context("the time of a shadow is too long")?;
        let section = Section { id: shadow.clone(), grant: granted, config: None, limits };
        sharing.adopt_shadow(id, &section, pin, &bytes, at)?;
        if args.of.format == Format::Pretty {
            println!("runs as the shadow `{shadow}`, and takes over at {at}; see `watchfire plugin compare {shadow}`");
        }
        return Ok(Exit::Good);
    }
    sharing.adopt(&Section { id: id.clone(), grant: granted, config: None, limits }, pin, &bytes)?;
    Ok(Exit::Good)
}

pub(super) fn diff(args: &Diff, sandboxes: &Sandboxes) -> anyhow::Result<Exit> {
    let (before, after) = runtime()?.block_on(async {
        anyhow::Ok((offer(&args.before, sandboxes).await?, offer(&args.after, sandboxes).await?))
    })?;
    let (old, new) = (Known::of(&before), Known::of(&after));
    let mut difference = Difference::of(old.side(), new.side());
    if let Some(id) = &args.detector {
        let (old, new) = (Arc::new(old.component), (Arc::new(new.component), &new.manifest));
        try_on(&mut difference, &args.of.config, id, old, new, args.inputs);
    }
    match args.of.format {
        Format::Json => println!("{}", serde_json::to_string(&difference)?),
        Format::Pretty => difference.lines().iter().for_each(|line| println!("{line}")),
    }
    Ok(Exit::Good)
}

impl Known {
    fn of(offer: &Offer) -> Self {
        let score = offer.taken.files.get(&Role::Score).and_then(|bytes| serde_json::from_slice(bytes).ok());
        let (component, manifest, limits) = (offer.component.clone(), offer.manifest.clone(), offer.limits.clone());
        Self { component, manifest, limits, score }
    }

    fn side(&self) -> Side<'_> {
        let (component, manifest, limits) = (&self.component, &self.manifest, &self.limits);
        Side { component, manifest, limits, score: self.score.as_ref() }
    }
}

fn known(sharing: &Sharing, pin: &Pin, sandboxes: &Sandboxes) -> anyhow::Result<Known> {
    let bytes = sharing.store().get(pin.component).context("bring it back by `watchfire plugin fetch`")?;
    let limits = Limits::default();
    let component = sandboxes.runtime(&CacheConfig::default(), Path::new("."))?.compile(&bytes, &limits)?;
    let manifest = describe(&component, &limits)?;
    ensure!(manifest.name == pin.name, "watchfire.lock calls `{}` {}", manifest.name, pin.name);
    let score = pin.score.and_then(|digest| serde_json::from_slice(&sharing.store().get(digest).ok()?).ok());
    // A key that an older version of watchfire knew is nothing to compare by.
    let limits = Limits::stated(&pin.limits).unwrap_or_default();
    Ok(Known { component, manifest, limits, score })
}

/// Runs both over the journal, if the config and the journal let them; why not is logged.
fn try_on(
    difference: &mut Difference,
    config: &Path,
    id: &str,
    old: Arc<Component>,
    new: (Arc<Component>, &Manifest),
    inputs: usize,
) {
    let config = match Config::load(config) {
        Ok(config) => config,
        Err(diagnostics) => {
            let first = diagnostics.first().map(ToString::to_string).unwrap_or_default();
            tracing::warn!("both can't be run over the journal, since the config is wrong: {first}");
            return;
        }
    };
    if let Err(error) = difference.try_on(&config, id, old, new, inputs) {
        tracing::warn!("both can't be run over the journal: {error:#}");
    }
}
