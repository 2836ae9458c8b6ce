//! `watchfire plugin profile`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Args as ClapArgs;
use inferno::flamegraph;
use serde_json::json;

use super::setting::Setting;
use super::{Exit, Loaded, component_bytes};
use crate::app::author::cpu_profile::{Profiled, Profiling, profile};
use crate::app::deploy::sandbox::Sandboxes;
use crate::app::live::output::Format;
use crate::cli::table::Table;

/// Functions that are listed.
const LISTED: usize = 15;

/// Show which functions a detector spends its time in.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire plugin profile my-rule                        # as its case in tests/ has it
  watchfire plugin profile my-rule --recording attack.jsonl.gz --config my-rule.toml
  watchfire plugin profile my-rule --recording blocks/ --config my-rule.toml --out flame.svg
  watchfire plugin profile my-rule --recording blocks/ --config my-rule.toml --out profile.json --seconds 20

It is shown the recording's blocks over and over, and each millisecond it is looked where it is. What is written goes by
the name: `.svg` is a flame graph for a browser, `.json` is for https://profiler.firefox.com, `.folded` is a line for
each stack. Samples are taken where functions and rounds of loops begin, so short functions without either may be missed.")]
pub struct Args {
    /// A component, or a project, which is built first.
    #[arg(default_value = ".")]
    path: PathBuf,
    /// The recording whose blocks it is shown; by default that of the project's case.
    #[arg(short, long, value_name = "FILE")]
    recording: Option<PathBuf>,
    /// The detector's own config, as TOML, or a case; by default that of the project's case.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Write a flame graph (.svg), a profile (.json) or stacks (.folded).
    #[arg(short, long, value_name = "FILE", value_parser = out)]
    out: Vec<PathBuf>,
    /// For how long.
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    seconds: u64,
    /// The shape of what is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

fn out(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("svg" | "json" | "folded") => Ok(path),
        _ => Err("its name ends in .svg, .json or .folded".to_owned()),
    }
}

pub(super) fn main(args: &Args, sandboxes: &Sandboxes) -> anyhow::Result<Exit> {
    let setting = Setting::of(&args.path, args.recording.as_deref(), args.config.as_deref())?;
    let Loaded { component, manifest } = Loaded::of(&component_bytes(&args.path)?, sandboxes)?;
    let name = manifest.name.clone();
    let profiled = profile(&Profiling {
        component,
        manifest,
        config: setting.config.clone(),
        recording: setting.recording()?,
        lasts: Duration::from_secs(args.seconds),
    });
    let profiled = profiled.map_err(|error| setting.explain(error))?;
    let samples = profiled.samples();
    if let (0, Some(failed)) = (samples, &profiled.failed) {
        anyhow::bail!("it failed before a sample could be taken: {failed}");
    }
    anyhow::ensure!(
        samples > 0,
        "no sample was taken in {} blocks: it is done before one could be; try more `--seconds`, or busier blocks",
        profiled.blocks
    );
    for path in &args.out {
        write(path, &name, &profiled).with_context(|| format!("`{}` can't be written", path.display()))?;
    }
    match args.format {
        Format::Json => {
            let functions = profiled.functions().into_iter().map(
                |(function, seen)| json!({ "function": function, "own": seen.own, "with_called": seen.with_called }),
            );
            let functions: Vec<_> = functions.collect();
            println!(
                "{}",
                json!({
                    "name": name, "blocks": profiled.blocks, "samples": samples, "functions": functions,
                    "failed": profiled.failed,
                })
            );
        }
        Format::Pretty => {
            println!("{name}: {samples} samples in {} blocks\n", profiled.blocks);
            let mut table = Table::new(&["itself", "with what it calls", "function"]);
            let share = |count: u64| format!("{:.1} %", 100.0 * count as f64 / samples as f64);
            for (function, seen) in profiled.functions().into_iter().take(LISTED) {
                table.row([share(seen.own), share(seen.with_called), function.to_owned()]);
            }
            print!("{}", table.pretty());
        }
    }
    if let Some(failed) = &profiled.failed {
        anstream::eprintln!("FAILED: {failed}");
        return Ok(Exit::No);
    }
    Ok(Exit::Good)
}

fn write(path: &Path, name: &str, profiled: &Profiled) -> anyhow::Result<()> {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("svg") => {
            let mut options = flamegraph::Options::default();
            options.title = format!("{name}, {} blocks", profiled.blocks);
            options.deterministic = true;
            options.text_truncate_direction = flamegraph::TextTruncateDirection::Right;
            options.count_name = "samples".to_owned();
            let folded = profiled.folded();
            let mut svg = Vec::new();
            flamegraph::from_lines(&mut options, folded.iter().map(String::as_str), &mut svg)?;
            Ok(std::fs::write(path, svg)?)
        }
        Some("json") => Ok(std::fs::write(path, &profiled.firefox)?),
        _ => Ok(std::fs::write(path, profiled.folded().join("\n") + "\n")?),
    }
}
