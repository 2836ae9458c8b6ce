//! Celo: transactions that pay their fee in a token, on top of the OP stack.

use alloy::eips::eip2930::AccessList;
use alloy::primitives::{Address, Signature, U64, U128, U256, keccak256};
use alloy::rlp::Encodable;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::SelfSigned;
use super::op_stack::{recipient, typed};
use crate::block::Proof;
use crate::source::evm::wire::WireTransaction;

/// The type of a transaction whose fee is paid in a token (CIP-64).
pub(super) const FEE_IN_TOKEN: u64 = 0x7b;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Members {
    chain_id: U64,
    gas: U64,
    max_fee_per_gas: U128,
    max_priority_fee_per_gas: U128,
    #[serde(default)]
    access_list: Option<AccessList>,
    #[serde(default)]
    fee_currency: Option<Address>,
    #[serde(default)]
    v: Option<U64>,
    #[serde(default)]
    y_parity: Option<U64>,
    r: U256,
    s: U256,
}

/// Encodes a transaction: `0x7b || rlp([chain, nonce, priority fee, fee cap, gas, to, value, data, access list, fee currency,
/// parity, r, s])`. What is signed ends before the parity.
///
/// # Errors
/// If a member of it is missing or unreadable.
pub(super) fn encode(transaction: &WireTransaction, raw: &RawValue) -> serde_json::Result<SelfSigned> {
    let members: Members = serde_json::from_str(raw.get())?;
    let parity = members.y_parity.or(members.v).map_or(2, |parity| parity.to::<u64>());
    if parity > 1 {
        return Err(serde::de::Error::custom("`yParity` is neither 0 nor 1"));
    }
    let mut items = Vec::with_capacity(transaction.input().len() + 320);
    members.chain_id.to::<u64>().encode(&mut items);
    transaction.nonce().encode(&mut items);
    members.max_priority_fee_per_gas.to::<u128>().encode(&mut items);
    members.max_fee_per_gas.to::<u128>().encode(&mut items);
    members.gas.to::<u64>().encode(&mut items);
    recipient(transaction.to, &mut items);
    transaction.value.encode(&mut items);
    transaction.input().encode(&mut items);
    members.access_list.unwrap_or_default().encode(&mut items);
    recipient(members.fee_currency, &mut items);
    let digest = keccak256(typed(FEE_IN_TOKEN as u8, &items));
    parity.encode(&mut items);
    members.r.encode(&mut items);
    members.s.encode(&mut items);
    let signature = Signature::new(members.r, members.s, parity == 1);
    Ok(SelfSigned { encoded: typed(FEE_IN_TOKEN as u8, &items), proof: Proof { digest, signature } })
}

/// What a receipt of such a transaction ends with: the base fee in the token.
pub(super) fn receipt_tail(base_fee: Option<U128>) -> Vec<u8> {
    let mut tail = Vec::new();
    if let Some(base_fee) = base_fee {
        base_fee.to::<u128>().encode(&mut tail);
    }
    tail
}
