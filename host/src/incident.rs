//! An incident: findings that belong together, from the first to what was made of them.

use alloy::primitives::B256;
use serde::{Deserialize, Serialize};

use crate::finding::Severity;

/// Number of an incident, counted from 1 in each journal.
pub type IncidentId = u64;

/// Where an incident stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IncidentState {
    /// Opened by findings, not yet taken by anybody.
    Triage,
    /// Every finding that it stood on was retracted; the reason is in `note`.
    Retracted,
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
