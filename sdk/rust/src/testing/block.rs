//! A block made by hand.

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::SolEvent;

use super::rows::{CreationRow, FindingRow, FrameRow, LogRow, ObservationRow, StorageRow, TransactionRow};
use crate::batch::FrameKind;

/// What stands in for the host's batch: rows that a test puts there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// `block`, `feed` or `pending`.
    pub trigger: String,
    /// EIP-155 id of the chain.
    pub chain_id: u64,
    /// Height.
    pub number: u64,
    /// Hash of the header.
    pub hash: B256,
    /// Hash of the block before it.
    pub parent_hash: B256,
    /// Chain time, seconds since the Unix epoch.
    pub timestamp_s: u64,
    /// Who was paid for it.
    pub beneficiary: Address,
    /// Set by [`Bench`](super::Bench).
    pub due_ticks: Vec<u32>,
    /// Hashes of all transactions of the block by position; kept when the block is narrowed.
    pub transaction_hashes: Vec<B256>,
    /// Logs.
    pub logs: Vec<LogRow>,
    /// Transactions.
    pub transactions: Vec<TransactionRow>,
    /// Call frames.
    pub frames: Vec<FrameRow>,
    /// Storage changes.
    pub storage: Vec<StorageRow>,
    /// Contracts that came into being.
    pub creations: Vec<CreationRow>,
    /// What feeds said.
    pub observations: Vec<ObservationRow>,
    /// What other detectors found.
    pub findings: Vec<FindingRow>,
}

impl Block {
    /// An empty block of chain 1 at a height and a chain time, with a hash made of its height.
    pub fn at(number: u64, timestamp_s: u64) -> Self {
        Self {
            trigger: "block".to_owned(),
            chain_id: 1,
            number,
            hash: keccak256(number.to_be_bytes()),
            parent_hash: keccak256(number.saturating_sub(1).to_be_bytes()),
            timestamp_s,
            ..Self::default()
        }
    }

    /// Whether there is nothing in it to look at.
    pub fn is_empty(&self) -> bool {
        self.logs.is_empty()
            && self.transactions.is_empty()
            && self.frames.is_empty()
            && self.storage.is_empty()
            && self.creations.is_empty()
            && self.observations.is_empty()
            && self.findings.is_empty()
            && self.due_ticks.is_empty()
    }

    /// Adds a log in a transaction of its own.
    pub fn event<E: SolEvent>(self, address: Address, event: &E) -> Self {
        let data = event.encode_log_data();
        let topics = data.topics().to_vec();
        self.log(address, topics, data.data)
    }

    /// Adds a log in a transaction of its own.
    pub fn log(mut self, address: Address, topics: Vec<B256>, data: impl Into<alloy_primitives::Bytes>) -> Self {
        let transaction_index = self.next_transaction();
        let index = self.logs.len() as u32;
        self.logs.push(LogRow { address, topics, data: data.into(), index, transaction_index });
        self
    }

    /// Adds a successful call frame in a transaction of its own.
    pub fn frame(mut self, kind: FrameKind, sender: Address, target: Address, value: U256, input: &[u8]) -> Self {
        let transaction_index = self.next_transaction();
        self.frames.push(FrameRow {
            transaction_index,
            kind: code(kind),
            sender,
            target,
            value,
            input: input.to_vec().into(),
            success: true,
            ..FrameRow::default()
        });
        self
    }

    /// Adds a storage change in a transaction of its own.
    pub fn storage_change(mut self, address: Address, slot: B256, before: B256, after: B256) -> Self {
        let transaction_index = self.next_transaction();
        self.storage.push(StorageRow { transaction_index, address, slot, before, after });
        self
    }

    /// Adds a number that a feed said.
    pub fn observation(mut self, feed: &str, observed_at_ms: u64, value: &str) -> Self {
        self.observations.push(ObservationRow {
            feed: feed.to_owned(),
            observed_at_ms,
            received_at_ms: observed_at_ms,
            kind: "number".to_owned(),
            value: value.to_owned(),
        });
        self
    }

    /// What a detector sees that is called because a feed spoke.
    pub fn triggered_by_feed(mut self) -> Self {
        "feed".clone_into(&mut self.trigger);
        self
    }

    fn next_transaction(&mut self) -> u32 {
        let index = self.transaction_hashes.len() as u32;
        let name = [&self.number.to_be_bytes()[..], &index.to_be_bytes()].concat();
        self.transaction_hashes.push(keccak256(name));
        index
    }
}

fn code(kind: FrameKind) -> u8 {
    (0..=6).find(|&code| FrameKind::from_code(code) == kind).unwrap_or(u8::MAX)
}
