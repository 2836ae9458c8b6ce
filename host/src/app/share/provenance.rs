//! How a component was built, as an in-toto statement with SLSA's provenance; and building it again from what is stated.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::plugin::build::{Built, build};
use crate::share::digest::Digest;
use crate::share::package::Source;

/// What a build of `watchfire plugin build` is, for who reads a statement.
const BUILD_TYPE: &str = "urn:watchfire:plugin-build:v1";

/// Returns the statement on a build: which source gave which bytes, by which watchfire, from when to when (RFC 3339).
pub fn statement(name: &str, digest: Digest, source: Option<&Source>, began: &str, ended: &str) -> Value {
    let materials = source.map(|source| {
        json!({ "uri": format!("git+{}@{}", source.repository, source.revision), "digest": { "gitCommit": source.revision } })
    });
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": name, "digest": { "sha256": digest.hex() } }],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": { "source": source },
                "internalParameters": { "rustc": version_of("rustc"), "go": version_of("go") },
                "resolvedDependencies": materials.into_iter().collect::<Vec<_>>(),
            },
            "runDetails": {
                "builder": { "id": format!("urn:watchfire:cli:{}", env!("CARGO_PKG_VERSION")) },
                "metadata": { "startedOn": began, "finishedOn": ended },
            },
        },
    })
}

/// Returns what a tool calls its version; `None` without it.
fn version_of(program: &str) -> Option<String> {
    let flag = if program == "go" { "version" } else { "--version" };
    let output = Command::new(program).arg(flag).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Fetches a stated source into a folder and builds it. It runs the source's own build scripts.
///
/// # Errors
///
/// If git can't fetch it, or it can't be built.
pub fn rebuild(source: &Source, folder: &Path) -> anyhow::Result<Built> {
    let plain = |said: &str| !said.starts_with('-') && !said.chars().any(char::is_control);
    let stated = [&source.repository, &source.revision, &source.folder];
    ensure!(stated.into_iter().all(|said| plain(said)), "the stated source is none that git should be given");
    let is_commit = source.revision.len() >= 40 && source.revision.bytes().all(|byte| byte.is_ascii_hexdigit());
    ensure!(is_commit, "the stated revision `{}` is no commit", source.revision);
    // `ext::` and the like run programs.
    let transports = ["https://", "ssh://", "git@", "file://", "/"];
    let is_known = transports.iter().any(|known| source.repository.starts_with(known));
    ensure!(is_known, "`{}` is fetched by none of https, ssh and file", source.repository);
    let git = |args: &[&str]| {
        let output = Command::new("git").arg("-C").arg(folder).args(args).output().context("git can't be run")?;
        let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        ensure!(output.status.success(), "git can't fetch `{}`: {words}", source.repository);
        anyhow::Ok(())
    };
    git(&["init", "--quiet"])?;
    git(&["fetch", "--quiet", "--depth", "1", "--", &source.repository, &source.revision])?;
    git(&["checkout", "--quiet", "FETCH_HEAD"])?;
    let project = folder.join(&source.folder);
    let (root, project) =
        (folder.canonicalize()?, project.canonicalize().context("the stated folder is not in the source")?);
    ensure!(project.starts_with(&root), "the stated folder leads out of the source");
    Ok(build(&project, None)?)
}
