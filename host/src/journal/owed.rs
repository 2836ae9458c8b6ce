//! What detectors have not seen and are to be shown another time.

use rusqlite::params;

use super::{Journal, Result};
use crate::block::BlockRef;
use crate::entry::Entry;
use crate::event::{Event, Stamped, Why};
use crate::finding::Finding;

/// An input that a detector is owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Debt {
    /// The detector's id.
    pub detector: String,
    /// The input's sequence number.
    pub input: u64,
    /// The block or observation that it comes down to.
    pub root: u64,
    /// Why it has not seen it; `None` if it is set aside until somebody asks for it.
    pub why: Option<Why>,
}

impl Journal {
    /// Notes a debt, or another reason for an existing one.
    ///
    /// # Errors
    ///
    /// If the journal can't be written; everything since the last commit is then undone.
    pub fn owe(&mut self, debt: &Debt) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO owed (detector, input, root, why) VALUES (?1, ?2, ?3, ?4)";
        let why = debt.why.map_or("set-aside", Why::name);
        self.run(sql, params![debt.detector, debt.input, debt.root, why])?;
        Ok(())
    }

    /// Forgets a debt.
    ///
    /// # Errors
    ///
    /// If the journal can't be written; everything since the last commit is then undone.
    pub fn owe_no_more(&mut self, detector: &str, input: u64) -> Result<()> {
        self.run("DELETE FROM owed WHERE detector = ?1 AND input = ?2", params![detector, input])?;
        Ok(())
    }

    /// Returns all debts.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn owed(&self) -> Result<Vec<Debt>> {
        let sql = "SELECT detector, input, root, why FROM owed ORDER BY detector, input";
        self.all(sql, [], |row| {
            let why: String = row.get(3)?;
            Ok(Debt { detector: row.get(0)?, input: row.get(1)?, root: row.get(2)?, why: Why::of_name(&why) })
        })
    }

    /// Returns live findings that were made on an input itself, by any detector, in order.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn live_findings_caused_by(&self, cause: u64) -> Result<Vec<Finding>> {
        let sql = "SELECT entry.seq FROM entry JOIN live_finding ON live_finding.id = entry.finding \
                   WHERE entry.cause = ?1 AND entry.kind = 'finding' ORDER BY entry.seq";
        let seqs: Vec<u64> = self.all(sql, [cause], |row| row.get(0))?;
        let mut findings = Vec::new();
        for seq in seqs {
            if let Some(Entry::Finding(finding)) = self.entry(seq)? {
                findings.push(finding);
            }
        }
        Ok(findings)
    }

    /// Returns what an input caused, in order.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn caused_by(&self, cause: u64) -> Result<Vec<Entry>> {
        let seqs: Vec<u64> =
            self.all("SELECT seq FROM entry WHERE cause = ?1 AND seq > ?1 ORDER BY seq", [cause], |row| row.get(0))?;
        let mut entries = Vec::new();
        for seq in seqs {
            entries.extend(self.entry(seq)?);
        }
        Ok(entries)
    }

    /// Returns the first input from `at` on by which one before `at` was shown or completed, and that one.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn shown_across(&self, at: u64) -> Result<Option<(u64, u64)>> {
        let sql = "SELECT seq, json_extract(body, '$.event.input') FROM entry WHERE event = 'shown' AND seq >= ?1 \
                   AND json_extract(body, '$.event.input') < ?1 ORDER BY seq LIMIT 1";
        let shown: Option<(u64, u64)> = self.one(sql, [at], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let sql = "SELECT later.seq, block.seq FROM entry AS later JOIN entry AS block \
                   ON block.block_hash = later.block_hash AND block.event = 'committed' AND block.seq < ?1 \
                   WHERE later.event = 'completed' AND later.seq >= ?1 ORDER BY later.seq, block.seq DESC LIMIT 1";
        let completed = self.one(sql, [at], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(shown.into_iter().chain(completed).min())
    }

    /// Returns the inputs before `before` that completed a block, in order.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn completions(&self, block: BlockRef, before: u64) -> Result<Vec<u64>> {
        let sql = "SELECT seq FROM entry WHERE chain = ?1 AND block_number = ?2 AND event = 'completed' \
                   AND block_hash = ?3 AND seq < ?4 ORDER BY seq";
        let before = before.min(i64::MAX as u64);
        self.all(sql, params![block.chain, block.number, block.hash.0, before], |row| row.get(0))
    }

    /// Returns the inputs after `after` and before `before` by which some detector was shown an earlier one.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn shown_between(&self, after: u64, before: u64) -> Result<Vec<(u64, String, u64, Why)>> {
        let sql = "SELECT seq FROM entry WHERE event = 'shown' AND seq > ?1 AND seq < ?2 ORDER BY seq";
        let seqs: Vec<u64> = self.all(sql, params![after, before], |row| row.get(0))?;
        let mut shown = Vec::new();
        for seq in seqs {
            if let Some(Stamped { event: Event::Shown { detector, input, why, .. }, .. }) = self.input(seq)? {
                shown.push((seq, detector, input, why));
            }
        }
        Ok(shown)
    }
}
