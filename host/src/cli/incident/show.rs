//! What an operator sees of incidents. Short first: what, how bad, who has it, who can act in time, what to type next, and what
//! shows it; the rest on demand.

use std::path::Path;

use serde_json::json;

use super::Exit;
use super::lines::{BAD, BOLD, DIM, heading, say, style, width, wrapped};
use super::playbook::playbooks;
use super::sent;
use crate::app::live::main_loop::wall_clock_ms;
use crate::app::live::output::Format;
use crate::app::past::decoded::{Said, said_by};
use crate::app::past::desks::{desks_of, record_of};
use crate::brief::{Brief, Evidence, Loss};
use crate::decision::{Answer, Choice, Ruling, RulingState};
use crate::deliver::pretty::{clock, shortened};
use crate::desk::{Desks, as_of, brief_of, loss_in_words};
use crate::due::{Due, audit};
use crate::entry::Entry;
use crate::finding::WATCH;
use crate::incident::{Incident, IncidentId, IncidentState};
use crate::journal::{Filter, Journal};
use crate::plan::moment::span;
use crate::plan::{DO_NOTHING, Plan, ProvedAct};
use crate::record::{Record, is_decision};
use crate::timeline::{EntryKind, TimelineEntry, verify};

/// Columns that number, severity and state take of a line of the list.
const LIST_HEAD: usize = 28;

/// Incidents, the gravest first, and what automation is stopped.
pub(super) fn list(desks: &Desks, journal: &Journal, all: bool, format: Format) -> anyhow::Result<Exit> {
    let mut incidents: Vec<Incident> = if all { every(journal)? } else { Vec::new() };
    // Of open ones the desk knows each sighting, the journal only what was put out.
    incidents.retain(|incident| !incident.state.is_open());
    incidents.extend(desks.incidents().cloned());
    incidents.sort_by_key(|incident| (std::cmp::Reverse(incident.severity), incident.id));
    if format == Format::Json {
        for incident in &incidents {
            println!("{}", serde_json::to_string(incident)?);
        }
        return Ok(Exit::Good);
    }
    halts(desks);
    let now_ms = wall_clock_ms();
    if incidents.iter().any(|incident| incident.state.is_open()) {
        unwatched(journal.newest_ms(), now_ms);
    }
    if incidents.is_empty() {
        println!("no incident is open");
    }
    for incident in &incidents {
        let plan = desks.plan_of(incident.id).unwrap_or_default();
        let due = desks.dues().find(|(_, id, _)| *id == incident.id).map(|(at_ms, _, due)| due_words(at_ms, due));
        let due = due.map(|due| format!("; {due}")).unwrap_or_default();
        let (style, severity) = (style(incident.severity), incident.severity.to_string());
        let rest = wrapped(&format!("{}{due}", who_has(&plan, incident)), LIST_HEAD, 6, width());
        anstream::println!(
            "#{:<4} {style}{severity:<9}{style:#} {:<11} {}",
            incident.id,
            incident.state.to_string(),
            rest.trim_start(),
        );
        let protocol = if incident.protocol.is_empty() { String::new() } else { format!("{}: ", incident.protocol) };
        let rehearsal = if incident.rehearsal && !incident.drill { "REHEARSAL: " } else { "" };
        say(&format!("{rehearsal}{protocol}{}", incident.title), 6, 6);
        let brief = brief_of(&plan, incident);
        if !brief.loss.is_empty() {
            say(&format!("lost or moved: {}{}", losses(&brief.loss), as_of(incident, now_ms)), 6, 6);
        }
    }
    Ok(Exit::Good)
}

/// Of how many findings the transactions are read and said in words.
const DECODED: usize = 24;

/// A host that has just been started again fires what came due meanwhile; what is later than this did not fire.
const GRACE_MS: u64 = 60_000;

