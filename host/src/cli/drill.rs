//! `watchfire drill`: a script, a plan, and whether the plan held.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::{Args as ClapArgs, ValueEnum};

use super::operate::sources_of;
use super::{Exit, tell};
use crate::app::output::Format;
use crate::app::{again, load};
use crate::drill::{self, Report};
use crate::incident::IncidentId;
use crate::plan::Plan;

/// The shape of what is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// Lines for people.
    #[default]
    Pretty,
    /// One JSON object for each drill.
    Json,
    /// Markdown.
    Markdown,
}

/// Rehearse the plan: a scripted timeline on a virtual clock, and what the plan makes of it.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire drill drills/drain-at-night.toml --plan response
  watchfire drill drills/*.toml --golden drills/golden
  watchfire drill drills/*.toml --golden drills/golden --accept
  watchfire drill --what-if plan2/ --incident 17

Exits with 1 where an expectation of a drill is not met, or a golden log differs.")]
pub struct Args {
    /// The drills' files.
    #[arg(required_unless_present = "what_if", value_name = "FILE")]
    drills: Vec<PathBuf>,
    /// Replay a past incident from the journal under this plan, a folder or a file, and show what would have been
    /// different.
    #[arg(long, value_name = "PATH", requires = "incident", conflicts_with_all = ["drills", "golden"])]
    what_if: Option<PathBuf>,
    /// Number of the past incident.
    #[arg(long, value_name = "NUMBER", requires = "what_if")]
    incident: Option<IncidentId>,
    /// The config that names the journal of the past incident.
    #[arg(short, long, default_value = "watchfire.toml", value_name = "FILE")]
    config: PathBuf,
    /// The plan's folder or file.
    #[arg(short, long, default_value = "response", value_name = "PATH")]
    plan: PathBuf,
    /// The shape of what is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Shape,
    /// Leave the timeline out.
    #[arg(short, long)]
    quiet: bool,
    /// A folder of golden logs, one for each drill, which what happens must equal.
    #[arg(long, value_name = "FOLDER")]
    golden: Option<PathBuf>,
    /// Write the golden logs anew.
    #[arg(long, requires = "golden")]
    accept: bool,
}

pub(super) fn main(args: &Args) -> anyhow::Result<Exit> {
    let plan = match load::plan_at(args.what_if.as_ref().unwrap_or(&args.plan)) {
        Ok(loaded) => Arc::new(loaded.plan),
        Err(diagnostics) => {
            tell(&diagnostics, Format::Pretty)?;
            return Ok(Exit::Refused);
        }
    };
    if let Some(incident) = args.incident {
        return what_if(args, incident, plan);
    }
    let mut exit = Exit::Good;
    for file in &args.drills {
        let Some(report) = run(file, &plan)? else { return Ok(Exit::Refused) };
        match args.format {
            Shape::Pretty => print!("{}", drill::pretty(&report, !args.quiet)),
            Shape::Json => println!("{}", serde_json::to_string(&report)?),
            Shape::Markdown => print!("{}", drill::markdown(&report)),
        }
        let same = match &args.golden {
            Some(folder) => compare(folder, file, &report, args.accept)?,
            None => true,
        };
        if !report.held || !same {
            exit = Exit::No;
        }
    }
    Ok(exit)
}

fn what_if(args: &Args, incident: IncidentId, plan: Arc<Plan>) -> anyhow::Result<Exit> {
    let Some(config) = sources_of(&args.config)? else { return Ok(Exit::Refused) };
    let Some(what_if) = again::what_if(&config.journal, incident, plan)? else {
        anstream::eprintln!("there is no incident {incident}; `watchfire incident list --all` has them");
        return Ok(Exit::No);
    };
    match args.format {
        Shape::Pretty => print!("{}", drill::what_if_pretty(&what_if)),
        Shape::Json => println!("{}", serde_json::to_string(&what_if)?),
        Shape::Markdown => print!("{}", drill::what_if_markdown(&what_if)),
    }
    Ok(Exit::Good)
}

fn run(file: &Path, plan: &Arc<Plan>) -> anyhow::Result<Option<Report>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("`{}` can't be read", file.display()))?;
    match drill::read(&file.display().to_string(), &text) {
        Ok(scenario) => Ok(Some(drill::run(plan, &scenario))),
        Err(diagnostics) => {
            tell(&diagnostics, Format::Pretty)?;
            Ok(None)
        }
    }
}

/// Holds a drill's log against the golden one, and says where they part.
fn compare(folder: &Path, file: &Path, report: &Report, accept: bool) -> anyhow::Result<bool> {
    let name = file.with_extension("log");
    let kept = folder.join(name.file_name().unwrap_or_default());
    let log = drill::golden(report);
    if accept {
        std::fs::create_dir_all(folder)?;
        std::fs::write(&kept, &log).with_context(|| format!("`{}` can't be written", kept.display()))?;
        return Ok(true);
    }
    let golden = std::fs::read_to_string(&kept)
        .with_context(|| format!("`{}` can't be read; write it with --accept", kept.display()))?;
    if golden == log {
        return Ok(true);
    }
    let at = golden.lines().zip(log.lines()).position(|(was, is)| was != is);
    let at = at.unwrap_or_else(|| golden.lines().count().min(log.lines().count()));
    let line = |text: &str| text.lines().nth(at).unwrap_or("(nothing)").to_owned();
    anstream::eprintln!("{}:{}: the log differs; --accept takes the new one", kept.display(), at + 1);
    anstream::eprintln!("  - {}\n  + {}", line(&golden), line(&log));
    Ok(false)
}
