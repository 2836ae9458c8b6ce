//! Versions of a detector, by an operator's word or by the host's own: swap, roll back, reject.

use std::path::Path;

use alloy::primitives::B256;
use anyhow::{Context, ensure};
use jiff::Timestamp;

use crate::app::config::Config;
use crate::app::deploy::Deployment;
use crate::app::deploy::applied::{Failing, Swapped};
use crate::app::deploy::change::Change;
use crate::app::deploy::load;
use crate::app::deploy::load::Ready;
use crate::app::deploy::trial::Version;
use crate::diagnostic::Diagnostic;
use crate::digest::sha256;
use crate::journal::Journal;
use crate::plugin::describe;

impl<T: From<Change>> Deployment<T> {
    /// Takes up a component in place of the one that runs, and puts it where the config says, so that a restart runs the
    /// same. Returns what came of it, or why it was refused.
    ///
    /// # Errors
    ///
    /// If there is no such detector, the component was rejected before, its file can't be replaced, or the loop has ended.
    pub async fn swap(
        &mut self,
        config: &Config,
        id: &str,
        bytes: Vec<u8>,
        force: bool,
    ) -> anyhow::Result<Result<Swapped, Vec<Diagnostic>>> {
        let wanted = config.detectors.get(id).with_context(|| format!("the config has no detector `{id}`"))?;
        ensure!(
            !wanted.is_shared(),
            "`{id}` comes from a registry and is pinned by `watchfire.lock`: take another version by `watchfire plugin update \
             {id} --to VERSION`, or go back by `watchfire plugin update {id} --back`"
        );
        let (digest, path) = (sha256(&bytes), config.component_path(id, wanted));
        ensure!(
            force || !self.is_rejected(config, id, digest),
            "{digest} failed soon after it was swapped in before; `--force` takes it up all the same"
        );
        let ready = match self.load(config, id, bytes.clone()).await? {
            Ok(ready) => ready,
            Err(diagnostics) => return Ok(Err(diagnostics)),
        };
        let was = self.detectors.get(id).and_then(|running| name_of(running));
        let is = &ready.detector.profile().manifest().name;
        if let Some(was) = was.filter(|was| was != is && !force) {
            anyhow::bail!(
                "this component calls itself `{is}`, and the one that runs as `{id}` is `{was}`; `--force` takes it up all the same"
            );
        }
        let swapped = self.replace(config, id, ready, force).await?;
        if swapped.is_ok() {
            if let Some(rejected) = self.rejected.get_mut(id) {
                rejected.remove(&digest);
            }
            install(&path, &bytes).with_context(|| {
                format!("{id} is swapped, but `{}` can't be replaced: a restart would run the old one", path.display())
            })?;
        }
        Ok(swapped)
    }

    async fn load(&self, config: &Config, id: &str, bytes: Vec<u8>) -> anyhow::Result<Result<Ready, Vec<Diagnostic>>> {
        let (runtime, owned, name) = (self.runtime.clone(), config.clone(), id.to_owned());
        let loading = tokio::task::spawn_blocking(move || load::detector_of(&runtime, &owned, &name, bytes));
        Ok(loading.await?)
    }

    /// Goes back to an earlier version: the one of a digest, or the one that ran before. Returns what came of it, or why it
    /// was refused.
    ///
    /// # Errors
    ///
    /// If there is no such version, its file can't be replaced, or the loop has ended.
    pub async fn roll_back(
        &mut self,
        config: &Config,
        id: &str,
        to: Option<B256>,
    ) -> anyhow::Result<Result<Swapped, Vec<Diagnostic>>> {
        let running = self.detectors.get(id).map(|version| version.component.digest());
        ensure!(running.is_some(), "no detector `{id}` runs");
        let bytes = match to {
            Some(digest) => {
                let journal = Journal::open_existing_read_only(&self.journal)?;
                let kept = journal.versions(id)?.iter().any(|(_, version)| *version == digest);
                ensure!(kept, "`{id}` never was {digest}; `watchfire plugin status` lists its versions");
                journal.component(digest)?
            }
            None => self.version_before(config, id, running)?.map(|(_, bytes)| bytes),
        };
        let bytes = bytes.with_context(|| format!("the journal keeps no earlier version of `{id}`"))?;
        // It ran before: what it fails on now, it failed on then.
        self.swap(config, id, bytes, true).await
    }

    /// Rejects a version that failed soon after it was swapped in. The one before takes its place and tries again what was set
    /// aside.
    ///
    /// # Errors
    ///
    /// If the journal can't be read, or the loop has ended.
    pub async fn reject(&mut self, config: &Config, failing: Failing) -> anyhow::Result<()> {
        let id = failing.detector.clone();
        let running = self.detectors.get(&id).map(|version| version.component.digest());
        if running != Some(failing.digest) {
            return Ok(());
        }
        let Some((before, bytes)) = self.condemn(config, failing).await? else { return Ok(()) };
        let replaced = match self.load(config, &id, bytes).await? {
            Ok(ready) => self.replace(config, &id, ready, true).await?.map(drop),
            Err(diagnostics) => Err(diagnostics),
        };
        match replaced {
            Ok(()) => self.send(Change::Retry(id)).await,
            Err(diagnostics) => {
                diagnostics.iter().for_each(|found| tracing::error!("{id} can't go back to {before}: {found}"));
                Ok(())
            }
        }
    }

