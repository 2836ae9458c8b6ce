//! `watchfire drill --live`: people of a running host are paged by the channels of a night, each message marked, and answer as
//! they would. What it showed is read from the journal.

use std::path::Path;
use std::time::Duration;

use clap::Args as ClapArgs;

use super::Exit;
use super::given::refuse;
use super::operate::{ask, sources_of};
use crate::app::config::Config;
use crate::app::deploy::load;
use crate::app::live::control::{Answer, Ask};
use crate::app::past::desks::record_of;
use crate::drill::{Heard, Scenario, Script, script, signal_of};
use crate::entry::Entry;
use crate::finding::Severity;
use crate::incident::IncidentId;
use crate::journal::{Filter, Journal, Row};
use crate::operator::{Act, Deed};
use crate::plan::Plan;
use crate::plan::moment::span;
use crate::record::{drill_record, markdown};
use crate::staged::Staged;

/// How often the journal is looked at while a drill goes on.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A drill's file that is played to people.
pub(super) struct Told {
    /// What it says.
    pub scenario: Scenario,
    /// What detectors find in its recording, each so many milliseconds after its beginning.
    pub heard: Vec<(u64, Heard)>,
}

/// A drill of people.
#[derive(Debug, ClapArgs)]
pub struct Live {
    /// Drill the people of a running host by its own channels. Nothing goes to a chain, to audiences or to programs that
    /// carry something out.
    #[arg(long, conflicts_with_all = ["what_if", "golden", "list"])]
    live: bool,
    /// The signal whose people are paged and whose interventions are decided on; by default the one that the first finding of the
    /// drill that is named leads to.
    #[arg(long, value_name = "ID", requires = "live")]
    signal: Option<String>,
    /// What people are told, in a line; by default the first finding of the drill that is named.
    #[arg(long, requires = "live")]
    title: Option<String>,
    /// How grave it is said to be; by default as the first finding of the drill that is named, and critical where none is.
    #[arg(long, value_enum)]
    severity: Option<Severity>,
    /// How many times as fast as in its file a drill is played.
    #[arg(long, default_value_t = 1, value_name = "TIMES", value_parser = clap::value_parser!(u64).range(1..=3_600))]
    speed: u64,
    /// After how long it ends by itself, minutes.
    #[arg(long, default_value_t = 60, value_name = "MINUTES", value_parser = clap::value_parser!(u64).range(1..=1_440))]
    for_min: u64,
    /// Your id in the plan.
    #[arg(long, env = "WATCHFIRE_PERSON", value_name = "PERSON")]
    by: Option<String>,
    /// The protocol, where the host watches over several.
    #[arg(long, default_value_t, hide_default_value = true)]
    protocol: String,
    /// Begin it, and don't wait for its end.
    #[arg(long, requires = "live")]
    no_wait: bool,
    /// Show what a drill showed, in place of beginning one.
    #[arg(long, value_name = "NUMBER", requires = "live", conflicts_with_all = ["signal", "title", "no_wait"])]
    record: Option<IncidentId>,
}

impl Live {
    pub(super) fn is_wanted(&self) -> bool {
        self.live
    }

    /// Begins a drill and follows it to its end, or shows one.
    pub(super) fn main(&self, config: &Path, told: Option<Told>, as_json: bool) -> anyhow::Result<Exit> {
        if let Some(incident) = self.record {
            return show(config, incident, as_json);
        }
        let Some(by) = self.by.clone() else {
            return Ok(refuse("say by `--by` who you are in the plan"));
        };
        let for_s = self.for_min.saturating_mul(60);
        let plan = self.plan(config);
        let parts = told.map(|told| self.script(told, plan.as_ref(), for_s)).unwrap_or_default();
        let found = plan.as_ref().and_then(|plan| signal_of(plan, &parts)).map(str::to_owned);
        let Some(signal) = self.signal.clone().or(found) else {
            return Ok(refuse(match parts.is_empty() {
                true => "say by `--signal` whose people are drilled; `watchfire plan show` lists the plan's signals",
                false => {
                    "the drill's first finding leads to no signal of the plan: say by `--signal` whose people are drilled"
                }
            }));
        };
        let first = parts.iter().find_map(|part| part.finding.as_deref()).map(|finding| &finding.claim);
        let title = self.title.clone().or_else(|| first.map(|claim| claim.title.clone()));
        let title = title.unwrap_or_else(|| "an exercise; answer and act as you would".to_owned());
        let severity = self.severity.or(first.map(|claim| claim.severity)).unwrap_or(Severity::Critical);
        let deed = Deed::Drill { signal, title, severity, for_s, script: parts };
        let protocol = self.protocol.clone();
        let act = Act { by, proof: String::new(), protocol, incident: None, seen: None, signed: None, deed };
        let Some(answer) = ask(config, &Ask::Act { act })? else { return Ok(Exit::Refused) };
        let followed = match answer {
            Answer::Acted { followed } => followed,
            Answer::Refused { why } => {
                why.iter().for_each(|why| anstream::eprintln!("not done: {why}"));
                return Ok(Exit::No);
            }
            _ => anyhow::bail!("the host answers another question"),
        };
        let begun = followed.iter().find_map(|entry| match entry {
            Entry::Incident(incident) if incident.drill => Some(incident.id),
            _ => None,
        });
        let Some(incident) = begun else { anyhow::bail!("the host began no drill; please report it") };
        anstream::eprintln!(
            "drill {incident} has begun, and ends by itself after {}; end it by `watchfire incident close {incident}`",
            span(for_s)
        );
        if self.no_wait {
            println!("{incident}");
            return Ok(Exit::Good);
        }
        follow(config, incident)?;
        show(config, incident, as_json)
    }

