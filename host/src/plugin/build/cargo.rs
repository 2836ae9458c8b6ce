//! Cargo, asked so that the same source gives the same bytes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::BuildError;

/// No WASI, and so no imports but the ones that the detector asks for.
const TARGET: &str = "wasm32-unknown-unknown";

/// The profile that detectors are built with, for a workspace that has none of this name.
const PROFILE: [&str; 6] = [
    "profile.guest.inherits='release'",
    "profile.guest.opt-level=3",
    "profile.guest.lto=true",
    "profile.guest.codegen-units=1",
    "profile.guest.panic='abort'",
    "profile.guest.strip='debuginfo'",
];

/// What cargo made.
pub(super) struct Artefact {
    pub(super) module: PathBuf,
    pub(super) package: String,
    pub(super) target_folder: PathBuf,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
}

#[derive(Deserialize)]
struct Message {
    reason: String,
    manifest_path: Option<PathBuf>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

/// Builds the project in `folder`; cargo tells its progress and its complaints on the terminal.
pub(super) fn build(folder: &Path) -> Result<Artefact, BuildError> {
    let file_error = |error| BuildError::File { path: folder.to_owned(), error };
    let folder = folder.canonicalize().map_err(file_error)?;
    let manifest = folder.join("Cargo.toml");
    require_target(&folder)?;
    let metadata = metadata(&folder, &manifest)?;
    let package = metadata
        .packages
        .iter()
        .find(|package| package.manifest_path == manifest)
        .ok_or_else(|| BuildError::Workspace { path: manifest.clone() })?;
    let mut command = cargo(&folder);
    command.args(["rustc", "--lib", "--target", TARGET, "--profile", "guest"]);
    command.args(["--message-format", "json-render-diagnostics", "--manifest-path"]).arg(&manifest);
    if !has_profile(&metadata.workspace_root) {
        for setting in PROFILE {
            command.args(["--config", setting]);
        }
    }
    // Only the project's own crate gets the flag that names its folder: with it, dependencies would be built anew for
    // each folder.
    command.env_remove("RUSTFLAGS").env("CARGO_ENCODED_RUSTFLAGS", remapped_home());
    command.arg("--").arg(format!("--remap-path-prefix={}=/project", metadata.workspace_root.display()));
    let messages = run(command, "build", &manifest)?;
    let module = messages
        .split(|&byte| byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<Message>(line).ok())
        .filter(|message| message.reason == "compiler-artifact" && message.manifest_path.as_ref() == Some(&manifest))
        .flat_map(|message| message.filenames)
        .find(|file| file.extension().is_some_and(|extension| extension == "wasm"))
        .ok_or_else(|| BuildError::NoLibrary { path: manifest.clone() })?;
    Ok(Artefact { module, package: package.name.clone(), target_folder: metadata.target_directory })
}

/// Whether the project takes the SDK from what the host lays out in its `build` folder.
pub(super) fn wants_parts(folder: &Path) -> bool {
    std::fs::read_to_string(folder.join("Cargo.toml")).is_ok_and(|text| text.contains("\"build/sdk/rust\""))
}

fn cargo(folder: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(folder).stdin(Stdio::null()).stderr(Stdio::inherit());
    command
}

fn run(mut command: Command, what: &'static str, manifest: &Path) -> Result<Vec<u8>, BuildError> {
    let output = command.output().map_err(|error| BuildError::NoToolchain { program: "cargo".into(), error })?;
    if !output.status.success() {
        return Err(BuildError::Cargo { what, path: manifest.to_owned() });
    }
    Ok(output.stdout)
}

fn metadata(folder: &Path, manifest: &Path) -> Result<Metadata, BuildError> {
    let mut command = cargo(folder);
    command.args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"]).arg(manifest);
    let text = run(command, "read", manifest)?;
    serde_json::from_slice(&text).map_err(|_| BuildError::Cargo { what: "read", path: manifest.to_owned() })
}

/// Asks before cargo compiles for minutes and fails.
fn require_target(folder: &Path) -> Result<(), BuildError> {
    let output = Command::new("rustc")
        .current_dir(folder)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .map_err(|error| BuildError::NoToolchain { program: "rustc".into(), error })?;
    let libraries = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() && Path::new(&libraries).is_dir() { Ok(()) } else { Err(BuildError::NoTarget(TARGET)) }
}

fn has_profile(workspace: &Path) -> bool {
    let text = std::fs::read_to_string(workspace.join("Cargo.toml")).unwrap_or_default();
    let manifest: toml::Table = toml::from_str(&text).unwrap_or_default();
    manifest.get("profile").and_then(|profiles| profiles.get("guest")).is_some()
}

/// Returns the compiler flag that puts a fixed name in the place of cargo's folder on this machine, which panics of
/// dependencies carry with them. What lies in the project is named relative to it already.
fn remapped_home() -> String {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    home.map(|home| format!("--remap-path-prefix={}=/cargo", home.display())).unwrap_or_default()
}
