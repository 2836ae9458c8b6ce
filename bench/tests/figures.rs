//! The benchmark as a command: it measures, its rules find what their native twins find, and its figures can be compared.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

fn bench(arguments: &[&str]) -> String {
    let binary = Path::new(env!("CARGO_BIN_EXE_watchfire-bench"));
    let components = binary.parent().unwrap().parent().unwrap().join("plugins");
    let mut command = Command::new(binary);
    command.args(["--quick", "--only", "boundary", "--only", "fleets", "--only", "pages", "--data"]).arg(data());
    let output = command.arg("--components").arg(components).args(arguments).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    String::from_utf8(output.stdout).unwrap()
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/mainnet")
}

#[test]
fn figures_are_measured_and_compared() {
    if !data().is_dir() {
        assert!(std::env::var_os("CI").is_none(), "../shared/data is not here");
        println!("skipped: ../shared/data is not here");
        return;
    }
    let json = bench(&["--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    let rows = report["rows"].as_array().unwrap();
    let named = |name: &str| rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no `{name}`"));
    let ratio = named("outflow over all transfers, detector / native");
    assert!(ratio["value"].as_f64().unwrap() > 0.0);
    assert_eq!(ratio["aim"], serde_json::json!({ "at-most": 1.3 }));
    named("10: batches");
    let page = rows.iter().find(|row| row["section"].as_str().unwrap().contains("a page that")).unwrap();
    assert!(page["value"].as_f64().unwrap() > 0.0, "{page}");

    let folder = tempfile::tempdir().unwrap();
    let before = folder.path().join("before.json");
    std::fs::write(&before, json).unwrap();
    let table = bench(&["--compare", before.to_str().unwrap()]);
    let line = table.lines().find(|line| line.contains("10: batches")).unwrap();
    assert!(line.ends_with("+0.0 %"), "the same blocks give as many batches: {line}");
}
