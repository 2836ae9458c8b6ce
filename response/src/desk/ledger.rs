//! The ledger of limited interventions: a use is reserved before it is proposed, committed once it was carried out,
//! and given back otherwise. Pending uses count.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::incident::IncidentId;
use crate::plan::Limits;

/// Uses by intervention. It outlives plans: a use that was taken under one counts under the next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ledger {
    uses: BTreeMap<String, Vec<Use>>,
}

/// A use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// For which incident.
    pub incident: IncidentId,
    /// When it was reserved, or carried out, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// Whether it was carried out; it stays taken then, whatever becomes of the incident.
    pub committed: bool,
}

/// What the limits leave to one incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// The use that this incident has reserved already.
    pub held: Option<Use>,
    /// Uses that count against the limit, without the one that is reserved for this incident.
    pub taken: Vec<Use>,
    /// Uses left before this incident's own; `None` where they are not limited.
    pub left: Option<u32>,
    /// Until when it rests, and the use after which it does.
    pub rests: Option<(u64, Use)>,
}

impl Ledger {
    pub(super) fn room(&self, intervention: &str, limits: &Limits, incident: IncidentId, now_ms: u64) -> Room {
        let all = self.uses.get(intervention).map(Vec::as_slice).unwrap_or_default();
        let since_ms = limits.per_s.map_or(0, |per_s| now_ms.saturating_sub(per_s.saturating_mul(1_000)));
        let recent = |used: &&Use| limits.per_s.is_none() || used.at_ms > since_ms;
        let own = |used: &&Use| used.incident == incident && !used.committed;
        let taken: Vec<Use> = all.iter().filter(|used| !own(used)).filter(recent).copied().collect();
        let last = all.iter().filter(|used| !own(used)).max_by_key(|used| used.at_ms);
        let rests = last.map(|used| (used.at_ms.saturating_add(limits.cooldown_s.saturating_mul(1_000)), *used));
        Room {
            held: all.iter().find(own).copied(),
            left: limits.uses.map(|uses| uses.saturating_sub(taken.len() as u32)),
            taken,
            rests: rests.filter(|(until_ms, _)| *until_ms > now_ms),
        }
    }

    /// Reserves a use, one at a time for each incident and intervention. Says whether it is new.
    pub(super) fn reserve(&mut self, intervention: &str, incident: IncidentId, now_ms: u64) -> bool {
        let uses = self.uses.entry(intervention.to_owned()).or_default();
        let new = uses.iter().all(|used| used.incident != incident || used.committed);
        if new {
            uses.push(Use { incident, at_ms: now_ms, committed: false });
        }
        new
    }

    /// Gives a reserved use back. Says whether there was one.
    pub(super) fn release(&mut self, intervention: &str, incident: IncidentId) -> bool {
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
            Some(used) => *used = Use { incident, at_ms: now_ms, committed: true },
            None => uses.push(Use { incident, at_ms: now_ms, committed: true }),
        }
    }

    /// Uses by intervention.
    pub(super) fn uses(&self) -> impl Iterator<Item = (&str, &[Use])> {
        self.uses.iter().map(|(intervention, uses)| (intervention.as_str(), uses.as_slice()))
    }
}