    /// The plan whose people are drilled, as it lies there.
    fn plan(&self, config: &Path) -> Option<Plan> {
        // A host's secrets may be where only it can read them; then `--signal` says what the plan would.
        let config = match Config::load(config) {
            Ok(config) => config,
            Err(found) => {
                found.iter().for_each(|found| anstream::eprintln!("the plan is not looked at: {found}"));
                return None;
            }
        };
        let mut loaded = load::plans(&config).into_iter().flatten();
        let is_meant = |name: &str| self.protocol.is_empty() || name == self.protocol;
        loaded.find(|one| is_meant(&one.protocol.name)).map(|one| one.plan)
    }

    /// What people are told in the drill's course. What its file has and they are not told is said.
    fn script(&self, mut told: Told, plan: Option<&Plan>, for_s: u64) -> Vec<Staged> {
        if let Some(chain) = plan.and_then(|plan| told.scenario.follow_chains_of(plan)) {
            anstream::eprintln!("as if it happened on chain {chain}, which the plan acts on");
        }
        let Script { parts, left_out } = script(&told.scenario, &told.heard, self.speed, for_s);
        left_out.iter().for_each(|what| anstream::eprintln!("left out: {what}"));
        anstream::eprintln!("\"{}\" is played in {} parts", told.scenario.drill.name, parts.len());
        parts
    }
}

/// Prints a drill's timeline as it grows, until the drill is over.
fn follow(config: &Path, incident: IncidentId) -> anyhow::Result<()> {
    let Some(config) = sources_of(config)? else { return Ok(()) };
    let of_kind = |kind: &str| Filter { kinds: vec![kind.to_owned()], incident: Some(incident), ..Filter::default() };
    let (mut seen, mut began_ms) = (0, None);
    loop {
        let journal = Journal::open_existing_read_only(&config.journal)?;
        let mut rows = journal.entries(&of_kind("timeline"))?;
        while let Some(row) = rows.next()? {
            let Entry::Timeline(entry) = row.entry else { continue };
            let began_ms = *began_ms.get_or_insert(entry.at_ms);
            if entry.number > seen {
                seen = entry.number;
                anstream::eprintln!("+{:<10} {}", span(entry.at_ms.saturating_sub(began_ms) / 1_000), entry.text);
            }
        }
        drop(rows);
        let last = Filter { last: Some(1), ..of_kind("incident") };
        if let Some(Row { entry: Entry::Incident(known), .. }) = journal.entries(&last)?.next()?
            && !known.state.is_open()
        {
            return Ok(());
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn show(config: &Path, incident: IncidentId, as_json: bool) -> anyhow::Result<Exit> {
    let Some(config) = sources_of(config)? else { return Ok(Exit::Refused) };
    let record = record_of(&config.journal, incident)?;
    let drill = record.as_ref().and_then(drill_record);
    let (Some(record), Some(drill)) = (record, drill) else {
        anstream::eprintln!("there is no drill {incident}; `watchfire incident list --all` has them");
        return Ok(Exit::No);
    };
    match as_json {
        true => println!("{}", serde_json::to_string(&drill)?),
        false => print!("{}", markdown(&record)),
    }
    Ok(Exit::Good)
}
