//! Writes down what the desk does as it goes: timelines, deadlines, effects with their keys.

use alloy_primitives::B256;

use crate::desk::Desk;
use crate::desk::marking::of_a_drill;
use crate::digest::Hasher;
use crate::due::{Clock, Due, Mark};
use crate::effect::{Effect, Ordered};
use crate::incident::IncidentId;
use crate::outcome::Outcome;
use crate::proof::Proof;
use crate::timeline::{EntryKind, TimelineEntry};

/// One step of the desk: its moment, and what followed so far.
pub(super) struct Turn {
    pub now_ms: u64,
    pub out: Vec<Outcome>,
    /// Where in `out` it says that no signal matches the finding.
    pub unmatched: Option<usize>,
    /// What proves the act that is carried out: the first entry by its person takes it.
    pub proof: Option<Box<Proof>>,
    /// The account by which a person acts, if one does.
    pub account: String,
    /// Whether a second human has agreed to what is done.
    pub is_seconded: bool,
}

impl Turn {
    pub(super) fn at(now_ms: u64) -> Self {
        Self { now_ms, out: Vec::new(), unmatched: None, proof: None, account: String::new(), is_seconded: false }
    }

    /// Returns the moment so many seconds from now.
    pub(super) fn in_s(&self, seconds: u64) -> u64 {
        self.now_ms.saturating_add(seconds.saturating_mul(1_000))
    }
}

impl Desk {
    /// Writes an entry of an incident's timeline.
    pub(super) fn write(&mut self, id: IncidentId, kind: EntryKind, by: Option<&str>, text: String, turn: &mut Turn) {
        let Some(file) = self.files.get_mut(&id) else { return };
        let mut entry = TimelineEntry {
            incident: id,
            number: file.entries + 1,
            at_ms: turn.now_ms,
            kind,
            by: by.map(str::to_owned),
            text,
            proof: if by.is_some() { turn.proof.take() } else { None },
            previous: file.head,
            hash: B256::ZERO,
        };
        entry.hash = entry.digest();
        (file.entries, file.head) = (entry.number, entry.hash);
        file.heads.push(entry.hash);
        turn.out.push(Outcome::Timeline(entry));
    }

    /// Puts out how an incident stands now.
    pub(super) fn restate(&mut self, id: IncidentId, turn: &mut Turn) {
        if let Some(file) = self.files.get_mut(&id) {
            file.case.settle();
            turn.out.push(Outcome::Incident(file.case.incident.clone()));
        }
    }

    /// Orders an effect. Returns its key.
    pub(super) fn order(&mut self, id: IncidentId, effect: Effect, turn: &mut Turn) -> B256 {
        let (dry_run, drill) = (self.is_dry(id), self.is_drill(id));
        let effect = if drill { of_a_drill(effect) } else { effect };
        let Some(file) = self.files.get_mut(&id) else { return B256::ZERO };
        file.orders += 1;
        let hasher = Hasher::new("effect").bytes(file.seal.as_slice()).number(id).number(file.orders);
        let key = hasher.text(effect.kind()).finish();
        turn.out.push(Outcome::Effect(Ordered { key, at_ms: turn.now_ms, dry_run, drill, effect }));
        key
    }

    /// Sets a deadline, in place of an earlier one for the same.
    pub(super) fn set_due(&mut self, id: IncidentId, due: Due, due_at_ms: u64, turn: &mut Turn) {
        self.drop_due(id, &due, turn);
        if self.files.contains_key(&id) {
            self.deadlines.set(id, due.clone(), due_at_ms);
            clock(id, due, due_at_ms, Mark::Set, turn);
        }
    }

    /// Drops a deadline: what was due came, or is due no longer.
    pub(super) fn drop_due(&mut self, id: IncidentId, due: &Due, turn: &mut Turn) {
        if let Some(due_at_ms) = self.deadlines.drop(id, due) {
            clock(id, due.clone(), due_at_ms, Mark::Dropped, turn);
        }
    }

    /// Drops every deadline of an incident.
    pub(super) fn drop_all_dues(&mut self, id: IncidentId, turn: &mut Turn) {
        for due in self.deadlines.of(id) {
            self.drop_due(id, &due, turn);
        }
    }

    /// Takes the next deadline that is due by now off the list.
    pub(super) fn next_fired(&mut self, turn: &mut Turn) -> Option<(IncidentId, Due)> {
        let (due_at_ms, id, due) = self.deadlines.pop(turn.now_ms)?;
        clock(id, due.clone(), due_at_ms, Mark::Fired, turn);
        Some((id, due))
    }
}

fn clock(incident: IncidentId, due: Due, due_at_ms: u64, mark: Mark, turn: &mut Turn) {
    turn.out.push(Outcome::Clock(Clock { incident, due, due_at_ms, mark, at_ms: turn.now_ms }));
}
