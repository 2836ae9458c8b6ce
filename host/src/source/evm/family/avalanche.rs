//! Avalanche's C-Chain: headers with more members.

use alloy::consensus::Header;
use alloy::primitives::{B256, U64, U256, keccak256};
use alloy::rlp::Encodable;
use serde::Deserialize;
use serde_json::value::RawValue;

/// What its headers have beside Ethereum's. Each of the optional ones stands only where those after it do.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Members {
    ext_data_hash: B256,
    #[serde(default)]
    ext_data_gas_used: Option<U256>,
    #[serde(default)]
    block_gas_cost: Option<U256>,
    #[serde(default)]
    timestamp_milliseconds: Option<U64>,
    #[serde(default)]
    min_delay_excess: Option<U64>,
    #[serde(default)]
    target_exponent: Option<U64>,
    #[serde(default)]
    min_price_exponent: Option<U64>,
    #[serde(default)]
    settled_height: Option<U64>,
    #[serde(default)]
    settled_gas_unix: Option<U64>,
    #[serde(default)]
    settled_gas_numerator: Option<U64>,
    #[serde(default)]
    settled_excess: Option<U64>,
}

/// True if a header has the members of blocks that are executed after they were accepted: its receipts are those of the blocks
/// that it settles.
pub(super) fn settles_later(block: &RawValue) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Settled {
        #[serde(default)]
        settled_height: Option<U64>,
    }
    serde_json::from_str::<Settled>(block.get()).is_ok_and(|settled| settled.settled_height.is_some())
}

/// Returns the hash of a header as Coreth takes it.
///
/// # Errors
/// If a member of it is unreadable.
pub(super) fn hash(header: &Header, block: &RawValue) -> serde_json::Result<B256> {
    let members: Members = serde_json::from_str(block.get())?;
    let mut items = Vec::with_capacity(640);
    let all = &mut items;
    header.parent_hash.encode(all);
    header.ommers_hash.encode(all);
    header.beneficiary.encode(all);
    header.state_root.encode(all);
    header.transactions_root.encode(all);
    header.receipts_root.encode(all);
    header.logs_bloom.encode(all);
    header.difficulty.encode(all);
    header.number.encode(all);
    header.gas_limit.encode(all);
    header.gas_used.encode(all);
    header.timestamp.encode(all);
    header.extra_data.encode(all);
    header.mix_hash.encode(all);
    header.nonce.encode(all);
    members.ext_data_hash.encode(all);
    let number = |number: Option<u64>| number.map(|number| encoded(&number));
    let quantity = |quantity: Option<U64>| number(quantity.map(|quantity| quantity.to()));
    let optional = [
        number(header.base_fee_per_gas),
        members.ext_data_gas_used.map(|gas| encoded(&gas)),
        members.block_gas_cost.map(|cost| encoded(&cost)),
        number(header.blob_gas_used),
        number(header.excess_blob_gas),
        header.parent_beacon_block_root.map(|root| encoded(&root)),
        quantity(members.timestamp_milliseconds),
        quantity(members.min_delay_excess),
        quantity(members.target_exponent),
        quantity(members.min_price_exponent),
        quantity(members.settled_height),
        quantity(members.settled_gas_unix),
        quantity(members.settled_gas_numerator),
        quantity(members.settled_excess),
    ];
    let there = optional.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
    for item in &optional[..there] {
        match item {
            Some(item) => all.extend_from_slice(item),
            None => all.push(alloy::rlp::EMPTY_STRING_CODE),
        }
    }
    let mut list = Vec::with_capacity(items.len() + 4);
    alloy::rlp::Header { list: true, payload_length: items.len() }.encode(&mut list);
    list.extend_from_slice(&items);
    Ok(keccak256(list))
}

fn encoded(item: &dyn Encodable) -> Vec<u8> {
    let mut bytes = Vec::new();
    item.encode(&mut bytes);
    bytes
}
