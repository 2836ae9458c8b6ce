//! One detector: its component, its state, and an instance that may be dropped between any two batches.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy::primitives::B256;

use crate::block::{BlockRef, ChainId};
use crate::chain_read::{ChainAnswer, ChainRead};
use crate::entry::StateChange;
use crate::failure_kind::FailureKind;
use crate::finding::Claim;
use crate::narrow::Matcher;
use crate::plugin::boundary::batch::Batch;
use crate::plugin::boundary::chain::Shared;
use crate::plugin::boundary::claim;
use crate::plugin::boundary::guest::LogLine;
use crate::plugin::boundary::state::StateStore;
use crate::plugin::compile::runtime::Component;
use crate::plugin::failure::{Failure, LoadError};
use crate::plugin::fleet::identity::Profile;
use crate::plugin::fleet::instance::{Instance, circumstances, describe, start};
use crate::plugin::limits::Limits;
use crate::plugin::measure::allocations::Allocated;
use crate::plugin::measure::sampler::Sampler;
use crate::plugin::text::lines;

/// A detector as the operator wants it.
pub struct Spec {
    /// Its id in the config.
    pub id: String,
    /// What it is made of.
    pub component: Arc<Component>,
    /// Its own config.
    pub config: serde_json::Value,
    /// Chains that it watches; all where there are none.
    pub chains: Vec<ChainId>,
    /// Feeds that it may see; `*` stands for every feed.
    pub feeds: Vec<String>,
    /// Capabilities that it is granted.
    pub grants: Vec<String>,
    /// The detector that it runs beside as a shadow.
    pub shadow_of: Option<String>,
    /// What it may use up.
    pub limits: Limits,
}

/// A detector that has started.
pub struct Detector {
    profile: Arc<Profile>,
    state: StateStore,
    instance: Option<Instance>,
    /// There if somebody wants to know what it spends its time on.
    sampler: Option<Sampler>,
}

/// What one batch gave.
pub(super) struct Ran {
    pub(super) result: Result<Vec<Claim>, Failure>,
    pub(super) state: Vec<StateChange>,
    pub(super) reads: Vec<(BlockRef, ChainRead, ChainAnswer)>,
    pub(super) log: Vec<LogLine>,
    pub(super) elapsed: Duration,
    /// Where it is counted.
    pub(super) fuel: Option<u64>,
    /// Where it is counted.
    pub(super) allocated: Option<Allocated>,
}

impl Ran {
    /// It never ran.
    pub(super) fn failed(failure: Failure) -> Self {
        let (state, reads, log) = (Vec::new(), Vec::new(), Vec::new());
        Self { result: Err(failure), state, reads, log, elapsed: Duration::ZERO, fuel: None, allocated: None }
    }
}

impl Detector {
    /// Describes, checks and starts a detector over the state that it has so far.
    ///
    /// # Errors
    ///
    /// If it is not admitted: by its grants, limits, config or subscriptions, or because it fails to start.
    pub fn load(spec: Spec, state: BTreeMap<Vec<u8>, Vec<u8>>) -> Result<Self, LoadError> {
        if spec.component.settings() != spec.limits.engine() {
            return Err(LoadError::OtherEngine);
        }
        let mut manifest = describe(&spec.component, &spec.limits)?;
        manifest.add_named_kinds(&spec.config);
        let asks = &manifest.capabilities;
        let missing: Vec<String> = asks.iter().filter(|name| !spec.grants.contains(name)).cloned().collect();
        if !missing.is_empty() {
            return Err(LoadError::NotGranted { missing });
        }
        let mut profile = Profile {
            grants: asks.clone(),
            manifest,
            subscriptions: Vec::new(),
            matcher: Matcher::default(),
            chains: spec.chains,
            feeds: spec.feeds,
            shadow_of: spec.shadow_of,
            config: spec.config.to_string(),
            limits: Arc::new(spec.limits),
            id: spec.id,
            component: spec.component,
        };
        let mut state = StateStore::new(state);
        let (instance, subscriptions) = start(&profile, &mut state)?;
        profile.matcher = Matcher::new(&subscriptions);
        profile.subscriptions = subscriptions;
        let (profile, instance) = (Arc::new(profile), Some(instance));
        Ok(Self { profile, state, instance, sampler: None })
    }

    /// Takes samples of its batches from here on, one each `interval`. Returns the sampler that has them.
    ///
    /// # Errors
    ///
    /// If its component can't be profiled, or the sampler's thread can't be started.
    pub fn sample(&mut self, interval: Duration) -> anyhow::Result<Sampler> {
        let sampler = Sampler::new(&self.profile.id, &self.profile.component, interval)?;
        self.sampler = Some(sampler.clone());
        self.drop_instance();
        Ok(sampler)
    }