/// One incident.
pub(super) fn show(journal: &Path, id: IncidentId, full: bool, format: Format) -> anyhow::Result<Exit> {
    let (desks, read) = desks_of(journal)?;
    let Some(mut record) = record_of(journal, id)? else {
        anstream::eprintln!("there is no incident {id}; `watchfire incident list --all` has them");
        return Ok(Exit::No);
    };
    // A decision says what held when it was made, and whoever asks wants to know what holds now.
    let newest_ms = read.newest_ms();
    let now_ms = wall_clock_ms().max(newest_ms);
    if let (Some((in_time, choices)), Some(last)) = (desks.options(id, now_ms), record.decisions.last_mut()) {
        (last.in_time, last.choices) = (in_time, choices);
    }
    if let Err(broken) = verify(&record.timeline) {
        anstream::eprintln!("warning: {broken}");
    }
    let plan = record.plan.clone().unwrap_or_default();
    let rulings = record.rulings().to_vec();
    let brief = brief_of(&plan, &record.incident);
    let shown = record.findings.iter().filter(|one| full || brief.evidence.iter().any(|shown| shown.finding == one.id));
    let said = said_by(&read, &plan, shown.take(DECODED))?;
    drop(read);
    if format == Format::Json {
        let dues: Vec<_> = desks
            .dues()
            .filter(|(_, of, _)| *of == id)
            .map(|(at_ms, _, due)| json!({ "at_ms": at_ms, "due": due }))
            .collect();
        let halts: Vec<_> = desks
            .halts()
            .map(|(protocol, by, at_ms, why)| json!({ "protocol": protocol, "by": by, "at_ms": at_ms, "why": why }))
            .collect();
        let waiting: Vec<_> = desks
            .waiting(id)
            .map(|(number, by, act, until_ms)| json!({ "motion": number, "by": by, "act": act, "until_ms": until_ms }))
            .collect();
        let told = json!({
            "incident": record.incident, "brief": brief, "decision": record.decisions.last(), "rulings": rulings,
            "as_of_ms": now_ms, "newest_input_ms": newest_ms, "deliveries": sent::told(&record),
            "dues": dues, "halts": halts, "waiting": waiting, "findings": record.findings,
            "decoded": said, "timeline": record.timeline,
        });
        println!("{told}");
        return Ok(Exit::Good);
    }
    head(&plan, &record, &brief, now_ms);
    if record.incident.state.is_open() {
        unwatched(newest_ms, now_ms);
    }
    halts(&desks);
    if let Some(decision) = record.decisions.last().filter(|_| record.incident.state.is_open()) {
        println!();
        say(&decision.in_time, 0, 0);
    }
    what_is_due(&desks, &record);
    what_waits(&desks, &plan, id);
    what_was_decided(&plan, &rulings);
    sent::pages(&record, &plan);
    next(&record, &plan, &rulings);
    evidence(&brief, &said);
    if full {
        if record.incident.state.is_open() {
            playbooks(&plan, &record.incident);
        }
        everything(&record, &said);
        sent::each(&record, &plan);
        println!("\nplan {}", record.incident.plan);
    } else {
        let text = "`--full` shows the playbook, whom to call, each option, finding and delivery, and the timeline";
        anstream::println!("{DIM}{}{DIM:#}", wrapped(text, 0, 0, width()));
    }
    Ok(Exit::Good)
}

fn head(plan: &Plan, record: &Record, brief: &Brief, now_ms: u64) {
    let incident = &record.incident;
    let style = style(incident.severity);
    let protocol = if brief.protocol.is_empty() { String::new() } else { format!("  {}", brief.protocol) };
    anstream::println!("{style}#{} {}{style:#} {}{protocol}", incident.id, incident.severity, incident.state);
    if incident.drill {
        say("a drill: people are paged, each message says that it is one, and nothing goes to a chain", 0, 0);
    } else if incident.rehearsal {
        say("a rehearsal: nobody outside hears of it, and nothing is asked for", 0, 0);
    }
    say(&incident.title, 0, 0);
    if !brief.loss.is_empty() {
        let lost = format!("lost or moved so far: {}{}", losses(&brief.loss), as_of(incident, now_ms));
        let lost = wrapped(&lost, 0, 0, width());
        anstream::println!("{BOLD}{lost}{BOLD:#}");
    }
    let seen = match (brief.findings, brief.duplicates) {
        (1, 0) => "1 live finding".to_owned(),
        (findings, 0) => format!("{findings} live findings"),
        (findings, duplicates) => format!("{findings} live findings, seen {duplicates} times more"),
    };
    let seen = match brief.uncounted {
        0 => seen,
        more => format!("{seen}, and {more} counted and not kept"),
    };
    let by = if incident.sources.is_empty() { String::new() } else { format!(" by {}", incident.sources.join(", ")) };
    let began = format!("{seen}{by}; first sign {}, newest {}", clock(incident.began_ms), clock(incident.last_ms));
    say(&began, 0, 0);
    if !incident.related.is_empty() {
        let related: Vec<String> = incident.related.iter().map(|id| format!("#{id}")).collect();
        say(&format!("related: {}", related.join(", ")), 0, 0);
    }
    if let Some(late_s) = incident.seen_late_s() {
        let late = span(late_s);
        say(&format!("it was seen {late} late: the host was away or behind when it began"), 0, 0);
    }
    if incident.state.is_open() {
        say(&format!("{}{}", who_has(plan, incident), who_had(plan, record)), 0, 0);
    } else {
        say(&format!("{}: {}", incident.state, incident.note), 0, 0);
    }
    for (role, person) in &incident.roles {
        say(&format!("{role}: {}", plan.name(person)), 2, 4);
    }
}

