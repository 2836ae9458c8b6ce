//! What a host sees of several chains at once, and of transactions that wait for a block.

use std::path::Path;

use serde_json::{Value, json};
use watchfire_tests::anvil::{ALICE, Anvil, BOB};
use watchfire_tests::guests::guest;
use watchfire_tests::host::{Host, watchfire};
use watchfire_tests::peers::skip_or_fail;
use watchfire_tests::proxy::{Lie, LyingProxy};
use watchfire_tests::watch::{Deployment, ETHER};

/// Chain and height of each block that was taken in, in order.
fn blocks(lines: &[Value]) -> Vec<(u64, u64)> {
    let blocks = lines.iter().filter(|line| line["type"] == "block");
    blocks.map(|block| (block["chain"].as_u64().unwrap(), block["number"].as_u64().unwrap())).collect()
}

fn found<'a>(lines: &'a [Value], detector: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["type"] == "finding" && line["detector"] == detector).collect()
}

fn expect_replay(folder: &Path) {
    let replayed = watchfire(folder, &["replay", "watchfire.db", "--quiet"]).unwrap();
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stdout));
}

#[tokio::test]
async fn several_chains_are_followed_at_once_each_by_a_cursor_of_its_own() {
    let sockets = tempfile::tempdir().unwrap();
    let socket = sockets.path().join("other.ipc").display().to_string();
    let other_args = ["--chain-id", "31338", "--ipc", &socket];
    let Some(first) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    let Some(other) = Anvil::start(&other_args).await.unwrap() else { return skip_or_fail("anvil") };
    let more = format!(
        "[chain.other]\nid = 31338\nendpoints = [\"{socket}\"]\nstart = 2\npoll_interval_ms = 50\n\n\
         [detector.guest]\ncomponent = \"guest.wasm\"\ngrant = [\"state\", \"chain\"]\n"
    );
    let folder = Deployment { more, ..Deployment::of(first.url()) }.make().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("guest.wasm"), guest("").unwrap()).unwrap();
    other.mine_many(4).await.unwrap();
    let mut host = Host::start(folder, &[]).unwrap();
    host.until("both chains", |lines| blocks(lines).contains(&(31_338, 4)) && blocks(lines).contains(&(31_337, 0)))
        .await
        .unwrap();
    host.stop().unwrap();
    // Only one of them goes on meanwhile.
    first.mine_many(3).await.unwrap();
    let mut host = Host::start(folder, &[]).unwrap();
    host.until("the one that went on", |lines| blocks(lines).contains(&(31_337, 3))).await.unwrap();
    other.mine().await.unwrap();
    host.until("the other", |lines| blocks(lines).contains(&(31_338, 5))).await.unwrap();
    let (lines, exit) = host.stop().unwrap();
    assert_eq!(exit, Some(0));
    assert_eq!(blocks(&lines), [(31_337, 1), (31_337, 2), (31_337, 3), (31_338, 5)], "each goes on at its own cursor");
    let chains: Vec<u64> =
        found(&lines, "guest").iter().map(|finding| finding["block"]["chain"].as_u64().unwrap()).collect();
    assert_eq!(chains, [31_337, 31_337, 31_337, 31_338], "a detector without `chains` sees all of them");
    expect_replay(folder);
}

#[tokio::test]
async fn a_detector_of_the_mempool_sees_a_transaction_before_its_block() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    let more = "[detector.early]\ncomponent = \"early.wasm\"\ngrant = [\"mempool\", \"chain\"]\n";
    let folder = Deployment { more: more.into(), ..Deployment::of(anvil.url()) }.make().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("early.wasm"), guest("pending").unwrap()).unwrap();
    anvil.mine().await.unwrap();
    let mut host = Host::start(folder, &[]).unwrap();
    host.until_block(1).await.unwrap();
    assert!(found(&host.lines(), "early").is_empty());
    anvil.send(ALICE, Some(BOB), ETHER, "0x").await.unwrap();
    host.until("a finding", |lines| found(lines, "early").len() == 1).await.unwrap();
    let lines = host.lines();
    assert_eq!(found(&lines, "early")[0]["block"], Value::Null, "it is on no chain yet");
    assert_eq!(blocks(&lines).last(), Some(&(31_337, 1)));
    anvil.mine().await.unwrap();
    host.until_block(2).await.unwrap();
    let (lines, exit) = host.stop().unwrap();
    assert_eq!(exit, Some(0));
    let pending: Vec<u64> = lines
        .iter()
        .filter(|line| line["type"] == "pending")
        .map(|line| line["transactions"].as_u64().unwrap())
        .collect();
    assert_eq!(pending, [1], "it is told once");
    assert_eq!(found(&lines, "early").len(), 1);
    expect_replay(folder);
}

/// A deposit comes from another chain, and nobody signs it here: its hash and the roots say what it is, also against a node's word.
#[tokio::test]
async fn a_chain_of_the_op_stack_is_verified_in_full_with_its_deposits() {
    let base = ["--network", "optimism", "--chain-id", "8453"];
    let Some(anvil) = Anvil::start(&base).await.unwrap() else { return skip_or_fail("anvil") };
    let liar = LyingProxy::start(anvil.url()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let config = format!(
        "[chain.base]\nid = 8453\nendpoints = [\"{}\", \"{}\"]\nstart = 0\npoll_interval_ms = 50\n\n\
         [detector.guest]\ncomponent = \"guest.wasm\"\ngrant = [\"state\", \"chain\"]\n",
        liar.url(),
        anvil.url()
    );
    std::fs::write(folder.join("watchfire.toml"), config).unwrap();
    std::fs::write(folder.join("guest.wasm"), guest("").unwrap()).unwrap();
    let deposit = |source: char| {
        json!([{ "type": "0x7e", "sourceHash": format!("0x{}", source.to_string().repeat(64)), "mint": "0x7", "from": BOB,
            "to": ALICE, "value": "0x5", "gas": "0x5208", "isSystemTx": false }])
    };
    anvil.rpc("eth_sendTransaction", deposit('1')).await.unwrap();
    anvil.send(ALICE, Some(BOB), 1, "0x").await.unwrap();
    anvil.mine().await.unwrap();
    let mut host = Host::start(folder, &[]).unwrap();
    host.until("the first deposit", |lines| blocks(lines).contains(&(8_453, 1))).await.unwrap();
    // A node that says that somebody else made it is refused, and another is asked.
    liar.tell(Lie::OtherSender);
    anvil.rpc("eth_sendTransaction", deposit('2')).await.unwrap();
    anvil.mine().await.unwrap();
    host.until("the second deposit", |lines| blocks(lines).contains(&(8_453, 2))).await.unwrap();
    let is_refused = |line: &Value| line["type"] == "coverage" && line["coverage"]["kind"] == "endpoint-refused";
    host.until("that the node is refused", |lines| lines.iter().any(is_refused)).await.unwrap();
    host.until("a finding in each block", |lines| found(lines, "guest").len() == 3).await.unwrap();
    let (lines, exit) = host.stop().unwrap();
    assert_eq!(exit, Some(0));
    for finding in found(&lines, "guest") {
        assert_eq!(finding["assurance"]["verification"], "full", "{finding}");
        assert!(finding["assurance"]["exceptions"].as_array().is_none_or(Vec::is_empty), "{finding}");
    }
    expect_replay(folder);
}
