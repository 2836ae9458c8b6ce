//! The ledger of limited interventions: a use is reserved before it is proposed, committed once it was carried out,
//! and given back otherwise. Pending uses count.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::incident::IncidentId;
use crate::plan::Limits;

/// The ledger of what is meant in earnest, and that of plans which are only rehearsed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ledgers {
    earnest: Ledger,
    rehearsed: Ledger,
    /// Interventions of which a use was given back in this step, and by which incident.
    released: BTreeMap<String, IncidentId>,
}

impl Ledgers {
    /// Returns the ledger of rehearsed plans, or that of the others.
    pub(super) fn of(&self, dry_run: bool) -> &Ledger {
        if dry_run { &self.rehearsed } else { &self.earnest }
    }

    /// Returns the same to be changed.
    pub(super) fn of_mut(&mut self, dry_run: bool) -> &mut Ledger {
        if dry_run { &mut self.rehearsed } else { &mut self.earnest }
    }

    /// Gives a reserved use back, so that others may have it. Returns whether there was one.
    pub(super) fn release(&mut self, dry_run: bool, intervention: &str, incident: IncidentId) -> bool {
        let is_released = self.of_mut(dry_run).release(intervention, incident);
        if is_released {
            self.released.insert(intervention.to_owned(), incident);
        }
        is_released
    }

    /// Gives every use back that an incident has reserved.
    pub(super) fn release_all(&mut self, incident: IncidentId) {
        for dry_run in [false, true] {
            let held = |uses: &[Use]| uses.iter().any(|used| used.incident == incident && !used.committed);
            let of_it = self.of(dry_run).uses().filter(|(_, uses)| held(uses));
            let names: Vec<String> = of_it.map(|(intervention, _)| intervention.to_owned()).collect();
            for name in names {
                self.release(dry_run, &name, incident);
            }
        }
    }

    /// Removes and returns an intervention of which a use was given back, and the incident that did so.
    pub(super) fn next_released(&mut self) -> Option<(String, IncidentId)> {
        self.released.pop_first()
    }
}

/// Uses by intervention. It outlives plans: a use that was taken under one counts under the next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ledger {
    uses: BTreeMap<String, Vec<Use>>,
}

/// A use of an intervention with limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// The incident that it is for.
    pub incident: IncidentId,
    /// When it was reserved, or carried out, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// Whether it was carried out; it stays taken then, whatever becomes of the incident.
    pub committed: bool,
    /// Whether somebody else undid it, so that it may be done again at once: it counts no more.
    #[serde(default)]
    pub undone: bool,
}

/// What the limits leave to one incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// The use that this incident has reserved already.
    pub held: Option<Use>,
    /// Uses that count against the limit, without the one that is reserved for this incident.
    pub taken: Vec<Use>,
    /// Uses left before this incident's own; `None` if they are not limited.
    pub left: Option<u32>,
    /// Until when it rests, and the use after which it does.
    pub rests: Option<(u64, Use)>,
    /// Incidents whose reserved uses yield to this one, those that yield first.
    pub yielding: Vec<IncidentId>,
    /// The incident and ruling by which the same calls are permitted already: carrying them out serves this one too.
    pub shared: Option<(IncidentId, u32)>,
}

impl Ledger {
    /// Iterates over the incidents that have reserved a use of an intervention and not made it.
    pub(super) fn reserving(&self, intervention: &str) -> impl Iterator<Item = IncidentId> {
        let all = self.uses.get(intervention).map(Vec::as_slice).unwrap_or_default();
        all.iter().filter(|used| !used.committed).map(|used| used.incident)
    }

    /// Iterates over the incidents that have made a use of an intervention which nobody else undid.
    pub(super) fn making(&self, intervention: &str) -> impl Iterator<Item = IncidentId> {
        let all = self.uses.get(intervention).map(Vec::as_slice).unwrap_or_default();
        all.iter().filter(|used| used.committed && !used.undone).map(|used| used.incident)
    }

    /// Returns what the limits of an intervention leave to an incident at a moment, without what `yielding` incidents have
    /// reserved.
    pub(super) fn room(
        &self,
        intervention: &str,
        limits: &Limits,
        incident: IncidentId,
        yielding: Vec<IncidentId>,
        now_ms: u64,
    ) -> Room {
        let yields = |used: &Use| !used.committed && yielding.contains(&used.incident);
        let all = self.uses.get(intervention).map(Vec::as_slice).unwrap_or_default();
        let all: Vec<Use> = all.iter().filter(|used| !yields(used)).copied().collect();
        let since_ms = limits.per_s.map_or(0, |per_s| now_ms.saturating_sub(per_s.saturating_mul(1_000)));
        let recent = |used: &&Use| limits.per_s.is_none() || used.at_ms > since_ms;
        let own = |used: &&Use| used.incident == incident && !used.committed;
        let taken: Vec<Use> = all.iter().filter(|used| !own(used) && !used.undone).filter(recent).copied().collect();
        let last = all.iter().filter(|used| !own(used) && !used.undone).max_by_key(|used| used.at_ms);
        let rests = last.map(|used| (used.at_ms.saturating_add(limits.cooldown_s.saturating_mul(1_000)), *used));
        Room {
            held: all.iter().find(own).copied(),
            left: limits.uses.map(|uses| uses.saturating_sub(taken.len() as u32)),
            taken,
            rests: rests.filter(|(until_ms, _)| *until_ms > now_ms),
            yielding,
            shared: None,
        }
    }

    /// Reserves a use, one at a time for each incident and intervention. Returns whether it is new.
    pub(super) fn reserve(&mut self, intervention: &str, incident: IncidentId, now_ms: u64) -> bool {
        let uses = self.uses.entry(intervention.to_owned()).or_default();
        let new = uses.iter().all(|used| used.incident != incident || used.committed);
        if new {
            uses.push(Use { incident, at_ms: now_ms, committed: false, undone: false });
        }
        new
    }

    /// Gives a reserved use back. Returns whether there was one.
    fn release(&mut self, intervention: &str, incident: IncidentId) -> bool {
        let Some(uses) = self.uses.get_mut(intervention) else { return false };
        let before = uses.len();
        uses.retain(|used| used.incident != incident || used.committed);
        let released = uses.len() < before;
        if uses.is_empty() {
            self.uses.remove(intervention);
        }
        released
    }

    /// Makes a reserved use a use that was made.
    pub(super) fn commit(&mut self, intervention: &str, incident: IncidentId, now_ms: u64) {
        let uses = self.uses.entry(intervention.to_owned()).or_default();
        match uses.iter_mut().find(|used| used.incident == incident && !used.committed) {
            Some(used) => *used = Use { incident, at_ms: now_ms, committed: true, undone: false },
            None => uses.push(Use { incident, at_ms: now_ms, committed: true, undone: false }),
        }
    }

    /// Notes that the last use that an incident made was undone by somebody else.
    pub(super) fn undo(&mut self, intervention: &str, incident: IncidentId) {
        let uses = self.uses.get_mut(intervention).into_iter().flatten();
        if let Some(used) =
            uses.filter(|used| used.incident == incident && used.committed).max_by_key(|used| used.at_ms)
        {
            used.undone = true;
        }
    }

    /// Iterates over the uses of each intervention.
    pub(super) fn uses(&self) -> impl Iterator<Item = (&str, &[Use])> {
        self.uses.iter().map(|(intervention, uses)| (intervention.as_str(), uses.as_slice()))
    }
}
