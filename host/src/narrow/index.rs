//! Where to find rows by their key, made at most once for each block and only for keys that somebody asks for.

use std::sync::OnceLock;

use crate::block::{Block, frame_kind};
use crate::column::Fixed;

/// Rows of a block by address, topic and selector.
pub struct BlockIndex<'a> {
    /// The block.
    pub block: &'a Block,
    /// Chain time of the block before, in seconds; `None` for the first that is seen.
    pub previous_timestamp_s: Option<u64>,
    log_address: OnceLock<Sorted>,
    log_topic: OnceLock<Sorted>,
    recipient: OnceLock<Sorted>,
    target: OnceLock<Sorted>,
    storage_address: OnceLock<Sorted>,
    has_creations: OnceLock<bool>,
}

/// Rows of a column in the order of their keys.
struct Sorted(Vec<u32>);

impl Sorted {
    fn of<const N: usize>(column: &Fixed<N>) -> Self {
        let mut rows: Vec<u32> = (0..column.len() as u32).collect();
        rows.sort_by(|&a, &b| column.get(a as usize).cmp(column.get(b as usize)).then(a.cmp(&b)));
        Self(rows)
    }

    fn rows<const N: usize>(&self, column: &Fixed<N>, key: &[u8; N]) -> &[u32] {
        let from = self.0.partition_point(|&row| column.get(row as usize) < key);
        let rest = &self.0[from..];
        &rest[..rest.partition_point(|&row| column.get(row as usize) == key)]
    }
}

impl<'a> BlockIndex<'a> {
    /// An index of a block; nothing is sorted yet.
    pub fn new(block: &'a Block, previous_timestamp_s: Option<u64>) -> Self {
        Self {
            block,
            previous_timestamp_s,
            log_address: OnceLock::new(),
            log_topic: OnceLock::new(),
            recipient: OnceLock::new(),
            target: OnceLock::new(),
            storage_address: OnceLock::new(),
            has_creations: OnceLock::new(),
        }
    }

    /// Logs of a contract.
    pub fn logs_of(&self, address: &[u8; 20]) -> &[u32] {
        let column = &self.block.logs.address;
        self.log_address.get_or_init(|| Sorted::of(column)).rows(column, address)
    }

    /// Logs whose first topic this is.
    pub fn logs_with_topic(&self, topic: &[u8; 32]) -> &[u32] {
        let column = &self.block.logs.topics[0];
        self.log_topic.get_or_init(|| Sorted::of(column)).rows(column, topic)
    }

    /// Transactions to a recipient.
    pub fn transactions_to(&self, recipient: &[u8; 20]) -> &[u32] {
        let column = &self.block.transactions.recipient;
        self.recipient.get_or_init(|| Sorted::of(column)).rows(column, recipient)
    }

    /// Call frames into a contract; none where the block has no traces.
    pub fn frames_into(&self, target: &[u8; 20]) -> &[u32] {
        let Some(frames) = &self.block.frames else { return &[] };
        self.target.get_or_init(|| Sorted::of(&frames.target)).rows(&frames.target, target)
    }

    /// Storage changes of a contract; none where the block has no storage changes.
    pub fn storage_of(&self, address: &[u8; 20]) -> &[u32] {
        let Some(storage) = &self.block.storage else { return &[] };
        self.storage_address.get_or_init(|| Sorted::of(&storage.address)).rows(&storage.address, address)
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
