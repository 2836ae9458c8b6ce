//! What detectors are shared by in tests: versions of a guest, and the folders of who publishes and who takes them.

use std::path::Path;
use std::process::Output;

use anyhow::Context;
use serde_json::Value;
use tempfile::TempDir;

use crate::guests::{component, module, trick};
use crate::host::watchfire_with;

/// A version of the guest that is published.
#[derive(Clone, Copy, Debug)]
pub struct Version {
    /// Five characters: `1.0.0`.
    pub version: &'static str,
    /// A trick of `tests/hostile`; none where it is empty.
    pub trick: &'static str,
    /// Whether it asks for `chain` beside `state`.
    pub asks_for_chain: bool,
}

impl Version {
    /// A version without tricks that asks for `state` alone.
    pub fn of(version: &'static str) -> Self {
        Self { version, trick: "", asks_for_chain: false }
    }

    /// Returns its component.
    ///
    /// # Errors
    ///
    /// If the guest's text is not as expected.
    pub fn component(self) -> anyhow::Result<Vec<u8>> {
        let parts = if self.trick.is_empty() { String::new() } else { trick(self.trick)? };
        let text = module(&parts)?;
        let (named, asked) = ("(i32.const 32) \"0.1.0\"", "\"\\40\\01\\00\\00\\02\\00\\00\\00\"");
        anyhow::ensure!(text.contains(named) && text.contains(asked), "the base has another manifest");
        let text = text.replace(named, &format!("(i32.const 32) \"{}\"", self.version));
        let count = if self.asks_for_chain { 2 } else { 1 };
        component(&text.replace(asked, &format!("\"\\40\\01\\00\\00\\0{count}\\00\\00\\00\"")))
    }
}

/// What a command of `watchfire` said.
#[derive(Clone, Debug)]
pub struct Said {
    /// Its exit code.
    pub code: i32,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl Said {
    /// Returns its output as JSON.
    ///
    /// # Errors
    ///
    /// If it is none.
    pub fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_str(&self.out).with_context(|| format!("{}\n{}", self.out, self.err))
    }

    /// Returns all that it said.
    pub fn all(&self) -> String {
        format!("{}{}", self.out, self.err)
    }
}

/// Runs `watchfire plugin …` in a folder.
///
/// # Errors
///
/// If the binary can't be run.
pub fn plugin(folder: &Path, args: &[&str], environment: &[(&str, &str)]) -> anyhow::Result<Said> {
    let Output { status, stdout, stderr } = watchfire_with(folder, &[&["plugin"], args].concat(), environment)?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(Said { code: status.code().unwrap_or(-1), out: text(stdout), err: text(stderr) })
}

/// Makes the folder of a publisher: a component of each version.
///
/// # Errors
///
/// If it can't be written.
pub fn author(versions: &[Version]) -> anyhow::Result<TempDir> {
    let folder = tempfile::tempdir()?;
    for version in versions {
        std::fs::write(folder.path().join(format!("{}.wasm", version.version)), version.component()?)?;
    }
    Ok(folder)
}

/// Makes the folder of an operator: a config with a chain, and whom it trusts.
///
/// # Errors
///
/// If it can't be written.
pub fn operator(node: &str, trust: &str) -> anyhow::Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let chain = format!("[chain.local]\nid = 31337\nendpoints = [\"{node}\"]\nstart = 0\npoll_interval_ms = 50\n\n");
    std::fs::write(folder.path().join("watchfire.toml"), format!("{chain}{trust}"))?;
    Ok(folder)
}
