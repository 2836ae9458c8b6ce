//! Entries of the journal: every input, and everything that was made of it, in one order.

use alloy::primitives::B256;
use serde::{Deserialize, Serialize};

use crate::block::{BlockRef, ChainId, Finality};
use crate::chain_read::{ChainAnswer, ChainRead};
use crate::decision::Decision;
use crate::due::Clock;
use crate::effect::Ordered;
use crate::event::Stamped;
use crate::failure_kind::FailureKind;
use crate::finding::Finding;
use crate::incident::{Incident, IncidentId};
use crate::outcome::Outcome;
use crate::timeline::TimelineEntry;

/// What one entry holds. Inputs, answers, and what was late come from outside; all others follow from them, so that a
/// replay of the former must give the latter again, bit by bit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "kebab-case")]
pub enum Entry {
    /// An input.
    Input(Stamped),
    /// The chain's answer to a detector's read; one for each distinct read of one input.
    Answer {
        /// The block under inspection.
        at: BlockRef,
        /// What was asked.
        read: ChainRead,
        /// What came back.
        answer: ChainAnswer,
    },
    /// These detectors were still at work, and are shown the input before another time.
    Behind {
        /// Their ids, in the order of level and id.
        detectors: Vec<String>,
    },
    /// A detector failed on the input before, and was given a fresh instance and a second try.
    Retried {
        /// Its id in the config.
        detector: String,
        /// SHA-256 of its component.
        digest: B256,
        /// How it failed.
        kind: FailureKind,
        /// What it said, or what happened.
        message: String,
    },
    /// A detector failed on the input before. What it would have found is not known.
    Failed {
        /// Its id in the config.
        detector: String,
        /// SHA-256 of its component.
        digest: B256,
        /// How.
        kind: FailureKind,
        /// What it said, or what happened.
        message: String,
    },
    /// A finding.
    Finding(Finding),
    /// A finding of a detector that runs as a shadow: recorded, not acted on.
    Shadow(Finding),
    /// A finding was taken back.
    Retraction {
        /// Which.
        finding: B256,
        /// Why: `block 0x… left the chain`, …
        reason: String,
    },
    /// Live findings whose blocks became more settled than they were.
    Settled {
        /// EIP-155 id of the chain.
        chain: ChainId,
        /// How settled they are now.
        finality: Finality,
        /// Which, in order of height.
        findings: Vec<B256>,
    },
    /// Triage or response chose not to act on something, and why.
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

impl Entry {
    /// Names of all kinds.
    pub const KINDS: [&str; 16] = [
        "input",
        "answer",
        "behind",
        "retried",
        "failed",
        "finding",
        "shadow",
        "retraction",
        "settled",
        "silence",
        "incident",
        "decision",
        "effect",
        "timeline",
        "clock",
        "refused",
    ];

    /// Returns the name of its kind, as the journal's `kind` column has it.
    pub fn kind(&self) -> &'static str {
        match self {
            Entry::Input(_) => "input",
            Entry::Answer { .. } => "answer",
            Entry::Behind { .. } => "behind",
            Entry::Retried { .. } => "retried",
            Entry::Failed { .. } => "failed",
            Entry::Finding(_) => "finding",
            Entry::Shadow(_) => "shadow",
            Entry::Retraction { .. } => "retraction",
            Entry::Settled { .. } => "settled",
            Entry::Silence { .. } => "silence",
            Entry::Incident(_) => "incident",
            Entry::Decision(_) => "decision",
            Entry::Effect(_) => "effect",
            Entry::Timeline(_) => "timeline",
            Entry::Clock(_) => "clock",
            Entry::Refused { .. } => "refused",
        }
    }

    /// True when it depends on more than the inputs before it, so that a replay is given it; otherwise a replay must make
    /// it again.
    pub fn is_given(&self) -> bool {
        matches!(self, Entry::Input(_) | Entry::Answer { .. } | Entry::Behind { .. } | Entry::Retried { .. })
    }
}

impl From<Outcome> for Entry {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Silence { finding, reason } => Entry::Silence { finding, reason },
            Outcome::Incident(incident) => Entry::Incident(incident),
            Outcome::Decision(decision) => Entry::Decision(decision),
            Outcome::Effect(ordered) => Entry::Effect(ordered),
            Outcome::Timeline(entry) => Entry::Timeline(entry),
            Outcome::Clock(clock) => Entry::Clock(clock),
            Outcome::Refused { by, incident, act, why } => Entry::Refused { by, incident, act, why },
        }
    }
}

impl Entry {
    /// Returns what the desks made of an input; `None` if the entry is of another kind.
    pub fn outcome(self) -> Option<Outcome> {
        Some(match self {
            Entry::Silence { finding, reason } => Outcome::Silence { finding, reason },
            Entry::Incident(incident) => Outcome::Incident(incident),
            Entry::Decision(decision) => Outcome::Decision(decision),
            Entry::Effect(ordered) => Outcome::Effect(ordered),
            Entry::Timeline(entry) => Outcome::Timeline(entry),
            Entry::Clock(clock) => Outcome::Clock(clock),
            Entry::Refused { by, incident, act, why } => Outcome::Refused { by, incident, act, why },
            _ => return None,
        })
    }
}

/// A change of one key in a detector's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateChange {
    /// Key.
    pub key: Vec<u8>,
    /// Value before; `None` if there was none.
    pub before: Option<Vec<u8>>,
    /// Value after; `None` if it was deleted.
    pub after: Option<Vec<u8>>,
}
