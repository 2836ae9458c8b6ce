//! Effects: what a decision asks the outside world for, as values. The host delivers them.

use alloy_primitives::B256;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::brief::Brief;
use crate::finding::Severity;
use crate::incident::IncidentId;

/// What people are notified of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Notice {
    /// An incident was opened.
    Opened,
    /// What was decided on it changed.
    Changed,
    /// More is lost, or more is going on than people were told.
    Grown,
    /// Every finding that it stood on was taken back.
    Retracted,
    /// People ended it.
    Ended,
    /// Nobody can be paged for it.
    Unreached,
}

/// A person of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Human {
    /// Their id.
    pub id: String,
    /// Their name.
    pub name: String,
}

/// A call that carries an intervention out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallData {
    /// EIP-155 id of the chain; `None` if the authority is on none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<u64>,
    /// The contract that is called.
    pub target: String,
    /// Its signature, as `pause(bytes32)`.
    pub function: String,
    /// Arguments, in the order of the signature.
    pub args: Vec<String>,
    /// The bytes to send; `None` if an argument takes more than one word: then whoever signs encodes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calldata: Option<String>,
}

/// What an intervention takes: who may, whose word is missing, what is called, until when, and what to type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Terms {
    /// Number of the ruling; `None` before anybody has decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ruling: Option<u32>,
    /// Whether it is permitted, so that nothing but carrying it out is left.
    pub permitted: bool,
    /// Who may decide on it.
    pub may_decide: Vec<Human>,
    /// Who has agreed so far.
    pub agreed: Vec<Human>,
    /// How many must agree in all; 0 if the plan permits it beforehand.
    pub quorum: u32,
    /// Whose word would count and is missing; empty once enough have agreed.
    pub missing: Vec<Human>,
    /// Who holds the authority, and can carry it out.
    pub may_carry_out: Vec<Human>,
    /// What carries it out on chain.
    pub calls: Vec<CallData>,
    /// Hash of these calls, as the ruling has it.
    #[schemars(with = "String")]
    pub calls_hash: B256,
    /// What must be true first, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prerequisites: Vec<String>,
    /// When the ruling lapses, milliseconds since the Unix epoch; `None` before anybody has decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until_ms: Option<u64>,
    /// From now to its effect, in seconds, if everybody takes the time that the plan gives; `None` if no step of the
    /// escalation reaches anybody who may decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub takes_s: Option<u64>,
    /// The signal's runbook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runbook: Option<String>,
    /// What to type.
    pub next: String,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "effect", rename_all = "kebab-case")]
pub enum Effect {
    /// Notify people of an incident.
    Notify {
        /// The incident.
        incident: IncidentId,
        /// How grave it is.
        severity: Severity,
        /// What happened to it.
        what: Notice,
        /// One line for people.
        text: String,
        /// What is known of it; absent in journals of earlier versions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        brief: Option<Box<Brief>>,
    },
    /// Wake a person.
    Page {
        /// The incident.
        incident: IncidentId,
        /// How grave it is.
        severity: Severity,
        /// Id of the person.
        person: String,
        /// Where: `phone:+41…`.
        channel: String,
        /// One line for people.
        text: String,
        /// What is known of the incident; absent in journals of earlier versions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        brief: Option<Box<Brief>>,
    },
    /// Remind a person of what is due.
    Remind {
        /// The incident.
        incident: IncidentId,
        /// Ids of the people.
        whom: Vec<String>,
        /// What is due, in a line.
        text: String,
    },
    /// Say something to an audience.
    Communicate {
        /// The incident.
        incident: IncidentId,
        /// Id of the plan's communication.
        communication: String,
        /// To whom.
        audience: String,
        /// Where.
        channels: Vec<String>,
        /// What.
        text: String,
    },
    /// An intervention must be undone, or was not meant to last longer.
    Revert {
        /// The incident.
        incident: IncidentId,
        /// The intervention.
        intervention: String,
        /// Ids of the people who can.
        whom: Vec<String>,
        /// Why, in a line.
        text: String,
    },
    /// Something was learned of a risk: it is to be written into the register.
    UpdateRisk {
        /// The incident.
        incident: IncidentId,
        /// Id of the risk; a new one if the plan has no risk of that id.
        risk: String,
        /// What, in a line.
        text: String,
    },
    /// Put an intervention before those who can carry it out.
    Propose {
        /// The incident.
        incident: IncidentId,
        /// The intervention.
        intervention: String,
        /// The role that decides.
        owner: String,
        /// The authority that carries it out.
        authority: String,
        /// People to reach, by name.
        whom: Vec<String>,
        /// One line for people.
        text: String,
        /// What it takes; absent in journals of earlier versions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        terms: Option<Box<Terms>>,
    },
    /// An intervention is permitted: carry it out.
    CarryOut {
        /// The incident.
        incident: IncidentId,
        /// Number of the ruling that permits it.
        ruling: u32,
        /// The intervention.
        intervention: String,
        /// The role that decides.
        owner: String,
        /// The authority that carries it out.
        authority: String,
        /// One line for people.
        text: String,
        /// What it takes.
        terms: Box<Terms>,
    },
    /// Take back a proposal that has not been carried out.
    Withdraw {
        /// The incident.
        incident: IncidentId,
        /// The intervention.
        intervention: String,
        /// Why.
        text: String,
    },
}

