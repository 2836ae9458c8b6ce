//! People, the capacities they act in, and in which order they are reached.

use alloy_primitives::Address;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::moment::{Day, Moment, TimeOfDay};
use crate::proof::Signer;

/// Somebody who can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// What they are called.
    pub name: String,
    /// IANA time zone, as `Europe/Lisbon`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// The address that they sign with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::power::address")]
    pub signer: Option<Address>,
    /// EIP-155 id of the chain on which that is a contract, such as a Safe, which is asked by ERC-1271; absent if it is a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer_chain: Option<u64>,
    /// Where they are reached.
    #[serde(default)]
    pub channels: Channels,
    /// When somebody last made sure that they are reached there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<Moment>,
}

impl Person {
    /// Returns who must have signed what the person does; `None` if the plan names nobody.
    pub fn signs_as(&self) -> Option<Signer> {
        let address = self.signer?;
        Some(self.signer_chain.map_or(Signer::Key(address), |chain| Signer::Contract(chain, address)))
    }
}

/// Where a person is reached, best first: `phone:+41…`, `signal:…`, `email:…`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Channels {
    /// What wakes them up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urgent: Vec<String>,
    /// What they read when they are awake.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub normal: Vec<String>,
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
    /// Knows a part of the protocol, and says what an attack does and what would stop it.
    SubjectMatterExpert,
    /// Looks at what is done and said from the side of the law.
    Counsel,
}

/// People who act in one capacity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// What it is for. Interventions are owned by a `decision-owner` or an `incident-lead`.
    pub kind: RoleKind,
    /// Ids of its people, asked first.
    pub members: Vec<String>,
    /// Ids of people who are asked if members can't be reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backups: Vec<String>,
    /// What its people know best, as `smart contracts`; for subject-matter experts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<String>,
    /// Id of the schedule that says which of them is paged; all members if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// When somebody last went through its people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<Moment>,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Weekday {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

/// Who is on call, when. Where nobody is, an escalation goes on at once and doesn't wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// IANA time zone in which its times of day are meant.
    pub time_zone: String,
    /// The first layer that has somebody at a moment says who it is.
    pub layers: Vec<Layer>,
    /// Exceptions; the last that covers a moment goes before every layer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<Override>,
}

/// People who take turns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// Ids of people, in the order of their turns.
    pub people: Vec<String>,
    /// The day on which the first of them takes over: a date, or a date-time with its offset, whose day in the schedule's
    /// time zone counts.
    pub starts: Day,
    /// Local time at which one hands over to the next, as `09:00`.
    pub handover: TimeOfDay,
    /// How many days a turn has.
    #[serde(default = "week_days")]
    #[schemars(range(min = 1))]
    pub every_days: u32,
    /// Only on these days; every day if absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weekdays: Vec<Weekday>,
    /// Only from this local time on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<TimeOfDay>,
    /// Only before this local time; one that is earlier than `from` is on the next day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<TimeOfDay>,
}

fn week_days() -> u32 {
    7
}

/// Somebody else for a while, or nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// From this moment on.
    pub from: Moment,
    /// Until this moment.
    pub until: Moment,
    /// Id of the person; nobody if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
}

/// How somebody is paged who has several urgent channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Urgent {
    /// By the best one; by the next if no service accepts the page by its deadline.
    #[default]
    InTurn,
    /// By all of them at the same moment.
    AllAtOnce,
}

impl Urgent {
    fn is_in_turn(&self) -> bool {
        *self == Self::InTurn
    }
}

/// Who is paged, in which order, until somebody answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    /// It is for incidents of these severities, if their signal names no other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub severities: Vec<crate::finding::Severity>,
    /// One after another.
    pub steps: Vec<Step>,
    /// Whether each person is paged by one urgent channel after another, or by all of them at once.
    #[serde(default, skip_serializing_if = "Urgent::is_in_turn")]
    pub urgent: Urgent,
    /// How many times the steps are gone through again when nobody answered.
    #[serde(default)]
    pub repeat: u32,
    /// An ack is worth so long without any act of a person; then the steps begin anew, in seconds.
    #[serde(default = "half_hour_s")]
    #[schemars(range(min = 1))]
    pub unack_after_s: u64,
    /// Id of the escalation that goes on when this one is exhausted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<String>,
    /// Ids of roles, schedules or people who are paged when all is exhausted, again every `unack_after_s`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub last_resort: Vec<String>,
}

fn half_hour_s() -> u64 {
    1_800
}

/// One step of an escalation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Ids of roles, schedules or people who are paged together.
    pub who: Vec<String>,
    /// How long they have to answer, in seconds.
    #[schemars(range(min = 1))]
    pub ack_within_s: u64,
}
