//! What the protocol stands on that others run, and what it is while something is off.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::moment::Moment;

/// Something that others run and the protocol stands on: an oracle, a bridge, a token, a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dependency {
    /// What it is, in a line.
    pub summary: String,
    /// What of ours hangs on it, in words and amounts.
    pub exposure: String,
    /// Who is reached there, and how: `Signal group "x / harbor"`, `phone:+41…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// Who is reached if that one isn't.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup_contact: Option<String>,
    /// When somebody last made sure that they are reached there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<Moment>,
    /// How long it takes until they act with us, in seconds.
    pub coordination_s: u64,
    /// How it fails.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failure_modes: Vec<String>,
    /// Id of the degraded mode to enter when it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// What they can do to us: pause the token, upgrade the bridge.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub powers: Vec<String>,
    /// Whether they give us notice before they act, and we them.
    #[serde(default)]
    pub notice_both_ways: bool,
    /// Subjects that belong to it: addresses, feeds, pools. A finding about one of them has it as its cause.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<String>,
}

/// What the protocol is while something is off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mode {
    /// What it is, in a line.
    pub summary: String,
    /// What users can still do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allows: Vec<String>,
    /// What they can't.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stops: Vec<String>,
    /// How it is entered and left, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how: Option<String>,
}
