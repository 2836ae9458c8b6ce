//! Detectors' state: its present values, and what undoes each change of them.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::params;

use super::{Journal, Result};
use crate::entry::StateChange;

/// A detector's state: values by key.
pub type Values = BTreeMap<Vec<u8>, Vec<u8>>;

/// Values that keys went back to; `None` where there was none.
pub type Restored = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// Changes that are forgotten at once.
const PRUNED_AT_ONCE: u64 = 20_000;

impl Journal {
    /// Writes what a detector changed on an input, in the open transaction.
    pub fn save_state(&mut self, detector: &str, input: u64, changes: &[StateChange]) -> Result<()> {
        for change in changes {
            let undo = "INSERT INTO undo (input, detector, key, before) VALUES (?1, ?2, ?3, ?4)";
            self.run(undo, params![input, detector, change.key, change.before])?;
            self.set(detector, &change.key, change.after.as_deref())?;
        }
        Ok(())
    }

    /// All of a detector's state.
    pub fn load_state(&self, detector: &str) -> Result<Values> {
        let sql = "SELECT key, value FROM state WHERE detector = ?1";
        let rows = self.all(sql, [detector], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.into_iter().collect())
    }

    /// Bytes of all keys and values of a detector's state.
    pub fn state_bytes(&self, detector: &str) -> Result<u64> {
        let sql = "SELECT coalesce(sum(length(key) + length(value)), 0) FROM state WHERE detector = ?1";
        Ok(self.one(sql, [detector], |row| row.get(0))?.unwrap_or(0))
    }

    /// A detector's state as it was before an input, for as long as that can be undone.
    pub fn undone_before(&self, detector: &str, input: u64) -> Result<Values> {
        let mut values = self.load_state(detector)?;
        let sql = "SELECT key, before FROM undo WHERE detector = ?1 AND input >= ?2 ORDER BY id DESC";
        let undo: Restored = self.all(sql, params![detector, input], |row| Ok((row.get(0)?, row.get(1)?)))?;
        for (key, before) in undo {
            match before {
                Some(before) => drop(values.insert(key, before)),
                None => drop(values.remove(&key)),
            }
        }
        Ok(values)
    }

    /// The newest blocks and observations that still stand, and as many of the newest pending transactions, oldest first, no
    /// further back than state can be undone.
    pub fn newest_inputs(&self, at_most: usize) -> Result<Vec<u64>> {
        let mut horizon = Some(u64::MAX);
        for head in self.heads()? {
            horizon = horizon.zip(self.final_input(head.chain)?).map(|(oldest, seq)| oldest.min(seq));
        }
        let horizon = horizon.filter(|horizon| *horizon != u64::MAX).unwrap_or(0);
        // A busy mempool must not crowd out all blocks.
        let sql = "SELECT seq FROM (SELECT seq FROM entry WHERE event = 'observed' AND seq > ?1 \
                   UNION SELECT seq FROM canonical_block WHERE seq > ?1 ORDER BY seq DESC LIMIT ?2) UNION \
                   SELECT seq FROM (SELECT seq FROM entry WHERE event = 'pending' AND seq > ?1 ORDER BY seq DESC LIMIT ?2) \
                   ORDER BY seq";
        self.all(sql, params![horizon, at_most as u64], |row| row.get(0))
    }

    /// Undoes what a detector changed on this input and on all later ones, newest first; the keys that went back.
    pub fn undo_state(&mut self, detector: &str, from_input: u64) -> Result<Restored> {
        let sql = "SELECT key, before FROM undo WHERE detector = ?1 AND input >= ?2 ORDER BY id DESC";
        let rows: Restored = self.all(sql, params![detector, from_input], |row| Ok((row.get(0)?, row.get(1)?)))?;
        // The oldest change of a key comes last and has the value to go back to.
        let restored: BTreeMap<_, _> = rows.into_iter().collect();
        for (key, before) in &restored {
            self.set(detector, key, before.as_deref())?;
        }
        self.run("DELETE FROM undo WHERE detector = ?1 AND input >= ?2", params![detector, from_input])?;
        Ok(restored.into_iter().collect())
    }

    /// Forgets how to undo changes on inputs before this one: they are final. Of one detector, or of all.
    pub fn prune_undo(&mut self, detector: Option<&str>, before_input: u64) -> Result<()> {
        let before = self.snapshot_needs()?.map_or(before_input, |needed| needed.min(before_input));
        let of = if detector.is_some() { "detector = ?1" } else { "?1 IS NULL" };
        // After a long catch-up there may be millions; the rest goes with the next blocks that become final.
        let sql = format!(
            "DELETE FROM undo WHERE id IN (SELECT id FROM undo WHERE {of} AND input < ?2 LIMIT {PRUNED_AT_ONCE})"
        );
        self.run(&sql, params![detector, before])?;
        Ok(())
    }

    /// Empties every detector's state, for good: nothing of it can be undone.
    pub(super) fn forget_states(&mut self) -> Result<()> {
        self.forget_unfinished_snapshots()?;
        self.run("DELETE FROM state", [])?;
        self.run("DELETE FROM undo", [])?;
        Ok(())
    }

    /// Inputs from this one on by which a detector changed something.
    pub fn changed_on(&self, detector: &str, from_input: u64) -> Result<BTreeSet<u64>> {
        let sql = "SELECT DISTINCT input FROM undo WHERE detector = ?1 AND input >= ?2";
        Ok(self.all(sql, params![detector, from_input], |row| row.get(0))?.into_iter().collect())
    }

    /// The oldest input of which a detector's changes can be undone.
    pub fn oldest_undo(&self, detector: &str) -> Result<Option<u64>> {
        Ok(self.one("SELECT min(input) FROM undo WHERE detector = ?1", [detector], |row| row.get(0))?.flatten())
    }

    /// Detectors that changed something on this input or later, those that were removed since too.
    pub fn changed_since(&self, input: u64) -> Result<Vec<String>> {
        let sql = "SELECT DISTINCT detector FROM undo WHERE input >= ?1 ORDER BY detector";
        self.all(sql, [input], |row| row.get(0))
    }

    fn set(&mut self, detector: &str, key: &[u8], value: Option<&[u8]>) -> Result<()> {
        match value {
            Some(value) => {
                let sql = "INSERT INTO state (detector, key, value) VALUES (?1, ?2, ?3) \
                           ON CONFLICT (detector, key) DO UPDATE SET value = excluded.value";
                self.run(sql, params![detector, key, value])?;
            }
            None => {
                self.run("DELETE FROM state WHERE detector = ?1 AND key = ?2", params![detector, key])?;
            }
        }
        Ok(())
    }
}
