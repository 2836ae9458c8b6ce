//! What is recorded is what happened: a recording gives the same findings and decisions as the run that it is of.

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
        "was taken back: block 23 0x",
        "): Nothing is left to act against.",
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

#[tokio::test]
async fn past_blocks_are_fetched_and_an_interrupted_fetch_goes_on() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    anvil.mine_many(20).await.unwrap();
    let hash = anvil.send(ALICE, Some(BOB), ETHER, "0x").await.unwrap();
    anvil.mine_many(30).await.unwrap();
    let folder = Deployment::of(anvil.url()).make().unwrap();
    let folder = folder.path();
    let url = anvil.url();
    let fetch = |args: &[&str]| watchfire(folder, &[&["fetch", "--node", &url], args].concat()).unwrap();
    let text = |output: &std::process::Output| {
        String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
    };
    let numbers = |file: &str| {
        let blocks = own(&lines(&watchfire(folder, &["replay", file, "--format", "json"]).unwrap()), "block");
        blocks.iter().map(|block| block["number"].as_u64().unwrap()).collect::<Vec<_>>()
    };

    let by_hash = fetch(&["--transaction", &hash, "--around", "2", "--traces", "--out", "one.jsonl.gz"]);
    assert!(by_hash.status.success(), "{}", text(&by_hash));
    assert_eq!(numbers("one.jsonl.gz"), [19, 20, 21, 22, 23]);

    // As if it had been killed while it wrote: what follows the last note is not believed, and the rest is fetched.
    let whole = fetch(&["--blocks", "3..40", "--out", "whole.jsonl.gz"]);
    assert!(whole.status.success(), "{}", text(&whole));
    let all = fetch(&["--blocks", "3..18", "--out", "part.jsonl.gz"]);
    assert!(all.status.success(), "{}", text(&all));
    let half = std::fs::read(folder.join("part.jsonl.gz")).unwrap();
    std::fs::write(folder.join("again.jsonl.gz.partial"), [&half[..], b"\x1f\x8bhalf a member"].concat()).unwrap();
    let note = serde_json::json!({
        "chain": 31337, "numbers": (3..=40).collect::<Vec<u64>>(), "traces": false, "storage": false,
        "done": 16, "bytes": half.len(),
    });
    std::fs::write(folder.join("again.jsonl.gz.partial.json"), note.to_string()).unwrap();
    let other = fetch(&["--blocks", "3..39", "--out", "again.jsonl.gz"]);
    assert!(text(&other).contains("is of other blocks, begun earlier"), "{}", text(&other));
    let again = fetch(&["--blocks", "3..40", "--out", "again.jsonl.gz"]);
    assert_eq!(text(&again), "again.jsonl.gz: 38 blocks, 16 of them by an earlier run\n");
    assert_eq!(
        std::fs::read(folder.join("again.jsonl.gz")).unwrap(),
        std::fs::read(folder.join("whole.jsonl.gz")).unwrap()
    );
    assert_eq!(numbers("again.jsonl.gz"), (3..=40).collect::<Vec<u64>>());
    assert!(!folder.join("again.jsonl.gz.partial.json").exists());

    for (args, told) in [
        (&["--blocks", "3..40", "--out", "again.jsonl.gz"][..], "is there already"),
        (&["--blocks", "40..3", "--out", "x.jsonl"], "it begins after its end"),
        (
            &["--blocks", "3..900", "--out", "x.jsonl"],
            "48 of 898 blocks are kept; ask for the same again to go on: no node gives blocks 51 to",
        ),
        (&["--blocks", "3..9", "--address", ALICE, "--out", "y.jsonl"], "no log of these addresses is in these blocks"),
        (&["--transaction", &format!("0x{}", "11".repeat(32)), "--out", "z.jsonl"], "no node knows the transaction"),
    ] {
        let output = fetch(args);
        assert!(!output.status.success() && text(&output).contains(told), "{told}: {}", text(&output));
    }
}

/// Blocks by the address of their logs, of the real protocol.
#[tokio::test]
async fn blocks_with_logs_of_an_address_are_fetched() {
    let Some(code) = watchfire_tests::harbor::bytecode().unwrap() else { return skip_or_fail("solc") };
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    let harbor = watchfire_tests::harbor::Harbor::deploy(&anvil, &code).await.unwrap();
    anvil.mine_many(3).await.unwrap();
    harbor.deposit(&anvil, watchfire_tests::harbor::who::USER, watchfire_tests::harbor::eth(5)).await.unwrap();
    anvil.mine_many(3).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let height = anvil.height().await.unwrap();
    let (url, range) = (anvil.url(), format!("0..{height}"));
    let args = ["fetch", "--node", &url, "--blocks", &range, "--address", &harbor.eth, "--out", "eth.jsonl"];
    let output = watchfire(folder.path(), &args).unwrap();
    // The mint with the protocol's other transactions, and the deposit.
    assert_eq!(String::from_utf8_lossy(&output.stdout), "eth.jsonl: 2 blocks\n", "{output:?}");
}
