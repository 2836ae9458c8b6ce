//! Blocks and receipts as nodes write them in JSON, without a word believed.
//!
//! alloy's own types for this go through tagged and flattened enums, which copy the whole document; these
//! are read several times as fast and take what chains other than Ethereum add or leave out.

use alloy::consensus::Header;
use alloy::eips::eip2930::AccessList;
use alloy::eips::eip7702::SignedAuthorization;
use alloy::primitives::{Address, B64, B256, Bloom, Bytes, U64, U128, U256};
use serde::Deserialize;

/// A block with full transactions.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireBlock {
    pub hash: B256,
    pub parent_hash: B256,
    #[serde(rename = "sha3Uncles", default)]
    pub ommers_hash: B256,
    #[serde(rename = "miner", alias = "author", default)]
    pub beneficiary: Address,
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
    pub transactions: Vec<WireTransaction>,
}

impl WireBlock {
    /// The header, of which the block's hash is taken.
    pub fn header(&self) -> Header {
        let number = |quantity: U64| quantity.to::<u64>();
        Header {
            parent_hash: self.parent_hash,
            ommers_hash: self.ommers_hash,
            beneficiary: self.beneficiary,
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

/// A transaction of any type; what its type does not have stays away.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireTransaction {
    pub hash: B256,
    pub from: Address,
    #[serde(default)]
    pub to: Option<Address>,
    #[serde(default)]
    pub nonce: U64,
    #[serde(default)]
    pub value: U256,
    #[serde(alias = "data", default)]
    pub input: Bytes,
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

/// A receipt.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireReceipt {
    pub transaction_hash: B256,
    #[serde(default)]
    pub transaction_index: Option<U64>,
    #[serde(default)]
    pub block_hash: Option<B256>,
    #[serde(default)]
    pub status: Option<U64>,
    #[serde(default)]
    pub root: Option<B256>,
    pub cumulative_gas_used: U64,
    pub gas_used: U64,
    #[serde(default)]
    pub contract_address: Option<Address>,
    pub logs: Vec<WireLog>,
}

/// A log.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireLog {
    pub address: Address,
    pub topics: Vec<B256>,
    #[serde(default)]
    pub data: Bytes,
    #[serde(default)]
    pub block_hash: Option<B256>,
    #[serde(default)]
    pub transaction_hash: Option<B256>,
    #[serde(default)]
    pub transaction_index: Option<U64>,
    #[serde(default)]
    pub log_index: Option<U64>,
    #[serde(default)]
    pub removed: bool,
}
