//! Polygon: at the end of a sprint Bor adds a state sync, which nobody signs. At first no root covered it; now the roots do,
//! by bytes that nodes don't give.

use alloy::primitives::{B256, keccak256};

/// The type of a state sync that stands in the roots.
pub(super) const STATE_SYNC: u64 = 0x7f;

/// Returns the hash of a block's state sync of the first kind: it is derived from the block.
pub(super) fn state_sync(number: u64, block: B256) -> B256 {
    let mut named = Vec::with_capacity(58);
    named.extend_from_slice(b"matic-bor-receipt-");
    named.extend_from_slice(&number.to_be_bytes());
    named.extend_from_slice(block.as_slice());
    keccak256(named)
}
