//! What each level reads, and what it does without.

use serde_json::{Value, json};

use super::*;

const LEVELS: [(Verification, &str); 4] = [
    (Verification::None, "none"),
    (Verification::Links, "links"),
    (Verification::Header, "header"),
    (Verification::Full, "full"),
];

fn raw(block: Value, receipts: Value) -> RawBlock {
    let part = |part: &Value| serde_json::value::to_raw_value(part).unwrap();
    RawBlock { chain_id: 1, block: part(&block), receipts: part(&receipts), traces: None, storage: None }
}

/// A block of one transaction with what every level reads, and no more.
fn least() -> (Value, Value) {
    let hash = |digit: char| format!("0x{}", digit.to_string().repeat(64));
    let block = json!({ "hash": hash('1'), "parentHash": hash('2'), "number": "0x7", "timestamp": "0x5",
        "transactions": [{ "hash": hash('3'), "from": format!("0x{:040x}", 1), "to": format!("0x{:040x}", 2), "value": "0x5" }] });
    let log = json!({ "address": format!("0x{:040x}", 2), "topics": [hash('4')], "data": "0x01" });
    let receipts = json!([{ "transactionHash": hash('3'), "logs": [log] }]);
    (block, receipts)
}

/// Decodes the least block with a change at `none` and `links`.
fn check(change: impl Fn(&mut Value, &mut Value), is_right: impl Fn(&Block) -> bool) {
    let (mut block, mut receipts) = least();
    change(&mut block, &mut receipts);
    for (level, name) in &LEVELS[..2] {
        let decoded = decode(&raw(block.clone(), receipts.clone()), *level, "test");
        let decoded = decoded.unwrap_or_else(|refusal| panic!("{name}: {refusal}\n{block}"));
        assert!(is_right(&decoded), "{name}: {decoded:?}");
    }
}

/// Decodes the least block with a change at a level, and expects these words in the refusal.
fn refused(level: Verification, change: impl Fn(&mut Value, &mut Value), expected: &[&str]) {
    let (mut block, mut receipts) = least();
    change(&mut block, &mut receipts);
    let refusal = decode(&raw(block, receipts), level, "test").map(drop).unwrap_err().to_string();
    for part in expected {
        assert!(refusal.contains(part), "`{part}` is not in: {refusal}");
    }
}

#[test]
fn what_no_check_needs_is_not_read() {
    check(|_, _| {}, |block| block.transactions.len() == 1 && block.logs.len() == 1);
    let header = [
        "sha3Uncles",
        "stateRoot",
        "transactionsRoot",
        "receiptsRoot",
        "logsBloom",
        "difficulty",
        "gasLimit",
        "gasUsed",
        "extraData",
        "mixHash",
        "nonce",
        "baseFeePerGas",
        "withdrawalsRoot",
        "blobGasUsed",
        "excessBlobGas",
        "parentBeaconBlockRoot",
        "requestsHash",
        "miner",
        "author",
        "size",
        "totalDifficulty",
        "uncles",
    ];
    let odd = [
        json!("0x"),
        json!(""),
        json!(null),
        json!("0x0"),
        json!(1e21),
        json!({ "a": [] }),
        json!("0x3635c9adc5dea00000"),
    ];
    for value in &odd {
        for name in header {
            check(|block, _| block[name] = value.clone(), |block| block.number == 7);
        }
        for name in [
            "type",
            "gas",
            "gasPrice",
            "v",
            "r",
            "s",
            "yParity",
            "accessList",
            "authorizationList",
            "nonce",
            "blockHash",
            "transactionIndex",
            "chainId",
            "blobVersionedHashes",
            "maxFeePerGas",
        ] {
            check(|block, _| block["transactions"][0][name] = value.clone(), |block| block.transactions.len() == 1);
        }
        for name in [
            "blockHash",
            "transactionIndex",
            "status",
            "gasUsed",
            "cumulativeGasUsed",
            "contractAddress",
            "root",
            "logsBloom",
            "effectiveGasPrice",
            "type",
        ] {
            check(|_, receipts| receipts[0][name] = value.clone(), |block| block.logs.len() == 1);
        }
        for name in ["blockHash", "transactionHash", "transactionIndex", "logIndex", "removed", "blockNumber"] {
            check(|_, receipts| receipts[0]["logs"][0][name] = value.clone(), |block| block.logs.len() == 1);
        }
    }
    check(|block, _| block["transactions"][0]["to"] = json!("0x"), |block| block.transactions.is_creation == [1]);
    check(
        |block, _| block["transactions"][0]["value"] = json!("0x"),
        |block| block.transactions.value.get(0) == &[0; 32],
    );
}

