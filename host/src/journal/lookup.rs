//! What the host looks up: canonical blocks, live findings, components, where feeds stand.

use alloy::primitives::B256;
use rusqlite::{Row, params};

use super::{Journal, JournalError, Result};
use crate::block::{BlockRef, ChainId};
use crate::digest::sha256;
use crate::entry::Entry;
use crate::event::{Event, Observation, Stamped};
use crate::finding::Finding;
use crate::incident::Incident;

/// What is looked up of a block that may be old: enough to stand on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Which block.
    pub block: BlockRef,
    /// Hash of the block before it.
    pub parent_hash: B256,
    /// Chain time, seconds since the Unix epoch.
    pub timestamp_s: u64,
    /// The input that it came by.
    pub seq: u64,
}

/// From each chain to the next by the primary key: grouping would read every block that there ever was.
pub(super) const HEADS: &str = "\
    WITH RECURSIVE known (id) AS (SELECT min(chain) FROM canonical_block UNION ALL \
    SELECT (SELECT min(chain) FROM canonical_block WHERE chain > id) FROM known WHERE id IS NOT NULL) \
    SELECT chain, number, hash FROM known JOIN canonical_block ON chain = id \
    AND number = (SELECT max(number) FROM canonical_block WHERE chain = id) ORDER BY chain";

