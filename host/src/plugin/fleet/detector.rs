//! One detector: its component, its state, and an instance that may be dropped between any two batches.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy::primitives::B256;
use wasmtime::Store;

use crate::block::ChainId;
use crate::chain_read::{ChainAnswer, ChainRead};
use crate::entry::StateChange;
use crate::finding::Claim;
use crate::narrow::Matcher;
use crate::plugin::boundary::batch::Batch;
use crate::plugin::boundary::chain::Shared;
use crate::plugin::boundary::guest::{Guest, HANDLES_AT_MOST, LogLevel, LogLine};
use crate::plugin::boundary::state::StateStore;
use crate::plugin::boundary::wasi::Wasi;
use crate::plugin::boundary::world::World;
use crate::plugin::boundary::{claim, subscribe};
use crate::plugin::compile::runtime::Component;
use crate::plugin::failure::Circumstances;
use crate::plugin::fleet::identity::Profile;
use crate::plugin::fleet::quarantine::Record;
use crate::plugin::measure::allocations::{Allocated, Counters};
use crate::plugin::measure::sampler::Sampler;
use crate::plugin::sandbox::ticks;
use crate::plugin::{Failure, Limits, LoadError, Manifest};
use crate::subscription::Subscription;

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
    pub(in crate::plugin) record: Record,
    /// Where somebody wants to know what it spends its time on.
    sampler: Option<Sampler>,
}

struct Instance {
    store: Store<Guest>,
    world: World,
    /// Whether it was shown a batch.
    is_used: bool,
    /// Where its component counts what it allocates.
    counters: Option<Counters>,
}

impl Instance {
    /// What it has allocated so far; `None` where that is not counted, or the guest is dead.
    fn allocated(&mut self) -> Option<Allocated> {
        self.counters.as_ref()?.read(&mut self.store).ok()
    }
}

/// What one batch gave.
pub(in crate::plugin) struct Ran {
    pub(in crate::plugin) result: Result<Vec<Claim>, Failure>,
    pub(in crate::plugin) state: Vec<StateChange>,
    pub(in crate::plugin) reads: Vec<(crate::block::BlockRef, ChainRead, ChainAnswer)>,
    pub(in crate::plugin) log: Vec<LogLine>,
    pub(in crate::plugin) elapsed: Duration,
    /// Where it is counted.
    pub(in crate::plugin) fuel: Option<u64>,
    /// Where it is counted.
    pub(in crate::plugin) allocated: Option<Allocated>,
}

impl Ran {
    /// It never ran.
    pub(in crate::plugin) fn failed(failure: Failure) -> Self {
        let (state, reads, log) = (Vec::new(), Vec::new(), Vec::new());
        Self { result: Err(failure), state, reads, log, elapsed: Duration::ZERO, fuel: None, allocated: None }
    }
}

impl Detector {
    /// Describes, checks and starts a detector over the state that it has so far.
    pub fn load(spec: Spec, state: BTreeMap<Vec<u8>, Vec<u8>>) -> Result<Self, LoadError> {
        if spec.component.settings() != spec.limits.engine() {
            return Err(LoadError::OtherEngine);
        }
        let manifest = describe(&spec.component, &spec.limits)?;
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
        Ok(Self { profile, state, instance, record: Record::default(), sampler: None })
    }

    /// Takes samples of its batches from here on, one each `interval`.
    pub fn sample(&mut self, interval: Duration) -> anyhow::Result<Sampler> {
        let sampler = Sampler::new(&self.profile.id, &self.profile.component, interval)?;
        self.sampler = Some(sampler.clone());
        self.drop_instance();
        Ok(sampler)
    }

    /// What it is, and what it wants to see.
    pub fn profile(&self) -> &Arc<Profile> {
        &self.profile
    }

    /// Gives it the state that it is to have. An instance that has seen nothing of another state is kept.
    pub fn set_state(&mut self, values: BTreeMap<Vec<u8>, Vec<u8>>) {
        self.state = StateStore::new(values);
        self.instance.take_if(|instance| instance.is_used || instance.store.data().knows_state);
    }

    /// Has an instance ready for the next batch. Where it can't be started, that batch tells.
    pub fn get_ready(&mut self) {
        self.instance = self.ready().ok();
    }

    /// Empties its state and starts it anew.
    pub(in crate::plugin) fn forget(&mut self) -> Result<(), LoadError> {
        self.set_state(BTreeMap::new());
        self.record = Record::default();
        self.instance = Some(self.ready()?);
        Ok(())
    }

    /// Puts keys of its state back, and drops what it may remember otherwise.
    pub(in crate::plugin) fn restore(&mut self, restored: Vec<(Vec<u8>, Option<Vec<u8>>)>) {
        self.state.restore(restored);
        self.drop_instance();
    }

    /// Guest memory is a cache: dropping it must change nothing.
    pub fn drop_instance(&mut self) {
        self.instance = None;
    }

    /// Memory of its instance, bytes; `None` where it has none at the moment.
    pub(in crate::plugin) fn memory_bytes(&self) -> Option<u64> {
        self.instance.as_ref().map(|instance| instance.store.data().limiter.memory_bytes() as u64)
    }

