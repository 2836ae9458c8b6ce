//! Effects: what a decision asks the outside world for, as values. The host delivers them.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::finding::Severity;
use crate::incident::IncidentId;

/// What people are notified of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Notice {
    /// An incident was opened.
    Opened,
    /// What was decided on it changed.
    Changed,
    /// Every finding that it stood on was taken back.
    Retracted,
    /// People ended it.
    Ended,
    /// Nobody can be paged for it.
    Unreached,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "kebab-case")]
pub enum Effect {
    /// Notify people of an incident.
    Notify {
        /// The incident.
        incident: IncidentId,
        /// How grave it is.
        severity: Severity,
        /// What happened to it.
        what: Notice,
        /// One line for people.
        text: String,
    },
    /// Wake a person.
    Page {
        /// The incident.
        incident: IncidentId,
        /// How grave it is.
        severity: Severity,
        /// Id of the person.
        person: String,
        /// Where: `phone:+41…`.
        channel: String,
        /// One line for people.
        text: String,
    },
    /// Remind a person of what is due.
    Remind {
        /// The incident.
        incident: IncidentId,
        /// Ids of the people.
        whom: Vec<String>,
        /// What is due, in a line.
        text: String,
    },
    /// Say something to an audience.
    Communicate {
        /// The incident.
        incident: IncidentId,
        /// Id of the plan's communication.
        communication: String,
        /// To whom.
        audience: String,
        /// Where.
        channels: Vec<String>,
        /// What.
        text: String,
    },
    /// An intervention must be undone, or was not meant to last longer.
    Revert {
        /// The incident.
        incident: IncidentId,
        /// The intervention.
        intervention: String,
        /// Ids of the people who can.
        whom: Vec<String>,
        /// Why, in a line.
        text: String,
    },
    /// Something was learned of a risk: it is to be written into the register.
    UpdateRisk {
        /// The incident.
        incident: IncidentId,
        /// Id of the risk; a new one if the plan has no risk of that id.
        risk: String,
        /// What, in a line.
        text: String,
    },
    /// Put an intervention before those who can carry it out.
    Propose {
        /// The incident.
        incident: IncidentId,
        /// The intervention.
        intervention: String,
        /// The role that decides.
        owner: String,
        /// The authority that carries it out.
        authority: String,
        /// People to reach.
        whom: Vec<String>,
        /// One line for people.
        text: String,
    },
    /// Take back a proposal that has not been carried out.
    Withdraw {
        /// The incident.
        incident: IncidentId,
        /// The intervention.
        intervention: String,
        /// Why.
        text: String,
    },
}

impl Effect {
    /// Returns the incident that the effect belongs to.
    pub fn incident(&self) -> IncidentId {
        match self {
            Effect::Notify { incident, .. }
            | Effect::Page { incident, .. }
            | Effect::Remind { incident, .. }
            | Effect::Communicate { incident, .. }
            | Effect::Revert { incident, .. }
            | Effect::UpdateRisk { incident, .. }
            | Effect::Propose { incident, .. }
            | Effect::Withdraw { incident, .. } => *incident,
        }
    }

    /// Returns the kind of the effect, as `page`.
    pub fn kind(&self) -> &'static str {
        match self {
            Effect::Notify { .. } => "notify",
            Effect::Page { .. } => "page",
            Effect::Remind { .. } => "remind",
            Effect::Communicate { .. } => "communicate",
            Effect::Revert { .. } => "revert",
            Effect::UpdateRisk { .. } => "update-risk",
            Effect::Propose { .. } => "propose",
            Effect::Withdraw { .. } => "withdraw",
        }
    }
}

/// An effect with the key that makes its delivery idempotent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ordered {
    /// Hash of the incident, the number of the effect there, and its kind: the same for the same effect on every replay.
    pub key: B256,
    /// When it was ordered, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// Whether the plan is only rehearsed: nobody outside is to act on it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// The effect.
    #[serde(flatten)]
    pub effect: Effect,
}
