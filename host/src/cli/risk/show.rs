//! The commands that tell of risks and change nothing.

use clap::Args as ClapArgs;
use serde_json::{Value, json};

use super::Shape;
use crate::app::deploy::load::plan_files;
use crate::app::live::output::Format;
use crate::app::plan::git_tags::Repository;
use crate::cli::Exit;
use crate::cli::given::{PlanPlace, loaded, moment, now, refuse};
use crate::cli::table::Table;
use crate::diagnostic::suggestion;
use crate::plan::moment::Moment;
use crate::plan::register::{Standing, find, gravest_first};
use crate::plan::{Plan, Risk, RiskEvent, RiskStatus, Tables};

/// Which risks are listed.
#[derive(Debug, ClapArgs)]
pub struct List {
    /// Only risks that stand here; several may be given.
    #[arg(long, value_enum, value_name = "STATUS")]
    status: Vec<RiskStatus>,
    /// Only risks of this role or person.
    #[arg(long, value_name = "ID")]
    owner: Option<String>,
    #[command(flatten)]
    place: PlanPlace,
    /// The shape of what is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Shape,
}

/// Which risk is shown.
#[derive(Debug, ClapArgs)]
pub struct Show {
    /// The risk.
    id: String,
    #[command(flatten)]
    place: PlanPlace,
    /// The shape of what is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Whose history is shown, and as of when.
#[derive(Debug, ClapArgs)]
pub struct History {
    /// The risk; all, where it is absent.
    id: Option<String>,
    /// Where risks stood at this release.
    #[arg(long, value_name = "NAME", conflicts_with = "at")]
    release: Option<String>,
    /// Where risks stood at this moment: `2026-09-01`, or `2026-09-01T12:00:00Z`.
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    at: Option<Moment>,
    #[command(flatten)]
    place: PlanPlace,
    /// The shape of what is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Shape,
}

pub(super) fn list(args: &List) -> anyhow::Result<Exit> {
    let Some(plan) = read(&args.place, args.format.format())? else { return Ok(Exit::Refused) };
    if let Some(owner) = &args.owner {
        let known = || plan.tables().role.keys().chain(plan.tables().person.keys()).map(String::as_str);
        if !known().any(|id| id == owner) {
            return Ok(refuse(&format!("no role or person is called `{owner}`; {}", suggestion(owner, known()))));
        }
    }
    let now_ms = now().ms;
    let mut table = Table::new(&["severity", "status", "risk", "owner", "accepted until", "incidents", "summary"]);
    for (id, risk) in gravest_first(plan.tables()) {
        let other_status = !args.status.is_empty() && !args.status.contains(&risk.status);
        if other_status || args.owner.is_some() && args.owner != risk.owner {
            continue;
        }
        if args.format == Shape::Json {
            println!("{}", risk_object(id, risk, now_ms));
        }
        table.row([
            format!("{} ({} × {})", risk.severity(), risk.likelihood, risk.impact),
            risk.status.to_string(),
            id.to_owned(),
            risk.owner.clone().unwrap_or_else(|| "nobody".into()),
            acceptance(&Standing::now(risk), now_ms),
            risk.incidents.iter().map(|id| format!("#{id}")).collect::<Vec<_>>().join(" "),
            risk.summary.clone(),
        ]);
    }
    print(&table, args.format);
    Ok(Exit::Good)
}

pub(super) fn show(args: &Show) -> anyhow::Result<Exit> {
    let Some(plan) = read(&args.place, args.format)? else { return Ok(Exit::Refused) };
    let Some(risk) = plan.tables().risk.get(&args.id) else { return Ok(no_such_risk(plan.tables(), &args.id)) };
    if args.format == Format::Json {
        let mut object = risk_object(&args.id, risk, now().ms);
        object["history"] = risk.history.iter().map(|event| entry_object(&args.id, event)).collect();
        println!("{object}");
        return Ok(Exit::Good);
    }
    let standing = Standing::now(risk);
    println!("{}: {}", args.id, risk.summary);
    let mut table = Table::new(&["", ""]);
    let mut say = |key: &str, value: String| {
        if !value.is_empty() {
            table.row([format!("  {key}"), value]);
        }
    };
    say("severity", format!("{} ({} × {})", risk.severity(), risk.likelihood, risk.impact));
    say("status", risk.status.to_string());
    say("accepted", acceptance(&standing, now().ms));
    say("owner", owner(plan.tables(), risk.owner.as_deref()));
    say("due", risk.open_due().map(|due| due.to_string()).unwrap_or_default());
    say("asset", risk.asset.clone());
    say("cause", risk.cause.clone());
    say("response", risk.response.to_string());
    say("signals", risk.signals.join(", "));
    say("interventions", risk.interventions.join(", "));
    say("incidents", risk.incidents.iter().map(|id| format!("#{id}")).collect::<Vec<_>>().join(", "));
    say("came with", risk.release.clone().unwrap_or_default());
    print!("{}", table.pretty().trim_start());
    for event in &risk.history {
        println!("  {}  {}", event.at, one_line(event));
    }
    Ok(Exit::Good)
}

pub(super) fn history(args: &History) -> anyhow::Result<Exit> {
    let Some(plan) = read(&args.place, args.format.format())? else { return Ok(Exit::Refused) };
    let (plan, as_of) = match (&args.release, args.at) {
        (None, None) => (plan, None),
        (_, Some(at)) => (plan, Some((at.to_string(), at.ms))),
        (Some(name), None) => match find(plan.tables(), name) {
            Ok((id, release)) => {
                let as_of = format!("{} of {}", release.name(id), release.at);
                let at_ms = release.at.ms;
                (plan, Some((as_of, at_ms)))
            }
            Err(near) => match at_tag(&args.place, name, &near, args.format.format())? {
                Some((plan, at_ms)) => (plan, Some((format!("tag {name}"), at_ms))),
                None => return Ok(Exit::Refused),
            },
        },
    };
    if let Some(id) = args.id.as_ref().filter(|id| !plan.tables().risk.contains_key(*id)) {
        return Ok(no_such_risk(plan.tables(), id));
    }
    let chosen = gravest_first(plan.tables())
        .into_iter()
        .filter(|(id, _)| args.id.as_deref().is_none_or(|chosen| chosen == *id));
    match as_of {
        Some((as_of, at_ms)) => tell_standings(chosen, &as_of, at_ms, args.format),
        None => tell_entries(chosen, args.format),
    }
    Ok(Exit::Good)
}

/// The plan at a tag in git, and the moment of the tag; `None` if there is none, and why was reported.
fn at_tag(place: &PlanPlace, name: &str, near: &str, format: Format) -> anyhow::Result<Option<(Plan, u64)>> {
    let Some(path) = place.plan(format)? else { return Ok(None) };
    let near = if near.is_empty() { String::new() } else { format!("; {near}") };
    let way = "name it in the plan, as [release.ID] with `name` and `at`, or tag it";
    let repository = match Repository::of(&path) {
        Ok(repository) => repository,
        Err(error) => {
            refuse(&format!("the plan names no release `{name}`{near}, and {error}; {way}"));
            return Ok(None);
        }
    };
    let Some(tag) = repository.tag(name)? else {
        refuse(&format!("the plan names no release `{name}`{near}, and there is no such tag; {way}"));
        return Ok(None);
    };
    Ok(loaded(&repository.files(&tag)?, format)?.map(|plan| (plan, tag.at_ms)))
}

fn tell_standings<'a>(risks: impl Iterator<Item = (&'a str, &'a Risk)>, as_of: &str, at_ms: u64, format: Shape) {
    let mut table = Table::new(&["status", "risk", "owner", "accepted until", "linked to", "last entry"]);
    for (id, risk) in risks {
        let Some(standing) = Standing::at(risk, at_ms) else { continue };
        let linked: Vec<&str> = standing.linked.iter().map(String::as_str).collect();
        if format == Shape::Json {
            let object = json!({
                "type": "risk-standing", "as_of": as_of, "at": Moment { ms: at_ms }.to_string(), "risk": id,
                "status": standing.status, "owner": standing.owner, "linked": linked,
                "accepted_until": standing.accepted_until.map(|until| until.to_string()),
                "acceptance_lapsed": standing.has_lapsed(at_ms),
                "touched_at": standing.touched_at.map(|at| at.to_string()),
            });
            println!("{object}");
        }
        table.row([
            standing.status.to_string(),
            id.to_owned(),
            standing.owner.clone().unwrap_or_else(|| "nobody".into()),
            acceptance(&standing, at_ms),
            linked.join(" "),
            standing.touched_at.map(|at| at.to_string()).unwrap_or_default(),
        ]);
    }
    if format != Shape::Json {
        println!("as of {as_of}{}", if format == Shape::Markdown { "\n" } else { "" });
    }
    print(&table, format);
}

