//! `watchfire check --probe` and `--live` against a real anvil.

use std::path::Path;

use serde_json::{Value, json};
use watchfire_tests::anvil::{ALICE, Anvil, BOB};
use watchfire_tests::host::watchfire;
use watchfire_tests::peers::skip_or_fail;
use watchfire_tests::receiver::Receiver;
use watchfire_tests::watch::{Deployment, ETHER, plan};

/// Watches without a plan: the kit's own is not ready, which is an error of the check.
fn without_plan(folder: &Path) {
    let file = folder.join("watchfire.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("[plan]\npath = \"response\"\n", "")).unwrap();
}

#[tokio::test]
async fn a_probe_says_what_a_node_offers_and_what_a_detector_will_lack() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    anvil.send(ALICE, Some(BOB), ETHER, "0x").await.unwrap();
    anvil.mine().await.unwrap();
    let deployment = Deployment::of(anvil.url());
    let folder = deployment.make().unwrap();
    // A plan with errors keeps nobody from hearing what the nodes offer.
    let probed = watchfire(folder.path(), &["check", "--probe", "--format", "json"]).unwrap();
    let text = String::from_utf8_lossy(&probed.stdout).into_owned();
    assert_eq!(probed.status.code(), Some(1), "the plan is not ready: {text}");
    assert!(text.contains("WF-E11") && text.contains("\"type\":\"endpoint\""), "{text}");

    without_plan(folder.path());
    let probed = watchfire(folder.path(), &["check", "--probe", "--format", "json"]).unwrap();
    let text = String::from_utf8_lossy(&probed.stdout).into_owned();
    assert!(probed.status.success(), "{text}{}", String::from_utf8_lossy(&probed.stderr));
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let endpoint = &lines.iter().find(|line| line["type"] == "endpoint").unwrap()["report"];
    assert_eq!((endpoint["chain"].as_u64(), endpoint["is_right_chain"].as_bool()), (Some(31_337), Some(true)));
    assert!(endpoint["client"].as_str().unwrap().starts_with("anvil/"), "{endpoint}");
    assert_eq!(endpoint["head"], 1);
    let works = |name: &str| {
        let methods = endpoint["methods"].as_array().unwrap();
        methods.iter().find(|method| method["name"] == name).map(|method| method["works"].clone())
    };
    assert_eq!(works("eth_getBlockReceipts"), Some(true.into()), "{endpoint}");
    assert_eq!(works("debug_traceTransaction"), Some(true.into()), "{endpoint}");
    assert_eq!(works("reads at a block's hash"), Some(true.into()), "{endpoint}");
    assert!(endpoint["batch"].as_u64().unwrap() >= 8, "{endpoint}");
    assert!(!lines.iter().any(|line| line["type"] == "lack"), "{text}");
    assert!(lines.iter().any(|line| line["type"] == "suggestion"), "one endpoint is few: {text}");

    // For people, and with a node of another chain, which is no node for this one.
    let Some(other) = Anvil::start(&["--chain-id", "5"]).await.unwrap() else { return skip_or_fail("anvil") };
    let deployment = Deployment { endpoints: vec![anvil.url(), other.url()], ..deployment };
    deployment.write(folder.path()).unwrap();
    without_plan(folder.path());
    let probed = watchfire(folder.path(), &["check", "--probe"]).unwrap();
    let text = String::from_utf8_lossy(&probed.stdout).into_owned();
    assert_eq!(probed.status.code(), Some(1), "{text}");
    for part in ["chain local (id 31337):", "5, which is another one", "is on chain 5, not on 31337"] {
        assert!(text.contains(part), "`{part}` is not in\n{text}");
    }
}

const TOKEN: &str = "0x00000000000000000000000000000000000a11ce";
const VAULT: &str = "0x00000000000000000000000000000000000b0b00";
/// Answers 18, whatever it is asked.
const EIGHTEEN: &str = "0x601260005260206000f3";
/// Undoes every call.
const REVERTS: &str = "0x60006000fd";

/// What a check printed: its diagnostics by key, each with severity, line and message, and what was answered.
fn live(folder: &Path, more: &[&str]) -> (Vec<Value>, Vec<String>) {
    let output = watchfire(folder, &[&["check", "--live", "--format", "json"], more].concat()).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let answer = |line: &Value| line["answer"].as_str().filter(|_| line["type"] == "answer").map(str::to_owned);
    let answers = lines.iter().filter_map(answer).collect();
    (lines.into_iter().filter(|line| line["key"].is_string()).collect(), answers)
}

