//! Receipts and bodies that come in another way, in smaller batches, or never.

use std::time::Duration;

use serde_json::json;

use super::kit::{Watch, chain, transaction};
use crate::finding::Severity;
use crate::source::evm::test_node::Node;
use crate::subscription::Needs;

#[tokio::test]
async fn receipts_that_fail_for_one_block_are_asked_for_one_by_one() {
    for broken in [
        json!({ "$error": { "code": -32000, "message": "receipts length mismatch: 1 vs 0" } }),
        json!({ "$error": { "code": -32603, "message": "internal error" } }),
        json!({ "$error": { "code": -32602, "message": "invalid argument 0: hex string has length 64, want 8" } }),
        json!({ "$null": true }),
        json!([]),
    ] {
        let mut case = chain(100..=105);
        let receipt = case["forks"]["a"]["103"]["receipts"][0].clone();
        case["forks"]["a"]["103"]["receipts"] = broken.clone();
        case["forks"]["a"]["103"]["singles"] = json!({ transaction("a", 103): receipt });
        for level in ["none", "links"] {
            let node = Node::start(case.clone()).await;
            let mut watch = Watch::start(&[&node.url], &format!("verify = '{level}'"), Needs::KEPT);
            watch.until_block(105).await;
            assert_eq!(watch.blocks[3].transactions.status, [1], "{broken}");
            assert_eq!(watch.coverage, [], "{broken}");
            watch.stop().await;
        }
    }
}

#[tokio::test]
async fn a_transaction_that_never_ran_has_no_receipt() {
    let mut case = chain(100..=101);
    case["forks"]["a"]["101"]["receipts"] = json!([]);
    let node = Node::start(case).await;
    let mut watch = Watch::start(&[&node.url], "", Needs::KEPT);
    watch.until_block(101).await;
    let block = &watch.blocks[1];
    assert_eq!(block.transactions.status, [0], "it counts as failed");
    assert!(block.assurance.exceptions[0].contains("no receipt"), "{:?}", block.assurance);
    assert_eq!(node.asked("eth_getTransactionReceipt"), 1);
    watch.stop().await;
}

#[tokio::test]
async fn receipts_that_never_come_are_reported_and_asked_for_ever_more_slowly() {
    let mut case = chain(100..=120);
    let receipts = case["forks"]["a"]["103"]["receipts"].clone();
    case["forks"]["a"]["103"]["receipts"] = json!({ "$null": true });
    let node = Node::start(case).await;
    let mut watch = Watch::start(&[&node.url], "stall_after_s = 1", Needs::KEPT);
    watch.until_open("tip-stalled").await;
    assert_eq!(watch.tip(), Some(102), "what was served before it is taken in");
    let finding = watch.coverage.iter().find(|coverage| coverage.kind == "tip-stalled").unwrap();
    assert_eq!(finding.severity, Severity::High);
    for part in ["after block 102", "is at 120", "block 103", "eth_getBlockReceipts", "Mend that"] {
        assert!(finding.message.contains(part), "{}", finding.message);
    }
    watch.rest(Duration::from_secs(3)).await;
    assert!(node.asked("eth_getBlockReceipts") < 60, "{}", node.asked("eth_getBlockReceipts"));
    assert_eq!(watch.count("tip-stalled"), 1);
    node.change(|case| case["forks"]["a"]["103"]["receipts"] = receipts);
    watch.until_block(120).await;
    watch.until_over("tip-stalled").await;
    watch.stop().await;
}

#[tokio::test]
async fn a_batch_that_is_too_large_is_made_smaller() {
    for batch in [
        json!({ "too_large_after": 5 }),
        json!({ "too_large_after": 1 }),
        json!({ "refuse": { "code": -32600, "message": "batch is not allowed" } }),
        json!({ "refuse": { "code": -32000, "message": "batch size limit exceeded" } }),
    ] {
        let mut case = chain(100..=140);
        case["batch"] = batch.clone();
        let node = Node::start(case).await;
        let mut watch = Watch::start(&[&node.url], "", Needs::KEPT);
        watch.until_block(140).await;
        assert_eq!(watch.coverage, [], "{batch}");
        watch.stop().await;
    }
}

#[tokio::test]
async fn a_node_of_another_chain_is_not_used() {
    let mut case = chain(100..=103);
    case["chain_id"] = json!(31_337);
    let (wrong, right) = (Node::start(case).await, Node::start(chain(100..=103)).await);
    let mut watch = Watch::start(&[&wrong.url], "", Needs::KEPT);
    watch.until_open("wrong-chain").await;
    watch.rest(Duration::from_millis(300)).await;
    assert_eq!((watch.tip(), wrong.asked("eth_getBlockByNumber")), (None, 0));
    assert!(watch.message("wrong-chain").contains("chain 31337"), "{}", watch.message("wrong-chain"));
    watch.stop().await;
    let mut watch = Watch::start(&[&wrong.url, &right.url], "", Needs::KEPT);
    watch.until_block(103).await;
    assert_eq!(wrong.asked("eth_getBlockReceipts"), 0);
    watch.stop().await;
}