/// Nothing was taken in for so long: figures and judgements don't know what happened since, milliseconds.
const UNWATCHED_MS: u64 = 120_000;

/// Says that nothing was taken in for a while, if that is so.
fn unwatched(newest_ms: u64, now_ms: u64) {
    let age_ms = now_ms.saturating_sub(newest_ms);
    if age_ms > UNWATCHED_MS && newest_ms > 0 {
        let (at, ago) = (clock(newest_ms), span(age_ms / 1_000));
        anstream::println!("{BAD}nothing was taken in since {at}, {ago} ago{BAD:#}");
        say(
            "what follows is as of then, and what happened since is not in it; does a host run, and does its chain?",
            2,
            2,
        );
    }
}

/// What was found so long after it happened is said to be that old, milliseconds.
const OLD_MS: u64 = 60_000;

/// Who had an incident that nobody has now, until when, and why that ended.
fn who_had(plan: &Plan, record: &Record) -> String {
    if record.incident.acked_by.is_some() {
        return String::new();
    }
    let newest = |kind: EntryKind| record.timeline.iter().rfind(|entry| entry.kind == kind);
    let (Some(had), Some(ended)) = (newest(EntryKind::Acked), newest(EntryKind::Unacked)) else {
        return String::new();
    };
    match &had.by {
        Some(by) if had.number < ended.number => {
            format!("; {} had it until {}: {}", plan.name(by), clock(ended.at_ms), ended.text)
        }
        _ => String::new(),
    }
}

fn who_has(plan: &Plan, incident: &Incident) -> String {
    match &incident.acked_by {
        Some(by) => format!("{} has it", plan.name(by)),
        None => "nobody has it".to_owned(),
    }
}

fn losses(losses: &[Loss]) -> String {
    losses.iter().map(loss_in_words).collect::<Vec<_>>().join(", ")
}

fn halts(desks: &Desks) {
    for (protocol, by, at_ms, why) in desks.halts() {
        let of = if protocol.is_empty() { String::new() } else { format!(" of {protocol}") };
        anstream::println!("{BAD}all automation{of} is stopped{BAD:#} by {by} since {}: {why}", clock(at_ms));
    }
}

fn what_is_due(desks: &Desks, record: &Record) {
    for (at_ms, _, due) in desks.dues().filter(|(_, of, _)| *of == record.incident.id) {
        say(&due_words(at_ms, due), 2, 4);
    }
    let audit = audit(&record.clocks, wall_clock_ms(), GRACE_MS);
    for missed in audit.missed.iter().chain(&audit.odd) {
        let text = format!("NOT FIRED: {} was due {}; does a host run?", missed.due, clock(missed.due_at_ms));
        say(&text, 2, 4);
    }
}

/// What somebody asked for and a second human has yet to agree to.
fn what_waits(desks: &Desks, plan: &Plan, id: IncidentId) {
    for (number, by, act, until_ms) in desks.waiting(id) {
        let by = plan.name(by);
        let text = format!("{by} asks for {act} until {}: watchfire incident second {id} {number}", clock(until_ms));
        anstream::println!("{BAD}a second human is needed{BAD:#}");
        say(&text, 2, 4);
    }
}

