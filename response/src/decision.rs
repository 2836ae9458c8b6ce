//! A decision: every intervention that the plan maps to an incident, each with its answer and the reason.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::finding::Severity;
use crate::incident::IncidentId;

/// What the plan answers to one intervention.
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

/// The way from this moment to the effect of an intervention: who, how long, and what comes of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// Names of the people who may decide; empty if that was done beforehand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decides: Vec<String>,
    /// Names of the people who may sign; empty if that was done beforehand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signs: Vec<String>,
    /// How many of them must sign.
    #[serde(default)]
    pub signatures: u32,
    /// Time until somebody who may decide has answered, in seconds; `None` if no step of the escalation reaches one.
    pub ack_s: Option<u64>,
    /// Time to decide, in seconds.
    pub decision_s: u64,
    /// Time to gather signatures, in seconds.
    pub signature_s: u64,
    /// Time to carry the intervention out, in seconds.
    pub reaction_s: u64,
    /// The authority's own delay, in seconds.
    pub delay_s: u64,
    /// The sum of these, in seconds; `None` if no step of the escalation reaches anybody who may decide.
    pub takes_s: Option<u64>,
    /// Whether the effect comes before the projected harm; `None` if no harm is projected, or the time is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_time: Option<bool>,
    /// What users can't do while the intervention lasts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<String>,
    /// What goes on accruing meanwhile, as interest or liquidations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accrues: Vec<String>,
    /// The degraded mode that results.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
}

/// Where a person's decision for an intervention stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RulingState {
    /// It waits for more people to agree.
    Pending,
    /// Enough people agreed; it waits to be carried out.
    Approved,
    /// It was carried out.
    Done,
    /// It was carried out and does what it should.
    Verified,
    /// It was undone, or ended by itself.
    Reversed,
    /// Somebody who may stopped it.
    Vetoed,
    /// It was not carried out in time.
    Lapsed,
    /// Its incident ended, or what permitted it is gone.
    Withdrawn,
}

impl RulingState {
    /// Returns what people read of it, behind "it is".
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Pending => "waiting for more people to agree",
            Self::Approved => "waiting to be carried out",
            Self::Done => "carried out",
            Self::Verified => "carried out and shown to work",
            Self::Reversed => "undone",
            Self::Vetoed => "stopped",
            Self::Lapsed => "lapsed",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// Whether the ruling may still be carried out.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Approved)
    }

    /// Whether the intervention is in effect, so that it must be reversed or end.
    pub fn is_in_effect(self) -> bool {
        matches!(self, Self::Done | Self::Verified)
    }
}

/// An intervention that was chosen: by whom, who agreed, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    /// Counted from 1 in its incident.
    pub number: u32,
    /// The intervention, or `do-nothing`.
    pub intervention: String,
    /// Id of the person who decided; `None` if the plan had decided beforehand.
    pub by: Option<String>,
    /// Why it was chosen.
    pub why: String,
    /// When it was chosen, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// Revision of the decision that was in force when it was chosen.
    pub revision: u32,
    /// Ids of the people who agreed, the one who decided among them.
    pub approvals: Vec<String>,
    /// How many people must agree.
    pub quorum: u32,
    /// Hash of the calls that carry the intervention out; if the plan has none, the hash of an empty list.
    pub calldata: B256,
    /// When the ruling lapses unless it is carried out, milliseconds since the Unix epoch.
    pub valid_until_ms: u64,
    /// Where the ruling stands.
    pub state: RulingState,
    /// Id of the person who carried it out, and by what: a transaction's hash, or words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<(String, String)>,
    /// When the intervention took effect, milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_at_ms: Option<u64>,
    /// When the intervention must be over, milliseconds since the Unix epoch; `None` if nothing limits it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at_ms: Option<u64>,
}

/// One intervention with its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The intervention's id; `do-nothing` is always among them.
    pub intervention: String,
    /// What the intervention does, in a line.
    pub summary: String,
    /// The role that decides on it.
    pub owner: String,
    /// Id of the authority that carries it out.
    pub authority: String,
    /// 0 (nobody minds) to 10 (the protocol's promise is broken).
    pub trust_cost: u8,
    /// Why it costs that much.
    pub trust_cost_why: String,
    /// From decision to effect, in seconds.
    pub reaction_s: u64,
    /// Who can do it, by when, and what it breaks.
    #[serde(default)]
    pub way: Way,
    /// Uses left after this decision; `None` if uses are not limited.
    pub uses_left: Option<u32>,
    /// What the plan answers.
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
    /// Live findings that it stands on, as the incident lists them.
    pub evidence: Vec<B256>,
    /// What can take effect before the projected harm, and what can't, in a sentence or two.
    pub in_time: String,
    /// What people chose so far.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rulings: Vec<Ruling>,
    /// Every mapped intervention by ascending trust cost, and doing nothing as the last.
    pub choices: Vec<Choice>,
}
