//! Detectors in their sandbox. This is the only place that knows wasmtime.

mod boundary;
mod compile;
mod failure;
mod fleet;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod limits;
mod measure;
mod text;

pub mod build;

pub use boundary::batch::{Head, Heard};
pub use boundary::guest::{LogLevel, LogLine};
pub use boundary::manifest::{FindingKind, Manifest};
pub use compile::runtime::{Component, Runtime};
pub use compile::{COMMAND as COMPILE_COMMAND, Cache, Compiler, compile_from_stdin, default_folder};
pub use failure::{Failure, LoadError};
pub use fleet::Fleet;
pub use fleet::detector::{Detector, Spec};
pub use fleet::identity::Profile;
pub use fleet::instance::describe;
pub use fleet::outcome::{Late, Outcome, Recorded, Shown, Went};
pub use fleet::view::{Audience, Look, View};
pub use limits::{EngineSettings, Limit, Limits};
pub use measure::allocations::{Allocated, compile_counting};
pub use measure::sampler::Sampler;
