//! A past incident again, under another plan: the same findings, facts and acts, at the same times.
//!
//! Both plans start from the same moment, right before what opened the incident, with the limits used up that were
//! used up then. What people did is done again; what they would have done had the other plan woken them is not known.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy_primitives::B256;
use serde::Serialize;

use crate::decision::{Answer, Decision, RulingState};
use crate::desk::{Desks, Input};
use crate::due::Mark;
use crate::effect::Effect;
use crate::finding::Severity;
use crate::incident::{Incident, IncidentId};
use crate::operator::{Act, Deed};
use crate::outcome::Outcome;
use crate::plan::{DO_NOTHING, Plan};
use crate::protocol::Protocol;

/// What became of one intervention.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// The first answer: `permitted`, `needs somebody` or `denied`.
    pub first: String,
    /// Why.
    pub why: String,
    /// Whether it would have been in time by the first answer; `None` if that is not known.
    pub in_time: Option<bool>,
    /// From decision to effect with everybody who is needed, by the first answer, in seconds.
    pub takes_s: Option<u64>,
    /// When it was permitted first, milliseconds since the Unix epoch.
    pub permitted_at_ms: Option<u64>,
    /// When it was put forward first, milliseconds since the Unix epoch.
    pub proposed_at_ms: Option<u64>,
    /// When a person chose it first, milliseconds since the Unix epoch.
    pub decided_at_ms: Option<u64>,
    /// When it took effect first, milliseconds since the Unix epoch.
    pub done_at_ms: Option<u64>,
}

/// How an incident went under a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Course {
    /// The plan.
    pub plan: B256,
    /// Numbers of the incidents that its findings led to; under another plan there may be none, or several.
    pub incidents: BTreeSet<IncidentId>,
    /// When the first was opened, milliseconds since the Unix epoch.
    pub opened_at_ms: Option<u64>,
    /// The gravest severity.
    pub severity: Option<Severity>,
    /// Each page: when, milliseconds since the Unix epoch, and to whom.
    pub pages: Vec<(u64, String)>,
    /// When somebody answered first, milliseconds since the Unix epoch.
    pub acked_at_ms: Option<u64>,
    /// What the first decision says of who can act in time.
    pub in_time: String,
    /// Interventions by id.
    pub interventions: BTreeMap<String, Seen>,
    /// Deadlines that came before what they were for: when, milliseconds since the Unix epoch, and what.
    pub overdue: Vec<(u64, String)>,
    /// Acts that were refused: when, milliseconds since the Unix epoch, by whom, what and why.
    pub refused: Vec<(u64, String, String, String)>,
    /// When it came to an end, milliseconds since the Unix epoch.
    pub ended_at_ms: Option<u64>,
}

/// A past incident under the plan that it had and under another.
#[derive(Clone, Debug, Serialize)]
pub struct WhatIf {
    /// Its number.
    pub incident: IncidentId,
    /// Its title.
    pub title: String,
    /// When it was opened, milliseconds since the Unix epoch: times are counted from here.
    pub opened_at_ms: u64,
    /// As it was.
    pub was: Course,
    /// As it would have been.
    pub would_be: Course,
    #[serde(skip)]
    desks: [Desks; 2],
    #[serde(skip)]
    plan: Arc<Plan>,
    #[serde(skip)]
    protocol: Option<Protocol>,
    /// Every finding of the incident.
    #[serde(skip)]
    findings: BTreeSet<B256>,
    /// Incidents of the other course by those of this one.
    #[serde(skip)]
    twins: BTreeMap<IncidentId, IncidentId>,
}

impl WhatIf {
    /// Makes the comparison of an incident, as it last stands in the journal, with what a plan would have made of it.
    pub fn new(incident: &Incident, plan: Arc<Plan>) -> Self {
        Self {
            incident: incident.id,
            title: incident.title.clone(),
            opened_at_ms: incident.opened_at_ms,
            was: Course { plan: incident.plan, ..Course::default() },
            would_be: Course { plan: plan.hash(), ..Course::default() },
            desks: [Desks::default(), Desks::of_a_trial()],
            plan,
            protocol: None,
            findings: incident.findings.iter().chain(&incident.retracted).copied().collect(),
            twins: BTreeMap::new(),
        }
    }

