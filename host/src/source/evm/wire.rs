//! Blocks and receipts as nodes write them in JSON, without a word believed. What no check of a level reads is not parsed
//! at that level, so that a chain which writes it in a way of its own can be watched all the same.
//!
//! alloy's own types for this go through tagged and flattened enums, which copy the whole document; these
//! are read several times as fast and take what chains other than Ethereum add or leave out.

use alloy::consensus::Header;
use alloy::eips::eip2930::AccessList;
use alloy::eips::eip7702::SignedAuthorization;
use alloy::primitives::{Address, B64, B256, Bloom, Bytes, U64, U128, U256};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::refusal::Refusal;
use crate::block::Verification;

/// A member that is parsed only if something is checked by it.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Unread<'a>(#[serde(borrow)] Option<&'a RawValue>);

impl Unread<'_> {
    /// Parses the member; `None` if it is absent or null.
    ///
    /// # Errors
    /// If it is there and unreadable; the refusal suggests the level `lower`, which does not read it.
    pub fn read<T: DeserializeOwned>(&self, of: &str, name: &str, lower: Verification) -> Result<Option<T>, Refusal> {
        let Some(raw) = self.0 else { return Ok(None) };
        let refused = |error| Refusal::member(of, name, raw.get(), &error).suggest(lower);
        serde_json::from_str(raw.get()).map(Some).map_err(refused)
    }

    /// Parses the member; `None` if it is absent or unreadable.
    pub fn if_readable<T: DeserializeOwned>(&self) -> Option<T> {
        self.0.and_then(|raw| serde_json::from_str(raw.get()).ok())
    }

    /// The member as it is written; `None` if it is absent or null.
    pub fn text(&self) -> Option<&str> {
        self.0.map(RawValue::get)
    }
}

/// What every level reads of a block.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireBlock<'a> {
    pub hash: B256,
    pub parent_hash: B256,
    pub number: U64,
    /// The largest number of 64 bits where it is larger than that.
    #[serde(deserialize_with = "clamped")]
    pub timestamp: U64,
    #[serde(borrow, default)]
    pub miner: Unread<'a>,
    #[serde(borrow, default)]
    pub author: Unread<'a>,
    #[serde(borrow, default)]
    pub gas_used: Unread<'a>,
    #[serde(borrow, default)]
    pub base_fee_per_gas: Unread<'a>,
    #[serde(borrow, deserialize_with = "or_none")]
    pub transactions: Vec<&'a RawValue>,
}

/// What the hash of a block is taken of: read at `header` and up.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireHeader {
    pub parent_hash: B256,
    #[serde(rename = "sha3Uncles", default)]
    pub ommers_hash: B256,
    #[serde(default)]
    pub miner: Option<Address>,
    #[serde(default)]
    pub author: Option<Address>,
    #[serde(default)]
    pub state_root: B256,
    #[serde(default)]
    pub transactions_root: B256,
    #[serde(default)]
    pub receipts_root: B256,
    #[serde(default)]
    pub logs_bloom: Bloom,
    #[serde(default)]
    pub difficulty: U256,
    pub number: U64,
    #[serde(default)]
    pub gas_limit: U64,
    pub gas_used: U64,
    pub timestamp: U64,
    #[serde(default)]
    pub extra_data: Bytes,
    #[serde(default)]
    pub mix_hash: Option<B256>,
    #[serde(default)]
    pub nonce: Option<B64>,
    #[serde(default)]
    pub base_fee_per_gas: Option<U64>,
    #[serde(default)]
    pub withdrawals_root: Option<B256>,
    #[serde(default)]
    pub blob_gas_used: Option<U64>,
    #[serde(default)]
    pub excess_blob_gas: Option<U64>,
    #[serde(default)]
    pub parent_beacon_block_root: Option<B256>,
    #[serde(default)]
    pub requests_hash: Option<B256>,
    #[serde(default)]
    pub block_access_list_hash: Option<B256>,
    #[serde(default)]
    pub slot_number: Option<U64>,
}

