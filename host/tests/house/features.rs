//! The host is built once: alone and with the whole workspace it has the same features.

use std::collections::BTreeSet;
use std::process::Command;

use crate::root;

/// Each package that cargo would build, with its features.
fn packages(selection: &[&str]) -> BTreeSet<String> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args(["tree", "--offline", "--locked", "--prefix", "none", "-f", "{p} [{f}]"]);
    let output = command.args(selection).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
}

#[test]
fn the_host_has_the_same_features_alone_and_with_the_whole_workspace() {
    let alone = packages(&["-p", "watchfire", "-e", "normal,build"]);
    let all = packages(&["--workspace", "-e", "normal,build,dev"]);
    let other: Vec<&String> = alone.difference(&all).collect();
    assert!(other.is_empty(), "the tests would build the host again, as these have other features there: {other:#?}");
}
