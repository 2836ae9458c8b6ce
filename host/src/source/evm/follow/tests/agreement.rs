//! Nodes of different operators that name the same blocks, and one that lies.

use std::time::Duration;

use serde_json::json;

use super::kit::{Watch, hash};
use super::reorgs::{forked, turn};
use crate::source::evm::test_node::Node;
use crate::subscription::Needs;

async fn node(fork: &str, head: u64) -> Node {
    let node = Node::start(forked(190..=260, 200)).await;
    turn(&node, fork, head);
    node
}

#[tokio::test]
async fn what_two_operators_name_is_agreed_and_only_that_becomes_final() {
    let (one, other) = (node("a", 210).await, node("a", 206).await);
    let settings = "start = 200\nagree = 2\noperators = ['ours', 'theirs']\nfinality = { confirmations = 2 }";
    let mut watch = Watch::start(&[&one.url, &other.url], settings, Needs::KEPT);
    watch.until_block(210).await;
    let both = || vec!["ours".to_owned(), "theirs".to_owned()];
    watch.until("206 is agreed on", |watch| watch.agreed == Some((206, both()))).await;
    watch.until("206 is final", |watch| watch.finalized == 206).await;
    watch.rest(Duration::from_millis(300)).await;
    assert_eq!((watch.agreed.clone(), watch.finalized), (Some((206, both())), 206), "what one alone has is not");
    turn(&other, "a", 210);
    watch.until("210 is agreed on", |watch| watch.agreed == Some((210, both()))).await;
    watch.until("208 is final", |watch| watch.finalized == 208).await;
    assert_eq!(watch.count("nodes-disagree"), 0, "{:#?}", watch.coverage);
    watch.stop().await;
}

#[tokio::test]
async fn two_nodes_of_one_operator_agree_on_nothing() {
    let (one, other) = (node("a", 210).await, node("a", 210).await);
    let liar = node("b", 210).await;
    let settings = "start = 200\nagree = 2\noperators = ['ours', 'ours', 'theirs']";
    let mut watch = Watch::start(&[&one.url, &other.url, &liar.url], settings, Needs::KEPT);
    watch.until_block(210).await;
    watch.rest(Duration::from_millis(500)).await;
    assert_eq!((watch.agreed.clone(), watch.finalized), (None, 0));
    watch.stop().await;
}

#[tokio::test]
async fn a_liar_is_outvoted_and_its_blocks_leave() {
    let liar = node("b", 210).await;
    let (one, other) = (node("a", 210).await, node("a", 210).await);
    let settings = "start = 198\nagree = 2\noperators = ['liar', 'ours', 'theirs']\nfinality = { confirmations = 2 }";
    let mut watch = Watch::start(&[&liar.url, &one.url, &other.url], settings, Needs::KEPT);
    watch.until_open("nodes-disagree").await;
    for node in [&one, &other] {
        turn(node, "a", 214);
    }
    watch.until("the others' chain", |watch| watch.tip() == Some(214)).await;
    watch.until("214 is agreed on", |watch| watch.agreed.as_ref().is_some_and(|(number, _)| *number == 214)).await;
    let hashes: Vec<String> = watch.blocks.iter().rev().take(5).map(|block| block.hash.to_string()).collect();
    assert_eq!(hashes, (210..=214).rev().map(|number| hash("a", number)).collect::<Vec<_>>());
    assert_eq!(watch.count("finality-broken"), 0, "what the liar alone said was never final");
    watch.stop().await;
}

#[tokio::test]
async fn nodes_in_step_that_name_different_blocks_are_told() {
    let (liar, honest) = (node("b", 210).await, node("a", 210).await);
    let mut watch = Watch::start(&[&liar.url, &honest.url], "start = 198\nstall_after_s = 1", Needs::KEPT);
    watch.until_open("nodes-disagree").await;
    let message = watch.message("nodes-disagree").to_owned();
    assert!(message.contains(&honest.url) && message.contains("block 209"), "{message}");
    turn(&liar, "a", 212);
    turn(&honest, "a", 212);
    watch.until_over("nodes-disagree").await;
    watch.stop().await;
}

#[tokio::test]
async fn finality_is_what_enough_operators_call_so() {
    let (liar, honest) = (node("a", 210).await, node("a", 210).await);
    let tagged = |node: &Node, number: u64| node.change(|case| case["finalized"] = json!(number));
    tagged(&liar, 209);
    tagged(&honest, 203);
    let settings = "start = 200\nagree = 2\noperators = ['ours', 'theirs']";
    let mut watch = Watch::start(&[&liar.url, &honest.url], settings, Needs::KEPT);
    watch.until("203 is final", |watch| watch.finalized == 203).await;
    watch.rest(Duration::from_millis(300)).await;
    assert_eq!(watch.finalized, 203);
    watch.stop().await;
}
