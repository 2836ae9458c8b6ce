//! A block as the host holds it: decoded once, in columns, shared by every detector.

use std::ops::RangeInclusive;

use alloy::primitives::{Address, B256};
use serde::{Deserialize, Serialize};

pub use watchfire_response::chain::{Assurance, BlockRef, ChainId, Finality, Verification};

use crate::column::{Fixed, Variable};

mod senders;

pub use senders::{FalseSender, FalseSenders, Proof, Senders};

/// One block with what the subscriptions of the day call for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// EIP-155 id of the chain.
    pub chain: ChainId,
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
    /// Gas used by all transactions.
    pub gas_used: u64,
    /// Wei per gas; `None` before EIP-1559.
    pub base_fee_wei: Option<u64>,
    /// What was checked.
    pub assurance: Assurance,
    /// In the order of the block.
    pub transactions: Transactions,
    /// In the order of the block.
    pub logs: Logs,
    /// Present only if some detector asked for traces; never covered by verification.
    pub frames: Option<Frames>,
    /// Present only if some detector asked for storage changes; never covered by verification.
    pub storage: Option<StorageChanges>,
    /// Parts that were missing when the block was taken in and may still come: who wants them sees the block then.
    #[serde(default, skip_serializing_if = "Parts::is_empty")]
    pub awaited: Parts,
}

/// Parts of a block that no header covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// Call frames.
    pub traces: bool,
    /// Storage changes.
    pub storage: bool,
}

impl Parts {
    /// True if it is none of them.
    pub fn is_empty(&self) -> bool {
        !self.traces && !self.storage
    }

    /// Returns those that are in both.
    pub fn both(self, other: Self) -> Self {
        Self { traces: self.traces && other.traces, storage: self.storage && other.storage }
    }

    /// Returns those that are not in the other.
    pub fn without(self, other: Self) -> Self {
        Self { traces: self.traces && !other.traces, storage: self.storage && !other.storage }
    }
}

impl Block {
    /// True if the columns of each table are equally long. Check it after decoding foreign data: rows are taken by position.
    pub fn has_equal_columns(&self) -> bool {
        self.transactions.has_equal_columns()
            && self.logs.has_equal_columns()
            && self.frames.as_ref().is_none_or(Frames::has_equal_columns)
            && self.storage.as_ref().is_none_or(StorageChanges::has_equal_columns)
    }

    /// Returns which block this is.
    pub fn reference(&self) -> BlockRef {
        BlockRef { chain: self.chain, number: self.number, hash: self.hash }
    }
}

/// Transactions by column; row `i` of each is transaction `i` of the block (or of the pending set).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transactions {
    /// Transaction hashes.
    pub hash: Fixed<32>,
    /// Senders.
    pub sender: Senders,
    /// Recipients; zero for a creation.
    pub recipient: Fixed<20>,
    /// The contract that a creation made; zero otherwise.
    pub created: Fixed<20>,
    /// 1 where the transaction creates a contract.
    #[serde(with = "serde_bytes")]
    pub is_creation: Vec<u8>,
    /// Wei, big-endian.
    pub value: Fixed<32>,
    /// Calldata or init code.
    pub input: Variable,
    /// Sender's nonce.
    pub nonce: Vec<u64>,
    /// Gas used by this transaction alone.
    pub gas_used: Vec<u64>,
    /// 1 success, 0 reverted, 2 not known.
    #[serde(with = "serde_bytes")]
    pub status: Vec<u8>,
}

impl Transactions {
    /// True if all columns are equally long.
    pub fn has_equal_columns(&self) -> bool {
        let rows = [
            self.sender.len(),
            self.recipient.len(),
            self.created.len(),
            self.is_creation.len(),
            self.value.len(),
            self.input.len(),
            self.nonce.len(),
            self.gas_used.len(),
            self.status.len(),
        ];
        rows.iter().all(|rows| *rows == self.len())
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.hash.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.hash.is_empty()
    }
}

/// Logs by column, in the order of the block: row `i` has log index `i`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logs {
    /// Emitting contracts.
    pub address: Fixed<20>,
    /// How many topics each has.
    #[serde(with = "serde_bytes")]
    pub topic_count: Vec<u8>,
    /// Topics by position; zero where a log has none there.
    pub topics: [Fixed<32>; 4],
    /// Unindexed data.
    pub data: Variable,
    /// Position of each log's transaction in the block.
    pub transaction_index: Vec<u32>,
}

