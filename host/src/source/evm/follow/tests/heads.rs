//! Heads that nobody serves.

use std::time::Duration;

use serde_json::json;

use super::kit::{Watch, chain};
use crate::source::evm::test_node::Node;
use crate::subscription::Needs;

#[tokio::test]
async fn a_chain_is_followed_as_far_as_it_is_served() {
    for ahead in [1, 7, 1_000_000, u64::MAX] {
        let mut case = chain(100..=140);
        case["head_ahead"] = json!(ahead);
        case["phases"][0]["head"] = json!(112);
        let node = Node::start(case).await;
        let mut watch = Watch::start(&[&node.url], "", Needs::KEPT);
        watch.until_block(112).await;
        for head in 113..=120 {
            node.head(head);
            watch.until_block(head).await;
        }
        watch.stop().await;
    }
}

#[tokio::test]
async fn a_chain_begins_below_a_head_that_is_not_served() {
    let mut case = chain(100..=140);
    (case["head_ahead"], case["phases"][0]["head"]) = (json!(1), json!(112));
    let node = Node::start(case).await;
    let mut watch = Watch::start(&[&node.url], "start = 'latest'", Needs::KEPT);
    watch.until_block(112).await;
    watch.stop().await;
}

#[tokio::test]
async fn an_honest_node_is_not_blamed_for_a_head_that_nobody_serves() {
    for ahead in [1_000_000, u64::MAX] {
        let mut boasting = chain(100..=200);
        (boasting["head_ahead"], boasting["phases"][0]["head"]) = (json!(ahead), json!(112));
        let mut honest = chain(100..=200);
        honest["phases"][0]["head"] = json!(112);
        let (boasting, honest) = (Node::start(boasting).await, Node::start(honest).await);
        let mut watch = Watch::start(&[&boasting.url, &honest.url], "stall_after_s = 5", Needs::KEPT);
        for head in 112..=160 {
            honest.head(head);
            watch.rest(Duration::from_millis(60)).await;
        }
        watch.until_block(160).await;
        watch.until_open("head-unserved").await;
        assert_eq!(watch.count("stale-fork") + watch.count("tip-stalled"), 0, "{:#?}", watch.coverage);
        watch.stop().await;
    }
}
