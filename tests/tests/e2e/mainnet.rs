//! Real mainnet blocks: each passes verification, all three detectors see them, and two runs give the same.

use std::path::PathBuf;

use serde_json::Value;
use watchfire_tests::host::{component, watchfire};
use watchfire_tests::peers::root;

fn mainnet() -> Option<PathBuf> {
    let folder = root().join("../shared/data/mainnet");
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none(), "../shared/data is not here, and CI must have it");
    println!("skipped: ../shared/data is not here");
    None
}

/// All three detectors, watching contracts that are busy in these blocks.
fn config() -> String {
    let path = |name: &str| component(name).unwrap().display().to_string();
    format!(
        r#"
[chain.mainnet]
id = 1
endpoints = ["http://127.0.0.1:1"]

[feed.eth-usd]
kind = "jsonl"
file = "none.jsonl"

[detector.privileged-control]
component = "{}"
grant = ["storage", "traces"]
[detector.privileged-control.config]
watch = [
    {{ address = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", label = "USDC" }},
    {{ address = "0xdAC17F958D2ee523a2206206994597C13D831ec7", label = "USDT" }},
]
expected = []
watch_slots = false
watch_delegatecalls = false

[detector.outflow]
component = "{}"
grant = ["state", "traces"]
[detector.outflow.config]
watch = [
    {{ address = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2", label = "WETH" }},
    {{ address = "0x7a250d5630B4cF539739dF2C5dAcb4c659F2488D", label = "Uniswap v2 router" }},
    {{ address = "0xB4e16d0168e52d35CaCD2c6185b44281Ec28C9Dc", label = "USDC/WETH pair" }},
]
assets = [
    {{ address = "native", symbol = "ETH", decimals = 18, limit = "1" }},
    {{ address = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2", symbol = "WETH", decimals = 18, limit = "1" }},
    {{ address = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", symbol = "USDC", decimals = 6, limit = "1000" }},
]
window_s = 3600

[detector.price-deviation]
component = "{}"
feeds = ["eth-usd"]
grant = ["chain", "feeds", "state"]
[detector.price-deviation.config]
pairs = [
    {{ name = "ETH/USD", aggregator = "0x37bC7498f4FF12C19678ee8fE19d540b87F6a3b0", decimals = 8, feed = "eth-usd", max_deviation_bps = 200, heartbeat_s = 3600, feed_heartbeat_s = 3600 }},
]
check_every_blocks = 1
"#,
        path("privileged-control"),
        path("outflow"),
        path("price-deviation")
    )
}

#[test]
fn all_blocks_pass_verification_and_replay_identically() {
    let Some(mainnet) = mainnet() else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("watchfire.toml"), config()).unwrap();
    let replay = |args: &[&str]| {
        let mainnet = mainnet.display().to_string();
        let all = [&["replay", &mainnet, "--format", "json"], args].concat();
        let output = watchfire(folder.path(), &all).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
    };
    let lines = replay(&["--journal", "mainnet.db"]);
    let blocks: Vec<&Value> = lines.iter().filter(|line| line["type"] == "block").collect();
    assert_eq!(blocks.len(), 42);
    assert!(blocks.iter().all(|block| block["assurance"]["verification"] == "full"));
    let findings = lines.iter().filter(|line| line["type"] == "finding").count();
    assert!(findings >= 10, "{findings} findings");
    let failed: Vec<&Value> = lines.iter().filter(|line| line["type"] == "failed").collect();
    assert!(failed.is_empty(), "{failed:?}");

    // The journal gives the same again, entry by entry; so does the recording, by its hash.
    let output = watchfire(folder.path(), &["replay", "mainnet.db", "--quiet"]).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let derived = lines.last().unwrap()["replay"]["derived"].as_str().unwrap().to_owned();
    assert_eq!(replay(&["--expect", &derived]).last().unwrap()["identical"], true);
    let other = format!("0x{}", "11".repeat(32));
    let mainnet = mainnet.display().to_string();
    let output = watchfire(folder.path(), &["replay", &mainnet, "--quiet", "--expect", &other]).unwrap();
    assert_eq!(output.status.code(), Some(1), "another hash is not identical");
    let output = watchfire(folder.path(), &["journal", "verify", "--journal", "mainnet.db"]).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn each_detector_keeps_nothing_in_guest_memory() {
    let Some(mainnet) = mainnet() else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("watchfire.toml"), config()).unwrap();
    let whole: toml::Table = toml::from_str(&config()).unwrap();
    for id in ["privileged-control", "outflow", "price-deviation"] {
        let own = &whole["detector"][id]["config"];
        let file = folder.path().join(format!("{id}.toml"));
        std::fs::write(&file, toml::to_string(own).unwrap()).unwrap();
        let (component, file) = (component(id).unwrap().display().to_string(), file.display().to_string());
        let mainnet = mainnet.display().to_string();
        let args = ["plugin", "test", &component, "--recording", &mainnet, "--config", &file];
        let output = watchfire(folder.path(), &args).unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
        assert!(told.contains("42 inputs"), "{told}");
    }
}
