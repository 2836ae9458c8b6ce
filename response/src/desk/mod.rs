//! The engine: inputs go in with the moment at which they are decided on, and what the plan makes of them comes out.
//!
//! All state is in the [`Desk`]. It reads no clock and no file, so the same inputs give the same outcomes.

mod acts;
mod chronicle;
mod closing;
mod decide;
mod desks;
mod intake;
mod judge;
mod ladder;
mod ledger;
mod permit;
mod reach;
mod rulings;
mod talk;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::decision::Ruling;
use crate::due::Due;
use crate::fact::{Delivery, Fact};
use crate::finding::{Finding, Severity};
use crate::incident::{Incident, IncidentId};
use crate::operator::Act;
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::protocol::{ONLY, Protocol};
use crate::triage::Case;
use chronicle::Turn;
use ladder::Ladder;
use ledger::Ledger;
use talk::Talk;

pub use desks::Desks;
pub use ledger::Use;

/// All state of triage and response for one protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desk {
    /// Which protocol; empty where there is one.
    protocol: String,
    /// The plan for new incidents, and those that open ones stay under.
    plans: BTreeMap<B256, Arc<Plan>>,
    current: Option<B256>,
    last_incident: IncidentId,
    files: BTreeMap<IncidentId, File>,
    /// The open incident of each plan, signal and group.
    open: BTreeMap<B256, IncidentId>,
    /// The last closed incident of each signal and group, and when it closed.
    closed: BTreeMap<B256, (IncidentId, u64)>,
    /// Where each live condition stands, by fingerprint.
    active: BTreeMap<B256, Vec<IncidentId>>,
    /// Where each live finding stands, with its fingerprint.
    homes: BTreeMap<B256, Home>,
    ledger: Ledger,
    /// What a plan that is only rehearsed counts against.
    dry_ledger: Ledger,
    /// Interventions of which a use was given back in this step, and by which incident.
    released: BTreeMap<String, IncidentId>,
    /// What is due, in order of time.
    dues: BTreeSet<(u64, IncidentId, Due)>,
    /// What is known of the chain, by [`crate::fact::Says::key`].
    facts: BTreeMap<String, Fact>,
    /// Who stopped all automation, why and when.
    halted: Option<(String, String, u64)>,
}

/// An open incident with what was decided on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct File {
    case: Case,
    /// Its places in `open`.
    keys: Vec<B256>,
    /// What the findings have in common that belong to it: the signal, and the values of its grouping labels.
    groups: Vec<(String, Group)>,
    /// Tells it from incidents of the same number in other journals.
    seal: B256,
    /// Number and hash of the newest entry of its timeline.
    told_entries: u64,
    head: B256,
    /// Number of the entry at which a person last acted.
    last_act: u64,
    /// How many effects were ordered.
    orders: u64,
    revision: u32,
    /// What the last decision stood on.
    standing: Option<decide::Standing>,
    /// Whether anybody was told of it.
    told: bool,
    /// Until when nobody is told of it, milliseconds since the Unix epoch, and why.
    hushed: Option<(u64, String)>,
    ladder: Option<Ladder>,
    rulings: Vec<Ruling>,
    talks: BTreeMap<String, Talk>,
    /// What is due of it, and when.
    #[serde(with = "as_pairs")]
    dues: BTreeMap<Due, u64>,
    /// Interventions that a person stopped or undid here: automation does not put them forward again.
    overruled: BTreeMap<String, String>,
}

/// Values of grouping labels.
type Group = Vec<(String, Option<String>)>;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Home {
    fingerprint: B256,
    incidents: Vec<IncidentId>,
}

