//! A node that is gone for a while. What becomes of a host that is killed is in `kills.rs`.

use serde_json::Value;
use watchfire_tests::anvil::Anvil;
use watchfire_tests::host::Host;
use watchfire_tests::peers::skip_or_fail;
use watchfire_tests::watch::Deployment;

#[tokio::test]
async fn a_node_that_is_gone_for_a_while_is_a_fault_that_ends() {
    let state = tempfile::tempdir().unwrap();
    let file = state.path().join("state.json").display().to_string();
    let Some(mut anvil) = Anvil::start(&["--state", &file, "--preserve-historical-states"]).await.unwrap() else {
        return skip_or_fail("anvil");
    };
    anvil.mine_many(5).await.unwrap();
    let chain = vec!["stall_after_s = 2".to_owned()];
    let folder = Deployment { chain, ..Deployment::of(anvil.url()) }.make().unwrap();
    let mut host = Host::start(folder.path(), &[]).unwrap();
    host.until_block(5).await.unwrap();
    anvil.end_well().await.unwrap();
    let is_told = |over: bool| {
        move |lines: &[Value]| {
            lines.iter().any(|line| {
                let coverage = &line["coverage"];
                line["type"] == "coverage" && coverage["kind"] == "chain-unreachable" && coverage["over"] == over
            })
        }
    };
    host.until("the fault", is_told(false)).await.unwrap();
    anvil.restart().await.unwrap();
    assert_eq!(anvil.height().await.unwrap(), 5, "the node has kept its chain");
    anvil.mine_many(3).await.unwrap();
    host.until("the end of the fault", is_told(true)).await.unwrap();
    host.until_block(8).await.unwrap();
    let titles: Vec<String> = host.of("finding").iter().map(|line| line["detector"].to_string()).collect();
    assert!(titles.iter().any(|detector| detector.contains("watchfire/coverage")), "{titles:?}");
    assert_eq!(host.stop().unwrap().1, Some(0));
}
