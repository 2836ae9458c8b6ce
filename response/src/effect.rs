//! Effects: what a decision asks the outside world for, as values. Carrying them out is `act`'s.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::finding::Severity;
use crate::incident::IncidentId;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "kebab-case")]
pub enum Effect {
    /// Tell people about an incident.
    Notify {
        /// The incident.
        incident: IncidentId,
        /// How grave it is.
        severity: Severity,
        /// What happened to it: `opened`, `changed`, `retracted`.
        what: String,
        /// One line for people.
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
    /// The incident that it belongs to.
    pub fn incident(&self) -> IncidentId {
        match self {
            Effect::Notify { incident, .. } | Effect::Propose { incident, .. } | Effect::Withdraw { incident, .. } => {
                *incident
            }
        }
    }
}

/// An effect with the key that makes its delivery idempotent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ordered {
    /// Hash of incident, decision revision and effect: the same for the same effect on every replay.
    pub key: B256,
    /// When it was ordered, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// The effect.
    #[serde(flatten)]
    pub effect: Effect,
}
