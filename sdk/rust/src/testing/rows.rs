//! The rows of a stand-in block.

use alloy_primitives::{Address, B256, Bytes, U256};

pub use crate::batch::{Creation as CreationRow, Observation as ObservationRow, Reported as FindingRow};

/// A log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogRow {
    /// Emitting contract.
    pub address: Address,
    /// Up to four.
    pub topics: Vec<B256>,
    /// Unindexed data.
    pub data: Bytes,
    /// Position among the logs of the block.
    pub index: u32,
    /// Position of its transaction in the block.
    pub transaction_index: u32,
}

/// A transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransactionRow {
    /// Its hash.
    pub hash: B256,
    /// Its position in the block.
    pub index: u32,
    /// Who signed it.
    pub sender: Address,
    /// Whom it calls; `None` for a creation.
    pub recipient: Option<Address>,
    /// Wei.
    pub value: U256,
    /// Calldata or init code.
    pub input: Bytes,
    /// 1 success, 0 reverted, 2 not known.
    pub status: u8,
}

/// A call frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameRow {
    /// Position of its transaction in the block.
    pub transaction_index: u32,
    /// 0 for the transaction's own call.
    pub depth: u32,
    /// 0 call, 1 staticcall, 2 delegatecall, 3 callcode, 4 create, 5 create2, 6 selfdestruct.
    pub kind: u8,
    /// Caller.
    pub sender: Address,
    /// Callee, or what was created.
    pub target: Address,
    /// Wei.
    pub value: U256,
    /// Calldata or init code.
    pub input: Bytes,
    /// Return or revert data, or the code that was deployed.
    pub output: Bytes,
    /// False where it, or a frame around it, was reverted.
    pub success: bool,
}

/// A change of a storage slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StorageRow {
    /// Position of the transaction in the block.
    pub transaction_index: u32,
    /// The contract.
    pub address: Address,
    /// The slot.
    pub slot: B256,
    /// What it held before.
    pub before: B256,
    /// What it holds after.
    pub after: B256,
}
