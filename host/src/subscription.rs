//! What a detector wants to see, and which rows of a block that is.

use alloy::primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use crate::block::Parts;

/// Logs by emitting address and topics; an empty list matches anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LogFilter {
    /// Emitting contracts.
    pub addresses: Vec<Address>,
    /// By position, up to four; each lists its alternatives.
    pub topics: Vec<Vec<B256>>,
}

/// Transactions by recipient, selector and sender; an empty list matches anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TransactionFilter {
    /// Recipients; a creation has none.
    pub recipients: Vec<Address>,
    /// First four bytes of the input.
    pub selectors: Vec<[u8; 4]>,
    /// Senders.
    pub senders: Vec<Address>,
}

/// Call frames by callee, selector and kind; an empty list matches anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FrameFilter {
    /// Callees.
    pub targets: Vec<Address>,
    /// First four bytes of the input.
    pub selectors: Vec<[u8; 4]>,
    /// Codes of [`crate::block::frame_kind`].
    pub kinds: Vec<u8>,
    /// Only frames that move native value.
    pub with_value: bool,
}

/// Storage changes by contract and slot; an empty list matches anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StorageFilter {
    /// Contracts.
    pub addresses: Vec<Address>,
    /// Slots.
    pub slots: Vec<B256>,
}

/// Findings of other detectors; an empty list matches anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingFilter {
    /// Detector ids.
    pub detectors: Vec<String>,
    /// Finding kinds.
    pub kinds: Vec<String>,
}

/// One thing that a detector wants to see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subscription {
    /// Logs.
    Logs(LogFilter),
    /// Transactions of blocks.
    Transactions(TransactionFilter),
    /// Call frames.
    Frames(FrameFilter),
    /// Storage changes.
    Storage(StorageFilter),
    /// Contracts that came into being.
    Creations,
    /// Observations of the feed of this name.
    Feed(String),
    /// Findings of other detectors.
    Findings(FindingFilter),
    /// Each block whose number is a multiple.
    EveryBlocks(u64),
    /// The first block in each such span of chain time, in seconds.
    EverySeconds(u64),
    /// Transactions that wait for a block.
    Pending(TransactionFilter),
}

/// What the sources must fetch, over all detectors of a chain. A node always gives blocks with their transactions and
/// logs; an archive reads of these what is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needs {
    /// Transactions, beyond their hashes.
    pub transactions: bool,
    /// Logs.
    pub logs: bool,
    /// Call frames.
    pub traces: bool,
    /// Storage changes.
    pub storage: bool,
    /// Pending transactions.
    pub mempool: bool,
}

impl Needs {
    /// What a block must have that is kept for whoever asks later.
    pub const KEPT: Self = Self { transactions: true, logs: true, traces: false, storage: false, mempool: false };

    /// What these subscriptions call for.
    pub fn of<'a>(subscriptions: impl IntoIterator<Item = &'a Subscription>) -> Self {
        let mut needs = Self::default();
        for subscription in subscriptions {
            match subscription {
                Subscription::Logs(_) => needs.logs = true,
                Subscription::Transactions(_) | Subscription::Creations => needs.transactions = true,
                Subscription::Frames(_) => needs.traces = true,
                Subscription::Storage(_) => needs.storage = true,
                Subscription::Pending(_) => needs.mempool = true,
                _ => {}
            }
        }
        needs
    }

    /// The parts among them that no header covers.
    pub fn parts(self) -> Parts {
        Parts { traces: self.traces, storage: self.storage }
    }

    /// What either calls for.
    pub fn union(self, other: Self) -> Self {
        Self {
            transactions: self.transactions || other.transactions,
            logs: self.logs || other.logs,
            traces: self.traces || other.traces,
            storage: self.storage || other.storage,
            mempool: self.mempool || other.mempool,
        }
    }
}
