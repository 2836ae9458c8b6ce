//! Detectors in their sandbox. This is the only place that knows wasmtime.

mod batch;
mod bindings;
mod chain;
mod claim;
mod detector;
mod failure;
mod fleet;
mod guest;
mod limits;
mod manifest;
mod rows;
mod runtime;
mod state;
mod subscribe;
mod text;
mod wasi;

pub mod build;

pub use detector::{Detector, Spec};
pub use failure::{Failure, LoadError};
pub use fleet::{Fleet, Outcome, Recorded};
pub use guest::{LogLevel, LogLine};
pub use limits::Limits;
pub use manifest::{FindingKind, Manifest};
pub use runtime::{Component, Runtime};
