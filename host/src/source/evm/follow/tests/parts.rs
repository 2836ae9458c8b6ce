//! Call frames: from any node, in any way, and without them if none has them.

use std::time::Duration;

use serde_json::{Value, json};

use super::kit::{TRACES, Watch, chain, flat, transaction};
use crate::source::evm::test_node::Node;

/// Sets a value of each of these blocks.
fn set(case: &mut Value, numbers: std::ops::RangeInclusive<u64>, key: &str, value: &Value) {
    for number in numbers {
        case["forks"]["a"][number.to_string()][key] = value.clone();
    }
}

fn error(message: &str) -> Value {
    json!({ "$error": { "code": -32000, "message": message } })
}

#[tokio::test]
async fn of_two_nodes_the_one_that_has_traces_gives_them() {
    let mut without = chain(100..=110);
    without["missing"] = json!(["debug_traceBlockByHash", "trace_block", "debug_traceTransaction"]);
    let (first, second) = (Node::start(without).await, Node::start(chain(100..=110)).await);
    let mut watch = Watch::start(&[&first.url, &second.url], "", TRACES);
    watch.until_block(110).await;
    assert_eq!(watch.traced(), (100..=110).collect::<Vec<_>>());
    assert_eq!(watch.coverage, []);
    assert!(first.asked("debug_traceBlockByHash") <= 16, "the lack is remembered");
    watch.stop().await;
}

#[tokio::test]
async fn an_error_in_passing_costs_no_frames() {
    let mut case = chain(100..=104);
    let frames = case["forks"]["a"]["102"]["traces"].clone();
    case["forks"]["a"]["102"]["traces"] = json!({ "$error": { "code": -32000, "message": "execution aborted (timeout = 5s)" }, "$times": 3, "then": frames });
    let node = Node::start(case).await;
    let mut watch = Watch::start(&[&node.url], "", TRACES);
    watch.until_block(104).await;
    assert_eq!(watch.traced(), [100, 101, 102, 103, 104]);
    assert_eq!(watch.count("traces-unavailable"), 0);
    watch.stop().await;
}

#[tokio::test]
async fn state_that_is_gone_for_old_blocks_is_no_lack_of_the_tracer() {
    for message in [
        "historical state not available in path scheme yet",
        "missing trie node 3a (path ) state 0x3a is not available, not found",
        "required historical state unavailable (reexec=128)",
    ] {
        let mut case = chain(100..=107);
        set(&mut case, 100..=101, "traces", &error(message));
        let node = Node::start(case).await;
        let mut watch = Watch::start(&[&node.url], "", TRACES);
        watch.until_block(107).await;
        watch.until_over("traces-unavailable").await;
        assert_eq!(watch.traced(), [102, 103, 104, 105, 106, 107], "{message}");
        assert_eq!(watch.count("traces-unavailable"), 1, "{message}");
        assert!(watch.message("traces-unavailable").contains(message), "{}", watch.message("traces-unavailable"));
        watch.stop().await;
    }
}

#[tokio::test]
async fn a_block_that_can_never_be_traced_is_traced_in_another_way() {
    for broken in [
        error("tracing failed: insufficient funds for gas * price + value"),
        json!([{ "txHash": transaction("a", 102), "error": "execution timeout" }]),
        json!([{ "txHash": transaction("a", 102), "gas": 1, "failed": false, "returnValue": "", "structLogs": [] }]),
        json!([{ "result": { "gas": 1, "failed": false, "returnValue": "", "structLogs": [] } }]),
        json!([]),
        json!("traces"),
        json!({ "$null": true }),
    ] {
        let mut case = chain(100..=104);
        case["forks"]["a"]["102"]["traces"] = broken.clone();
        case["forks"]["a"]["102"]["flat"] = flat("a", 102);
        let node = Node::start(case).await;
        let mut watch = Watch::start(&[&node.url], "", TRACES);
        watch.until_block(104).await;
        assert!(watch.traced().contains(&102), "{broken}");
        watch.stop().await;
    }
    // Transaction by transaction, if the block as such is too much.
    let mut case = chain(100..=104);
    case["forks"]["a"]["102"]["traces"] = error("response too large");
    let each = chain(102..=102)["forks"]["a"]["102"]["traces"][0]["result"].clone();
    case["forks"]["a"]["102"]["each"] = json!({ transaction("a", 102): each });
    let node = Node::start(case).await;
    let mut watch = Watch::start(&[&node.url], "", TRACES);
    watch.until_block(104).await;
    assert_eq!(watch.traced(), [100, 101, 102, 103, 104]);
    watch.stop().await;
}

