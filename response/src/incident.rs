//! An incident: findings that belong together, from the first to what was made of them.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::brief::Evidence;
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
    /// Whether the incident is not over yet.
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

/// Returns how people are told that an incident is open no more: by its title, since they know it by that, and its number after it.
pub fn ended(id: IncidentId, state: IncidentState, title: &str) -> String {
    let what = match state {
        IncidentState::Merged => "It goes on in another incident",
        _ => "It is over",
    };
    format!("{what}: {title} (incident {id}, {state})")
}

/// Findings of one signal that share the values of its grouping labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Number.
    pub id: IncidentId,
    /// Name of the protocol in the host's config; empty if the host has one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub protocol: String,
    /// The plan that it was opened under and stays under.
    pub plan: B256,
    /// Whether its plan was only rehearsed when it was opened: nobody outside hears of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rehearsal: bool,
    /// Whether it is a drill: rehearsed, and people are paged for it by the channels of a night, each message marked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drill: bool,
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
    /// Live findings, in the order in which they came: at most [`LISTED`], the first and the newest.
    pub findings: Vec<B256>,
    /// How many live findings are not listed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_findings: u64,
    /// Findings that were taken back, in the order in which they were: the first [`LISTED`].
    pub retracted: Vec<B256>,
    /// How many more were taken back.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_retracted: u64,
    /// How many conditions were counted and not kept, since their detector had made more than the plan takes in an hour.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub uncounted: u64,
    /// Sources that corroborate each other: distinct detectors with a live finding.
    pub sources: Vec<String>,
    /// How many sightings were folded into findings already here.
    pub duplicates: u64,
    /// What is lost or moved by the amounts of live findings, in the smallest unit of each asset.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", with = "as_digits")]
    pub loss: BTreeMap<String, u128>,
    /// Kinds of live findings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// Who acts, by what findings say: at most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actors: Vec<String>,
    /// The newest finding of each kind, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// Other incidents that are about the same subject or actor, by number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<IncidentId>,
    /// Id of the person who opened it by hand; `None` if findings did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared_by: Option<String>,
    /// When it was declared: clocks of communication run from here, milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared_at_ms: Option<u64>,
    /// Id of the person who answered last; `None` if nobody has, or the answer lapsed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acked_by: Option<String>,
    /// Ids of the people who act in a role, by the role's id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<String, String>,
    /// Id of the dependency that causes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dependency: Option<String>,
    /// The closed incident of the same group that it follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<IncidentId>,
    /// The incident that it is part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<IncidentId>,
    /// When it ended, milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at_ms: Option<u64>,
    /// Risks that closing created or updated, by id, with what was said of each.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub risks: BTreeMap<String, String>,
    /// Why no risk changed; `None` if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_change: Option<String>,
}

/// How many findings an incident lists.
pub const LISTED: usize = 32;

/// An incident that is opened so long after its first sign was seen late, milliseconds: the host was away, or behind.
const LATE_MS: u64 = 120_000;

impl Incident {
    /// Returns how long before it was opened it had begun, in seconds, if that is long; `None` if it was seen in time.
    pub fn seen_late_s(&self) -> Option<u64> {
        let late_ms = self.opened_at_ms.saturating_sub(self.began_ms);
        (late_ms > LATE_MS && self.began_ms > 0).then_some(late_ms / 1_000)
    }

    /// Returns how many live findings it has.
    pub fn live_findings(&self) -> u64 {
        self.findings.len() as u64 + self.more_findings
    }

    /// Lists a live finding. Of too many, one between the first and the newest goes.
    pub(crate) fn list(&mut self, finding: B256) {
        self.findings.push(finding);
        if self.findings.len() > LISTED {
            self.findings.remove(LISTED / 2);
            self.more_findings += 1;
        }
    }

    /// Takes a finding off the list of live ones.
    pub(crate) fn unlist(&mut self, finding: B256) {
        match self.findings.iter().position(|listed| *listed == finding) {
            Some(at) => drop(self.findings.remove(at)),
            None => self.more_findings = self.more_findings.saturating_sub(1),
        }
    }

    /// Notes that a finding was taken back.
    pub(crate) fn note_retracted(&mut self, finding: B256) {
        match self.retracted.len() < LISTED {
            true => self.retracted.push(finding),
            false => self.more_retracted += 1,
        }
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Amounts as decimal digits: JSON's numbers don't hold them.
pub(crate) mod as_digits {
    use std::collections::BTreeMap;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(amounts: &BTreeMap<String, u128>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(amounts.iter().map(|(asset, amount)| (asset, amount.to_string())))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, u128>, D::Error> {
        let digits = BTreeMap::<String, String>::deserialize(deserializer)?;
        digits
            .into_iter()
            .map(|(asset, digits)| match digits.parse() {
                Ok(amount) => Ok((asset, amount)),
                Err(error) => Err(D::Error::custom(format!("`{digits}` is no amount: {error}"))),
            })
            .collect()
    }
}
