//! Where a detector spends its time.

use serde_json::Value;
use watchfire_tests::guests::guest;
use watchfire_tests::host::{component, watchfire};
use watchfire_tests::peers::root;

const CONFIG: &str = r#"
watch = [{ address = "0xdc64a140aa3e981100a9beca4e685f962f0cf6c9", label = "vault" }]
window_s = 60
assets = [{ address = "0x5fbdb2315678afecb367f032d93f642f64180aa3", symbol = "hUSD", limit = "1", decimals = 6 }]
"#;

/// The allocator of Rust's SDK is known by name, and so is which of its parameters is the size.
#[test]
fn what_a_block_allocates_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("outflow.toml"), CONFIG).unwrap();
    let detector = component("outflow").unwrap().display().to_string();
    let recording = root().join("examples/lending/attack.jsonl.gz").display().to_string();
    let args =
        ["plugin", "bench", &detector, "--recording", &recording, "--config", "outflow.toml", "--format", "json"];
    let output = watchfire(folder.path(), &args).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let allocated = |key: &str| told["block_allocated"][key].as_u64().unwrap();
    let (calls, bytes) = (allocated("calls"), allocated("bytes"));
    // A column of one log has 20 or 32 bytes and more; an alignment has 8 at most.
    assert!((10..1_000).contains(&calls) && (20 * calls..4_096 * calls).contains(&bytes), "{calls} of {bytes} bytes");
}

#[test]
fn functions_are_named_and_a_flame_graph_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("outflow.toml"), CONFIG).unwrap();
    let detector = component("outflow").unwrap().display().to_string();
    let recording = root().join("examples/lending/attack.jsonl.gz").display().to_string();
    let profile = |more: &[&str]| {
        let args = ["plugin", "profile", &detector, "--recording", &recording, "--seconds", "1"];
        watchfire(folder.path(), &[&args, more].concat()).unwrap()
    };
    let outs = ["--out", "flame.svg", "--out", "profile.json", "--out", "stacks.folded"];
    let output = profile(&[&["--config", "outflow.toml", "--format", "json"], &outs[..]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let functions = told["functions"].as_array().unwrap();
    let own: u64 = functions.iter().map(|function| function["own"].as_u64().unwrap()).sum();
    assert_eq!(own, told["samples"].as_u64().unwrap());
    let name = "<outflow::Outflow as watchfire_sdk::Detector>::on_batch";
    let of = functions.iter().find(|function| function["function"] == name);
    let of = of.unwrap_or_else(|| panic!("`{name}` is not in {functions:?}"));
    assert!(of["with_called"].as_u64().unwrap() * 2 > own, "most of the time is the detector's: {of} of {own}");

    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let folded = read("stacks.folded");
    let counted: u64 = folded.lines().map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum();
    assert_eq!(counted, own);
    assert!(read("flame.svg").contains(&format!("{name} (").replace('<', "&lt;").replace('>', "&gt;")));
    let firefox: Value = serde_json::from_str(&read("profile.json")).unwrap();
    assert!(firefox["meta"]["interval"].as_f64().unwrap() == 1.0 && firefox["threads"][0]["samples"]["length"] == own);

    for (args, expected) in [
        (&["--config", "outflow.toml", "--out", "flame.png"][..], "its name ends in .svg, .json or .folded"),
        (&["--config", "outflow.toml", "--out", "none/flame.svg"], "`none/flame.svg` can't be written"),
        (&["--config", "none.toml"], "`none.toml` can't be read"),
    ] {
        let output = profile(args);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && told.contains(expected), "{expected}: {told}");
    }
    let elsewhere =
        CONFIG.replace("0x5fbdb2315678afecb367f032d93f642f64180aa3", "0x00000000000000000000000000000000000000aa");
    std::fs::write(folder.path().join("outflow.toml"), elsewhere).unwrap();
    let told = profile(&["--config", "outflow.toml"]);
    assert!(String::from_utf8_lossy(&told.stderr).contains("does its config fit?"), "{told:?}");
}

/// One that never ends is ended, and where it was until then is shown.
#[test]
fn a_detector_that_loops_is_ended_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("loop.wasm"), guest("endless-loop").unwrap()).unwrap();
    let recording = root().join("examples/lending/attack.jsonl.gz").display().to_string();
    let args = ["plugin", "profile", "loop.wasm", "--recording", &recording, "--seconds", "1", "--out", "loop.folded"];
    let output = watchfire(folder.path(), &args).unwrap();
    let told = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("FAILED: block 4: deadline: "), "{told}");
    let folded = std::fs::read_to_string(folder.path().join("loop.folded")).unwrap();
    let samples: u64 = folded.lines().map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum();
    assert!(samples > 100, "{folded}");
}
