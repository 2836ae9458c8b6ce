//! The commands that change a risk: each writes one entry of its history.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};
use serde_json::json;

use crate::app::live::output::Format;
use crate::app::past::incidents::unknown_incidents;
use crate::app::plan::register;
use crate::app::plan::register::{EditError, Edited};
use crate::cli::given::{PlanPlace, moment, now, refuse};
use crate::cli::{Exit, tell};
use crate::incident::IncidentId;
use crate::plan::moment::Moment;
use crate::plan::register::{Act, Note, act};
use crate::plan::{Likelihood, Risk, RiskResponse, RiskStatus};

/// What every edit is given.
#[derive(Debug, ClapArgs)]
pub struct Common {
    #[command(flatten)]
    place: PlanPlace,
    /// Who writes it: a person or a role of the plan.
    #[arg(long, env = "USER", value_name = "ID", default_value = "")]
    by: String,
    /// The release that is being made.
    #[arg(long, value_name = "NAME")]
    release: Option<String>,
    /// The shape of what is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// A new risk.
#[derive(Debug, ClapArgs)]
pub struct Add {
    /// Its id: lower-case words joined by hyphens.
    id: String,
    /// What may go wrong, in a line.
    #[arg(long)]
    summary: String,
    /// What is at stake.
    #[arg(long)]
    asset: String,
    /// Why it may happen.
    #[arg(long)]
    cause: String,
    /// How likely.
    #[arg(long, value_enum)]
    likelihood: Likelihood,
    /// How bad.
    #[arg(long, value_enum)]
    impact: Likelihood,
    /// What is done about it.
    #[arg(long, value_enum, default_value = "mitigate")]
    response: RiskResponse,
    /// The role or person who has it.
    #[arg(long, value_name = "ID")]
    owner: Option<String>,
    /// A signal that would tell of it.
    #[arg(long, value_name = "ID")]
    signal: Vec<String>,
    /// An intervention against it.
    #[arg(long, value_name = "ID")]
    intervention: Vec<String>,
    /// An incident in which it showed.
    #[arg(long, value_name = "NUMBER")]
    incident: Vec<IncidentId>,
    /// By when what is to be done about it is done: `2027-05-31`.
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    due: Option<Moment>,
    /// The journal that the incidents are looked up in; the config's, where it is there.
    #[arg(short, long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// The file of the plan that it goes to.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Why it is added.
    #[arg(long, default_value = "")]
    why: String,
    #[command(flatten)]
    common: Common,
}

/// New links.
#[derive(Debug, ClapArgs)]
pub struct Link {
    /// The risk.
    id: String,
    /// A signal that would tell of it.
    #[arg(long, value_name = "ID")]
    signal: Vec<String>,
    /// An intervention against it.
    #[arg(long, value_name = "ID")]
    intervention: Vec<String>,
    /// An incident in which it showed.
    #[arg(long, value_name = "NUMBER", required_unless_present_any = ["signal", "intervention"])]
    incident: Vec<IncidentId>,
    /// The journal that the incidents are looked up in; the config's, where it is there.
    #[arg(short, long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Why.
    #[arg(long, default_value = "")]
    why: String,
    #[command(flatten)]
    common: Common,
}

/// An acceptance.
#[derive(Debug, ClapArgs)]
pub struct Accept {
    /// The risk.
    id: String,
    /// Until when: `2027-05-31`, which means its first moment in UTC, or `2027-05-31T12:00:00Z`.
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    until: Moment,
    /// Why it is lived with.
    #[arg(long)]
    why: String,
    /// The incident that led to it.
    #[arg(long, value_name = "NUMBER")]
    incident: Option<IncidentId>,
    #[command(flatten)]
    common: Common,
}

/// Where a risk may be put by an update.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Updated {
    /// It is there, and something is to be done.
    Open,
    /// What was to be done is done; it is watched.
    Mitigated,
}

/// What is made of a risk.
#[derive(Debug, ClapArgs)]
pub struct Update {
    /// The risk.
    id: String,
    /// Where it stands from now on.
    #[arg(long, value_enum)]
    status: Option<Updated>,
    /// The role or person who has it from now on.
    #[arg(long, value_name = "ID")]
    owner: Option<String>,
    /// What was made of it.
    #[arg(long)]
    why: String,
    /// The incident that led to it.
    #[arg(long, value_name = "NUMBER")]
    incident: Option<IncidentId>,
    #[command(flatten)]
    common: Common,
}

/// A closure.
#[derive(Debug, ClapArgs)]
pub struct Close {
    /// The risk.
    id: String,
    /// Why it is no more.
    #[arg(long)]
    why: String,
    /// The incident that led to it.
    #[arg(long, value_name = "NUMBER")]
    incident: Option<IncidentId>,
    #[command(flatten)]
    common: Common,
}