#[test]
fn what_is_null_where_a_list_or_bytes_should_be_is_empty() {
    check(
        |block, receipts| (block["transactions"], *receipts) = (json!(null), json!([])),
        |block| block.transactions.is_empty(),
    );
    check(|_, receipts| receipts[0]["logs"] = json!(null), |block| block.logs.is_empty());
    check(|_, receipts| receipts[0]["logs"][0]["topics"] = json!(null), |block| block.logs.topic_count == [0]);
    for nothing in [json!(null), json!("0x0"), json!("0x"), json!("")] {
        check(
            |_, receipts| receipts[0]["logs"][0]["data"] = nothing.clone(),
            |block| block.logs.data.get(0).is_empty(),
        );
        check(
            |block, _| block["transactions"][0]["input"] = nothing.clone(),
            |block| block.transactions.input.get(0).is_empty(),
        );
        check(
            |block, _| block["transactions"][0]["to"] = nothing.clone(),
            |block| block.transactions.is_creation == [1],
        );
        let nobody = |block: &mut Value, _: &mut Value| block["transactions"][0]["from"] = nothing.clone();
        check(nobody, |block| block.transactions.sender.get(0) == [0; 20] && !block.assurance.exceptions.is_empty());
    }
    refused(Verification::None, |block, _| drop(block.as_object_mut().unwrap().remove("transactions")), &["`"]);
}

#[test]
fn receipts_in_another_order_and_of_no_transaction_are_told() {
    let hash = |digit: char| format!("0x{}", digit.to_string().repeat(64));
    let two = |block: &mut Value, receipts: &mut Value| {
        let mut second = block["transactions"][0].clone();
        second["hash"] = json!(hash('5'));
        block["transactions"].as_array_mut().unwrap().push(second);
        let mut receipt = receipts[0].clone();
        (receipt["transactionHash"], receipt["logs"]) = (json!(hash('5')), json!([]));
        receipts.as_array_mut().unwrap().insert(0, receipt);
    };
    let says = |block: &Block, part: &str| block.assurance.exceptions.iter().any(|said| said.contains(part));
    check(two, |block| block.logs.transaction_index == [0] && says(block, "another order"));
    // Of no transaction of the block, of one twice, and none at all.
    let (mut block, mut receipts) = least();
    two(&mut block, &mut receipts);
    let list = receipts.as_array_mut().unwrap();
    let (mut stranger, again) = (list[1].clone(), list[0].clone());
    stranger["transactionHash"] = json!(hash('9'));
    list.extend([stranger, again, json!(null)]);
    let decoded = decode(&raw(block.clone(), receipts.clone()), Verification::None, "test").unwrap();
    assert_eq!((decoded.transactions.len(), decoded.logs.len()), (2, 1));
    assert!(says(&decoded, "2 receipts are of no transaction"), "{:?}", decoded.assurance.exceptions);
    let refusal = decode(&raw(block, receipts), Verification::Links, "test").unwrap_err().to_string();
    assert!(refusal.contains("receipt-count") && refusal.contains("verify = \"none\""), "{refusal}");
}

#[test]
fn a_member_under_two_names_is_one() {
    let address = format!("0x{:040x}", 9);
    let twice = |block: &mut Value, _: &mut Value| {
        (block["miner"], block["author"]) = (json!(address), json!(address));
        let transaction = &mut block["transactions"][0];
        (transaction["input"], transaction["data"]) = (json!("0xaa"), json!("0xaa"));
    };
    check(twice, |block| block.beneficiary.0[19] == 9 && block.transactions.input.get(0) == [0xaa]);
    check(|block, _| block["author"] = json!(address), |block| block.beneficiary.0[19] == 9);
    check(
        |block, _| block["transactions"][0]["data"] = json!("0xaa"),
        |block| block.transactions.input.get(0) == [0xaa],
    );
    let differ = |block: &mut Value, _: &mut Value| {
        (block["miner"], block["author"]) = (json!(address), json!(format!("0x{:040x}", 8)));
    };
    refused(Verification::None, differ, &["two beneficiaries"]);
    let differ = |block: &mut Value, _: &mut Value| {
        (block["transactions"][0]["input"], block["transactions"][0]["data"]) = (json!("0xaa"), json!("0xbb"));
    };
    refused(Verification::None, differ, &["call data in transaction 0, as `input` and as `data`"]);
}

