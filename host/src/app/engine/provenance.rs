//! Provenance shared by all findings of one input: block, times, assurance, seed.

use alloy::primitives::B256;

use crate::app::engine::finality::Settled;
use crate::block::{Assurance, BlockRef};
use crate::digest::Hasher;
use crate::finding::{Claim, Finding, Origin};
use crate::journal::Journal;

#[derive(Clone, Debug)]
pub(super) struct Scene {
    /// Tells this input from every other.
    pub(super) input: B256,
    /// What a detector's randomness comes from: the same whenever it is shown this input, and in a replay.
    pub(super) seed: B256,
    /// The input that detectors look at.
    pub(super) seq: u64,
    /// The block or observation that it comes down to: its revert takes the findings back.
    pub(super) root: u64,
    /// The input whose revert, or that of an earlier one, undoes what detectors change in their state.
    pub(super) applied: u64,
    pub(super) block: Option<BlockRef>,
    pub(super) time_ms: u64,
    pub(super) at_ms: u64,
    pub(super) assurance: Option<Assurance>,
    /// Whether detectors that rest after too many failures are shown it, too.
    pub(super) rouse: bool,
}

impl Scene {
    pub(super) fn off_chain(seq: u64, time_ms: u64, at_ms: u64) -> Self {
        let input = input_hash(seq);
        Self {
            input,
            seed: input,
            seq,
            root: seq,
            applied: seq,
            block: None,
            time_ms,
            at_ms,
            assurance: None,
            rouse: false,
        }
    }

    /// The scene to those who hear of what somebody found in it late, by the input `seq`: what they find then is not what they
    /// found when it came.
    pub(super) fn heard_late(&self, seq: u64) -> Self {
        let input = Hasher::new("heard late").bytes(self.seed.as_slice()).number(seq).finish();
        Self { input, seq, applied: seq, rouse: false, ..self.clone() }
    }

    pub(super) fn place(
        &self,
        detector: &str,
        digest: B256,
        position: usize,
        claim: Claim,
        settled: &Settled,
    ) -> Finding {
        let origin = Origin {
            detector,
            digest,
            input: self.input,
            block: self.block,
            time_ms: self.time_ms,
            at_ms: self.at_ms,
            assurance: self.assurance.clone(),
            finality: self.block.map(|block| settled.of(block)),
        };
        Finding::place(&origin, position, claim)
    }

    /// Returns where it is, in words.
    pub(super) fn place_in_words(&self) -> String {
        match self.block {
            Some(block) => format!("block {} of chain {}", block.number, block.chain),
            None => format!("input {}, no block", self.root),
        }
    }
}

/// Returns the hash that tells an input without a block from every other.
pub(in crate::app) fn input_hash(seq: u64) -> B256 {
    Hasher::new("input").number(seq).finish()
}

/// Returns the hash that tells a block that came by input `seq` from every other input.
pub(in crate::app) fn input_of_block(journal: &Journal, seq: u64, block: B256) -> anyhow::Result<B256> {
    // A block that came back after a reorg is another input than when it came first.
    let again = journal.seq_of_first_commit(block)?.is_some_and(|first| first != seq);
    Ok(if again { input_hash(seq) } else { block })
}
