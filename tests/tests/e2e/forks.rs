//! Nodes of one chain that don't agree: one that is left behind, one that is on a fork of its own.

use std::time::Duration;

use serde_json::Value;
use watchfire_tests::anvil::{ALICE, Anvil, BOB};
use watchfire_tests::host::Host;
use watchfire_tests::peers::skip_or_fail;
use watchfire_tests::proxy::{Lie, LyingProxy};
use watchfire_tests::watch::{Deployment, ETHER};

fn told(lines: &[Value], over: bool) -> Vec<String> {
    let coverage = lines.iter().filter(|line| line["type"] == "coverage").map(|line| &line["coverage"]);
    let stale = coverage.filter(|coverage| coverage["kind"] == "stale-fork" && coverage["over"] == over);
    stale.map(|coverage| format!("{}: {}", coverage["subject"], coverage["message"])).collect()
}

fn on(endpoints: Vec<String>) -> Deployment {
    // The nodes are compared as often as a stall is looked for.
    Deployment { endpoints, chain: vec!["stall_after_s = 1".into()], ..Deployment::of(String::new()) }
}

#[tokio::test]
async fn a_node_that_is_left_behind_is_told_and_no_longer_followed() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    let late = LyingProxy::start(anvil.url()).await.unwrap();
    let folder = on(vec![late.url(), anvil.url()]).make().unwrap();
    let mut host = Host::start(folder.path(), &[]).unwrap();
    host.until_block(0).await.unwrap();
    late.tell(Lie::OldHead);
    // The head that it will not move from is the one of its first answer.
    while late.lies() == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    anvil.mine_many(10).await.unwrap();
    host.until_block(10).await.unwrap();
    host.until("the node that is left behind", |lines| !told(lines, false).is_empty()).await.unwrap();
    let behind = told(&host.lines(), false);
    assert!(behind.len() == 1 && behind[0].contains("it is 10 blocks behind: at 0, others at 10"), "{behind:?}");
    assert!(behind[0].contains(late.url().trim_start_matches("http://")), "it names the node: {behind:?}");
    late.tell(Lie::None);
    host.until("the node's return", |lines| !told(lines, true).is_empty()).await.unwrap();
    host.stop().unwrap();
}

#[tokio::test]
async fn a_node_on_a_fork_of_its_own_is_a_finding() {
    let same_genesis = ["--timestamp", "1700000000"];
    let Some(ours) = Anvil::start(&same_genesis).await.unwrap() else { return skip_or_fail("anvil") };
    let Some(theirs) = Anvil::start(&same_genesis).await.unwrap() else { return skip_or_fail("anvil") };
    ours.mine_many(8).await.unwrap();
    theirs.send(ALICE, Some(BOB), ETHER, "0x").await.unwrap();
    theirs.mine().await.unwrap();
    theirs.mine_many(3).await.unwrap();
    let folder = on(vec![ours.url(), theirs.url()]).make().unwrap();
    let mut host = Host::start(folder.path(), &[]).unwrap();
    host.until_block(8).await.unwrap();
    host.until("the fork", |lines| !told(lines, false).is_empty()).await.unwrap();
    let fork = told(&host.lines(), false);
    assert!(fork[0].contains("it is on another fork: block 4 should be"), "{fork:?}");
    let is_found = |lines: &[Value]| {
        lines.iter().any(|line| line["type"] == "finding" && line["detector"] == "watchfire/coverage")
    };
    host.until("a coverage finding", is_found).await.unwrap();
    assert!(host.of("reverted").is_empty(), "nobody went over to it");
    host.stop().unwrap();
}