#[tokio::test]
async fn a_block_whose_frames_nobody_gives_goes_on_without_and_that_ends() {
    let mut case = chain(100..=110);
    set(&mut case, 102..=102, "traces", &error("tracing failed"));
    let node = Node::start(case).await;
    // A block waits for half of the stall time at most.
    let mut watch = Watch::start(&[&node.url], "stall_after_s = 1", TRACES);
    watch.until_block(110).await;
    watch.until_over("traces-unavailable").await;
    let traced: Vec<u64> = (100..=110).filter(|number| *number != 102).collect();
    assert_eq!(watch.traced(), traced, "one block alone is without");
    assert_eq!(watch.count("traces-unavailable"), 1);
    assert_eq!(watch.count("endpoint-down") + watch.count("endpoint-refused"), 0, "{:?}", watch.coverage);
    assert!(node.asked("debug_traceBlockByHash") < 60, "{}", node.asked("debug_traceBlockByHash"));
    watch.stop().await;
}

#[tokio::test]
async fn frames_that_come_later_complete_the_block() {
    let mut case = chain(100..=110);
    let frames = case["forks"]["a"]["102"]["traces"].clone();
    set(&mut case, 102..=103, "traces", &error("tracing failed"));
    let node = Node::start(case).await;
    let mut watch = Watch::start(&[&node.url], "stall_after_s = 1", TRACES);
    watch.until_block(110).await;
    assert_eq!(watch.awaited(), [102, 103], "the others are not held up, and have theirs");
    assert_eq!(watch.completed, []);
    node.change(|case| case["forks"]["a"]["102"]["traces"] = frames);
    watch.until("block 102 is complete", |watch| watch.completed == [(102, true, false)]).await;
    assert!(node.asked("debug_traceBlockByHash") < 60, "{}", node.asked("debug_traceBlockByHash"));
    watch.stop().await;
}

#[tokio::test]
async fn frames_that_come_after_an_outage_are_given_on_together_and_in_order() {
    let mut case = chain(100..=110);
    let whole = case["forks"]["a"].clone();
    set(&mut case, 102..=103, "traces", &error("tracing failed"));
    let node = Node::start(case).await;
    let mut watch = Watch::start(&[&node.url], "stall_after_s = 1", TRACES);
    watch.until_block(110).await;
    let all: Vec<u64> = (102..=103).collect();
    assert_eq!((watch.awaited(), watch.completed.len()), (all.clone(), 0));
    node.change(|case| {
        all.iter().for_each(|at| {
            let traces = whole[at.to_string()]["traces"].clone();
            case["forks"]["a"][at.to_string()]["traces"] = traces;
        });
    });
    watch.until("all are complete", |watch| watch.completed.len() == all.len()).await;
    assert_eq!(watch.completed, all.iter().map(|at| (*at, true, false)).collect::<Vec<_>>());
    watch.stop().await;
}

#[tokio::test]
async fn frames_that_never_come_are_given_up_and_that_is_reported() {
    let mut case = chain(100..=110);
    set(&mut case, 102..=102, "traces", &error("tracing failed"));
    let node = Node::start(case).await;
    let mut watch = Watch::start(&[&node.url], "stall_after_s = 1\ntraces_within_s = 2", TRACES);
    watch.until_block(110).await;
    assert_eq!(watch.awaited(), [102]);
    watch.until("block 102 is given up", |watch| watch.completed == [(102, false, true)]).await;
    watch.until_open("traces-given-up").await;
    assert!(watch.message("traces-given-up").contains("tracing failed"), "{}", watch.message("traces-given-up"));
    watch.until_over("traces-given-up").await;
    watch.stop().await;
}

