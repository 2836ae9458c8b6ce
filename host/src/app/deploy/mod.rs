//! From a config to what runs, at the start and at each change: the same path, which builds the new before it
//! touches the old. What fails leaves the old running.

pub mod load;
pub mod readiness;
pub mod sandbox;
pub mod trial;
pub mod versions;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use alloy::primitives::B256;
use tokio::sync::{mpsc, oneshot};

use crate::app::config::{Config, DetectorConfig};

use crate::app::deploy::load::{KeptSpec, LoadedPlan, Ready};
use crate::app::deploy::readiness::Unready;
use crate::app::deploy::trial::{Rehearsal, Version, rehearse};
use crate::app::engine::retention::Retention;
use crate::app::live::disk::Watched;
use crate::app::live::main_loop::{Turn, wall_clock_ms};
use crate::app::live::sources::{Readers, Sources};
use crate::diagnostic::Diagnostic;
use crate::digest::sha256;
use crate::journal::Journal;
use crate::plugin::Runtime;
use crate::protocol::Protocol;

/// What runs now, as far as a change can touch it.
pub struct Deployment {
    pub(super) runtime: Arc<Runtime>,
    pub(super) turns: mpsc::Sender<Turn>,
    pub(super) journal: PathBuf,
    readers: Readers,
    pub(super) detectors: BTreeMap<String, Arc<Version>>,
    /// Detectors of an earlier run, not yet compared with the config.
    stale: BTreeSet<String>,
    /// Versions that failed soon after they were swapped in.
    pub(super) rejected: BTreeMap<String, BTreeSet<B256>>,
    plans: BTreeMap<String, Followed>,
    webhooks: String,
    retained: Option<(Retention, Watched)>,
    sources: Sources,
}

/// The plan that a protocol goes by.
#[derive(Debug, Default)]
struct Followed {
    what: Option<(Protocol, B256)>,
    unready: Unready,
}

/// What a change did, one line each, and what was wrong.
#[derive(Debug, Default)]
pub struct Applied {
    /// What is new: `detector outflow: 0x12… is now 0x34…`.
    pub changes: Vec<String>,
    /// What was refused; the old goes on.
    pub diagnostics: Vec<Diagnostic>,
}

/// What came of putting one version in the place of another.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Swapped {
    /// SHA-256 of the version that runs now.
    pub digest: B256,
    /// What it made of the last inputs, where another ran before it.
    pub rehearsal: Option<Rehearsal>,
}

/// What a journal knows of earlier runs.
#[derive(Clone, Debug, Default)]
pub struct Past {
    journal: PathBuf,
    stale: BTreeSet<String>,
    rejected: BTreeMap<String, BTreeSet<B256>>,
}

impl Past {
    /// What this journal knows.
    pub fn of(journal: &Journal) -> anyhow::Result<Self> {
        let mut rejected: BTreeMap<String, BTreeSet<B256>> = BTreeMap::new();
        for (id, digest, _) in journal.rejected()? {
            rejected.entry(id).or_default().insert(digest);
        }
        let stale = journal.live_detectors()?.into_iter().map(|(id, _)| id).collect();
        Ok(Self { journal: journal.path().to_owned(), stale, rejected })
    }
}

impl Deployment {
    /// Nothing yet. What the journal ends with and the config no longer has is removed.
    pub fn new(
        runtime: Arc<Runtime>,
        turns: mpsc::Sender<Turn>,
        sources: Sources,
        readers: Readers,
        past: Past,
    ) -> Self {
        let Past { journal, stale, rejected } = past;
        let (detectors, plans, webhooks, retained) = (BTreeMap::new(), BTreeMap::new(), String::new(), None);
        Self { runtime, turns, journal, readers, detectors, stale, rejected, plans, webhooks, retained, sources }
    }

    /// Takes up a config. Each part that is good is taken, each that is not is told.
    pub async fn apply(&mut self, config: &Config) -> anyhow::Result<Applied> {
        let mut applied = Applied::default();
        self.apply_plan(config, &mut applied).await?;
        self.apply_detectors(config, &mut applied).await?;
        self.apply_webhooks(config, &mut applied).await?;
        self.apply_retention(config).await?;
        self.sources.apply(config, &mut applied).await?;
        Ok(applied)
    }

    /// Ends all sources and waits for them.
    pub async fn stop(&mut self) {
        self.sources.stop().await;
    }