impl Journal {
    /// Returns when an entry was made, milliseconds since the Unix epoch; `None` if there is no such entry.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn made_at_ms(&self, seq: u64) -> Result<Option<u64>> {
        self.one("SELECT at_ms FROM entry WHERE seq = ?1", [seq], |row| row.get(0))
    }

    /// Keeps the tables of look-ups in step with an entry that was just appended.
    pub(super) fn look_up_later(&mut self, seq: u64, entry: &Entry) -> Result<()> {
        match entry {
            Entry::Input(Stamped { event: Event::Committed { block }, .. }) => {
                let sql = "INSERT OR REPLACE INTO canonical_block (chain, number, hash, seq, parent_hash, timestamp_s) \
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
                let (parent, time) = (block.parent_hash.0, block.timestamp_s);
                self.run(sql, params![block.chain, block.number, block.hash.0, seq, parent, time])?;
            }
            Entry::Input(Stamped { event: Event::Finality { chain, safe, finalized }, .. }) => {
                let sql = "INSERT INTO settled (chain, safe, finalized) VALUES (?1, ?2, ?3) ON CONFLICT (chain) \
                           DO UPDATE SET safe = max(safe, excluded.safe), finalized = max(finalized, excluded.finalized)";
                self.run(sql, params![chain, safe, finalized])?;
            }
            Entry::Input(Stamped { event: Event::Unsettled { chain, above, .. }, .. }) => {
                let sql = "UPDATE settled SET safe = min(safe, ?2), finalized = min(finalized, ?2) WHERE chain = ?1";
                self.run(sql, params![chain, above])?;
                self.forget_states()?;
            }
            Entry::Input(Stamped { event: Event::Thinned { before }, .. }) => self.thin_before(*before)?,
            Entry::Input(Stamped { event: Event::Reverted { chain, blocks }, .. }) => {
                for block in blocks {
                    let sql = "DELETE FROM canonical_block WHERE chain = ?1 AND number = ?2 AND hash = ?3";
                    self.run(sql, params![chain, block.number, block.hash.0])?;
                }
            }
            Entry::Input(Stamped { event: Event::Observed { observation }, .. }) => {
                let sql = "INSERT OR REPLACE INTO feed_position (feed, seq) VALUES (?1, ?2)";
                self.run(sql, params![observation.feed, seq])?;
            }
            Entry::Retraction { finding, .. } => {
                self.run("DELETE FROM live_finding WHERE id = ?1", [finding.0])?;
            }
            // What is only rehearsed goes nowhere; a drill goes to its people.
            Entry::Effect(ordered) if ordered.goes_out() => self.queue(seq, ordered)?,
            Entry::Input(Stamped { event: Event::Delivered { delivery }, .. }) => self.note_reported(delivery)?,
            _ => {}
        }
        Ok(())
    }

    /// Counts a finding, appended as entry `seq`, as live and as made of an input.
    ///
    /// # Errors
    ///
    /// If the journal can't be written; everything since the last commit is then undone.
    pub fn finding_lives(&mut self, finding: B256, seq: u64, input: u64) -> Result<()> {
        self.run("INSERT INTO live_finding (id, input, seq) VALUES (?1, ?2, ?3)", params![finding.0, input, seq])?;
        Ok(())
    }

    /// Returns the findings of an input that were not retracted, in order.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn live_findings_of_input(&self, input: u64) -> Result<Vec<Finding>> {
        let seqs: Vec<u64> =
            self.all("SELECT seq FROM live_finding WHERE input = ?1 ORDER BY seq", [input], |row| row.get(0))?;
        let mut findings = Vec::new();
        for seq in seqs {
            if let Some(Entry::Finding(finding) | Entry::Shadow(finding)) = self.entry(seq)? {
                findings.push(finding);
            }
        }
        Ok(findings)
    }

    /// Returns the newest canonical blocks of a chain that follow each other without a gap, oldest first.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn tail(&self, chain: ChainId, at_most: usize) -> Result<Vec<BlockRef>> {
        self.tail_down_to(chain, 0, at_most)
    }

    /// Returns the newest canonical blocks of a chain at a height or above that follow each other without a gap, oldest
    /// first.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn tail_down_to(&self, chain: ChainId, lowest: u64, at_most: usize) -> Result<Vec<BlockRef>> {
        let sql = "SELECT chain, number, hash FROM canonical_block WHERE chain = ?1 AND number >= ?2 \
                   ORDER BY number DESC LIMIT ?3";
        let mut tail: Vec<BlockRef> = self.all(sql, params![chain, lowest, at_most as u64], block_ref)?;
        // Only what hangs together: a replayed recording may have holes.
        let unbroken = tail.windows(2).take_while(|pair| pair[0].number == pair[1].number + 1).count() + 1;
        tail.truncate(unbroken);
        tail.reverse();
        Ok(tail)
    }

    /// Returns the newest block of every chain.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn heads(&self) -> Result<Vec<BlockRef>> {
        self.all(HEADS, [], block_ref)
    }

    /// Returns the canonical block at a height, or the next one below it, and the input that it came by.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn canonical(&self, chain: ChainId, number: u64) -> Result<Option<(BlockRef, u64)>> {
        let sql = "SELECT chain, number, hash, seq FROM canonical_block WHERE chain = ?1 AND number <= ?2 \
                   ORDER BY number DESC LIMIT 1";
        self.one(sql, params![chain, number], |row| Ok((block_ref(row)?, row.get(3)?)))
    }

    /// Returns the canonical block at a height, or the next one below it, of those that came before an input.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn header(&self, chain: ChainId, number: u64, before: u64) -> Result<Option<Header>> {
        let sql = "SELECT chain, number, hash, seq, parent_hash, timestamp_s FROM canonical_block \
                   WHERE chain = ?1 AND number <= ?2 AND seq < ?3 ORDER BY number DESC LIMIT 1";
        let (number, before) = (number.min(i64::MAX as u64), before.min(i64::MAX as u64));
        let found = self.one(sql, params![chain, number, before], |row| {
            let beside: (Option<[u8; 32]>, Option<u64>) = (row.get(4)?, row.get(5)?);
            Ok((block_ref(row)?, row.get(3)?, beside))
        })?;
        let Some((block, seq, beside)) = found else { return Ok(None) };
        if let (Some(parent_hash), Some(timestamp_s)) = beside {
            return Ok(Some(Header { block, parent_hash: parent_hash.into(), timestamp_s, seq }));
        }
        // A block of the first format has these in its body only, which is never dropped.
        Ok(match self.input(seq)? {
            Some(Stamped { event: Event::Committed { block: whole }, .. }) => {
                Some(Header { block, parent_hash: whole.parent_hash, timestamp_s: whole.timestamp_s, seq })
            }
            _ => None,
        })
    }

    /// Returns the newest heights of a chain that are safe and final; `None` if neither is known.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn settled(&self, chain: ChainId) -> Result<Option<(u64, u64)>> {
        let sql = "SELECT safe, finalized FROM settled WHERE chain = ?1";
        self.one(sql, [chain], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// Returns the input by which the newest final block of a chain came; `None` if none is known to be final.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn final_input(&self, chain: ChainId) -> Result<Option<u64>> {
        let Some((_, finalized)) = self.settled(chain)? else { return Ok(None) };
        Ok(self.canonical(chain, finalized)?.map(|(_, seq)| seq))
    }

    /// Returns the input by which a block of the canonical chain came.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn seq_of_block(&self, hash: B256) -> Result<Option<u64>> {
        self.one("SELECT seq FROM canonical_block WHERE hash = ?1", [hash.0], |row| row.get(0))
    }

    /// Returns the first input by which a block came, canonical or not.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn seq_of_first_commit(&self, hash: B256) -> Result<Option<u64>> {
        let sql = "SELECT seq FROM entry WHERE event = 'committed' AND block_hash = ?1 ORDER BY seq LIMIT 1";
        self.one(sql, [hash.0], |row| row.get(0))
    }

    /// Returns the last input before `before` by which a block came.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn seq_of_reverted(&self, hash: B256, before: u64) -> Result<Option<u64>> {
        let sql = "SELECT seq FROM entry WHERE event = 'committed' AND block_hash = ?1 AND seq < ?2 \
                   ORDER BY seq DESC LIMIT 1";
        self.one(sql, params![hash.0, before], |row| row.get(0))
    }

    /// Returns the inputs between two others, exclusive, that detectors saw and that still stand, in order:
    /// observations, pending transactions, and blocks of the canonical chains.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn surviving_inputs(&self, after: u64, before: u64) -> Result<Vec<u64>> {
        let sql = "SELECT seq FROM entry WHERE event IN ('observed', 'pending') AND seq > ?1 AND seq < ?2 \
                   UNION SELECT seq FROM canonical_block WHERE seq > ?1 AND seq < ?2 ORDER BY 1";
        self.all(sql, params![after, before], |row| row.get(0))
    }

    /// Returns the oldest input that an incident stands on.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn oldest_input_of(&self, incident: &Incident) -> Result<Option<u64>> {
        let sql = "SELECT cause FROM entry WHERE incident = ?1 ORDER BY seq LIMIT 1";
        let mut oldest: Option<u64> = self.one(sql, [incident.id], |row| row.get(0))?;
        for finding in &incident.findings {
            let sql = "SELECT input FROM live_finding WHERE id = ?1";
            let input: Option<u64> = self.one(sql, [finding.0], |row| row.get(0))?;
            oldest = oldest.into_iter().chain(input).min();
        }
        Ok(oldest)
    }

    /// Returns when the input that an entry follows from was taken in, milliseconds since the Unix epoch.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn time_of(&self, seq: u64) -> Result<Option<u64>> {
        self.one("SELECT at_ms FROM entry WHERE seq = ?1", [seq], |row| row.get(0))
    }

    /// Returns the newest input at or before an entry.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn input_at(&self, seq: u64) -> Result<Option<u64>> {
        self.one("SELECT cause FROM entry WHERE seq = ?1", [seq], |row| row.get(0))
    }

    /// Returns an input by its sequence number; `None` if that is no input.
    ///
    /// # Errors
    ///
    /// If the journal can't be read, or if the input's body was dropped.
    pub fn input(&self, seq: u64) -> Result<Option<Stamped>> {
        Ok(match self.entry(seq)? {
            Some(Entry::Input(stamped)) => Some(stamped),
            _ => None,
        })
    }

    /// Returns the newest observation of a feed.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn last_observation(&self, feed: &str) -> Result<Option<Observation>> {
        let seq = self.one("SELECT seq FROM feed_position WHERE feed = ?1", [feed], |row| row.get(0))?;
        let input = seq.map(|seq| self.input(seq)).transpose()?.flatten();
        Ok(input.and_then(|stamped| match stamped.event {
            Event::Observed { observation } => Some(observation),
            _ => None,
        }))
    }

    /// Returns the observations of a feed that came in since a time, milliseconds since the Unix epoch, and at least
    /// the newest.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn recent_observations(&self, feed: &str, since_ms: u64) -> Result<Vec<Observation>> {
        let sql = "SELECT seq FROM entry WHERE event = 'observed' AND detector = ?1 AND at_ms >= ?2 ORDER BY seq";
        let seqs: Vec<u64> = self.all(sql, params![feed, since_ms], |row| row.get(0))?;
        let mut recent = Vec::new();
        for seq in seqs {
            match self.input(seq) {
                Ok(Some(Stamped { event: Event::Observed { observation }, .. })) => recent.push(observation),
                // It is older than what is to be recent.
                Ok(_) | Err(JournalError::Thinned { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        if recent.is_empty() {
            recent.extend(self.last_observation(feed)?);
        }
        Ok(recent)
    }

    /// Returns the chains of which some block is known to be settled, each with its newest safe and its newest final
    /// height.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn all_settled(&self) -> Result<Vec<(ChainId, u64, u64)>> {
        self.all("SELECT chain, safe, finalized FROM settled ORDER BY chain", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
    }

    /// Returns the detectors that the journal ends with, in order of id, with the digest of each.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn live_detectors(&self) -> Result<Vec<(String, B256)>> {
        let sql = "SELECT max(seq) FROM entry WHERE event = 'detector' GROUP BY detector ORDER BY detector";
        let seqs: Vec<u64> = self.all(sql, [], |row| row.get(0))?;
        let mut live = Vec::new();
        for seq in seqs {
            if let Some(Stamped { event: Event::Detector { detector, digest: Some(digest), .. }, .. }) =
                self.input(seq)?
            {
                live.push((detector, digest));
            }
        }
        Ok(live)
    }

    /// Returns the versions of a detector, oldest first: when each was taken up, milliseconds since the Unix epoch, and
    /// its digest.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn versions(&self, detector: &str) -> Result<Vec<(u64, B256)>> {
        let sql = "SELECT seq FROM entry WHERE event = 'detector' AND detector = ?1 ORDER BY seq";
        let seqs: Vec<u64> = self.all(sql, [detector], |row| row.get(0))?;
        let mut versions: Vec<(u64, B256)> = Vec::new();
        for seq in seqs {
            if let Some(Stamped { at_ms, event: Event::Detector { digest: Some(digest), .. } }) = self.input(seq)?
                && versions.last().is_none_or(|(_, last)| *last != digest)
            {
                versions.push((at_ms, digest));
            }
        }
        Ok(versions)
    }

    /// Keeps a component, so that the journal can be replayed wherever it is taken.
    ///
    /// # Errors
    ///
    /// If the journal can't be written; everything since the last commit is then undone.
    pub fn keep_component(&mut self, digest: B256, bytes: &[u8]) -> Result<()> {
        self.run("INSERT OR IGNORE INTO component (digest, bytes) VALUES (?1, ?2)", params![digest.0, bytes])?;
        Ok(())
    }

    /// Returns a component that was kept.
    ///
    /// # Errors
    ///
    /// If the journal can't be read, or if other bytes stand under this digest.
    pub fn component(&self, digest: B256) -> Result<Option<Vec<u8>>> {
        let bytes: Option<Vec<u8>> =
            self.one("SELECT bytes FROM component WHERE digest = ?1", [digest.0], |row| row.get(0))?;
        match bytes.as_deref().map(sha256) {
            Some(found) if found != digest => Err(JournalError::OtherComponent { digest, found }),
            _ => Ok(bytes),
        }
    }
}

fn block_ref(row: &Row<'_>) -> rusqlite::Result<BlockRef> {
    Ok(BlockRef { chain: row.get(0)?, number: row.get(1)?, hash: row.get::<_, [u8; 32]>(2)?.into() })
}
