//! The OP stack: deposits, which Ethereum orders and nobody signs here.

use alloy::primitives::{Address, B256, U64, U256};
use alloy::rlp::Encodable;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Unsigned;
use crate::source::evm::wire::WireTransaction;

/// The type of a deposit.
pub(super) const DEPOSIT: u64 = 0x7e;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Deposit {
    source_hash: B256,
    #[serde(default)]
    mint: Option<U256>,
    gas: U64,
    #[serde(default)]
    is_system_tx: Option<bool>,
}

/// Encodes a deposit: `0x7e || rlp([source, from, to, mint, value, gas, is system, data])`.
///
/// # Errors
/// If a member of it is missing or unreadable.
pub(super) fn encode(transaction: &WireTransaction, raw: &RawValue) -> serde_json::Result<Unsigned> {
    let deposit: Deposit = serde_json::from_str(raw.get())?;
    let mut items = Vec::with_capacity(transaction.input().len() + 160);
    deposit.source_hash.encode(&mut items);
    transaction.sender().encode(&mut items);
    recipient(transaction.to, &mut items);
    deposit.mint.unwrap_or_default().encode(&mut items);
    transaction.value.encode(&mut items);
    deposit.gas.to::<u64>().encode(&mut items);
    deposit.is_system_tx.unwrap_or_default().encode(&mut items);
    transaction.input().encode(&mut items);
    Ok(Unsigned { encoded: typed(DEPOSIT as u8, &items), sender: transaction.sender() })
}

/// The nonce and the version of a deposit's receipt: the root covers neither before Canyon, when there was no version.
pub(super) fn receipt_tail(nonce: Option<U64>, version: Option<U64>) -> Vec<u8> {
    let (Some(nonce), Some(version)) = (nonce, version) else { return Vec::new() };
    let mut tail = Vec::new();
    nonce.to::<u64>().encode(&mut tail);
    version.to::<u64>().encode(&mut tail);
    tail
}

/// Encodes a recipient; a creation has an empty one.
pub(super) fn recipient(to: Option<Address>, items: &mut Vec<u8>) {
    match to {
        Some(to) => to.encode(items),
        None => items.push(alloy::rlp::EMPTY_STRING_CODE),
    }
}

/// Makes a typed envelope of a list's items.
pub(super) fn typed(kind: u8, items: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(items.len() + 6);
    encoded.push(kind);
    alloy::rlp::Header { list: true, payload_length: items.len() }.encode(&mut encoded);
    encoded.extend_from_slice(items);
    encoded
}
