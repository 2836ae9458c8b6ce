use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::*;
use crate::source::evm::family::Recover;

const MAINNET: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/mainnet");

/// The files of the real blocks; none, with one visible line, where they are not here.
fn files() -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(MAINNET) else {
        assert!(std::env::var_os("CI").is_none(), "../shared/data is not here");
        println!("skipped: ../shared/data is not here");
        return Vec::new();
    };
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn read(file: &Path) -> Value {
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(file).unwrap()).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn raw(recording: &Value) -> RawBlock {
    let part = |name: &str| serde_json::value::to_raw_value(&recording[name]).unwrap();
    let optional = |name: &str| recording.get(name).map(|_| part(name));
    RawBlock {
        chain_id: recording["chain_id"].as_u64().unwrap_or(1),
        block: part("block"),
        receipts: part("receipts"),
        traces: optional("traces"),
        storage: optional("storage"),
    }
}

#[test]
fn all_real_blocks_pass() {
    let files = files();
    let (mut transactions, mut logs, mut frames, mut exceptions) = (0, 0, 0, Vec::new());
    for recording in files.iter().map(|file| read(file)) {
        let block = decode(&raw(&recording), Verification::Full, "test").unwrap_or_else(|refusal| panic!("{refusal}"));
        assert_eq!(block.hash.to_string(), recording["block"]["hash"].as_str().unwrap());
        transactions += block.transactions.len();
        logs += block.logs.len();
        frames += block.frames.as_ref().unwrap().len();
        if !block.assurance.exceptions.is_empty() {
            exceptions.push(block.number);
        }
        let header = decode(&raw(&recording), Verification::Header, "test").unwrap();
        assert_eq!((header.transactions, header.logs), (block.transactions, block.logs), "a level changed the rows");
    }
    if !files.is_empty() {
        assert_eq!((files.len(), transactions, logs, frames), (42, 9_489, 6_740, 23_760));
        assert!(exceptions.len() == 10 && exceptions.iter().all(|number| *number < 4_370_000));
    }
}

/// Whoever asks later gets the same senders; and a node that has others is not believed.
#[test]
fn senders_that_are_recovered_later_are_those_of_the_signatures() {
    let later = Rules { recover: Recover::Later, ..Verification::Full.into() };
    let (mut open, mut count) = (0, 0);
    for recording in files().iter().map(|file| read(file)) {
        let now = decode(&raw(&recording), Verification::Full, "test").unwrap();
        let block = decode(&raw(&recording), later, "test").unwrap();
        assert_eq!(now.transactions.sender.open(), 0);
        (open, count) = (open + block.transactions.sender.open(), count + block.transactions.len());
        assert_eq!((&block.transactions, &block.frames), (&now.transactions, &now.frames));
        assert_eq!(block.transactions.sender.open(), 0, "they were not asked for");
        if now.transactions.len() < 16 {
            continue;
        }
        // One of them is checked at once, so that a node whose every sender is another is refused.
        let others = |at: &[usize]| {
            let mut lie = recording.clone();
            lie.as_object_mut().unwrap().remove("traces");
            at.iter().for_each(|at| lie["block"]["transactions"][*at]["from"] = json!(format!("0x{:040x}", 7)));
            decode(&raw(&lie), later, "test").map_err(|refusal| refusal.check)
        };
        let all: Vec<usize> = (0..now.transactions.len()).collect();
        assert_eq!(others(&all).err(), Some(Check::Sender));
        if let Some(block) = all.iter().find_map(|at| others(&[*at]).ok()) {
            assert_eq!(block.transactions.sender, now.transactions.sender, "the node's word counts");
        }
    }
    assert!(count == 0 || open > count * 8 / 10, "{open} of {count} were left for later");
}

/// Tampers with block 19,929,064 and sees which check refuses it; `None` where it must pass.
fn check(level: Verification, tamper: impl FnOnce(&mut Value), expected: Option<Check>) {
    let Some(file) = files().into_iter().find(|file| file.ends_with("19929064.json.gz")) else {
        return;
    };
    let mut recording = read(&file);
    tamper(&mut recording);
    let came = decode(&raw(&recording), level, "test");
    assert_eq!(came.as_ref().err().map(|refusal| refusal.check), expected, "{came:?}");
}