impl Logs {
    /// True if all columns are equally long.
    pub fn has_equal_columns(&self) -> bool {
        let rows = [
            self.topic_count.len(),
            self.topics[0].len(),
            self.topics[1].len(),
            self.topics[2].len(),
            self.topics[3].len(),
            self.data.len(),
            self.transaction_index.len(),
        ];
        rows.iter().all(|rows| *rows == self.len())
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.address.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.address.is_empty()
    }
}

/// Parses a range of blocks, both ends included, as people write it: `100..120`, or `100` alone.
///
/// # Errors
/// If it is no such range, or ends before it begins.
pub fn block_range(text: &str) -> Result<RangeInclusive<u64>, String> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let number = |text: &str| {
        text.trim_start_matches('=').replace('_', "").parse::<u64>().map_err(|_| format!("`{text}` is no block number"))
    };
    let (first, last) = (number(first)?, number(last)?);
    if first > last {
        return Err(format!("it begins after its end: {first} is above {last}"));
    }
    Ok(first..=last)
}

/// What a call frame does; the codes that cross the boundary.
pub mod frame_kind {
    /// Names in the order of their codes.
    pub const NAMES: [&str; 7] =
        ["call", "staticcall", "delegatecall", "callcode", "create", "create2", "selfdestruct"];
    /// `CREATE`.
    pub const CREATE: u8 = 4;
    /// `CREATE2`.
    pub const CREATE2: u8 = 5;

    /// Newer opcodes, and what they do.
    const NEWER: [(&str, u8); 6] = [
        ("extcall", 0),
        ("authcall", 0),
        ("extstaticcall", 1),
        ("extdelegatecall", 2),
        ("eofcreate", CREATE2),
        ("txcreate", CREATE2),
    ];

    /// Returns the code of an opcode's name in any case; `None` for a kind that nobody knows.
    pub fn code(name: &str) -> Option<u8> {
        let known = NAMES.iter().position(|known| known.eq_ignore_ascii_case(name)).map(|code| code as u8);
        known.or_else(|| NEWER.iter().find(|(newer, _)| newer.eq_ignore_ascii_case(name)).map(|(_, code)| *code))
    }
}

/// Call frames by column, each transaction's tree in depth-first order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frames {
    /// Position of each frame's transaction in the block.
    pub transaction_index: Vec<u32>,
    /// 0 for the transaction's own call.
    pub depth: Vec<u32>,
    /// Codes of [`frame_kind`].
    #[serde(with = "serde_bytes")]
    pub kind: Vec<u8>,
    /// Callers.
    pub sender: Fixed<20>,
    /// Callees, or what was created; zero for a creation that failed.
    pub target: Fixed<20>,
    /// Wei, big-endian.
    pub value: Fixed<32>,
    /// Calldata or init code.
    pub input: Variable,
    /// Return or revert data, or the code that was deployed.
    pub output: Variable,
    /// Gas used, callees included.
    pub gas_used: Vec<u64>,
    /// 1 success, 0 where it or a frame around it was reverted.
    #[serde(with = "serde_bytes")]
    pub status: Vec<u8>,
}

impl Frames {
    /// True if all columns are equally long.
    pub fn has_equal_columns(&self) -> bool {
        let rows = [
            self.transaction_index.len(),
            self.depth.len(),
            self.sender.len(),
            self.target.len(),
            self.value.len(),
            self.input.len(),
            self.output.len(),
            self.gas_used.len(),
            self.status.len(),
        ];
        rows.iter().all(|rows| *rows == self.len())
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.kind.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.kind.is_empty()
    }
}

/// Storage slots that transactions changed, by column, in the order of the transactions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageChanges {
    /// Position of each change's transaction in the block.
    pub transaction_index: Vec<u32>,
    /// Contracts.
    pub address: Fixed<20>,
    /// Slots.
    pub slot: Fixed<32>,
    /// Values before the transaction.
    pub before: Fixed<32>,
    /// Values after the transaction.
    pub after: Fixed<32>,
}

impl StorageChanges {
    /// True if all columns are equally long.
    pub fn has_equal_columns(&self) -> bool {
        let rows = [self.transaction_index.len(), self.slot.len(), self.before.len(), self.after.len()];
        rows.iter().all(|rows| *rows == self.len())
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.address.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.address.is_empty()
    }
}
