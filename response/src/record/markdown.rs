//! The record as a report for people.

use std::collections::BTreeMap;

use super::brevity::{Line, Pages};
use super::drill::{self, drill_record};
use super::proofs::is_decision;
use super::reflect::reflect;
use super::{Record, RefusedAct};
use crate::decision::{Answer, Decision, Ruling};
use crate::desk::growth::losses;
use crate::effect::{Effect, Ordered};
use crate::finding::Finding;
use crate::foreign::{markdown as markdown_of, quoted};
use crate::plan::moment::{Moment, span};
use crate::plan::{Plan, grouped};
use crate::timeline::verify;

/// How much of each stands before the appendix, so that it fits two pages.
const FINDINGS_SHOWN: usize = 4;
const REVISIONS_SHOWN: usize = 4;
const RULINGS_SHOWN: usize = 4;
const REFUSED_SHOWN: usize = 3;
const WORDS_SHOWN: usize = 3;
const NOTES_SHOWN: usize = 3;
const RISKS_SHOWN: usize = 3;
const ASSETS_SHOWN: usize = 3;

/// Returns the record as Markdown: what fits two pages, and the appendix that has everything.
pub fn markdown(record: &Record) -> String {
    let Pages { text, appendix } = pages(record);
    format!("{text}\n# Appendix\n{appendix}")
}

/// Returns what fits two pages of the record, as Markdown.
pub fn markdown_short(record: &Record) -> String {
    pages(record).text
}

fn pages(record: &Record) -> Pages {
    let mut pages = Pages::default();
    summary(record, &mut pages);
    times(record, &mut pages.text);
    if let Some(drill) = drill_record(record) {
        drill::write(&drill, &mut pages.text);
    }
    findings(record, &mut pages);
    decisions(record, &mut pages);
    spoken(record, &mut pages);
    let seen = reflect(record);
    list(&mut pages, "What went well", &seen.well);
    list(&mut pages, "What went badly", &seen.badly);
    list(&mut pages, "Where we got lucky", &seen.lucky);
    risks(record, &mut pages);
    delivered(record, &mut pages.text);
    deliveries(record, &mut pages.appendix);
    options(record, &mut pages.appendix);
    timeline(record, &mut pages.appendix);
    pages
}

fn cell(text: &str) -> String {
    markdown_of(text)
}

fn clock(at_ms: u64) -> String {
    Moment { ms: at_ms / 1_000 * 1_000 }.to_string()
}

fn summary(record: &Record, pages: &mut Pages) {
    let incident = &record.incident;
    let nothing = Plan::default();
    let lost: Vec<String> = losses(record.plan.as_deref().unwrap_or(&nothing), &incident.loss)
        .into_iter()
        .map(|loss| {
            let worth = loss.worth_usd.map(|worth| format!(", about ${}", grouped(&worth))).unwrap_or_default();
            format!("{}{worth}", loss.text)
        })
        .collect();
    if lost.len() > ASSETS_SHOWN {
        pages.appendix.push_str("\n## Lost or moved\n\n");
        lost.iter().for_each(|one| pages.appendix.push_str(&format!("- {}\n", cell(one))));
    }
    let text = &mut pages.text;
    let of = if incident.protocol.is_empty() { String::new() } else { format!(" of {}", cell(&incident.protocol)) };
    text.push_str(&format!("# Incident {}{of}: {}\n\n", incident.id, cell(&incident.title)));
    text.push_str(&format!("{}, {}: {}\n\n", incident.severity, incident.state, cell(&incident.note)));
    text.push_str("| | |\n|---|---|\n");
    let mut row = |what: &str, said: String| text.push_str(&format!("| {what} | {} |\n", cell(&said)));
    row("signal", incident.signal.clone());
    row("plan", incident.plan.to_string());
    if let Some(by) = &incident.declared_by {
        row("opened by", record.name(by));
    }
    if let Some(by) = &incident.acked_by {
        row("who had it last", record.name(by));
    }
    for (role, person) in &incident.roles {
        row(role, record.name(person));
    }
    for one in lost.iter().take(ASSETS_SHOWN) {
        row("lost or moved", one.clone());
    }
    if lost.len() > ASSETS_SHOWN {
        row("lost or moved", format!("{} assets more, in the appendix", lost.len() - ASSETS_SHOWN));
    }
    if incident.duplicates > 0 {
        row("seen again", format!("{} times", incident.duplicates));
    }
    if let Some(dependency) = &incident.dependency {
        row("caused by", dependency.clone());
    }
    if let Some(before) = incident.follows {
        row("follows", format!("incident {before}"));
    }
    if let Some(into) = incident.merged_into {
        row("part of", format!("incident {into}"));
    }
    let broken = verify(&record.timeline).err();
    let head = record.timeline.last().map(|entry| entry.hash.to_string()).unwrap_or_default();
    row(
        "timeline",
        broken.map_or_else(
            || format!("{} entries, the chain holds up to {head}", record.timeline.len()),
            |broken| format!("BROKEN: {broken}"),
        ),
    );
}

