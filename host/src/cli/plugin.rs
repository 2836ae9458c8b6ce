//! `watchfire plugin`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::Subcommand;
use serde_json::json;

use super::{Exit, inspect, operate};
use crate::app::config::CacheConfig;
use crate::app::plugin_test::{Bench, Found, Tested};
use crate::app::sandbox::Sandboxes;
use crate::plugin::{Limits, build};

/// Build, inspect and test detectors; ask and tell those of a running host.
#[derive(Debug, Subcommand)]
pub enum Command {
    #[command(flatten)]
    Operate(operate::Command),
    /// Build a component from a Rust project, or wrap a core module.
    #[command(after_help = "\
Examples:
  watchfire plugin build plugins/outflow
  watchfire plugin build my-rule --out detectors/my-rule.wasm
  watchfire plugin build module.wasm --out component.wasm")]
    Build {
        /// A Cargo project, or a `.wasm` file.
        path: PathBuf,
        /// Where the component goes; beside the project's other artefacts by default.
        #[arg(short, long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Show what a component says of itself, what it asks for, and what it may use up.
    Inspect(inspect::Args),
    /// Run a detector over a recording, on a kept instance and on fresh ones, and compare with what is expected.
    #[command(after_help = "\
Examples:
  watchfire plugin test outflow.wasm --recording attack.jsonl.gz --config outflow.toml
  watchfire plugin test outflow.wasm --recording attack.jsonl.gz --config outflow.toml --expected attack.json --accept")]
    Test {
        /// The component.
        component: PathBuf,
        /// The recording, or a folder of them.
        #[arg(short, long, value_name = "FILE")]
        recording: PathBuf,
        /// The detector's own config, as TOML; none by default.
        #[arg(short, long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// The findings that are expected, as JSON.
        #[arg(short, long, value_name = "FILE")]
        expected: Option<PathBuf>,
        /// Write what was found as what is expected from now on.
        #[arg(long, requires = "expected")]
        accept: bool,
    },
}

pub(super) fn main(command: Command, sandboxes: &Sandboxes) -> anyhow::Result<Exit> {
    match command {
        Command::Operate(command) => operate::main(command),
        Command::Build { path, out } => build_component(&path, out.as_deref()),
        Command::Inspect(args) => inspect::main(args, sandboxes),
        Command::Test { component, recording, config, expected, accept } => {
            let expected = expected.as_deref().map(|path| (path, accept));
            test(sandboxes, &component, &recording, config.as_deref(), expected)
        }
    }
}

fn build_component(path: &Path, out: Option<&Path>) -> anyhow::Result<Exit> {
    let built = build::build(path, out)?;
    println!("{}", built.path.display());
    println!("  {} bytes, digest {}", built.size, built.digest);
    println!("  imports {}", if built.imports.is_empty() { "nothing".into() } else { built.imports.join(", ") });
    Ok(Exit::Good)
}

fn test(
    sandboxes: &Sandboxes,
    path: &Path,
    recording: &Path,
    config: Option<&Path>,
    expected: Option<(&Path, bool)>,
) -> anyhow::Result<Exit> {
    let bytes = std::fs::read(path).with_context(|| format!("`{}` can't be read", path.display()))?;
    let config = match config {
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("`{}` can't be read", path.display()))?;
            serde_json::to_value(toml::from_str::<toml::Table>(&text).with_context(|| path.display().to_string())?)?
        }
        None => json!({}),
    };
    let runtime = sandboxes.runtime(&CacheConfig::default(), Path::new("."))?;
    let limits = Limits::default();
    let component = runtime.compile(&bytes, &limits)?;
    let manifest = runtime.describe(&component, &limits)?;
    let bench = Bench { runtime: &runtime, component: Arc::new(component), manifest, config };
    let kept = bench.run(recording, false)?;
    let fresh = bench.run(recording, true)?;
    println!("{}: {} inputs, {} findings", bench.manifest.name, kept.inputs, kept.found.len());
    let mut good = true;
    for failure in &kept.failures {
        println!("FAILED: a batch ended with {failure}");
        good = false;
    }
    if let Some(told) = difference("kept", &kept.found, "fresh", &fresh.found) {
        println!("FAILED: it keeps something in guest memory that it should keep in `state`: {told}");
        good = false;
    }
    if let Some((path, accept)) = expected {
        good &= compare(path, accept, &kept)?;
    }
    if good {
        println!("passed");
    }
    Ok(if good { Exit::Good } else { Exit::No })
}

fn compare(path: &Path, accept: bool, tested: &Tested) -> anyhow::Result<bool> {
    if accept {
        std::fs::write(path, format!("{}\n", serde_json::to_string_pretty(&tested.found)?))?;
        println!("accepted: {} findings are expected from now on", tested.found.len());
        return Ok(true);
    }
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("`{}` can't be read; make it with `--accept`", path.display()))?;
    let expected: Vec<Found> = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
    match difference("expected", &expected, "found", &tested.found) {
        Some(told) => {
            println!("FAILED: {told}");
            Ok(false)
        }
        None => Ok(true),
    }
}

/// Where two lists of findings first part, in words.
fn difference(left_name: &str, left: &[Found], right_name: &str, right: &[Found]) -> Option<String> {
    let at = left
        .iter()
        .zip(right)
        .position(|(a, b)| a != b)
        .or_else(|| (left.len() != right.len()).then_some(left.len().min(right.len())))?;
    let told = |found: Option<&Found>| {
        found.map_or("nothing".to_owned(), |found| serde_json::to_string(found).unwrap_or_default())
    };
    Some(format!(
        "finding {} differs\n  {left_name}: {}\n  {right_name}: {}",
        at + 1,
        told(left.get(at)),
        told(right.get(at))
    ))
}
