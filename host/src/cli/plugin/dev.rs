//! `watchfire plugin dev`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args as ClapArgs;
use notify::{EventKind, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, new_debouncer};

use super::{Exit, Loaded};
use crate::app::author::cases::{CaseResult, cases, difference, run};
use crate::app::deploy::sandbox::Sandboxes;
use crate::chain_read::ChainReader;
use crate::cli::asked::NodeArgs;
use crate::plugin::build;

/// How long files must be quiet before a change counts: editors write in steps.
const QUIET: Duration = Duration::from_millis(100);

/// Folders that tools write to.
const NOT_SOURCE: [&str; 5] = ["build", "target", "node_modules", ".git", ".venv"];

/// Rebuild and test a detector whenever its source changes.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire plugin dev
  watchfire plugin dev my-rule
  watchfire plugin dev my-rule --node $RPC_URL   # what it reads of the chain, and no recording answers")]
pub struct Args {
    /// The project's folder.
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Build and test once, and end: what a change would show.
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    node: NodeArgs,
}

pub(super) fn main(args: &Args, sandboxes: &Sandboxes) -> anyhow::Result<Exit> {
    let asked = args.node.connect()?;
    let project = args.path.canonicalize().with_context(|| format!("there is no `{}`", args.path.display()))?;
    let (tell, changed) = mpsc::channel();
    let watched = project.clone();
    let mut debouncer = new_debouncer(QUIET, None, move |result: DebounceEventResult| {
        let counts = match &result {
            Ok(events) => events.iter().any(|event| {
                !matches!(event.kind, EventKind::Access(_)) && event.paths.iter().any(|path| is_source(&watched, path))
            }),
            Err(_) => true,
        };
        if counts {
            // Whoever listens has ended, and with it the command.
            let _ = tell.send(());
        }
    })?;
    debouncer.watch(&project, RecursiveMode::Recursive)?;
    let mut before: Vec<CaseResult> = Vec::new();
    loop {
        let started = Instant::now();
        match round(&project, sandboxes, asked.reader.as_ref()) {
            Ok(results) => {
                show(&before, &results);
                println!("{:.1} s; waiting for a change of its source (Ctrl-C ends)", started.elapsed().as_secs_f64());
                before = results;
            }
            Err(error) => anstream::eprintln!("{error:#}\nwaiting for a change of its source"),
        }
        if args.once {
            return Ok(if before.iter().all(CaseResult::passed) && !before.is_empty() { Exit::Good } else { Exit::No });
        }
        changed.recv().context("nothing watches any more")?;
        while changed.try_recv().is_ok() {}
    }
}

/// What lies above the project may be called anything.
fn is_source(project: &Path, path: &Path) -> bool {
    let within = path.strip_prefix(project).unwrap_or(path);
    let mut parts = within.components().map(|part| part.as_os_str().to_string_lossy());
    !parts.any(|part| NOT_SOURCE.contains(&part.as_ref()) || part.starts_with(".#"))
}

fn round(
    project: &Path,
    sandboxes: &Sandboxes,
    node: Option<&Arc<dyn ChainReader>>,
) -> anyhow::Result<Vec<CaseResult>> {
    let cases = cases(project)?;
    let built = build::build(project, None)?;
    let loaded = Loaded::for_author(&built, sandboxes)?;
    println!("{} {}: {} bytes", loaded.manifest.name, loaded.manifest.version, built.size);
    run(&loaded.component, &loaded.manifest, &cases, false, node)
}

/// What each case finds, and what of it changed since the last round.
fn show(before: &[CaseResult], now: &[CaseResult]) {
    for result in now {
        let verdict = if result.passed() { "as expected" } else { "not as expected" };
        println!("{}: {} findings, {verdict}", result.name, result.findings);
        let earlier = before.iter().find(|earlier| earlier.name == result.name);
        let lines = match earlier {
            Some(earlier) => difference("before", &earlier.found, "now", &result.found),
            None if result.passed() => None,
            None => Some(result.faults.join("\n")),
        };
        if let Some(lines) = lines {
            anstream::println!("{lines}");
        }
        result.notes.iter().for_each(|note| println!("{note}"));
    }
}