    /// Shows it a batch. `input` tells this input from every other.
    pub(in crate::plugin) fn on_batch(&mut self, batch: Batch, shared: &Shared, input: B256) -> Ran {
        let started = Instant::now();
        let mut ran = match self.ready() {
            Ok(instance) => self.run(instance, batch, shared, input),
            Err(error) => {
                let failure = match error {
                    LoadError::Start(failure) => failure,
                    other => Failure::new("start", other.to_string()),
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
        let at = batch.scene.head.block;
        let timestamp_s = batch.scene.head.timestamp_s;
        let guest = instance.store.data_mut();
        guest.state = std::mem::take(&mut self.state);
        guest.begin(at, self.profile.limits.batch_deadline_ms);
        guest.chain.shared = Some(shared.clone());
        if let Some(wasi) = &mut guest.wasi {
            wasi.begin(&self.profile.id, input.as_slice(), timestamp_s);
        }
        instance.is_used = true;
        let before = instance.allocated();
        let called = self.call(&mut instance, batch);
        let allocated = before.zip(instance.allocated()).map(|(before, after)| after.since(before));
        let given = self.profile.limits.fuel_per_batch;
        let fuel = given.and_then(|given| Some(given.saturating_sub(instance.store.get_fuel().ok()?)));
        let guest = instance.store.data_mut();
        guest.chain.shared = None;
        let log = guest.take_log();
        let result = match called {
            Ok(Ok(findings)) => claim::claims(findings, &self.profile.manifest, &self.profile.limits),
            Ok(Err(message)) => Err(Failure::new("error", crate::plugin::boundary::text::lines(&message, 4_096))),
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

    #[allow(clippy::type_complexity)]
    fn call(
        &self,
        instance: &mut Instance,
        batch: Batch,
    ) -> wasmtime::Result<Result<Vec<crate::plugin::boundary::bindings::watchfire::detector::types::Finding>, String>>
    {
        let store = &mut instance.store;
        store.set_epoch_deadline(match self.sampler {
            Some(_) => Sampler::DEADLINE_TICKS,
            None => ticks(self.profile.limits.batch_deadline_ms),
        });
        if self.profile.limits.engine().counts_fuel {
            store.set_fuel(self.profile.limits.fuel_per_batch.unwrap_or(u64::MAX))?;
        }
        instance.world.on_batch(store, batch)
    }
}

/// A fresh instance, started with the config over the present state.
fn start(profile: &Profile, state: &mut StateStore) -> Result<(Instance, Vec<Subscription>), LoadError> {
    let mut instance = instantiate(&profile.component, &profile.limits)?;
    let guest = instance.store.data_mut();
    let has = |name: &str| profile.grants.iter().any(|grant| grant == name);
    guest.has_state = has("state");
    guest.chain.granted = has("chain");
    guest.state = std::mem::take(state);
    guest.begin(None, profile.limits.start_deadline_ms);
    instance.store.set_epoch_deadline(ticks(profile.limits.start_deadline_ms));
    let called = instance.world.start(&mut instance.store, &profile.config);
    let guest = instance.store.data_mut();
    let log = guest.take_log();
    // What a start writes is not kept: it belongs to no input, and would be undone with none.
    guest.state.discard();
    *state = std::mem::take(&mut guest.state);
    let said = match called {
        Ok(Ok(said)) => said,
        Ok(Err(error)) => {
            let (key, message) = (
                crate::plugin::boundary::text::line(&error.key, 256),
                crate::plugin::boundary::text::lines(&error.message, 4_096),
            );
            return Err(LoadError::Config { key, message });
        }
        Err(trap) => {
            let what = circumstances(guest, &log, &profile.limits, false);
            return Err(LoadError::Start(Failure::of_trap(&trap, &what)));
        }
    };
    let subscriptions = subscribe::subscriptions(said, &profile.grants, &profile.feeds)?;
    Ok((instance, subscriptions))
}

/// What a component says of itself, asked on an instance that has nothing granted.
pub(in crate::plugin) fn describe(component: &Component, limits: &Limits) -> Result<Manifest, LoadError> {
    let limits = Arc::new(limits.clone());
    let mut instance = instantiate(component, &limits)?;
    instance.store.set_epoch_deadline(ticks(limits.start_deadline_ms));
    let said = instance.world.describe(&mut instance.store).map_err(|trap| {
        let guest = instance.store.data_mut();
        let log = guest.take_log();
        LoadError::Describe(Failure::of_trap(&trap, &circumstances(guest, &log, &limits, false)))
    })?;
    Manifest::of(said)
}

fn instantiate(component: &Component, limits: &Arc<Limits>) -> Result<Instance, LoadError> {
    let mut guest = Guest::new(limits.clone(), component.has_wasi().then(Wasi::new));
    guest.begin(None, limits.start_deadline_ms);
    let mut store = Store::new(component.engine(), guest);
    store.limiter(|guest| &mut guest.limiter);
    store.set_epoch_deadline(ticks(limits.start_deadline_ms));
    if limits.engine().counts_fuel {
        let fuel = limits.fuel_per_start.unwrap_or(u64::MAX);
        store.set_fuel(fuel).map_err(|error| LoadError::Start(Failure::new("trap", format!("{error:#}"))))?;
    }
    // What a guest returns is copied by the host before anybody can count it.
    store.set_hostcall_fuel(limits.transfer_bytes());
    store.set_max_component_handles(HANDLES_AT_MOST);
    let made = match component.counting_modules() {
        0 => component.pre().instantiate(&mut store).map(|world| (world, None)),
        modules => {
            component.pre().instantiate_counting(&mut store, modules).map(|(world, counters)| (world, Some(counters)))
        }
    };
    let (world, counters) = made.map_err(|trap| {
        let guest = store.data_mut();
        let log = guest.take_log();
        LoadError::Start(Failure::of_trap(&trap, &circumstances(guest, &log, limits, false)))
    })?;
    Ok(Instance { store, world, is_used: false, counters })
}

fn circumstances<'a>(guest: &mut Guest, log: &'a [LogLine], limits: &'a Limits, on_batch: bool) -> Circumstances<'a> {
    let said = log.iter().rev().find(|line| line.level == LogLevel::Error).map(|line| line.message.as_str());
    Circumstances { limits, on_batch, said, denied: guest.limiter.take_denied() }
}
