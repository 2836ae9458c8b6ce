//! How far back the journal may be thinned at once, and the steps of that: by hand, on a host that is stopped.

use std::collections::BTreeMap;

use crate::app::engine::Engine;
use crate::journal::Values;

/// The input before which bodies may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Horizon {
    /// Its sequence number.
    pub before: u64,
    /// What kept younger bodies from going, if it was not their age alone.
    pub held_by: Option<String>,
}

/// Bodies that a step of thinning drops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bodies {
    /// How many.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Engine {
    /// Returns how far back bodies that came before a time may go, milliseconds since the Unix epoch.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn horizon(&self, since_ms: u64) -> anyhow::Result<Horizon> {
        let journal = &self.journal;
        let by_age = match journal.first_since(since_ms)? {
            seq if seq > journal.head().0 => seq,
            seq => journal.input_at(seq)?.unwrap_or(seq),
        };
        let chains = journal.heads()?.into_iter().map(|head| head.chain).collect();
        let limit = self.thinning_limit(&chains)?;
        let mut horizon = Horizon { before: by_age, held_by: None };
        if limit.before < horizon.before {
            horizon = Horizon { before: limit.before, held_by: Some(limit.why) };
        }
        loop {
            let unbroken = journal.before_reorgs(horizon.before)?;
            if unbroken < horizon.before {
                let why = "a reorg that went back to before it".to_owned();
                horizon = Horizon { before: unbroken, held_by: Some(why) };
            }
            // A replay that starts at the horizon shows late what came after it only.
            if let Some((by, input)) = journal.shown_across(horizon.before)? {
                let why = format!("input {input}, which was shown late by input {by}");
                horizon = Horizon { before: input, held_by: Some(why) };
                continue;
            }
            let Some((detector, cause)) = journal.failing_before(horizon.before)? else { return Ok(horizon) };
            let why = format!("detector {detector}, which did not work then");
            horizon = Horizon { before: cause, held_by: Some(why) };
        }
    }

    /// Returns the input before which bodies were dropped, if any were.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn thinned_before(&self) -> anyhow::Result<Option<u64>> {
        Ok(self.journal.thinned_before()?)
    }

    /// Returns the bodies that would be dropped before an input.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn droppable_before(&self, before: u64) -> anyhow::Result<Bodies> {
        let (count, bytes) = self.journal.droppable_before(before)?;
        Ok(Bodies { count, bytes })
    }

    /// Drops some of the bodies that are to go, in a transaction of its own. Returns how many are dropped so far, or
    /// `None` if nothing is left to drop.
    ///
    /// # Errors
    ///
    /// If the journal can't be written.
    pub fn drop_bodies(&mut self, entries: u64) -> anyhow::Result<Option<u64>> {
        let more = self.journal.drop_bodies(entries)?;
        self.journal.commit()?;
        let dropped = self.journal.thinning()?.map_or(0, |thinning| thinning.bodies);
        Ok(more.then_some(dropped))
    }

    /// Tells whether a replay can begin at an input: whether there is a whole snapshot of state there.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn has_snapshot(&self, seq: u64) -> anyhow::Result<bool> {
        Ok(self.journal.snapshots()?.iter().any(|snapshot| snapshot.seq == seq && snapshot.complete))
    }

    /// Keeps a snapshot of detectors' state as it was before an input.
    ///
    /// # Errors
    ///
    /// If the journal can't be written.
    pub fn put_snapshot(&mut self, seq: u64, states: &BTreeMap<String, Values>) -> anyhow::Result<()> {
        Ok(self.journal.put_snapshot(seq, states)?)
    }

    /// Returns the state of every detector.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn states(&self) -> anyhow::Result<BTreeMap<String, Values>> {
        Ok(self.journal.states()?)
    }

    /// Gives the room of what was dropped back to the disk.
    ///
    /// # Errors
    ///
    /// If the journal can't be written.
    pub fn give_back_room(&mut self) -> anyhow::Result<()> {
        Ok(self.journal.give_back_room()?)
    }

    /// Returns the size of the journal's file, bytes.
    ///
    /// # Errors
    ///
    /// If the file can't be looked at.
    pub fn file_bytes(&self) -> anyhow::Result<u64> {
        Ok(self.journal.file_bytes()?.0)
    }
}
