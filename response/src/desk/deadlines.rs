//! What is due of each open incident, and when.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::due::Due;
use crate::incident::IncidentId;

/// Deadlines by time and by incident, kept in step. Of each incident there is one of each kind. Times are in milliseconds
/// since the Unix epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "ByTime", into = "ByTime")]
pub(super) struct Deadlines {
    by_time: ByTime,
    by_incident: BTreeMap<(IncidentId, Due), u64>,
}

type ByTime = BTreeSet<(u64, IncidentId, Due)>;

impl From<ByTime> for Deadlines {
    fn from(by_time: ByTime) -> Self {
        let by_incident = by_time.iter().map(|(due_at_ms, id, due)| ((*id, due.clone()), *due_at_ms)).collect();
        Self { by_time, by_incident }
    }
}

impl From<Deadlines> for ByTime {
    fn from(deadlines: Deadlines) -> Self {
        deadlines.by_time
    }
}

impl Deadlines {
    /// Sets a deadline. Any earlier one of the same kind must be dropped before.
    pub(super) fn set(&mut self, id: IncidentId, due: Due, due_at_ms: u64) {
        self.by_incident.insert((id, due.clone()), due_at_ms);
        self.by_time.insert((due_at_ms, id, due));
    }

    /// Drops a deadline. Returns when it was due; `None` if there was none.
    pub(super) fn drop(&mut self, id: IncidentId, due: &Due) -> Option<u64> {
        let due_at_ms = self.by_incident.remove(&(id, due.clone()))?;
        self.by_time.remove(&(due_at_ms, id, due.clone()));
        Some(due_at_ms)
    }

    /// Removes and returns the first deadline that is due by a moment.
    pub(super) fn pop(&mut self, now_ms: u64) -> Option<(u64, IncidentId, Due)> {
        self.next_ms().filter(|due_at_ms| *due_at_ms <= now_ms)?;
        let (due_at_ms, id, due) = self.by_time.pop_first()?;
        self.by_incident.remove(&(id, due.clone()));
        Some((due_at_ms, id, due))
    }

    /// Returns when the first deadline is due.
    pub(super) fn next_ms(&self) -> Option<u64> {
        self.by_time.first().map(|(due_at_ms, ..)| *due_at_ms)
    }

    /// Returns when something of an incident is due.
    pub(super) fn due_at_ms(&self, id: IncidentId, due: &Due) -> Option<u64> {
        self.by_incident.get(&(id, due.clone())).copied()
    }

    /// Returns what is due of an incident.
    pub(super) fn of(&self, id: IncidentId) -> Vec<Due> {
        // `Due::Ack` is the first in order.
        let of_it = self.by_incident.range((id, Due::Ack)..).take_while(|((of, _), _)| *of == id);
        of_it.map(|((_, due), _)| due.clone()).collect()
    }

    /// Iterates over all deadlines in order of time.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, IncidentId, &Due)> {
        self.by_time.iter().map(|(due_at_ms, id, due)| (*due_at_ms, *id, due))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_stay_in_step() {
        let mut deadlines = Deadlines::default();
        let lapse = Due::Ruling { number: 1 };
        deadlines.set(2, lapse.clone(), 20);
        deadlines.set(1, Due::Ack, 10);
        deadlines.set(2, Due::Ack, 30);
        assert_eq!((deadlines.next_ms(), deadlines.due_at_ms(2, &Due::Ack)), (Some(10), Some(30)));
        assert_eq!(deadlines.of(2), [Due::Ack, lapse.clone()]);
        assert_eq!((deadlines.of(1), deadlines.of(3)), (vec![Due::Ack], vec![]));
        assert_eq!(deadlines.pop(9), None);
        assert_eq!(deadlines.pop(10), Some((10, 1, Due::Ack)));
        assert_eq!((deadlines.drop(2, &lapse), deadlines.drop(2, &lapse)), (Some(20), None));
        assert_eq!(deadlines.pop(100), Some((30, 2, Due::Ack)));
        assert_eq!(deadlines, Deadlines::default());
    }
}