    /// Takes in an input that the desks took in then, at `now_ms`, milliseconds since the Unix epoch.
    pub fn step(&mut self, input: &Input<'_>, now_ms: u64) {
        let was = self.desks[0].step(input.clone(), now_ms);
        if self.protocol.is_none()
            && let Some(opened) = was.iter().find_map(|outcome| self.is_it(outcome))
        {
            self.begin(&opened, now_ms);
        }
        // What its own protocol took up meanwhile is not what is tried.
        if let (Input::Plan { protocol, .. }, Some(ours)) = (input, &self.protocol)
            && protocol.name == ours.name
        {
            return;
        }
        let mut would_be = Vec::new();
        if self.protocol.is_some() {
            while let Some(due_ms) = self.desks[1].next_due_ms().filter(|due_ms| *due_ms <= now_ms) {
                let outcomes = self.desks[1].step(Input::Tick, due_ms);
                self.note(1, &outcomes, due_ms);
            }
        }
        match input {
            Input::Act(act) => match self.translated(act) {
                Ok(act) => would_be.extend(self.desks[1].step(Input::Act(&act), now_ms)),
                Err(why) if Some(self.incident) == act.incident => {
                    self.would_be.refused.push((now_ms, act.by.clone(), act.deed.name().to_owned(), why));
                }
                Err(_) => {}
            },
            input => would_be.extend(self.desks[1].step(input.clone(), now_ms)),
        }
        self.pair(&was, &would_be);
        self.note(0, &was, now_ms);
        self.note(1, &would_be, now_ms);
    }

    /// Whether anything is different.
    pub fn is_different(&self) -> bool {
        let outcome = |course: &Course| Course { plan: B256::ZERO, incidents: BTreeSet::new(), ..course.clone() };
        outcome(&self.was) != outcome(&self.would_be)
    }

    fn is_it(&self, outcome: &Outcome) -> Option<Incident> {
        match outcome {
            Outcome::Incident(incident) if incident.id == self.incident => Some(incident.clone()),
            _ => None,
        }
    }

    /// From here on the other plan is in force.
    fn begin(&mut self, incident: &Incident, now_ms: u64) {
        let mut known = self.desks[1].protocols().map(|(protocol, _)| protocol);
        let protocol = known.find(|protocol| protocol.name == incident.protocol).cloned().unwrap_or_default();
        drop(known);
        self.desks[1].step(Input::Plan { protocol: &protocol, plan: self.plan.clone() }, now_ms);
        self.protocol = Some(protocol);
    }

    /// Finds out which incident of the one course is which of the other.
    fn pair(&mut self, was: &[Outcome], would_be: &[Outcome]) {
        for outcome in was {
            let Outcome::Incident(one) = outcome else { continue };
            if self.twins.contains_key(&one.id) {
                continue;
            }
            let same = |other: &&Incident| {
                other.findings.iter().any(|finding| one.findings.contains(finding))
                    || (one.declared_by.is_some() && other.declared_by == one.declared_by && other.title == one.title)
            };
            let others = would_be.iter().filter_map(|outcome| match outcome {
                Outcome::Incident(other) => Some(other),
                _ => None,
            });
            // Where a finding is heard by two signals, the twin is the one of the same signal.
            let is_free = |other: &&Incident| !self.twins.values().any(|twin| *twin == other.id);
            let twins: Vec<&Incident> = others.filter(same).filter(is_free).collect();
            let twin = twins.iter().find(|other| other.signal == one.signal).or(twins.first());
            if let Some(other) = twin {
                self.twins.insert(one.id, other.id);
            }
        }
    }

    /// The same act on the twin of its incident.
    fn translated(&self, act: &Act) -> Result<Act, String> {
        let mut other = Act { seen: None, signed: None, ..act.clone() };
        let Some(id) = act.incident else { return Ok(other) };
        let twin = *self.twins.get(&id).ok_or("there is no such incident under this plan")?;
        other.incident = Some(twin);
        match &mut other.deed {
            Deed::Approve { ruling }
            | Deed::Veto { ruling, .. }
            | Deed::Done { ruling, .. }
            | Deed::Confirm { ruling, .. }
            | Deed::Undone { ruling, .. }
            | Deed::Reverse { ruling, .. } => {
                // What was refused then had no number: it is tried as it was.
                let mut then = self.desks[0].rulings(id).iter();
                if let Some(then) = then.find(|one| one.number == *ruling) {
                    let mut now = self.desks[1].rulings(twin).iter();
                    let now = now.rfind(|one| one.intervention == then.intervention);
                    let nobody = || format!("nobody has chosen `{}` under this plan", then.intervention);
                    *ruling = now.ok_or_else(nobody)?.number;
                }
            }
            Deed::Merge { into } => {
                *into = *self.twins.get(into).ok_or("the other incident is none under this plan")?;
            }
            _ => {}
        }
        Ok(other)
    }

