//! Why a component is not admitted, and how a batch fails.

use serde::{Deserialize, Serialize};
use wasmtime::component::ResourceTableError;
use wasmtime::{Trap, WasmBacktrace};

use crate::failure_kind::FailureKind;
use crate::plugin::limits::{HANDLES_AT_MOST, Limits};
use crate::plugin::text::lines;

/// How a batch failed for one detector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct Failure {
    /// How.
    pub kind: FailureKind,
    /// What it said, or what happened.
    pub message: String,
}

impl Failure {
    /// Makes a failure of a kind, with what happened.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// What wasmtime says, in our words.
    pub(super) fn of_trap(error: &wasmtime::Error, what: &Circumstances<'_>) -> Self {
        let said = what.said.map(|said| format!("; its log ends with: {said}")).unwrap_or_default();
        let limits = what.limits;
        let happened = match error.downcast_ref::<Trap>() {
            Some(Trap::Interrupt) => {
                let deadline_ms = if what.on_batch { limits.batch_deadline_ms } else { limits.start_deadline_ms };
                return Self::new(FailureKind::Deadline, format!("it took longer than {deadline_ms} ms"));
            }
            Some(Trap::OutOfFuel) => {
                let (key, fuel) = match what.on_batch {
                    true => ("fuel_per_batch", limits.fuel_per_batch),
                    false => ("fuel_per_start", limits.fuel_per_start),
                };
                let fuel = fuel.unwrap_or_default();
                return Self::new(
                    FailureKind::Fuel,
                    format!("it used up its {fuel} units of fuel, its `limits.{key}`"),
                );
            }
            Some(Trap::StackOverflow) => {
                let message = format!("it recursed deeper than its stack of {} bytes", limits.stack_bytes);
                return Self::new(FailureKind::Stack, message);
            }
            Some(trap) => format!("{trap}{}", course(error)),
            None if error
                .downcast_ref::<ResourceTableError>()
                .is_some_and(|e| matches!(e, ResourceTableError::Full)) =>
            {
                format!("it holds more than {HANDLES_AT_MOST} handles")
            }
            // A host function refused, or a limit of the store was hit: its own message says which.
            None => format!("{:#}", error.root_cause()),
        };
        if happened.contains(TRANSFER_EXHAUSTED) {
            let message = format!("it handed over more than {} bytes at once", limits.transfer_bytes());
            return Self::new(FailureKind::Transfer, message);
        }
        match &what.denied {
            Some(denied) => Self::new(FailureKind::Memory, lines(&format!("{denied}; then: {happened}{said}"), 1_000)),
            None => Self::new(FailureKind::Trap, lines(&format!("{happened}{said}"), 1_000)),
        }
    }
}

/// Most calls that are named.
const CALLS_AT_MOST: usize = 4;

/// How functions of a language's own way of panicking are called, which say nothing about the detector.
const PANICKING: [&str; 4] = ["__rustc::", "std::panicking::", "core::panicking::", "std::sys::"];

/// The functions that a trap came through, innermost first, as far as the component names them.
fn course(error: &wasmtime::Error) -> String {
    let frames = error.downcast_ref::<WasmBacktrace>().map(WasmBacktrace::frames).unwrap_or_default();
    let names = frames.iter().flat_map(|frame| match frame.symbols() {
        [] => vec![(frame.func_name(), None)],
        // What was inlined, too. Tables of lines alone have no names.
        symbols => symbols.iter().map(|at| (at.name().or(frame.func_name()), at.file().zip(at.line()))).collect(),
    });
    let names = names.filter_map(|(name, place)| {
        let name = try_demangle(name?).unwrap_or_else(|| name.unwrap_or_default().to_owned());
        Some(match place {
            Some((file, line)) => format!("{name} ({}:{line})", file.trim_start_matches("./")),
            None => name,
        })
    });
    let own = names.filter(|name| !PANICKING.iter().any(|prefix| name.starts_with(prefix)));
    let named: Vec<String> = own.take(CALLS_AT_MOST).collect();
    if named.is_empty() { String::new() } else { format!(" in {}", named.join(", called by ")) }
}

/// Rust's mangling, which ends in a hash that says nothing; other names stay as they are.
fn try_demangle(name: &str) -> Option<String> {
    rustc_demangle::try_demangle(name).ok().map(|plain| format!("{plain:#}"))
}

/// What wasmtime says when a guest hands over too much; its type is its own.
const TRANSFER_EXHAUSTED: &str = "fuel allocated for hostcalls has been exhausted";

/// What is known about a guest that trapped.
pub(super) struct Circumstances<'a> {
    pub(super) limits: &'a Limits,
    /// Whether it was given a batch; it described itself or started otherwise.
    pub(super) on_batch: bool,
    /// What it wrote to its log last as an error.
    pub(super) said: Option<&'a str>,
    /// What it asked for in vain, in words.
    pub(super) denied: Option<String>,
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
    /// A limit that can't be.
    #[error("`limits.{key}` can't be so: {message}")]
    Limits {
        /// Which.
        key: &'static str,
        /// What is wrong.
        message: String,
    },
    /// Compiling it took too much, or broke off.
    #[error("{0}")]
    Compile(String),
    /// No component.
    #[error("it is no component: {0}; wrap a core module by `watchfire plugin build`")]
    NotAComponent(String),
    /// It does not export what a detector exports.
    #[error("it does not export `watchfire:detector/guest@0.1.0` as a detector does: {0}")]
    NotADetector(String),
    /// It imports what nobody grants.
    #[error("it imports `{0}`, which the host does not have; detectors get `watchfire:detector` only")]
    UnknownImport(String),
    /// It imports what there is as something that it is not.
    #[error("it imports `{name}`, but not as the host has it: {message}; build it against the host's own WIT")]
    OtherImport {
        /// Which.
        name: String,
        /// What differs.
        message: String,
    },
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
    #[error("it asks for {}, which it is not granted", quoted(missing))]
    NotGranted {
        /// What is missing.
        missing: Vec<String>,
    },
    /// Its limits ask for another engine than the one that it was compiled for.
    #[error("it was compiled for another `limits.stack_bytes` or `limits.fuel_per_batch`; please report it")]
    OtherEngine,
    /// Its config is wrong.
    #[error("{key}{}{message}", if key.is_empty() { "" } else { ": " })]
    Config {
        /// Dotted path of the key.
        key: String,
        /// What is wrong, and how to mend it.
        message: String,
    },
    /// It failed to start.
    #[error("it failed to start: {0}")]
    Start(Failure),
    /// It wants to see a feed that it may not.
    #[error("it wants to see the feed `{name}`, which `feeds` does not allow")]
    Feed {
        /// The feed's name.
        name: String,
    },
    /// It subscribes to what it can't have.
    #[error("subscription {position}: {message}")]
    Subscription {
        /// Which one, counted from 0.
        position: usize,
        /// What is wrong.
        message: String,
    },
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
