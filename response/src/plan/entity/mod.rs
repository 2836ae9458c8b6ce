//! What a plan is made of, as its files write it. Inside a [`Plan`](super::Plan) every id that one entity
//! gives for another is known to exist.

mod asset;
mod attestation;
mod callout;
mod communication;
mod contact;
mod dependency;
mod people;
mod playbook;
mod power;
mod proof;
mod release;
mod risk;
mod signal;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use asset::{Asset, AssetKind};
pub(crate) use asset::{grouped, price_micros};
pub use attestation::Attestation;
pub use callout::Callout;
pub use communication::{Communication, Forbidden};
pub use contact::{Contact, ContactKind};
pub use dependency::{Dependency, Mode};
pub use people::{Channels, Escalation, Layer, Override, Person, Role, RoleKind, Schedule, Step, Urgent, Weekday};
pub use playbook::{Called, Duty, Playbook, PlaybookKind};
pub use power::{
    Authority, AuthorityKind, Automation, Blackout, Call, Cost, Intervention, InterventionKind, Limits, Reversal, Scope,
};
pub use proof::{ProofPolicy, ProvedAct, WithoutSigner};
pub use release::Release;
pub use risk::{Likelihood, Risk, RiskEvent, RiskResponse, RiskStatus};
pub use signal::{Corroboration, Inhibition, Matcher, Signal, Silence, Source, SubjectMatch};

use super::moment::Moment;

/// The tables of a plan, by id. Files may hold any part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tables {
    /// What the plan is for, and how the whole of it is run.
    #[serde(default)]
    pub protocol: Protocol,
    /// People by id.
    #[serde(default)]
    pub person: BTreeMap<String, Person>,
    /// Roles by id.
    #[serde(default)]
    pub role: BTreeMap<String, Role>,
    /// Schedules by id: who is on call, when.
    #[serde(default)]
    pub schedule: BTreeMap<String, Schedule>,
    /// Escalations by id: who is paged, in which order, and how long each has.
    #[serde(default)]
    pub escalation: BTreeMap<String, Escalation>,
    /// Assets by id: what is to be protected, and how amounts of it are read.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub asset: BTreeMap<String, Asset>,
    /// Authorities by id.
    #[serde(default)]
    pub authority: BTreeMap<String, Authority>,
    /// Interventions by id.
    #[serde(default)]
    pub intervention: BTreeMap<String, Intervention>,
    /// Degraded modes by id: what the protocol is while something is off.
    #[serde(default)]
    pub mode: BTreeMap<String, Mode>,
    /// Sources by id: which detectors count as one, since they share an author or their data.
    #[serde(default)]
    pub source: BTreeMap<String, Source>,
    /// Signals by id.
    #[serde(default)]
    pub signal: BTreeMap<String, Signal>,
    /// Silences by id.
    #[serde(default)]
    pub silence: BTreeMap<String, Silence>,
    /// Inhibitions by id.
    #[serde(default)]
    pub inhibition: BTreeMap<String, Inhibition>,
    /// Dependencies by id: what the protocol stands on that others run.
    #[serde(default)]
    pub dependency: BTreeMap<String, Dependency>,
    /// Communications by id: what is said to whom, how soon, and by whom.
    #[serde(default)]
    pub communication: BTreeMap<String, Communication>,
    /// Contacts by id: who outside is called for help, in which order.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub contact: BTreeMap<String, Contact>,
    /// Playbooks by id: what is done first in an incident of a kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub playbook: BTreeMap<String, Playbook>,
    /// Callouts by id: who is called when, to see whether they are reached.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub callout: BTreeMap<String, Callout>,
    /// Attestations by id: what a team shows for a checklist that no host can see.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attestation: BTreeMap<String, Attestation>,
    /// Risks by id.
    #[serde(default)]
    pub risk: BTreeMap<String, Risk>,
    /// Releases by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub release: BTreeMap<String, Release>,
    /// Findings of the readiness check that somebody has taken upon themselves, by id.
    #[serde(default)]
    pub waiver: BTreeMap<String, Waiver>,
}

/// What the plan is for, and how the whole of it is run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Protocol {
    /// What it is called.
    #[serde(default)]
    pub name: String,
    /// Where decisions count against a ledger of their own and nobody outside is asked to act.
    #[serde(default)]
    pub dry_run: bool,
    /// Id of the role that may halt all automation by `watchfire incident halt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kill_switch: Option<String>,
    /// Whether a finding that fits several signals opens one incident for all of them, with the interventions of each.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub correlate: bool,
    /// Of one detector, so many new conditions are kept in an hour. What is more is counted and told, unless it is graver, of
    /// another kind or by another source than what is known.
    #[serde(default = "conditions_an_hour", skip_serializing_if = "is_conditions_an_hour")]
    #[schemars(range(min = 1))]
    pub conditions_per_hour: u64,
    /// Of one signal, so many incidents are opened in an hour. Beyond, all others share one.
    #[serde(default = "incidents_an_hour", skip_serializing_if = "is_incidents_an_hour")]
    #[schemars(range(min = 1))]
    pub incidents_per_hour: u64,
    /// Whether approvals, and a second human's word, count only from different accounts of the host's machine.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub distinct_accounts: bool,
    /// After closure, findings of the same group open a linked successor for so long, in seconds; a day if absent.
    #[serde(default = "day_s")]
    pub successor_s: u64,
    /// Where transactions and addresses are looked at, by EIP-155 id of the chain:
    /// `1 = "https://etherscan.io/{kind}/{id}"`. `{kind}` becomes `tx`, `address` or `block`, `{id}` the hash, address
    /// or height.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub explorer: BTreeMap<String, String>,
    /// When somebody last went through the whole of it: roles, authorities, escalations, playbooks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewed_at: Option<Moment>,
    /// Which acts must be proved by a signature; if absent, decisions, approvals and vetoes on what costs 3 of trust or more, by
    /// whoever has a `signer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<ProofPolicy>,
}

impl Default for Protocol {
    fn default() -> Self {
        Self {
            name: String::new(),
            dry_run: false,
            kill_switch: None,
            correlate: true,
            conditions_per_hour: conditions_an_hour(),
            incidents_per_hour: incidents_an_hour(),
            distinct_accounts: false,
            successor_s: day_s(),
            explorer: BTreeMap::new(),
            reviewed_at: None,
            proof: None,
        }
    }
}

fn yes() -> bool {
    true
}

fn is_yes(wanted: &bool) -> bool {
    *wanted
}

fn conditions_an_hour() -> u64 {
    1_000
}

fn is_conditions_an_hour(count: &u64) -> bool {
    *count == conditions_an_hour()
}

fn incidents_an_hour() -> u64 {
    60
}

fn is_incidents_an_hour(count: &u64) -> bool {
    *count == incidents_an_hour()
}

fn day_s() -> u64 {
    86_400
}

/// A finding of the readiness check that somebody has taken upon themselves for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// Code of the check, as `WF-E04`.
    pub check: String,
    /// The entity it is waived for, as `intervention.pause-vault`; every one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    /// Id of the role or person who answers for it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// When it ends.
    pub until: Moment,
}
