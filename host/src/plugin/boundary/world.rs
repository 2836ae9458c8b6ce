//! The two worlds that a detector can implement, as one: whether it borrows a batch or owns it is all that differs.

use wasmtime::component::{Instance, InstancePre, Resource};
use wasmtime::{Engine, Store};

use crate::plugin::boundary::batch::Batch;
use crate::plugin::boundary::bindings::owning::{OwningDetector, OwningDetectorPre};
use crate::plugin::boundary::bindings::watchfire::detector::types;
use crate::plugin::boundary::bindings::{Detector, DetectorPre};
use crate::plugin::boundary::guest::Guest;

/// A component, linked, before it is instantiated.
pub(in crate::plugin) enum WorldPre {
    Borrowing(DetectorPre<Guest>),
    Owning(OwningDetectorPre<Guest>),
}

/// An instance's exports.
pub(in crate::plugin) enum World {
    Borrowing(Detector),
    Owning(OwningDetector),
}

/// What a guest says to a call that it may refuse.
type Said<T, E> = wasmtime::Result<Result<T, E>>;

impl WorldPre {
    /// By what it exports; the error of a component that is no detector is about `guest`, which most have.
    pub(in crate::plugin) fn new(pre: InstancePre<Guest>) -> wasmtime::Result<Self> {
        match OwningDetectorPre::new(pre.clone()) {
            Ok(owning) => Ok(Self::Owning(owning)),
            Err(_) => DetectorPre::new(pre).map(Self::Borrowing),
        }
    }

    pub(in crate::plugin) fn engine(&self) -> &Engine {
        match self {
            Self::Borrowing(pre) => pre.engine(),
            Self::Owning(pre) => pre.engine(),
        }
    }

    pub(in crate::plugin) fn instantiate(&self, store: &mut Store<Guest>) -> wasmtime::Result<World> {
        Ok(match self {
            Self::Borrowing(pre) => World::Borrowing(pre.instantiate(store)?),
            Self::Owning(pre) => World::Owning(pre.instantiate(store)?),
        })
    }

    /// Instantiates a component of which more is exported than the world says, with the instance to find that by.
    pub(in crate::plugin) fn instantiate_with_instance(
        &self,
        store: &mut Store<Guest>,
    ) -> wasmtime::Result<(World, Instance)> {
        let (instance, world) = match self {
            Self::Borrowing(pre) => {
                let instance = pre.instance_pre().instantiate(&mut *store)?;
                (instance, World::Borrowing(Detector::new(&mut *store, &instance)?))
            }
            Self::Owning(pre) => {
                let instance = pre.instance_pre().instantiate(&mut *store)?;
                (instance, World::Owning(OwningDetector::new(&mut *store, &instance)?))
            }
        };
        Ok((world, instance))
    }
}

impl World {
    pub(in crate::plugin) fn describe(&self, store: &mut Store<Guest>) -> wasmtime::Result<types::Manifest> {
        match self {
            Self::Borrowing(world) => world.watchfire_detector_guest().call_describe(store),
            Self::Owning(world) => world.watchfire_detector_owning_guest().call_describe(store),
        }
    }

    pub(in crate::plugin) fn start(
        &self,
        store: &mut Store<Guest>,
        config: &str,
    ) -> Said<Vec<types::Subscription>, types::ConfigError> {
        match self {
            Self::Borrowing(world) => world.watchfire_detector_guest().call_start(store, config),
            Self::Owning(world) => world.watchfire_detector_owning_guest().call_start(store, config),
        }
    }

    /// Shows it a batch, which is gone when this returns.
    pub(in crate::plugin) fn on_batch(
        &self,
        store: &mut Store<Guest>,
        batch: Batch,
    ) -> Said<Vec<types::Finding>, String> {
        let handle: Resource<Batch> = store.data_mut().table.push(batch)?;
        match self {
            Self::Borrowing(world) => {
                let borrowed = Resource::new_borrow(handle.rep());
                let said = world.watchfire_detector_guest().call_on_batch(&mut *store, borrowed);
                store.data_mut().table.delete(handle)?;
                said
            }
            Self::Owning(world) => {
                let kept = Resource::new_own(handle.rep());
                let said = world.watchfire_detector_owning_guest().call_on_batch(&mut *store, handle);
                // A guest that dropped it has taken it out, and something else may have its place.
                let table = &mut store.data_mut().table;
                if table.get(&kept).is_ok() {
                    table.delete(kept)?;
                }
                said
            }
        }
    }
}
