//! The script of a drill, as its file writes it.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::chain::BlockRef;
use crate::diagnostic::{Diagnostic, Gravity};
use crate::digest::Hasher;
use crate::fact::{Fact, Says};
use crate::finding::{Amount, Claim, Finding, Origin, Severity, Subject};
use crate::operator::Deed;
use crate::plan::moment::Moment;
use crate::plan::shape::Shape;
use crate::plan::starter::Kind;
use crate::plan::{InterventionKind, Plan};

/// A drill.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it is.
    pub drill: Drill,
    /// How people behave, by their id in the plan.
    #[serde(default)]
    pub person: BTreeMap<String, Behaviour>,
    /// What happens, in any order.
    #[serde(default)]
    pub at: Vec<Happening>,
    /// What is lost, and by what kinds of intervention that is stopped.
    #[serde(default)]
    pub loss: Vec<LossEvent>,
    /// What is expected of the plan.
    #[serde(default)]
    pub expect: Vec<Expectation>,
    /// A model of what was in place then: keys of the plan as they were, over the starter's.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub then: toml::Table,
}

/// What a drill is.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Drill {
    /// Its name.
    pub name: String,
    /// What happened, and what is asked of the plan.
    pub summary: String,
    /// Where the facts are from.
    #[serde(default)]
    pub sources: Vec<String>,
    /// The starter plan that it is drilled against if no other is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starter: Option<Kind>,
    /// What was not in place then, of the starter, as `intervention.pause-bridge`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub then_without: Vec<String>,
    /// A recording that the config's own detectors are shown; what they find happens at its place in the recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<String>,
    /// The config whose detectors see the recording. Both are relative to the drill's folder.
    #[serde(default = "default_config")]
    pub config: String,
    /// When it begins: times are counted from here.
    pub starts: Moment,
    /// When it ends, in seconds from the start.
    #[serde(default = "day_s")]
    pub ends_after_s: u64,
    /// How people behave of whom nothing else is said.
    #[serde(default)]
    pub everybody: Behaviour,
    /// Channels that are down from the start: `phone`, or one of them whole.
    #[serde(default)]
    pub down: Vec<String>,
    /// Interventions that don't work though they are carried out.
    #[serde(default)]
    pub fails: Vec<String>,
}

fn default_config() -> String {
    "watchfire.toml".to_owned()
}

fn day_s() -> u64 {
    86_400
}

/// How a person behaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Behaviour {
    /// A page does not wake them.
    pub asleep: bool,
    /// From the page to the answer, in seconds.
    pub answers_after_s: u64,
    /// From the answer to a decision, in seconds; what the plan says of the intervention if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decides_after_s: Option<u64>,
    /// They look on and decide nothing by themselves: what they do is in the script.
    pub scripted: bool,
    /// Interventions they would choose, best first; what is in time at the least cost if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub chooses: Vec<String>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self { asleep: false, answers_after_s: 120, decides_after_s: None, scripted: false, chooses: Vec::new() }
    }
}

/// Something that happens. More than one of the keys may be given.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Happening {
    /// When, in seconds from the start.
    pub after_s: u64,
    /// A word on it, for the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// A detector finds something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<ScriptedFinding>,
    /// A finding is taken back, by its `name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retract: Option<String>,
    /// Somebody does something: `{ by = "ana", act = "ack" }`. The incident is the newest one, unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub act: Option<ScriptedAct>,
    /// Something about the chain becomes known: `{ fact = "holds", authority = "guardian", yes = false }`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub fact: Option<Says>,
    /// Ids of people who fall asleep.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sleeps: Vec<String>,
    /// Ids of people who wake up.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wakes: Vec<String>,
    /// Channels that go down.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub down: Vec<String>,
    /// Channels that come back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub up: Vec<String>,
}

/// Something that a person does.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ScriptedAct {
    /// Id of the person.
    pub by: String,
    /// Number of the incident; the newest if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<u64>,
    /// What is done.
    #[serde(flatten)]
    pub deed: Deed,
}

/// A finding as a script writes it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScriptedFinding {
    /// What the script calls it, to take it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Id of the detector.
    pub detector: String,
    /// Its kind.
    pub kind: String,
    /// How bad.
    pub severity: Severity,
    /// How sure, 0 to 100.
    #[serde(default = "sure")]
    #[schemars(range(max = 100))]
    pub confidence_percent: u8,
    /// One line.
    pub title: String,
    /// How it is known that a detector finds it then, in a clause: which one was run over what. Assumed if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_by: Option<String>,
    /// EIP-155 id of the chain; none if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<u64>,
    /// What it is about, as `address:0x…` or `pool:x`.
    pub subject: String,
    /// Findings of one kind about one subject with the same key are one condition.
    #[serde(default)]
    pub condition: String,
    /// What is moved or lost, by asset, in its smallest unit.
    #[serde(default)]
    pub amounts: BTreeMap<String, String>,
    /// Anything else.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
}

fn sure() -> u8 {
    90
}