#[tokio::test]
async fn frames_that_no_node_offers_are_not_awaited() {
    let mut case = chain(100..=110);
    case["missing"] = json!(["debug_traceBlockByHash", "trace_block", "debug_traceTransaction"]);
    let node = Node::start(case).await;
    let mut watch = Watch::start(&[&node.url], "", TRACES);
    watch.until_block(110).await;
    assert_eq!((watch.awaited(), watch.traced()), (vec![], vec![]));
    watch.stop().await;
}

#[tokio::test]
async fn a_block_that_leaves_the_chain_is_awaited_no_more() {
    let mut case = chain(100..=110);
    set(&mut case, 105..=105, "traces", &error("tracing failed"));
    case["phases"] = json!([{ "fork": "a", "head": 105 }]);
    let node = Node::start(case).await;
    let mut watch = Watch::start(&[&node.url], "stall_after_s = 1", TRACES);
    watch.until("block 105 is awaited", |watch| watch.awaited() == [105]).await;
    node.head(104);
    watch.until("it left", |watch| watch.reverted == [105]).await;
    watch.rest(Duration::from_secs(4)).await;
    assert_eq!(watch.completed, []);
    watch.stop().await;
}

#[tokio::test]
async fn the_finding_ends_when_any_node_has_frames_again() {
    let mut without = chain(100..=140);
    without["missing"] = json!(["debug_traceBlockByHash", "trace_block", "debug_traceTransaction"]);
    without["phases"][0]["head"] = json!(104);
    let mut pruned = chain(100..=140);
    set(&mut pruned, 100..=104, "traces", &error("historical state not available"));
    pruned["phases"][0]["head"] = json!(104);
    let (first, second) = (Node::start(without).await, Node::start(pruned).await);
    let mut watch = Watch::start(&[&first.url, &second.url], "", TRACES);
    watch.until_block(104).await;
    let message = watch.message("traces-unavailable");
    assert!(message.contains("offers neither `debug_traceBlockByHash` nor `trace_block`"), "{message}");
    assert!(message.contains("historical state not available"), "{message}");
    assert!(watch.is_open("traces-unavailable"));
    first.head(140);
    second.head(140);
    watch.until_block(140).await;
    watch.until_over("traces-unavailable").await;
    assert_eq!(watch.traced(), (105..=140).collect::<Vec<_>>());
    watch.stop().await;
}

#[tokio::test]
async fn blocks_without_transactions_are_not_traced() {
    let mut case = chain(0..=3);
    case["forks"]["a"]["0"]["block"]["transactions"] = json!([]);
    case["forks"]["a"]["0"]["traces"] = error("genesis is not traceable");
    case["forks"]["a"]["0"]["receipts"] = json!({ "$null": true });
    let node = Node::start(case).await;
    let mut watch = Watch::start(&[&node.url], "start = 0", TRACES);
    watch.until_block(3).await;
    assert_eq!(watch.traced(), [0, 1, 2, 3], "it has none, and that is known");
    assert_eq!(watch.coverage, []);
    watch.stop().await;
}

#[tokio::test]
async fn frames_that_are_no_calls_are_left_out() {
    let mut case = chain(100..=101);
    let frames = &mut case["forks"]["a"]["101"]["traces"][0]["result"];
    frames["calls"] =
        json!([{ "type": "INVALID", "from": format!("0x{:040x}", 2), "to": null, "error": "invalid opcode" }]);
    let node = Node::start(case).await;
    let mut watch = Watch::start(&[&node.url], "", TRACES);
    watch.until_block(101).await;
    assert_eq!(watch.blocks[1].frames.as_ref().unwrap().len(), 1);
    watch.rest(Duration::from_millis(50)).await;
    assert_eq!(watch.coverage, []);
    watch.stop().await;
}
