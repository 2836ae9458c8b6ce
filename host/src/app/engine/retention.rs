//! What keeps the journal small: snapshots of state now and then, and bodies of old blocks dropped, in steps that take
//! milliseconds.
//!
//! Nothing that a restart or a reorg may still need goes: the horizon stays below what is final on every followed chain,
//! below what open incidents stand on, and at a moment at which every detector worked.

use std::collections::BTreeSet;

use crate::app::engine::{Engine, Given};
use crate::block::ChainId;
use crate::event::{Event, Stamped};

/// How long bodies are kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Retention {
    /// For how long bodies are kept, milliseconds; `None`: for ever.
    pub keep_ms: Option<u64>,
    /// Chains that are followed: the horizon stays below what is final on each of them.
    pub chains: BTreeSet<ChainId>,
}

/// The input up to which bodies may be dropped, and why no further.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Limit {
    /// The input before which they may.
    pub before: u64,
    /// What stands there, in words.
    pub why: String,
}

/// Entries that one step looks at.
const ENTRIES_AT_ONCE: u64 = 64;
/// Snapshots are taken so many times within the span that is kept.
const SNAPSHOTS_WITHIN: u64 = 4;

impl Engine {
    /// Returns up to where bodies may be dropped at most, whatever their age.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn thinning_limit(&self, chains: &BTreeSet<ChainId>) -> anyhow::Result<Limit> {
        let (head, _) = self.journal.head();
        let mut limit = Limit { before: head + 1, why: "the end of the journal".to_owned() };
        let mut lower = |before: u64, why: String| {
            if before < limit.before {
                limit = Limit { before, why };
            }
        };
        for chain in chains {
            match self.journal.final_input(*chain)? {
                Some(seq) => lower(seq, format!("the newest final block of chain {chain}")),
                None => lower(0, format!("no block of chain {chain} is known to be final")),
            }
        }
        for incident in self.desks.incidents() {
            if let Some(seq) = self.journal.oldest_input_of(incident)? {
                lower(seq, format!("incident {}, which is open", incident.id));
            }
        }
        for (detector, input) in self.owed.oldest() {
            lower(input, format!("input {input}, which detector {detector} has yet to see"));
        }
        Ok(limit)
    }

    /// Prepares for another retention: if nothing is to be dropped, no snapshot is wanted.
    ///
    /// # Errors
    ///
    /// If the journal can't be written.
    pub fn retain(&mut self, retention: &Retention) -> anyhow::Result<()> {
        if retention.keep_ms.is_none() {
            self.journal.forget_unfinished_snapshots()?;
        }
        Ok(())
    }

    /// Does what the journal puts off until nobody waits for it. Called between two commits.
    ///
    /// # Errors
    ///
    /// If the journal can't be written.
    pub fn tidy(&mut self) -> anyhow::Result<()> {
        Ok(self.journal.tidy()?)
    }

    /// Does one small step of what is due, in a transaction of its own, between two commits. Returns whether there is more to
    /// do now.
    ///
    /// # Errors
    ///
    /// If the journal can't be read or written.
    pub fn upkeep(&mut self, retention: &Retention, now_ms: u64) -> anyhow::Result<bool> {
        let Some(keep_ms) = retention.keep_ms else { return Ok(false) };
        let more = self.journal.snapshot_step()? || self.journal.drop_bodies(ENTRIES_AT_ONCE)?;
        self.journal.commit()?;
        if more {
            return Ok(true);
        }
        Ok(self.thin(retention, now_ms.saturating_sub(keep_ms))? || self.begin_snapshot(retention, keep_ms)?)
    }

    /// Begins to drop what is older than a time, if there is a snapshot to begin a replay with.
    fn thin(&mut self, retention: &Retention, since_ms: u64) -> anyhow::Result<bool> {
        let done = self.journal.thinned_before()?.unwrap_or(0);
        let old = |snapshot: &crate::journal::Snapshot| snapshot.complete && snapshot.at_ms < since_ms;
        let snapshots: Vec<_> = self.journal.snapshots()?.into_iter().filter(old).collect();
        if snapshots.iter().all(|snapshot| snapshot.seq <= done) {
            return Ok(false);
        }
        let limit = self.thinning_limit(&retention.chains)?;
        let fits = |snapshot: &&crate::journal::Snapshot| snapshot.seq <= limit.before && snapshot.seq > done;
        for snapshot in snapshots.iter().filter(fits).rev() {
            // A replay that starts there shows late what came after it only.
            if self.journal.shown_across(snapshot.seq)?.is_none() {
                self.thin_before(snapshot.seq, self.journal.newest_ms())?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes in that bodies before an input are dropped from here on.
    ///
    /// # Errors
    ///
    /// As [`Engine::take`].
    pub fn thin_before(&mut self, before: u64, at_ms: u64) -> anyhow::Result<()> {
        self.take(Stamped { at_ms, event: Event::Thinned { before } }, &Given::default())
    }

    /// Drops all that only a replay would need, or a reorg that reaches back before an input: for a run that nobody resumes.
    /// Called between two commits.
    ///
    /// # Errors
    ///
    /// If the journal can't be read or written.
    pub fn let_go(&mut self, before: u64, at_ms: u64) -> anyhow::Result<()> {
        self.journal.prune_undo(None, before)?;
        self.thin_before(before, at_ms)?;
        while self.journal.drop_bodies(u64::MAX / 2)? {}
        self.commit().map(drop)
    }

    /// Begins a snapshot at the newest moment that no reorg reaches any more, if the last one is old.
    fn begin_snapshot(&mut self, retention: &Retention, keep_ms: u64) -> anyhow::Result<bool> {
        let mut seqs = Vec::new();
        for chain in &retention.chains {
            let Some(seq) = self.journal.final_input(*chain)? else { return Ok(false) };
            seqs.push(seq);
        }
        let Some(seq) = seqs.into_iter().min() else { return Ok(false) };
        let Some(at_ms) = self.journal.time_of(seq)? else { return Ok(false) };
        let newest = self.journal.snapshots()?.last().copied();
        let due = newest.is_none_or(|newest| at_ms >= newest.at_ms + keep_ms / SNAPSHOTS_WITHIN && seq > newest.seq);
        // Nobody was late or failing then, so that the state of all is that of a moment.
        let is_quiet = || {
            anyhow::Ok(
                self.journal.failing_before(seq)?.is_none()
                    && self.journal.before_reorgs(seq)? == seq
                    && self.owed.oldest().iter().all(|(_, input)| *input >= seq)
                    && self.journal.shown_across(seq)?.is_none(),
            )
        };
        if !due || !is_quiet()? {
            return Ok(false);
        }
        self.journal.begin_snapshot(seq)?;
        self.journal.commit()?;
        Ok(true)
    }
}
