//! What follows from one input, in order: the journal keeps it, and people are notified of some of it.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::decision::Decision;
use crate::due::Clock;
use crate::effect::Ordered;
use crate::incident::{Incident, IncidentId};
use crate::timeline::TimelineEntry;

/// One thing that follows from an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// Something was not acted on, and why.
    Silence {
        /// The finding that it was about.
        finding: B256,
        /// Why: `duplicate of finding 0x…`, `no signal matches`, …
        reason: String,
    },
    /// An incident as it stood after a change.
    Incident(Incident),
    /// A decision.
    Decision(Decision),
    /// An effect that was ordered.
    Effect(Ordered),
    /// An entry of an incident's timeline.
    Timeline(TimelineEntry),
    /// A deadline was set, fired or fell away.
    Clock(Clock),
    /// An act of a person was not taken.
    Refused {
        /// Id of the person.
        by: String,
        /// The incident that it was about.
        incident: Option<IncidentId>,
        /// What was to be done.
        act: String,
        /// Each reason.
        why: Vec<String>,
    },
}
