//! Polygon: at the end of a sprint Bor adds a state sync, which nobody signs and no root covers.

use alloy::primitives::{B256, keccak256};

/// Returns the hash of a block's state sync: it is derived from the block.
pub(super) fn state_sync(number: u64, block: B256) -> B256 {
    let mut named = Vec::with_capacity(58);
    named.extend_from_slice(b"matic-bor-receipt-");
    named.extend_from_slice(&number.to_be_bytes());
    named.extend_from_slice(block.as_slice());
    keccak256(named)
}
