//! The Security Alliance's Framework Checklist for incident response, answered by what a plan and its host can show.
//! <https://frameworks.securityalliance.org/certs/sfc-incident-response>, revision 1.1 of 2026-04-17.
//!
//! An answer claims nothing that is not in the plan, the config or the journal. What a control asks beyond them is named as
//! outside of what Watchfire can see, and counts as met only by an attestation of the plan.

mod answers;
mod controls;
mod coverage;
mod sheet;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;

use serde::Serialize;

pub use controls::{CONTROLS, Control, REVISION};
pub use coverage::{Covered, coverage};
pub use text::markdown;

use super::Plan;
use crate::diagnostic::Diagnostic;
use sheet::Sheet;

/// What is known beside the plan.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The moment of the answers, milliseconds since the Unix epoch.
    pub now_ms: u64,
    /// Detectors by id, each with the text of its config: what it names, it watches.
    pub detectors: BTreeMap<String, String>,
    /// Channels by name, each with its kind.
    pub channels: BTreeMap<String, String>,
    /// What the readiness check found and nobody has taken upon themselves.
    pub found: Vec<Diagnostic>,
    /// What the journal shows; `None` if there is none yet.
    pub journal: Option<Kept>,
    /// Whether an outside service is told that the host is alive.
    pub has_heartbeat: bool,
}

/// What a journal shows.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// Number of entries whose chain of hashes holds; the error if it does not.
    pub holds: Option<Result<u64, String>>,
    /// For how many days bodies are kept; for ever if `None`.
    pub keep_days: Option<u64>,
    /// How many incidents it has.
    pub incidents: usize,
    /// Number of the newest drill of people, and when it was begun, milliseconds since the Unix epoch.
    pub drill: Option<(u64, u64)>,
}

/// How a control stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// All that it asks is shown.
    Met,
    /// Something that it asks is shown, and something lacks or can't be seen.
    Partly,
    /// Nothing that it asks is shown, and it could be.
    Unmet,
    /// Nothing of it can be seen from here.
    Outside,
}

impl Standing {
    /// Returns its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Partly => "partly",
            Self::Unmet => "not met",
            Self::Outside => "outside",
        }
    }
}

/// The answer to one control.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answered {
    /// Id of the control.
    pub id: &'static str,
    /// Its title.
    pub title: &'static str,
    /// What it asks, in our words.
    pub asks: &'static str,
    /// How it stands.
    pub standing: Standing,
    /// What shows it, a sentence each.
    pub evidence: Vec<String>,
    /// What lacks, each with what mends it.
    pub lacks: Vec<String>,
    /// What it asks that can't be seen from here.
    pub outside: Vec<String>,
}

/// Answers each control.
pub fn answer(plan: &Plan, known: &Known) -> Vec<Answered> {
    CONTROLS
        .iter()
        .map(|control| {
            let mut sheet = Sheet::new(plan, known, control.id);
            answers::fill(control.id, &mut sheet);
            sheet.answered(control)
        })
        .collect()
}
