//! The sheet on which a control is answered.

use super::{Answered, Control, Known, Standing};
use crate::plan::moment::Moment;
use crate::plan::{Plan, Tables};

/// A day in milliseconds.
const DAY_MS: u64 = 86_400_000;

/// What an answer consists of so far.
pub(super) struct Sheet<'a> {
    pub plan: &'a Plan,
    pub known: &'a Known,
    control: &'a str,
    evidence: Vec<String>,
    lacks: Vec<String>,
    outside: Vec<String>,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(plan: &'a Plan, known: &'a Known, control: &'a str) -> Self {
        Self { plan, known, control, evidence: Vec::new(), lacks: Vec::new(), outside: Vec::new() }
    }

    pub(super) fn tables(&self) -> &'a Tables {
        self.plan.tables()
    }

    /// Writes down what shows it.
    pub(super) fn shows(&mut self, text: impl Into<String>) {
        self.evidence.push(text.into());
    }

    /// Writes down what lacks.
    pub(super) fn lacks(&mut self, text: impl Into<String>) {
        self.lacks.push(text.into());
    }

    /// Writes down what can't be seen from here.
    pub(super) fn outside(&mut self, text: impl Into<String>) {
        self.outside.push(text.into());
    }

    /// Writes down one or the other.
    pub(super) fn either(&mut self, is_so: bool, shows: impl Into<String>, lacks: impl Into<String>) {
        if is_so { self.shows(shows) } else { self.lacks(lacks) }
    }

    /// Writes down what the readiness check found by one of these codes, and `shows` if it found nothing.
    pub(super) fn checks(&mut self, codes: &[&str], shows: &str) {
        let found: Vec<String> = self
            .known
            .found
            .iter()
            .filter(|found| codes.contains(&found.code.as_str()))
            .map(|found| format!("{} ({}): {}", found.key, found.code, found.message))
            .collect();
        if found.is_empty() {
            self.shows(shows);
        }
        self.lacks.extend(found);
    }

    /// Whether a moment is there, past, and at most so many days ago.
    pub(super) fn is_fresh(&self, at: Option<Moment>, days: u64) -> bool {
        let age_ms = at.and_then(|at| self.known.now_ms.checked_sub(at.ms));
        age_ms.is_some_and(|age_ms| age_ms <= days * DAY_MS)
    }

    /// Writes down whether each of some entities was gone through within so many days.
    pub(super) fn reviewed(&mut self, what: &str, each: impl Iterator<Item = (String, Option<Moment>)>, days: u64) {
        let (mut count, mut stale) = (0, Vec::new());
        for (id, at) in each {
            count += 1;
            if !self.is_fresh(at, days) {
                stale.push(id);
            }
        }
        if !stale.is_empty() {
            self.lacks(format!("{what} not gone through within {days} days: {}", listed(&stale)));
        } else if count > 0 {
            self.shows(format!("{count} {what} gone through within {days} days"));
        }
    }

    pub(super) fn answered(mut self, control: &'static Control) -> Answered {
        let by_plan = self.tables().attestation.iter().filter(|(_, one)| one.control == self.control);
        let (mut holds, mut said, mut stale) = (false, Vec::new(), Vec::new());
        for (id, one) in by_plan {
            if self.is_fresh(one.verified_at, 365) {
                holds = true;
                let link = one.link.as_ref().map(|link| format!(" ({link})")).unwrap_or_default();
                said.push(format!("{}{link}, by {}", one.text, one.owner));
            } else {
                stale.push(format!("attestation.{id} was not made sure of within a year: set verified_at"));
            }
        }
        self.evidence.extend(said);
        self.lacks.extend(stale);
        if holds {
            self.outside.clear();
        }
        let standing = match (self.evidence.is_empty(), self.lacks.is_empty(), self.outside.is_empty()) {
            (false, true, true) => Standing::Met,
            (false, ..) => Standing::Partly,
            (true, false, _) => Standing::Unmet,
            (true, true, _) => Standing::Outside,
        };
        let Control { id, title, asks } = *control;
        Answered { id, title, asks, standing, evidence: self.evidence, lacks: self.lacks, outside: self.outside }
    }
}

/// Lists names; of many, the first six.
pub(super) fn listed(names: &[String]) -> String {
    match names.len() {
        0..=6 => names.join(", "),
        count => format!("{}, and {} more", names[..6].join(", "), count - 6),
    }
}
