//! Detectors in their sandbox. This is the only place that knows wasmtime.

mod allocations;
mod allowance;
mod batch;
mod bindings;
mod chain;
mod claim;
mod compile;
mod crew;
mod detector;
mod dispatch;
mod failure;
mod fleet;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod guest;
mod levels;
mod limits;
mod manifest;
mod profile;
mod record;
mod routes;
mod rows;
mod runtime;
mod sampler;
mod sandbox;
mod state;
mod subscribe;
mod text;
mod view;
mod wasi;
mod world;

pub mod build;

pub use allocations::Allocated;
pub use compile::{COMMAND as COMPILE_COMMAND, Cache, Compiler, compile_from_stdin, default_folder};
/// The newest block of a chain, its parent's hash, and its time in seconds.
pub type Head = (crate::block::BlockRef, alloy::primitives::B256, u64);

pub use detector::{Detector, Spec};
pub use failure::{Failure, LoadError};
pub use fleet::{Fleet, Late, Outcome, Recorded};
pub use guest::{LogLevel, LogLine};
pub use limits::{EngineSettings, Limit, Limits};
pub use manifest::{FindingKind, Manifest};
pub use profile::Profile;
pub use runtime::{Component, Runtime};
pub use sampler::Sampler;
pub use view::{Audience, Heard, Look, Shown, View};
