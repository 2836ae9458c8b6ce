//! `watchfire plugin diff`, and how versions are compared over a journal.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use clap::Args as ClapArgs;

use super::{Deployment, compiler, offer};
use crate::app::config::{Config, Sharing};
use crate::app::deploy::sandbox::Sandboxes;
use crate::app::live::output::Format;
use crate::app::share::differ::{Difference, Side};
use crate::app::share::take::Offer;
use crate::cli::{Exit, runtime};
use crate::plugin::{Component, Limits, Manifest, describe};
use crate::share::lock::Pin;
use crate::share::package::Role;
use crate::share::reference::Reference;

/// What mends a store that lacks a component.
pub(super) const FETCH: &str = "bring it back by `watchfire plugin fetch`";

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
pub(super) struct Known {
    pub(super) component: Component,
    pub(super) manifest: Manifest,
    limits: Limits,
    score: Option<serde_json::Value>,
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
    pub(super) fn of(offer: &Offer) -> Self {
        let score = offer.taken.files.get(&Role::Score).and_then(|bytes| serde_json::from_slice(bytes).ok());
        let (component, manifest, limits) = (offer.component.clone(), offer.manifest.clone(), offer.limits.clone());
        Self { component, manifest, limits, score }
    }

    pub(super) fn side(&self) -> Side<'_> {
        let (component, manifest, limits) = (&self.component, &self.manifest, &self.limits);
        Side { component, manifest, limits, score: self.score.as_ref() }
    }
}

/// Reads a pinned component from the store, and asks it what it is.
pub(super) fn known(sharing: &Sharing, pin: &Pin, sandboxes: &Sandboxes) -> anyhow::Result<Known> {
    let bytes = sharing.store().get(pin.component).context(FETCH)?;
    let limits = Limits::default();
    let component = compiler(sandboxes)?.compile(&bytes, &limits)?;
    let manifest = describe(&component, &limits)?;
    ensure!(manifest.name == pin.name, "watchfire.lock calls `{}` {}", manifest.name, pin.name);
    let score = pin.score.and_then(|digest| serde_json::from_slice(&sharing.store().get(digest).ok()?).ok());
    // A key that an older version of watchfire knew is nothing to compare by.
    let limits = Limits::stated(&pin.limits).unwrap_or_default();
    Ok(Known { component, manifest, limits, score })
}

/// Runs both over the journal, if the config and the journal let them; why not is logged.
pub(super) fn try_on(
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
