//! What every check looks at, and where it puts down what it finds.

use std::collections::{BTreeMap, BTreeSet};

use super::table::Check;
use crate::diagnostic::Diagnostic;
use crate::finding::Severity;
use crate::plan::entity::{Automation, Intervention, Person, Schedule, Tables};
use crate::plan::load::{Entity, Places};
use crate::plan::moment::Moment;
use crate::plan::{Plan, Role, reach_of};

/// Seconds of a day.
pub(super) const DAY_S: u64 = 86_400;

/// Something that a check found, and on what.
pub(super) struct Found {
    /// The entity, as `intervention.pause-vault`.
    pub entity: String,
    pub diagnostic: Diagnostic,
}

/// A plan under examination.
pub(super) struct Survey<'a> {
    pub plan: &'a Plan,
    pub places: &'a Places<'a>,
    pub now_ms: u64,
    pub found: Vec<Found>,
    files: &'a [(String, String)],
    humans: BTreeMap<&'a str, &'a str>,
}

impl<'a> Survey<'a> {
    pub fn new(plan: &'a Plan, places: &'a Places<'a>, files: &'a [(String, String)], now_ms: u64) -> Self {
        Self { plan, places, now_ms, found: Vec::new(), files, humans: humans(&plan.tables().person) }
    }

    pub fn tables(&self) -> &'a Tables {
        self.plan.tables()
    }

    /// Reports what was found on what stands under `path` in an entity.
    pub fn report(&mut self, check: &Check, at: Entity<'_>, path: &[&str], message: String) {
        self.report_with_help(check, at, path, message, check.remedy);
    }

    /// Reports the same with a remedy of its own.
    pub fn report_with_help(&mut self, check: &Check, at: Entity<'_>, path: &[&str], message: String, help: &str) {
        let entity = at.path();
        let found = match self.places.get(&(at.table, at.id.to_owned())) {
            Some(place) => place.say(check.gravity, &entity, path, message),
            // What the plan as a whole lacks stands nowhere.
            None => {
                let (file, text) = self.files.first().map_or(("", ""), |(file, text)| (file, text));
                Diagnostic::at(check.gravity, file, text, 0..0, "", message)
            }
        };
        self.found.push(Found { entity, diagnostic: found.with_help(help).with_code(check.code, check.why) });
    }

    /// Whether a moment is past.
    pub fn is_past(&self, moment: Moment) -> bool {
        moment.ms <= self.now_ms
    }

    /// Returns what is wrong with the day on which something was last made sure of; `None` if that was within so many days.
    pub fn stale(&self, on: Option<Moment>, days: u64, what: &str) -> Option<String> {
        let Some(on) = on else { return Some(format!("it was never {what}")) };
        if on.ms > self.now_ms {
            return Some(format!("it is said to be {what} on {on}, which is still to come"));
        }
        let age_days = (self.now_ms - on.ms) / (DAY_S * 1_000);
        (age_days >= days).then(|| format!("it was last {what} {age_days} days ago, on {on}"))
    }

    /// Returns the human behind a person's id: one of the ids that are the same human.
    pub fn human(&self, id: &'a str) -> &'a str {
        self.humans.get(id).copied().unwrap_or(id)
    }

    /// Returns the different humans behind ids.
    pub fn humans(&self, ids: &[&'a str]) -> BTreeSet<&'a str> {
        ids.iter().map(|id| self.human(id)).collect()
    }

    /// Whether an intervention may still be used at all.
    pub fn is_live(&self, intervention: &Intervention) -> bool {
        !intervention.limits.not_after.is_some_and(|end| self.is_past(end))
    }

    /// Returns the seconds from the moment at which those who decide are there to the effect.
    pub fn seconds(&self, intervention: &Intervention) -> u64 {
        let decision_s = if is_automatic(intervention) { 0 } else { intervention.decision_s };
        decision_s.saturating_add(self.plan.seconds_to_effect(intervention))
    }

    /// Returns everybody whom a step may page for a role, a schedule or a person.
    pub fn paged(&self, who: &'a str) -> Vec<&'a str> {
        let tables = self.tables();
        if let Some(role) = tables.role.get(who) {
            return match schedule_of(tables, role) {
                Some(schedule) => turns(schedule),
                None => role.members.iter().map(String::as_str).collect(),
            };
        }
        tables.schedule.get(who).map_or_else(|| vec![who], turns)
    }
}

/// Whether an intervention is permitted without a person.
pub(super) fn is_automatic(intervention: &Intervention) -> bool {
    matches!(intervention.automation, Automation::Presigned | Automation::Auto) && intervention.prerequisites.is_empty()
}

/// The schedule of a role.
pub(super) fn schedule_of<'a>(tables: &'a Tables, role: &Role) -> Option<&'a Schedule> {
    role.schedule.as_ref().and_then(|id| tables.schedule.get(id))
}

/// Everybody who takes turns in a schedule or stands in, each once.
pub(super) fn turns(schedule: &Schedule) -> Vec<&str> {
    let layers = schedule.layers.iter().flat_map(|layer| &layer.people);
    let people = layers.chain(schedule.overrides.iter().filter_map(|exception| exception.person.as_ref()));
    let once: BTreeSet<&str> = people.map(String::as_str).collect();
    once.into_iter().collect()
}

/// The gravest severity.
pub(super) const TOP: Severity = Severity::Critical;

/// Ids in a row, as people say them: `a`, `b` and `c`.
pub(super) fn listed<'i>(ids: impl IntoIterator<Item = &'i str>) -> String {
    let mut ids: Vec<String> = ids.into_iter().map(|id| format!("`{id}`")).collect();
    match ids.pop() {
        Some(last) if !ids.is_empty() => format!("{} and {last}", ids.join(", ")),
        Some(only) => only,
        None => String::new(),
    }
}

/// Each person's id with the first of the ids that are the same human: a signer or an urgent channel is shared, directly
/// or over others.
fn humans(people: &BTreeMap<String, Person>) -> BTreeMap<&str, &str> {
    let ids: Vec<&str> = people.keys().map(String::as_str).collect();
    // Of each person an earlier one who is the same human, or the person itself.
    let mut earlier: Vec<usize> = (0..ids.len()).collect();
    let mut first_with: BTreeMap<String, usize> = BTreeMap::new();
    for (at, person) in people.values().enumerate() {
        let channels = person.channels.urgent.iter().map(|channel| reach_of(channel));
        for mark in channels.chain(person.signer.map(|signer| signer.to_string())) {
            let other = *first_with.entry(mark).or_insert(at);
            let (one, two) = (first(&mut earlier, at), first(&mut earlier, other));
            earlier[one.max(two)] = one.min(two);
        }
    }
    ids.iter().enumerate().map(|(at, id)| (*id, ids[first(&mut earlier, at)])).collect()
}

/// Follows somebody to the first of the same human, and shortens the way for whoever comes next.
fn first(earlier: &mut [usize], mut at: usize) -> usize {
    while earlier[at] != at {
        earlier[at] = earlier[earlier[at]];
        at = earlier[at];
    }
    at
}
