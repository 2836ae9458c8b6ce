//! Reorgs that reach far down.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::kit::{Watch, chain, entry, hash};
use crate::source::evm::test_node::Node;
use crate::subscription::Needs;

/// A chain with a second fork `b` that leaves the first above a height.
pub(super) fn forked(numbers: std::ops::RangeInclusive<u64>, ancestor: u64) -> Value {
    let (first, last) = (*numbers.start(), *numbers.end());
    let mut case = chain(numbers);
    let mut fork = serde_json::Map::new();
    for number in first..=last {
        let of = if number <= ancestor { "a" } else { "b" };
        let parent = hash(if number <= ancestor + 1 { "a" } else { "b" }, number - 1);
        fork.insert(number.to_string(), entry(of, number, &parent));
    }
    case["forks"]["b"] = Value::Object(fork);
    case
}

pub(super) fn turn(node: &Node, fork: &str, head: u64) {
    node.change(|case| case["phases"] = json!([{ "fork": fork, "head": head }]));
}

#[tokio::test]
async fn a_reorg_below_the_start_takes_all_back_and_the_watch_goes_on() {
    let mut case = forked(190..=230, 196);
    case["phases"][0]["head"] = json!(200);
    let node = Node::start(case).await;
    let mut watch = Watch::start(&[&node.url], "start = 'latest'", Needs::KEPT);
    for head in 200..=202 {
        turn(&node, "a", head);
        watch.until_block(head).await;
    }
    turn(&node, "b", 203);
    watch.until("the other fork", |watch| watch.tip() == Some(203)).await;
    assert_eq!(watch.reverted, [202, 201, 200]);
    let hashes: Vec<String> = watch.blocks.iter().map(|block| block.hash.to_string()).collect();
    assert_eq!(hashes, (200..=203).map(|number| hash("b", number)).collect::<Vec<_>>());
    watch.until_over("reorg-too-deep").await;
    let inputs = watch.inputs;
    watch.rest(Duration::from_millis(500)).await;
    assert_eq!((watch.inputs, watch.count("reorg-too-deep")), (inputs, 1), "once");
    watch.stop().await;
}

#[tokio::test]
async fn a_node_on_a_chain_of_its_own_takes_nothing_back_that_another_has() {
    let mut case = forked(190..=230, 0);
    case["phases"][0]["head"] = json!(210);
    let (liar, honest) = (Node::start(case.clone()).await, Node::start(case).await);
    let mut watch = Watch::start(&[&liar.url, &honest.url], "start = 200", Needs::KEPT);
    watch.until_block(210).await;
    turn(&liar, "b", 212);
    watch.until_open("reorg-too-deep").await;
    assert!(watch.message("reorg-too-deep").contains(&liar.url), "{}", watch.message("reorg-too-deep"));
    turn(&honest, "a", 215);
    watch.until_block(215).await;
    assert!(watch.is_open("reorg-too-deep"), "it is still on a chain of its own");
    turn(&liar, "a", 216);
    watch.until_over("reorg-too-deep").await;
    assert_eq!(watch.count("reorg-too-deep"), 1);
    assert!(watch.reverted.is_empty(), "{:?}", watch.reverted);
    watch.stop().await;
}

#[tokio::test]
async fn a_fork_that_is_refused_delays_nobody_elses_blocks() {
    let mut case = forked(190..=230, 195);
    case["phases"][0]["head"] = json!(210);
    let (liar, honest) = (Node::start(case.clone()).await, Node::start(case).await);
    let settings = "start = 190\npoll_interval_ms = 10000\nfinality = { confirmations = 5 }";
    let mut watch = Watch::start(&[&liar.url, &honest.url], settings, Needs::KEPT);
    watch.until_block(210).await;
    turn(&liar, "b", 212);
    turn(&honest, "a", 215);
    watch.until_open("finality-broken").await;
    let refused = Instant::now();
    watch.until_block(215).await;
    assert!(refused.elapsed() < Duration::from_secs(9), "in the same look at the heads, and not in a later one");
    assert_eq!(watch.reverted, [0_u64; 0]);
    watch.stop().await;
}

#[tokio::test]
async fn a_fork_below_what_is_final_is_reported_once_with_its_node_and_ends() {
    let mut case = forked(190..=230, 195);
    case["phases"][0]["head"] = json!(210);
    let node = Node::start(case.clone()).await;
    let mut watch = Watch::start(&[&node.url], "start = 190\nfinality = { confirmations = 5 }", Needs::KEPT);
    watch.until_block(210).await;
    turn(&node, "b", 212);
    watch.until_open("finality-broken").await;
    let message = watch.message("finality-broken").to_owned();
    for part in [node.url.as_str(), "block 195", "block 205 that is final"] {
        assert!(message.contains(part), "{message}");
    }
    watch.rest(Duration::from_secs(2)).await;
    let inputs = watch.inputs;
    watch.rest(Duration::from_secs(2)).await;
    assert_eq!(watch.inputs, inputs, "not an input in each round");
    turn(&node, "a", 213);
    watch.until_block(213).await;
    watch.until_over("finality-broken").await;
    assert_eq!((watch.count("finality-broken"), watch.reverted.len()), (1, 0));
    watch.stop().await;
}
