//! From a config to what runs, at the start and at each change: the same path, which builds the new before it
//! touches the old. What fails leaves the old running.

pub mod applied;
pub mod change;
pub mod gathered;
pub mod load;
pub mod machine;
pub mod pinned;
pub mod readiness;
pub mod requests;
pub mod sandbox;
pub mod spec;
pub mod trial;
pub mod versions;
pub mod weakened;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use alloy::primitives::B256;
use tokio::sync::{mpsc, oneshot};

use crate::app::config::Config;
use crate::app::deploy::applied::{Applied, Earlier, Failing, RejectedVersions, Swapped};
use crate::app::deploy::change::{Change, DiskFloor, Outlets};
use crate::app::deploy::gathered::{ComponentRead, Gathered};
use crate::app::deploy::load::{LoadedPlan, Ready};
use crate::app::deploy::readiness::Unready;
use crate::app::deploy::spec::KeptSpec;
use crate::app::deploy::trial::{INPUTS, Rehearsal, Version, rehearse};
use crate::app::engine::retention::Retention;
use crate::chain_read::ChainReader;
use crate::deliver::answer::Asks;
use crate::deliver::channel::Made;
use crate::diagnostic::Diagnostic;
use crate::digest::sha256;
use crate::event::Coverage;
use crate::finding::Severity;
use crate::plugin::Runtime;
use crate::protocol::Protocol;

/// Detectors, plans, webhooks and retention that run now, brought in line with a config.
///
/// The deployment lies beside the loop: it builds what is new, and hands it over as [`Change`]s. `T` is whatever the loop
/// takes as its messages.
pub struct Deployment<T> {
    runtime: Arc<Runtime>,
    turns: mpsc::Sender<T>,
    journal: PathBuf,
    /// Who answers reads of the chain when a version is tried.
    reader: Arc<dyn ChainReader>,
    detectors: BTreeMap<String, Arc<Version>>,
    /// The version that each of them says that it is.
    versions: BTreeMap<String, String>,
    /// Detectors of an earlier run, not yet compared with the config.
    stale: BTreeSet<String>,
    /// What ran when the host before this one ended, until the first config is taken up.
    ran: BTreeMap<String, B256>,
    /// Versions that the host before this one did not live to take back, until the first config is taken up.
    unfinished: BTreeMap<String, Failing>,
    /// Versions that failed soon after they were swapped in.
    rejected: RejectedVersions,
    plans: BTreeMap<String, Followed>,
    webhooks: String,
    retained: Option<(Retention, DiskFloor)>,
}

/// The plan that a protocol goes by.
#[derive(Debug, Default)]
struct Followed {
    what: Option<(Protocol, B256)>,
    unready: Unready,
}

impl<T: From<Change>> Deployment<T> {
    /// Returns who answers reads of the chains.
    pub fn reader(&self) -> Arc<dyn ChainReader> {
        self.reader.clone()
    }

    /// Makes a deployment of nothing yet. Detectors that the journal ends with and the config no longer has go with the
    /// first config.
    pub fn new(runtime: Arc<Runtime>, turns: mpsc::Sender<T>, reader: Arc<dyn ChainReader>, earlier: Earlier) -> Self {
        let unfinished = earlier.unfinished();
        let Earlier { journal, ran, rejected } = earlier;
        let stale = ran.running.keys().cloned().collect();
        let (detectors, versions) = (BTreeMap::new(), BTreeMap::new());
        let (plans, webhooks, retained) = (BTreeMap::new(), String::new(), None);
        Self {
            runtime,
            turns,
            journal,
            reader,
            detectors,
            versions,
            stale,
            ran: ran.running,
            unfinished,
            rejected,
            plans,
            webhooks,
            retained,
        }
    }

    /// Takes up a config at a moment, milliseconds since the Unix epoch. Each part that is good is taken up; each that is
    /// not is reported, and the old goes on.
    ///
    /// # Errors
    ///
    /// If the loop has ended, or the journal can't be read.
    pub async fn apply(&mut self, gathered: Gathered, now_ms: u64) -> anyhow::Result<Applied> {
        let Gathered { config, plans, components, outlets, asks } = gathered;
        let mut applied = Applied::default();
        self.apply_plan(&config, plans, now_ms, &mut applied).await?;
        self.apply_detectors(&config, components, &mut applied).await?;
        self.apply_webhooks(&config, (outlets, asks), &mut applied).await?;
        self.apply_retention(&config).await?;
        Ok(applied)
    }

