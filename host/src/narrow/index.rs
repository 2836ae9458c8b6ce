//! A block as it is narrowed: with what is asked of it once for all detectors.

use std::sync::OnceLock;

use crate::block::{Block, frame_kind};

/// A block, the time of the one before it, and what was found out about it so far.
pub struct BlockIndex<'a> {
    /// The block.
    pub block: &'a Block,
    /// Chain time of the block before, in seconds; `None` for the first that is seen.
    pub previous_timestamp_s: Option<u64>,
    has_creations: OnceLock<bool>,
}

impl<'a> BlockIndex<'a> {
    /// Nothing is looked for yet.
    pub fn new(block: &'a Block, previous_timestamp_s: Option<u64>) -> Self {
        Self { block, previous_timestamp_s, has_creations: OnceLock::new() }
    }

    /// Whether a contract came into being.
    pub fn has_creations(&self) -> bool {
        *self.has_creations.get_or_init(|| {
            let by_frame = |kind: &u8| matches!(*kind, frame_kind::CREATE | frame_kind::CREATE2);
            self.block.transactions.is_creation.contains(&1)
                || self.block.frames.as_ref().is_some_and(|frames| frames.kind.iter().any(by_frame))
        })
    }
}
