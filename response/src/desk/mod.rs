//! The desk: inputs go in with the moment at which they are decided on, and what the plan makes of them comes out.
//!
//! All state is in the [`Desk`]. It reads no clock and no file, so the same inputs give the same outcomes. Its files stand
//! on three floors: what it keeps (`file`, `index`, `deadlines`, `ledger`, `plans`, `facts`), each a type that alone changes
//! what it holds; how it judges and words a decision (`judge`, `reach`, `situation`, `words`, `wording`); and what it does, as methods of
//! the desk (all others). An act may page, a page that fails may decide, and a decision may page: these methods call each
//! other in circles, as what they describe does.

mod acts;
mod agreed;
mod budget;
mod chronicle;
mod closing;
mod correlate;
mod deadlines;
mod decide;
mod desks;
mod drilling;
mod duty;
mod facts;
mod file;
pub(crate) mod growth;
mod heads;
mod index;
mod intake;
mod judge;
mod ladder;
mod ledger;
mod marking;
mod permit;
mod plans;
mod proofs;
mod reach;
mod refusal;
mod rulings;
mod second;
mod situation;
mod staging;
mod stopped;
mod storm;
mod talk;
mod undone;
pub(crate) mod wording;
mod words;
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::chain::ChainId;
use crate::decision::Ruling;
use crate::due::Due;
use crate::fact::{Delivery, Fact};
use crate::finding::{Finding, Severity};
use crate::incident::{Incident, IncidentId};
use crate::operator::Act;
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::protocol::{ONLY, Protocol};
use budget::Budgets;
use chronicle::Turn;
use deadlines::Deadlines;
use facts::Facts;
use file::File;
use heads::Heads;
use index::IncidentIndex;
use ledger::{Ledger, Ledgers};
use plans::Plans;
use refusal::Refusal;
use world::World;

pub use budget::Storm;
pub use desks::Desks;
pub use growth::{as_of, brief_of, loss_in_words};
pub use ledger::Use;

/// All state of triage and response for one protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desk {
    /// Name of the protocol; empty if the host has one.
    protocol: String,
    plans: Plans,
    last_incident: IncidentId,
    files: BTreeMap<IncidentId, File>,
    index: IncidentIndex,
    ledgers: Ledgers,
    deadlines: Deadlines,
    facts: Facts,
    budgets: Budgets,
    #[serde(default)]
    world: World,
    /// Which incident each page is of that is under way, by key of its effect: what comes of a delivery is looked up here. A page
    /// that its ladder no longer waits for may still stand.
    #[serde(default)]
    pages: BTreeMap<B256, IncidentId>,
    /// While all automation is stopped.
    halt: Option<Halt>,
    /// What was signed and taken of acts that are about no incident.
    #[serde(default)]
    spent: Heads,
    /// Whether acts count as proved: those of a script, and those of an incident that is tried under another plan.
    #[serde(default)]
    takes_any_act: bool,
}

/// Who stopped all automation, why and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Halt {
    by: String,
    why: String,
    at_ms: u64,
}