fn times(record: &Record, text: &mut String) {
    let began_ms = record.incident.began_ms;
    text.push_str("\n## Times\n\n| point | at | after the first sign |\n|---|---|---|\n");
    text.push_str(&format!("| first sign, by the chain | {} | |\n", clock(began_ms)));
    for (what, at_ms) in record.milestones() {
        let (at, after) = match at_ms {
            Some(at_ms) => (clock(at_ms), span(at_ms.saturating_sub(began_ms) / 1_000)),
            None => ("never".to_owned(), String::new()),
        };
        text.push_str(&format!("| {what} | {at} | {after} |\n"));
    }
}

fn findings(record: &Record, pages: &mut Pages) {
    pages.text.push_str("\n## What was found\n\n");
    if record.findings.is_empty() {
        pages.text.push_str("Nothing by a detector.\n");
    }
    let lines: Vec<Line> = record.findings.iter().map(|finding| found(record, finding)).collect();
    pages.lines("Findings", &lines, FINDINGS_SHOWN);
    if record.incident.uncounted > 0 {
        let more = record.incident.uncounted;
        pages.text.push_str(&format!(
            "- *{more} more conditions were counted and not kept: what is lost is at least that*\n"
        ));
    }
}

fn found(record: &Record, finding: &Finding) -> Line {
    let gone = if record.incident.retracted.contains(&finding.id) { ", taken back" } else { "" };
    let place =
        finding.block.map(|block| format!(", block {} of chain {}", block.number, block.chain)).unwrap_or_default();
    let claim = &finding.claim;
    let first = claim.transactions.first().map(|one| format!("; `{one}`")).unwrap_or_default();
    let more = match claim.transactions.len() {
        0 | 1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    Line {
        before: format!("{} {}/{}: ", clock(finding.time_ms), cell(&finding.detector), cell(&claim.kind)),
        text: quoted(&claim.title),
        after: format!(" ({}, {} % sure{place}{gone}){first}{more}", claim.severity, claim.confidence_percent),
        more: claim.transactions.iter().skip(1).map(|one| format!("  - `{one}`\n")).collect(),
    }
}

fn decisions(record: &Record, pages: &mut Pages) {
    pages.text.push_str("\n## What was decided\n\n");
    // A night makes dozens of revisions: the first and the newest stand here, and all, with who could act in time, in the appendix.
    let revised = |decision: &Decision| Line {
        before: format!("{} {}.{}: ", clock(decision.at_ms), decision.incident, decision.revision),
        text: format!("{}. {}", decision.cause, decision.in_time),
        ..Line::default()
    };
    let lines: Vec<Line> = record.decisions.iter().map(revised).collect();
    pages.lines("Revisions", &lines, REVISIONS_SHOWN);
    let rulings = record.rulings();
    if !rulings.is_empty() {
        pages.text.push_str("\n### What came of it\n\n");
    }
    let ruled = |ruling: &Ruling| {
        let by = ruling.by.as_ref().map_or_else(|| "the plan, beforehand".to_owned(), |by| record.name(by));
        let agreed: Vec<String> = ruling.approvals.iter().map(|by| record.name(by)).collect();
        let done = ruling.done.as_ref().map(|(by, what)| format!("; carried out by {}: {what}", record.name(by)));
        let agreed = if agreed.len() > 1 { format!("; agreed: {}", agreed.join(", ")) } else { String::new() };
        let (number, name) = (ruling.number, cell(&ruling.intervention));
        Line {
            before: format!("{number}. {name} by {}, {}: ", cell(&by), clock(ruling.at_ms)),
            text: format!("{}{agreed}{}", ruling.why, done.unwrap_or_default()),
            after: format!(" — {}", ruling.state.in_words()),
            more: String::new(),
        }
    };
    let lines: Vec<Line> = rulings.iter().map(ruled).collect();
    pages.lines("Rulings", &lines, RULINGS_SHOWN);
    if !record.refused.is_empty() {
        pages.text.push_str("\n### What was not taken\n\n");
    }
    let refused = |one: &RefusedAct| Line {
        before: format!("not taken, {}: {} by {}: ", clock(one.at_ms), cell(&one.act), cell(&record.name(&one.by))),
        ..Line::of(&one.why.join("; "))
    };
    let lines: Vec<Line> = record.refused.iter().map(refused).collect();
    pages.lines("Acts that were not taken", &lines, REFUSED_SHOWN);
}

/// Each revision of the decision; its options where their answers are others than before.
fn options(record: &Record, text: &mut String) {
    text.push_str("\n## Options\n");
    let mut before: Option<Vec<(&str, bool, &Answer)>> = None;
    for decision in &record.decisions {
        let (id, revision) = (decision.incident, decision.revision);
        text.push_str(&format!("\n### {id}.{revision} {}: {}\n\n", clock(decision.at_ms), cell(&decision.cause)));
        let answers: Vec<_> = decision
            .choices
            .iter()
            .map(|one| (one.intervention.as_str(), is_taken(decision, &one.intervention), &one.answer))
            .collect();
        if before.as_ref() == Some(&answers) {
            text.push_str("The answers are those of the revision before.\n");
        } else {
            table(decision, text);
        }
        before = Some(answers);
    }
}

fn table(decision: &Decision, text: &mut String) {
    text.push_str("| option | answer | trust cost | takes | why |\n|---|---|---:|---|---|\n");
    for choice in &decision.choices {
        let (answer, why) = match &choice.answer {
            Answer::Permitted { why } => ("permitted", why.clone()),
            Answer::Needs { whom, why } => ("needs", format!("{}: {why}", whom.join(", "))),
            Answer::Denied { why } => ("denied", why.join("; ")),
        };
        let taken = if is_taken(decision, &choice.intervention) { " **(taken)**" } else { "" };
        let takes = choice.way.takes_s.map(span).unwrap_or_default();
        text.push_str(&format!(
            "| {}{taken} | {answer} | {} | {takes} | {} |\n",
            cell(&choice.intervention),
            choice.trust_cost,
            cell(&why)
        ));
    }
}

/// What was ordered, and what of it did not arrive.
fn delivered(record: &Record, text: &mut String) {
    text.push_str("\n## Deliveries\n\n");
    let mut ordered: BTreeMap<&str, usize> = BTreeMap::new();
    for one in &record.orders {
        *ordered.entry(one.effect.kind()).or_default() += 1;
    }
    let counts: Vec<String> = ordered.iter().map(|(kind, count)| format!("{count} of kind `{kind}`")).collect();
    let counts = if counts.is_empty() { "nothing".to_owned() } else { counts.join(", ") };
    let pages = record.orders.iter().filter(|one| matches!(one.effect, Effect::Page { .. }));
    let states: Vec<Option<&String>> = pages.map(|one| record.deliveries.get(&one.key)).collect();
    let count = |is_it: fn(&&Option<&String>) -> bool| states.iter().filter(is_it).count();
    let lost = count(|state| state.is_some_and(|state| state.starts_with("NOT")));
    let silent = count(|state| state.is_none());
    let pages = match (states.len(), lost, silent) {
        (0, ..) => "Nobody was paged".to_owned(),
        (1, 0, 0) => "The page arrived".to_owned(),
        (pages, 0, 0) => format!("All {pages} pages arrived"),
        (pages, lost, silent) => format!("Of {pages} pages, {lost} did not arrive, and of {silent} nothing was heard"),
    };
    text.push_str(&format!("Ordered: {counts}. {pages}; each stands in the appendix.\n"));
}

/// What became of each page: of a page nothing else is said as long as it is on its way.
fn deliveries(record: &Record, text: &mut String) {
    text.push_str("\n## Each delivery\n\n");
    for one in &record.orders {
        let state = match record.deliveries.get(&one.key) {
            Some(state) => state.clone(),
            None if matches!(one.effect, Effect::Page { .. }) => "nothing was heard of it".to_owned(),
            None => continue,
        };
        let what = match &one.effect {
            Effect::Page { person, channel, .. } => format!("page to {} by {channel}", record.name(person)),
            other => other.kind().to_owned(),
        };
        text.push_str(&format!("- {} {}: {}\n", clock(one.at_ms), cell(&what), cell(&state)));
    }
}

fn is_taken(decision: &Decision, intervention: &str) -> bool {
    decision.rulings.iter().any(|ruling| ruling.intervention == intervention && ruling.done.is_some())
}

fn spoken(record: &Record, pages: &mut Pages) {
    pages.text.push_str("\n## What was said\n\n");
    let said = |ordered: &Ordered| match &ordered.effect {
        Effect::Communicate { audience, text, .. } => {
            Some(Line { before: format!("{} to {}: ", clock(ordered.at_ms), cell(audience)), ..Line::of(text) })
        }
        _ => None,
    };
    let lines: Vec<Line> = record.orders.iter().filter_map(said).collect();
    pages.lines("Words to others", &lines, WORDS_SHOWN);
    if lines.is_empty() {
        pages.text.push_str("Nothing to anybody outside.\n");
    }
}

fn list(pages: &mut Pages, title: &str, said: &[String]) {
    pages.text.push_str(&format!("\n## {title}\n\n"));
    let mut counts: Vec<(&String, usize)> = Vec::new();
    for one in said {
        match counts.iter_mut().find(|(known, _)| *known == one) {
            Some((_, count)) => *count += 1,
            None => counts.push((one, 1)),
        }
    }
    let line = |(text, count): &(&String, usize)| match count {
        1 => Line::of(text),
        times => Line { after: format!(" ({times} times)"), ..Line::of(text) },
    };
    let lines: Vec<Line> = counts.iter().map(line).collect();
    pages.lines(title, &lines, NOTES_SHOWN);
    if lines.is_empty() {
        pages.text.push_str("- *(nobody wrote anything down: `watchfire incident note --kind …`)*\n");
    }
}

fn risks(record: &Record, pages: &mut Pages) {
    pages.text.push_str("\n## Risks\n\n");
    let learned =
        |(risk, learned): (&String, &String)| Line { before: format!("`{}`: ", cell(risk)), ..Line::of(learned) };
    let lines: Vec<Line> = record.incident.risks.iter().map(learned).collect();
    pages.lines("Risks, as they were learned", &lines, RISKS_SHOWN);
    match (&record.incident.no_change, lines.is_empty()) {
        (Some(why), _) => pages.text.push_str(&format!("No risk changed, because {}\n", cell(why))),
        (None, true) => pages.text.push_str("Not said yet: closing asks for it.\n"),
        (None, false) => {}
    }
}

fn timeline(record: &Record, text: &mut String) {
    text.push_str("\n## Timeline\n\n| # | at | what | who | |\n|---:|---|---|---|---|\n");
    for entry in &record.timeline {
        let kind = serde_json::to_value(entry.kind).ok();
        let by = entry.by.as_ref().map(|by| record.name(by)).unwrap_or_default();
        let by = match &entry.proof {
            Some(_) => format!("{by} (proved)"),
            None if entry.by.is_some() && is_decision(entry.kind) => format!("{by} (recorded, not proved)"),
            None => by,
        };
        text.push_str(&format!(
            "| {} | {} | {} | {} | {} |\n",
            entry.number,
            clock(entry.at_ms),
            kind.as_ref().and_then(|kind| kind.as_str()).unwrap_or_default(),
            cell(&by),
            cell(&entry.text)
        ));
    }
    text.push_str(&format!("\nAs of {}.\n", clock(record.as_of_ms)));
}
