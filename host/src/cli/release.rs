//! `watchfire release`: the gate that a release passes, for people and for CI.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args as ClapArgs, Subcommand};
use serde_json::json;

use super::Exit;
use super::given::{PlanPlace, loaded, now, refuse};
use crate::app::deploy::load::plan_files;
use crate::app::live::output::Format;
use crate::app::past::incidents::closed_incidents;
use crate::app::plan::git_tags::Repository;
use crate::app::plan::release_gate::reasons;
use crate::plan::Tables;
use crate::plan::moment::Moment;
use crate::plan::register::{ClosedIncident, Reason, find, releases};

/// Of releases.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say whether a release may go out; the exit code is 1 where it may not.
    #[command(after_help = "\
Examples:
  watchfire release check v1.4
  watchfire release check v1.4 --plan response/ --incidents incidents.jsonl --format json

It may not while a risk that showed in a closed incident was not written of since, a closed incident has neither a risk nor
a word on why none changed, an acceptance is over or has no end, a risk has no owner, or the plan has an error. It is judged
as of now, or as of the release's moment where that is still to come.")]
    Check(Check),
    /// List releases, each with what the gate said at its moment.
    #[command(after_help = "\
Examples:
  watchfire release list
  watchfire release list --tags 'v*'   (tags in git too, each with the plan as it was then)")]
    List(List),
    /// Print the incidents that are closed, one JSON object a line: what the gate is given where there is no journal.
    #[command(after_help = "\
Examples:
  watchfire release incidents --journal watchfire.db > incidents.jsonl")]
    Incidents {
        /// The journal.
        #[arg(short, long, default_value = "watchfire.db", value_name = "FILE")]
        journal: PathBuf,
    },
}

/// What is judged by.
#[derive(Debug, ClapArgs)]
pub struct Given {
    #[command(flatten)]
    place: PlanPlace,
    /// The journal that closed incidents are read from; the config's, where it is there.
    #[arg(short, long, value_name = "FILE", conflicts_with = "incidents")]
    journal: Option<PathBuf>,
    /// Closed incidents in place of a journal, as `watchfire release incidents` prints them.
    #[arg(long, value_name = "FILE")]
    incidents: Option<PathBuf>,
    /// The shape of what is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// A release that is to go out.
#[derive(Debug, ClapArgs)]
pub struct Check {
    /// Its name, id or tag in the plan, or a tag in git.
    name: String,
    #[command(flatten)]
    given: Given,
}

/// Which releases are listed.
#[derive(Debug, ClapArgs)]
pub struct List {
    /// Tags in git too, whose name fits this pattern.
    #[arg(long, value_name = "PATTERN", num_args = 0..=1, default_missing_value = "*")]
    tags: Option<String>,
    #[command(flatten)]
    given: Given,
}

/// A release with what stands against it.
struct Judged {
    name: String,
    at: Moment,
    reasons: Vec<Reason>,
}

pub(super) fn main(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Check(args) => check(&args),
        Command::List(args) => list(&args),
        Command::Incidents { journal } => {
            for incident in closed_incidents(&journal)? {
                println!("{}", serde_json::to_string(&incident)?);
            }
            Ok(Exit::Good)
        }
    }
}

fn check(args: &Check) -> anyhow::Result<Exit> {
    let given = &args.given;
    let Some(path) = given.place.plan(given.format)? else { return Ok(Exit::Refused) };
    let files = plan_files(&path)?;
    let now = now();
    let at = match crate::plan::Plan::load(&files) {
        Ok(plan) => match moment_of(plan.tables(), &path, &args.name)? {
            Ok(at) => at.max(now),
            Err(why) => return Ok(refuse(&why)),
        },
        // What is wrong with the plan is what stands against the release, whatever it is called.
        Err(_) => now,
    };
    let incidents = given.incidents()?;
    let judged = Judged { name: args.name.clone(), at, reasons: reasons(&files, &incidents, at.ms) };
    tell(&judged, given.format);
    Ok(if judged.reasons.is_empty() { Exit::Good } else { Exit::No })
}

