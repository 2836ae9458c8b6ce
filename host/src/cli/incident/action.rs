//! `watchfire incident action`: what is to be done after an incident or a drill goes into its timeline and into the register.

use clap::Args as ClapArgs;

use super::{Who, act};
use crate::app::config::Config;
use crate::app::live::output::Format;
use crate::app::plan::register::{self, EditError};
use crate::cli::given::{moment, now, refuse};
use crate::cli::{Exit, tell};
use crate::entry::Entry;
use crate::incident::{Incident, IncidentId};
use crate::journal::{Filter, Journal, Row};
use crate::operator::Deed;
use crate::plan::moment::Moment;
use crate::plan::register::{Act, Note};
use crate::plan::{Likelihood, Risk, RiskResponse, RiskStatus};

/// A corrective action.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Number of the incident.
    incident: IncidentId,
    /// Id of the risk in the register that becomes smaller by it; a new one is added.
    risk: String,
    /// What is to be done.
    #[arg(long)]
    what: String,
    /// The role or person who does it.
    #[arg(long, value_name = "ID")]
    owner: String,
    /// Until when: `2027-05-31`, which means its first moment in UTC, or `2027-05-31T12:00:00Z`.
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    due: Moment,
    #[command(flatten)]
    who: Who,
}

pub(super) fn main(args: Args) -> anyhow::Result<Exit> {
    let config = match Config::load(&args.who.config) {
        Ok(config) => config,
        Err(found) => {
            tell(&found, Format::Pretty)?;
            return Ok(Exit::Refused);
        }
    };
    let journal = Journal::open_existing_read_only(&config.journal)?;
    let kinds = vec!["incident".to_owned()];
    let filter = Filter { kinds, incident: Some(args.incident), last: Some(1), ..Filter::default() };
    let Some(Row { entry: Entry::Incident(incident), .. }) = journal.entries(&filter)?.next()? else {
        return Ok(refuse(&format!("there is no incident {}; `watchfire incident list` has them", args.incident)));
    };
    let protocol = Some(incident.protocol.as_str()).filter(|name| !name.is_empty());
    let Some(plan) = config.plan_path(protocol) else {
        return Ok(refuse(&format!("`{}` names no plan for it", args.who.config.display())));
    };
    let Args { risk, what, owner, due, who, .. } = args;
    let deed = Deed::Action { risk: risk.clone(), what: what.clone(), owner: owner.clone(), due_at_ms: due.ms };
    let by = who.by.clone();
    // The host first: what it refuses is not written into the register.
    if incident.state.is_open() {
        match act(who, String::new(), Some(incident.id), deed)? {
            Exit::Good => {}
            refused => return Ok(refused),
        }
    } else {
        anstream::eprintln!("incident {} is over: the register alone has it", incident.id);
    }
    let note = Note { at: now(), by: by.clone(), why: what.clone(), release: None, incident: Some(incident.id) };
    let written = match register::edit(&plan, &risk, &by, |known| again(known, &owner, due, &note)) {
        Err(EditError::Refused(why)) if why.starts_with("no risk is called") => {
            crate::plan::register::act(&fresh(&incident, what, owner, due), &Act::Add, &note)
                .map_err(EditError::Refused)
                .and_then(|fresh| register::add(&plan, None, &risk, &by, &fresh))
        }
        other => other,
    };
    match written {
        Ok(edited) => {
            println!("risk.{risk}: due {due}, at {}:{}", edited.file, edited.line);
            Ok(Exit::Good)
        }
        Err(EditError::Broken(error)) => Err(error),
        Err(refused) => {
            if let EditError::Unloadable(found) | EditError::WouldBreak(found) = &refused {
                tell(found, Format::Pretty)?;
            }
            Ok(refuse(&format!("it stands in the timeline and not in the register: {refused}")))
        }
    }
}

/// A risk that is known, with this to be done about it.
fn again(known: &Risk, owner: &str, due: Moment, note: &Note) -> Result<Risk, String> {
    let reopened = (known.status == RiskStatus::Mitigated).then_some(RiskStatus::Open);
    let update = Act::Update { status: reopened, owner: Some(owner.to_owned()) };
    let mut after = crate::plan::register::act(known, &update, note)?;
    after.due = Some(due);
    if let Some(incident) = note.incident.filter(|incident| !after.incidents.contains(incident)) {
        after.incidents.push(incident);
    }
    Ok(after)
}

fn fresh(incident: &Incident, what: String, owner: String, due: Moment) -> Risk {
    Risk {
        summary: what,
        asset: "how incidents are answered".to_owned(),
        cause: format!("shown by incident {}: {}", incident.id, incident.title),
        likelihood: Likelihood::Medium,
        impact: Likelihood::Medium,
        response: RiskResponse::Mitigate,
        owner: Some(owner),
        status: RiskStatus::Open,
        signals: vec![incident.signal.clone()],
        interventions: Vec::new(),
        incidents: vec![incident.id],
        release: None,
        accepted_until: None,
        due: Some(due),
        history: Vec::new(),
    }
}