    async fn apply_plan(&mut self, config: &Config, applied: &mut Applied) -> anyhow::Result<()> {
        let names = config.plan.iter().map(|_| String::new()).chain(config.protocols.keys().cloned()).collect();
        for loaded in load::plans(config) {
            match loaded {
                Ok(loaded) => self.follow(loaded, applied).await?,
                Err(diagnostics) => applied.diagnostics.extend(diagnostics),
            }
        }
        self.plans.retain(|name, _| BTreeSet::contains(&names, name));
        self.send(Turn::Protocols(names)).await
    }

    async fn follow(&mut self, loaded: LoadedPlan, applied: &mut Applied) -> anyhow::Result<()> {
        applied.diagnostics.extend(loaded.plan.warnings().iter().cloned());
        let (name, hash) = (loaded.protocol.name.clone(), loaded.plan.hash());
        let followed = self.plans.entry(name.clone()).or_default();
        if followed.what.as_ref() == Some(&(loaded.protocol.clone(), hash)) {
            return Ok(());
        }
        followed.what = Some((loaded.protocol.clone(), hash));
        let of = if name.is_empty() { String::new() } else { format!(" of {name}") };
        applied.changes.push(format!("plan{of}: is now {hash}"));
        for found in followed.unready.news(&loaded.files, wall_clock_ms()) {
            tracing::warn!("the plan{of} is not ready: {found}");
        }
        self.send(Turn::Plan(Box::new(loaded))).await
    }

    async fn apply_detectors(&mut self, config: &Config, applied: &mut Applied) -> anyhow::Result<()> {
        let known = self.detectors.keys().cloned().chain(std::mem::take(&mut self.stale));
        let gone: BTreeSet<String> = known.filter(|id| !config.detectors.contains_key(id)).collect();
        for id in gone {
            self.detectors.remove(&id);
            applied.changes.push(format!("detector {id}: removed"));
            self.send(Turn::Remove(id)).await?;
        }
        let mut changed = BTreeMap::new();
        for (id, wanted) in &config.detectors {
            let Some(bytes) = self.bytes_of(config, id, wanted, applied).await? else { continue };
            let (digest, spec) = (sha256(&bytes), KeptSpec::of(config, wanted));
            let is_new = |running: &Arc<Version>| running.component.digest() != digest || running.spec != spec;
            if self.detectors.get(id).is_none_or(is_new) {
                changed.insert(id.clone(), bytes);
            }
        }
        let (runtime, owned) = (self.runtime.clone(), config.clone());
        let all = tokio::task::spawn_blocking(move || load::detectors_of(&runtime, &owned, changed)).await?;
        for (id, loaded) in all {
            match loaded {
                Err(diagnostics) => applied.diagnostics.extend(diagnostics),
                Ok(ready) => {
                    applied.diagnostics.extend(ready.warnings.iter().cloned());
                    match self.replace(config, &id, ready, false).await? {
                        Ok(swapped) => applied.changes.push(told(&id, &swapped)),
                        Err(diagnostics) => applied.diagnostics.extend(diagnostics),
                    }
                }
            }
        }
        Ok(())
    }

    /// The component to run: the config's file, or the version before it where that one was rejected.
    async fn bytes_of(
        &self,
        config: &Config,
        id: &str,
        wanted: &DetectorConfig,
        applied: &mut Applied,
    ) -> anyhow::Result<Option<Vec<u8>>> {
        let path = config.component_path(wanted);
        let place = ["detector", id, "component"];
        let bytes = match tokio::fs::read(&path).await {
            Ok(bytes) => bytes,
            Err(error) => {
                let message = format!("`{}` can't be read: {error}", path.display());
                let help = "build it with `watchfire plugin build`";
                applied.diagnostics.push(load::diagnostic(config, &place, message, help));
                return Ok(None);
            }
        };
        let rejected = self.rejected.get(id);
        if !rejected.is_some_and(|rejected| rejected.contains(&sha256(&bytes))) {
            return Ok(Some(bytes));
        }
        let before = self.version_before(id, None)?;
        let Some((digest, bytes)) = before else { return Ok(Some(bytes)) };
        tracing::warn!(
            "detector {id}: `{}` failed soon after it was swapped in before; {digest} runs in its place. Replace the \
             file, or take it up all the same with `watchfire plugin swap {id} {} --force`",
            path.display(),
            path.display()
        );
        Ok(Some(bytes))
    }

