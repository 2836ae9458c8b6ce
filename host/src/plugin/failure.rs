//! Why a component is not admitted, and how a batch fails.

use serde::{Deserialize, Serialize};
use wasmtime::Trap;

/// The kind of a failure of the host's own code on behalf of a detector.
pub(super) const HOST: &str = "host";

/// How a batch failed for one detector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct Failure {
    /// `trap`, `deadline`, `memory`, `stack`, `error`, `findings`, `undeclared-kind`, `invalid-finding`,
    /// `start`, `quarantined`, `host`.
    pub kind: String,
    /// What it said, or what happened.
    pub message: String,
}

impl Failure {
    pub(super) fn new(kind: &str, message: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), message: message.into() }
    }

    /// Whether such a failure depends on the machine, so that a replay must repeat it rather than run into it.
    pub fn is_environmental(kind: &str) -> bool {
        matches!(kind, "deadline" | HOST)
    }

    /// What wasmtime says, in our words. `said` is what the guest wrote to its log last, where it did.
    pub(super) fn of_trap(error: &wasmtime::Error, said: Option<&str>, deadline_ms: u64) -> Self {
        let said = said.map(|said| format!(": {said}")).unwrap_or_default();
        let Some(trap) = error.downcast_ref::<Trap>() else {
            // A host function refused, or a limit of the store was hit: its own message says which.
            let message = super::text::line(&format!("{:#}{said}", error.root_cause()), 1_000);
            return Self::new("trap", message);
        };
        match trap {
            Trap::Interrupt => Self::new("deadline", format!("it took longer than {deadline_ms} ms")),
            Trap::StackOverflow => Self::new("stack", "it recursed deeper than its stack"),
            trap => Self::new("trap", super::text::line(&format!("{trap}{said}"), 1_000)),
        }
    }
}

/// Why a detector is not admitted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// Larger than its limit.
    #[error("it has {size} bytes and may have {limit}; raise `limits.component_bytes` if you trust it")]
    TooLarge {
        /// Its size.
        size: usize,
        /// Its limit.
        limit: usize,
    },
    /// No component.
    #[error("it is no component: {0}; wrap a core module by `watchfire plugin build`")]
    NotAComponent(String),
    /// It does not export what a detector exports.
    #[error("it does not export `watchfire:detector/guest@0.1.0` as a detector does: {0}")]
    NotADetector(String),
    /// It imports what nobody grants.
    #[error("it imports `{0}`, which the host does not have; detectors get `watchfire:detector` only")]
    UnknownImport(String),
    /// It needs more than its limits before it has done anything.
    #[error("it needs more than it may have: {0}")]
    TooMuch(String),
    /// It failed to describe itself.
    #[error("it failed to describe itself: {0}")]
    Describe(Failure),
    /// What it says of itself can't be.
    #[error("what it says of itself can't be: {0}")]
    Manifest(String),
    /// It asks for what the operator does not grant.
    #[error("it asks for {missing:?}, which it is not granted")]
    NotGranted {
        /// What is missing.
        missing: Vec<String>,
    },
    /// Its config is wrong.
    #[error("{key}: {message}")]
    Config {
        /// Dotted path of the key.
        key: String,
        /// What is wrong, and how to mend it.
        message: String,
    },
    /// It failed to start.
    #[error("it failed to start: {0}")]
    Start(Failure),
    /// It subscribes to what it can't have.
    #[error("subscription {position}: {message}")]
    Subscription {
        /// Which one, counted from 0.
        position: usize,
        /// What is wrong.
        message: String,
    },
}
