//! `watchfire plugin test`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args as ClapArgs;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::setting::Setting;
use super::{Exit, Loaded, component_bytes};
use crate::app::author::cases::{Case, CaseResult, cases, run};
use crate::app::deploy::sandbox::Sandboxes;
use crate::app::live::output::Format;
use crate::cli::asked::NodeArgs;
use crate::plugin::build::build;

/// Run a detector over recordings.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire plugin test                                  # the project here: builds it, and runs each tests/NAME.toml
  watchfire plugin test my-rule --accept                 # what is found now is expected from now on: tests/NAME.json
  watchfire plugin test my-rule --only attack --junit report.xml
  watchfire plugin test outflow.wasm --recording attack.jsonl.gz --config outflow.toml
  watchfire plugin test outflow.wasm --recording attack.jsonl.gz --config outflow.toml --expected attack.json --accept
  watchfire plugin test my-rule --node $RPC_URL          # answers what it reads of the chain, and keeps the answers

A case is a file tests/NAME.toml with `recording = \"…\"`, or blocks written by hand (`[[block]]`), and the detector's config as a
table `[config]`. Each is run
twice, on one instance and on a fresh one for each batch: what differs was kept in guest memory.")]
pub struct Args {
    /// A project's folder, or a component.
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Run on this recording, or a folder of them, in place of the project's cases.
    #[arg(short, long, value_name = "FILE")]
    recording: Option<PathBuf>,
    /// The detector's own config, as TOML; by default that of the project's case.
    #[arg(short, long, value_name = "FILE", requires = "recording")]
    config: Option<PathBuf>,
    /// The findings that are expected, as JSON.
    #[arg(short, long, value_name = "FILE", requires = "recording")]
    expected: Option<PathBuf>,
    /// Write what was found as what is expected from now on.
    #[arg(long)]
    accept: bool,
    /// Run the cases whose names hold this.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Write a report for a CI server.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    #[command(flatten)]
    node: NodeArgs,
    /// The shape of what is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn main(args: &Args, sandboxes: &Sandboxes) -> anyhow::Result<Exit> {
    let mut cases = match &args.recording {
        Some(recording) => vec![Case {
            others: Vec::new(),
            name: recording.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            recording: recording.clone(),
            config: Setting::of(&args.path, Some(recording), args.config.as_deref())?.config,
            expected: args.expected.clone(),
        }],
        None if args.path.is_dir() => cases(&args.path)?,
        None if !args.path.exists() => anyhow::bail!("there is no `{}`", args.path.display()),
        None => anyhow::bail!("name what `{}` is to run on with `--recording`", args.path.display()),
    };
    anyhow::ensure!(
        !args.accept || cases.iter().any(|case| case.expected.is_some()),
        "say with `--expected` where what is accepted goes"
    );
    if let Some(only) = &args.only {
        cases.retain(|case| case.name.contains(only));
        anyhow::ensure!(!cases.is_empty(), "no case has `{only}` in its name");
    }
    let loaded = match args.path.is_dir() {
        true => Loaded::for_author(&build(&args.path, None)?, sandboxes)?,
        false => Loaded::of(&component_bytes(&args.path)?, sandboxes)?,
    };
    let asked = args.node.connect()?;
    let results = run(&loaded.component, &loaded.manifest, &cases, args.accept, asked.reader.as_ref())?;
    for result in &results {
        match args.format {
            Format::Json => println!("{}", serde_json::to_string(result)?),
            Format::Pretty => tell(&loaded.manifest.name, result),
        }
    }
    if let Some(path) = &args.junit {
        junit(path, &loaded.manifest.name, &results)?;
    }
    let failed = results.iter().filter(|result| !result.passed()).count();
    if args.format == Format::Pretty {
        match (failed, results.len()) {
            (0, 1) => println!("passed"),
            (0, all) => println!("all {all} cases passed"),
            (failed, all) => println!("{failed} of {all} cases failed"),
        }
    }
    Ok(if failed == 0 { Exit::Good } else { Exit::No })
}

fn tell(detector: &str, result: &CaseResult) {
    println!(
        "{detector}, {}: {} inputs, {} findings, {} ms",
        result.name, result.inputs, result.findings, result.elapsed_ms
    );
    if result.is_accepted {
        println!("accepted: {} findings are expected from now on", result.findings);
    }
    for fault in &result.faults {
        let mut lines = fault.lines();
        anstream::println!("FAILED: {}", lines.next().unwrap_or_default());
        lines.for_each(show);
    }
    for note in &result.notes {
        println!("note: {note}");
    }
}

/// A line of a difference, in the colours that these have.
fn show(line: &str) {
    let colour = match line.as_bytes().first() {
        Some(b'+') => anstyle::AnsiColor::Green.on_default(),
        Some(b'-') => anstyle::AnsiColor::Red.on_default(),
        _ => anstyle::Style::new(),
    };
    anstream::println!("{colour}{line}{colour:#}");
}

fn junit(path: &Path, detector: &str, results: &[CaseResult]) -> anyhow::Result<()> {
    let mut suite = TestSuite::new(detector);
    for result in results {
        let mut status = TestCaseStatus::success();
        if !result.passed() {
            status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_description(result.faults.join("\n"));
        }
        let mut case = TestCase::new(&result.name, status);
        case.set_time(std::time::Duration::from_millis(result.elapsed_ms));
        suite.add_test_case(case);
    }
    let mut report = Report::new("watchfire plugin test");
    report.add_test_suite(suite);
    let file = std::fs::File::create(path).with_context(|| format!("`{}` can't be written", path.display()))?;
    report.serialize(file).with_context(|| path.display().to_string())
}
