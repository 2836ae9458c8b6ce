//! What an operator sees of incidents: who can act in time stands first.

use serde_json::json;

use super::Exit;
use crate::app::live::main_loop::wall_clock_ms;
use crate::app::live::output::Format;
use crate::decision::{Answer, Choice, Decision};
use crate::deliver::pretty::{clock, shortened};
use crate::desk::Desks;
use crate::due::{Due, audit};
use crate::entry::Entry;
use crate::incident::{Incident, IncidentId};
use crate::journal::{Filter, Journal};
use crate::plan::DO_NOTHING;
use crate::plan::moment::span;
use crate::timeline::{TimelineEntry, verify};

/// Incidents, one a line, the gravest first.
pub(super) fn list(desks: &Desks, journal: &Journal, all: bool, format: Format) -> anyhow::Result<Exit> {
    let mut incidents: Vec<Incident> = if all { every(journal)? } else { desks.incidents().cloned().collect() };
    incidents.sort_by_key(|incident| (std::cmp::Reverse(incident.severity), incident.id));
    if format == Format::Json {
        for incident in &incidents {
            println!("{}", serde_json::to_string(incident)?);
        }
        return Ok(Exit::Good);
    }
    if incidents.is_empty() {
        println!("no incident is open");
    }
    for incident in &incidents {
        let owner = incident.acked_by.as_deref().unwrap_or("nobody");
        let due = desks.dues().find(|(_, id, _)| *id == incident.id).map(|(at_ms, _, due)| due_words(at_ms, due));
        println!(
            "#{:<4} {:<9} {:<11} {} has it{}",
            incident.id,
            incident.severity.to_string(),
            incident.state.to_string(),
            owner,
            due.map(|due| format!("; {due}")).unwrap_or_default()
        );
        let protocol = if incident.protocol.is_empty() { String::new() } else { format!("{}: ", incident.protocol) };
        println!("      {protocol}{}", incident.title);
    }
    Ok(Exit::Good)
}

/// A host that has just been started again fires what came due meanwhile; what is later than this did not fire.
const GRACE_MS: u64 = 60_000;

/// Everything about one incident.
pub(super) fn show(desks: &Desks, journal: &Journal, id: IncidentId, format: Format) -> anyhow::Result<Exit> {
    let (mut incident, mut decision, mut timeline, mut clocks) = (None, None, Vec::new(), Vec::new());
    let mut rows = journal.entries(&Filter { incident: Some(id), ..Filter::default() })?;
    while let Some(row) = rows.next()? {
        match row.entry {
            Entry::Incident(newest) => incident = Some(newest),
            Entry::Decision(newest) => decision = Some(newest),
            Entry::Timeline(entry) => timeline.push(entry),
            Entry::Clock(clock) => clocks.push(clock),
            _ => {}
        }
    }
    drop(rows);
    let Some(incident) = incident else {
        anstream::eprintln!("there is no incident {id}; `watchfire incident list --all` has them");
        return Ok(Exit::No);
    };
    if let Err(broken) = verify(&timeline) {
        anstream::eprintln!("warning: {broken}");
    }
    let rulings = desks.rulings(id);
    if format == Format::Json {
        let dues: Vec<_> = desks
            .dues()
            .filter(|(_, of, _)| *of == id)
            .map(|(at_ms, _, due)| json!({ "at_ms": at_ms, "due": due }))
            .collect();
        println!(
            "{}",
            json!({ "incident": incident, "decision": decision, "rulings": rulings, "dues": dues, "timeline": timeline })
        );
        return Ok(Exit::Good);
    }
    println!("#{} {} {}: {}", incident.id, incident.severity, incident.state, incident.title);
    if let Some(decision) = &decision {
        println!("\n{}\n", decision.in_time);
        ways(decision);
    }
    println!("\n{} has it; plan {}", incident.acked_by.as_deref().unwrap_or("nobody"), incident.plan);
    for (role, person) in &incident.roles {
        println!("  {role}: {person}");
    }
    for ruling in rulings {
        let by = ruling.by.as_deref().unwrap_or("the plan");
        let state = serde_json::to_value(ruling.state)?;
        println!(
            "  ruling {}: {} by {by}, {} of {} agree, {}",
            ruling.number,
            ruling.intervention,
            ruling.approvals.len(),
            ruling.quorum,
            state.as_str().unwrap_or_default()
        );
    }
    for (at_ms, _, due) in desks.dues().filter(|(_, of, _)| *of == id) {
        println!("  {}", due_words(at_ms, due));
    }
    let audit = audit(&clocks, wall_clock_ms(), GRACE_MS);
    for missed in audit.missed.iter().chain(&audit.odd) {
        println!("  NOT FIRED: {} was due {}; does a host run?", missed.due, clock(missed.due_at_ms));
    }
    println!("\nTimeline");
    timeline.iter().for_each(line);
    Ok(Exit::Good)
}

