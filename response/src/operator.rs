//! What people do to incidents. Each act is an input like any other: journaled with who did it, and replayed.

use serde::{Deserialize, Serialize};

use crate::finding::Severity;
use crate::incident::{IncidentId, IncidentState};
use crate::proof::Proof;
use crate::staged::Staged;

/// An act of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// Id of the person in the plan.
    pub by: String,
    /// How that is known: the account on the host's machine, `uid 1000`, or what a service said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub proof: String,
    /// Name of the protocol, for acts that are about no incident; may be empty if the host has one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub protocol: String,
    /// The incident; `None` for what is about none or opens one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<IncidentId>,
    /// Number of the timeline's newest entry that the person had seen; the act is refused if another person has
    /// acted since. `None` to act whatever happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<u64>,
    /// What the person signed, if they did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<Box<Proof>>,
    /// What is done.
    pub deed: Deed,
}

/// What a note is for in the post-incident record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoteKind {
    /// What happened.
    #[default]
    Note,
    /// What went well.
    Well,
    /// What went badly.
    Badly,
    /// Where it was luck.
    Lucky,
}

/// What a person does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case")]
pub enum Deed {
    /// Open an incident by hand, declared from the start.
    Open {
        /// The signal whose interventions are decided on.
        signal: String,
        /// One line.
        title: String,
        /// How grave it is.
        severity: Severity,
    },
    /// Drill the people of a signal: an incident that is rehearsed, by the channels of a night.
    Drill {
        /// The signal whose interventions are decided on.
        signal: String,
        /// One line.
        title: String,
        /// How grave it is.
        severity: Severity,
        /// After how long it ends by itself, in seconds.
        for_s: u64,
        /// What people are told in its course.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        script: Vec<Staged>,
    },
    /// Say what is to be done after it, by whom and until when: a corrective action.
    Action {
        /// Id of the risk in the register that is made smaller by it.
        risk: String,
        /// What is to be done.
        what: String,
        /// Id of the role or person who does it.
        owner: String,
        /// Until when, milliseconds since the Unix epoch.
        due_at_ms: u64,
    },
    /// Say that it is real.
    Declare,
    /// Answer a page: somebody looks at it.
    Ack,
    /// Take a role, or give it to somebody.
    Take {
        /// Id of the role.
        role: String,
        /// Id of the person; if absent, the person who acts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        person: Option<String>,
    },
    /// Write something down.
    Note {
        /// What.
        text: String,
        /// What it is for.
        #[serde(default)]
        kind: NoteKind,
    },
    /// Say how grave it is.
    Grade {
        /// How grave.
        severity: Severity,
        /// Why.
        why: String,
    },
    /// Choose an intervention, or `do-nothing`.
    Decide {
        /// Its id.
        intervention: String,
        /// Why.
        why: String,
    },
    /// Agree to what was chosen.
    Approve {
        /// Number of the ruling.
        ruling: u32,
    },
    /// Stop what was chosen.
    Veto {
        /// Number of the ruling.
        ruling: u32,
        /// Why.
        why: String,
    },
    /// Say that what was chosen was carried out.
    Done {
        /// Number of the ruling.
        ruling: u32,
        /// By what: a transaction's hash, or words.
        by_what: String,
    },
    /// Say that it does what it should.
    Confirm {
        /// Number of the ruling.
        ruling: u32,
        /// How that is known.
        why: String,
    },
    /// Say that it was undone.
    Reverse {
        /// Number of the ruling.
        ruling: u32,
        /// By what, and why.
        why: String,
    },
    /// Say that somebody else undid it: anybody may, and it may be done again at once.
    Undone {
        /// Number of the ruling.
        ruling: u32,
        /// How that is known.
        why: String,
    },
    /// Say how far the incident has come: `active`, `contained` or `monitoring`.
    Resolve {
        /// How far.
        state: IncidentState,
        /// How that is known.
        why: String,
    },
    /// Say something to an audience.
    Communicate {
        /// Id of the plan's communication.
        communication: String,
        /// What.
        text: String,
        /// Whether it is the last word.
        #[serde(default)]
        last: bool,
    },
    /// Agree to what was written for an audience.
    ApproveText {
        /// Id of the plan's communication.
        communication: String,
    },
    /// Notify nobody of the incident for a while. It is recorded and decided on all the same.
    Silence {
        /// Until when, milliseconds since the Unix epoch.
        until_ms: u64,
        /// Why.
        why: String,
    },
    /// It is part of another incident.
    Merge {
        /// Which.
        into: IncidentId,
    },
    /// It is none.
    FalsePositive {
        /// Why.
        why: String,
    },
    /// Let the incident follow the plan of today.
    Adopt,
    /// Agree, as a second human, to an act that lowers or ends the incident.
    Second {
        /// Number of what was asked for.
        motion: u32,
    },
    /// It is over.
    Close {
        /// What was learned, by id of a risk that is new or changed.
        #[serde(default)]
        risks: Vec<(String, String)>,
        /// Why no risk changed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        no_change: Option<String>,
        /// That what was done still holds, and how that is known; needed if no fact about the chain says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        holds: Option<String>,
    },
    /// Stop all automation.
    Halt {
        /// Why.
        why: String,
    },
    /// Let automation go on.
    Unhalt {
        /// Why.
        why: String,
    },
}

