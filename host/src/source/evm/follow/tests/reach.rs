//! Nodes that answer now and then, or not at all.

use std::time::Duration;

use serde_json::json;

use super::kit::{Watch, chain, hash};
use crate::source::evm::test_node::Node;
use crate::subscription::Needs;

#[tokio::test]
async fn a_node_that_breaks_every_third_answer_is_no_chain_that_cannot_be_reached() {
    let mut case = chain(100..=140);
    (case["phases"][0]["head"], case["broken"]) = (json!(100), json!({ "good": 2, "of": 3 }));
    let node = Node::start(case).await;
    let mut watch = Watch::start(&[&node.url], "stall_after_s = 2", Needs::KEPT);
    for head in 100..=112 {
        node.head(head);
        watch.until_block(head).await;
    }
    // A chain that is quiet, too.
    watch.rest(Duration::from_secs(5)).await;
    assert_eq!(watch.count("chain-unreachable") + watch.count("tip-stalled"), 0, "{:#?}", watch.coverage);
    assert_eq!(watch.count("endpoint-down"), 0, "{:#?}", watch.coverage);
    watch.stop().await;
}

#[tokio::test]
async fn a_chain_that_cannot_be_reached_is_reported_after_the_stall_time_and_ends_with_the_next_block() {
    let mut case = chain(100..=140);
    case["phases"][0]["head"] = json!(105);
    let node = Node::start(case).await;
    let mut watch = Watch::start(&[&node.url], "stall_after_s = 2", Needs::KEPT);
    watch.until_block(105).await;
    node.change(|case| case["broken"] = json!({ "good": 0, "of": 1 }));
    watch.rest(Duration::from_millis(1_000)).await;
    assert_eq!(watch.count("chain-unreachable"), 0, "not at the first answer that is missing");
    watch.until_open("chain-unreachable").await;
    let message = watch.message("chain-unreachable");
    assert!(message.contains("no node has answered for"), "{message}");
    node.head(106);
    node.change(|case| case["broken"] = json!(null));
    watch.until_block(106).await;
    watch.until_over("chain-unreachable").await;
    // And if there is nothing new, once the node answers.
    node.change(|case| case["broken"] = json!({ "good": 0, "of": 1 }));
    watch.until("it is open again", |watch| watch.count("chain-unreachable") == 2).await;
    node.change(|case| case["broken"] = json!(null));
    watch.until_over("chain-unreachable").await;
    watch.stop().await;
}

/// Filecoin's null rounds.
#[tokio::test]
async fn heights_without_a_block_are_passed_over_on_a_chain_that_has_such() {
    let null_round =
        json!({ "block": { "$error": { "code": 1, "message": "requested epoch was a null round (104)" } } });
    let mut case = chain(100..=112);
    case["chain_id"] = json!(314);
    for (number, below) in [(104, 103), (107, 106), (108, 106)] {
        case["forks"]["a"][number.to_string()] = null_round.clone();
        let above = if number == 107 { 108 } else { number + 1 };
        case["forks"]["a"][above.to_string()]["block"]["parentHash"] = json!(hash("a", below));
    }
    let node = Node::start(case.clone()).await;
    let mut watch = Watch::start(&[&node.url], "id = 314", Needs::KEPT);
    watch.until_block(112).await;
    let heights: Vec<u64> = watch.blocks.iter().map(|block| block.number).collect();
    assert_eq!(heights, [100, 101, 102, 103, 105, 106, 109, 110, 111, 112]);
    assert_eq!((watch.reverted.len(), watch.count("endpoint-refused")), (0, 0), "{:#?}", watch.coverage);
    watch.stop().await;
    // On another chain the same answer is a node's fault, and nothing is left out.
    case["chain_id"] = json!(1);
    let node = Node::start(case).await;
    let mut watch = Watch::start(&[&node.url], "stall_after_s = 1", Needs::KEPT);
    watch.until_open("tip-stalled").await;
    assert_eq!(watch.tip(), Some(103));
    watch.stop().await;
}

#[tokio::test]
async fn a_node_that_comes_and_goes_is_not_reported_each_time() {
    let mut case = chain(100..=400);
    (case["phases"][0]["head"], case["broken"]) = (json!(100), json!({ "good": 6, "of": 10 }));
    let (coming, steady) = (Node::start(case).await, Node::start(chain(100..=400)).await);
    let mut watch = Watch::start(&[&coming.url, &steady.url], "prefetch = 1\nbatch = 1", Needs::KEPT);
    for head in 100..=160 {
        coming.head(head);
        steady.head(head);
        watch.until_block(head).await;
    }
    assert!(watch.count("endpoint-down") <= 4, "{:#?}", watch.coverage);
    watch.stop().await;
}
