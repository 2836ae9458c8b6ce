//! The cases of `../shared/cases` that a node tells.

use serde_json::Value;

use super::kit::{TRACES, Watch, read, shared};
use crate::source::evm::test_node::Node;
use crate::subscription::Needs;

/// Follows a case's node with the settings that stand beside it, faster than they say.
async fn check(name: &str, needs: Needs, is_right: impl Fn(&Watch) -> bool) {
    let Some(path) = shared(name) else { return };
    let node = Node::start_at(read(&path), 10.0).await;
    let config = std::fs::read_to_string(path.with_file_name("watchfire.toml")).unwrap();
    let config: toml::Table = toml::from_str(&config).unwrap();
    let mut chain = config["chain"]["case"].as_table().unwrap().clone();
    chain.remove("endpoints");
    chain.insert("stall_after_s".into(), 2.into());
    let mut watch = Watch::start(&[&node.url], &toml::to_string(&chain).unwrap(), needs);
    watch.until(name, is_right).await;
    watch.stop().await;
}

#[tokio::test]
async fn cases_of_nodes_give_their_right_values() {
    check("15-trace-fails-for-good/node.json", TRACES, |watch| watch.tip() >= Some(110)).await;
    check("15-trace-fails-for-good/timeout.node.json", TRACES, |watch| watch.tip() >= Some(110)).await;
    let again = |watch: &Watch| watch.traced().contains(&102) && watch.tip() >= Some(107);
    check("16-one-old-block-and-the-tracer-is-forgotten/node.json", TRACES, again).await;
    check("16-one-old-block-and-the-tracer-is-forgotten/missing-trie-node.node.json", TRACES, again).await;
    check("17-genesis-not-traceable/node.json", TRACES, |watch| watch.tip() >= Some(2)).await;
    check("19-batch-answer-too-large/node.json", Needs::KEPT, |watch| watch.tip() >= Some(107)).await;
    check("23-receipts-fail-for-one-block/node.json", Needs::KEPT, |watch| watch.tip() >= Some(105)).await;
    check("25-reorg-just-after-the-start/node.json", Needs::KEPT, |watch| watch.tip() >= Some(204)).await;
    check("26-head-that-is-not-served/one-ahead.node.json", Needs::KEPT, |watch| watch.tip() >= Some(112)).await;
    check("26-head-that-is-not-served/largest.node.json", Needs::KEPT, |watch| watch.tip() == Some(100)).await;
    check("27-timestamp-over-i64/node.json", Needs::KEPT, |watch| watch.tip() >= Some(103)).await;
    check("01-author-and-miner/node.json", Needs::KEPT, |watch| watch.tip().is_some()).await;
    check("02-empty-hex-for-hash/node.json", Needs::KEPT, |watch| watch.tip().is_some()).await;
    check("04-base-fee-over-u64/node.json", Needs::KEPT, |watch| watch.tip().is_some()).await;
    check("05-log-index-not-contiguous/node.json", Needs::KEPT, |watch| watch.tip().is_some()).await;
    check("06-transaction-without-receipt/node.json", Needs::KEPT, |watch| watch.tip().is_some()).await;
    check("08-polygon-state-sync/node.json", TRACES, |watch| watch.traced().len() >= 2).await;
    check("11-frame-kinds/invalid.node.json", TRACES, |watch| watch.traced().len() >= 2).await;
    check("11-frame-kinds/stop.node.json", TRACES, |watch| watch.traced().len() >= 2).await;
    check("13-besu-struct-logs/node.json", TRACES, |watch| watch.traced().len() >= 2).await;
}

#[tokio::test]
async fn receipts_that_are_null_for_good_are_reported() {
    // The block of the shared case is empty; with a transaction in it its receipts never come.
    let with_transaction = |case: &mut Value| {
        for (number, entry) in case["forks"]["a"].as_object_mut().unwrap() {
            let hash = format!("0x{:064x}", number.parse::<u64>().unwrap());
            let from = format!("0x{:040x}", 1);
            entry["block"]["transactions"] =
                serde_json::json!([{ "hash": hash, "from": from, "to": from, "value": "0x0" }]);
            if entry["receipts"].is_array() {
                entry["receipts"] = serde_json::json!([{ "transactionHash": hash, "logs": [] }]);
            }
        }
    };
    let Some(path) = shared("22-null-receipts/node.json") else { return };
    let mut case = read(&path);
    with_transaction(&mut case);
    let id = case["chain_id"].clone();
    let node = Node::start_at(case, 5.0).await;
    let mut watch = Watch::start(&[&node.url], &format!("id = {id}\nverify = 'none'\nstall_after_s = 2"), Needs::KEPT);
    watch.until_open("tip-stalled").await;
    assert_eq!(watch.tip(), Some(102));
    watch.stop().await;
}
