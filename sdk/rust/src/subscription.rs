//! What a detector wants to see. The host narrows every batch to the union of its subscriptions.

use alloy_primitives::{Address, B256};
use alloy_sol_types::{SolCall, SolEvent};

use crate::batch::FrameKind;

/// One thing that a detector wants to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subscription {
    /// Logs.
    Logs(LogFilter),
    /// Transactions of blocks.
    Transactions(TransactionFilter),
    /// Call frames. Needs the capability `traces`.
    Frames(FrameFilter),
    /// Storage changes. Needs the capability `storage`.
    Storage(StorageFilter),
    /// Contracts that came into being; those made by contracts are seen only where traces are.
    Creations,
    /// Observations of the feed of this name. Needs the capability `feeds`.
    Feed(String),
    /// Findings of other detectors. Needs the capability `findings`.
    Findings(FindingFilter),
    /// Each block whose number is a multiple.
    EveryBlocks(u64),
    /// The first block in each such span of chain time, in seconds.
    EverySeconds(u64),
    /// Transactions that wait for a block. Needs the capability `mempool`.
    Pending(TransactionFilter),
}

/// Logs by emitting address and topics; an empty list matches anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// Emitting contracts.
    pub addresses: Vec<Address>,
    /// By position, up to four; each lists its alternatives.
    pub topics: Vec<Vec<B256>>,
}

impl LogFilter {
    /// Adds emitting contracts.
    pub fn addresses(mut self, addresses: impl IntoIterator<Item = Address>) -> Self {
        self.addresses.extend(addresses);
        self
    }

    /// Adds an event to those that match.
    pub fn event<E: SolEvent>(self) -> Self {
        self.topic(0, [E::SIGNATURE_HASH])
    }

    /// Adds alternatives for the topic at a position, 0 to 3.
    pub fn topic(mut self, position: usize, alternatives: impl IntoIterator<Item = B256>) -> Self {
        if self.topics.len() <= position {
            self.topics.resize(position + 1, Vec::new());
        }
        self.topics[position].extend(alternatives);
        self
    }
}

/// Transactions by recipient, selector and sender; an empty list matches anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransactionFilter {
    /// Recipients; a contract creation has none.
    pub recipients: Vec<Address>,
    /// First four bytes of the input.
    pub selectors: Vec<[u8; 4]>,
    /// Senders.
    pub senders: Vec<Address>,
}

/// Call frames by callee, selector and kind; an empty list matches anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameFilter {
    /// Callees.
    pub targets: Vec<Address>,
    /// First four bytes of the input.
    pub selectors: Vec<[u8; 4]>,
    /// What the frames do.
    pub kinds: Vec<FrameKind>,
    /// Only frames that move native value.
    pub with_value: bool,
}

impl FrameFilter {
    /// Adds callees.
    pub fn targets(mut self, targets: impl IntoIterator<Item = Address>) -> Self {
        self.targets.extend(targets);
        self
    }

    /// Adds a function to those that match.
    pub fn function<C: SolCall>(mut self) -> Self {
        self.selectors.push(C::SELECTOR);
        self
    }

    /// Adds what the frames do.
    pub fn kind(mut self, kind: FrameKind) -> Self {
        self.kinds.push(kind);
        self
    }

    /// Only frames that move native value.
    pub fn with_value(mut self) -> Self {
        self.with_value = true;
        self
    }
}

/// Storage changes by contract and slot; an empty list matches anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StorageFilter {
    /// Contracts.
    pub addresses: Vec<Address>,
    /// Slots.
    pub slots: Vec<B256>,
}

/// Findings of other detectors, by detector id and kind; an empty list matches anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingFilter {
    /// Detector ids.
    pub detectors: Vec<String>,
    /// Finding kinds.
    pub kinds: Vec<String>,
}

macro_rules! into_subscription {
    ($($filter:ident => $case:ident),*) => {$(
        impl From<$filter> for Subscription {
            fn from(filter: $filter) -> Self {
                Subscription::$case(filter)
            }
        }
    )*};
}

into_subscription!(
    LogFilter => Logs, TransactionFilter => Transactions, FrameFilter => Frames, StorageFilter => Storage,
    FindingFilter => Findings
);
