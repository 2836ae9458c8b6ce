//! Scroll: messages, which come from Ethereum and which nobody signs here.

use alloy::primitives::U64;
use alloy::rlp::Encodable;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Unsigned;
use super::op_stack::{recipient, typed};
use crate::source::evm::wire::WireTransaction;

/// The type of a message.
pub(super) const MESSAGE: u64 = 0x7e;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    queue_index: U64,
    gas: U64,
}

/// Encodes a message: `0x7e || rlp([queue index, gas, to, value, data, sender])`.
///
/// # Errors
/// If a member of it is missing or unreadable.
pub(super) fn encode(transaction: &WireTransaction, raw: &RawValue) -> serde_json::Result<Unsigned> {
    let message: Message = serde_json::from_str(raw.get())?;
    let mut items = Vec::with_capacity(transaction.input().len() + 80);
    message.queue_index.to::<u64>().encode(&mut items);
    message.gas.to::<u64>().encode(&mut items);
    recipient(transaction.to, &mut items);
    transaction.value.encode(&mut items);
    transaction.input().encode(&mut items);
    transaction.sender().encode(&mut items);
    Ok(Unsigned { encoded: typed(MESSAGE as u8, &items), sender: transaction.sender() })
}