/// Something that is lost unless it is stopped.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LossEvent {
    /// When, in seconds from the start.
    pub after_s: u64,
    /// How much, in US dollars.
    pub usd: u64,
    /// What, in a line.
    #[serde(default)]
    pub what: String,
    /// Kinds of intervention that stop it once they are in effect; empty if it is lost before anybody can know.
    pub stopped_by: Vec<InterventionKind>,
    /// Id of an authority whose delay it has to wait for, if the plan has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delayed_by: Option<String>,
}

/// A point on the way from the attack to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Milestone {
    /// An incident is open.
    Detected,
    /// Somebody was paged.
    Paged,
    /// Somebody answered.
    Acked,
    /// Somebody, or the plan beforehand, decided on an intervention.
    Decided,
    /// An intervention is in effect.
    Contained,
}

/// What is expected of the plan. Each key that is given is checked.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Expectation {
    /// This point is reached …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reached: Option<Milestone>,
    /// … within so many seconds from the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within_s: Option<u64>,
    /// At least so much of all losses is averted, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub averted_percent: Option<u8>,
    /// This intervention …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intervention: Option<String>,
    /// … is at some time answered by `permitted`, `needs` or `denied`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// This person is paged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paged: Option<String>,
    /// This person is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_paged: Option<String>,
    /// The log has a line with these words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
    /// Nothing that takes effect keeps users from this: `repay`, `exit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub never_blocks: Option<String>,
    /// No deadline is missed, and none fires late.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_deadline_missed: Option<bool>,
}

/// Reads a drill from a file's name and text.
///
/// # Errors
///
/// If anything is wrong with it. The error lists all of it, at its place.
pub fn read(file: &str, text: &str) -> Result<Scenario, Vec<Diagnostic>> {
    let document = match toml::de::DeTable::parse(text) {
        Ok(document) => document,
        Err(error) => {
            let span = error.span().unwrap_or(0..0);
            return Err(vec![Diagnostic::at(Gravity::Error, file, text, span, "", error.message().to_owned())]);
        }
    };
    let schema = schema();
    let mut shape = Shape { file, text, root: &schema, found: Vec::new() };
    shape.table(&schema, document.get_ref(), 0..0, "");
    if !shape.found.is_empty() {
        shape.found.sort();
        return Err(shape.found);
    }
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let span = error.span().unwrap_or(0..0);
        vec![Diagnostic::at(Gravity::Error, file, text, span, "", error.message().to_owned())]
    })
}

/// Returns the JSON Schema of a drill's file, for editors.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Scenario).to_value()
}

impl Scenario {
    /// Lets what happens on a chain that a plan does not act on happen on the one that it acts on most. Returns that chain;
    /// `None` if nothing had to be moved.
    pub fn follow_chains_of(&mut self, plan: &Plan) -> Option<u64> {
        let mut acts: BTreeMap<u64, usize> = BTreeMap::new();
        for chain in plan.tables().authority.values().filter_map(|authority| authority.chain) {
            *acts.entry(chain).or_default() += 1;
        }
        let most =
            acts.iter().max_by_key(|(chain, count)| (**count, std::cmp::Reverse(**chain))).map(|(chain, _)| *chain)?;
        let found = self.at.iter_mut().filter_map(|happening| happening.finding.as_mut()?.chain.as_mut());
        let elsewhere: Vec<&mut u64> = found.filter(|chain| !acts.contains_key(*chain)).collect();
        let is_moved = !elsewhere.is_empty();
        elsewhere.into_iter().for_each(|chain| *chain = most);
        is_moved.then_some(most)
    }
}

impl ScriptedFinding {
    /// The finding that it stands for, made at `now_ms`, the `position`-th of its drill.
    pub(super) fn finding(&self, position: usize, now_ms: u64) -> Finding {
        let input = Hasher::new("drill").number(position as u64).number(now_ms).finish();
        let block = self.chain.map(|chain| BlockRef { chain, number: now_ms / 12_000, hash: input });
        let origin = Origin {
            detector: &self.detector,
            digest: B256::ZERO,
            input,
            block,
            time_ms: now_ms,
            at_ms: now_ms,
            assurance: None,
            finality: None,
        };
        Finding::place(&origin, 0, self.claim())
    }

    /// What it claims.
    pub(super) fn claim(&self) -> Claim {
        let (kind, id) = self.subject.split_once(':').unwrap_or(("subject", &self.subject));
        Claim {
            kind: self.kind.clone(),
            severity: self.severity,
            confidence_percent: self.confidence_percent,
            title: self.title.clone(),
            description: String::new(),
            subject: Subject { kind: kind.to_owned(), id: id.to_owned() },
            transactions: Vec::new(),
            logs: Vec::new(),
            amounts: self
                .amounts
                .iter()
                .map(|(asset, value)| Amount { asset: asset.clone(), value: value.clone() })
                .collect(),
            attributes: self.attributes.clone().into_iter().collect(),
            condition_key: self.condition.clone(),
        }
    }
}

impl Happening {
    /// The fact, as of `now_ms`.
    pub(super) fn fact_at(&self, now_ms: u64) -> Option<Fact> {
        self.fact.clone().map(|says| Fact { protocol: String::new(), says, block: None, read_at_ms: now_ms })
    }
}
