//! What the host looks up: canonical blocks, live findings, components, where feeds stand.

use alloy::primitives::B256;
use rusqlite::{Row, params};

use super::{Journal, Result};
use crate::block::{BlockRef, ChainId};
use crate::entry::Entry;
use crate::event::{Event, Observation, Stamped};
use crate::finding::Finding;

/// From each chain to the next by the primary key: grouping would read every block that there ever was.
pub(super) const HEADS: &str = "\
    WITH RECURSIVE known (id) AS (SELECT min(chain) FROM canonical_block UNION ALL \
    SELECT (SELECT min(chain) FROM canonical_block WHERE chain > id) FROM known WHERE id IS NOT NULL) \
    SELECT chain, number, hash FROM known JOIN canonical_block ON chain = id \
    AND number = (SELECT max(number) FROM canonical_block WHERE chain = id) ORDER BY chain";

impl Journal {
    /// Keeps the tables of look-ups in step with an entry that was just appended.
    pub(super) fn look_up_later(&mut self, seq: u64, entry: &Entry) -> Result<()> {
        match entry {
            Entry::Input(Stamped { event: Event::Committed { block }, .. }) => {
                let sql = "INSERT OR REPLACE INTO canonical_block (chain, number, hash, seq) VALUES (?1, ?2, ?3, ?4)";
                self.run(sql, params![block.chain, block.number, block.hash.0, seq])?;
            }
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
            Entry::Effect(ordered) => self.queue(seq, ordered.key)?,
            _ => {}
        }
        Ok(())
    }

    /// Counts a finding, appended as entry `seq`, as live and as made of an input.
    pub fn finding_lives(&mut self, finding: B256, seq: u64, input: u64) -> Result<()> {
        self.run("INSERT INTO live_finding (id, input, seq) VALUES (?1, ?2, ?3)", params![finding.0, input, seq])?;
        Ok(())
    }

    /// Findings of an input that were not retracted, in order.
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

    /// The newest canonical blocks of a chain that follow each other without a gap, oldest first.
    pub fn tail(&self, chain: ChainId, at_most: usize) -> Result<Vec<BlockRef>> {
        let sql = "SELECT chain, number, hash FROM canonical_block WHERE chain = ?1 ORDER BY number DESC LIMIT ?2";
        let mut tail: Vec<BlockRef> = self.all(sql, params![chain, at_most as u64], block_ref)?;
        // Only what hangs together: a replayed recording may have holes.
        let unbroken = tail.windows(2).take_while(|pair| pair[0].number == pair[1].number + 1).count() + 1;
        tail.truncate(unbroken);
        tail.reverse();
        Ok(tail)
    }

    /// The newest block of every chain.
    pub fn heads(&self) -> Result<Vec<BlockRef>> {
        self.all(HEADS, [], block_ref)
    }

    /// The canonical block of a height, and the input that it came by.
    pub fn canonical(&self, chain: ChainId, number: u64) -> Result<Option<(BlockRef, u64)>> {
        let sql = "SELECT chain, number, hash, seq FROM canonical_block WHERE chain = ?1 AND number <= ?2 \
                   ORDER BY number DESC LIMIT 1";
        self.one(sql, params![chain, number], |row| Ok((block_ref(row)?, row.get(3)?)))
    }

    /// The input by which a block of the canonical chain came.
    pub fn seq_of_block(&self, hash: B256) -> Result<Option<u64>> {
        self.one("SELECT seq FROM canonical_block WHERE hash = ?1", [hash.0], |row| row.get(0))
    }

    /// The first input by which a block came, canonical or not.
    pub fn seq_of_first_commit(&self, hash: B256) -> Result<Option<u64>> {
        let sql = "SELECT seq FROM entry WHERE event = 'committed' AND block_hash = ?1 ORDER BY seq LIMIT 1";
        self.one(sql, [hash.0], |row| row.get(0))
    }

    /// The last input before `before` by which a block came.
    pub fn seq_of_reverted(&self, hash: B256, before: u64) -> Result<Option<u64>> {
        let sql = "SELECT seq FROM entry WHERE event = 'committed' AND block_hash = ?1 AND seq < ?2 \
                   ORDER BY seq DESC LIMIT 1";
        self.one(sql, params![hash.0, before], |row| row.get(0))
    }

