//! An incident: findings that belong together, from the first to what was made of them.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::finding::Severity;

/// Number of an incident, counted from 1 in each journal.
pub type IncidentId = u64;

/// Where an incident stands. The order is that of its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IncidentState {
    /// Opened by findings or by somebody, not yet taken for real.
    Triage,
    /// Declared: clocks of communication run, and the plan is followed.
    Active,
    /// It does no further harm as long as what was done holds.
    Contained,
    /// Its cause is gone; it is watched.
    Monitoring,
    /// It is over, and everything that closing needs was there.
    Closed,
    /// It is part of another one.
    Merged,
    /// It was none; the reason is in `note`.
    FalsePositive,
    /// Every finding that it stood on was retracted; the reason is in `note`.
    Retracted,
}

impl IncidentState {
    /// Whether anything can still come of it.
    pub fn is_open(self) -> bool {
        self <= Self::Monitoring
    }
}

impl std::fmt::Display for IncidentState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Triage => "triage",
            Self::Active => "active",
            Self::Contained => "contained",
            Self::Monitoring => "monitoring",
            Self::Closed => "closed",
            Self::Merged => "merged",
            Self::FalsePositive => "false-positive",
            Self::Retracted => "retracted",
        })
    }
}

/// Findings of one signal that share the values of its grouping labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Number.
    pub id: IncidentId,
    /// The plan that it was opened under and stays under.
    pub plan: B256,
    /// The signal that opened it.
    pub signal: String,
    /// The grouping labels with their values; a label that is missing has the value `None`.
    pub group: Vec<(String, Option<String>)>,
    /// One line.
    pub title: String,
    /// The gravest severity of its live findings, or of its signal.
    pub severity: Severity,
    /// Where it stands.
    pub state: IncidentState,
    /// Why it stands there, in a sentence.
    pub note: String,
    /// Chain time of the first finding, milliseconds since the Unix epoch.
    pub began_ms: u64,
    /// When it was opened, milliseconds since the Unix epoch.
    pub opened_at_ms: u64,
    /// Chain time of the newest finding, milliseconds since the Unix epoch.
    pub last_ms: u64,
    /// Live findings, in the order in which they came.
    pub findings: Vec<B256>,
    /// Findings that were taken back, in the order in which they were.
    pub retracted: Vec<B256>,
    /// Sources that corroborate each other: distinct detectors with a live finding.
    pub sources: Vec<String>,
    /// How many sightings were folded into findings already here.
    pub duplicates: u64,
}
