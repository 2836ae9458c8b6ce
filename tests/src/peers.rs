//! Where the peers are that `cargo xtask peers` installs, and what becomes of a test without them.

use std::path::{Path, PathBuf};

/// The repository.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// The pinned anvil, or the one that `WATCHFIRE_ANVIL` names.
pub fn anvil() -> Option<PathBuf> {
    let named = std::env::var_os("WATCHFIRE_ANVIL").map(PathBuf::from);
    let installed = root().join(".peers/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil");
    named.or(Some(installed)).filter(|path| path.is_file())
}

/// The pinned wkg, which `cargo xtask interop` builds, or the one that `WATCHFIRE_WKG` names.
pub fn wkg() -> Option<PathBuf> {
    let named = std::env::var_os("WATCHFIRE_WKG").map(PathBuf::from);
    named.or(Some(root().join(".peers/wkg/bin/wkg"))).filter(|path| path.is_file())
}

/// Says in one line that a test was skipped for want of something. In CI nothing may be wanting.
pub fn skip_or_fail(what: &str) {
    assert!(std::env::var_os("CI").is_none(), "{what} is not here, and CI must have it");
    println!("skipped: {what} is not here; `cargo xtask peers` installs it");
}

/// Whether there is a strace that may trace: not everywhere may one process look into another.
pub fn strace() -> bool {
    let tried = std::process::Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).status();
    tried.is_ok_and(|status| status.success())
}

/// The library of Debian's package `faketime` that gives a process another clock.
pub fn faketime() -> Option<PathBuf> {
    let machine = std::env::consts::ARCH;
    let path = PathBuf::from(format!("/usr/lib/{machine}-linux-gnu/faketime/libfaketimeMT.so.1"));
    path.is_file().then_some(path)
}

/// The detector that is written in every language, in this one; `cargo xtask test` builds it.
pub fn conformance(language: &str) -> anyhow::Result<Option<PathBuf>> {
    let binary = crate::host::binary()?;
    let target = binary.parent().and_then(Path::parent).unwrap_or(&binary);
    Ok(Some(target.join("conformance").join(language).with_extension("wasm")).filter(|path| path.is_file()))
}

/// What `cargo xtask test` installs for detectors in other languages.
#[derive(Clone, Debug)]
pub struct LanguageTools {
    /// The path, with the pinned compilers first.
    pub path: std::ffi::OsString,
    /// Packages of npm.
    pub node_modules: PathBuf,
    /// Where projects in Rust are built, so that each test does not build all anew.
    pub cargo_target: PathBuf,
}

/// The pinned compilers; `None` where they were not installed.
pub fn language_tools() -> anyhow::Result<Option<LanguageTools>> {
    let peers = root().join(".peers");
    let (venv, node_modules) = (peers.join("venv"), peers.join("node_modules"));
    if !venv.join("installed").is_file() || !node_modules.join("esbuild").is_dir() {
        return Ok(None);
    }
    let known = std::env::var_os("PATH").unwrap_or_default();
    let folders = [venv.join("bin"), node_modules.join(".bin")].into_iter().chain(std::env::split_paths(&known));
    let path = std::env::join_paths(folders)?;
    let binary = crate::host::binary()?;
    let target = binary.parent().and_then(Path::parent).unwrap_or(&binary);
    Ok(Some(LanguageTools { path, node_modules, cargo_target: target.to_owned() }))
}
