//! An instance of a detector: made, described, started, and shown batches.

use std::sync::Arc;

use wasmtime::{Store, Trap, UpdateDeadline};

use crate::failure_kind::FailureKind;
use crate::plugin::boundary::batch::Batch;
use crate::plugin::boundary::bindings::watchfire::detector::types;
use crate::plugin::boundary::guest::{Guest, LogLevel, LogLine};
use crate::plugin::boundary::manifest::Manifest;
use crate::plugin::boundary::state::StateStore;
use crate::plugin::boundary::subscribe;
use crate::plugin::boundary::wasi::Wasi;
use crate::plugin::boundary::world::World;
use crate::plugin::compile::engine::ticks;
use crate::plugin::compile::runtime::Component;
use crate::plugin::failure::{Circumstances, Failure, LoadError};
use crate::plugin::fleet::identity::Profile;
use crate::plugin::limits::{HANDLES_AT_MOST, Limits};
use crate::plugin::measure::allocations::{Allocated, Counters};
use crate::plugin::measure::sampler::Sampler;
use crate::plugin::text::{line, lines};
use crate::subscription::Subscription;

/// An instance of a detector's component.
pub(super) struct Instance {
    pub(super) store: Store<Guest>,
    world: World,
    /// Whether it was shown a batch.
    pub(super) is_used: bool,
    /// Where its component counts what it allocates.
    counters: Option<Counters>,
}

impl Instance {
    /// What it has allocated so far; `None` where that is not counted, or the guest is dead.
    pub(super) fn allocated(&mut self) -> Option<Allocated> {
        self.counters.as_ref()?.read(&mut self.store).ok()
    }

    /// Shows it a batch. Returns what it found, or its own words for why not.
    pub(super) fn on_batch(
        &mut self,
        batch: Batch,
        limits: &Limits,
        is_sampled: bool,
    ) -> wasmtime::Result<Result<Vec<types::Finding>, String>> {
        let store = &mut self.store;
        store.set_epoch_deadline(match is_sampled {
            true => Sampler::DEADLINE_TICKS,
            false => ticks(limits.batch_deadline_ms),
        });
        if limits.engine().counts_fuel {
            store.set_fuel(limits.fuel_per_batch.unwrap_or(u64::MAX))?;
        }
        self.world.on_batch(store, batch)
    }
}

/// Makes a fresh instance, started with the config over the present state. Returns it with its subscriptions.
pub(super) fn start(profile: &Profile, state: &mut StateStore) -> Result<(Instance, Vec<Subscription>), LoadError> {
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
            let (key, message) = (line(&error.key, 256), lines(&error.message, 4_096));
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

/// Returns what a component says of itself, asked on an instance that has nothing granted.
///
/// # Errors
///
/// If it can't be instantiated within its limits, traps, or says what can't be.
pub fn describe(component: &Component, limits: &Limits) -> Result<Manifest, LoadError> {
    let limits = Arc::new(limits.clone());
    let mut instance = instantiate(component, &limits)?;
    instance.store.data_mut().begin(None, limits.start_deadline_ms);
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
    // By then so much time has gone by; how much of it was the guest's is another matter.
    store.epoch_deadline_callback(|context| match context.data().time.left() {
        Some(left) => Ok(UpdateDeadline::Continue(ticks(u64::try_from(left.as_millis()).unwrap_or(u64::MAX)))),
        None => Err(Trap::Interrupt.into()),
    });
    if limits.engine().counts_fuel {
        let fuel = limits.fuel_per_start.unwrap_or(u64::MAX);
        store
            .set_fuel(fuel)
            .map_err(|error| LoadError::Start(Failure::new(FailureKind::Trap, format!("{error:#}"))))?;
    }
    // What a guest returns is copied by the host before anybody can count it.
    store.set_hostcall_fuel(limits.transfer_bytes());
    store.set_max_component_handles(HANDLES_AT_MOST);
    let made = match component.counting_modules() {
        0 => component.pre().instantiate(&mut store).map(|world| (world, None)),
        modules => component
            .pre()
            .instantiate_with_instance(&mut store)
            .and_then(|(world, instance)| Ok((world, Some(Counters::of(&instance, &mut store, modules)?)))),
    };
    let (world, counters) = made.map_err(|trap| {
        let guest = store.data_mut();
        let log = guest.take_log();
        LoadError::Start(Failure::of_trap(&trap, &circumstances(guest, &log, limits, false)))
    })?;
    Ok(Instance { store, world, is_used: false, counters })
}

pub(super) fn circumstances<'a>(
    guest: &mut Guest,
    log: &'a [LogLine],
    limits: &'a Limits,
    on_batch: bool,
) -> Circumstances<'a> {
    let said = log.iter().rev().find(|line| line.level == LogLevel::Error).map(|line| line.message.as_str());
    Circumstances { limits, on_batch, said, denied: guest.limiter.take_denied() }
}