fn tell_entries<'a>(risks: impl Iterator<Item = (&'a str, &'a Risk)>, format: Shape) {
    let mut table = Table::new(&["at", "risk", "status", "by", "what", "release", "incident"]);
    for (id, event) in risks.flat_map(|(id, risk)| risk.history.iter().map(move |event| (id, event))) {
        if format == Shape::Json {
            println!("{}", entry_object(id, event));
        }
        table.row([
            event.at.to_string(),
            id.to_owned(),
            event.status.to_string(),
            event.by.clone(),
            event.what.clone(),
            event.release.clone().unwrap_or_default(),
            event.incident.map(|id| format!("#{id}")).unwrap_or_default(),
        ]);
    }
    print(&table, format);
}

/// An entry of a history as a JSON object.
pub(super) fn entry_object(id: &str, event: &RiskEvent) -> Value {
    json!({
        "type": "risk-entry", "risk": id, "at": event.at.to_string(), "by": event.by, "what": event.what,
        "status": event.status, "release": event.release, "incident": event.incident, "owner": event.owner,
        "accepted_until": event.accepted_until.map(|until| until.to_string()), "linked": event.linked,
    })
}

fn risk_object(id: &str, risk: &Risk, now_ms: u64) -> Value {
    json!({
        "type": "risk", "id": id, "severity": risk.severity(), "summary": risk.summary, "asset": risk.asset,
        "cause": risk.cause, "likelihood": risk.likelihood, "impact": risk.impact, "response": risk.response,
        "owner": risk.owner, "status": risk.status, "signals": risk.signals, "interventions": risk.interventions,
        "incidents": risk.incidents, "release": risk.release, "due": risk.open_due().map(|due| due.to_string()),
        "accepted_until": risk.acceptance().map(|until| until.to_string()),
        "acceptance_lapsed": Standing::now(risk).has_lapsed(now_ms),
        "touched_at": risk.history.last().map(|event| event.at.to_string()),
    })
}