pub(super) fn add(args: Add) -> anyhow::Result<Exit> {
    if let Some(exit) = unknown(&args.common, args.journal.as_deref(), &args.incident)? {
        return Ok(exit);
    }
    let Some(plan) = args.common.place.plan(args.common.format)? else { return Ok(Exit::Refused) };
    let fresh = Risk {
        summary: args.summary,
        asset: args.asset,
        cause: args.cause,
        likelihood: args.likelihood,
        impact: args.impact,
        response: args.response,
        owner: args.owner,
        status: RiskStatus::Open,
        signals: args.signal,
        interventions: args.intervention,
        incidents: args.incident.clone(),
        release: args.common.release.clone(),
        accepted_until: None,
        due: args.due,
        history: Vec::new(),
    };
    let note = args.common.note(args.why, args.incident.first().copied());
    let risk = match act(&fresh, &Act::Add, &note) {
        Ok(risk) => risk,
        Err(why) => return Ok(refuse(&why)),
    };
    done(&args.id, args.common.format, register::add(&plan, args.file.as_deref(), &args.id, &args.common.by, &risk))
}

pub(super) fn link(args: Link) -> anyhow::Result<Exit> {
    if let Some(exit) = unknown(&args.common, args.journal.as_deref(), &args.incident)? {
        return Ok(exit);
    }
    let incident = args.incident.first().copied();
    let links = Act::Link { signals: args.signal, interventions: args.intervention, incidents: args.incident };
    change(&args.id, &args.common, &links, args.why, incident)
}

pub(super) fn accept(args: Accept) -> anyhow::Result<Exit> {
    said(&args.why).map_or_else(
        || change(&args.id, &args.common, &Act::Accept { until: args.until }, args.why.clone(), args.incident),
        Ok,
    )
}

pub(super) fn update(args: Update) -> anyhow::Result<Exit> {
    let status = args.status.map(|status| match status {
        Updated::Open => RiskStatus::Open,
        Updated::Mitigated => RiskStatus::Mitigated,
    });
    let update = Act::Update { status, owner: args.owner.clone() };
    said(&args.why).map_or_else(|| change(&args.id, &args.common, &update, args.why.clone(), args.incident), Ok)
}

pub(super) fn close(args: Close) -> anyhow::Result<Exit> {
    said(&args.why).map_or_else(|| change(&args.id, &args.common, &Act::Close, args.why.clone(), args.incident), Ok)
}

impl Common {
    fn note(&self, why: String, incident: Option<IncidentId>) -> Note {
        Note { at: now(), by: self.by.clone(), why, release: self.release.clone(), incident }
    }
}

/// Refuses a reason that says nothing.
fn said(why: &str) -> Option<Exit> {
    why.trim().is_empty().then(|| refuse("--why says nothing; say in a line why, for those who ask in a year"))
}

/// Refuses incidents that the journal does not have, where there is one.
fn unknown(common: &Common, journal: Option<&std::path::Path>, ids: &[IncidentId]) -> anyhow::Result<Option<Exit>> {
    let Some(journal) = common.place.journal(journal).filter(|_| !ids.is_empty()) else { return Ok(None) };
    let unknown = unknown_incidents(&journal, ids)?;
    Ok(unknown.first().map(|id| {
        let list = "watchfire journal list --kind incident";
        refuse(&format!("`{}` has no incident {id}; `{list}` lists them", journal.display()))
    }))
}

fn change(id: &str, common: &Common, what: &Act, why: String, incident: Option<IncidentId>) -> anyhow::Result<Exit> {
    let Some(plan) = common.place.plan(common.format)? else { return Ok(Exit::Refused) };
    let note = common.note(why, incident);
    done(id, common.format, register::edit(&plan, id, &common.by, |risk| act(risk, what, &note)))
}

fn done(id: &str, format: Format, edited: Result<Edited, EditError>) -> anyhow::Result<Exit> {
    let edited = match edited {
        Ok(edited) => edited,
        Err(EditError::Broken(error)) => return Err(error),
        Err(refused) => {
            if let EditError::Unloadable(found) | EditError::WouldBreak(found) = &refused {
                let errors: Vec<_> = found.iter().filter(|found| found.is_error()).cloned().collect();
                tell(&errors, format)?;
            }
            return Ok(refuse(&refused.to_string()));
        }
    };
    let Some(entry) = edited.risk.history.last() else { return Ok(Exit::Good) };
    match format {
        Format::Pretty => {
            println!(
                "risk.{id}: {} ({}), by {}, at {}:{}",
                entry.what, entry.status, entry.by, edited.file, edited.line
            );
        }
        Format::Json => {
            let (file, line) = (&edited.file, edited.line);
            let object = super::show::entry_object(id, entry);
            println!("{}", json!({ "type": "risk-edited", "file": file, "line": line, "entry": object }));
        }
    }
    Ok(Exit::Good)
}
