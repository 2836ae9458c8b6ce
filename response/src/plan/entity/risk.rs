//! Risks: what may go wrong, who has it, and what was made of it from release to release. After NIST IR 8286.

use std::fmt;

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::incident::IncidentId;
use crate::plan::moment::Moment;

/// How likely, or how bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Likelihood {
    /// Hardly.
    Low,
    /// Now and then.
    Medium,
    /// Often, or gravely.
    High,
}

/// What is done about a risk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum RiskResponse {
    /// It is lived with, by somebody's word and until a date.
    Accept,
    /// Its cause is taken away.
    Avoid,
    /// It is made less likely or less bad.
    Mitigate,
    /// Somebody else bears it.
    Transfer,
}

/// Where a risk stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum RiskStatus {
    /// It is there, and something is to be done.
    Open,
    /// Somebody has taken it upon themselves.
    Accepted,
    /// What was to be done is done; it is watched.
    Mitigated,
    /// It is no more.
    Closed,
}

/// Something that may go wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Risk {
    /// What may go wrong, in a line.
    pub summary: String,
    /// What is at stake.
    pub asset: String,
    /// Why it may happen.
    pub cause: String,
    /// How likely.
    pub likelihood: Likelihood,
    /// How bad.
    pub impact: Likelihood,
    /// What is done about it.
    pub response: RiskResponse,
    /// Id of the role or person who owns it; the readiness check warns of a risk without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Where it stands.
    pub status: RiskStatus,
    /// Ids of the signals by which it would show.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signals: Vec<String>,
    /// Ids of the interventions against it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interventions: Vec<String>,
    /// Numbers of the incidents in which it showed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incidents: Vec<IncidentId>,
    /// The release that it came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Until when it is accepted. Of a risk that is not, until when it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_until: Option<Moment>,
    /// By when what is to be done about it is done: its owner is reminded, and the readiness check warns when that is past.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Moment>,
    /// What was made of it, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<RiskEvent>,
}

/// What was made of a risk once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RiskEvent {
    /// When.
    pub at: Moment,
    /// Who.
    pub by: String,
    /// What, in a line.
    pub what: String,
    /// Where it stood from then on.
    pub status: RiskStatus,
    /// The release that was being made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// The incident that led to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<IncidentId>,
    /// Id of the role or person who had the risk from then on; absent if it was the one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Until when it was accepted from then on; absent if it was the moment before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_until: Option<Moment>,
    /// What was linked to it then: `signal.ID`, `intervention.ID`, `incident.NUMBER`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub linked: Vec<String>,
}

impl Likelihood {
    /// Returns the weight, from 1, low, to 3, high.
    pub fn weight(self) -> u8 {
        match self {
            Self::Low => 1,
            Self::Medium => 2,
            Self::High => 3,
        }
    }
}

impl Risk {
    /// Returns how grave the risk is: likelihood by impact, from 1 to 9.
    pub fn severity(&self) -> u8 {
        self.likelihood.weight() * self.impact.weight()
    }

    /// Returns by when something is to be done; `None` if nothing is, or it is done.
    pub fn open_due(&self) -> Option<Moment> {
        self.due.filter(|_| self.status == RiskStatus::Open)
    }

    /// Returns until when the risk is accepted; `None` if it is not accepted, or for ever.
    pub fn acceptance(&self) -> Option<Moment> {
        self.accepted_until.filter(|_| self.status == RiskStatus::Accepted)
    }
}

impl fmt::Display for Likelihood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        })
    }
}

impl fmt::Display for RiskResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Accept => "accept",
            Self::Avoid => "avoid",
            Self::Mitigate => "mitigate",
            Self::Transfer => "transfer",
        })
    }
}

impl fmt::Display for RiskStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Open => "open",
            Self::Accepted => "accepted",
            Self::Mitigated => "mitigated",
            Self::Closed => "closed",
        })
    }
}
