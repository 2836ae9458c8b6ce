//! Attacks and their benign twins: contracts on real nodes, watched by the host as it was built.

use std::process::Command;

use anyhow::bail;

use crate::peers::{install, peers_folder};
use crate::step::{run, say};
use crate::{root, target};

/// Plays the scenarios whose names or detectors are given; all of them where none is.
pub(crate) fn play(names: &[&str]) -> anyhow::Result<()> {
    if !install()? {
        if std::env::var_os("CI").is_some() {
            bail!("attacks and their twins need anvil and solc, which are installed from npm");
        }
        println!("skipped: attacks and their twins need anvil and solc, which are installed from npm");
        return Ok(());
    }
    say("attacks and their twins: a few seconds each, the first of a detector longer");
    let mut play = Command::new("node");
    play.current_dir(root()).arg("tests/twins/play.mjs").arg(target().join("debug/watchfire"));
    run(play.arg(target().join("plugins")).arg(peers_folder().join("node_modules")).args(names))
}