    /// The version of a detector to go back to: the newest that the journal keeps and that is neither the given one nor
    /// rejected.
    pub(super) fn version_before(&self, id: &str, than: Option<B256>) -> anyhow::Result<Option<(B256, Vec<u8>)>> {
        let journal = Journal::open_existing_read_only(&self.journal)?;
        let is_good = |digest: &B256| {
            Some(*digest) != than && !self.rejected.get(id).is_some_and(|rejected| rejected.contains(digest))
        };
        let digest = journal.versions(id)?.into_iter().rev().map(|(_, digest)| digest).find(is_good);
        let Some(digest) = digest else { return Ok(None) };
        Ok(journal.component(digest)?.map(|bytes| (digest, bytes)))
    }

    /// Tries a version on the last inputs, and puts it in the place of the one that runs. Where that fails the old one
    /// runs on; `force` takes it up even where it failed on them.
    pub(super) async fn replace(
        &mut self,
        config: &Config,
        id: &str,
        ready: Ready,
        force: bool,
    ) -> anyhow::Result<Result<Swapped, Vec<Diagnostic>>> {
        let new = Version { component: ready.detector.profile().component().clone(), spec: ready.spec.clone() };
        let name = id.to_owned();
        let (old, journal, readers) = (self.detectors.get(id).cloned(), self.journal.clone(), self.readers.clone());
        let tried = tokio::task::spawn_blocking(move || {
            let rehearsal = match &old {
                Some(old) => Some(rehearse(&journal, &name, Some(old), &new, Arc::new(readers))?),
                None => None,
            };
            anyhow::Ok((new, rehearsal))
        });
        let (new, rehearsal) = tried.await??;
        if let Some(rehearsal) = rehearsal.as_ref().filter(|rehearsal| !force && is_worse(rehearsal)) {
            let message = format!(
                "it fails on {} of the last {} inputs: {}",
                rehearsal.failures.len(),
                rehearsal.inputs,
                rehearsal.failures.first().map_or("", String::as_str)
            );
            let help = format!("mend it, or take it up all the same with `watchfire plugin swap {id} FILE --force`");
            return Ok(Err(vec![load::diagnostic(config, &["detector", id, "component"], message, &help)]));
        }
        self.place(config, id, ready, new, rehearsal).await
    }

    async fn place(
        &mut self,
        config: &Config,
        id: &str,
        ready: Ready,
        new: Version,
        rehearsal: Option<Rehearsal>,
    ) -> anyhow::Result<Result<Swapped, Vec<Diagnostic>>> {
        let digest = new.component.digest();
        let (reply, swapped) = oneshot::channel();
        self.send(Turn::Swap(Box::new(ready), reply)).await?;
        match swapped.await? {
            Ok(()) => {
                self.detectors.insert(id.to_owned(), Arc::new(new));
                Ok(Ok(Swapped { digest, rehearsal }))
            }
            Err(message) => Ok(Err(vec![load::diagnostic(config, &["detector", id], message, "")])),
        }
    }

    async fn apply_webhooks(&mut self, config: &Config, applied: &mut Applied) -> anyhow::Result<()> {
        let written = config.webhooks.keys().map(|name| config.written("webhook", name));
        let told = written.collect::<Vec<_>>().join("\n");
        if told != self.webhooks {
            self.webhooks = told;
            let names: Vec<&str> = config.webhooks.keys().map(String::as_str).collect();
            if !names.is_empty() {
                applied.changes.push(format!("webhooks: {}", names.join(", ")));
            }
            self.send(Turn::Webhooks(config.webhooks()?)).await?;
        }
        Ok(())
    }

    async fn apply_retention(&mut self, config: &Config) -> anyhow::Result<()> {
        let chains = config.chains.values().map(|chain| chain.id).collect();
        let watched = Watched { journal: config.journal.clone(), min_free_bytes: config.min_free_bytes };
        let wanted = (Retention { keep_ms: config.keep_ms, chains }, watched);
        if self.retained.as_ref() != Some(&wanted) {
            self.retained = Some(wanted.clone());
            self.send(Turn::Retain(wanted.0, wanted.1)).await?;
        }
        Ok(())
    }

    pub(super) async fn send(&self, turn: Turn) -> anyhow::Result<()> {
        self.turns.send(turn).await.map_err(|_| anyhow::anyhow!("the loop has ended"))
    }
}

/// Whether a new version fails where the old one did not.
fn is_worse(rehearsal: &Rehearsal) -> bool {
    rehearsal.failures.len() > rehearsal.old_failures
}

fn told(id: &str, swapped: &Swapped) -> String {
    let tried = swapped.rehearsal.as_ref().map(|rehearsal| format!("; {}", rehearsal.told())).unwrap_or_default();
    format!("detector {id}: is now {}{tried}", swapped.digest)
}
