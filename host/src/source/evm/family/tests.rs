//! Real blocks at each level, and the table of it in the docs.

use alloy::primitives::{B256, U128, b256, keccak256};
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
const BLOCKS: [(&str, &str, &str, &str); 9] = [
    ("Ethereum 1000000", "ethereum", "full", include_str!("blocks/ethereum-1000000.json")),
    ("Hyperliquid 50000", "ethereum", "full", include_str!("blocks/hyperliquid-50000.json")),
    ("Zora 49513698", "op-stack", "full", include_str!("blocks/zora-49513698.json")),
    ("Arbitrum One 150000000", "arbitrum", "full", include_str!("blocks/arbitrum-150000000.json")),
    ("Fuji 58119344", "avalanche", "full", include_str!("blocks/fuji-58119344.json")),
    ("Cronos 10000", "cosmos-evm", "links", include_str!("blocks/cronos-10000.json")),
    ("Stable testnet 59083166", "cosmos-evm", "links", include_str!("blocks/stable-testnet-59083166.json")),
    ("Tempo 20636966", "other", "links", include_str!("blocks/tempo-mainnet-20636966.json")),
    ("Bittensor testnet 6646068", "other", "links", include_str!("blocks/bittensor-testnet-6646068.json")),
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
        assert!(named.level() <= passes.unwrap().0, "{name}: refused by default");
        if let Some(refusal) = refusal {
            assert!(refusal.to_string().contains("verify = "), "{name}: {refusal}");
        }
    }
}

/// Larger ones, which are beside this repository.
#[test]
fn real_blocks_of_the_shared_folder_are_taken_in_by_default() {
    let docs = include_str!("../../../../../docs/node.md");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/cases/00-real-blocks");
    let Ok(entries) = std::fs::read_dir(folder) else {
        println!("skipped: ../shared/cases is not here");
        return;
    };
    let files =
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|end| end == "json"));
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let raw: RawBlock = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let family = Family::of_chain(raw.chain_id);
        let taken = decode(&raw, family.level(), &name);
        assert!(taken.is_ok(), "{name}: {:?}", taken.err());
        if name.starts_with("polygon-50000000") {
            assert_eq!((family, family.level()), (Family::Polygon, Verification::Full));
            assert!(docs.contains("| Polygon 50000000 | `polygon` | `full` |"));
        }
    }
}

/// A header that commits to receipts of earlier blocks says nothing of its own.
#[test]
fn what_a_header_settles_later_is_the_sources_word_and_the_rest_is_checked() {
    let change = |change: &dyn Fn(&mut Value)| {
        let mut block: Value = serde_json::from_str(BLOCKS[4].3).unwrap();
        change(&mut block);
        let raw: RawBlock = serde_json::from_str(&block.to_string()).unwrap();
        decode(&raw, Verification::Full, "test").map_err(|refusal| refusal.check)
    };
    let block = change(&|_| {}).unwrap();
    assert!(block.assurance.exceptions.iter().any(|said| said.contains("receipts of earlier blocks")));
    assert_eq!(change(&|block| block["receipts"][0]["status"] = json!("0x0")).unwrap().transactions.status, [0]);
    let from = |block: &mut Value| block["block"]["transactions"][0]["from"] = json!(format!("0x{:040x}", 7));
    assert_eq!(change(&from).map(drop), Err(Check::Sender));
    let value = |block: &mut Value| block["block"]["transactions"][0]["value"] = json!("0x1");
    assert_eq!(change(&value).map(drop), Err(Check::TransactionHash));
    assert_eq!(change(&|block| block["block"]["settledHeight"] = json!("0x1")).map(drop), Err(Check::BlockHash));
}