/// The first receipt with a log.
fn logging(recording: &mut Value) -> &mut Value {
    let receipts = recording["receipts"].as_array_mut().unwrap();
    receipts.iter_mut().find(|receipt| !receipt["logs"].as_array().unwrap().is_empty()).unwrap()
}

#[test]
fn a_header_that_was_changed_is_refused() {
    let full = Verification::Full;
    let other = json!("0x1111111111111111111111111111111111111111111111111111111111111111");
    check(full, |_| {}, None);
    check(full, |block| block["block"]["parentHash"] = other.clone(), Some(Check::BlockHash));
    check(full, |block| block["block"]["hash"] = other.clone(), Some(Check::BlockHash));
    check(full, |block| block["block"]["timestamp"] = json!("0x1"), Some(Check::BlockHash));
    check(full, |block| block["block"]["receiptsRoot"] = other.clone(), Some(Check::BlockHash));
    check(full, |block| block["block"]["logsBloom"] = json!(Bloom::ZERO), Some(Check::BlockHash));
    check(Verification::Header, |block| block["block"]["timestamp"] = json!("0x1"), Some(Check::BlockHash));
    check(Verification::Links, |block| block["block"]["timestamp"] = json!("0x1"), None);
    check(full, |block| block["block"] = Value::Null, Some(Check::Shape));
    check(full, |block| block["receipts"] = Value::Null, Some(Check::Shape));
}

#[test]
fn a_transaction_that_was_changed_is_refused() {
    let full = Verification::Full;
    let somebody = json!("0x1111111111111111111111111111111111111111");
    check(full, |block| block["block"]["transactions"][3]["value"] = json!("0x1"), Some(Check::TransactionHash));
    check(full, |block| block["block"]["transactions"][3]["to"] = somebody.clone(), Some(Check::TransactionHash));
    check(full, |block| block["block"]["transactions"][3]["from"] = somebody.clone(), Some(Check::Sender));
    check(full, |block| block["block"]["transactions"][3]["type"] = json!("0x7e"), Some(Check::Shape));
    check(Verification::Header, |block| block["block"]["transactions"][3]["type"] = json!("0x7e"), None);
    check(full, |block| block["block"]["transactions"][3]["r"] = json!("0x1"), Some(Check::TransactionHash));
    check(
        full,
        |block| {
            block["block"]["transactions"].as_array_mut().unwrap().pop();
            block["receipts"].as_array_mut().unwrap().pop();
        },
        Some(Check::TransactionsRoot),
    );
    let swap = |block: &mut Value| {
        block["block"]["transactions"].as_array_mut().unwrap().swap(0, 1);
        block["receipts"].as_array_mut().unwrap().swap(0, 1);
    };
    check(full, swap, Some(Check::TransactionIndex));
}

#[test]
fn a_receipt_that_was_changed_is_refused() {
    let full = Verification::Full;
    let somebody = json!("0x1111111111111111111111111111111111111111");
    let other = json!("0x1111111111111111111111111111111111111111111111111111111111111111");
    let drop_last = |block: &mut Value| drop(block["receipts"].as_array_mut().unwrap().pop());
    check(full, drop_last, Some(Check::ReceiptCount));
    check(Verification::Links, drop_last, Some(Check::ReceiptCount));
    check(Verification::None, drop_last, None);
    let swap = |block: &mut Value| block["receipts"].as_array_mut().unwrap().swap(0, 1);
    check(full, swap, Some(Check::ReceiptTransaction));
    check(Verification::None, swap, None);
    check(full, |block| block["receipts"][0]["blockHash"] = other.clone(), Some(Check::ReceiptTransaction));
    check(full, |block| logging(block)["logs"][0]["data"] = json!("0x01"), Some(Check::ReceiptsRoot));
    check(full, |block| logging(block)["logs"][0]["address"] = somebody.clone(), Some(Check::Bloom));
    check(full, |block| logging(block)["logs"][0]["topics"][0] = other.clone(), Some(Check::Bloom));
    check(Verification::Header, |block| logging(block)["logs"][0]["address"] = somebody.clone(), Some(Check::Bloom));
    check(full, |block| logging(block)["logs"][0]["transactionHash"] = other.clone(), Some(Check::LogPlace));
    check(full, |block| logging(block)["logs"][0]["removed"] = json!(true), Some(Check::LogPlace));
    check(full, |block| drop(logging(block)["logs"].as_array_mut().unwrap().remove(0)), Some(Check::LogPlace));
    check(full, |block| block["receipts"][0]["status"] = json!("0x0"), Some(Check::ReceiptsRoot));
    check(full, |block| block["receipts"][0]["gasUsed"] = json!("0x1"), Some(Check::GasUsed));
    check(full, |block| block["receipts"][0]["cumulativeGasUsed"] = json!("0x1"), Some(Check::GasUsed));
}

