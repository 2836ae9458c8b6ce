//! The post-incident record: everything that is known of one incident, as a report for people and as an OCSF Incident
//! Finding for machines.

mod brevity;
mod drill;
mod markdown;
mod ocsf;
mod proofs;
mod reflect;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy_primitives::B256;

use crate::decision::{Decision, Ruling};
use crate::due::{Audit, Clock, audit};
use crate::effect::{Effect, Ordered};
use crate::fact::Delivery;
use crate::finding::Finding;
use crate::incident::{Incident, IncidentId};
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::plan::moment::Moment;
use crate::timeline::{EntryKind, TimelineEntry};

pub use drill::{ActionItem, DrillRecord, PageSent, Participant, actions, drill_record};
pub use markdown::{markdown, markdown_short};
pub use ocsf::ocsf;
pub use proofs::{Line, Proofs, check_proofs, is_decision};

/// An act that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedAct {
    /// When, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// Id of the person.
    pub by: String,
    /// What was to be done.
    pub act: String,
    /// Each reason.
    pub why: Vec<String>,
}

/// All that is known of one incident.
#[derive(Clone, Debug)]
pub struct Record {
    /// As it stands.
    pub incident: Incident,
    /// The plan that it is under.
    pub plan: Option<Arc<Plan>>,
    /// Its findings, in the order in which they came; those that were taken back too.
    pub findings: Vec<Finding>,
    /// Every decision.
    pub decisions: Vec<Decision>,
    /// Rulings as they stand, of an incident that is open; if there is none, the last decision has them.
    pub standing: Vec<Ruling>,
    /// The timeline.
    pub timeline: Vec<TimelineEntry>,
    /// What was ordered.
    pub orders: Vec<Ordered>,
    /// What was due, and what became of it.
    pub clocks: Vec<Clock>,
    /// What was refused.
    pub refused: Vec<RefusedAct>,
    /// What is known of deliveries, in words, by the key of what was ordered.
    pub deliveries: BTreeMap<B256, String>,
    /// As of when, milliseconds since the Unix epoch.
    pub as_of_ms: u64,
}

impl Record {
    /// Makes the record of an incident as it stands, with nothing in it yet.
    pub fn of(incident: Incident, plan: Option<Arc<Plan>>) -> Self {
        Self {
            incident,
            plan,
            findings: Vec::new(),
            decisions: Vec::new(),
            standing: Vec::new(),
            timeline: Vec::new(),
            orders: Vec::new(),
            clocks: Vec::new(),
            refused: Vec::new(),
            deliveries: BTreeMap::new(),
            as_of_ms: 0,
        }
    }

    /// Takes in an outcome of `at_ms`, milliseconds since the Unix epoch, if it is of this incident.
    pub fn hear(&mut self, outcome: Outcome, at_ms: u64) {
        let id = self.incident.id;
        match outcome {
            Outcome::Incident(incident) if incident.id == id => self.incident = incident,
            Outcome::Decision(decision) if decision.incident == id => self.decisions.push(decision),
            Outcome::Effect(ordered) if ordered.effect.incident() == id => self.orders.push(ordered),
            Outcome::Timeline(entry) if entry.incident == id => self.timeline.push(entry),
            Outcome::Clock(clock) if clock.incident == id => self.clocks.push(clock),
            Outcome::Refused { by, incident: Some(of), act, why } if of == id => {
                self.refused.push(RefusedAct { at_ms, by, act, why });
            }
            _ => return,
        }
        self.as_of_ms = self.as_of_ms.max(at_ms);
    }

    /// Takes in what was heard of a delivery, if it is of something that was ordered here.
    pub fn delivered(&mut self, delivery: &Delivery, at_ms: u64) {
        if self.orders.iter().any(|one| one.key == delivery.key) {
            let when = Moment { ms: at_ms / 1_000 * 1_000 };
            let state = match delivery.arrived {
                true => format!("arrived at {when}"),
                false => format!("NOT delivered at {when}: {}", delivery.answer),
            };
            self.deliveries.insert(delivery.key, state);
        }
    }

    /// Takes in a finding, each once, if it is one of the incident's: of those that it lists, or of `members`.
    pub fn find(&mut self, finding: &Finding, members: &BTreeSet<B256>) {
        let incident = &self.incident;
        if members.contains(&finding.id)
            || incident.findings.contains(&finding.id)
            || incident.retracted.contains(&finding.id)
        {
            self.findings.push(finding.clone());
        }
    }

    /// Returns what was chosen, as it stands.
    pub fn rulings(&self) -> &[Ruling] {
        match self.decisions.last() {
            Some(last) if self.standing.is_empty() => &last.rulings,
            _ => &self.standing,
        }
    }

    /// Returns when the timeline first has such an entry, milliseconds since the Unix epoch.
    fn first(&self, is_it: impl Fn(&TimelineEntry) -> bool) -> Option<u64> {
        self.timeline.iter().find(|entry| is_it(entry)).map(|entry| entry.at_ms)
    }

    /// Each point on the way from the first sign, with when it was reached, milliseconds since the Unix epoch.
    fn milestones(&self) -> [(&'static str, Option<u64>); 7] {
        let paged = self.orders.iter().find(|one| matches!(one.effect, Effect::Page { .. })).map(|one| one.at_ms);
        let decided = |entry: &TimelineEntry| matches!(entry.kind, EntryKind::Decided);
        let state = |name: &'static str| {
            self.first(move |entry| entry.kind == EntryKind::State && entry.text.starts_with(name))
        };
        [
            ("opened", Some(self.incident.opened_at_ms)),
            ("first page", paged),
            ("answered", self.first(|entry| entry.kind == EntryKind::Acked)),
            ("declared", self.incident.declared_at_ms),
            ("decided", self.first(decided)),
            ("contained", state("contained")),
            ("ended", self.incident.closed_at_ms),
        ]
    }

    /// What was due against what fired.
    fn audit(&self) -> Audit {
        audit(&self.clocks, self.as_of_ms, 0)
    }

    fn name(&self, person: &str) -> String {
        self.plan.as_ref().map_or_else(|| person.to_owned(), |plan| plan.name(person))
    }

    fn id(&self) -> IncidentId {
        self.incident.id
    }
}
