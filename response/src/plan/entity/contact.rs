//! Who outside is called for help, in which order.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::finding::Severity;
use crate::plan::moment::Moment;

/// What somebody outside is called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ContactKind {
    /// A hotline for emergencies, such as SEAL 911.
    Emergency,
    /// Whoever read the code.
    Auditor,
    /// Whoever follows stolen funds and keeps evidence.
    Forensics,
    /// Counsel outside.
    Legal,
    /// Whoever speaks to the press.
    Press,
    /// A vendor of what the protocol runs on: nodes, hosting, names, keys.
    Infrastructure,
    /// An exchange, an issuer or a bridge that may stop stolen funds.
    Exchange,
    /// Police.
    LawEnforcement,
    /// A protocol that stands on this one and is to be told.
    Dependent,
    /// Anybody else.
    Other,
}

impl ContactKind {
    /// Returns its name, as plans write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Emergency => "emergency",
            Self::Auditor => "auditor",
            Self::Forensics => "forensics",
            Self::Legal => "legal",
            Self::Press => "press",
            Self::Infrastructure => "infrastructure",
            Self::Exchange => "exchange",
            Self::LawEnforcement => "law-enforcement",
            Self::Dependent => "dependent",
            Self::Other => "other",
        }
    }
}

/// Somebody outside who helps, or who is to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// What they are called.
    pub name: String,
    /// What they are called for.
    pub kind: ContactKind,
    /// Where they are reached, best first, in words or as addresses: `telegram:@seal_911_bot`, `phone:+41…`.
    pub reach: Vec<String>,
    /// Place in the order of calling: lower ones first. Those without one are called when a playbook says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<u32>,
    /// When to call them, in a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// They are called in incidents that are at least so grave, in their order.
    #[serde(default = "gravest")]
    pub min_severity: Severity,
    /// When somebody last made sure that they are reached there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<Moment>,
}

fn gravest() -> Severity {
    Severity::Critical
}