    /// Returns what it is, and what it wants to see.
    pub fn profile(&self) -> &Arc<Profile> {
        &self.profile
    }

    /// Gives it the state that it is to have. An instance that has seen nothing of another state is kept.
    pub fn set_state(&mut self, values: BTreeMap<Vec<u8>, Vec<u8>>) {
        self.state = StateStore::new(values);
        self.instance.take_if(|instance| instance.is_used || instance.store.data().knows_state);
    }

    /// Has an instance ready for the next batch. If none can be started, that batch fails.
    pub fn get_ready(&mut self) {
        self.instance = self.ready().ok();
    }

    /// Empties its state and starts it anew.
    pub(super) fn forget(&mut self) -> Result<(), LoadError> {
        self.set_state(BTreeMap::new());
        self.instance = Some(self.ready()?);
        Ok(())
    }

    /// Puts keys of its state back, and drops what it may remember otherwise.
    pub(super) fn restore(&mut self, restored: Vec<(Vec<u8>, Option<Vec<u8>>)>) {
        self.state.restore(restored);
        self.drop_instance();
    }

    /// Drops its instance. Guest memory is a cache: that must change nothing.
    pub fn drop_instance(&mut self) {
        self.instance = None;
    }

    /// Returns the memory of its instance, bytes; `None` if it has none at the moment.
    pub(super) fn memory_bytes(&self) -> Option<u64> {
        self.instance.as_ref().map(|instance| instance.store.data().limiter.memory_bytes() as u64)
    }

    /// Shows it a batch. `input` tells this input from every other. Returns what came of it.
    pub(super) fn on_batch(&mut self, batch: Batch, shared: &Shared, input: B256) -> Ran {
        let started = Instant::now();
        let mut ran = match self.ready() {
            Ok(instance) => self.run(instance, batch, shared, input),
            Err(error) => {
                let failure = match error {
                    LoadError::Start(failure) => failure,
                    other => Failure::new(FailureKind::Start, other.to_string()),
                };
                Ran::failed(failure)
            }
        };
        ran.elapsed = started.elapsed();
        ran
    }

    fn ready(&mut self) -> Result<Instance, LoadError> {
        match self.instance.take() {
            Some(instance) => Ok(instance),
            None => {
                let (mut instance, _) = start(&self.profile, &mut self.state)?;
                if let Some(sampler) = &self.sampler {
                    sampler.watch(&mut instance.store);
                }
                Ok(instance)
            }
        }
    }

    fn run(&mut self, mut instance: Instance, batch: Batch, shared: &Shared, input: B256) -> Ran {
        let head = batch.scene.head;
        let timestamp_s = head.map_or(0, |head| head.timestamp_s);
        let guest = instance.store.data_mut();
        guest.state = std::mem::take(&mut self.state);
        guest.begin(head, self.profile.limits.batch_deadline_ms);
        guest.chain.shared = Some(shared.clone());
        if let Some(wasi) = &mut guest.wasi {
            wasi.begin(&self.profile.id, input.as_slice(), timestamp_s);
        }
        instance.is_used = true;
        let before = instance.allocated();
        let called = instance.on_batch(batch, &self.profile.limits, self.sampler.is_some());
        let allocated = before.zip(instance.allocated()).map(|(before, after)| after.since(before));
        let given = self.profile.limits.fuel_per_batch;
        let fuel = given.and_then(|given| Some(given.saturating_sub(instance.store.get_fuel().ok()?)));
        let guest = instance.store.data_mut();
        guest.chain.shared = None;
        let log = guest.take_log();
        let result = match called {
            Ok(Ok(findings)) => claim::claims(findings, &self.profile.manifest, &self.profile.limits),
            Ok(Err(message)) => Err(Failure::new(FailureKind::Error, lines(&message, 4_096))),
            Err(trap) => {
                let what = circumstances(guest, &log, &self.profile.limits, true);
                Err(Failure::of_trap(&trap, &what))
            }
        };
        let reads = std::mem::take(&mut guest.chain.asked);
        let state = match &result {
            Ok(_) => guest.state.commit(),
            Err(_) => {
                guest.state.discard();
                Vec::new()
            }
        };
        self.state = std::mem::take(&mut guest.state);
        if result.is_ok() {
            self.instance = Some(instance);
        }
        Ran { result, state, reads, log, elapsed: Duration::ZERO, fuel, allocated }
    }
}
