//! The desks of several protocols beside each other: each has its own plan, people, limits and incidents, and takes
//! in only what is its own. They share nothing but the count of incidents, so that a number stands for one of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::decision::{Choice, Ruling};
use crate::desk::chronicle::Turn;
use crate::desk::world::World;
use crate::desk::{Desk, Input, Storm, Use};
use crate::due::Due;
use crate::finding::Finding;
use crate::incident::{Incident, IncidentId};
use crate::operator::Act;
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::protocol::Protocol;

/// All state of triage and response.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desks {
    desks: BTreeMap<String, (Protocol, Desk)>,
    last_incident: IncidentId,
    /// What a desk is to know that is made later.
    #[serde(default)]
    world: World,
    /// As [`Desk`] has it.
    #[serde(default)]
    takes_any_act: bool,
}

impl Desks {
    /// Makes desks on which every act counts as proved: what was signed under one plan is no proof under another.
    pub(crate) fn of_a_trial() -> Self {
        Self { takes_any_act: true, ..Self::default() }
    }

    /// Takes one input in. Returns what follows from it, in order, as [`Desk::step`] does. A plan goes to its protocol, a
    /// finding to each protocol that hears it, an act to the one whose incident it is about, and time passes for all.
    pub fn step(&mut self, input: Input<'_>, now_ms: u64) -> Vec<Outcome> {
        match input {
            Input::Plan { protocol, .. } => {
                let name = &protocol.name;
                let takes_any_act = self.takes_any_act;
                let world = self.world.clone();
                let made = || (Protocol::default(), Desk { takes_any_act, world, ..Desk::of(name) });
                self.desks.entry(name.clone()).or_insert_with(made).0 = protocol.clone();
                self.give(input, now_ms, |one| one.name == *name)
            }
            Input::Finding(finding) => self.found(finding, now_ms),
            Input::Act(act) => match self.meant(act) {
                Ok(name) => self.give(input, now_ms, |one| one.name == name),
                Err(why) => vec![refused(act, why)],
            },
            Input::Fact(fact) => match self.named(&fact.protocol) {
                Some(name) => self.give(input, now_ms, |one| one.name == name),
                None => Vec::new(),
            },
            Input::Runs { detector, component } => {
                self.world.runs(detector, component);
                self.give(input, now_ms, |_| true)
            }
            Input::Reverted { chain, above } => {
                self.world.go_back(chain, above);
                self.give(input, now_ms, |_| true)
            }
            Input::Agreed { chain, number } => {
                self.world.agree(chain, number);
                self.give(input, now_ms, |_| true)
            }
            Input::Retraction { .. } | Input::Delivery(_) | Input::Tick => self.give(input, now_ms, |_| true),
        }
    }

    /// Returns why an act would be refused at a moment though it were signed, so that nobody signs in vain; `None` if it would be
    /// taken.
    pub fn refuses(&self, act: &Act, now_ms: u64) -> Option<Vec<String>> {
        let mut tried = self.clone();
        for (_, desk) in tried.desks.values_mut() {
            desk.takes_any_act = true;
        }
        let refused = tried.step(Input::Act(act), now_ms).into_iter().find_map(|outcome| match outcome {
            Outcome::Refused { why, .. } => Some(why),
            _ => None,
        });
        let plan = act.incident.and_then(|id| self.plan_of(id));
        let plan = plan.or_else(|| self.plan(&self.named(&act.protocol)?).cloned());
        let signs = plan.and_then(|plan| plan.tables().person.get(&act.by)?.signs_as()).is_some();
        refused.or_else(|| (!signs).then(|| vec![format!("the plan has no `signer` for `{}`", act.by)]))
    }

    /// Returns when something is due next, milliseconds since the Unix epoch: a tick is to come then.
    pub fn next_due_ms(&self) -> Option<u64> {
        self.all().filter_map(Desk::next_due_ms).min()
    }

    /// Iterates over what is due, in order of time for each protocol: when, milliseconds since the Unix epoch, of which incident, and what.
    pub fn dues(&self) -> impl Iterator<Item = (u64, IncidentId, &Due)> {
        self.all().flat_map(Desk::dues)
    }

    /// Iterates over open incidents, by number for each protocol.
    pub fn incidents(&self) -> impl Iterator<Item = &Incident> {
        self.all().flat_map(Desk::incidents)
    }

    /// Returns what was chosen in an open incident so far.
    pub fn rulings(&self, id: IncidentId) -> &[Ruling] {
        self.all().map(|desk| desk.rulings(id)).find(|rulings| !rulings.is_empty()).unwrap_or_default()
    }

    /// Returns who can act in time on an open incident, in words, and its options, both as they stand at `now_ms`, milliseconds
    /// since the Unix epoch: a decision says what held when it was made. `None` if no such incident is open.
    pub fn options(&self, id: IncidentId, now_ms: u64) -> Option<(String, Vec<Choice>)> {
        self.all().find_map(|desk| desk.options(id, now_ms))
    }