    /// Notes that a version is not to be taken up again, and returns the one to go back to. `None`, and nothing but a word in the
    /// log, if there is none that runs.
    pub(super) async fn condemn(
        &mut self,
        config: &Config,
        failing: Failing,
    ) -> anyhow::Result<Option<(B256, Vec<u8>)>> {
        let Failing { detector: id, digest, reason } = failing;
        let Some((before, bytes)) = self.runnable_before(config, &id, Some(digest)).await? else {
            tracing::error!(
                "detector {id}: {digest} fails soon after it was swapped in ({reason}), and stays: {NOTHING_BEFORE}"
            );
            return Ok(None);
        };
        tracing::error!("detector {id}: {digest} fails soon after it was swapped in ({reason}); back to {before}");
        self.rejected.entry(id.clone()).or_default().insert(digest, wall_clock_ms());
        self.send(Change::Reject { detector: id, digest, reason }).await?;
        Ok(Some((before, bytes)))
    }

    /// True when a version failed soon after it was swapped in, and nobody pinned it again since.
    pub(super) fn is_rejected(&self, config: &Config, id: &str, digest: B256) -> bool {
        let rejected = self.rejected.get(id).and_then(|rejected| rejected.get(&digest));
        rejected.is_some_and(|at_ms| !config.is_pinned_since(id, digest, *at_ms))
    }

    /// The version of a detector to go back to: the newest that the journal keeps, that may run by the config, and that is
    /// neither the given one nor rejected.
    pub(super) fn version_before(
        &self,
        config: &Config,
        id: &str,
        than: Option<B256>,
    ) -> anyhow::Result<Option<(B256, Vec<u8>)>> {
        let journal = Journal::open_existing_read_only(&self.journal)?;
        let is_good = |digest: &B256| {
            Some(*digest) != than && !self.is_rejected(config, id, *digest) && config.may_go_back_to(id, *digest)
        };
        let digest = journal.versions(id)?.into_iter().rev().map(|(_, digest)| digest).find(is_good);
        let Some(digest) = digest else { return Ok(None) };
        Ok(journal.component(digest)?.map(|bytes| (digest, bytes)))
    }

    /// Returns what [`Self::version_before`] does, if it runs with the detector's section as it stands: a version that does not may have
    /// had another config. One detector that can't go back is no reason to end the watch.
    pub(super) async fn runnable_before(
        &self,
        config: &Config,
        id: &str,
        than: Option<B256>,
    ) -> anyhow::Result<Option<(B256, Vec<u8>)>> {
        let Some((digest, bytes)) = self.version_before(config, id, than)? else { return Ok(None) };
        match self.load(config, id, bytes.clone()).await? {
            Ok(_) => Ok(Some((digest, bytes))),
            Err(wrong) => {
                wrong.iter().for_each(|found| tracing::error!("detector {id} can't go back to {digest}: {found}"));
                Ok(None)
            }
        }
    }

    /// Returns the detectors of registries that run as something else than what the lock pins, since that was rejected: each
    /// with what it pins.
    pub fn gone_back(&self, config: &Config) -> Vec<(String, B256)> {
        let pinned = config.detectors.iter().filter(|(_, wanted)| wanted.is_shared());
        let pinned = pinned.filter_map(|(id, _)| Some((id, config.pin(id)?.component.0)));
        let runs_other =
            |id: &str, digest: B256| self.detectors.get(id).is_some_and(|runs| runs.component.digest() != digest);
        let gone_back = pinned.filter(|(id, digest)| runs_other(id, *digest) && self.is_rejected(config, id, *digest));
        gone_back.map(|(id, digest)| (id.clone(), digest)).collect()
    }

    /// Says that an earlier version runs in the place of one that was rejected.
    pub(super) fn instead(config: &Config, id: &str, before: B256) -> String {
        if let Some(pin) = config.pin(id) {
            let reference = &pin.reference;
            return format!(
                "detector {id}: `{reference}` failed soon after it was taken up before; {before} runs in its place, and config \
                 and lock go back to it. Take a version that was mended, or this one all the same, by `watchfire plugin update \
                 {id} --force`"
            );
        }
        let path = config.detectors.get(id).map(|wanted| config.component_path(id, wanted)).unwrap_or_default();
        format!(
            "detector {id}: `{}` failed soon after it was swapped in before; {before} runs in its place. Replace the file, or \
             take it up all the same with `watchfire plugin swap {id} {} --force`",
            path.display(),
            path.display()
        )
    }
}

/// What is said where a version that failed has none before it that runs.
const NOTHING_BEFORE: &str = "no version before it runs with its section of the config. Take another version, or the one before with its own \
                              config, as by `watchfire plugin update ID --back --detector-config FILE`";

fn wall_clock_ms() -> u64 {
    u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default()
}

/// What a version calls itself.
fn name_of(version: &Version) -> Option<String> {
    describe(&version.component, &version.spec.limits).ok().map(|manifest| manifest.name)
}

/// Replaces a file as a whole, or not at all.
fn install(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if std::fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    crate::whole_file::replace(path, bytes, 0o644).with_context(|| format!("`{}` can't be written", path.display()))
}