/// What the desk decides on.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// A finding, of a detector or of the host itself.
    Finding(&'a Finding),
    /// A finding is taken back.
    Retraction {
        /// Which.
        finding: B256,
        /// Why, in a clause: `block 0x… left the chain`.
        reason: &'a str,
    },
    /// From here on new incidents of a protocol are opened under this plan.
    Plan {
        /// Whose it is, which is nothing to a single desk.
        protocol: &'a Protocol,
        /// The plan.
        plan: Arc<Plan>,
    },
    /// A person does something.
    Act(&'a Act),
    /// Something about the chain became known.
    Fact(&'a Fact),
    /// An effect was carried outside, or was not.
    Delivery(&'a Delivery),
    /// Time has passed.
    Tick,
}

impl Input<'_> {
    /// The plan of a host that has one.
    pub fn plan(plan: Arc<Plan>) -> Self {
        Self::Plan { protocol: &ONLY, plan }
    }
}

impl Desk {
    /// Takes one input in and gives what follows from it, in order. The caller journals it behind the input. `now_ms` is
    /// when the host took in what caused it, milliseconds since the Unix epoch. Whatever is due by then fires first.
    pub fn step(&mut self, input: Input<'_>, now_ms: u64) -> Vec<Outcome> {
        let mut turn = Turn { now_ms, out: Vec::new() };
        let turn = &mut turn;
        while let Some((id, due)) = self.next_fired(turn) {
            self.fire(id, due, turn);
        }
        match input {
            Input::Finding(finding) => self.take(finding, turn),
            Input::Retraction { finding, reason } => self.take_back(finding, reason, turn),
            Input::Plan { plan, .. } => {
                self.current = Some(plan.hash());
                self.plans.insert(plan.hash(), plan);
            }
            Input::Act(act) => self.act(act, turn),
            Input::Fact(fact) => self.learn(fact, turn),
            Input::Delivery(delivery) => self.delivered(delivery, turn),
            Input::Tick => {}
        }
        self.serve_waiting(turn);
        self.forget_plans();
        std::mem::take(&mut turn.out)
    }

    /// When something is due next, milliseconds since the Unix epoch: a tick is to come then.
    pub fn next_due_ms(&self) -> Option<u64> {
        self.dues.first().map(|(due_at_ms, ..)| *due_at_ms)
    }

    /// What is due, in order of time: when, of which incident, and what.
    pub fn dues(&self) -> impl Iterator<Item = (u64, IncidentId, &Due)> {
        self.dues.iter().map(|(due_at_ms, id, due)| (*due_at_ms, *id, due))
    }

    /// The plan that new incidents are opened under.
    pub fn plan(&self) -> Option<&Arc<Plan>> {
        self.current.and_then(|hash| self.plans.get(&hash))
    }

    /// Open incidents, by number.
    pub fn incidents(&self) -> impl Iterator<Item = &Incident> {
        self.files.values().map(|file| &file.case.incident)
    }

    /// What was chosen in an open incident so far.
    pub fn rulings(&self, id: IncidentId) -> &[Ruling] {
        self.files.get(&id).map(|file| file.rulings.as_slice()).unwrap_or_default()
    }

    /// Uses of interventions with limits: the intervention, and its use.
    pub fn uses(&self) -> impl Iterator<Item = (&str, &Use)> {
        self.ledger.uses().flat_map(|(intervention, uses)| uses.iter().map(move |used| (intervention, used)))
    }

    /// The plan of an open incident.
    pub(super) fn plan_of(&self, id: IncidentId) -> Option<Arc<Plan>> {
        self.files.get(&id).and_then(|file| self.plans.get(&file.case.incident.plan)).cloned()
    }

    fn is_dry(&self, id: IncidentId) -> bool {
        self.plan_of(id).is_some_and(|plan| plan.tables().protocol.dry_run)
    }

    fn ledger_of(&mut self, id: IncidentId) -> &mut Ledger {
        if self.is_dry(id) { &mut self.dry_ledger } else { &mut self.ledger }
    }

    fn incident_mut(&mut self, id: IncidentId) -> Option<&mut Incident> {
        self.files.get_mut(&id).map(|file| &mut file.case.incident)
    }

    fn fire(&mut self, id: IncidentId, due: Due, turn: &mut Turn) {
        match due {
            Due::Ack => self.unanswered(id, turn),
            Due::Unack => self.unack(id, turn),
            Due::Ruling { number } => self.lapse(id, number, turn),
            Due::End { number } => self.outlast(id, number, turn),
            Due::Word { communication } => self.overdue(id, &communication, turn),
        }
    }

    fn forget_plans(&mut self) {
        if self.plans.len() > 1 {
            let needed: BTreeSet<B256> = self.files.values().map(|file| file.case.incident.plan).collect();
            self.plans.retain(|hash, _| Some(*hash) == self.current || needed.contains(hash));
        }
    }
}

/// How grave an incident must be for what binds automation not to bind people.
const GRAVEST: Severity = Severity::Critical;

/// A map whose keys are no text, as a list of pairs.
mod as_pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    use crate::due::Due;

    pub(super) fn serialize<S: Serializer>(dues: &BTreeMap<Due, u64>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(dues)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Due, u64>, D::Error> {
        Ok(Vec::deserialize(deserializer)?.into_iter().collect())
    }
}