fn one_line(event: &RiskEvent) -> String {
    let release = event.release.as_ref().map(|name| format!(", for {name}")).unwrap_or_default();
    let incident = event.incident.map(|id| format!(", after incident {id}")).unwrap_or_default();
    format!("{} ({}), by {}{release}{incident}", event.what, event.status, event.by).replace(char::is_control, " ")
}

fn acceptance(standing: &Standing, at_ms: u64) -> String {
    match standing.accepted_until {
        _ if standing.status != RiskStatus::Accepted => String::new(),
        None => "without an end".into(),
        Some(until) if standing.has_lapsed(at_ms) => format!("{until} (over)"),
        Some(until) => until.to_string(),
    }
}

/// Who has a risk, with the people of a role.
fn owner(tables: &Tables, id: Option<&str>) -> String {
    let Some(id) = id else { return "nobody".into() };
    let name = |person: &String| tables.person.get(person).map_or_else(|| person.clone(), |person| person.name.clone());
    match tables.role.get(id) {
        Some(role) => format!("{id} ({})", role.members.iter().map(name).collect::<Vec<_>>().join(", ")),
        None => name(&id.to_owned()),
    }
}

fn read(place: &PlanPlace, format: Format) -> anyhow::Result<Option<Plan>> {
    let Some(path) = place.plan(format)? else { return Ok(None) };
    loaded(&plan_files(&path)?, format)
}

fn no_such_risk(tables: &Tables, id: &str) -> Exit {
    refuse(&format!("no risk is called `{id}`; {}", suggestion(id, tables.risk.keys().map(String::as_str))))
}

fn print(table: &Table, format: Shape) {
    match format {
        Shape::Pretty => print!("{}", table.pretty()),
        Shape::Markdown => print!("{}", table.markdown()),
        Shape::Json => {}
    }
}
