//! Snapshots: every detector's state as it was before one input, so that a replay can start there.
//!
//! One is taken a part at a time while the host runs. What a key held before the input follows at any moment from what
//! it holds now and from what undoes its changes since, so changes to be undone are kept until the snapshot is whole.

use std::collections::BTreeMap;

use rusqlite::params;

use super::{Journal, PAGE_BYTES, Result, Values};
use crate::event::{Event, Stamped};
use crate::finding::COVERAGE;

/// State as it was before an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Snapshot {
    /// The input.
    pub seq: u64,
    /// When it was taken in, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// Whether all of the state is in it.
    pub complete: bool,
}

/// Keys that one step copies; few in tests, so that they see the seams.
const KEYS_AT_ONCE: usize = if cfg!(test) { 2 } else { 2_000 };

impl Journal {
    /// Returns all snapshots, oldest first.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn snapshots(&self) -> Result<Vec<Snapshot>> {
        self.all("SELECT seq, at_ms, complete FROM snapshot ORDER BY seq", [], |row| {
            Ok(Snapshot { seq: row.get(0)?, at_ms: row.get(1)?, complete: row.get(2)? })
        })
    }

    /// Begins a snapshot of the state before an input whose later changes can all be undone.
    ///
    /// # Errors
    ///
    /// If the journal can't be written; everything since the last commit is then undone.
    pub fn begin_snapshot(&mut self, seq: u64) -> Result<()> {
        // Where every state was emptied since, what undid the changes of before went with it.
        let sql = "SELECT 1 FROM entry WHERE event = 'unsettled' AND seq > ?1 LIMIT 1";
        match self.one(sql, [seq], |_| Ok(()))? {
            Some(()) => Ok(()),
            None => self.note_snapshot(seq),
        }
    }

    fn note_snapshot(&mut self, seq: u64) -> Result<()> {
        let sql = "INSERT OR IGNORE INTO snapshot (seq, at_ms, complete, detector, key) \
                   SELECT seq, at_ms, 0, '', NULL FROM entry WHERE seq = ?1";
        self.run(sql, [seq])?;
        Ok(())
    }

    /// Goes on with the snapshot that was begun. Returns whether there is more to do.
    ///
    /// # Errors
    ///
    /// If the journal can't be written; everything since the last commit is then undone.
    pub fn snapshot_step(&mut self) -> Result<bool> {
        let sql = "SELECT seq, detector, key FROM snapshot WHERE complete = 0 ORDER BY seq LIMIT 1";
        let begun = self.one(sql, [], |row| {
            Ok((row.get::<_, u64>(0)?, row.get::<_, String>(1)?, row.get::<_, Option<Vec<u8>>>(2)?))
        })?;
        let Some((seq, last, key)) = begun else { return Ok(false) };
        // Without a key, the last detector is done with.
        let detector = if key.is_some() { Some(last) } else { self.detector_after(&last)? };
        let Some(detector) = detector else {
            self.run("UPDATE snapshot SET complete = 1 WHERE seq = ?1", [seq])?;
            return Ok(false);
        };
        let (values, end) = self.state_before(&detector, seq, key.as_deref())?;
        for (key, value) in values {
            let sql = "INSERT INTO snapshot_state (seq, detector, key, value) VALUES (?1, ?2, ?3, ?4)";
            self.run(sql, params![seq, detector, key, value])?;
        }
        self.run("UPDATE snapshot SET detector = ?2, key = ?3 WHERE seq = ?1", params![seq, detector, end])?;
        Ok(true)
    }

    /// Keeps a snapshot that a replay made.
    ///
    /// # Errors
    ///
    /// If the journal can't be written; everything since the last commit is then undone.
    pub fn put_snapshot(&mut self, seq: u64, states: &BTreeMap<String, Values>) -> Result<()> {
        self.run("DELETE FROM snapshot_state WHERE seq = ?1", [seq])?;
        self.run("DELETE FROM snapshot WHERE seq = ?1", [seq])?;
        self.note_snapshot(seq)?;
        for (detector, values) in states {
            for (key, value) in values {
                let sql = "INSERT INTO snapshot_state (seq, detector, key, value) VALUES (?1, ?2, ?3, ?4)";
                self.run(sql, params![seq, detector, key, value])?;
            }
        }
        self.run("UPDATE snapshot SET complete = 1 WHERE seq = ?1", [seq])?;
        Ok(())
    }

    /// Forgets snapshots that are not complete. For their sake changes are kept that could be forgotten.
    ///
    /// # Errors
    ///
    /// If the journal can't be written; everything since the last commit is then undone.
    pub fn forget_unfinished_snapshots(&mut self) -> Result<()> {
        if self.snapshot_needs()?.is_none() {
            return Ok(());
        }
        let unfinished = "SELECT seq FROM snapshot WHERE complete = 0";
        self.run(&format!("DELETE FROM snapshot_state WHERE seq IN ({unfinished})"), [])?;
        self.run("DELETE FROM snapshot WHERE complete = 0", [])?;
        Ok(())
    }

    /// Returns the state of every detector, of removed ones too.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn states(&self) -> Result<BTreeMap<String, Values>> {
        let detectors: Vec<String> = self.all("SELECT DISTINCT detector FROM state", [], |row| row.get(0))?;
        detectors.into_iter().map(|id| self.load_state(&id).map(|values| (id, values))).collect()
    }

    /// The oldest input that a snapshot under way still needs to go back to.
    pub(super) fn snapshot_needs(&self) -> Result<Option<u64>> {
        Ok(self.one("SELECT min(seq) FROM snapshot WHERE complete = 0", [], |row| row.get(0))?.flatten())
    }

    /// Returns a detector that did not work when an input came, and the input since which it did not. A replay that
    /// starts there would not know of its failures, and might show it what it was not shown then.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn failing_before(&self, seq: u64) -> Result<Option<(String, u64)>> {
        let sql = "SELECT json_extract(body, '$.subject.id'), cause FROM entry AS failure WHERE detector = ?1 AND seq < ?2 \
                   AND kind = 'finding' AND json_extract(body, '$.subject.kind') = 'detector' AND NOT EXISTS \
                   (SELECT 1 FROM entry WHERE finding = failure.finding AND kind = 'retraction' AND seq < ?2) LIMIT 1";
        self.one(sql, params![COVERAGE, seq], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// Returns this input, or the newest one before it that no later reorg of any chain went back past. A replay that
    /// started in between would have to undo what it has not done.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn before_reorgs(&self, seq: u64) -> Result<u64> {
        let mut lowest = seq;
        loop {
            let sql = "SELECT seq FROM entry WHERE event = 'reverted' AND seq >= ?1 ORDER BY seq";
            let reorgs: Vec<u64> = self.all(sql, [lowest], |row| row.get(0))?;
            let before = lowest;
            for reorg in reorgs {
                let Some(Stamped { event: Event::Reverted { blocks, .. }, .. }) = self.input(reorg)? else { continue };
                for block in blocks {
                    let came = self.seq_of_reverted(block.hash, reorg)?;
                    lowest = came.map_or(lowest, |came| came.min(lowest));
                }
            }
            if lowest == before {
                return Ok(lowest);
            }
        }
    }

    fn detector_after(&self, detector: &str) -> Result<Option<String>> {
        let sql = "SELECT min(detector) FROM (SELECT min(detector) AS detector FROM state WHERE detector > ?1 \
                   UNION ALL SELECT min(detector) FROM undo WHERE detector > ?1)";
        Ok(self.one(sql, [detector], |row| row.get(0))?.flatten())
    }

    /// A detector's values before an input, of the next keys, and the key to go on after; `None` at the end.
    fn state_before(&self, detector: &str, seq: u64, after: Option<&[u8]>) -> Result<(Values, Option<Vec<u8>>)> {
        let (beyond, from) = after.map_or((">=", &[][..]), |after| (">", after));
        let sql = format!("SELECT key, value FROM state WHERE detector = ?1 AND key {beyond} ?2 ORDER BY key");
        let mut values = Values::new();
        let (mut end, mut bytes) = (None, 0);
        let mut statement = self.connection.prepare_cached(&sql).map_err(|error| self.failure(error))?;
        let mut rows = statement.query(params![detector, from]).map_err(|error| self.failure(error))?;
        while let Some(row) = rows.next().map_err(|error| self.failure(error))? {
            let read = || -> rusqlite::Result<(Vec<u8>, Vec<u8>)> { Ok((row.get(0)?, row.get(1)?)) };
            let (key, value) = read().map_err(|error| self.failure(error))?;
            bytes += key.len() + value.len();
            if values.len() + 1 >= KEYS_AT_ONCE || bytes >= PAGE_BYTES {
                end = Some(key.clone());
            }
            values.insert(key, value);
            if end.is_some() {
                break;
            }
        }
        // The oldest change of a key comes last and has the value of before.
        let sql = format!(
            "SELECT key, before FROM undo WHERE detector = ?1 AND input >= ?2 AND key {beyond} ?3 \
             AND (?4 IS NULL OR key <= ?4) ORDER BY id DESC"
        );
        let undone: Vec<(Vec<u8>, Option<Vec<u8>>)> =
            self.all(&sql, params![detector, seq, from, end], |row| Ok((row.get(0)?, row.get(1)?)))?;
        for (key, before) in undone {
            match before {
                Some(before) => values.insert(key, before),
                None => values.remove(&key),
            };
        }
        Ok((values, end))
    }
}
