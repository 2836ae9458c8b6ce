//! Real blocks at each level, and the table of it in the docs.

use alloy::primitives::{B256, b256};
use serde_json::{Value, json};

use super::*;
use crate::source::evm::decode::decode;
use crate::source::raw::RawBlock;

const LEVELS: [(Verification, &str); 4] = [
    (Verification::None, "none"),
    (Verification::Links, "links"),
    (Verification::Header, "header"),
    (Verification::Full, "full"),
];

/// A real block: its chain and height as people say them, the family that its chain's id stands for, the highest level at
/// which it is taken in, and its JSON.
const BLOCKS: [(&str, &str, &str, &str); 8] = [
    ("Ethereum 1000000", "ethereum", "full", include_str!("blocks/ethereum-1000000.json")),
    ("Hyperliquid 50000", "ethereum", "full", include_str!("blocks/hyperliquid-50000.json")),
    ("Zora 49513698", "op-stack", "full", include_str!("blocks/zora-49513698.json")),
    ("Arbitrum One 150000000", "arbitrum", "full", include_str!("blocks/arbitrum-150000000.json")),
    ("Fuji 58119344", "avalanche", "header", include_str!("blocks/fuji-58119344.json")),
    ("Cronos 10000", "cosmos-evm", "links", include_str!("blocks/cronos-10000.json")),
    ("Stable testnet 59083166", "cosmos-evm", "links", include_str!("blocks/stable-testnet-59083166.json")),
    ("Tempo 20636966", "ethereum", "links", include_str!("blocks/tempo-mainnet-20636966.json")),
];

#[test]
fn real_blocks_pass_at_the_levels_that_the_docs_say() {
    let docs = include_str!("../../../../../docs/node.md");
    for (name, family, level, text) in BLOCKS {
        let raw: RawBlock = serde_json::from_str(text).unwrap();
        let named: Family = serde_json::from_value(json!(family)).unwrap();
        assert_eq!(Family::of_chain(raw.chain_id), named, "{name}");
        let passes = LEVELS.iter().take_while(|(level, _)| decode(&raw, *level, name).is_ok()).last();
        let refusal = LEVELS.iter().find_map(|(level, _)| decode(&raw, *level, name).err());
        assert_eq!(passes.map(|(_, level)| *level), Some(level), "{name}: {refusal:?}");
        let row = format!("| {name} | `{family}` | `{level}` |");
        assert!(docs.contains(&row), "docs/node.md has no row {row}");
        assert!(named.level() <= passes.unwrap().0 || named == Family::Ethereum, "{name}: refused by default");
        if let Some(refusal) = refusal {
            assert!(refusal.to_string().contains("verify = "), "{name}: {refusal}");
        }
    }
}

/// What a header does not cover is refused where the family says that it does.
#[test]
fn a_deposit_and_its_receipt_are_held_against_the_roots() {
    let change = |change: &dyn Fn(&mut Value)| {
        let mut block: Value = serde_json::from_str(BLOCKS[2].3).unwrap();
        change(&mut block);
        let raw: RawBlock = serde_json::from_str(&block.to_string()).unwrap();
        decode(&raw, Verification::Full, "test").map(drop).map_err(|refusal| refusal.check)
    };
    assert_eq!(change(&|_| {}), Ok(()));
    let transaction = |name: &'static str, value: Value| {
        change(&move |block| block["block"]["transactions"][0][name] = value.clone())
    };
    assert_eq!(transaction("mint", json!("0x1")), Err(Check::TransactionHash));
    assert_eq!(transaction("from", json!(format!("0x{:040x}", 7))), Err(Check::TransactionHash));
    assert_eq!(transaction("sourceHash", json!(null)), Err(Check::Shape));
    assert_eq!(change(&|block| block["receipts"][0]["depositNonce"] = json!("0x1")), Err(Check::ReceiptsRoot));
    assert_eq!(change(&|block| block["receipts"][0]["status"] = json!("0x0")), Err(Check::ReceiptsRoot));
    // As another family, the same block has a type that is not known.
    let raw: RawBlock = serde_json::from_str(BLOCKS[2].3).unwrap();
    let rules = Rules { level: Verification::Full, family: Some(Family::Ethereum) };
    let refusal = decode(&raw, rules, "test").unwrap_err().to_string();
    assert!(refusal.contains("set its `family`"), "{refusal}");
}

/// By Bor's rule: prefix, height, hash.
#[test]
fn a_state_sync_is_known_by_its_derived_hash() {
    let block = b256!("0xed6bc55b0c0ec7b5ba4ee22e8d0ac9b1f2a7d1c0f10a4f2c8f7d86c9a5a0d9d1");
    let sync = polygon::state_sync(50_331_648, block);
    assert!(Family::Polygon.is_outside(sync, 50_331_648, block));
    assert!(!Family::Polygon.is_outside(sync, 50_331_649, block), "of another block");
    assert!(!Family::Ethereum.is_outside(sync, 50_331_648, block));
    assert!(!Family::Polygon.is_outside(B256::ZERO, 50_331_648, block));
}

#[test]
fn each_chain_is_of_one_family() {
    let mut ids: Vec<ChainId> = table::FAMILIES.iter().flat_map(|(_, ids)| ids.iter().copied()).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "an id stands there twice");
    assert_eq!(Family::of_chain(8_453), Family::OpStack);
    assert_eq!(Family::of_chain(1), Family::Ethereum);
    assert_eq!(Family::of_chain(31_337), Family::Ethereum);
}
