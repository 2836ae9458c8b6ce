//! Blocks that came without call frames or storage changes which may still come: detectors that want these are owed the
//! block, and the others go on.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::app::engine::Engine;
use crate::app::engine::coverage_gaps::Gap;
use crate::app::engine::provenance::Scene;
use crate::block::{Block, BlockRef, ChainId, Parts};
use crate::event::{Event, Why};
use crate::finding::Severity;
use crate::journal::Debt;

/// A detector is owed blocks whose parts have not come.
pub(super) const OWED: &str = "detector-owed";

impl Engine {
    /// Returns the detectors that want a part of a block which is still to come.
    pub(super) fn waiting_for(&self, block: &Block) -> BTreeSet<String> {
        if block.awaited.is_empty() {
            return BTreeSet::new();
        }
        self.fleet.ids().into_iter().filter(|id| self.wants(id, block)).collect()
    }

    fn wants(&self, detector: &str, block: &Block) -> bool {
        let wanted = self.fleet.get(detector).filter(|profile| profile.watches(block.chain));
        wanted.is_some_and(|profile| !profile.needs().parts().both(block.awaited).is_empty())
    }

    /// Notes that these detectors are owed a block whose parts are still to come.
    pub(super) fn owe_block(&mut self, scene: &Scene, waiting: BTreeSet<String>) -> anyhow::Result<()> {
        for detector in waiting {
            let why = Some(Why::Awaited);
            let debt = Debt { detector: detector.clone(), input: scene.seq, root: scene.root, why };
            self.owed.add(&mut self.journal, debt)?;
            // What a shadow does not see is no gap in the watch.
            if self.is_shadow(&detector) {
                continue;
            }
            let message = format!(
                "{detector} has not seen {} yet, and maybe others: call frames or storage changes that it wants could not \
                 be had. They are asked for again, and it is shown each block once they come; at the latest after \
                 `traces_within_s`, then without them",
                scene.place_in_words()
            );
            self.open_gap(scene.seq, 0, scene.at_ms, Gap::of_detector(OWED, &detector, ""), Severity::High, &message)?;
        }
        Ok(())
    }

    /// Takes the state of the detectors that have all that they want of a block now, by the input `seq`, back to before that
    /// block: they see it, and again what came since, so that their state and findings are those of a block that came whole.
    pub(super) fn completed(&mut self, seq: u64, block: BlockRef, came: Parts) -> anyhow::Result<()> {
        // It may have left the chain meanwhile.
        let Some(root) = self.journal.seq_of_block(block.hash)? else { return Ok(()) };
        let awaited = match self.decoded.input(&self.journal, root)?.map(|stamped| stamped.event) {
            Some(Event::Committed { block }) => block.awaited,
            _ => Parts::default(),
        };
        let has_all = |detector: &String| {
            let wanted = self.fleet.get(detector).map(|profile| profile.needs().parts()).unwrap_or_default();
            wanted.both(awaited).without(came).is_empty()
        };
        let ready: Vec<String> = self.owed.waiting_for(root).into_iter().filter(has_all).collect();
        if ready.is_empty() {
            return Ok(());
        }
        let touched = self.undo_of(&ready, root)?;
        for detector in ready {
            self.owed.remove(&mut self.journal, &detector, root)?;
            let why = Some(Why::Completed);
            self.owed.add(&mut self.journal, Debt { detector, input: root, root, why })?;
        }
        self.owe_again(seq, root.saturating_sub(1), &touched)
    }

    /// Returns a block with what came later, up to an input.
    pub(super) fn whole(&self, block: Arc<Block>, completed: Option<u64>) -> anyhow::Result<Arc<Block>> {
        let Some(completed) = completed.filter(|_| !block.awaited.is_empty()) else { return Ok(block) };
        let mut whole = Block::clone(&block);
        let mut open = block.awaited;
        for seq in self.journal.completions(block.reference(), completed.saturating_add(1))? {
            let Some(Event::Completed { frames, storage, given_up, .. }) =
                self.decoded.input(&self.journal, seq)?.map(|stamped| stamped.event)
            else {
                continue;
            };
            if let Some(frames) = frames.filter(|_| open.traces) {
                (whole.frames, open.traces) = (Some(Arc::unwrap_or_clone(frames)), false);
            }
            if let Some(storage) = storage.filter(|_| open.storage) {
                (whole.storage, open.storage) = (Some(Arc::unwrap_or_clone(storage)), false);
            }
            // Who has seen it without is not shown what comes after all.
            open = open.without(given_up);
        }
        Ok(Arc::new(whole))
    }

    /// Returns the newest input so far that completed the block which an input is.
    pub(super) fn completion_of(&self, input: u64) -> anyhow::Result<Option<u64>> {
        match self.decoded.input(&self.journal, input)?.map(|stamped| stamped.event) {
            Some(Event::Committed { block }) if !block.awaited.is_empty() => {
                Ok(self.journal.completions(block.reference(), u64::MAX)?.last().copied())
            }
            _ => Ok(None),
        }
    }

    /// Returns the blocks of a chain whose parts detectors still wait for, oldest first.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn awaited_blocks(&self, chain: ChainId) -> anyhow::Result<Vec<(BlockRef, Parts)>> {
        let mut all = Vec::new();
        for root in self.owed.awaited_inputs() {
            if let Some(Event::Committed { block }) =
                self.decoded.input(&self.journal, root)?.map(|stamped| stamped.event)
                && block.chain == chain
            {
                all.push((block.reference(), block.awaited));
            }
        }
        Ok(all)
    }
}
