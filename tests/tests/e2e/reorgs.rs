//! Reorgs of a real node, at many depths: what left is undone, what came is seen, and it all replays.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use watchfire_tests::anvil::{ALICE, Anvil, BOB};
use watchfire_tests::host::{Host, watchfire};
use watchfire_tests::peers::skip_or_fail;
use watchfire_tests::watch::{Deployment, ETHER};

/// The chain as the host's output tells it: hash by height, after all reverts.
fn canonical(lines: &[Value]) -> BTreeMap<u64, String> {
    let mut chain = BTreeMap::new();
    for line in lines {
        match line["type"].as_str() {
            Some("block") => {
                let number = line["number"].as_u64().unwrap();
                let hash = line["hash"].as_str().unwrap().to_owned();
                if let Some(parent) = number.checked_sub(1).and_then(|below| chain.get(&below)) {
                    assert_eq!(line["parent_hash"].as_str().unwrap(), parent, "block {number} stands on its parent");
                }
                assert!(chain.insert(number, hash).is_none(), "block {number} came twice without a revert");
            }
            Some("reverted") => {
                for block in line["blocks"].as_array().unwrap() {
                    let number = block["number"].as_u64().unwrap();
                    assert_eq!(chain.remove(&number).as_deref(), block["hash"].as_str(), "only what came can leave");
                    assert!(chain.range(number..).next().is_none(), "the tip leaves first");
                }
            }
            _ => {}
        }
    }
    chain
}

async fn node_chain(anvil: &Anvil) -> BTreeMap<u64, String> {
    let mut chain = BTreeMap::new();
    for number in 0..=anvil.height().await.unwrap() {
        let block = anvil.rpc("eth_getBlockByNumber", json!([format!("{number:#x}"), false])).await.unwrap();
        chain.insert(number, block["hash"].as_str().unwrap().to_owned());
    }
    chain
}

#[tokio::test]
async fn reorgs_of_every_depth_are_followed_block_by_block() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    anvil.mine_many(25).await.unwrap();
    let folder = Deployment::of(anvil.url()).make().unwrap();
    let mut host = Host::start(folder.path(), &[]).unwrap();
    host.until_block(25).await.unwrap();
    for depth in 1..=20 {
        anvil.rpc("anvil_reorg", json!([depth, []])).await.unwrap();
        anvil.mine().await.unwrap();
        let height = anvil.height().await.unwrap();
        let expected = node_chain(&anvil).await;
        let is_there = |lines: &[Value]| canonical(lines).get(&height) == expected.get(&height);
        host.until(&format!("the new chain after a reorg of {depth}"), is_there).await.unwrap();
        assert_eq!(canonical(&host.lines()), expected, "depth {depth}");
    }
    let (_, exit) = host.stop().unwrap();
    assert_eq!(exit, Some(0));
    let replayed = watchfire(folder.path(), &["replay", "watchfire.db", "--quiet"]).unwrap();
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stdout));
}

#[tokio::test]
async fn blocks_that_only_leave_are_followed_too() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    anvil.mine_many(25).await.unwrap();
    let folder = Deployment::of(anvil.url()).make().unwrap();
    let mut host = Host::start(folder.path(), &[]).unwrap();
    host.until_block(25).await.unwrap();
    for depth in [1, 5, 12] {
        anvil.rpc("anvil_rollback", json!([depth])).await.unwrap();
        let expected = node_chain(&anvil).await;
        let is_there = |lines: &[Value]| canonical(lines) == expected;
        host.until(&format!("the shorter chain after a rollback of {depth}"), is_there).await.unwrap();
        anvil.mine_many(2).await.unwrap();
        host.until_block(anvil.height().await.unwrap()).await.unwrap();
    }
    host.stop().unwrap();
}

#[tokio::test]
async fn a_finding_on_an_orphaned_block_is_retracted_and_the_decision_revised() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    anvil.mine().await.unwrap();
    let folder = Deployment::of(anvil.url()).make().unwrap();
    let mut host = Host::start(folder.path(), &[]).unwrap();
    host.until_block(1).await.unwrap();
    anvil.send(ALICE, Some(BOB), 20 * ETHER, "0x").await.unwrap();
    anvil.mine().await.unwrap();
    host.until("a decision", |lines| lines.iter().any(|line| line["type"] == "decision")).await.unwrap();
    anvil.rpc("anvil_reorg", json!([1, []])).await.unwrap();
    anvil.rpc("anvil_dropAllTransactions", json!([])).await.unwrap();
    anvil.mine().await.unwrap();
    let revised = |lines: &[Value]| lines.iter().filter(|line| line["type"] == "decision").count() == 2;
    host.until("a revised decision", revised).await.unwrap();
    let found = host.of("finding");
    let retracted = host.of("retraction");
    assert_eq!(retracted.len(), 1);
    assert_eq!(retracted[0]["finding"], found[0]["id"]);
    let decisions = host.of("decision");
    let answer = |decision: &Value, name: &str| {
        let choices = decision["choices"].as_array().unwrap();
        choices.iter().find(|choice| choice["intervention"] == name).unwrap()["answer"].clone()
    };
    assert_eq!(answer(&decisions[0], "pause"), "permitted");
    assert_eq!(answer(&decisions[0], "late"), "denied");
    assert_eq!(answer(&decisions[1], "pause"), "denied");

    // The state went back too: what left the account on the orphaned block does not count any more.
    anvil.send(ALICE, Some(BOB), 9 * ETHER, "0x").await.unwrap();
    anvil.mine().await.unwrap();
    host.until_block(anvil.height().await.unwrap()).await.unwrap();
    assert_eq!(host.of("finding").len(), 1, "9 ETH are under the limit of 10");
    host.stop().unwrap();
}