/// Who can act in time, a line each.
fn ways(decision: &Decision) {
    for choice in &decision.choices {
        let way = &choice.way;
        let time = match (choice.intervention.as_str(), way.takes_s) {
            (DO_NOTHING, _) => String::new(),
            (_, Some(takes_s)) => format!("in {}", span(takes_s)),
            (_, None) => "in time unknown".to_owned(),
        };
        let before = match way.in_time {
            Some(true) => ", before the harm",
            Some(false) => ", NOT before the harm",
            None => "",
        };
        println!("  {:<22} {}  trust cost {}  {time}{before}", choice.intervention, word(choice), choice.trust_cost);
        if !way.decides.is_empty() {
            let signs = if way.signs.is_empty() {
                String::new()
            } else {
                format!("; {} of {} sign", way.signatures, way.signs.join(", "))
            };
            println!("      {} decide{signs}", way.decides.join(", "));
        }
        if !way.blocks.is_empty() || way.mode.is_some() {
            let mode = way.mode.as_ref().map(|mode| format!("; {mode}")).unwrap_or_default();
            println!("      users can't {}{mode}", way.blocks.join(", "));
        }
        match &choice.answer {
            Answer::Permitted { why } | Answer::Needs { why, .. } => println!("      {why}"),
            Answer::Denied { why } => println!("      {}", why.join("; ")),
        }
    }
}

fn word(choice: &Choice) -> &'static str {
    match choice.answer {
        Answer::Permitted { .. } => "permitted",
        Answer::Needs { .. } => "needs    ",
        Answer::Denied { .. } => "denied   ",
    }
}

fn line(entry: &TimelineEntry) {
    let by = entry.by.as_ref().map(|by| format!("{by}: ")).unwrap_or_default();
    let kind = serde_json::to_value(entry.kind).ok();
    let kind = kind.as_ref().and_then(|kind| kind.as_str()).unwrap_or_default();
    let text = shortened(&entry.text).replace(char::is_control, " ");
    println!("{:>4}  {}  {kind:<12} {by}{text}", entry.number, clock(entry.at_ms));
}

fn due_words(at_ms: u64, due: &Due) -> String {
    let now_ms = wall_clock_ms();
    let when = match at_ms.checked_sub(now_ms) {
        Some(left_ms) => format!("in {}", span(left_ms / 1_000)),
        None => format!("overdue since {}", clock(at_ms)),
    };
    let what = match due {
        Due::Ack => "an answer is due".to_owned(),
        Due::Unack => "a sign of life is due".to_owned(),
        Due::Ruling { number } => format!("ruling {number} lapses"),
        Due::End { number } => format!("ruling {number} must be over"),
        Due::Word { communication } => format!("the next word of {communication} is due"),
    };
    format!("{what} {when}")
}

fn every(journal: &Journal) -> anyhow::Result<Vec<Incident>> {
    let mut newest = std::collections::BTreeMap::new();
    let mut rows = journal.entries(&Filter { kinds: vec!["incident".to_owned()], ..Filter::default() })?;
    while let Some(row) = rows.next()? {
        if let Entry::Incident(incident) = row.entry {
            newest.insert(incident.id, incident);
        }
    }
    Ok(newest.into_values().collect())
}
