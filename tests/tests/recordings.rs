//! What is recorded is what happened: a recording gives the same findings and decisions as the run that it is of.

#![allow(clippy::unwrap_used)]

use serde_json::Value;
use watchfire_tests::anvil::{ALICE, Anvil, BOB};
use watchfire_tests::host::{Host, watchfire};
use watchfire_tests::peers::{root, skip_or_fail};
use watchfire_tests::watch::{Deployment, ETHER};

fn own(lines: &[Value], kind: &str) -> Vec<Value> {
    lines.iter().filter(|line| line["type"] == kind).cloned().map(without_seq).collect()
}

fn without_seq(mut line: Value) -> Value {
    line.as_object_mut().unwrap().remove("seq");
    // Where a block came from is the one thing that a recording changes.
    if let Some(source) = line.pointer_mut("/assurance/source") {
        *source = "".into();
    }
    line
}

fn lines(output: &std::process::Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_recorded_run_replays_to_the_same_decisions() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    anvil.mine().await.unwrap();
    let folder = Deployment::of(anvil.url()).make().unwrap();
    let mut host = Host::start(folder.path(), &["--record", "run.jsonl.gz"]).unwrap();
    host.until_block(1).await.unwrap();
    for value in [4, 5, 6] {
        anvil.send(ALICE, Some(BOB), value * ETHER, "0x").await.unwrap();
        anvil.mine().await.unwrap();
    }
    host.until_block(4).await.unwrap();
    anvil.rpc("anvil_reorg", serde_json::json!([1, []])).await.unwrap();
    anvil.rpc("anvil_dropAllTransactions", serde_json::json!([])).await.unwrap();
    anvil.mine().await.unwrap();
    host.until_block(5).await.unwrap();
    let (told, exit) = host.stop().unwrap();
    assert_eq!(exit, Some(0));
    assert!(!own(&told, "finding").is_empty() && !own(&told, "retraction").is_empty());
    let again = watchfire(folder.path(), &["replay", "run.jsonl.gz", "--format", "json"]).unwrap();
    let again = lines(&again);
    for kind in ["finding", "retraction", "incident", "decision", "effect"] {
        assert_eq!(own(&again, kind), own(&told, kind), "{kind}");
    }
}

#[tokio::test]
async fn blocks_are_recorded_over_every_transport() {
    let state = tempfile::tempdir().unwrap();
    let socket = state.path().join("anvil.ipc").display().to_string();
    let Some(anvil) = Anvil::start(&["--ipc", &socket]).await.unwrap() else { return skip_or_fail("anvil") };
    anvil.send(ALICE, Some(BOB), ETHER, "0x").await.unwrap();
    anvil.mine_many(30).await.unwrap();
    let mut recorded = Vec::new();
    for (name, endpoint) in [("http", anvil.url()), ("ws", anvil.ws_url()), ("ipc", socket.clone())] {
        let folder = Deployment::of(endpoint).make().unwrap();
        let out = format!("{name}.jsonl.gz");
        let args = ["record", "--out", &out, "--blocks", "31", "--traces", "--storage"];
        let output = watchfire(folder.path(), &args).unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(!folder.path().join(format!("{out}.partial")).exists());
        let replayed = watchfire(folder.path(), &["replay", &out, "--format", "json"]).unwrap();
        let mut blocks = own(&lines(&replayed), "block");
        assert_eq!(blocks.len(), 31, "{name}");
        assert_eq!(blocks[1]["frames"], 1, "{name}: traces were recorded");
        for block in &mut blocks {
            block.as_object_mut().unwrap().remove("at_ms");
            block["assurance"]["source"] = "".into();
        }
        recorded.push(blocks);
    }
    assert_eq!(recorded[0], recorded[1]);
    assert_eq!(recorded[0], recorded[2]);
}

#[test]
fn a_drill_shows_a_recording_to_the_real_detectors() {
    let components = watchfire_tests::host::component("outflow").unwrap();
    let components = components.parent().unwrap().display().to_string();
    let drill =
        ["drill", "examples/lending/drill.toml", "--plan", "examples/lending/response", "--components", &components];
    let output = watchfire(&root(), &drill).unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    for expected in [
        "contained  34 s",
        "left the chain: Nothing is left to act against.",
        "00:00:26 #2 opened: price-deviation (critical, 100 % sure)",
        "00:00:34 #2 done: Ana Ferreira: pause-vault (ruling 1)",
    ] {
        assert!(told.contains(expected), "`{expected}` is not in\n{told}");
    }
}

#[test]
fn the_demo_runs_and_shows_what_it_promises() {
    let components = watchfire_tests::host::component("outflow").unwrap();
    let components = components.parent().unwrap().display().to_string();
    let output = watchfire(&root(), &["demo", "--fast", "--components", &components]).unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    for expected in [
        "Findings taken back because their blocks left the chain: 1.",
        "lowers the vault's limit",
        "to the decision that permits `pause-vault`",
        "denied: cap-withdrawals",
        "hETH/USD: 26000 on chain",
        "over the limit of 500000 hUSD",
        "Harbor vault: upgraded to",
    ] {
        assert!(told.contains(expected), "`{expected}` is not in\n{told}");
    }
}