#[test]
fn a_refusal_names_the_member_and_the_level_that_does_without() {
    let base_fee = |block: &mut Value, _: &mut Value| block["baseFeePerGas"] = json!("0x3635c9adc5dea00000");
    refused(Verification::Header, base_fee, &["`baseFeePerGas`", "verify = \"links\""]);
    let bloom = |block: &mut Value, _: &mut Value| block["logsBloom"] = json!("0x");
    refused(Verification::Full, bloom, &["`logsBloom`", "verify = \"links\""]);
    refused(Verification::Header, |_, _| {}, &["gasUsed", "verify = \"links\""]);
    let gas = |block: &mut Value, _: &mut Value| block["gasUsed"] = json!("0x0");
    refused(Verification::Header, gas, &["block-hash", "verify = \"links\""]);
    refused(Verification::None, |block, _| block["parentHash"] = json!("0x12"), &["`parentHash`"]);
    refused(Verification::None, |block, _| block["timestamp"] = json!(-1), &["`timestamp`"]);
    refused(Verification::None, |block, _| block["transactions"][0]["to"] = json!("0x12"), &["`to`"]);
    refused(Verification::None, |block, _| block["transactions"][0]["input"] = json!("0x1"), &["`input`"]);
    refused(Verification::Links, |_, receipts| *receipts = json!([]), &["receipt-count", "verify = \"none\""]);
    refused(Verification::None, |block, _| block["number"] = json!("0xffffffffffffffff"), &["an absurd height"]);
    let swapped =
        |_: &mut Value, receipts: &mut Value| receipts[0]["transactionHash"] = json!(format!("0x{}", "9".repeat(64)));
    refused(Verification::None, swapped, &["receipt-transaction"]);
}

#[test]
fn what_is_odd_and_taken_in_stands_with_the_block() {
    let says =
        |part: &'static str| move |block: &Block| block.assurance.exceptions.iter().any(|said| said.contains(part));
    check(|block, _| block["baseFeePerGas"] = json!("0x3635c9adc5dea00000"), says("its base fee"));
    check(|_, receipts| receipts[0]["logs"][0]["logIndex"] = json!("0x9"), says("log indexes"));
    let late = |block: &mut Value, _: &mut Value| block["timestamp"] = json!("0xffffffffffffffff");
    check(late, says("after the year 9999"));
    check(late, |block| block.timestamp_s == LATEST_S);
    let later = |block: &mut Value, _: &mut Value| block["timestamp"] = json!("0x10000000000000000");
    check(later, |block| block.timestamp_s == LATEST_S && !block.assurance.exceptions.is_empty());
    let (block, _) = least();
    let without = decode_block(&raw(block, json!([])), Verification::None.into(), "test").unwrap();
    assert_eq!(without.missing.len(), 1);
    assert_eq!((without.block.transactions.status, without.block.logs.len()), (vec![0], 0));
}

/// Reads a case of `../shared/cases` at each level; `none` and up to which the block passes, and what the first refusal says.
fn shared(name: &str, passes: usize, says: &str) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/cases/");
    let Ok(text) = std::fs::read_to_string(format!("{path}{name}")) else {
        println!("skipped: ../shared/cases/{name} is not here");
        return;
    };
    for block in serde_json::Deserializer::from_str(&text).into_iter::<RawBlock>() {
        let block = block.unwrap();
        let passed: Vec<_> = LEVELS.iter().map(|(level, _)| decode(&block, *level, name)).collect();
        let count = passed.iter().take_while(|decoded| decoded.is_ok()).count();
        if count == 4 {
            // Of several blocks, those without the peculiarity.
            continue;
        }
        let refusal = passed[count].as_ref().unwrap_err().to_string();
        assert_eq!(count, passes, "{name}: {refusal}");
        assert!(refusal.contains(says), "{name}: {refusal}");
    }
}

#[test]
fn shared_cases_give_their_right_values() {
    let links = "set `verify = \"links\"`";
    shared("01-author-and-miner/bittensor-6646068.raw.json", 2, links);
    shared("01-author-and-miner/data-and-input-only.raw.json", 3, "transaction-hash");
    shared("02-empty-hex-for-hash/tron-67765895.raw.json", 2, "`stateRoot`");
    shared("02-empty-hex-for-hash/flow-bloom.raw.json", 2, "`logsBloom`");
    shared("02-empty-hex-for-hash/hedera-mixhash-nonce.raw.json", 2, "`mixHash`");
    shared("04-base-fee-over-u64/stable-1e21.raw.json", 2, "`baseFeePerGas`");
    shared("04-base-fee-over-u64/stable-1e21-as-number.raw.json", 2, "`baseFeePerGas`");
    shared("05-log-index-not-contiguous/cronos-11446765.raw.json", 2, links);
    shared("05-log-index-not-contiguous/stable-testnet-42767022.raw.json", 2, links);
    for number in [6_541, 68_216, 131_465] {
        shared(&format!("06-transaction-without-receipt/cronos-{number}.raw.json"), 1, "set `verify = \"none\"`");
    }
    shared("08-polygon-state-sync/chain.raw.jsonl", 2, links);
    shared("09-header-with-more-fields/fuji-58119344.raw.json", 3, "receipts-root");
    shared("09-header-with-more-fields/tempo-mainnet-17708868.raw.json", 2, links);
    shared("09-header-with-more-fields/cronos-10000.raw.json", 2, links);
    shared("10-fetch-on-an-l2/zora-49513698.raw.json", 4, "");
    shared("10-fetch-on-an-l2/arbitrum-150000000.raw.json", 4, "");
    shared("11-frame-kinds/invalid.raw.jsonl", 3, "transaction-hash");
    shared("27-timestamp-over-i64/chain.raw.jsonl", 4, "");
}
