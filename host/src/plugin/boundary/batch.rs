//! A batch: what one detector sees of an input, before anything of it is copied.

use std::sync::Arc;

use alloy::primitives::{Address, B256};

use crate::block::{Block, BlockRef, ChainId, Frames, Logs, StorageChanges, Transactions};
use crate::event::Observation;
use crate::finding::Claim;
use crate::narrow::{Rows, Selection};

/// What brought a batch about, shared by all detectors that see it.
pub(in crate::plugin) struct Scene {
    /// `block`, `feed` or `pending`.
    pub(in crate::plugin) trigger: &'static str,
    pub(in crate::plugin) chain: ChainId,
    /// The block under inspection, or the chain's newest one.
    pub(in crate::plugin) head: Option<Head>,
    pub(in crate::plugin) block: Option<Arc<Block>>,
    pub(in crate::plugin) pending: Option<Arc<Transactions>>,
    pub(in crate::plugin) observation: Option<Observation>,
}

/// The newest block of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Which block.
    pub block: BlockRef,
    /// Hash of the block before it.
    pub parent_hash: B256,
    /// Chain time, seconds since the Unix epoch.
    pub timestamp_s: u64,
}

impl Head {
    /// The block before it; `None` of the first block, or where its hash is not known.
    pub(in crate::plugin) fn parent(&self) -> Option<BlockRef> {
        let number = self.block.number.checked_sub(1)?;
        (!self.parent_hash.is_zero()).then_some(BlockRef { chain: self.block.chain, number, hash: self.parent_hash })
    }

    /// Makes the head of a chain whose newest block this is.
    pub(in crate::plugin) fn of(block: &Block) -> Self {
        Self { block: block.reference(), parent_hash: block.parent_hash, timestamp_s: block.timestamp_s }
    }
}

/// A finding that other detectors may listen to.
#[derive(Clone, Debug)]
pub struct Heard {
    /// The detector that found it.
    pub detector: String,
    /// The finding's id.
    pub id: B256,
    /// What it claims.
    pub claim: Claim,
}

/// One detector's view of a scene; the type behind the guest's handle.
#[derive(Clone)]
pub struct Batch {
    pub(in crate::plugin) scene: Arc<Scene>,
    pub(in crate::plugin) selection: Selection,
    pub(in crate::plugin) findings: Arc<Vec<Heard>>,
}

impl Batch {
    fn block(&self) -> Option<&Block> {
        self.scene.block.as_deref()
    }

    /// Who was paid for the block; zero where no block brought the batch about.
    pub(in crate::plugin) fn beneficiary(&self) -> Address {
        self.block().map_or(Address::ZERO, |block| block.beneficiary)
    }

    pub(in crate::plugin) fn logs(&self) -> Option<(&Logs, &Rows)> {
        self.block().map(|block| (&block.logs, &self.selection.logs))
    }

    pub(in crate::plugin) fn transactions(&self) -> Option<(&Transactions, &Rows)> {
        let all = self.scene.pending.as_deref().or(self.block().map(|block| &block.transactions));
        all.map(|all| (all, &self.selection.transactions))
    }

    pub(in crate::plugin) fn frames(&self) -> Option<(&Frames, &Rows)> {
        self.block()?.frames.as_ref().map(|frames| (frames, &self.selection.frames))
    }

    pub(in crate::plugin) fn storage(&self) -> Option<(&StorageChanges, &Rows)> {
        self.block()?.storage.as_ref().map(|storage| (storage, &self.selection.storage))
    }

    /// Hash of a transaction of the block by its position.
    pub(in crate::plugin) fn hash_at(&self, position: usize) -> Vec<u8> {
        match self.block() {
            Some(block) if position < block.transactions.len() => block.transactions.hash.get(position).to_vec(),
            _ => Vec::new(),
        }
    }
}
