//! Detectors in their sandbox. This is the only place that knows wasmtime.

mod boundary;
mod compile;
mod failure;
mod fleet;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod limits;
mod measure;
mod sandbox;

pub mod build;

pub use compile::{COMMAND as COMPILE_COMMAND, Cache, Compiler, compile_from_stdin, default_folder};
pub use measure::allocations::Allocated;
/// The newest block of a chain, its parent's hash, and its time in seconds.
pub type Head = (crate::block::BlockRef, alloy::primitives::B256, u64);

pub use boundary::guest::{LogLevel, LogLine};
pub use boundary::manifest::{FindingKind, Manifest};
pub use compile::runtime::{Component, Runtime};
pub use failure::{Failure, LoadError};
pub use fleet::detector::{Detector, Spec};
pub use fleet::identity::Profile;
pub use fleet::view::{Audience, Heard, Look, Shown, View};
pub use fleet::{Fleet, Late, Outcome, Recorded};
pub use limits::{EngineSettings, Limit, Limits};
pub use measure::sampler::Sampler;