fn list(args: &List) -> anyhow::Result<Exit> {
    let given = &args.given;
    let Some(path) = given.place.plan(given.format)? else { return Ok(Exit::Refused) };
    let files = plan_files(&path)?;
    let Some(plan) = loaded(&files, given.format)? else { return Ok(Exit::Refused) };
    let incidents = given.incidents()?;
    let named = releases(plan.tables());
    let mut judged: Vec<Judged> = named
        .iter()
        .map(|(id, release)| {
            let reasons = reasons(&files, &incidents, release.at.ms);
            Judged { name: release.name(id).to_owned(), at: release.at, reasons }
        })
        .collect();
    if let Some(pattern) = &args.tags {
        let repository = Repository::of(&path)?;
        for tag in repository.tags(pattern)? {
            // A release that the plan names is judged by its histories.
            if find(plan.tables(), &tag.name).is_err() {
                let reasons = reasons(&repository.files(&tag)?, &incidents, tag.at_ms);
                judged.push(Judged { name: tag.name, at: Moment { ms: tag.at_ms }, reasons });
            }
        }
        judged.sort_by(|a, b| (a.at, &a.name).cmp(&(b.at, &b.name)));
    }
    if judged.is_empty() && given.format == Format::Pretty {
        println!("the plan names no release; name one as [release.v1-4] with `name` and `at`, or ask for --tags");
    }
    judged.iter().for_each(|one| tell(one, given.format));
    Ok(Exit::Good)
}

/// The moment of a release that goes by a name; why there is none, where there is none.
fn moment_of(tables: &Tables, plan: &Path, name: &str) -> anyhow::Result<Result<Moment, String>> {
    let near = match find(tables, name) {
        Ok((_, release)) => return Ok(Ok(release.at)),
        Err(near) if near.is_empty() => String::new(),
        Err(near) => format!("; {near}"),
    };
    // In CI the tag is often what was pushed.
    let tag = Repository::of(plan).ok().map(|repository| repository.tag(name)).transpose()?.flatten();
    let way = "name it as [release.ID] with `name` and `at`, or tag it";
    Ok(tag
        .map(|tag| Moment { ms: tag.at_ms })
        .ok_or_else(|| format!("neither the plan nor a tag in git has a release `{name}`{near}; {way}")))
}

impl Given {
    fn incidents(&self) -> anyhow::Result<Vec<ClosedIncident>> {
        if let Some(file) = &self.incidents {
            let text = std::fs::read_to_string(file).with_context(|| format!("`{}` can't be read", file.display()))?;
            let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
            return lines
                .map(|(index, line)| {
                    serde_json::from_str(line).with_context(|| {
                        let way = "write it with `watchfire release incidents`";
                        format!("{}:{}: this is no closed incident; {way}", file.display(), index + 1)
                    })
                })
                .collect();
        }
        match self.place.journal(self.journal.as_deref()) {
            Some(journal) => closed_incidents(&journal),
            None => {
                tracing::warn!("no journal is there, so no incident is judged; name one by --journal or --incidents");
                Ok(Vec::new())
            }
        }
    }
}

fn tell(judged: &Judged, format: Format) {
    let Judged { name, at, reasons } = judged;
    match format {
        Format::Json => {
            let passes = reasons.is_empty();
            let at = at.to_string();
            println!("{}", json!({ "type": "release", "name": name, "at": at, "passes": passes, "reasons": reasons }));
        }
        Format::Pretty if reasons.is_empty() => println!("{name}: nothing stands against it, as of {at}"),
        Format::Pretty => {
            let count =
                if reasons.len() == 1 { "one thing stands".into() } else { format!("{} things stand", reasons.len()) };
            println!("{name}: {count} against it, as of {at}");
            for Reason { on, message, help, .. } in reasons {
                println!("  {on}: {message}; {help}");
            }
        }
    }
}
