//! Facts about the chain that bear on a plan: what was read, at which block, and when. The chain overrides our ledger.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::chain::BlockRef;

/// What is known of an entity of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// The protocol whose plan it bears on; may be empty where there is one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub protocol: String,
    /// What is said.
    #[serde(flatten)]
    pub says: Says,
    /// At which block; `None` where no chain was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<BlockRef>,
    /// When it was so, milliseconds since the Unix epoch.
    pub read_at_ms: u64,
}

/// What a fact says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "kebab-case")]
pub enum Says {
    /// Whether an authority has the power that the plan counts on.
    Holds {
        /// Its id.
        authority: String,
        /// Whether it has.
        yes: bool,
    },
    /// An authority gave its sign of life.
    Heartbeat {
        /// Its id.
        authority: String,
    },
    /// The delay that an authority has on chain.
    Delay {
        /// Its id.
        authority: String,
        /// In seconds.
        delay_s: u64,
    },
    /// Whether an intervention is in effect.
    InEffect {
        /// Its id.
        intervention: String,
        /// Whether it is.
        yes: bool,
    },
    /// Whether what an intervention is for is true.
    Postcondition {
        /// Its id.
        intervention: String,
        /// Whether it is.
        yes: bool,
    },
    /// How many uses of an intervention the chain leaves.
    UsesLeft {
        /// Its id.
        intervention: String,
        /// How many.
        uses: u32,
    },
}

impl Says {
    /// What it is about, as `holds/pause-guardian`: a newer fact of the same key replaces an older.
    pub fn key(&self) -> String {
        match self {
            Says::Holds { authority, .. } => format!("holds/{authority}"),
            Says::Heartbeat { authority } => format!("heartbeat/{authority}"),
            Says::Delay { authority, .. } => format!("delay/{authority}"),
            Says::InEffect { intervention, .. } => format!("in-effect/{intervention}"),
            Says::Postcondition { intervention, .. } => format!("postcondition/{intervention}"),
            Says::UsesLeft { intervention, .. } => format!("uses-left/{intervention}"),
        }
    }
}

/// What became of an effect that was carried outside.
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
}

impl Delivery {
    /// The effect arrived.
    pub fn arrived(key: B256, answer: String) -> Self {
        Self { key, arrived: true, answer, given_up: false }
    }

    /// The effect did not arrive in time; it is still tried.
    pub fn failed(key: B256, answer: String) -> Self {
        Self { key, arrived: false, answer, given_up: false }
    }

    /// The effect did not arrive, and is not tried any more.
    pub fn given_up(key: B256, answer: String) -> Self {
        Self { key, arrived: false, answer, given_up: true }
    }
}
