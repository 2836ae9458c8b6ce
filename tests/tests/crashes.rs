//! Kills: of the host at any moment, of the node for a while. Nothing is lost, nothing counts twice.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use serde_json::Value;
use watchfire_tests::anvil::{ALICE, Anvil, BOB};
use watchfire_tests::host::{Host, watchfire};
use watchfire_tests::peers::skip_or_fail;
use watchfire_tests::watch::{Deployment, ETHER};

/// What a journal holds of some kinds, without the times and numbers that differ from run to run.
fn journaled(folder: &std::path::Path, kinds: &[&str]) -> Vec<Value> {
    let mut args = vec!["journal", "list", "--format", "json"];
    for kind in kinds {
        args.extend(["--kind", kind]);
    }
    let output = watchfire(folder, &args).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn blocks(folder: &std::path::Path) -> Vec<(u64, String)> {
    let inputs = journaled(folder, &["input"]);
    let blocks = inputs.iter().filter(|line| line["type"] == "block");
    blocks.map(|line| (line["number"].as_u64().unwrap(), line["hash"].as_str().unwrap().to_owned())).collect()
}

fn told(folder: &std::path::Path) -> Vec<String> {
    let own = |line: &&Value| line["detector"] != "watchfire/coverage";
    let findings = journaled(folder, &["finding"]);
    findings.iter().filter(own).map(|line| format!("{} {}", line["block"]["number"], line["title"])).collect()
}

#[tokio::test]
async fn a_host_that_is_killed_again_and_again_tells_what_an_undisturbed_one_tells() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    let deployment = Deployment::of(anvil.url());
    let (disturbed, calm) = (deployment.make().unwrap(), deployment.make().unwrap());
    // A tenth of the way each time, from a seed that makes a failure repeatable.
    let mut seed = 0x5eed_u64;
    for round in 0..12_u64 {
        let host = Host::start(disturbed.path(), &[]).unwrap();
        for _ in 0..6 {
            anvil.send(ALICE, Some(BOB), 4 * ETHER, "0x").await.unwrap();
            anvil.mine().await.unwrap();
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            tokio::time::sleep(Duration::from_millis(seed >> 58)).await;
        }
        tokio::time::sleep(Duration::from_millis((seed >> 54) % 500 + round)).await;
        host.kill();
    }
    let height = anvil.height().await.unwrap();
    for folder in [&disturbed, &calm] {
        let mut host = Host::start(folder.path(), &[]).unwrap();
        let folder = folder.path().to_owned();
        let started = std::time::Instant::now();
        loop {
            // A host that has nothing new to take in prints nothing: its journal, once it is there, tells how far it is.
            if host.log().contains("watching") && blocks(&folder).last().is_some_and(|(number, _)| *number == height) {
                break;
            }
            assert!(started.elapsed() < Duration::from_secs(30), "not at {height}: {}", host.log());
            host.until("anything", |_| true).await.unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(host.stop().unwrap().1, Some(0));
    }
    let expected: Vec<u64> = (0..=height).collect();
    let numbers: Vec<u64> = blocks(disturbed.path()).into_iter().map(|(number, _)| number).collect();
    assert_eq!(numbers, expected, "each block once, in order");
    assert_eq!(blocks(disturbed.path()), blocks(calm.path()));
    let findings = told(calm.path());
    assert!(findings.len() > 10, "{findings:?}");
    assert_eq!(told(disturbed.path()), findings);
    for folder in [&disturbed, &calm] {
        for args in [&["journal", "verify"][..], &["replay", "watchfire.db", "--quiet"]] {
            let output = watchfire(folder.path(), args).unwrap();
            assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stdout));
        }
    }
}

#[tokio::test]
async fn a_node_that_is_gone_for_a_while_is_a_fault_that_ends() {
    let state = tempfile::tempdir().unwrap();
    let file = state.path().join("state.json").display().to_string();
    let Some(mut anvil) = Anvil::start(&["--state", &file, "--preserve-historical-states"]).await.unwrap() else {
        return skip_or_fail("anvil");
    };
    anvil.mine_many(5).await.unwrap();
    let folder = Deployment::of(anvil.url()).make().unwrap();
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
