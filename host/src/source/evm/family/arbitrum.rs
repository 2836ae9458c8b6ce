//! Arbitrum: transactions that come from Ethereum or from the chain itself, and that nobody signs.

use std::ops::RangeInclusive;

use alloy::primitives::{Address, B256, Bytes, U64, U256, address};
use alloy::rlp::Encodable;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Unsigned;
use super::op_stack::{recipient, typed};
use crate::source::evm::wire::WireTransaction;

/// Its own types.
pub(super) const TYPES: RangeInclusive<u64> = 0x64..=0x6a;

const DEPOSIT: u64 = 0x64;
const UNSIGNED: u64 = 0x65;
const CONTRACT: u64 = 0x66;
const RETRY: u64 = 0x68;
const SUBMIT_RETRYABLE: u64 = 0x69;
const INTERNAL: u64 = 0x6a;
/// In whose name internal transactions act.
const ARB_OS: Address = address!("00000000000000000000000000000000000a4b05");

/// Members by all names that nodes give them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Members {
    chain_id: U256,
    #[serde(default)]
    request_id: Option<B256>,
    #[serde(default)]
    gas: U64,
    #[serde(default)]
    gas_price: Option<U256>,
    #[serde(default)]
    max_fee_per_gas: Option<U256>,
    #[serde(default)]
    ticket_id: Option<B256>,
    #[serde(default)]
    refund_to: Option<Address>,
    #[serde(default)]
    max_refund: Option<U256>,
    #[serde(default)]
    submission_fee_refund: Option<U256>,
    #[serde(default)]
    l1_base_fee: Option<U256>,
    #[serde(default)]
    deposit_value: Option<U256>,
    #[serde(default)]
    retry_to: Option<Address>,
    #[serde(default)]
    retry_value: Option<U256>,
    #[serde(default)]
    retry_data: Option<Bytes>,
    #[serde(default)]
    beneficiary: Option<Address>,
    #[serde(default)]
    max_submission_fee: Option<U256>,
}

/// Returns a member that the type must have.
///
/// # Errors
/// If it is missing.
fn needed<T>(member: Option<T>, name: &str) -> serde_json::Result<T> {
    member.ok_or_else(|| serde::de::Error::custom(format!("`{name}` is missing")))
}

/// Encodes a transaction as Nitro hashes it.
///
/// # Errors
/// If a member of it is missing or unreadable, or Nitro has no such type.
pub(super) fn encode(kind: u64, transaction: &WireTransaction, raw: &RawValue) -> serde_json::Result<Unsigned> {
    let members: Members = serde_json::from_str(raw.get())?;
    let mut items = Vec::with_capacity(transaction.input().len() + 320);
    let all = &mut items;
    let fee_cap = || needed(members.max_fee_per_gas.or(members.gas_price), "maxFeePerGas");
    members.chain_id.encode(all);
    match kind {
        DEPOSIT => {
            needed(members.request_id, "requestId")?.encode(all);
            transaction.sender().encode(all);
            needed(transaction.to, "to")?.encode(all);
            transaction.value.encode(all);
        }
        UNSIGNED => {
            transaction.sender().encode(all);
            transaction.nonce().encode(all);
            called(transaction, fee_cap()?, members.gas, all);
        }
        CONTRACT => {
            needed(members.request_id, "requestId")?.encode(all);
            transaction.sender().encode(all);
            called(transaction, fee_cap()?, members.gas, all);
        }
        RETRY => {
            transaction.nonce().encode(all);
            transaction.sender().encode(all);
            called(transaction, fee_cap()?, members.gas, all);
            needed(members.ticket_id, "ticketId")?.encode(all);
            needed(members.refund_to, "refundTo")?.encode(all);
            needed(members.max_refund, "maxRefund")?.encode(all);
            needed(members.submission_fee_refund, "submissionFeeRefund")?.encode(all);
        }
        SUBMIT_RETRYABLE => {
            needed(members.request_id, "requestId")?.encode(all);
            transaction.sender().encode(all);
            needed(members.l1_base_fee, "l1BaseFee")?.encode(all);
            needed(members.deposit_value, "depositValue")?.encode(all);
            fee_cap()?.encode(all);
            members.gas.to::<u64>().encode(all);
            recipient(members.retry_to.filter(|to| !to.is_zero()), all);
            members.retry_value.unwrap_or_default().encode(all);
            needed(members.beneficiary, "beneficiary")?.encode(all);
            needed(members.max_submission_fee, "maxSubmissionFee")?.encode(all);
            needed(members.refund_to, "refundTo")?.encode(all);
            members.retry_data.clone().unwrap_or_default().encode(all);
        }
        INTERNAL => {
            transaction.input().encode(all);
            return Ok(Unsigned { encoded: typed(kind as u8, &items), sender: ARB_OS });
        }
        _ => return Err(serde::de::Error::custom("Nitro has no such type")),
    }
    Ok(Unsigned { encoded: typed(kind as u8, &items), sender: transaction.sender() })
}

/// What all calls among them end with: fee cap, gas, recipient, value, data.
fn called(transaction: &WireTransaction, fee_cap: U256, gas: U64, all: &mut Vec<u8>) {
    fee_cap.encode(all);
    gas.to::<u64>().encode(all);
    recipient(transaction.to, all);
    transaction.value.encode(all);
    transaction.input().encode(all);
}
