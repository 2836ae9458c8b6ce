//! What a plan is made of, as its files write it. Inside a [`Plan`](super::Plan) every id that one entity
//! gives for another is known to exist.

use std::collections::BTreeMap;

use alloy::primitives::Address;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::moment::Moment;
use crate::finding::Severity;

/// The tables of a plan, by id. Files may hold any part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tables {
    /// People by id.
    #[serde(default)]
    pub person: BTreeMap<String, Person>,
    /// Roles by id.
    #[serde(default)]
    pub role: BTreeMap<String, Role>,
    /// Authorities by id.
    #[serde(default)]
    pub authority: BTreeMap<String, Authority>,
    /// Interventions by id.
    #[serde(default)]
    pub intervention: BTreeMap<String, Intervention>,
    /// Signals by id.
    #[serde(default)]
    pub signal: BTreeMap<String, Signal>,
    /// Silences by id.
    #[serde(default)]
    pub silence: BTreeMap<String, Silence>,
}

/// Somebody who can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// What they are called.
    pub name: String,
    /// Where they are reached, most urgent first: `phone:+41…`, `signal:…`, `email:…`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<String>,
}

/// What a role is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RoleKind {
    /// Runs the incident.
    IncidentLead,
    /// Decides on interventions.
    DecisionOwner,
    /// Gathers and carries out signatures.
    SignerHerder,
    /// Speaks to users and partners.
    Communications,
    /// Writes down what happens.
    Scribe,
}

/// People who act in one capacity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// What it is for. Interventions are owned by a `decision-owner` or an `incident-lead`.
    pub kind: RoleKind,
    /// Ids of its people, asked first.
    pub members: Vec<String>,
    /// Ids of people who are asked where members can't be reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backups: Vec<String>,
}

/// What kind of power an authority is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuthorityKind {
    /// One key.
    Eoa,
    /// A Safe with its owners and threshold.
    Safe,
    /// A timelock: what it does takes effect after its delay.
    Timelock,
    /// On-chain governance.
    Governor,
    /// An OpenZeppelin AccessManager.
    AccessManager,
    /// A guardian that can stop and not start.
    Guardian,
    /// A seal that can be used once.
    OneShotSeal,
    /// People and contracts of law: no chain is involved.
    OffChain,
}

/// Who can carry an intervention out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Authority {
    /// What kind of power it is.
    pub kind: AuthorityKind,
    /// EIP-155 id of the chain that it acts on; not for `off-chain`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<u64>,
    /// Its address; not for `off-chain`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "address")]
    pub address: Option<Address>,
    /// The role whose people hold it: the signers.
    pub role: String,
    /// Seconds between its act and the effect: a timelock's delay, a governor's vote and queue.
    #[serde(default)]
    pub delay_s: u64,
}

/// What an intervention does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InterventionKind {
    /// Stops a contract.
    Pause,
    /// Stops one function or market and leaves the way out open.
    Freeze,
    /// Limits amounts.
    Cap,
    /// Takes a power away.
    Revoke,
    /// Cancels what is queued in a timelock or governor.
    CancelQueued,
    /// Changes code.
    Upgrade,
    /// Moves funds to safety.
    Rescue,
    /// Keeps somebody out.
    Restrict,
    /// Anything that no chain sees.
    OffChain,
}

impl InterventionKind {
    /// Whether it lasts until somebody ends it.
    pub fn lasts(self) -> bool {
        matches!(self, Self::Pause | Self::Freeze | Self::Cap | Self::Restrict)
    }
}

/// What an intervention reaches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// Chains by EIP-155 id. Empty: the chain of its authority.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chains: Vec<u64>,
    /// Ids of the subjects that it is for: addresses, pools, feeds. Empty: anything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<String>,
}

/// How far the host may go without a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Automation {
    /// Nothing: the decision lists it, and people act.
    Off,
    /// It is put before the people who decide.
    Propose,
    /// The signatures were given beforehand: within its limits it is permitted.
    Presigned,
    /// The authority acts by itself: within its limits it is permitted.
    Auto,
}

/// When an intervention must not be used, whatever happens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// How many times; within `per_s` where that is set, ever otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub uses: Option<u32>,
    /// The span in which `uses` are counted, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub per_s: Option<u64>,
    /// Rest between one use and the next, in seconds.
    #[serde(default)]
    pub cooldown_s: u64,
    /// How long its effect may last, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_duration_s: Option<u64>,
    /// From this moment on the power is gone: a pause window that ends, a seal that expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Moment>,
    /// How many people of the owner's role must agree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub quorum: Option<u32>,
    /// Incidents below this severity don't justify it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_severity: Option<Severity>,
}

/// What users lose by an intervention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// 0 (nobody minds) to 10 (the protocol's promise is broken).
    #[schemars(range(max = 10))]
    pub trust: u8,
    /// Why it costs that much.
    pub why: String,
    /// What users can't do while it lasts: `exit`, `repay`, `borrow`, `liquidation`, …
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<String>,
    /// Whether users were told beforehand that this may be done to them.
    pub inside_boundary: bool,
}

/// How an intervention is undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reversal {
    /// Id of the role that undoes it.
    pub who: String,
    /// How long that takes, in seconds.
    pub latency_s: u64,
}

/// Something that can be done about an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Intervention {
    /// What it does, in a line.
    pub summary: String,
    /// What kind of act it is.
    pub kind: InterventionKind,
    /// What it reaches.
    #[serde(default)]
    pub scope: Scope,
    /// Id of the authority that carries it out.
    pub authority: String,
    /// Id of the role that decides on it.
    pub owner: String,
    /// How far the host may go without a person.
    pub automation: Automation,
    /// From the decision to the authority's act, in seconds; the authority's own delay is added.
    pub reaction_s: u64,
    /// What must be true first, in words. The host can't check words, so where there are any a person decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prerequisites: Vec<String>,
    /// When it must not be used.
    #[serde(default)]
    pub limits: Limits,
    /// What users lose by it.
    pub cost: Cost,
    /// How it is undone; absent where it can't be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reversal: Option<Reversal>,
}

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

/// How many sources must agree before the host goes further than telling people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Corroboration {
    /// Distinct detectors with a live finding inside the signal's window.
    #[schemars(range(min = 1))]
    pub sources: u32,
    /// Findings that are less sure than this don't count, 0 to 100.
    #[serde(default)]
    #[schemars(range(max = 100))]
    pub min_confidence_percent: u8,
}

impl Default for Corroboration {
    fn default() -> Self {
        Self { sources: 1, min_confidence_percent: 0 }
    }
}

/// Findings that call for a decision, and what may be done about them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Signal {
    /// What it tells, in a line.
    pub summary: String,
    /// Findings that match any of these belong to it.
    #[serde(rename = "match")]
    pub matchers: Vec<Matcher>,
    /// Labels whose values tell one incident from another: `chain`, `subject`, `detector`, `kind`, or a name
    /// among the finding's attributes. A missing label is a value of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub group_by: Vec<String>,
    /// Findings further apart than this don't corroborate each other, in seconds of chain time.
    #[schemars(range(min = 1))]
    pub window_s: u64,
    /// How many sources must agree. One, where absent.
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
}

/// Findings that nobody shall be told of for a while. They are recorded and decided on all the same.
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

fn address(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "string", "format": "address", "pattern": "^0x[0-9a-fA-F]{40}$" })
}