impl WireHeader {
    /// The header, of which the block's hash is taken.
    pub fn header(&self) -> Header {
        let number = |quantity: U64| quantity.to::<u64>();
        Header {
            parent_hash: self.parent_hash,
            ommers_hash: self.ommers_hash,
            beneficiary: self.miner.or(self.author).unwrap_or_default(),
            state_root: self.state_root,
            transactions_root: self.transactions_root,
            receipts_root: self.receipts_root,
            logs_bloom: self.logs_bloom,
            difficulty: self.difficulty,
            number: number(self.number),
            gas_limit: number(self.gas_limit),
            gas_used: number(self.gas_used),
            timestamp: number(self.timestamp),
            extra_data: self.extra_data.clone(),
            mix_hash: self.mix_hash.unwrap_or_default(),
            nonce: self.nonce.unwrap_or_default(),
            base_fee_per_gas: self.base_fee_per_gas.map(number),
            withdrawals_root: self.withdrawals_root,
            blob_gas_used: self.blob_gas_used.map(number),
            excess_blob_gas: self.excess_blob_gas.map(number),
            parent_beacon_block_root: self.parent_beacon_block_root,
            requests_hash: self.requests_hash,
            block_access_list_hash: self.block_access_list_hash,
            slot_number: self.slot_number.map(number),
        }
    }
}

/// What every level reads of a transaction.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireTransaction {
    pub hash: B256,
    #[serde(rename = "from", default, deserialize_with = "recipient")]
    from: Option<Address>,
    #[serde(default, deserialize_with = "recipient")]
    pub to: Option<Address>,
    #[serde(default, deserialize_with = "quantity")]
    pub value: U256,
    #[serde(default, deserialize_with = "readable")]
    nonce: Option<U64>,
    /// Call data has two names, and some nodes give both.
    #[serde(default, deserialize_with = "bytes")]
    input: Option<Bytes>,
    #[serde(default, deserialize_with = "bytes")]
    data: Option<Bytes>,
}

static NO_BYTES: Bytes = Bytes::new();

impl WireTransaction {
    pub fn input(&self) -> &Bytes {
        self.input.as_ref().or(self.data.as_ref()).unwrap_or(&NO_BYTES)
    }

    /// True if the call data stands there twice and differs.
    pub fn contradicts_itself(&self) -> bool {
        self.input.is_some() && self.data.is_some() && self.input != self.data
    }

    /// Who the source says that it is by; zero if it does not say.
    pub fn sender(&self) -> Address {
        self.from.unwrap_or_default()
    }

    /// True if the source says who it is by.
    pub fn names_sender(&self) -> bool {
        self.from.is_some()
    }

    pub fn nonce(&self) -> u64 {
        self.nonce.unwrap_or_default().to()
    }
}

/// Where a transaction says that it stands: read at `header`, and at `full` with what it signs.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WirePlace {
    #[serde(default)]
    pub block_hash: Option<B256>,
    #[serde(default)]
    pub transaction_index: Option<U64>,
}

/// What a transaction's hash and signature are of, beside what every level reads: read at `full`. What its type does not
/// have stays away.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireSigned {
    #[serde(rename = "type", default)]
    pub kind: Option<U64>,
    #[serde(default)]
    pub gas: U64,
    #[serde(default)]
    pub gas_price: Option<U128>,
    #[serde(default)]
    pub max_fee_per_gas: Option<U128>,
    #[serde(default)]
    pub max_priority_fee_per_gas: Option<U128>,
    #[serde(default)]
    pub max_fee_per_blob_gas: Option<U128>,
    #[serde(default)]
    pub blob_versioned_hashes: Option<Vec<B256>>,
    #[serde(default)]
    pub access_list: Option<AccessList>,
    #[serde(default)]
    pub authorization_list: Option<Vec<SignedAuthorization>>,
    #[serde(default)]
    pub chain_id: Option<U64>,
    #[serde(default)]
    pub v: Option<U256>,
    #[serde(default)]
    pub y_parity: Option<U64>,
    #[serde(default)]
    pub r: Option<U256>,
    #[serde(default)]
    pub s: Option<U256>,
    #[serde(default)]
    pub block_hash: Option<B256>,
    #[serde(default)]
    pub transaction_index: Option<U64>,
}

