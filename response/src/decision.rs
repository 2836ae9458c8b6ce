//! A decision: every intervention that the plan maps to an incident, each with its answer and the reason.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::finding::Severity;
use crate::incident::IncidentId;

/// What the plan says to one intervention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Answer {
    /// It may be done now.
    Permitted {
        /// Why nothing stands in the way.
        why: String,
    },
    /// It may be done once somebody has done something.
    Needs {
        /// Who: people of the role that must act.
        whom: Vec<String>,
        /// What they must do and why.
        why: String,
    },
    /// It may not be done.
    Denied {
        /// Each thing that stands in the way.
        why: Vec<String>,
    },
}

/// One intervention with its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The intervention's id; `do-nothing` is always among them.
    pub intervention: String,
    /// What it does, in a line.
    pub summary: String,
    /// The role that decides on it.
    pub owner: String,
    /// Who carries it out.
    pub authority: String,
    /// 0 (nobody minds) to 10 (the protocol's promise is broken).
    pub trust_cost: u8,
    /// Why it costs that much.
    pub trust_cost_why: String,
    /// From decision to effect, in seconds.
    pub reaction_s: u64,
    /// Uses left after this decision; `None` where they are not limited.
    pub uses_left: Option<u32>,
    /// What the plan says.
    #[serde(flatten)]
    pub answer: Answer,
}

/// What was decided on an incident at one moment. A later revision replaces an earlier one and never erases it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The incident.
    pub incident: IncidentId,
    /// Counted from 1 for each incident.
    pub revision: u32,
    /// What called for it: `opened`, `severity rose from high to critical`, `finding 0x… retracted`, …
    pub cause: String,
    /// When, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// Chain time from the first finding to this decision's newest one, milliseconds.
    pub since_began_ms: u64,
    /// The plan.
    pub plan: B256,
    /// The signal.
    pub signal: String,
    /// Severity of the incident at that moment.
    pub severity: Severity,
    /// Live findings that it stands on.
    pub evidence: Vec<B256>,
    /// What can take effect before the projected harm, and what can't, in a sentence or two.
    pub in_time: String,
    /// Every mapped intervention by ascending trust cost, and doing nothing as the last.
    pub choices: Vec<Choice>,
}