/// What the desk decides on.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// A finding, of a detector or of the host itself.
    Finding(&'a Finding),
    /// A finding is taken back.
    Retraction {
        /// Id of the finding.
        finding: B256,
        /// Why, in a clause: `block 0x… left the chain`.
        reason: &'a str,
    },
    /// From here on new incidents of a protocol are opened under this plan.
    Plan {
        /// Whose plan it is. A single desk does not look at it.
        protocol: &'a Protocol,
        /// The plan.
        plan: Arc<Plan>,
    },
    /// A person does something.
    Act(&'a Act),
    /// Something about the chain became known.
    Fact(&'a Fact),
    /// An effect was delivered outside, or was not.
    Delivery(&'a Delivery),
    /// From here on a component runs as a detector. Nothing follows from it at once.
    Runs {
        /// The detector's id in the config.
        detector: &'a str,
        /// SHA-256 of the component, and whether it hears what others find; `None` if nothing runs as the detector, or nothing
        /// is known of what does.
        component: Option<(B256, bool)>,
    },
    /// So many nodes as the config wants name the same blocks of a chain.
    Agreed {
        /// EIP-155 id of the chain.
        chain: ChainId,
        /// Up to this height.
        number: u64,
    },
    /// Blocks left a chain. Nothing follows from it at once: the findings in them are taken back one by one.
    Reverted {
        /// EIP-155 id of the chain.
        chain: ChainId,
        /// The height of the newest block that is left.
        above: u64,
    },
    /// Time has passed.
    Tick,
}

impl Input<'_> {
    /// Makes the input of a plan for a host that has one protocol.
    pub fn plan(plan: Arc<Plan>) -> Self {
        Self::Plan { protocol: &ONLY, plan }
    }
}

impl Desk {
    /// Makes the desk of a protocol.
    fn of(protocol: &str) -> Self {
        Self { protocol: protocol.to_owned(), ..Self::default() }
    }

    /// Makes a desk on which every act counts as proved, for drills: nobody is there to sign.
    pub(crate) fn of_a_script() -> Self {
        Self { takes_any_act: true, ..Self::default() }
    }

    /// Takes one input in. Returns what follows from it, in order; the caller journals that behind the input. Whatever is
    /// due by then fires first. `now_ms` is when the host took in what caused the input, milliseconds since the Unix epoch.
    pub fn step(&mut self, input: Input<'_>, now_ms: u64) -> Vec<Outcome> {
        self.turn(input, now_ms).out
    }

    /// Takes one input in, and numbers incidents on from `last_incident`, which several desks share.
    fn step_counting(&mut self, input: Input<'_>, now_ms: u64, last_incident: &mut IncidentId) -> Turn {
        self.last_incident = *last_incident;
        let turn = self.turn(input, now_ms);
        *last_incident = self.last_incident;
        turn
    }

    fn turn(&mut self, input: Input<'_>, now_ms: u64) -> Turn {
        let mut made = Turn::at(now_ms);
        match input {
            Input::Runs { detector, component } => {
                self.world.runs(detector, component);
                return made;
            }
            Input::Reverted { chain, above } => {
                self.world.go_back(chain, above);
                return made;
            }
            _ => {}
        }
        let turn = &mut made;
        while let Some((id, due)) = self.next_fired(turn) {
            self.fire(id, due, turn);
        }
        match input {
            Input::Finding(finding) => self.take(finding, turn),
            Input::Retraction { finding, reason } => self.take_back(finding, reason, turn),
            Input::Plan { plan, .. } => self.follow(plan, turn),
            Input::Act(act) => self.act(act, turn),
            Input::Fact(fact) => self.learn(fact, turn),
            Input::Delivery(delivery) => self.delivered(delivery, turn),
            Input::Agreed { chain, number } => self.agree(chain, number, turn),
            Input::Tick | Input::Runs { .. } | Input::Reverted { .. } => {}
        }
        self.serve_waiting(turn);
        self.plans.forget_others(self.files.values().map(|file| file.incident().plan));
        made
    }

    /// Returns when something is due next, milliseconds since the Unix epoch: a tick is to come then.
    pub fn next_due_ms(&self) -> Option<u64> {
        self.deadlines.next_ms()
    }

    /// Iterates over what is due, in order of time: when, milliseconds since the Unix epoch, of which incident, and what.
    pub fn dues(&self) -> impl Iterator<Item = (u64, IncidentId, &Due)> {
        self.deadlines.iter()
    }

    /// Returns the plan that new incidents are opened under.
    pub fn plan(&self) -> Option<&Arc<Plan>> {
        self.plans.current()
    }

    /// Returns who stopped all automation, when (milliseconds since the Unix epoch), and why; `None` if nobody has.
    pub fn halted(&self) -> Option<(&str, u64, &str)> {
        self.halt.as_ref().map(|halt| (halt.by.as_str(), halt.at_ms, halt.why.as_str()))
    }

    /// Iterates over open incidents, by number.
    pub fn incidents(&self) -> impl Iterator<Item = &Incident> {
        self.files.values().map(File::incident)
    }

    /// Returns what was chosen in an open incident so far.
    pub fn rulings(&self, id: IncidentId) -> &[Ruling] {
        self.files.get(&id).map(|file| file.rulings.as_slice()).unwrap_or_default()
    }

    /// Iterates over uses of interventions with limits, each with the intervention's id.
    pub fn uses(&self) -> impl Iterator<Item = (&str, &Use)> {
        self.ledgers.of(false).uses().flat_map(|(intervention, uses)| uses.iter().map(move |used| (intervention, used)))
    }

    /// Returns the plan of an open incident.
    fn plan_of(&self, id: IncidentId) -> Option<Arc<Plan>> {
        self.files.get(&id).and_then(|file| self.plans.get(file.incident().plan)).cloned()
    }

    /// Returns the plan of an incident that somebody acts on.
    fn plan_for(&self, id: IncidentId) -> Result<Arc<Plan>, Refusal> {
        self.plan_of(id).ok_or(Refusal::NoIncident(id))
    }

    /// Returns the file of an incident that somebody acts on.
    fn file(&self, id: IncidentId) -> Result<&File, Refusal> {
        self.files.get(&id).ok_or(Refusal::NoIncident(id))
    }

    fn file_mut(&mut self, id: IncidentId) -> Result<&mut File, Refusal> {
        self.files.get_mut(&id).ok_or(Refusal::NoIncident(id))
    }

    /// Whether an incident of this number is open.
    fn has(&self, id: IncidentId) -> bool {
        self.files.contains_key(&id)
    }

    fn is_dry(&self, id: IncidentId) -> bool {
        self.files.get(&id).is_some_and(|file| file.incident().rehearsal)
    }

    fn is_drill(&self, id: IncidentId) -> bool {
        self.files.get(&id).is_some_and(|file| file.incident().drill)
    }

    fn ledger_of(&mut self, id: IncidentId) -> &mut Ledger {
        let dry_run = self.is_dry(id);
        self.ledgers.of_mut(dry_run)
    }

    fn incident_mut(&mut self, id: IncidentId) -> Option<&mut Incident> {
        self.files.get_mut(&id).map(|file| &mut file.case.incident)
    }

    fn fire(&mut self, id: IncidentId, due: Due, turn: &mut Turn) {
        match due {
            Due::Ack => self.unanswered(id, turn),
            Due::Unack => self.unack(id, turn),
            Due::Hold => self.heard(id, turn),
            Due::Keep => self.kept(id, turn),
            Due::Growth => self.minute(id, turn),
            Due::Drill => self.end_drill(id, turn),
            Due::Script { number } => self.play(id, number, turn),
            Due::Ruling { number } => self.lapse(id, number, turn),
            Due::End { number } => self.outlast(id, number, turn),
            Due::Word { communication } => self.overdue(id, &communication, turn),
        }
    }
}

/// How grave an incident must be for what binds automation not to bind people.
const GRAVEST: Severity = Severity::Critical;
