//! `cargo xtask dist`: from one build of the host, all that is published.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail};

use crate::compile::compile;
use crate::step::{run, say};
use crate::{FIRST_PARTY, add_targets, build_detectors, root, target};

struct Options {
    profile: String,
    out: PathBuf,
}

impl Options {
    fn read(args: &[&str]) -> anyhow::Result<Self> {
        let mut options = Self { profile: "release".to_owned(), out: target().join("dist") };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().with_context(|| format!("`{arg}` takes a value"));
            match *arg {
                "--profile" => options.profile = (*value()?).to_owned(),
                "--out" => options.out = std::path::absolute(value()?)?,
                other => bail!("`cargo xtask dist` takes `--profile NAME` and `--out FOLDER`, and not `{other}`"),
            }
        }
        Ok(options)
    }

    /// Returns the folder that cargo puts binaries of the profile into.
    fn folder(&self) -> PathBuf {
        let name = if self.profile == "dev" { "debug" } else { &self.profile };
        target().join(name)
    }
}

pub(crate) fn dist(args: &[&str]) -> anyhow::Result<()> {
    let options = Options::read(args)?;
    add_targets()?;
    // A build for trying things out names no commit, so that the next one is not linked anew.
    let commit = if options.profile == "dev" { None } else { commit() };
    say(&format!("building the host by the profile `{}`", options.profile));
    let mut build = compile(&["build", "--locked", "-p", "watchfire", "--profile", &options.profile]);
    if let Some(commit) = &commit {
        build.env("WATCHFIRE_COMMIT", commit);
    }
    run(&mut build)?;
    let host = options.folder().join("watchfire");
    build_detectors(&host, &FIRST_PARTY)?;
    say("packaging");
    let mut package = compile(&["run", "--quiet", "--locked", "-p", "watchfire-dist"]);
    package.arg("--");
    package.arg("--binary").arg(&host).arg("--plugins").arg(target().join("plugins")).arg("--out").arg(&options.out);
    if let Some(commit) = &commit {
        package.args(["--commit", commit]);
    }
    run(&mut package)
}

/// Returns what git calls this state of the tree; `None` if there is no git.
fn commit() -> Option<String> {
    let described = Command::new("git")
        .current_dir(root())
        .args(["describe", "--always", "--tags", "--dirty", "--abbrev=12"])
        .output();
    let output = described.ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