    /// Returns the ids of detectors that run, in order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.detectors.keys().map(String::as_str)
    }

    /// Returns the versions that running detectors say that they are, by id.
    pub fn versions(&self) -> &BTreeMap<String, String> {
        &self.versions
    }

    async fn apply_plan(
        &mut self,
        config: &Config,
        plans: Vec<Result<LoadedPlan, Vec<Diagnostic>>>,
        now_ms: u64,
        applied: &mut Applied,
    ) -> anyhow::Result<()> {
        let names = config.plan.iter().map(|_| String::new()).chain(config.protocols.keys().cloned()).collect();
        for loaded in plans {
            match loaded {
                Ok(loaded) => self.follow(loaded, now_ms, applied).await?,
                Err(diagnostics) => applied.diagnostics.extend(diagnostics),
            }
        }
        self.plans.retain(|name, _| BTreeSet::contains(&names, name));
        self.send(Change::Protocols(names)).await
    }

    async fn follow(&mut self, loaded: LoadedPlan, now_ms: u64, applied: &mut Applied) -> anyhow::Result<()> {
        applied.diagnostics.extend(loaded.plan.warnings().iter().cloned());
        let (name, hash) = (loaded.protocol.name.clone(), loaded.plan.hash());
        let followed = self.plans.entry(name.clone()).or_default();
        if followed.what.as_ref() == Some(&(loaded.protocol.clone(), hash)) {
            return Ok(());
        }
        followed.what = Some((loaded.protocol.clone(), hash));
        let of = if name.is_empty() { String::new() } else { format!(" of {name}") };
        applied.changes.push(format!("plan{of}: is now {hash}"));
        for found in readiness::lines(&followed.unready.news(&loaded.files, now_ms)) {
            tracing::warn!("the plan{of} is not ready: {found}");
        }
        self.send(Change::Plan(Box::new(loaded))).await
    }

    async fn apply_detectors(
        &mut self,
        config: &Config,
        mut components: BTreeMap<String, ComponentRead>,
        applied: &mut Applied,
    ) -> anyhow::Result<()> {
        let known = self.detectors.keys().cloned().chain(std::mem::take(&mut self.stale));
        let gone: BTreeSet<String> = known.filter(|id| !config.detectors.contains_key(id)).collect();
        for id in gone {
            self.detectors.remove(&id);
            self.versions.remove(&id);
            applied.changes.push(format!("detector {id}: removed"));
            self.send(Change::Remove(id)).await?;
        }
        let ran = std::mem::take(&mut self.ran);
        let mut changed = BTreeMap::new();
        for (id, wanted) in &config.detectors {
            let Some(read) = components.remove(id) else { continue };
            let Some(bytes) = self.bytes_of(config, id, read, applied).await? else { continue };
            let (digest, spec) = (sha256(&bytes), KeptSpec::of(config, wanted));
            let is_new = |running: &Arc<Version>| running.component.digest() != digest || !running.spec.is_as(&spec);
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
                    let before = self.detectors.get(&id).map(|version| version.component.digest());
                    match self.replace(config, &id, ready, false).await? {
                        Ok(swapped) => {
                            applied.changes.push(swapped.line(&id));
                            let failed = ran.get(&id).filter(|ran| **ran != swapped.digest);
                            if failed.is_some_and(|failed| self.is_rejected(config, &id, *failed)) {
                                self.send(Change::Retry(id.clone())).await?;
                            }
                            self.report_change(config, &id, before, swapped.digest).await?;
                        }
                        Err(diagnostics) => applied.diagnostics.extend(diagnostics),
                    }
                }
            }
        }
        Ok(())
    }

    /// Reports that a detector's file was replaced, and nobody ordered it: neither by a command nor by a digest in the
    /// config or the lock.
    async fn report_change(&self, config: &Config, id: &str, before: Option<B256>, now: B256) -> anyhow::Result<()> {
        let is_pinned = config.detectors.get(id).is_some_and(|wanted| wanted.digest.is_some() || wanted.is_shared());
        let Some(before) = before.filter(|before| *before != now && !is_pinned) else { return Ok(()) };
        let message = format!(
            "the file of detector {id} was replaced, and runs: it was {before} and is {now}. No command asked for it. Name its \
             digest in the config, and no other bytes are run"
        );
        let (kind, subject) = ("component-changed".to_owned(), format!("component/{id}"));
        self.send(Change::Report(Coverage {
            chain: None,
            kind,
            subject,
            severity: Severity::Medium,
            message,
            over: false,
        }))
        .await
    }

    /// The component to run: the config's file, or the version before it where that one was rejected.
    async fn bytes_of(
        &mut self,
        config: &Config,
        id: &str,
        read: ComponentRead,
        applied: &mut Applied,
    ) -> anyhow::Result<Option<Vec<u8>>> {
        let unfinished = self.unfinished.remove(id);
        let bytes = match read {
            Ok(bytes) => bytes,
            Err((message, help)) => {
                let place = ["detector", id, "component"];
                applied.diagnostics.push(load::diagnostic(config, &place, message, &help));
                return Ok(None);
            }
        };
        let digest = sha256(&bytes);
        if let Some(failing) = unfinished.filter(|failing| failing.digest == digest) {
            return Ok(Some(self.condemn(config, failing).await?.map_or(bytes, |(_, before)| before)));
        }
        if !self.is_rejected(config, id, digest) {
            return Ok(Some(bytes));
        }
        let Some((before, kept)) = self.runnable_before(config, id, None).await? else { return Ok(Some(bytes)) };
        tracing::warn!("{}", Self::instead(config, id, before));
        Ok(Some(kept))
    }

    /// Tries a version on the last inputs, and puts it in the place of the one that runs. Where that fails the old one
    /// runs on; `force` takes it up even where it failed on them.
    async fn replace(
        &mut self,
        config: &Config,
        id: &str,
        ready: Ready,
        force: bool,
    ) -> anyhow::Result<Result<Swapped, Vec<Diagnostic>>> {
        let new = Version { component: ready.detector.profile().component().clone(), spec: ready.spec.clone() };
        let name = id.to_owned();
        let (old, journal, reader) = (self.detectors.get(id).cloned(), self.journal.clone(), self.reader.clone());
        let tried = tokio::task::spawn_blocking(move || {
            let rehearsal = match &old {
                Some(old) => Some(rehearse(&journal, &name, Some(old), &new, reader, INPUTS)?),
                None => None,
            };
            anyhow::Ok((new, rehearsal))
        });
        let (new, rehearsal) = tried.await??;
        if let Some(rehearsal) = rehearsal.as_ref().filter(|rehearsal| !force && rehearsal.is_worse()) {
            let message = format!(
                "it fails on {} of the last {} inputs: {}",
                rehearsal.failures.len(),
                rehearsal.inputs,
                rehearsal.failures.first().map_or("", String::as_str)
            );
            let help = match config.pin(id) {
                Some(_) => format!("go back by `watchfire plugin update {id} --back`"),
                None => format!("mend it, or take it up all the same with `watchfire plugin swap {id} FILE --force`"),
            };
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
        let version = ready.detector.profile().manifest().version.clone();
        let (reply, swapped) = oneshot::channel();
        self.send(Change::Swap(Box::new(ready), reply)).await?;
        match swapped.await? {
            Ok(()) => {
                self.detectors.insert(id.to_owned(), Arc::new(new));
                self.versions.insert(id.to_owned(), version);
                Ok(Ok(Swapped { digest, rehearsal }))
            }
            Err(message) => Ok(Err(vec![load::diagnostic(config, &["detector", id], message, "")])),
        }
    }

    async fn apply_webhooks(
        &mut self,
        config: &Config,
        (outlets, asks): (anyhow::Result<BTreeMap<String, Made>>, anyhow::Result<Option<Asks>>),
        applied: &mut Applied,
    ) -> anyhow::Result<()> {
        let channels = config.channel.keys().map(|name| config.written("channel", name));
        let written = config.webhooks.keys().map(|name| config.written("webhook", name)).chain(channels);
        let written =
            written.chain([format!("{:?}{:?}", config.delivery, config.answers)]).collect::<Vec<_>>().join("\n");
        if written != self.webhooks {
            self.webhooks = written;
            for (what, names) in [
                ("webhooks", config.webhooks.keys().cloned().collect::<Vec<_>>()),
                ("channels", config.channel.keys().cloned().collect()),
            ] {
                if !names.is_empty() {
                    applied.changes.push(format!("{what}: {}", names.join(", ")));
                }
            }
            let (services, channels) = (outlets?, config.channels());
            let (asks, config) = (asks?, config.delivery.clone());
            self.send(Change::Webhooks(Outlets { services, channels, asks, config })).await?;
        }
        Ok(())
    }

    async fn apply_retention(&mut self, config: &Config) -> anyhow::Result<()> {
        let chains = config.chains.values().map(|chain| chain.id).collect();
        let floor = DiskFloor { journal: config.journal.clone(), min_free_bytes: config.min_free_bytes };
        let wanted = (Retention { keep_ms: config.keep_ms, chains }, floor);
        if self.retained.as_ref() != Some(&wanted) {
            self.retained = Some(wanted.clone());
            self.send(Change::Retain(wanted.0, wanted.1)).await?;
        }
        Ok(())
    }

    /// Gives the loop a message that goes before the changes that follow.
    ///
    /// # Errors
    ///
    /// If the loop has ended.
    pub async fn input(&self, message: T) -> anyhow::Result<()> {
        self.turns.send(message).await.map_err(|_| anyhow::anyhow!("the loop has ended"))
    }

    async fn send(&self, change: Change) -> anyhow::Result<()> {
        self.turns.send(change.into()).await.map_err(|_| anyhow::anyhow!("the loop has ended"))
    }
}
