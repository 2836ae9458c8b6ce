//! A node that lies: each lie is caught, reported as a fault in the coverage, and no block of it is taken in.

use std::collections::BTreeSet;

use serde_json::Value;
use watchfire_tests::anvil::{ALICE, Anvil, BOB};
use watchfire_tests::harbor::{self, Harbor};
use watchfire_tests::host::Host;
use watchfire_tests::peers::skip_or_fail;
use watchfire_tests::proxy::{Lie, LyingProxy};
use watchfire_tests::watch::{Deployment, ETHER};

fn faults(lines: &[Value], over: bool) -> Vec<String> {
    let told = lines.iter().filter(|line| line["type"] == "coverage" && line["coverage"]["over"] == over);
    told.map(|line| format!("{}: {}", line["coverage"]["kind"], line["coverage"]["message"])).collect()
}

/// Tells one lie to a host that has no other node; what it said of it. Then the truth, on which it must go on.
async fn caught(lie: Lie, expected: &str) {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    let proxy = LyingProxy::start(anvil.url()).await.unwrap();
    let Some(code) = harbor::bytecode().unwrap() else { return skip_or_fail("solc") };
    let deployment = Deployment { chain: vec!["timeout_ms = 500".into()], ..Deployment::of(proxy.url()) };
    let folder = deployment.make().unwrap();
    let mut host = Host::start(folder.path(), &[]).unwrap();
    host.until_block(0).await.unwrap();
    proxy.tell(lie);
    // Blocks with transactions and logs, so that there is something to lie about.
    Harbor::deploy(&anvil, &code).await.unwrap();
    let is_caught = |lines: &[Value]| faults(lines, false).iter().any(|told| told.contains(expected));
    host.until(&format!("{lie:?} is told as `{expected}`"), is_caught).await.unwrap();
    assert!(proxy.lies() > 0);
    proxy.tell(Lie::None);
    host.until_block(anvil.height().await.unwrap()).await.unwrap();
    host.until("the fault's end", |lines| !faults(lines, true).is_empty()).await.unwrap();
    let (lines, exit) = host.stop().unwrap();
    assert_eq!(exit, Some(0));
    let numbers: Vec<u64> =
        lines.iter().filter(|line| line["type"] == "block").map(|line| line["number"].as_u64().unwrap()).collect();
    let distinct: BTreeSet<u64> = numbers.iter().copied().collect();
    assert_eq!(numbers.len(), distinct.len(), "each block once: {numbers:?}");
    assert!(numbers.is_sorted(), "in order: {numbers:?}");
    assert!(lines.iter().any(|line| line["type"] == "finding" && line["detector"] == "watchfire/coverage"));
}

#[tokio::test]
async fn a_wrong_parent_is_caught() {
    caught(Lie::WrongParent, "block-hash").await;
}

#[tokio::test]
async fn a_missing_receipt_is_caught() {
    caught(Lie::MissingReceipt, "receipt-count").await;
}

#[tokio::test]
async fn an_altered_log_is_caught() {
    caught(Lie::AlteredLog, "bloom").await;
}

#[tokio::test]
async fn another_sender_is_caught() {
    caught(Lie::OtherSender, "sender").await;
}

#[tokio::test]
async fn half_a_body_is_caught() {
    caught(Lie::HalfABody, "endpoint-down").await;
}

#[tokio::test]
async fn too_many_requests_are_told() {
    caught(Lie::TooMany, "429").await;
}

#[tokio::test]
async fn silence_is_told() {
    caught(Lie::Silence, "no answer within 500 ms").await;
}

#[tokio::test]
async fn with_a_second_node_a_lie_costs_nothing() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    let proxy = LyingProxy::start(anvil.url()).await.unwrap();
    let deployment = Deployment { endpoints: vec![proxy.url(), anvil.ws_url()], ..Deployment::of(String::new()) };
    let folder = deployment.make().unwrap();
    let mut host = Host::start(folder.path(), &[]).unwrap();
    host.until_block(0).await.unwrap();
    proxy.tell(Lie::OtherSender);
    anvil.send(ALICE, Some(BOB), 20 * ETHER, "0x").await.unwrap();
    anvil.mine().await.unwrap();
    host.until("a decision", |lines| lines.iter().any(|line| line["type"] == "decision")).await.unwrap();
    let refused = faults(&host.lines(), false);
    assert!(refused.iter().any(|told| told.contains("endpoint-refused") && told.contains("sender")), "{refused:?}");
    let finding = host.of("finding").into_iter().find(|line| line["detector"] == "outflow").unwrap();
    assert_eq!(finding["assurance"]["verification"], "full");
    assert!(finding["assurance"]["source"].as_str().unwrap().starts_with("ws://"), "{finding}");
    host.stop().unwrap();
}

#[tokio::test]
async fn a_head_that_no_longer_moves_is_told() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    let proxy = LyingProxy::start(anvil.url()).await.unwrap();
    let deployment = Deployment { chain: vec!["stall_after_s = 1".into()], ..Deployment::of(proxy.url()) };
    let folder = deployment.make().unwrap();
    let mut host = Host::start(folder.path(), &[]).unwrap();
    host.until_block(0).await.unwrap();
    proxy.tell(Lie::OldHead);
    // The head that it will not move from is the one of its first answer.
    proxy.until_it_lied().await.unwrap();
    anvil.mine_many(3).await.unwrap();
    let is_told = |lines: &[Value]| faults(lines, false).iter().any(|told| told.contains("head-stalled"));
    host.until("the stall", is_told).await.unwrap();
    proxy.tell(Lie::None);
    host.until_block(3).await.unwrap();
    let is_over = |lines: &[Value]| faults(lines, true).iter().any(|told| told.contains("head-stalled"));
    host.until("the stall's end", is_over).await.unwrap();
    host.stop().unwrap();
}
