//! Retention: bodies of old blocks are dropped, a few at a time, and everything that was made of them stays.
//!
//! The chain of hashes goes over a digest of each body, so it holds without them. A replay starts at the horizon, the
//! input that [`Event::Thinned`](crate::event::Event::Thinned) names, over the snapshot of state that was taken there.

use rusqlite::params;

use super::{Journal, Result};

/// For how long observations are kept whatever the policy: a delivery that comes again is known by its like.
const OBSERVED_KEPT_MS: u64 = 24 * 3_600_000;

/// How far bodies are dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Thinning {
    /// The input that a replay starts with.
    pub before: u64,
    /// Bodies that were dropped so far.
    pub bodies: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Whether all before the horizon are dropped that may be.
    pub done: bool,
}

/// Whether the body of an entry may be dropped, by its kind and event.
pub(super) fn may_drop(kind: &str, event: Option<&str>) -> bool {
    kind == "answer" || matches!(event, Some("committed" | "pending" | "completed" | "observed"))
}

impl Journal {
    /// Which bodies may be dropped, in SQL, of a row of `entry`: those that are columns of chain data, answers to reads, and
    /// observations other than each feed's newest, by which it goes on.
    fn droppable(&self) -> String {
        let old_ms = self.newest_ms().saturating_sub(OBSERVED_KEPT_MS);
        format!(
            "digest IS NOT NULL AND octet_length(body) > 0 \
             AND (kind = 'answer' OR event IN ('committed', 'pending', 'completed') \
             OR (event = 'observed' AND at_ms < {old_ms} AND seq NOT IN (SELECT seq FROM feed_position)))"
        )
    }

    /// Returns how far bodies were dropped; `None` if all are kept.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn thinning(&self) -> Result<Option<Thinning>> {
        let Some(before) = self.thinned_before()? else { return Ok(None) };
        let sql = "SELECT sum(bodies), sum(bytes), min(done >= before) FROM thinning";
        self.one(sql, [], |row| Ok(Thinning { before, bodies: row.get(0)?, bytes: row.get(1)?, done: row.get(2)? }))
    }

    /// Returns the input that a replay starts with; `None` if it starts with the first.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn thinned_before(&self) -> Result<Option<u64>> {
        Ok(self.one("SELECT max(before) FROM thinning", [], |row| row.get(0))?.flatten())
    }

    /// Counts the bodies, and their bytes, that dropping up to an input would drop.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn droppable_before(&self, before: u64) -> Result<(u64, u64)> {
        let droppable = self.droppable();
        let sql =
            format!("SELECT count(*), coalesce(sum(octet_length(body)), 0) FROM entry WHERE seq < ?1 AND {droppable}");
        Ok(self.one(&sql, [before], |row| Ok((row.get(0)?, row.get(1)?)))?.unwrap_or((0, 0)))
    }

    /// From here on bodies before an input may go. Older snapshots of state are of no use any more.
    pub(super) fn thin_before(&mut self, before: u64) -> Result<()> {
        let done: u64 = self.one("SELECT max(done) FROM thinning", [], |row| row.get(0))?.flatten().unwrap_or(1);
        let sql = "INSERT OR IGNORE INTO thinning (before, done, bodies, bytes) VALUES (?1, min(?1, ?2), 0, 0)";
        self.run(sql, params![before, done])?;
        self.run("UPDATE thinning SET done = before WHERE before < ?1", [before])?;
        self.run("DELETE FROM snapshot_state WHERE seq < ?1", [before])?;
        self.run("DELETE FROM snapshot WHERE seq < ?1", [before])?;
        Ok(())
    }

    /// Drops what may go among the next so many entries, in the open transaction. Returns whether there is more to do.
    ///
    /// # Errors
    ///
    /// If the journal can't be written; everything since the last commit is then undone.
    pub fn drop_bodies(&mut self, entries: u64) -> Result<bool> {
        let sql = "SELECT before, done FROM thinning WHERE done < before ORDER BY before DESC LIMIT 1";
        let Some((before, done)) = self.one(sql, [], |row| Ok((row.get::<_, u64>(0)?, row.get::<_, u64>(1)?)))? else {
            return Ok(false);
        };
        let to = before.min(done + entries);
        let within = format!("seq >= ?1 AND seq < ?2 AND {}", self.droppable());
        let sql = format!("SELECT coalesce(sum(octet_length(body)), 0) FROM entry WHERE {within}");
        let bytes: u64 = self.one(&sql, [done, to], |row| row.get(0))?.unwrap_or(0);
        let bodies = self.run(&format!("UPDATE entry SET body = x'' WHERE {within}"), [done, to])? as u64;
        let sql = "UPDATE thinning SET done = ?2, bodies = bodies + ?3, bytes = bytes + ?4 WHERE before = ?1";
        self.run(sql, params![before, to, bodies, bytes])?;
        Ok(to < before)
    }

    /// Gives the room of what was dropped back to the disk; otherwise new entries fill it. Needs about as much free
    /// space as the journal will take, and time.
    ///
    /// # Errors
    ///
    /// If the disk has too little room, or another process has the journal open.
    pub fn give_back_room(&mut self) -> Result<()> {
        self.commit()?;
        self.connection.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)").map_err(|error| self.failure(error))
    }
}