impl WireSigned {
    pub fn place(&self) -> WirePlace {
        WirePlace { block_hash: self.block_hash, transaction_index: self.transaction_index }
    }
}

/// A receipt. Every level reads whose it is and its logs; status, gas and what was created are taken if they can be read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireReceipt<'a> {
    pub transaction_hash: B256,
    #[serde(borrow, default)]
    pub transaction_index: Unread<'a>,
    #[serde(borrow, default)]
    pub block_hash: Unread<'a>,
    #[serde(borrow, default)]
    pub status: Unread<'a>,
    #[serde(borrow, default)]
    pub root: Unread<'a>,
    #[serde(borrow, default)]
    pub cumulative_gas_used: Unread<'a>,
    #[serde(borrow, default)]
    pub gas_used: Unread<'a>,
    #[serde(borrow, default)]
    pub contract_address: Unread<'a>,
    #[serde(borrow, default)]
    pub deposit_nonce: Unread<'a>,
    #[serde(borrow, default)]
    pub deposit_receipt_version: Unread<'a>,
    #[serde(borrow, default)]
    pub base_fee: Unread<'a>,
    #[serde(borrow, default, deserialize_with = "or_none")]
    pub logs: Vec<WireLog<'a>>,
}

/// A log. Its place is read at `header` and up; below, it is that of its row.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireLog<'a> {
    pub address: Address,
    #[serde(default, deserialize_with = "or_none")]
    pub topics: Vec<B256>,
    #[serde(default, deserialize_with = "bytes")]
    pub data: Option<Bytes>,
    #[serde(borrow, default)]
    pub block_hash: Unread<'a>,
    #[serde(borrow, default)]
    pub transaction_hash: Unread<'a>,
    #[serde(borrow, default)]
    pub transaction_index: Unread<'a>,
    #[serde(borrow, default)]
    pub log_index: Unread<'a>,
    #[serde(borrow, default)]
    pub removed: Unread<'a>,
}

/// What some nodes write for what is not there.
fn is_nothing(text: &str) -> bool {
    matches!(text, "\"\"" | "\"0x\"" | "null")
}

/// A list, for which some nodes write null where it is empty.
fn or_none<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Bytes. Some nodes write the number 0 where there are none, which is not even a whole byte.
fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Bytes>, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?;
    if is_nothing(raw.get()) || raw.get() == "\"0x0\"" {
        return Ok(None);
    }
    serde_json::from_str(raw.get()).map(Some).map_err(|_| D::Error::custom("`input` or `data` is not hexadecimal"))
}

/// A number that may be larger than 64 bits hold.
fn clamped<'de, D: Deserializer<'de>>(deserializer: D) -> Result<U64, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?;
    if let Ok(small) = serde_json::from_str(raw.get()) {
        return Ok(small);
    }
    let large = serde_json::from_str::<U256>(raw.get()).map(|_| U64::MAX);
    // The place of the error is that within the member: its name says more.
    large.map_err(|_| D::Error::custom("`timestamp` is no number of seconds"))
}

/// An account, or none: a creation has no recipient, for which some nodes write the number 0.
fn recipient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Address>, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?;
    if is_nothing(raw.get()) || raw.get() == "\"0x0\"" {
        return Ok(None);
    }
    serde_json::from_str(raw.get()).map(Some).map_err(|_| D::Error::custom("`from` or `to` is no address"))
}

fn quantity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<U256, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?;
    if is_nothing(raw.get()) {
        return Ok(U256::ZERO);
    }
    serde_json::from_str(raw.get()).map_err(|_| D::Error::custom("`value` is no number of 256 bits"))
}

fn readable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<U64>, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(raw.get()).ok())
}
