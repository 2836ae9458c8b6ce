//! `cargo xtask interop`: other clients of registries that take minutes to build, pinned, and the tests that talk to them.

use crate::compile::{cargo, compile};
use crate::peers::peers_folder;
use crate::step::{run, say};

/// The client of the CNCF's Wasm artefacts, and the version of it that the tests talk to.
const WKG: [&str; 2] = ["wkg", "0.16.1"];
/// The tests that talk to it.
const TEST: &str = "wkg_pulls_what_is_published_and_what_it_publishes_is_taken";

pub(crate) fn interop(set_up: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    set_up()?;
    let ([name, version], folder) = (WKG, peers_folder().join("wkg"));
    say(&format!("building {name} {version} (the first time takes minutes)"));
    // Cargo leaves it alone where it is there in this version.
    run(cargo().args(["install", name, "--locked", "--version", version, "--root"]).arg(folder))?;
    let has_nextest = cargo().args(["nextest", "--version"]).output().is_ok_and(|output| output.status.success());
    let mut command = match has_nextest {
        true => compile(&["nextest", "run", "-p", "watchfire-tests", "--run-ignored", "only", "--no-capture", "-E"]),
        false => compile(&["test", "-p", "watchfire-tests", "--", "--ignored", "--nocapture"]),
    };
    match has_nextest {
        true => command.arg(format!("test(/(^|::){TEST}$/)")),
        false => command.arg(TEST),
    };
    run(command.env("CI", "1"))
}
