//! Signals: which findings call for a decision, and of which of them people are notified.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::finding::Severity;
use crate::plan::moment::Moment;

/// Which subject a matcher is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubjectMatch {
    /// `address`, `pool`, `role`, `feed`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Which one; addresses in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// Which findings are meant. What is not given matches anything; what is given must all match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Matcher {
    /// The detector's id in the config, or `watchfire/coverage` for the host's own findings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detector: Option<String>,
    /// Any of these kinds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// At least this severity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_severity: Option<Severity>,
    /// At least this confidence, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 100))]
    pub min_confidence_percent: Option<u8>,
    /// This subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<SubjectMatch>,
    /// Labels with exactly these values: `chain`, `subject`, `detector`, `kind`, or a name among the
    /// finding's attributes. A finding without the label doesn't match.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// How many sources must agree before the host goes further than notifying people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Corroboration {
    /// Distinct sources with a live finding inside the signal's window: detectors of one author on the same data are
    /// one source.
    #[schemars(range(min = 1))]
    pub sources: u32,
    /// Findings that are less sure than this don't count, 0 to 100.
    #[serde(default)]
    #[schemars(range(max = 100))]
    pub min_confidence_percent: u8,
    /// Whether automation waits until as many nodes of different operators as the chain's `agree` says name the blocks of the
    /// findings. People hear of them at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub agreed_blocks: bool,
}

impl Default for Corroboration {
    fn default() -> Self {
        Self { sources: 1, min_confidence_percent: 0, agreed_blocks: false }
    }
}

/// Findings that call for a decision, and what may be done about them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Signal {
    /// What it means, in a line.
    pub summary: String,
    /// Findings that match any of these belong to it.
    #[serde(rename = "match")]
    pub matchers: Vec<Matcher>,
    /// Labels whose values distinguish one incident from another: `chain`, `subject`, `detector`, `kind`, or a name
    /// among the finding's attributes. A missing label is a value of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub group_by: Vec<String>,
    /// Findings further apart than this don't corroborate each other, in seconds of chain time.
    #[schemars(range(min = 1))]
    pub window_s: u64,
    /// How many sources must agree. One if absent.
    #[serde(default)]
    pub corroboration: Corroboration,
    /// Incidents of this signal are at least this severe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Ids of the interventions to decide on, in any order.
    pub interventions: Vec<String>,
    /// From the first finding to the harm, in seconds of chain time, by the protocol's own estimate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_to_harm_s: Option<u64>,
    /// People hear of an incident once it has lasted so long, in seconds of the host's clock: what is over by then wakes
    /// nobody, and automation waits for it too. At once if absent.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub for_s: u64,
    /// An incident whose findings were all taken back stays open so long, in seconds, so that what comes and goes is one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub keep_for_s: u64,
    /// Id of the escalation; the one for the incident's severity if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalation: Option<String>,
    /// Id of the dependency that causes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dependency: Option<String>,
    /// People are paged again when the loss has grown by so much since they were, in percent; doubled if absent.
    #[serde(default = "doubled")]
    #[schemars(range(min = 1))]
    pub growth_percent: u32,
    /// Where it says what to do, an absolute URL: pages and notices give it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runbook: Option<String>,
    /// Why no detector raises it yet: a gap that the protocol knows of. `check` warns of it, where it would refuse a signal
    /// that nothing can raise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<String>,
    /// When a replay of an attack last made it fire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fired_at: Option<Moment>,
}

fn doubled() -> u32 {
    100
}

/// Detectors that count as one source, since they are wrong together: one author, or the same data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Ids of the detectors. One that no source names is a source of its own.
    pub detectors: Vec<String>,
    /// Who wrote them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// What they read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
}

/// While one signal has an open incident, nobody is notified of what it explains. All of it is recorded and decided on. An
/// incident that is muted itself explains nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Inhibition {
    /// Id of the signal whose open incident explains others.
    pub while_open: String,
    /// Ids of the signals that it explains.
    pub mutes: Vec<String>,
    /// Labels whose values must be the same in both; one that is missing in either is not the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub equal: Vec<String>,
    /// Id of the role or person who answers for it.
    pub owner: String,
    /// When it ends.
    pub until: Moment,
    /// Why.
    pub reason: String,
}

/// Findings of which nobody is notified for a while. They are recorded and decided on all the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Silence {
    /// Findings that match any of these.
    #[serde(rename = "match")]
    pub matchers: Vec<Matcher>,
    /// When it ends.
    pub until: Moment,
    /// Id of the role or person who answers for it.
    pub owner: String,
    /// Why.
    pub reason: String,
}

fn is_zero(seconds: &u64) -> bool {
    *seconds == 0
}