impl Effect {
    /// Returns the incident that the effect belongs to.
    pub fn incident(&self) -> IncidentId {
        match self {
            Effect::Notify { incident, .. }
            | Effect::Page { incident, .. }
            | Effect::Remind { incident, .. }
            | Effect::Communicate { incident, .. }
            | Effect::Revert { incident, .. }
            | Effect::UpdateRisk { incident, .. }
            | Effect::Propose { incident, .. }
            | Effect::CarryOut { incident, .. }
            | Effect::Withdraw { incident, .. } => *incident,
        }
    }

    /// Returns the kind of the effect, as `page`.
    pub fn kind(&self) -> &'static str {
        match self {
            Effect::Notify { .. } => "notify",
            Effect::Page { .. } => "page",
            Effect::Remind { .. } => "remind",
            Effect::Communicate { .. } => "communicate",
            Effect::Revert { .. } => "revert",
            Effect::UpdateRisk { .. } => "update-risk",
            Effect::Propose { .. } => "propose",
            Effect::CarryOut { .. } => "carry-out",
            Effect::Withdraw { .. } => "withdraw",
        }
    }
}

/// An effect with the key that makes its delivery idempotent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ordered {
    /// Hash of the incident, the number of the effect there, and its kind: the same for the same effect on every replay.
    #[schemars(with = "String")]
    pub key: B256,
    /// When it was ordered, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// Whether the plan is only rehearsed: nobody outside is to act on it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// Whether people are drilled: it goes out to them though it is rehearsed, and its text says so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drill: bool,
    /// The effect.
    #[serde(flatten)]
    pub effect: Effect,
}

impl Ordered {
    /// True when the effect leaves the host: what is only rehearsed does not, and of a drill what its people are to see does.
    /// Audiences hear nothing of a drill, and no register is changed by one.
    pub fn goes_out(&self) -> bool {
        !self.dry_run || (self.drill && !matches!(self.effect, Effect::Communicate { .. } | Effect::UpdateRisk { .. }))
    }

    /// True when programs may be given the effect too: of a drill they get what tells people, and nothing that could be
    /// carried out.
    pub fn is_for_programs(&self) -> bool {
        !self.drill || matches!(self.effect, Effect::Page { .. } | Effect::Notify { .. } | Effect::Remind { .. })
    }
}

/// Version of the effects' shape: it rises when a field is taken away or means something else, not when one is added.
pub const SCHEMA_VERSION: u32 = 2;

/// Returns the JSON Schema of an effect as it is delivered, without what the way of delivery adds.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Ordered).to_value();
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("$id".to_owned(), format!("urn:watchfire:effect:{SCHEMA_VERSION}").into());
        schema.insert("title".to_owned(), "An effect of Watchfire".into());
    }
    schema
}
