//! Where sources go on after a restart, by what the journal has of them.

use alloy::primitives::B256;

use crate::app::engine::{Engine, Given};
use crate::block::{BlockRef, ChainId, Parts};
use crate::event::{Coverage, Event, Observation, Stamped};
use crate::finding::Severity;

/// Most blocks of a chain's end that its source gets: as deep as a reorg is followed.
const TAIL: usize = 1_000_000;
/// How many final blocks are among them: with them a source can say how deep a fork is that it must not follow.
const FINAL_TAIL: u64 = 4_096;

/// What the journal has of a chain, for its source to go on from.
#[derive(Clone, Debug, Default)]
pub struct ChainResume {
    /// Its newest blocks down to a little below the newest final one, oldest first.
    pub tail: Vec<BlockRef>,
    /// The newest height that is safe.
    pub safe: u64,
    /// The newest height that is final.
    pub finalized: u64,
    /// Kinds of its faults that are open.
    pub faults: Vec<String>,
    /// Blocks whose parts detectors wait for, oldest first.
    pub awaited: Vec<(BlockRef, Parts)>,
}

impl Engine {
    /// Returns what the journal has of a chain.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn chain_resume(&self, chain: ChainId) -> anyhow::Result<ChainResume> {
        let (safe, finalized) = self.journal.settled(chain)?.unwrap_or_default();
        let tail = self.journal.tail_down_to(chain, finalized.saturating_sub(FINAL_TAIL), TAIL)?;
        let faults = self.gaps.kinds_of(&format!("chain/{chain}"));
        Ok(ChainResume { tail, safe, finalized, faults, awaited: self.awaited_blocks(chain)? })
    }

    /// Returns the latest observations of a feed, oldest first.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn recent_observations(&self, feed: &str, since_ms: u64) -> anyhow::Result<Vec<Observation>> {
        Ok(self.journal.recent_observations(feed, since_ms)?)
    }

    /// Returns the input by which a canonical block came.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn seq_of_block(&self, hash: B256) -> anyhow::Result<Option<u64>> {
        Ok(self.journal.seq_of_block(hash)?)
    }

    /// Ends the faults of sources that an earlier run left open: a source that starts anew reports them again if they are
    /// still there.
    ///
    /// # Errors
    ///
    /// As [`Engine::take`].
    pub fn start_sources_afresh(&mut self, at_ms: u64) -> anyhow::Result<()> {
        for (kind, subject) in self.gaps.of_sources() {
            let message = "the host was started again; it is reported again if it is still so".to_owned();
            let coverage = Coverage { chain: None, kind, subject, severity: Severity::Info, message, over: true };
            self.take(Stamped { at_ms, event: Event::Coverage { coverage } }, &Given::default())?;
        }
        Ok(())
    }
}