#[test]
fn traces_must_be_of_these_transactions() {
    let (full, somebody) = (Verification::Full, json!("0x1111111111111111111111111111111111111111"));
    check(full, |block| drop(block["traces"].as_array_mut().unwrap().pop()), Some(Check::Traces));
    check(full, |block| block["traces"].as_array_mut().unwrap().swap(0, 1), Some(Check::Traces));
    check(full, |block| block["traces"][0]["result"]["from"] = somebody.clone(), Some(Check::Traces));
    check(full, |block| block["traces"][0]["result"]["type"] = json!("DANCE"), Some(Check::Traces));
    check(full, |block| block["traces"][0] = json!({ "error": "timeout" }), Some(Check::Traces));
}

/// A block of one transaction under [`Verification::None`], with these traces and storage changes.
fn tiny(traces: Option<Value>, storage: Option<Value>) -> Result<Block, Refusal> {
    let hash = "0x2222222222222222222222222222222222222222222222222222222222222222";
    let mut recording = json!({
        "block": { "hash": hash, "parentHash": hash, "number": "0x1", "gasUsed": "0x0", "timestamp": "0x0",
            "transactions": [{ "hash": hash, "from": format!("0x{:040x}", 1) }] },
        "receipts": [{ "transactionHash": hash, "cumulativeGasUsed": "0x0", "gasUsed": "0x0", "logs": [] }],
    });
    for (name, part) in [("traces", traces), ("storage", storage)] {
        if let Some(part) = part {
            recording[name] = part;
        }
    }
    decode(&raw(&recording), Verification::None, "test")
}