    /// Iterates over protocols whose automation is stopped: name, who stopped it, when (milliseconds since the Unix epoch), and
    /// why.
    pub fn halts(&self) -> impl Iterator<Item = (&str, &str, u64, &str)> {
        self.desks
            .iter()
            .filter_map(|(name, (_, desk))| desk.halted().map(|(by, at_ms, why)| (name.as_str(), by, at_ms, why)))
    }

    /// Iterates over uses of interventions with limits, each with the intervention's id.
    pub fn uses(&self) -> impl Iterator<Item = (&str, &Use)> {
        self.all().flat_map(Desk::uses)
    }

    /// Returns the plan of an open incident.
    pub fn plan_of(&self, id: IncidentId) -> Option<Arc<Plan>> {
        self.all().find_map(|desk| desk.plan_of(id))
    }

    /// Returns the plan that new incidents of a protocol are opened under.
    pub fn plan(&self, protocol: &str) -> Option<&Arc<Plan>> {
        self.desks.get(protocol).and_then(|(_, desk)| desk.plan())
    }

    /// Iterates over the protocols that are followed, and the hash of the plan that new incidents of each are opened under.
    pub fn protocols(&self) -> impl Iterator<Item = (&Protocol, Option<B256>)> {
        self.desks.values().map(|(protocol, desk)| (protocol, desk.plan().map(|plan| plan.hash())))
    }

    /// Returns the open incidents in which a live finding stands.
    pub fn homes(&self, finding: B256) -> Vec<IncidentId> {
        self.all().flat_map(|desk| desk.index.homes(&finding)).copied().collect()
    }

    /// Iterates over the acts on an incident that wait for a second human: number, who asked, what for, and until when,
    /// milliseconds since the Unix epoch.
    pub fn waiting(&self, id: IncidentId) -> impl Iterator<Item = (u32, &str, &'static str, u64)> {
        let files = self.all().filter_map(move |desk| desk.files.get(&id));
        files.flat_map(|file| &file.motions).map(|one| (one.number, one.by.as_str(), one.deed.name(), one.until_ms))
    }

    /// Iterates over detectors that made more new conditions than a plan takes, in an hour that still runs.
    pub fn storms(&self, now_ms: u64) -> impl Iterator<Item = Storm<'_>> {
        self.all().flat_map(move |desk| desk.storms(now_ms))
    }

    fn all(&self) -> impl Iterator<Item = &Desk> {
        self.desks.values().map(|(_, desk)| desk)
    }

    /// Gives an input to some protocols, in order of name; they count incidents together.
    fn give(&mut self, input: Input<'_>, now_ms: u64, to: impl Fn(&Protocol) -> bool) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for (_, desk) in self.desks.values_mut().filter(|(protocol, _)| to(protocol)) {
            outcomes.extend(desk.step_counting(input.clone(), now_ms, &mut self.last_incident).out);
        }
        outcomes
    }

    /// Gives a finding to all that it goes to. That no signal matches is said once, and only if none of any protocol does.
    fn found(&mut self, finding: &Finding, now_ms: u64) -> Vec<Outcome> {
        let hearing = self.desks.values().filter(|(protocol, _)| protocol.hears(finding)).count();
        if hearing == 0 {
            let reason = if self.desks.is_empty() { "no plan is loaded" } else { "no protocol hears its detector" };
            return vec![Outcome::Silence { finding: finding.id, reason: reason.to_owned() }];
        }
        let hearing_desks = self.desks.values_mut().filter(|(protocol, _)| protocol.hears(finding));
        let turns: Vec<Turn> = hearing_desks
            .map(|(_, desk)| desk.step_counting(Input::Finding(finding), now_ms, &mut self.last_incident))
            .collect();
        let is_unmatched = turns.iter().all(|turn| turn.unmatched.is_some());
        let mut outcomes = Vec::new();
        for (position, mut turn) in turns.into_iter().enumerate() {
            if let Some(at) = turn.unmatched.filter(|_| !is_unmatched || position > 0) {
                turn.out.remove(at);
            }
            outcomes.append(&mut turn.out);
        }
        outcomes
    }

    /// Returns the protocol of a name; if none is named, the only one.
    fn named(&self, name: &str) -> Option<String> {
        match self.desks.len() {
            1 if name.is_empty() => self.desks.keys().next().cloned(),
            _ => self.desks.contains_key(name).then(|| name.to_owned()),
        }
    }

    fn meant(&self, act: &Act) -> Result<String, String> {
        let of = |id| self.desks.iter().find(|(_, (_, desk))| desk.has(id));
        if let Some((name, _)) = act.incident.and_then(of) {
            return Ok(name.clone());
        }
        let known = || self.desks.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        match (self.named(&act.protocol), act.incident) {
            (Some(name), _) => Ok(name),
            (None, Some(id)) => Err(format!("there is no open incident {id}")),
            (None, None) if self.desks.is_empty() => Err("no plan is loaded".to_owned()),
            (None, None) if act.protocol.is_empty() => Err(format!("say of which protocol: {}", known())),
            (None, None) => Err(format!("there is no protocol `{}`, but {}", act.protocol, known())),
        }
    }
}

fn refused(act: &Act, why: String) -> Outcome {
    Outcome::Refused { by: act.by.clone(), incident: act.incident, act: act.deed.name().to_owned(), why: vec![why] }
}
