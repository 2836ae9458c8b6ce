//! Versions of detectors that took the place of others not long ago: what a host that starts again goes on to watch.

use alloy::primitives::B256;
use rusqlite::params;

use super::{Journal, Result};
use crate::entry::Entry;
use crate::event::{Event, Stamped};
use crate::failure_kind::FailureKind;

/// A version that took the place of another and has not been there for long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newcomer {
    /// The detector's id in the config.
    pub detector: String,
    /// SHA-256 of the component.
    pub digest: B256,
    /// Blocks that were committed since it took its place.
    pub blocks: u32,
    /// How it failed since, if it did.
    pub failed: Option<String>,
}

/// A version that failed soon after it took the place of another, and is not taken up again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// The detector's id in the config.
    pub detector: String,
    /// SHA-256 of the component.
    pub digest: B256,
    /// When it was rejected, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// How it failed.
    pub reason: String,
}

impl Journal {
    /// Returns the versions that run and took the place of others fewer than so many blocks ago, in order of id.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn newcomers(&self, blocks: u32) -> Result<Vec<Newcomer>> {
        let mut newcomers = Vec::new();
        for (detector, digest) in self.live_detectors()? {
            let Some(since) = self.taken_up(&detector, digest)? else { continue };
            let sql = "SELECT seq FROM entry WHERE event = 'committed' AND seq > ?1 ORDER BY seq LIMIT ?2";
            let seen: Vec<u64> = self.all(sql, params![since, blocks], |row| row.get(0))?;
            let seen = u32::try_from(seen.len()).unwrap_or(u32::MAX);
            if seen < blocks {
                let failed = self.first_failure(&detector, digest, since)?;
                newcomers.push(Newcomer { detector, digest, blocks: seen, failed });
            }
        }
        Ok(newcomers)
    }

    /// Returns the versions that failed soon after they were swapped in, without those that were taken up again since, by
    /// somebody's order.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn rejected(&self) -> Result<Vec<Rejected>> {
        let seqs: Vec<u64> =
            self.all("SELECT seq FROM entry WHERE event = 'rejected' ORDER BY seq", [], |row| row.get(0))?;
        let mut rejected = Vec::new();
        for seq in seqs {
            let Some(Stamped { at_ms, event: Event::Rejected { detector, digest, reason } }) = self.input(seq)? else {
                continue;
            };
            if self.taken_up(&detector, digest)?.is_none_or(|taken_up| taken_up < seq) {
                rejected.push(Rejected { detector, digest, at_ms, reason });
            }
        }
        Ok(rejected)
    }

    /// Returns the input by which a version last took the place of another. `None` if it never did.
    fn taken_up(&self, detector: &str, digest: B256) -> Result<Option<u64>> {
        let sql = "SELECT seq FROM entry WHERE event = 'detector' AND detector = ?1 ORDER BY seq";
        let seqs: Vec<u64> = self.all(sql, [detector], |row| row.get(0))?;
        let (mut before, mut taken_up) = (None, None);
        for seq in seqs {
            if let Some(Stamped { event: Event::Detector { digest: is, .. }, .. }) = self.input(seq)? {
                if is == Some(digest) && before.is_some_and(|before| before != digest) {
                    taken_up = Some(seq);
                }
                // What was taken out in between is nobody's predecessor.
                before = is;
            }
        }
        Ok(taken_up)
    }

    /// Returns how a version failed first after an input. That it rests is no failure of its own.
    fn first_failure(&self, of: &str, version: B256, since: u64) -> Result<Option<String>> {
        let sql = "SELECT seq FROM entry WHERE kind = 'failed' AND detector = ?1 AND seq > ?2 ORDER BY seq";
        let seqs: Vec<u64> = self.all(sql, params![of, since], |row| row.get(0))?;
        for seq in seqs {
            if let Some(Entry::Failed { digest, kind, message, .. }) = self.entry(seq)?
                && digest == version
                && kind != FailureKind::Quarantined
            {
                return Ok(Some(format!("{kind}: {message}")));
            }
        }
        Ok(None)
    }
}
