//! `watchfire drill`: a script, a plan, and whether the plan held.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::{Args as ClapArgs, ValueEnum};

use super::given::refuse;
use super::live_drill::{Live, Told};
use super::operate::sources_of;
use super::{Exit, tell};
use crate::app::config::Config;
use crate::app::deploy::load;
use crate::app::deploy::sandbox::Sandboxes;
use crate::app::live::main_loop::wall_clock_ms;
use crate::app::live::output::Format;
use crate::app::past::desks;
use crate::app::past::replay::Player;
use crate::diagnostic::{Diagnostic, suggestion};
use crate::drill::{self, Heard, Report, Scenario, library};
use crate::entry::Entry;
use crate::event::Event;
use crate::incident::IncidentId;
use crate::journal::Journal;
use crate::plan::Plan;
use crate::source::recording::{KeptAnswers, Recording};

const DAY_MS: u64 = 86_400_000;

/// What was read, or what is wrong with it.
type Checked<T> = Result<T, Vec<Diagnostic>>;

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
  watchfire drill --list
  watchfire drill nomad                             the library's, against a starter and what was in place then
  watchfire drill nomad euler --plan response       the library's, against your plan
  watchfire drill drills/drain-at-night.toml --golden drills/golden
  watchfire drill drills/*.toml --golden drills/golden --accept
  watchfire drill --what-if plan2/ --incident 17
  watchfire drill --live --signal drain --by ana    people of a running host are paged, each message marked DRILL
  watchfire drill --live nomad --by ana --speed 10  what the drill finds, played to them as it would come
  watchfire drill --live --record 5                 what it showed: participants, times, gaps, what is to be done

Exits with 1 where an expectation of a drill is not met, or a golden log differs.")]
pub struct Args {
    /// The drills: files, or names of the library's.
    #[arg(required_unless_present_any = ["what_if", "list", "live"], value_name = "DRILL")]
    drills: Vec<String>,
    /// List the library: drills drawn from real incidents.
    #[arg(long, conflicts_with_all = ["drills", "what_if"])]
    list: bool,
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
    /// The plan's folder or file: `response` where none is named, and for the library's the starters.
    #[arg(short, long, value_name = "PATH")]
    plan: Option<PathBuf>,
    /// The shape of what is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Shape,
    /// Leave the timeline out.
    #[arg(short, long)]
    quiet: bool,
    /// A folder of golden logs, one for each drill, which what happens must equal.
    #[arg(long, value_name = "FOLDER")]
    golden: Option<PathBuf>,
    /// A folder with the components of a recording's detectors, in place of the one that the config names.
    #[arg(long, value_name = "FOLDER")]
    components: Option<PathBuf>,
    /// Write the golden logs anew.
    #[arg(long, requires = "golden")]
    accept: bool,
    #[command(flatten)]
    live: Live,
}

pub(super) fn main(args: &Args, sandboxes: &Sandboxes) -> anyhow::Result<Exit> {
    if args.list {
        return list();
    }
    if args.live.is_wanted() {
        let told = match args.drills.as_slice() {
            [] => None,
            [drill] => {
                let Some((name, text)) = text_of(drill)? else { return Ok(Exit::Refused) };
                let Some(scenario) = unless_wrong(drill::read(&name, &text))? else { return Ok(Exit::Refused) };
                let heard = unless_wrong(heard(args, Path::new(drill), &scenario, sandboxes)?)?;
                let Some(heard) = heard else { return Ok(Exit::Refused) };
                Some(Told { scenario, heard })
            }
            _ => return Ok(refuse("one live drill is begun at a time")),
        };
        return args.live.main(&args.config, told, args.format == Shape::Json);
    }
    if let (Some(plan), Some(incident)) = (&args.what_if, args.incident) {
        let Some(plan) = unless_wrong(load::plan_at(plan).map(|loaded| Arc::new(loaded.plan)))? else {
            return Ok(Exit::Refused);
        };
        return what_if(args, incident, plan);
    }
    let mut exit = Exit::Good;
    for drill in &args.drills {
        let Some((name, text)) = text_of(drill)? else { return Ok(Exit::Refused) };
        let Some(mut scenario) = unless_wrong(drill::read(&name, &text))? else { return Ok(Exit::Refused) };
        if args.plan.is_some() && scenario.drill.starter.is_some() {
            // Today's rotas and powers are asked, at the hour at which it happened.
            let (today_ms, starts) = (wall_clock_ms() / DAY_MS * DAY_MS, &mut scenario.drill.starts);
            starts.ms = today_ms + starts.ms % DAY_MS;
            if args.format == Shape::Pretty {
                println!("As if it began on {starts}.");
            }
        }
        let plan = match (&args.plan, library::starter(&scenario)) {
            (None, Some(starter)) => starter,
            (path, _) => {
                let path = path.as_deref().unwrap_or(Path::new("response"));
                load::plan_at(path).map(|loaded| Arc::new(loaded.plan))
            }
        };
        let Some(plan) = unless_wrong(plan)? else { return Ok(Exit::Refused) };
        if scenario.drill.starter.is_some()
            && let Some(chain) = scenario.follow_chains_of(&plan)
            && args.format == Shape::Pretty
        {
            println!("As if it happened on chain {chain}, which the plan acts on.");
        }
        let Some(heard) = unless_wrong(heard(args, Path::new(drill), &scenario, sandboxes)?)? else {
            return Ok(Exit::Refused);
        };
        let report = drill::run_with(&plan, &scenario, &heard);
        show(args, &report)?;
        // What was in place then is shown for comparison, and is not what is judged.
        if args.plan.is_none()
            && let Some(then) = library::then(&scenario)
        {
            let Some(then) = unless_wrong(then)? else { return Ok(Exit::Refused) };
            let was = drill::run(&then, &scenario);
            if args.format == Shape::Pretty {
                println!("\nWith what was in place then, as it is modelled:\n");
            }
            show(args, &was)?;
        }
        let same = match &args.golden {
            Some(folder) => compare(folder, Path::new(&name), &report, args.accept)?,
            None => true,
        };
        if !report.held || !same {
            exit = Exit::No;
        }
    }
    Ok(exit)
}

/// What the real detectors find in a drill's recording, each so many milliseconds after its first input; nothing where it has none.
fn heard(
    args: &Args,
    file: &Path,
    scenario: &Scenario,
    sandboxes: &Sandboxes,
) -> anyhow::Result<Checked<Vec<(u64, Heard)>>> {
    let Some(recording) = &scenario.drill.recording else { return Ok(Ok(Vec::new())) };
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut config =
        match Config::load_with_components(&folder.join(&scenario.drill.config), args.components.as_deref()) {
            Ok(config) => config,
            Err(found) => return Ok(Err(found)),
        };
    // The drill's own plan decides, on the drill's clock.
    config.plan = None;
    config.protocols.clear();
    let path = folder.join(recording);
    let recording = (Recording::open(&path, &config.verification())?, KeptAnswers::beside(&path)?);
    let runtime = sandboxes.runtime(&config.cache, &config.folder())?;
    let mut player = match Player::new(&runtime, &config, recording, Journal::in_memory()?)? {
        Ok(player) => player,
        Err(found) => return Ok(Err(found)),
    };
    let (mut heard, mut first_ms, mut now_ms) = (Vec::new(), None, 0);
    while let Some(placed) = player.step()? {
        for (_, entry) in placed {
            match entry {
                Entry::Input(stamped) => {
                    now_ms = stamped.at_ms;
                    if matches!(stamped.event, Event::Committed { .. } | Event::Observed { .. }) {
                        first_ms.get_or_insert(now_ms);
                    }
                }
                Entry::Finding(finding) => heard.push((now_ms, Heard::Finding(Box::new(finding)))),
                Entry::Retraction { finding, reason } => heard.push((now_ms, Heard::Retraction(finding, reason))),
                _ => {}
            }
        }
    }
    let first_ms = first_ms.unwrap_or(now_ms);
    Ok(Ok(heard.into_iter().map(|(at_ms, heard)| (at_ms.saturating_sub(first_ms), heard)).collect()))
}

fn list() -> anyhow::Result<Exit> {
    for (name, text) in library::LIBRARY {
        let Some(scenario) = unless_wrong(drill::read(name, text))? else { return Ok(Exit::Refused) };
        println!("{name:<12} {}\n             {}", scenario.drill.name, scenario.drill.summary);
        scenario.drill.sources.iter().for_each(|source| println!("             {source}"));
    }
    Ok(Exit::Good)
}

/// Name and text of a drill: of a file, or of the library.
fn text_of(drill: &str) -> anyhow::Result<Option<(String, String)>> {
    let known = library::LIBRARY.iter().find(|(name, _)| *name == drill);
    match known {
        Some((name, text)) if !Path::new(drill).exists() => {
            return Ok(Some((format!("{name}.toml"), (*text).to_owned())));
        }
        _ => {}
    }
    match std::fs::read_to_string(drill) {
        Ok(text) => Ok(Some((drill.to_owned(), text))),
        Err(error) => {
            let help = suggestion(drill, library::LIBRARY.iter().map(|(name, _)| *name));
            anstream::eprintln!("error: `{drill}` can't be read ({error}), and the library has no such drill; {help}");
            Ok(None)
        }
    }
}

fn show(args: &Args, report: &Report) -> anyhow::Result<()> {
    match args.format {
        Shape::Pretty => print!("{}", drill::pretty(report, !args.quiet)),
        Shape::Json => println!("{}", serde_json::to_string(report)?),
        Shape::Markdown => print!("{}", drill::markdown(report)),
    }
    Ok(())
}

/// Returns what was read, or reports what is wrong with it.
fn unless_wrong<T>(read: Checked<T>) -> anyhow::Result<Option<T>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(diagnostics) => {
            tell(&diagnostics, Format::Pretty)?;
            Ok(None)
        }
    }
}

fn what_if(args: &Args, incident: IncidentId, plan: Arc<Plan>) -> anyhow::Result<Exit> {
    let Some(config) = sources_of(&args.config)? else { return Ok(Exit::Refused) };
    let Some(what_if) = desks::what_if(&config.journal, incident, plan)? else {
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
