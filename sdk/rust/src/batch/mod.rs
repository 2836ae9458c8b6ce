//! What the host hands over: rows narrowed to the detector's subscriptions.
//!
//! Rows are views: a [`Log`] is two words, and each of its methods reads one column, which is copied from the host
//! when some row first asks for it and kept for the batch.

use std::cell::OnceCell;

use alloy_primitives::{Address, B256};

pub(crate) mod column;
mod frames;
mod logs;
mod rows;
mod storage;
mod transactions;

pub use frames::{Frame, FrameKind};
pub use logs::Log;
pub use rows::{Creation, Observation, Reported};
pub use storage::StorageChange;
pub use transactions::{Status, Transaction};

#[cfg(target_arch = "wasm32")]
pub(crate) use crate::bindings::watchfire::detector::batches::Batch as Host;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use crate::testing::Block as Host;

/// What brought a batch about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A block joined the chain.
    Block,
    /// A feed said something.
    Feed,
    /// Transactions wait for a block.
    Pending,
    /// Something that this SDK doesn't know yet.
    Other,
}

/// One batch.
pub struct Batch<'a> {
    host: &'a Host,
    logs: logs::Columns,
    transactions: transactions::Columns,
    frames: frames::Columns,
    storage: storage::Columns,
    creations: OnceCell<Vec<Creation>>,
    observations: OnceCell<Vec<Observation>>,
    findings: OnceCell<Vec<Reported>>,
}

impl<'a> Batch<'a> {
    /// Wraps what the host hands over.
    #[doc(hidden)]
    pub fn new(host: &'a Host) -> Self {
        Self {
            host,
            logs: Default::default(),
            transactions: Default::default(),
            frames: Default::default(),
            storage: Default::default(),
            creations: Default::default(),
            observations: Default::default(),
            findings: Default::default(),
        }
    }

    /// What brought it about.
    pub fn trigger(&self) -> Trigger {
        match self.host.trigger().as_str() {
            "block" => Trigger::Block,
            "feed" => Trigger::Feed,
            "pending" => Trigger::Pending,
            _ => Trigger::Other,
        }
    }

    /// EIP-155 id of the chain.
    pub fn chain_id(&self) -> u64 {
        self.host.chain_id()
    }

    /// Height of the block under inspection: of the newest one where no block brought the batch about; 0 before
    /// the first.
    pub fn block_number(&self) -> u64 {
        self.host.block_number()
    }

    /// Hash of the block under inspection.
    pub fn block_hash(&self) -> B256 {
        hash(&self.host.block_hash())
    }

    /// Hash of the block before it.
    pub fn parent_hash(&self) -> B256 {
        hash(&self.host.parent_hash())
    }

    /// Chain time, seconds since the Unix epoch.
    pub fn timestamp_s(&self) -> u64 {
        self.host.timestamp_s()
    }

    /// Who was paid for the block that brought the batch about; zero where none did.
    pub fn beneficiary(&self) -> Address {
        address(&self.host.beneficiary())
    }

    /// The `Every…` subscriptions that are due, by their position among the subscriptions.
    pub fn due_ticks(&self) -> Vec<u32> {
        self.host.due_ticks()
    }

    /// Hash of a transaction of the block by its position; zero where there is none.
    pub fn transaction_hash(&self, transaction_index: u32) -> B256 {
        hash(&self.host.transaction_hash(transaction_index))
    }

    /// The logs, in the order of the block.
    pub fn logs(&self) -> impl DoubleEndedIterator<Item = Log<'_>> + ExactSizeIterator {
        (0..self.logs.rows(self.host)).map(move |row| Log { batch: self, row })
    }

    /// The transactions, in the order of the block.
    pub fn transactions(&self) -> impl DoubleEndedIterator<Item = Transaction<'_>> + ExactSizeIterator {
        (0..self.transactions.rows(self.host)).map(move |row| Transaction { batch: self, row })
    }

    /// The call frames, each transaction's tree in depth-first order.
    pub fn frames(&self) -> impl DoubleEndedIterator<Item = Frame<'_>> + ExactSizeIterator {
        (0..self.frames.rows(self.host)).map(move |row| Frame { batch: self, row })
    }

    /// The storage slots that transactions changed, in the order of the transactions.
    pub fn storage_changes(&self) -> impl DoubleEndedIterator<Item = StorageChange<'_>> + ExactSizeIterator {
        (0..self.storage.rows(self.host)).map(move |row| StorageChange { batch: self, row })
    }

    /// The contracts that came into being.
    pub fn creations(&self) -> &[Creation] {
        self.creations.get_or_init(|| rows::creations(self.host))
    }

    /// What the feeds said since the last batch.
    pub fn observations(&self) -> &[Observation] {
        self.observations.get_or_init(|| rows::observations(self.host))
    }

    /// What other detectors found in this input.
    pub fn findings(&self) -> &[Reported] {
        self.findings.get_or_init(|| rows::findings(self.host))
    }
}

/// A hash of the host's; zero where it is none.
fn hash(bytes: &[u8]) -> B256 {
    B256::try_from(bytes).unwrap_or_default()
}

/// An address of the host's; zero where it is none.
fn address(bytes: &[u8]) -> Address {
    Address::try_from(bytes).unwrap_or_default()
}
