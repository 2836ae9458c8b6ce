//! What the engine knows of the chains: their newest blocks, and when changes of state can no longer be undone.

use std::collections::BTreeMap;

use crate::app::engine::Engine;
use crate::app::engine::provenance::{Scene, input_of_block};
use crate::block::{Block, ChainId};
use crate::journal::Journal;
use crate::plugin::Head;

impl Engine {
    /// Returns the provenance of what is found in a block that came by input `seq`.
    pub(super) fn block_scene(&self, seq: u64, at_ms: u64, block: &Block) -> anyhow::Result<Scene> {
        let input = input_of_block(&self.journal, seq, block.hash)?;
        Ok(Scene {
            input,
            seed: input,
            seq,
            root: seq,
            applied: seq,
            block: Some(block.reference()),
            time_ms: block.timestamp_s.saturating_mul(1_000),
            at_ms,
            assurance: Some(block.assurance.clone()),
            rouse: false,
        })
    }

    /// Returns the newest canonical block of a chain before an input.
    pub(super) fn head(&self, chain: ChainId, before: u64) -> anyhow::Result<Option<Head>> {
        head(&self.journal, chain, before)
    }

    /// Returns the chains' newest blocks when an input came, by what stands now.
    pub(super) fn heads(&self, before: u64) -> anyhow::Result<BTreeMap<ChainId, Head>> {
        heads(&self.journal, before)
    }

    /// Deletes undo records that no reorg and no owed block can need: for each detector, those before the oldest of the newest final
    /// blocks of the chains that it watches, or that detectors watch with which it would have to see inputs again.
    pub(super) fn prune(&mut self) -> anyhow::Result<()> {
        let mut by_chain = BTreeMap::new();
        for chain in self.journal.heads()?.into_iter().map(|head| head.chain) {
            by_chain.insert(chain, self.journal.final_input(chain)?.unwrap_or(0));
        }
        // Who is owed a block goes back to before it once it is complete.
        let owed = self.owed.oldest_awaited().unwrap_or(u64::MAX);
        by_chain.values_mut().for_each(|seq| *seq = owed.min(*seq));
        let of_all = by_chain.values().copied().min().unwrap_or(0);
        self.journal.prune_undo(None, of_all)?;
        if by_chain.values().all(|seq| *seq == of_all) {
            return Ok(());
        }
        for id in self.fleet.ids() {
            let together = self.fleet.heard_together(std::slice::from_ref(&id));
            let watched = |chain: &ChainId| {
                together.iter().filter_map(|id| self.fleet.get(id)).any(|detector| detector.watches(*chain))
            };
            let own = by_chain.iter().filter(|(chain, _)| watched(chain)).map(|(_, seq)| *seq).min();
            if let Some(own) = own.filter(|own| *own > of_all) {
                self.journal.prune_undo(Some(&id), own)?;
            }
        }
        Ok(())
    }
}

fn head(journal: &Journal, chain: ChainId, before: u64) -> anyhow::Result<Option<Head>> {
    let header = journal.header(chain, u64::MAX, before)?;
    Ok(header.map(|header| Head {
        block: header.block,
        parent_hash: header.parent_hash,
        timestamp_s: header.timestamp_s,
    }))
}

/// Returns the chains' newest blocks when an input came, by what stands now.
pub(in crate::app) fn heads(journal: &Journal, before: u64) -> anyhow::Result<BTreeMap<ChainId, Head>> {
    let mut heads = BTreeMap::new();
    for newest in journal.heads()? {
        heads.extend(head(journal, newest.chain, before)?.map(|head| (newest.chain, head)));
    }
    Ok(heads)
}