/// A real transaction of Celo's block 32,460,725, whose fee was paid in a token.
#[test]
fn a_transaction_that_pays_in_a_token_hashes_to_its_hash_and_is_its_signers() {
    let transaction = json!({ "type": "0x7b", "chainId": "0xa4ec", "nonce": "0x705", "gas": "0x3644c", "value": "0x0",
        "from": "0xefe945ee33ce4ab037ff4d1e1384d0efcd95f37b", "to": "0x7a1e295c4babdf229776680c93ed0f73d069abc0",
        "hash": "0x2499b178a0e54fb856354bb53c9cb0fe2d1f70b2e6c876f6470e7a6e5090f3ac", "accessList": [], "v": "0x0", "yParity": "0x0",
        "maxFeePerGas": "0x26442dbed", "maxPriorityFeePerGas": "0x4d7ee", "feeCurrency": "0x2f25deb3848c207fc8e0c34035b3ba7fc157602b",
        "input": "0xcac35c7a290decd9548b62a8d60345a988386fc84ba6bc95484008f6362f93160ef3e563",
        "r": "0xaa0cfaa3df893578b3504062b862428f0e4a94046370cf2a4fd6c392c0760dd8",
        "s": "0x1337d022bbb8faed78a9707e6c38d51f575816e7f85aa540f3d37a9081c58a71" });
    let (raw, wire) = wire(&transaction);
    let signed = Family::Celo.encode_signed(0x7b, 0, &wire, &raw).unwrap().unwrap();
    assert_eq!(keccak256(&signed.encoded), wire.hash);
    assert_eq!(signed.proof.recover(), Some(wire.sender()));
    assert!(Family::OpStack.encode_signed(0x7b, 0, &wire, &raw).is_none());
    let members = ReceiptMembers { base_fee: Some(U128::from(0x1_adff_4f03_u64)), ..ReceiptMembers::default() };
    assert_eq!(Family::Celo.receipt_tail(0x7b, members), [0x85, 0x01, 0xad, 0xff, 0x4f, 0x03]);
    assert_eq!(Family::Celo.receipt_tail(2, members), [0; 0], "of other types only what Ethereum has");
}

/// A message of the docs of Morph, which has Scroll's encoding.
#[test]
fn a_message_hashes_to_its_hash() {
    let input = "0x8ef1332e00000000000000000000000082c74cd310438d4938799af4c2a29587284a2ca700000000000000000000000053000000000000000000000000000000000000060000000000000000000000000000000000000000000000000de0b6b3a7640000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000a000000000000000000000000000000000000000000000000000000000000000a4232e8748000000000000000000000000f1d598fd5f8367be41b0761696e643ac092b313e000000000000000000000000f1d598fd5f8367be41b0761696e643ac092b313e0000000000000000000000000000000000000000000000000de0b6b3a76400000000000000000000000000000000000000000000000000000000000000000080000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000";
    let transaction = json!({ "type": "0x7e", "from": "0x59b79a4fc3e0e1646b254fb6804d8f5fa8fae7e0", "gas": "0x33450", "value": "0x0",
        "hash": "0x74e13cc35fbeffc9747dd3a5a191b2d62939ee1d1c24651adb89b470f9cf0a36", "nonce": "0x0", "input": input,
        "to": "0x5300000000000000000000000000000000000007", "queueIndex": "0x0" });
    let (raw, wire) = wire(&transaction);
    let message = Family::Scroll.encode(0x7e, 0, &wire, &raw).unwrap().unwrap();
    assert_eq!((keccak256(&message.encoded), message.sender), (wire.hash, wire.sender()));
}

fn wire(transaction: &Value) -> (Box<RawValue>, WireTransaction) {
    let raw = serde_json::value::to_raw_value(transaction).unwrap();
    let wire = serde_json::from_str(raw.get()).unwrap();
    (raw, wire)
}

/// What a chain was before it became what it is now can't be recomputed.
#[test]
fn blocks_of_a_chains_earlier_make_are_checked_as_far_as_they_can_be() {
    for (chain, family, first) in table::REMADE {
        assert_eq!(Family::of_chain(*chain), *family);
        assert_eq!(family.most(*chain, first - 1), Verification::Links);
        assert_eq!((family.most(*chain, *first), family.most(1, 5)), (Verification::Full, Verification::Full));
    }
    let mut block: Value = serde_json::from_str(BLOCKS[3].3).unwrap();
    block["block"]["number"] = json!("0x1");
    let raw: RawBlock = serde_json::from_str(&block.to_string()).unwrap();
    let old = decode(&raw, Verification::Full, "test").unwrap().assurance;
    assert_eq!(old.verification, Verification::Links);
    assert!(old.exceptions.iter().any(|said| said.contains("can't be recomputed")));
}

/// A state sync of the second kind stands in the roots by bytes that nobody gives; of the first kind, its counts are its own.
#[test]
fn a_state_sync_holds_up_no_other_check() {
    assert!(Family::Polygon.is_opaque(0x7f) && !Family::Polygon.is_opaque(2) && !Family::Ethereum.is_opaque(0x7f));
    assert!(Family::Polygon.has_type(0x7f) && !Family::Bsc.has_type(0x7f));
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
    let rules = Rules { family: Some(Family::Ethereum), ..Verification::Full.into() };
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
