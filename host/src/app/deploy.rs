//! From a config to what runs, at the start and at each change: the same path, which builds the new before it
//! touches the old. What fails leaves the old running.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy::primitives::B256;
use tokio::sync::{mpsc, oneshot};

use crate::app::config::Config;
use crate::app::load::{self, KeptSpec};
use crate::app::sources::Sources;
use crate::app::turn::Turn;
use crate::diagnostic::Diagnostic;
use crate::digest::sha256;
use crate::plugin::Runtime;

/// What runs now, as far as a change can touch it.
pub struct Deployment {
    runtime: Arc<Runtime>,
    turns: mpsc::Sender<Turn>,
    /// Digest and spec of each detector.
    detectors: BTreeMap<String, (B256, KeptSpec)>,
    /// Detectors of an earlier run, not yet compared with the config.
    stale: BTreeSet<String>,
    plan: Option<B256>,
    webhooks: String,
    sources: Sources,
}

/// What a change did, one line each, and what was wrong.
#[derive(Debug, Default)]
pub struct Applied {
    /// What is new: `detector outflow: 0x12… is now 0x34…`.
    pub changes: Vec<String>,
    /// What was refused; the old goes on.
    pub diagnostics: Vec<Diagnostic>,
}

impl Deployment {
    /// Nothing yet. `stale` are detectors that the journal ends with: what the config no longer has is removed.
    pub fn new(runtime: Arc<Runtime>, turns: mpsc::Sender<Turn>, sources: Sources, stale: BTreeSet<String>) -> Self {
        let (detectors, plan, webhooks) = (BTreeMap::new(), None, String::new());
        Self { runtime, turns, detectors, stale, plan, webhooks, sources }
    }

    /// Takes up a config. Each part that is good is taken, each that is not is told.
    pub async fn apply(&mut self, config: &Config) -> anyhow::Result<Applied> {
        let mut applied = Applied::default();
        self.apply_plan(config, &mut applied).await?;
        self.apply_detectors(config, &mut applied).await?;
        self.apply_webhooks(config, &mut applied).await?;
        self.sources.apply(config, &mut applied).await?;
        Ok(applied)
    }

    /// Ends all sources and waits for them.
    pub async fn stop(&mut self) {
        self.sources.stop().await;
    }

    async fn apply_plan(&mut self, config: &Config, applied: &mut Applied) -> anyhow::Result<()> {
        match load::plan(config) {
            Ok(Some(loaded)) => {
                applied.diagnostics.extend(loaded.plan.warnings().iter().cloned());
                let hash = loaded.plan.hash();
                if self.plan != Some(hash) {
                    self.plan = Some(hash);
                    applied.changes.push(format!("plan: is now {hash}"));
                    self.send(Turn::Plan(Box::new(loaded))).await?;
                }
            }
            Ok(None) => {}
            Err(diagnostics) => applied.diagnostics.extend(diagnostics),
        }
        Ok(())
    }

    async fn apply_detectors(&mut self, config: &Config, applied: &mut Applied) -> anyhow::Result<()> {
        let known = self.detectors.keys().cloned().chain(std::mem::take(&mut self.stale));
        let gone: BTreeSet<String> = known.filter(|id| !config.detectors.contains_key(id)).collect();
        for id in gone {
            self.detectors.remove(&id);
            applied.changes.push(format!("detector {id}: removed"));
            self.send(Turn::Remove(id)).await?;
        }
        for (id, wanted) in &config.detectors {
            let spec = KeptSpec::of(config, wanted);
            let digest = tokio::fs::read(config.component_path(wanted)).await.ok().map(|bytes| sha256(&bytes));
            if let (Some(digest), Some(running)) = (digest, self.detectors.get(id))
                && *running == (digest, spec.clone())
            {
                continue;
            }
            let (runtime, owned, name) = (self.runtime.clone(), config.clone(), id.clone());
            let loaded = tokio::task::spawn_blocking(move || load::detector(&runtime, &owned, &name)).await?;
            match loaded {
                Err(diagnostics) => applied.diagnostics.extend(diagnostics),
                Ok(ready) => {
                    let digest = ready.detector.profile().digest();
                    let (reply, swapped) = oneshot::channel();
                    self.send(Turn::Swap(Box::new(ready), reply)).await?;
                    match swapped.await? {
                        Ok(()) => {
                            self.detectors.insert(id.clone(), (digest, spec));
                            applied.changes.push(format!("detector {id}: is now {digest}"));
                        }
                        Err(message) => {
                            applied.diagnostics.push(load::diagnostic(config, &["detector", id], message, ""));
                        }
                    }
                }
            }
        }
        Ok(())
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

    async fn send(&self, turn: Turn) -> anyhow::Result<()> {
        self.turns.send(turn).await.map_err(|_| anyhow::anyhow!("the loop has ended"))
    }
}
