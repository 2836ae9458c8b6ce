//! What is said to whom, how soon, and by whom.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::finding::Severity;
use crate::incident::IncidentState;

/// What is said to one audience during incidents of some severities.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Communication {
    /// It is for incidents of these severities.
    pub severities: Vec<Severity>,
    /// To whom: `users`, `partners`, `exchanges`, …
    pub audience: String,
    /// From the declaration to the first word, in seconds.
    #[schemars(range(min = 1))]
    pub first_within_s: u64,
    /// From one word to the next, in seconds. "Nothing new" is a valid one.
    #[schemars(range(min = 1))]
    pub cadence_s: u64,
    /// Where it is said, as `x:@harbor`, `discord:#announcements`.
    pub channels: Vec<String>,
    /// Where it is said when those are down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backup_channels: Vec<String>,
    /// Id of the role that writes it.
    pub owner: String,
    /// Id of the role that must agree before it goes out; nobody if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver: Option<String>,
    /// What must not be said yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forbidden: Vec<Forbidden>,
    /// The first word, with `{summary}` of the signal, `{severity}`, `{state}` and `{protocol}` to be filled in. `{title}`
    /// is filled in too, and carries a detector's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
}

/// What must not be said before an incident has come so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Forbidden {
    /// Words in any case, as whole words.
    pub words: Vec<String>,
    /// Not before this state.
    pub until: IncidentState,
    /// Why.
    pub why: String,
}
