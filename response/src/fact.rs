//! Facts about the chain that bear on a plan: what was read, at which block, and when. The chain overrides our ledger.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::chain::BlockRef;
use crate::incident::IncidentId;

/// What is known of an entity of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// Name of the protocol whose plan the fact bears on; may be empty if the host has one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub protocol: String,
    /// What is said.
    #[serde(flatten)]
    pub says: Says,
    /// The block at which it was read; `None` if no chain was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<BlockRef>,
    /// When it was read, milliseconds since the Unix epoch.
    pub read_at_ms: u64,
}

/// What a fact says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "kebab-case")]
pub enum Says {
    /// Whether an authority has the power that the plan counts on.
    Holds {
        /// Id of the authority.
        authority: String,
        /// Whether it has the power.
        yes: bool,
    },
    /// An authority gave its sign of life.
    Heartbeat {
        /// Id of the authority.
        authority: String,
    },
    /// The delay that an authority has on chain.
    Delay {
        /// Id of the authority.
        authority: String,
        /// The delay, in seconds.
        delay_s: u64,
    },
    /// Whether an intervention is in effect.
    InEffect {
        /// Id of the intervention.
        intervention: String,
        /// Whether it is in effect.
        yes: bool,
    },
    /// Whether the postcondition of an intervention is true.
    Postcondition {
        /// Id of the intervention.
        intervention: String,
        /// Whether the postcondition is true.
        yes: bool,
    },
    /// How many uses of an intervention the chain leaves.
    UsesLeft {
        /// Id of the intervention.
        intervention: String,
        /// How many uses are left.
        uses: u32,
    },
}

/// What a fact is about: a newer fact of the same key replaces an older one. Each holds the id of an entity of the plan.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FactKey {
    /// Whether an authority has its power.
    Holds(String),
    /// An authority's last sign of life.
    Heartbeat(String),
    /// An authority's delay.
    Delay(String),
    /// Whether an intervention is in effect.
    InEffect(String),
    /// Whether an intervention's postcondition is true.
    Postcondition(String),
    /// How many uses of an intervention are left.
    UsesLeft(String),
}

impl std::fmt::Display for FactKey {
    /// As `holds/pause-guardian`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            FactKey::Holds(id) => write!(f, "holds/{id}"),
            FactKey::Heartbeat(id) => write!(f, "heartbeat/{id}"),
            FactKey::Delay(id) => write!(f, "delay/{id}"),
            FactKey::InEffect(id) => write!(f, "in-effect/{id}"),
            FactKey::Postcondition(id) => write!(f, "postcondition/{id}"),
            FactKey::UsesLeft(id) => write!(f, "uses-left/{id}"),
        }
    }
}

impl Says {
    /// Returns what the fact is about.
    pub fn key(&self) -> FactKey {
        match self {
            Says::Holds { authority, .. } => FactKey::Holds(authority.clone()),
            Says::Heartbeat { authority } => FactKey::Heartbeat(authority.clone()),
            Says::Delay { authority, .. } => FactKey::Delay(authority.clone()),
            Says::InEffect { intervention, .. } => FactKey::InEffect(intervention.clone()),
            Says::Postcondition { intervention, .. } => FactKey::Postcondition(intervention.clone()),
            Says::UsesLeft { intervention, .. } => FactKey::UsesLeft(intervention.clone()),
        }
    }
}

/// What came of delivering an effect outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Key of the effect.
    pub key: B256,
    /// Whether it arrived.
    pub arrived: bool,
    /// What the other end said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub answer: String,
    /// Whether nobody tries any more; otherwise an effect that did not arrive in time may still arrive.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub given_up: bool,
    /// What pages no more though nobody has the incident; the rest is then of no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
}

/// A service that pages no more for an incident, by the word of somebody whose word does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// The incident.
    pub incident: IncidentId,
    /// Scheme of the addresses that it pages at, as `pagerduty`.
    pub scheme: String,
}

impl Delivery {
    /// The effect arrived.
    pub fn arrived(key: B256, answer: String) -> Self {
        Self { key, arrived: true, answer, given_up: false, stopped: None }
    }

    /// The effect did not arrive in time; it is still tried.
    pub fn failed(key: B256, answer: String) -> Self {
        Self { key, arrived: false, answer, given_up: false, stopped: None }
    }

    /// The effect did not arrive, and is not tried any more.
    pub fn given_up(key: B256, answer: String) -> Self {
        Self { key, arrived: false, answer, given_up: true, stopped: None }
    }

    /// A service that accepted what was sent there pages nobody any more: why, in a clause.
    pub fn stopped(incident: IncidentId, scheme: String, why: String) -> Self {
        Self { stopped: Some(Stopped { incident, scheme }), ..Self::failed(B256::ZERO, why) }
    }
}
