//! Playbooks: what is done first in an incident of a kind, by whom, and what is kept as evidence.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::moment::Moment;

/// Kinds of incidents that playbooks are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlaybookKind {
    /// Somebody takes funds by a fault of the contracts or of what they trust.
    Exploit,
    /// What the protocol or its watch runs on fails.
    Infrastructure,
    /// Somebody has an access that they should not have.
    Access,
    /// A key, or who holds it, is compromised.
    Key,
    /// What was built in, or builds, is compromised.
    SupplyChain,
    /// Users are shown another site, by its servers or its name.
    Frontend,
    /// Anything else.
    Other,
}

impl PlaybookKind {
    /// Kinds that every team is asked for.
    pub const ASKED: [Self; 6] =
        [Self::Exploit, Self::Infrastructure, Self::Access, Self::Key, Self::SupplyChain, Self::Frontend];

    /// Returns its name, as plans write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exploit => "exploit",
            Self::Infrastructure => "infrastructure",
            Self::Access => "access",
            Self::Key => "key",
            Self::SupplyChain => "supply-chain",
            Self::Frontend => "frontend",
            Self::Other => "other",
        }
    }
}

/// What is done in an incident of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Playbook {
    /// What it is for, in a line.
    pub summary: String,
    /// Kind of incident.
    pub kind: PlaybookKind,
    /// Ids of the signals whose incidents show it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signals: Vec<String>,
    /// How to tell a false alarm, one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub triage: Vec<String>,
    /// What is done first, in order.
    pub first: Vec<String>,
    /// What is kept as evidence, and where.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// Who does what.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub duties: Vec<Duty>,
    /// Whom to call, and when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<Called>,
    /// When somebody last went through it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewed_at: Option<Moment>,
}

/// What a role does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Duty {
    /// Id of the role.
    pub role: String,
    /// What it does.
    pub does: String,
}

/// Whom to call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Called {
    /// Id of the contact, role or person.
    pub who: String,
    /// When, in a clause: `once funds have left`.
    pub when: String,
}