fn nested(depth: u32) -> Value {
    // Text, since a value this deep would overflow the stack when it is dropped.
    let mut text = String::from(r#"{"type":"CALL","from":"0x0000000000000000000000000000000000000002"}"#);
    for level in (0..depth).rev() {
        let from = if level == 0 { 1 } else { 2 };
        text = format!(r#"{{"type":"CALL","from":"0x{from:040x}","calls":[{text}]}}"#);
    }
    Value::String(text)
}

#[test]
fn trees_of_any_depth_are_read_and_deeper_ones_refused() {
    let frames_of = |depth: u32| {
        let hash = "0x2222222222222222222222222222222222222222222222222222222222222222";
        let Value::String(tree) = nested(depth) else { unreachable!() };
        let block = tiny(None, None).unwrap();
        let json = format!(r#"[{{"txHash":"{hash}","result":{tree}}}]"#);
        frames::decode(&serde_json::value::RawValue::from_string(json).unwrap(), &block.transactions)
    };
    for depth in [1, 7, 8, 9, 1_024] {
        let frames = frames_of(depth).unwrap();
        assert_eq!((frames.len() as u32, frames.depth.last()), (depth + 1, Some(&depth)));
    }
    assert_eq!(frames_of(3_000).unwrap_err().check, Check::Traces);
}

#[test]
fn both_shapes_of_traces_give_the_same_frames() {
    let address = |digit: u32| format!("0x{digit:040x}");
    let trees = json!([{ "result": { "type": "CALL", "from": address(1), "to": address(2), "value": "0x5", "input": "0xaa",
        "gasUsed": "0x9", "calls": [
            { "type": "CREATE", "from": address(2), "to": address(3), "input": "0xbb", "output": "0xcc", "gasUsed": "0x4",
              "error": "execution reverted", "calls": [
                { "type": "STATICCALL", "from": address(3), "to": address(4), "output": "0xdd", "gasUsed": "0x1" }] },
            { "type": "SELFDESTRUCT", "from": address(2), "to": address(5), "value": "0x7" }] } }]);
    let flat = json!([
        { "type": "call", "traceAddress": [], "transactionPosition": 0, "result": { "gasUsed": "0x9", "output": "0x" },
          "action": { "callType": "call", "from": address(1), "to": address(2), "value": "0x5", "input": "0xaa" } },
        { "type": "create", "traceAddress": [0], "transactionPosition": 0, "error": "Reverted",
          "result": { "gasUsed": "0x4", "code": "0xcc", "address": address(3) },
          "action": { "from": address(2), "init": "0xbb" } },
        { "type": "call", "traceAddress": [0, 0], "transactionPosition": 0, "result": { "gasUsed": "0x1", "output": "0xdd" },
          "action": { "callType": "staticcall", "from": address(3), "to": address(4) } },
        { "type": "suicide", "traceAddress": [1], "transactionPosition": 0, "result": null,
          "action": { "address": address(2), "refundAddress": address(5), "balance": "0x7" } },
        { "type": "reward", "traceAddress": [], "action": { "author": address(9), "value": "0x1" } }]);
    let frames = tiny(Some(trees), None).unwrap().frames.unwrap();
    assert_eq!(Some(&frames), tiny(Some(flat), None).unwrap().frames.as_ref());
    assert_eq!(frames.status, [1, 0, 0, 1], "what a reverted frame called did not stand");
    assert_eq!(frames.target.get(1), &[0; 20], "a creation that failed made nothing");
    assert_eq!(frames.depth, [0, 1, 2, 1]);
}

#[test]
fn frames_with_nulls_errors_of_any_type_and_members_under_two_names_are_read() {
    let address = |number: u8| format!("0x{number:040x}");
    let inner = json!({ "type": "DELEGATECALL", "from": address(2), "to": address(3), "value": null, "input": null,
        "output": null, "gasUsed": null, "error": { "code": -32000 }, "calls": null });
    let tree = json!({ "type": "CALL", "from": address(1), "to": address(2), "value": "0x5", "input": "0xaa",
        "gasUsed": "0x9", "error": "", "calls": [inner, { "from": address(2), "gasUsed": "0x0" }] });
    for traces in [json!([{ "result": tree, "error": null }]), json!([tree])] {
        let frames = tiny(Some(traces), None).unwrap().frames.unwrap();
        assert_eq!(
            (frames.kind.clone(), frames.status.clone()),
            (vec![0, 2], vec![1, 0]),
            "a frame of no type moved nothing"
        );
        assert_eq!((frames.input.get(0), frames.input.get(1)), (&[0xaa][..], &[][..]));
    }
    let steps = json!([{ "result": { "gas": 1, "failed": false, "returnValue": "", "structLogs": [] } }]);
    assert!(tiny(Some(steps), None).is_err(), "steps of the machine are no frames");
    let flat = json!([
        { "type": "call", "traceAddress": null, "transactionPosition": "0x0", "result": { "gasUsed": null, "output": null },
          "action": { "callType": "call", "from": address(1), "to": address(2), "value": "0x5", "input": "0xaa" } },
        { "type": "create", "traceAddress": [0], "transactionPosition": 0, "error": null,
          "result": { "gasUsed": "0x4", "code": "0xcc", "output": "0x", "address": address(3) },
          "action": { "from": address(2), "init": "0xbb", "input": "0x" } }]);
    let frames = tiny(Some(flat), None).unwrap().frames.unwrap();
    assert_eq!((frames.input.get(1), frames.output.get(1)), (&[0xbb][..], &[0xcc][..]));
    let none = tiny(None, Some(json!([{ "result": { "pre": null, "post": { (address(3)): { "storage": null } } } }])));
    assert_eq!(none.unwrap().storage.unwrap().len(), 0);
}

#[test]
fn storage_that_stands_in_one_state_only_is_zero_in_the_other() {
    let account = |slots: Value| json!({ "0x0000000000000000000000000000000000000003": { "storage": slots } });
    let diff = json!([{ "result": {
        "pre": account(json!({ "0x01": "0x05", "0x02": "0x06", "0x09": "0x01" })),
        "post": account(json!({ "0x01": "0x07", "0x03": "0x08", "0x09": "0x01" })) } }]);
    let storage = tiny(None, Some(diff)).unwrap().storage.unwrap();
    let last = |row: &[u8; 32]| row[31];
    let rows: Vec<_> = (0..storage.len())
        .map(|row| (last(storage.slot.get(row)), last(storage.before.get(row)), last(storage.after.get(row))))
        .collect();
    assert_eq!(rows, [(1, 5, 7), (2, 6, 0), (3, 0, 8)]);
}