    /// Inputs between two others, exclusive, that detectors saw and that still stand, in order: observations, and
    /// blocks of the canonical chains.
    pub fn surviving_inputs(&self, after: u64, before: u64) -> Result<Vec<u64>> {
        let sql = "SELECT seq FROM entry WHERE event = 'observed' AND seq > ?1 AND seq < ?2 \
                   UNION SELECT seq FROM canonical_block WHERE seq > ?1 AND seq < ?2 ORDER BY 1";
        self.all(sql, params![after, before], |row| row.get(0))
    }

    /// An input.
    pub fn input(&self, seq: u64) -> Result<Option<Stamped>> {
        Ok(match self.entry(seq)? {
            Some(Entry::Input(stamped)) => Some(stamped),
            _ => None,
        })
    }

    /// The newest observation of a feed.
    pub fn last_observation(&self, feed: &str) -> Result<Option<Observation>> {
        let seq = self.one("SELECT seq FROM feed_position WHERE feed = ?1", [feed], |row| row.get(0))?;
        let input = seq.map(|seq| self.input(seq)).transpose()?.flatten();
        Ok(input.and_then(|stamped| match stamped.event {
            Event::Observed { observation } => Some(observation),
            _ => None,
        }))
    }

    /// Observations of a feed that came in since a time, milliseconds since the Unix epoch, and at least the newest.
    pub fn recent_observations(&self, feed: &str, since_ms: u64) -> Result<Vec<Observation>> {
        let sql = "SELECT seq FROM entry WHERE event = 'observed' AND detector = ?1 AND at_ms >= ?2 ORDER BY seq";
        let seqs: Vec<u64> = self.all(sql, params![feed, since_ms], |row| row.get(0))?;
        let mut recent = Vec::new();
        for seq in seqs {
            if let Some(Stamped { event: Event::Observed { observation }, .. }) = self.input(seq)? {
                recent.push(observation);
            }
        }
        if recent.is_empty() {
            recent.extend(self.last_observation(feed)?);
        }
        Ok(recent)
    }

    /// What each chain last said is settled: the newest safe and the newest finalized block.
    pub fn settled(&self) -> Result<Vec<(ChainId, u64, u64)>> {
        let sql = "SELECT max(seq) FROM entry WHERE event = 'finality' GROUP BY chain ORDER BY chain";
        let seqs: Vec<u64> = self.all(sql, [], |row| row.get(0))?;
        let mut settled = Vec::new();
        for seq in seqs {
            if let Some(Stamped { event: Event::Finality { chain, safe, finalized }, .. }) = self.input(seq)? {
                settled.push((chain, safe, finalized));
            }
        }
        Ok(settled)
    }

    /// Detectors that the journal ends with, by id, with the digest of each.
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

    /// Versions of a detector, oldest first: when each was taken up, milliseconds since the Unix epoch, and its digest.
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

    /// Versions that failed soon after they were swapped in, with how each did.
    pub fn rejected(&self) -> Result<Vec<(String, B256, String)>> {
        let seqs: Vec<u64> =
            self.all("SELECT seq FROM entry WHERE event = 'rejected' ORDER BY seq", [], |row| row.get(0))?;
        let mut rejected = Vec::new();
        for seq in seqs {
            if let Some(Stamped { event: Event::Rejected { detector, digest, reason }, .. }) = self.input(seq)? {
                rejected.push((detector, digest, reason));
            }
        }
        Ok(rejected)
    }

    /// Keeps a component, so that the journal can be replayed wherever it is taken.
    pub fn keep_component(&mut self, digest: B256, bytes: &[u8]) -> Result<()> {
        self.run("INSERT OR IGNORE INTO component (digest, bytes) VALUES (?1, ?2)", params![digest.0, bytes])?;
        Ok(())
    }

    /// A component that was kept.
    pub fn component(&self, digest: B256) -> Result<Option<Vec<u8>>> {
        self.one("SELECT bytes FROM component WHERE digest = ?1", [digest.0], |row| row.get(0))
    }
}

fn block_ref(row: &Row<'_>) -> rusqlite::Result<BlockRef> {
    Ok(BlockRef { chain: row.get(0)?, number: row.get(1)?, hash: row.get::<_, [u8; 32]>(2)?.into() })
}
