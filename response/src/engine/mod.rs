//! The response: findings go in with the moment at which they are decided on, and what the plan makes of them
//! comes out, as entries for the journal.
//!
//! All state is in the [`Desk`]. It reads no clock and no file, so the same inputs give the same entries.

mod decide;
mod judge;
mod ledger;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::digest::Hasher;
use crate::finding::Finding;
use crate::incident::{Incident, IncidentId, IncidentState};
use crate::outcome::Outcome;
use crate::plan::{Plan, Signal};
use crate::triage::{Case, Taken, label};
use ledger::Ledger;

/// All state of triage and response.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desk {
    /// The plan for new incidents, and those that open ones stay under.
    plans: BTreeMap<B256, Arc<Plan>>,
    current: Option<B256>,
    last_incident: IncidentId,
    files: BTreeMap<IncidentId, File>,
    /// The open incident of each plan, signal and group.
    open: BTreeMap<B256, IncidentId>,
    /// Where each live condition stands, by fingerprint.
    active: BTreeMap<B256, Vec<IncidentId>>,
    /// Where each live finding stands, with its fingerprint.
    homes: BTreeMap<B256, Home>,
    ledger: Ledger,
    /// Interventions of which a use was given back in this step, and by which incident.
    released: BTreeMap<String, IncidentId>,
}

/// An open incident with what was decided on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct File {
    case: Case,
    /// Its place in `open`.
    key: B256,
    /// Tells it from incidents of the same number in other journals.
    seal: B256,
    revision: u32,
    /// What the last decision stood on.
    standing: Option<decide::Standing>,
    /// Whether anybody was told of it.
    told: bool,
}

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
    /// From here on new incidents are opened under this plan.
    Plan(Arc<Plan>),
}

impl Desk {
    /// Takes one input in and gives what follows from it, in order: silences, incidents, decisions and effects. The
    /// caller journals them behind the input. `now_ms` is when the host took in what caused it, milliseconds since
    /// the Unix epoch.
    pub fn step(&mut self, input: Input<'_>, now_ms: u64) -> Vec<Outcome> {
        let mut out = Vec::new();
        match input {
            Input::Finding(finding) => self.take(finding, now_ms, &mut out),
            Input::Retraction { finding, reason } => self.take_back(finding, reason, now_ms, &mut out),
            Input::Plan(plan) => {
                self.current = Some(plan.hash());
                self.plans.insert(plan.hash(), plan);
            }
        }
        self.serve_waiting(now_ms, &mut out);
        self.forget_plans();
        out
    }

    /// The plan that new incidents are opened under.
    pub fn plan(&self) -> Option<&Arc<Plan>> {
        self.current.and_then(|hash| self.plans.get(&hash))
    }

    /// Open incidents, by number.
    pub fn incidents(&self) -> impl Iterator<Item = &Incident> {
        self.files.values().map(|file| &file.case.incident)
    }

    /// Reserved uses of interventions with limits: the intervention, the incident, and when.
    pub fn reservations(&self) -> impl Iterator<Item = (&str, IncidentId, u64)> {
        let reserved = self.ledger.reserved();
        reserved.flat_map(|(intervention, uses)| uses.iter().map(move |used| (intervention, used.incident, used.at_ms)))
    }

    fn take(&mut self, finding: &Finding, now_ms: u64, out: &mut Vec<Outcome>) {
        let mut signals = BTreeSet::new();
        for id in self.active.get(&finding.fingerprint).cloned().unwrap_or_default() {
            let incident = &self.files[&id].case.incident;
            if label::in_group(finding, &incident.group) {
                signals.insert(incident.signal.clone());
                self.take_again(finding, id, now_ms, out);
            }
        }
        let Some(plan) = self.plan().cloned() else {
            if signals.is_empty() {
                out.push(silence(finding, "no plan is loaded"));
            }
            return;
        };
        let mut matched = !signals.is_empty();
        for (id, signal) in &plan.tables().signal {
            if !signals.contains(id) && signal.matchers.iter().any(|matcher| label::matches(matcher, finding)) {
                matched = true;
                self.take_new(finding, &plan, (id, signal), now_ms, out);
            }
        }
        if !matched {
            out.push(silence(finding, "no signal matches"));
        }
    }

    /// Takes in a condition that the incident has already.
    fn take_again(&mut self, finding: &Finding, id: IncidentId, now_ms: u64, out: &mut Vec<Outcome>) {
        let Some(file) = self.files.get_mut(&id) else { return };
        if self.homes.get(&finding.id).is_some_and(|home| home.incidents.contains(&id)) {
            return out.push(silence(finding, &format!("incident {id} has it already")));
        }
        if let Taken::Again { of, dropped, changed } = file.case.take(finding) {
            out.push(silence(finding, &format!("duplicate of finding {of} in incident {id}")));
            if changed {
                out.push(Outcome::Incident(file.case.incident.clone()));
            }
            self.settle_at(finding, id);
            if let Some(dropped) = dropped {
                self.unsettle(dropped, id);
            }
            self.decide(id, None, Some(finding), now_ms, out);
        }
    }