/// Whether something of that gravity was said of a key.
fn says(found: &[Value], key: &str, severity: &str, part: &str) -> bool {
    let is_it = |one: &&Value| one["key"] == key && one["severity"] == severity;
    found.iter().filter(is_it).any(|one| one["message"].as_str().is_some_and(|message| message.contains(part)))
}

// The receiver answers while the command is waited for.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_files_say_is_compared_with_the_chain_the_feeds_and_the_channels() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    let Some(other) = Anvil::start(&["--chain-id", "5"]).await.unwrap() else { return skip_or_fail("anvil") };
    anvil.rpc("anvil_setCode", json!([TOKEN, EIGHTEEN])).await.unwrap();
    anvil.rpc("anvil_setCode", json!([VAULT, REVERTS])).await.unwrap();
    let receiver = Receiver::start().await.unwrap();
    let more = format!(
        "[feed.eth]\nkind = \"jsonl\"\nfile = \"prices.jsonl\"\npointer = \"/prize\"\n\n[webhook.pager]\nurl = \"{}\"\n",
        receiver.url("pager")
    );
    let deployment = Deployment { endpoints: vec![anvil.url(), other.url()], more, ..Deployment::of(anvil.url()) };
    let folder = deployment.make().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("prices.jsonl"), "{\"price\": 2000}\n").unwrap();
    let written = |decimals: u8, target: &str| {
        let calls = format!("[intervention.pause]\ncalls = [{{ target = \"{target}\", function = \"pause()\" }}]\n");
        let asset = format!("\n[asset.usd]\nnames = [\"{TOKEN}\"]\nsymbol = \"USD\"\ndecimals = {decimals}\n");
        let text = plan().replace("[intervention.pause]\n", &calls) + &asset;
        std::fs::write(folder.join("response/plan.toml"), text).unwrap();
    };
    written(6, "0x00000000000000000000000000000000000c0de0");
    receiver.answer("pager", 500);
    let (found, answers) = live(folder, &[]);
    for (key, severity, part) in [
        ("chain.local.endpoints", "error", "is on chain 5, not on chain 31337"),
        ("detector.outflow.config.watch.0.address", "warning", "there is no contract at"),
        ("asset.usd.decimals", "error", "it has 18 decimals on chain, and 6 here"),
        ("intervention.pause.calls.0", "error", "there is no contract at"),
        ("feed.eth", "error", "`prize` is not there"),
        ("webhook.pager", "error", "answered 500"),
    ] {
        assert!(says(&found, key, severity, part), "`{key}` is not said in\n{found:#?}");
    }
    let decimals = found.iter().find(|one| one["key"] == "asset.usd.decimals").unwrap();
    assert!(decimals["file"].as_str().unwrap().ends_with("plan.toml") && decimals["line"].as_u64() > Some(1));
    assert!(answers.iter().any(|answer| answer.starts_with("chain local: id 31337, at block")), "{answers:?}");

    // Once all of that is mended, one thing is left to look at: the call would be undone as things stand.
    written(18, VAULT);
    Deployment {
        endpoints: vec![anvil.url()],
        more: deployment.more.replace("/prize", "/price"),
        ..deployment.clone()
    }
    .write(folder)
    .unwrap();
    let (found, answers) = live(folder, &["--no-messages"]);
    assert!(says(&found, "intervention.pause.calls.0", "warning", "would be undone as things stand"), "{found:#?}");
    for key in ["chain.local.endpoints", "asset.usd.decimals", "feed.eth", "webhook.pager"] {
        assert!(!found.iter().any(|one| one["key"] == key), "{key} in {found:#?}");
    }
    assert!(answers.contains(&"feed eth: 2000".to_owned()), "{answers:?}");
    assert!(receiver.accepted("pager").is_empty(), "nobody was to get anything");
    receiver.answer("pager", 200);
    let (found, answers) = live(folder, &[]);
    assert!(answers.contains(&"channel pager: accepted a test message".to_owned()), "{answers:?}: {found:#?}");
    assert_eq!(receiver.accepted("pager").len(), 1);
}
