//! What is written down as the engine goes: timelines, deadlines, effects with their keys.

use alloy_primitives::B256;

use crate::desk::Desk;
use crate::digest::Hasher;
use crate::due::{Clock, Due, Mark};
use crate::effect::{Effect, Ordered};
use crate::incident::IncidentId;
use crate::outcome::Outcome;
use crate::timeline::{TimelineEntry, Told};

/// One step: its moment, and what followed so far.
pub(super) struct Turn {
    pub now_ms: u64,
    pub out: Vec<Outcome>,
}

impl Desk {
    /// Writes an entry of an incident's timeline.
    pub(super) fn tell(&mut self, id: IncidentId, told: Told, by: Option<&str>, text: String, turn: &mut Turn) {
        let Some(file) = self.files.get_mut(&id) else { return };
        let (number, previous) = (file.told_entries + 1, file.head);
        let mut entry = TimelineEntry {
            incident: id,
            number,
            at_ms: turn.now_ms,
            told,
            by: by.map(str::to_owned),
            text,
            previous,
            hash: B256::ZERO,
        };
        entry.hash = entry.digest();
        file.told_entries = number;
        file.head = entry.hash;
        turn.out.push(Outcome::Timeline(entry));
    }

    /// Tells how an incident stands now.
    pub(super) fn restate(&mut self, id: IncidentId, turn: &mut Turn) {
        if let Some(file) = self.files.get(&id) {
            turn.out.push(Outcome::Incident(file.case.incident.clone()));
        }
    }

    /// Orders an effect and gives its key.
    pub(super) fn order(&mut self, id: IncidentId, effect: Effect, turn: &mut Turn) -> B256 {
        let dry_run = self.is_dry(id);
        let Some(file) = self.files.get_mut(&id) else { return B256::ZERO };
        file.orders += 1;
        let hasher = Hasher::new("effect").bytes(file.seal.as_slice()).number(id).number(file.orders);
        let key = hasher.text(effect.kind()).finish();
        turn.out.push(Outcome::Effect(Ordered { key, at_ms: turn.now_ms, dry_run, effect }));
        key
    }

    /// Sets a deadline, in place of an earlier one for the same.
    pub(super) fn set_due(&mut self, id: IncidentId, due: Due, due_at_ms: u64, turn: &mut Turn) {
        self.drop_due(id, &due, turn);
        let Some(file) = self.files.get_mut(&id) else { return };
        file.dues.insert(due.clone(), due_at_ms);
        self.dues.insert((due_at_ms, id, due.clone()));
        clock(id, due, due_at_ms, Mark::Set, turn);
    }

    /// What was due came, or is due no longer.
    pub(super) fn drop_due(&mut self, id: IncidentId, due: &Due, turn: &mut Turn) {
        let Some(due_at_ms) = self.files.get_mut(&id).and_then(|file| file.dues.remove(due)) else { return };
        self.dues.remove(&(due_at_ms, id, due.clone()));
        clock(id, due.clone(), due_at_ms, Mark::Dropped, turn);
    }

    /// Nothing is due of an incident any more.
    pub(super) fn drop_all_dues(&mut self, id: IncidentId, turn: &mut Turn) {
        let dues: Vec<Due> = self.files.get(&id).map(|file| file.dues.keys().cloned().collect()).unwrap_or_default();
        for due in dues {
            self.drop_due(id, &due, turn);
        }
    }

    /// The next deadline that is due by now, taken off the list.
    pub(super) fn next_fired(&mut self, turn: &mut Turn) -> Option<(IncidentId, Due)> {
        let (due_at_ms, ..) = *self.dues.first()?;
        if due_at_ms > turn.now_ms {
            return None;
        }
        let (due_at_ms, id, due) = self.dues.pop_first()?;
        if let Some(file) = self.files.get_mut(&id) {
            file.dues.remove(&due);
        }
        clock(id, due.clone(), due_at_ms, Mark::Fired, turn);
        Some((id, due))
    }
}

fn clock(incident: IncidentId, due: Due, due_at_ms: u64, mark: Mark, turn: &mut Turn) {
    turn.out.push(Outcome::Clock(Clock { incident, due, due_at_ms, mark, at_ms: turn.now_ms }));
}