    /// Takes in a condition that is new to its incident, or opens one.
    fn take_new(
        &mut self,
        finding: &Finding,
        plan: &Plan,
        signal: (&str, &Signal),
        now_ms: u64,
        out: &mut Vec<Outcome>,
    ) {
        let group = label::group(finding, &signal.1.group_by);
        let key = key(plan, signal.0, &group);
        let id = *self.open.entry(key).or_insert_with(|| {
            self.last_incident += 1;
            let incident = Incident {
                id: self.last_incident,
                plan: plan.hash(),
                signal: signal.0.to_owned(),
                group,
                title: format!("{}: {}", signal.1.summary, finding.claim.title),
                severity: signal.1.severity.unwrap_or(finding.claim.severity),
                state: IncidentState::Triage,
                note: format!("opened by {}", finding.detector),
                began_ms: finding.time_ms,
                opened_at_ms: now_ms,
                last_ms: finding.time_ms,
                findings: Vec::new(),
                retracted: Vec::new(),
                sources: Vec::new(),
                duplicates: 0,
            };
            let seal = Hasher::new("incident").bytes(key.as_slice()).bytes(finding.id.as_slice()).finish();
            let case = Case::open(incident, signal.1);
            self.files.insert(self.last_incident, File { case, key, seal, revision: 0, standing: None, told: false });
            self.last_incident
        });
        let Some(file) = self.files.get_mut(&id) else { return };
        file.case.take(finding);
        out.push(Outcome::Incident(file.case.incident.clone()));
        self.settle_at(finding, id);
        self.decide(id, None, Some(finding), now_ms, out);
    }

    fn take_back(&mut self, finding: B256, reason: &str, now_ms: u64, out: &mut Vec<Outcome>) {
        let Some(home) = self.homes.remove(&finding) else { return };
        for id in home.incidents {
            let Some(file) = self.files.get_mut(&id) else { continue };
            let case = &mut file.case;
            let before = (case.incident.severity, case.incident.sources.clone());
            let Some((listed, successor)) = case.take_back(finding, home.fingerprint) else { continue };
            if !case.has(home.fingerprint) {
                remove(&mut self.active, home.fingerprint, id);
            }
            let cause = match successor {
                Some(successor) => {
                    format!("finding {finding} retracted: {reason}; the same was seen again in finding {successor}")
                }
                None => format!("finding {finding} retracted: {reason}"),
            };
            if case.is_empty() {
                case.incident.state = IncidentState::Retracted;
                case.incident.note = format!("every finding was taken back; of the last one: {reason}");
                let key = file.key;
                self.open.remove(&key);
            }
            if listed || before != (case.incident.severity, case.incident.sources.clone()) {
                out.push(Outcome::Incident(case.incident.clone()));
            }
            let is_over = case.is_empty();
            self.decide(id, listed.then_some(cause), None, now_ms, out);
            if is_over {
                self.files.remove(&id);
            }
        }
    }

    /// Decides anew on the incidents that could use what others gave back.
    fn serve_waiting(&mut self, now_ms: u64, out: &mut Vec<Outcome>) {
        while let Some((intervention, by)) = self.released.pop_first() {
            let maps = |file: &&File| {
                let plan = self.plans.get(&file.case.incident.plan);
                let signal = plan.and_then(|plan| plan.tables().signal.get(&file.case.incident.signal));
                signal.is_some_and(|signal| signal.interventions.contains(&intervention))
            };
            let mut waiting: Vec<&File> = self.files.values().filter(maps).collect();
            waiting.sort_by_key(|file| judge::precedence(&file.case));
            let waiting: Vec<IncidentId> = waiting.iter().map(|file| file.case.incident.id).collect();
            for id in waiting {
                let note = format!("incident {by} gave a use of {intervention} back");
                self.decide_if_changed(id, &note, now_ms, out);
            }
        }
    }

    fn settle_at(&mut self, finding: &Finding, id: IncidentId) {
        let home = self
            .homes
            .entry(finding.id)
            .or_insert_with(|| Home { fingerprint: finding.fingerprint, incidents: Vec::new() });
        home.incidents.push(id);
        let active = self.active.entry(finding.fingerprint).or_default();
        if !active.contains(&id) {
            active.push(id);
        }
    }

    fn unsettle(&mut self, finding: B256, id: IncidentId) {
        if let Some(home) = self.homes.get_mut(&finding) {
            home.incidents.retain(|home| *home != id);
            if home.incidents.is_empty() {
                self.homes.remove(&finding);
            }
        }
    }

    fn forget_plans(&mut self) {
        if self.plans.len() > 1 {
            let needed: BTreeSet<B256> = self.files.values().map(|file| file.case.incident.plan).collect();
            self.plans.retain(|hash, _| Some(*hash) == self.current || needed.contains(hash));
        }
    }
}

fn silence(finding: &Finding, reason: &str) -> Outcome {
    Outcome::Silence { finding: finding.id, reason: reason.to_owned() }
}

fn remove(active: &mut BTreeMap<B256, Vec<IncidentId>>, fingerprint: B256, id: IncidentId) {
    if let Some(incidents) = active.get_mut(&fingerprint) {
        incidents.retain(|incident| *incident != id);
        if incidents.is_empty() {
            active.remove(&fingerprint);
        }
    }
}

/// What tells an open incident from another: plan, signal and the values of the grouping labels, a missing one
/// hashed unlike any value.
fn key(plan: &Plan, signal: &str, group: &[(String, Option<String>)]) -> B256 {
    let mut hasher = Hasher::new("group").bytes(plan.hash().as_slice()).text(signal);
    for (name, value) in group {
        hasher = hasher.text(name).number(u64::from(value.is_some())).text(value.as_deref().unwrap_or_default());
    }
    hasher.finish()
}
