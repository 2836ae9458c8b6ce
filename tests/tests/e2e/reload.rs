//! Changes while the host runs: good ones are taken up between two batches, bad ones are told and the old runs on.

use serde_json::Value;
use watchfire_tests::anvil::{ALICE, Anvil, BOB};
use watchfire_tests::host::{Host, watchfire};
use watchfire_tests::pair;
use watchfire_tests::peers::skip_or_fail;
use watchfire_tests::watch::{Deployment, ETHER};

async fn until_logged(host: &mut Host, what: &str) {
    pair::until_logged(host, what, 1).await.unwrap();
}

#[tokio::test]
async fn config_plan_and_detectors_change_while_the_host_runs() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    anvil.mine().await.unwrap();
    let mut deployment = Deployment::of(anvil.url());
    let folder = deployment.make().unwrap();
    let mut host = Host::start(folder.path(), &[]).unwrap();
    host.until_block(1).await.unwrap();
    anvil.send(ALICE, Some(BOB), 6 * ETHER, "0x").await.unwrap();
    anvil.mine().await.unwrap();
    host.until_block(2).await.unwrap();
    assert!(host.of("finding").is_empty(), "6 ETH are under the limit of 10");

    // A mistake: it is told with its place, and nothing changes.
    deployment.limit = "many".into();
    deployment.write(folder.path()).unwrap();
    until_logged(&mut host, "config change refused").await;
    assert!(host.log().contains("watchfire.toml:15:"), "{}", host.log());
    assert!(host.log().contains("detector.outflow.config.assets.0.limit"), "{}", host.log());

    // A lower limit: from the next block on it counts, over the state so far.
    deployment.limit = "7".into();
    deployment.write(folder.path()).unwrap();
    until_logged(&mut host, "taken up: detector outflow").await;
    anvil.send(ALICE, Some(BOB), 2 * ETHER, "0x").await.unwrap();
    anvil.mine().await.unwrap();
    let is_own = |line: &&Value| line["type"] == "finding" && line["detector"] == "outflow";
    host.until("a finding", |lines| lines.iter().any(|line| is_own(&line))).await.unwrap();
    let lines = host.lines();
    let title = lines.iter().find(is_own).unwrap()["title"].to_string();
    assert!(title.contains('8'), "6 before the swap and 2 after it: {title}");

    // A plan that does not hold, then one that does.
    let plan = folder.path().join("response/plan.toml");
    let text = std::fs::read_to_string(&plan).unwrap();
    std::fs::write(&plan, text.replace("interventions = [\"pause\", \"late\"]", "interventions = [\"puase\"]"))
        .unwrap();
    until_logged(&mut host, "did you mean `pause`?").await;
    std::fs::write(&plan, text.replace("trust = 3", "trust = 5")).unwrap();
    until_logged(&mut host, "taken up: plan").await;

    let (lines, exit) = host.stop().unwrap();
    assert_eq!(exit, Some(0));
    let swaps: Vec<&Value> = lines.iter().filter(|line| line["type"] == "detector").collect();
    assert_eq!(swaps.len(), 2, "loaded once, swapped once");
    let replayed = watchfire(folder.path(), &["replay", "watchfire.db", "--quiet"]).unwrap();
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stdout));
}

#[tokio::test]
async fn a_config_that_is_wrong_from_the_start_is_refused_with_every_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[chain.a]\nid = 1\nendponts = []\n[detector.x]\ncomponent = \"no.wasm\"\nchains = [\"b\"]\n[plna]\n";
    std::fs::write(folder.path().join("watchfire.toml"), text).unwrap();
    for command in ["run", "check"] {
        let output = watchfire(folder.path(), &[command]).unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        for expected in [
            "watchfire.toml:3:1: error: chain.a.endponts: there is no key `endponts` here; did you mean `endpoints`?",
            "watchfire.toml:5:13: error: detector.x.component: there is no file `./no.wasm`",
            "watchfire.toml:6:11: error: detector.x.chains.0: there is no chain `b`",
            "watchfire.toml:7:2: error: plna: there is no section `plna`; did you mean `plan`?",
        ] {
            assert!(told.contains(expected), "{command}: `{expected}` is not in\n{told}");
        }
        assert_eq!(output.status.code(), Some(if command == "run" { 3 } else { 1 }));
    }
}