impl Deed {
    /// Returns the act with its arguments as the text that people sign.
    pub fn arguments(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the act that somebody signed.
    ///
    /// # Errors
    ///
    /// If the text is no act that this version knows.
    pub fn of_proof(proof: &Proof) -> Result<Self, String> {
        serde_json::from_str(&proof.arguments).map_err(|error| format!("what was signed is no act: {error}"))
    }

    /// Returns the name of the act, as on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Deed::Open { .. } => "open",
            Deed::Drill { .. } => "drill",
            Deed::Action { .. } => "action",
            Deed::Declare => "declare",
            Deed::Ack => "ack",
            Deed::Take { .. } => "take",
            Deed::Note { .. } => "note",
            Deed::Grade { .. } => "grade",
            Deed::Decide { .. } => "decide",
            Deed::Approve { .. } => "approve",
            Deed::Veto { .. } => "veto",
            Deed::Done { .. } => "done",
            Deed::Confirm { .. } => "confirm",
            Deed::Reverse { .. } => "reverse",
            Deed::Undone { .. } => "undone",
            Deed::Resolve { .. } => "resolve",
            Deed::Communicate { .. } => "communicate",
            Deed::ApproveText { .. } => "approve-text",
            Deed::Silence { .. } => "silence",
            Deed::Merge { .. } => "merge",
            Deed::FalsePositive { .. } => "false-positive",
            Deed::Adopt => "adopt",
            Deed::Second { .. } => "second",
            Deed::Close { .. } => "close",
            Deed::Halt { .. } => "halt",
            Deed::Unhalt { .. } => "unhalt",
        }
    }

    /// Returns each text that a person wrote for it.
    pub(crate) fn texts(&self) -> Vec<&str> {
        match self {
            Deed::Open { title: text, .. }
            | Deed::Action { what: text, .. }
            | Deed::Note { text, .. }
            | Deed::Grade { why: text, .. }
            | Deed::Decide { why: text, .. }
            | Deed::Veto { why: text, .. }
            | Deed::Done { by_what: text, .. }
            | Deed::Confirm { why: text, .. }
            | Deed::Reverse { why: text, .. }
            | Deed::Undone { why: text, .. }
            | Deed::Resolve { why: text, .. }
            | Deed::Communicate { text, .. }
            | Deed::Silence { why: text, .. }
            | Deed::FalsePositive { why: text }
            | Deed::Halt { why: text }
            | Deed::Unhalt { why: text } => vec![text],
            Deed::Drill { title, script, .. } => {
                [title.as_str()].into_iter().chain(script.iter().flat_map(Staged::texts)).collect()
            }
            Deed::Close { risks, no_change, holds } => {
                let texts = risks.iter().flat_map(|(risk, text)| [risk, text]).chain(no_change).chain(holds);
                texts.map(String::as_str).collect()
            }
            Deed::Declare
            | Deed::Ack
            | Deed::Take { .. }
            | Deed::Approve { .. }
            | Deed::ApproveText { .. }
            | Deed::Merge { .. }
            | Deed::Adopt
            | Deed::Second { .. } => Vec::new(),
        }
    }
}
