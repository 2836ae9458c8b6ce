//! Which node is heard: one that stands still or does not answer delays none of what another has.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::kit::{Watch, chain};
use crate::source::evm::test_node::Node;
use crate::subscription::Needs;

fn at(head: u64) -> Value {
    let mut case = chain(100..=140);
    case["phases"][0]["head"] = json!(head);
    case
}

/// A node that takes every connection and says nothing.
async fn silent() -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    (url, task)
}

#[tokio::test]
async fn a_node_that_stands_still_is_left_for_one_that_is_a_little_ahead() {
    let (still, other) = (Node::start(at(112)).await, Node::start(at(115)).await);
    let mut watch = Watch::start(&[&still.url, &other.url], "stall_after_s = 60", Needs::KEPT);
    watch.until_block(115).await;
    other.head(116);
    watch.until_block(116).await;
    watch.rest(Duration::from_secs(2)).await;
    assert_eq!((watch.tip(), watch.reverted.len()), (Some(116), 0), "what another has is not taken back");
    // It comes again.
    still.head(120);
    watch.until_block(120).await;
    watch.stop().await;
}

#[tokio::test]
async fn while_a_chain_is_quiet_another_node_is_asked_now_and_then() {
    let (one, other) = (Node::start(at(112)).await, Node::start(at(112)).await);
    let mut watch = Watch::start(&[&one.url, &other.url], "stall_after_s = 60", Needs::KEPT);
    watch.until_block(112).await;
    watch.until("the other is asked", |_| other.asked("eth_getBlockByNumber") > 0).await;
    watch.rest(Duration::from_secs(5)).await;
    let (asked, followed) = (other.asked("eth_getBlockByNumber"), one.asked("eth_getBlockByNumber"));
    assert!(asked <= 20, "{asked} times, and {followed} times the one that is followed");
    watch.stop().await;
}

#[tokio::test]
async fn what_one_node_alone_had_is_taken_back_once_none_has_it() {
    let (one, other) = (Node::start(at(112)).await, Node::start(at(112)).await);
    let mut watch = Watch::start(&[&one.url, &other.url], "", Needs::KEPT);
    watch.until_block(112).await;
    one.head(110);
    watch.rest(Duration::from_secs(1)).await;
    assert_eq!(watch.reverted, [0_u64; 0], "the other has it");
    other.head(110);
    watch.until("both went back", |watch| watch.reverted == [112, 111]).await;
    watch.stop().await;
}

#[tokio::test]
async fn what_one_node_fails_at_does_not_hold_up_what_another_has() {
    let mut broken = at(120);
    let error = json!({ "$error": { "code": -32000, "message": "internal error" } });
    broken["errors"] = json!({ "eth_getBlockReceipts": error, "eth_getTransactionReceipt": error });
    let (broken, other) = (Node::start(broken).await, Node::start(at(112)).await);
    let mut watch = Watch::start(&[&broken.url, &other.url], "stall_after_s = 60", Needs::KEPT);
    watch.until_block(112).await;
    // As long as the longest back-off was.
    watch.rest(Duration::from_secs(6)).await;
    for head in 113..=115 {
        other.head(head);
        let served = Instant::now();
        watch.until_block(head).await;
        assert!(served.elapsed() < Duration::from_secs(8), "block {head} came after {:?}", served.elapsed());
    }
    watch.stop().await;
}

#[tokio::test]
async fn a_node_that_never_answers_is_not_waited_for() {
    let (url, task) = silent().await;
    let other = Node::start(at(112)).await;
    let mut watch = Watch::start(&[&url, &other.url], "timeout_ms = 300000\nstall_after_s = 60", Needs::KEPT);
    for head in 112..=118 {
        other.head(head);
        watch.until_block(head).await;
    }
    assert_eq!(watch.count("tip-stalled") + watch.count("chain-unreachable"), 0, "{:#?}", watch.coverage);
    watch.stop().await;
    task.abort();
}

#[tokio::test]
async fn a_node_that_never_answers_is_told() {
    let (url, task) = silent().await;
    let other = Node::start(at(112)).await;
    let mut watch = Watch::start(&[&url, &other.url], "timeout_ms = 500\nstall_after_s = 5", Needs::KEPT);
    watch.until_open("endpoint-down").await;
    assert!(watch.message("endpoint-down").starts_with(&url), "{}", watch.message("endpoint-down"));
    assert_eq!(watch.tip(), Some(112));
    watch.stop().await;
    task.abort();
}
