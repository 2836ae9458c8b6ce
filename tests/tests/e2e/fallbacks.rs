//! Nodes that lack a method: what can be had in another way is, and what can't be had is reported.

use serde_json::Value;
use watchfire_tests::anvil::{ALICE, Anvil, BOB};
use watchfire_tests::host::Host;
use watchfire_tests::peers::skip_or_fail;
use watchfire_tests::proxy::{Lie, LyingProxy};
use watchfire_tests::watch::{Deployment, ETHER};

/// Watches one transfer of the native coin, which only traces show, through a node that lacks these methods; waits
/// for what is expected and gives all lines.
async fn watched(lacks: &'static [&'static str], what: &str, expected: fn(&[Value]) -> bool) -> Option<Vec<Value>> {
    let anvil = Anvil::start(&[]).await.unwrap()?;
    let proxy = LyingProxy::start(anvil.url()).await.unwrap();
    proxy.tell(Lie::Lacks(lacks));
    let folder = Deployment::of(proxy.url()).make().unwrap();
    let mut host = Host::start(folder.path(), &[]).unwrap();
    host.until_block(0).await.unwrap();
    anvil.send(ALICE, Some(BOB), 20 * ETHER, "0x").await.unwrap();
    anvil.send(BOB, Some(ALICE), ETHER, "0x").await.unwrap();
    anvil.mine().await.unwrap();
    host.until_block(1).await.unwrap();
    host.until(what, expected).await.unwrap();
    assert!(proxy.lies() > 0, "the methods were asked for");
    Some(host.stop().unwrap().0)
}

fn outflow(lines: &[Value]) -> Option<&Value> {
    lines.iter().find(|line| line["type"] == "finding" && line["detector"] == "outflow")
}

fn is_found(lines: &[Value]) -> bool {
    outflow(lines).is_some()
}

#[tokio::test]
async fn receipts_come_one_by_one_where_they_do_not_come_by_the_block() {
    let Some(lines) = watched(&["eth_getBlockReceipts"], "the finding", is_found).await else {
        return skip_or_fail("anvil");
    };
    let finding = outflow(&lines).unwrap();
    assert_eq!(finding["assurance"]["verification"], "full", "{finding}");
}

#[tokio::test]
async fn frames_come_by_trace_block_where_there_is_no_tracer() {
    let by_tracer = watched(&["eth_getBlockReceipts"], "the finding", is_found).await;
    let by_block = watched(&["debug_traceBlockByHash"], "the finding", is_found).await;
    let (Some(by_tracer), Some(by_block)) = (by_tracer, by_block) else { return skip_or_fail("anvil") };
    let amounts = |lines: &[Value]| outflow(lines).unwrap()["amounts"].clone();
    assert_eq!(amounts(&by_tracer), amounts(&by_block));
}

#[tokio::test]
async fn a_watch_without_traces_is_told() {
    let is_told =
        |lines: &[Value]| lines.iter().any(|line| line["type"] == "finding" && line["kind"] == "traces-unavailable");
    const WITHOUT: [&str; 3] = ["debug_traceBlockByHash", "trace_block", "debug_traceTransaction"];
    let without = watched(&WITHOUT, "the gap", is_told).await;
    let Some(lines) = without else { return skip_or_fail("anvil") };
    assert!(outflow(&lines).is_none(), "nothing shows the transfer");
    let told = lines.iter().find(|line| line["kind"] == "traces-unavailable").unwrap();
    let description = told["description"].as_str().unwrap();
    assert!(description.contains("offers neither `debug_traceBlockByHash` nor `trace_block`"), "{description}");
}
