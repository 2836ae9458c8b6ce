//! `watchfire check --probe` against a real anvil.

use std::path::Path;

use serde_json::Value;
use watchfire_tests::anvil::{ALICE, Anvil, BOB};
use watchfire_tests::host::watchfire;
use watchfire_tests::peers::skip_or_fail;
use watchfire_tests::watch::{Deployment, ETHER};

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
