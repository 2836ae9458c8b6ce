//! Senders of a backlog are recovered when somebody asks for them; a node whose word of one was false hears of it then.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::kit::Watch;
use crate::source::evm::test_node::Node;
use crate::subscription::Needs;

const NUMBER: u64 = 19_929_064;

/// A real block with 103 transactions, of which the first is said to be somebody else's.
fn recorded() -> Option<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/mainnet");
    let Ok(file) = std::fs::File::open(folder.join(format!("{NUMBER}.json.gz"))) else {
        println!("skipped: ../shared/data is not here");
        return None;
    };
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).ok()
}

#[tokio::test]
async fn a_false_sender_is_told_when_it_is_found_out() {
    let Some(recorded) = recorded() else { return };
    let (mut block, receipts) = (recorded["block"].clone(), recorded["receipts"].clone());
    let signed = block["transactions"][0]["from"].as_str().unwrap().to_owned();
    block["transactions"][0]["from"] = json!(format!("0x{:040x}", 7));
    // The head is so far ahead that the block is one of a backlog.
    let case = json!({ "chain_id": 1, "head_ahead": 40, "phases": [{ "fork": "a", "head": NUMBER }],
        "forks": { "a": { NUMBER.to_string(): { "block": block, "receipts": receipts } } } });
    let node = Node::start(case).await;
    let mut watch = Watch::start(&[&node.url], &format!("verify = 'full'\nstart = {NUMBER}"), Needs::KEPT);
    watch.until_block(NUMBER).await;
    watch.rest(Duration::from_millis(200)).await;
    assert_eq!(watch.count("endpoint-refused"), 0, "nobody asked for its senders");
    let sender = watch.blocks[0].transactions.sender.get(0);
    assert_eq!(format!("0x{}", hex::encode(sender)), signed.to_lowercase(), "the node's word counts for nothing");
    watch.until_open("endpoint-refused").await;
    let message = watch.message("endpoint-refused").to_owned();
    assert!(message.contains(&format!("block {NUMBER} has another sender in transaction 0")), "{message}");
    watch.blocks[0].transactions.sender.recover(0..103);
    watch.rest(Duration::from_millis(500)).await;
    assert_eq!(watch.count("endpoint-refused"), 1, "once");
    watch.stop().await;
}
