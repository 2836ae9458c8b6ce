//! Powers: who can carry out what, within which limits, and what it costs.

use alloy_primitives::Address;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::finding::Severity;
use crate::plan::entity::signal::Matcher;
use crate::plan::moment::Moment;

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
    /// Owners of the Safe, or holders of the key, as reviewed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "addresses")]
    pub owners: Vec<Address>,
    /// How many of them must sign.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    pub threshold: u32,
    /// How long it takes to gather the signatures from people who are awake, in seconds.
    #[serde(default)]
    pub signature_s: u64,
    /// The role on chain that it needs, as `PAUSER_ROLE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grants: Option<String>,
    /// Whether it may also reverse what it did.
    #[serde(default)]
    pub reverses: bool,
    /// Its life sign on chain is due at least so often, in seconds; without one it has no power.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub heartbeat_s: Option<u64>,
    /// When somebody last made sure on chain that it has this power.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<Moment>,
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
    /// Whether an intervention of this kind lasts until somebody ends it.
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

/// A span of time in which something rests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Blackout {
    /// From this moment on.
    pub from: Moment,
    /// Until this moment.
    pub until: Moment,
    /// Why.
    pub why: String,
}

/// When an intervention must not be used, whatever happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// How many times; within `per_s` if that is set, ever otherwise.
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
    /// The one who carries it out must be another person than the one who decided.
    #[serde(default)]
    pub two_person: bool,
    /// Ids of people or roles who may neither decide nor approve it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excludes: Vec<String>,
    /// When neither automation may use it nor anybody reverse it; people may still contain what is critical.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blackouts: Vec<Blackout>,
    /// A decision that is not carried out lapses after so long, in seconds; an hour if absent.
    #[serde(default = "hour_s")]
    #[schemars(range(min = 1))]
    pub valid_s: u64,
    /// Incidents below this severity don't justify it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_severity: Option<Severity>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            uses: None,
            per_s: None,
            cooldown_s: 0,
            max_duration_s: None,
            not_after: None,
            quorum: None,
            two_person: false,
            excludes: Vec::new(),
            blackouts: Vec::new(),
            valid_s: hour_s(),
            min_severity: None,
        }
    }
}

fn hour_s() -> u64 {
    3_600
}

fn one() -> u32 {
    1
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
    /// What goes on while it lasts and may hurt: `interest`, `funding`, `oracle prices`, …
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accrues: Vec<String>,
    /// Id of the degraded mode that the protocol is in while it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// What somebody could do with it who has stolen its authority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abuse: Option<String>,
    /// The public reason for it, to be given to users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub justification: Option<String>,
}

/// How an intervention is undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reversal {
    /// Id of the role that undoes it.
    pub who: String,
    /// How long that takes, in seconds.
    pub latency_s: u64,
    /// It ends by itself after so long, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub expires_s: Option<u64>,
    /// After it, users have so long before anything that hurts them goes on, as liquidations, in seconds.
    #[serde(default)]
    pub grace_s: u64,
}

/// A call that carries an intervention out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The contract that is called.
    #[schemars(schema_with = "address")]
    pub target: Address,
    /// Its signature, as `pause(bytes32)`.
    pub function: String,
    /// Arguments, in the order of the signature.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
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
    /// How long its owners need to decide once they are reached, in seconds.
    #[serde(default)]
    pub decision_s: u64,
    /// From the decision to the authority's act, in seconds; signatures and the authority's own delay are added.
    pub reaction_s: u64,
    /// What must be true first, in words. The host can't check words, so if there are any a person decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prerequisites: Vec<String>,
    /// What is true once it has worked, in words. A fact about the chain or a person confirms it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postcondition: Option<String>,
    /// What carries it out on chain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<Call>,
    /// Findings that show that it was carried out, as a detector's `paused`: a ruling that waits for it is done then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub done_by: Vec<Matcher>,
    /// Findings that show that it was undone, as a detector's `unpaused`. What somebody else undoes while it is in effect
    /// may be done again at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undone_by: Vec<Matcher>,
    /// When it was last rehearsed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drilled_at: Option<Moment>,
    /// When it must not be used.
    #[serde(default)]
    pub limits: Limits,
    /// What users lose by it.
    pub cost: Cost,
    /// How it is undone; absent if it can't be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reversal: Option<Reversal>,
}

pub(super) fn address(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "string", "format": "address", "pattern": "^0x[0-9a-fA-F]{40}$" })
}

fn addresses(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "array",
        "items": { "type": "string", "format": "address", "pattern": "^0x[0-9a-fA-F]{40}$" }
    })
}