fn what_was_decided(plan: &Plan, rulings: &[Ruling]) {
    if rulings.is_empty() {
        return;
    }
    heading("Decided");
    for ruling in rulings {
        let by = ruling.by.as_ref().map_or_else(|| "the plan".to_owned(), |by| plan.name(by));
        let votes = match ruling.quorum {
            0 | 1 => String::new(),
            quorum => format!(", {} of {quorum} agree", ruling.approvals.len()),
        };
        let state = ruling.state.in_words();
        say(&format!("{}. {} by {by}{votes}: {state}", ruling.number, ruling.intervention), 2, 5);
        let is_to_do = ruling.state.is_open();
        let calls = plan.tables().intervention.get(&ruling.intervention).map(|one| one.calls.as_slice());
        for call in calls.unwrap_or_default().iter().filter(|_| is_to_do) {
            say(&format!("call {} on {} with ({})", call.function, call.target, call.args.join(", ")), 5, 7);
            if let Some(data) = call.data() {
                say(&format!("calldata {data}"), 5, 7);
            }
        }
    }
}

fn evidence(brief: &Brief, said: &[Said]) {
    if !brief.evidence.is_empty() {
        heading("What shows it");
    }
    brief.evidence.iter().for_each(|one| one_evidence(one, said));
    brief.links.iter().for_each(|link| say(link, 2, 2));
    if let Some(runbook) = &brief.runbook {
        say(&format!("runbook: {runbook}"), 2, 2);
    }
}

fn one_evidence(one: &Evidence, said: &[Said]) {
    let style = style(one.severity);
    let severity = one.severity.to_string();
    let late_ms = one.at_ms.saturating_sub(one.time_ms);
    let late = if late_ms > OLD_MS { format!(", seen {} late", span(late_ms / 1_000)) } else { String::new() };
    let (at, detector, kind) = (clock(one.time_ms), &one.detector, &one.kind);
    anstream::println!("  {at} {style}{severity}{style:#} {DIM}{detector}/{kind}{late}{DIM:#}");
    say(&one.title, 4, 4);
    if !one.description.is_empty() {
        say(&one.description, 4, 4);
    }
    let block = one.block.map(|block| format!(", block {block}")).unwrap_or_default();
    let place = one.chain.map(|chain| format!("chain {chain}{block}, "));
    say(&format!("{}about {}", place.unwrap_or_default(), one.subject), 4, 6);
    for hash in &one.transactions {
        say(&format!("tx {hash}"), 4, 6);
        for said in said.iter().filter(|said| said.transaction == *hash) {
            said.call.iter().for_each(|call| say(&format!("calls {call}"), 6, 8));
            said.logs.iter().for_each(|log| say(&format!("logs {log}"), 6, 8));
        }
    }
    let attributes: Vec<String> = one.attributes.iter().map(|(name, value)| format!("{name} {value}")).collect();
    if !attributes.is_empty() {
        say(&attributes.join("; "), 4, 6);
    }
}

/// What to type: the most urgent first.
fn next(record: &Record, plan: &Plan, rulings: &[Ruling]) {
    let incident = &record.incident;
    if !incident.state.is_open() {
        return;
    }
    let id = incident.id;
    let sign = |act, intervention: &str| match plan.wants_proof(act, intervention, incident.severity) {
        true => " --sign keystore:FILE",
        false => "",
    };
    let mut lines = Vec::new();
    if incident.acked_by.is_none() {
        lines.push(format!("watchfire incident ack {id}"));
    }
    for ruling in rulings {
        let number = ruling.number;
        match ruling.state {
            RulingState::Pending => {
                let sign = sign(ProvedAct::Approve, &ruling.intervention);
                lines.push(format!("watchfire incident approve {id} {number}{sign}"));
            }
            RulingState::Approved => {
                let sign = sign(ProvedAct::Done, &ruling.intervention);
                lines.push(format!("watchfire incident done {id} {number} --by-what TRANSACTION{sign}"));
            }
            RulingState::Done => lines.push(format!("watchfire incident confirm {id} {number} --why HOW-YOU-KNOW")),
            _ => {}
        }
    }
    let is_open = |name: &str| rulings.iter().any(|one| one.intervention == name && one.state.is_open());
    let choices = record.decisions.last().into_iter().flat_map(|decision| &decision.choices);
    for choice in choices.filter(|one| one.intervention != DO_NOTHING && !is_open(&one.intervention)).take(8) {
        if matches!(choice.answer, Answer::Needs { .. })
            && plan.tables().intervention.contains_key(&choice.intervention)
        {
            let sign = sign(ProvedAct::Decide, &choice.intervention);
            lines.push(format!("watchfire incident decide {id} {} --why WHY{sign}", choice.intervention));
        }
    }
    let is_of_the_watch = !incident.evidence.is_empty() && incident.evidence.iter().all(|one| one.detector == WATCH);
    if is_of_the_watch && rulings.is_empty() {
        lines.push(format!("watchfire incident false-positive {id} --why WHOSE-IT-WAS"));
    } else if incident.state >= IncidentState::Contained {
        lines.push(format!("watchfire incident close {id} --risk ID=TEXT"));
    }
    heading("Next");
    lines.iter().for_each(|line| println!("  {line}"));
}

