//! `watchfire plugin`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use alloy::primitives::B256;
use anyhow::Context;
use clap::Subcommand;
use serde_json::json;

use super::{Exit, inspect, operate};
use crate::app::config::CacheConfig;
use crate::app::deploy::sandbox::Sandboxes;
use crate::app::live::output::Format;
use crate::app::share::provenance::statement;
use crate::app::share::publish::source_of;
use crate::plugin::{Component, Limits, Manifest, build, describe};
use crate::share::digest::Digest;
use crate::whole_file;

mod bench;
mod dev;
mod new;
mod profile;
pub(super) mod setting;
mod share;
mod test;

/// Write, build, test and measure detectors; ask and tell those of a running host.
#[derive(Debug, Subcommand)]
pub enum Command {
    #[command(flatten)]
    Operate(operate::Command),
    /// Begin a detector: a project that builds and passes its test.
    New(new::Args),
    /// Build a component from a project in any of the languages, or wrap a core module.
    #[command(after_help = "\
Examples:
  watchfire plugin build
  watchfire plugin build plugins/outflow --out detectors/outflow.wasm
  watchfire plugin build module.wasm --out component.wasm
  watchfire plugin build plugins/outflow --provenance provenance.json

The language is known by what the folder holds: Cargo.toml (Rust), package.json (TypeScript, JavaScript), pyproject.toml
(Python), go.mod (Go), or src/ with .c, .cpp or .zig files. What a build needs beside the language's own tools, the
host brings along: the SDK, the bindings and what wraps a module into a component. A tool that is missing is named with
the command that installs it.")]
    Build {
        /// A project's folder, or a `.wasm` file.
        #[arg(default_value = ".")]
        path: PathBuf,
        /// Where the component goes; beside the project's other artefacts by default.
        #[arg(short, long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Write how it was built, an in-toto statement, for `plugin push --provenance`.
        #[arg(long, value_name = "FILE")]
        provenance: Option<PathBuf>,
        /// The shape of what is printed.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Show what a component says of itself, what it asks for, and what it may use up.
    Inspect(inspect::Args),
    /// Run a detector over recordings, on a kept instance and on fresh ones, and compare with what is expected.
    Test(test::Args),
    /// Rebuild and test a detector whenever its source changes, and show which findings changed.
    Dev(dev::Args),
    /// Share detectors by registries.
    #[command(flatten)]
    Share(share::Command),
    /// Measure what a detector costs: time and budget for a block, memory, start and size.
    Bench(bench::Args),
    /// Show which functions a detector spends its time in: a table, and a flame graph.
    Profile(profile::Args),
}

impl Command {
    /// True when it speaks with registries.
    pub(super) fn asks_registries(&self) -> bool {
        matches!(self, Self::Share(_))
    }
}

pub(super) fn main(command: Command, sandboxes: &Sandboxes) -> anyhow::Result<Exit> {
    match command {
        Command::Operate(command) => operate::main(command),
        Command::Share(command) => share::main(command, sandboxes),
        Command::New(args) => new::main(&args),
        Command::Build { path, out, provenance, format } => {
            let began = jiff::Timestamp::now();
            let exit = build_component(&path, out.as_deref(), format, sandboxes, |name, digest| {
                let Some(file) = &provenance else { return Ok(()) };
                let ended = jiff::Timestamp::now().to_string();
                let source = source_of(&path);
                let statement = statement(name, Digest(digest), source.as_ref(), &began.to_string(), &ended);
                std::fs::write(file, serde_json::to_vec_pretty(&statement)?).with_context(|| file.display().to_string())
            })?;
            Ok(exit)
        }
        Command::Inspect(args) => inspect::main(args, sandboxes),
        Command::Test(args) => test::main(&args, sandboxes),
        Command::Dev(args) => dev::main(&args, sandboxes),
        Command::Bench(args) => bench::main(&args),
        Command::Profile(args) => profile::main(&args, sandboxes),
    }
}

fn build_component(
    path: &Path,
    out: Option<&Path>,
    format: Format,
    sandboxes: &Sandboxes,
    built_as: impl FnOnce(&str, B256) -> anyhow::Result<()>,
) -> anyhow::Result<Exit> {
    let built = build::build(path, out)?;
    let loaded = Loaded::of(&built.bytes, sandboxes)?;
    built_as(&loaded.manifest.name, built.digest)?;
    match format {
        Format::Json => println!(
            "{}",
            json!({
                "path": built.path, "size_bytes": built.size, "digest": built.digest, "imports": built.imports,
                "name": loaded.manifest.name, "version": loaded.manifest.version,
                "capabilities": loaded.manifest.capabilities,
            })
        ),
        Format::Pretty => {
            let listed = |list: &[String]| if list.is_empty() { "nothing".to_owned() } else { list.join(", ") };
            println!("{}", built.path.display());
            println!("  {} {}", loaded.manifest.name, loaded.manifest.version);
            println!("  {} bytes, digest {}", built.size, built.digest);
            println!("  imports {}", listed(&built.imports));
            println!("  asks for {}", listed(&loaded.manifest.capabilities));
        }
    }
    Ok(Exit::Good)
}

/// A component, compiled and asked what it is.
pub(super) struct Loaded {
    pub(super) component: Arc<Component>,
    pub(super) manifest: Manifest,
}

impl Loaded {
    pub(super) fn of(bytes: &[u8], sandboxes: &Sandboxes) -> anyhow::Result<Self> {
        let runtime = sandboxes.runtime(&CacheConfig::default(), Path::new("."))?;
        let limits = Limits::default();
        let component = runtime.compile(bytes, &limits)?;
        let manifest = describe(&component, &limits)?;
        Ok(Self { component: Arc::new(component), manifest })
    }

    /// What was built, for its author: with what names the lines of its source, if the language does not name them itself.
    fn for_author(built: &build::Built, sandboxes: &Sandboxes) -> anyhow::Result<Self> {
        match &built.with_lines {
            Some(bytes) => Self::of(bytes, &sandboxes.clone().for_authors()),
            None => Self::of(&built.bytes, sandboxes),
        }
    }
}

/// The bytes of a component: of a file, or of a project that is built first.
pub(super) fn component_bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    if path.is_dir() {
        return Ok(build::build(path, None)?.bytes);
    }
    whole_file::read(path, whole_file::COMPONENT_BYTES).with_context(|| format!("`{}` can't be read", path.display()))
}
