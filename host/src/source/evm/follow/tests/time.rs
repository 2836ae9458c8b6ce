//! A chain whose time runs ahead.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::kit::{Watch, chain};
use crate::source::evm::test_node::Node;
use crate::subscription::Needs;

#[tokio::test]
async fn blocks_that_are_dated_ahead_are_taken_in_and_reported_until_one_is_not() {
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut case = chain(100..=106);
    for (number, ahead_s) in [(102, 30), (103, 86_400), (104, 1 << 40)] {
        case["forks"]["a"][number.to_string()]["block"]["timestamp"] = json!(format!("{:#x}", now_s + ahead_s));
    }
    let node = Node::start(case).await;
    let mut watch = Watch::start(&[&node.url], "", Needs::KEPT);
    watch.until_block(106).await;
    watch.until_over("time-ahead").await;
    assert_eq!(watch.count("time-ahead"), 1, "{:#?}", watch.coverage);
    let said = watch.message("time-ahead");
    assert!(said.contains("block 103 says that it is of a time which is "), "{said}");
    watch.stop().await;
}