fn everything(record: &Record, said: &[Said]) {
    if let Some(decision) = record.decisions.last() {
        heading("Options");
        decision.choices.iter().for_each(option);
    }
    heading("Findings");
    for finding in &record.findings {
        let gone = if record.incident.retracted.contains(&finding.id) { " (taken back)" } else { "" };
        one_evidence(&Evidence::of(finding), said);
        if !gone.is_empty() {
            say(gone, 4, 4);
        }
    }
    heading("Timeline");
    record.timeline.iter().for_each(line);
}

/// One option: what the answer is, how long it takes, and who acts.
fn option(choice: &Choice) {
    let way = &choice.way;
    let time = match (choice.intervention.as_str(), way.takes_s) {
        (DO_NOTHING, _) => String::new(),
        (_, Some(takes_s)) => format!(", in {}", span(takes_s)),
        (_, None) => ", no step pages who decides".to_owned(),
    };
    let before = match way.in_time {
        Some(true) => ", before the harm",
        Some(false) if !matches!(choice.answer, Answer::Denied { .. }) => ", NOT before the harm",
        _ => "",
    };
    let cost = choice.trust_cost;
    say(&format!("{}: {}{time}{before}; trust cost {cost} of 10", choice.intervention, word(choice)), 2, 4);
    if !way.decides.is_empty() {
        let signs = if way.signs.is_empty() {
            String::new()
        } else {
            format!("; {} of {} sign", way.signatures, way.signs.join(", "))
        };
        say(&format!("{} decide{signs}", way.decides.join(", ")), 4, 6);
    }
    if !way.blocks.is_empty() || way.mode.is_some() {
        let mode = way.mode.as_ref().map(|mode| format!("; {mode}")).unwrap_or_default();
        say(&format!("users can't {}{mode}", way.blocks.join(", ")), 4, 6);
    }
    match &choice.answer {
        Answer::Permitted { why } | Answer::Needs { why, .. } => say(why, 4, 6),
        Answer::Denied { why } => say(&why.join("; "), 4, 6),
    }
}

fn word(choice: &Choice) -> &'static str {
    match choice.answer {
        Answer::Permitted { .. } => "permitted",
        Answer::Needs { .. } => "needs somebody",
        Answer::Denied { .. } => "denied",
    }
}

fn line(entry: &TimelineEntry) {
    let mark = match &entry.proof {
        Some(_) => ", proved",
        None if is_decision(entry.kind) => ", not proved",
        None => "",
    };
    let by = entry.by.as_ref().map(|by| format!("{by}{mark}: ")).unwrap_or_default();
    let kind = serde_json::to_value(entry.kind).ok();
    let kind = kind.as_ref().and_then(|kind| kind.as_str()).unwrap_or_default();
    say(&format!("{}. {} {kind}: {by}{}", entry.number, clock(entry.at_ms), shortened(&entry.text)), 2, 6);
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
        Due::Hold => "people hear of it, if it lasts,".to_owned(),
        Due::Keep => "it is over, if nothing comes back,".to_owned(),
        Due::Drill => "the drill ends".to_owned(),
        Due::Growth => "people are told how far it has grown".to_owned(),
        Due::Word { communication } => format!("the next word of {communication} is due"),
        Due::Script { number } => format!("part {} of the script happens", u64::from(*number) + 1),
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