    fn note(&mut self, at: usize, outcomes: &[Outcome], now_ms: u64) {
        let ours = |incident: &Incident| match at {
            0 => incident.id == self.incident,
            _ => {
                let is_others = self.twins.iter().any(|(of, twin)| *of != self.incident && *twin == incident.id);
                let shares = incident.findings.iter().any(|finding| self.findings.contains(finding));
                (shares && !is_others) || self.twins.get(&self.incident) == Some(&incident.id)
            }
        };
        let new: Vec<IncidentId> = outcomes
            .iter()
            .filter_map(|outcome| match outcome {
                Outcome::Incident(incident) if ours(incident) => Some(incident.id),
                _ => None,
            })
            .collect();
        if self.protocol.is_some() {
            let course = if at == 0 { &mut self.was } else { &mut self.would_be };
            course.incidents.extend(new);
            outcomes.iter().for_each(|outcome| course.note(outcome, now_ms));
        }
    }
}

impl Course {
    fn note(&mut self, outcome: &Outcome, now_ms: u64) {
        match outcome {
            Outcome::Incident(incident) if self.incidents.contains(&incident.id) => {
                self.opened_at_ms.get_or_insert(incident.opened_at_ms);
                self.severity = self.severity.max(Some(incident.severity));
                if incident.acked_by.is_some() {
                    self.acked_at_ms.get_or_insert(now_ms);
                }
                if !incident.state.is_open() {
                    self.ended_at_ms.get_or_insert(now_ms);
                }
            }
            Outcome::Decision(decision) if self.incidents.contains(&decision.incident) => self.decided(decision),
            Outcome::Effect(ordered) if self.incidents.contains(&ordered.effect.incident()) => match &ordered.effect {
                Effect::Page { person, .. } => self.pages.push((now_ms, person.clone())),
                Effect::Propose { intervention, .. } | Effect::CarryOut { intervention, .. } => {
                    let seen = self.interventions.entry(intervention.clone()).or_default();
                    seen.proposed_at_ms.get_or_insert(now_ms);
                }
                _ => {}
            },
            Outcome::Clock(clock) if clock.mark == Mark::Fired && self.incidents.contains(&clock.incident) => {
                self.overdue.push((now_ms, clock.due.to_string()));
            }
            Outcome::Refused { by, incident: Some(incident), act, why } if self.incidents.contains(incident) => {
                self.refused.push((now_ms, by.clone(), act.clone(), why.join("; ")));
            }
            _ => {}
        }
    }

    fn decided(&mut self, decision: &Decision) {
        if self.in_time.is_empty() {
            self.in_time = decision.in_time.clone();
        }
        for choice in decision.choices.iter().filter(|choice| choice.intervention != DO_NOTHING) {
            let seen = self.interventions.entry(choice.intervention.clone()).or_default();
            if seen.first.is_empty() {
                let (first, why) = match &choice.answer {
                    Answer::Permitted { why } => ("permitted", why.clone()),
                    Answer::Needs { why, .. } => ("needs somebody", why.clone()),
                    Answer::Denied { why } => ("denied", why.join("; ")),
                };
                (seen.first, seen.why) = (first.to_owned(), why);
                (seen.in_time, seen.takes_s) = (choice.way.in_time, choice.way.takes_s);
            }
            if matches!(choice.answer, Answer::Permitted { .. }) {
                seen.permitted_at_ms.get_or_insert(decision.at_ms);
            }
        }
        for ruling in &decision.rulings {
            let seen = self.interventions.entry(ruling.intervention.clone()).or_default();
            if ruling.by.is_some() {
                seen.decided_at_ms.get_or_insert(ruling.at_ms);
            }
            if let (Some(done_at_ms), RulingState::Done | RulingState::Verified | RulingState::Reversed) =
                (ruling.done_at_ms, ruling.state)
            {
                seen.done_at_ms.get_or_insert(done_at_ms);
            }
        }
    }
}
