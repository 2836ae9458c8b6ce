//! Reads of chain state: what detectors ask, and who answers.

use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};

use crate::block::BlockRef;

/// A question about the state after a block.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "read", rename_all = "kebab-case")]
pub enum ChainRead {
    /// `eth_call` without a sender.
    Call {
        /// Callee.
        to: Address,
        /// Calldata.
        data: Bytes,
    },
    /// `eth_getStorageAt`.
    Storage {
        /// Contract.
        address: Address,
        /// Slot.
        slot: B256,
    },
    /// `eth_getBalance`, answered in 32 bytes of wei.
    Balance {
        /// Whose.
        address: Address,
    },
    /// `eth_getCode`.
    Code {
        /// Whose.
        address: Address,
    },
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainFault {
    /// `denied`, `budget`, `reverted`, `unavailable` or `invalid`.
    pub code: String,
    /// For the detector's author.
    pub message: String,
    /// Revert data, where there is any.
    pub data: Bytes,
}

/// The answer to a [`ChainRead`].
pub type ChainAnswer = Result<Bytes, ChainFault>;

/// Somebody who answers reads: a live node, or the journal on a replay.
pub trait ChainReader: Send + Sync {
    /// Answers a read of the state after `at`. Blocks the calling thread, for a bounded time.
    fn read(&self, at: BlockRef, read: &ChainRead) -> ChainAnswer;

    /// The same for somebody who can wait no longer than this: `None` where nothing came in time, which is no answer and
    /// must not be kept as one.
    fn read_within(&self, at: BlockRef, read: &ChainRead, _longest: Duration) -> Option<ChainAnswer> {
        Some(self.read(at, read))
    }
}
