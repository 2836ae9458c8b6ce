//! A detector that reads the chain, tested and scored on fetched blocks: a node answers once, and its answers are kept.

use std::path::Path;
use std::process::Output;

use serde_json::Value;
use watchfire_tests::anvil::Anvil;
use watchfire_tests::harbor::{Harbor, bytecode};
use watchfire_tests::host::{component, watchfire};
use watchfire_tests::peers::skip_or_fail;

fn run(folder: &Path, args: &[&str]) -> Output {
    watchfire(folder, args).unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// A rule on a view function, over blocks in which its answer falls.
#[tokio::test]
async fn answers_of_a_node_are_kept_beside_the_blocks_and_serve_without_it() {
    let Some(code) = bytecode().unwrap() else { return skip_or_fail("solc") };
    let Some(mut anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    let harbor = Harbor::deploy(&anvil, &code).await.unwrap();
    let first = anvil.height().await.unwrap();
    anvil.mine_many(2).await.unwrap();
    harbor.post_price(&anvil, 150_000_000_000).await.unwrap();
    anvil.mine_many(2).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let rules = format!(
        r#"
[[rule]]
name = "price-fell"
on = "view latestRoundData() returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)"
contract = "{}"
when = "answer < 1_600 * 10^8"
title = "{{answer / 10^8}}"
"#,
        harbor.feed
    );
    std::fs::write(folder.join("rules.toml"), rules).unwrap();
    let detector = component("rules").unwrap().display().to_string();
    let (url, range) = (anvil.url(), format!("{first}..{}", anvil.height().await.unwrap()));
    let fetched = run(folder, &["fetch", "--node", &url, "--blocks", &range, "--out", "later.jsonl.gz"]);
    assert!(fetched.status.success(), "{}", text(&fetched));
    let args = ["fetch", "--node", &url, "--blocks", &range, "--out", "at-once.jsonl.gz", "--detector", &detector];
    let fetched = run(folder, &[&args[..], &["--detector-config", "rules.toml"]].concat());
    assert!(fetched.status.success() && text(&fetched).contains("answers to what `rules` reads"), "{}", text(&fetched));

    let test = |recording: &str, more: &[&str]| {
        let args = ["plugin", "test", &detector, "--recording", recording, "--config", "rules.toml"];
        run(folder, &[&args[..], &["--expected", "expected.json"], more].concat())
    };
    // The node was not asked while these blocks were fetched.
    let blind = test("later.jsonl.gz", &[]);
    assert!(text(&blind).contains("reads of the chain had no answer (block "), "{}", text(&blind));
    assert!(!folder.join("later.jsonl.gz.answers").exists());
    let asked = test("later.jsonl.gz", &["--node", &url, "--accept"]);
    assert!(asked.status.success(), "{}", text(&asked));
    assert!(text(&asked).contains("answers of the node are kept in `later.jsonl.gz.answers`"), "{}", text(&asked));
    let expected: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("expected.json")).unwrap()).unwrap();
    assert_eq!(expected[0]["title"], "1500", "{expected}");

    anvil.kill();
    for recording in ["later.jsonl.gz", "at-once.jsonl.gz"] {
        let again = test(recording, &[]);
        assert!(again.status.success() && !text(&again).contains("no answer"), "{recording}: {}", text(&again));
        let args =
            ["backtest", recording, "--detector", &detector, "--detector-config", "rules.toml", "--format", "json"];
        let scored = run(folder, &args);
        assert!(scored.status.success(), "{}", text(&scored));
        let scored: Value = serde_json::from_slice(&scored.stdout).unwrap();
        assert_eq!(scored["points"][0]["findings"][0]["title"], "1500", "{recording}: {scored}");
        assert_eq!(scored.get("unanswered"), None, "{recording}");
    }
}

/// Answers that are broken, or another recording's, would make detectors blind without a word.
#[test]
fn answers_of_another_recording_and_broken_ones_are_refused_wherever_a_recording_is_run() {
    let checkout = watchfire_tests::host::checkout().unwrap();
    let folder = checkout.path();
    let recording = "examples/lending/attack.jsonl.gz";
    let config = ["--config", "examples/lending/watchfire.toml"];
    let drill = ["drill", "examples/lending/drill.toml", "--plan", "examples/lending/response"];
    let all = [&["replay", recording, "--quiet"][..], &["backtest", recording]].map(|args| [args, &config].concat());
    let all = [all[0].as_slice(), all[1].as_slice(), &drill];
    let unpacked = std::process::Command::new("gzip").args(["-dc", recording]).current_dir(folder).output().unwrap();
    let lines = String::from_utf8(unpacked.stdout).unwrap();
    let first: Value = serde_json::from_str(lines.lines().find(|line| line.contains("\"block\"")).unwrap()).unwrap();
    let block = &first["block"];
    let number = u64::from_str_radix(block["number"].as_str().unwrap().trim_start_matches("0x"), 16).unwrap();
    let answer = |hash: &Value| {
        let read = serde_json::json!({ "read": "balance", "address": "0x00000000000000000000000000000000000000aa" });
        let at = serde_json::json!({ "chain": first["chain_id"], "number": number, "hash": hash });
        serde_json::json!({ "answer": { "at": at, "read": read, "answer": { "Ok": "0x" } } }).to_string()
    };
    let other = Value::from(format!("0x{:064x}", 7));
    for (answers, refusal) in [
        (answer(&block["hash"]), None),
        (answer(&other), Some("is of another recording: this one has none of the blocks")),
        (answer(&block["hash"]).replace("balance", "fortune"), Some("fortune")),
        ("{\"answer\":".to_owned(), Some("EOF while parsing")),
    ] {
        std::fs::write(folder.join(format!("{recording}.answers")), answers).unwrap();
        for args in all {
            let ran = run(folder, args);
            let said = text(&ran);
            match refusal {
                None => assert!(ran.status.success(), "{args:?}: {said}"),
                Some(refusal) => {
                    let is_clear = said.contains(refusal) && said.contains("attack.jsonl.gz.answers");
                    assert!(!ran.status.success() && is_clear, "{args:?}: {said}");
                }
            }
        }
    }
}
