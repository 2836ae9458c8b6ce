//! The record as a report for people.

use std::collections::BTreeMap;

use super::Record;
use super::drill::{self, drill_record};
use super::proofs::is_decision;
use super::reflect::reflect;
use crate::decision::{Answer, Decision};
use crate::desk::growth::losses;
use crate::effect::Effect;
use crate::finding::Finding;
use crate::foreign::{markdown as markdown_of, quoted};
use crate::plan::moment::{Moment, span};
use crate::plan::{Plan, grouped};
use crate::timeline::verify;

/// Returns the whole record as Markdown.
pub fn markdown(record: &Record) -> String {
    let mut text = String::new();
    summary(record, &mut text);
    times(record, &mut text);
    if let Some(drill) = drill_record(record) {
        drill::write(&drill, &mut text);
    }
    findings(record, &mut text);
    decisions(record, &mut text);
    spoken(record, &mut text);
    let seen = reflect(record);
    list(&mut text, "What went well", &seen.well);
    list(&mut text, "What went badly", &seen.badly);
    list(&mut text, "Where we got lucky", &seen.lucky);
    risks(record, &mut text);
    delivered(record, &mut text);
    text.push_str("\n# Appendix\n");
    if record.findings.len() > FINDINGS_SHOWN {
        text.push_str("\n## Findings\n\n");
        record.findings.iter().for_each(|finding| found(record, finding, &mut text));
    }
    deliveries(record, &mut text);
    options(record, &mut text);
    timeline(record, &mut text);
    text
}

fn cell(text: &str) -> String {
    markdown_of(text)
}

fn clock(at_ms: u64) -> String {
    Moment { ms: at_ms / 1_000 * 1_000 }.to_string()
}

fn summary(record: &Record, text: &mut String) {
    let incident = &record.incident;
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
    let nothing = Plan::default();
    for loss in losses(record.plan.as_deref().unwrap_or(&nothing), &incident.loss) {
        let worth = loss.worth_usd.map(|worth| format!(", about ${}", grouped(&worth))).unwrap_or_default();
        row("lost or moved", format!("{}{worth}", loss.text));
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

fn findings(record: &Record, text: &mut String) {
    text.push_str("\n## What was found\n\n");
    if record.findings.is_empty() {
        text.push_str("Nothing by a detector.\n");
    }
    let count = record.findings.len();
    for (position, finding) in record.findings.iter().enumerate() {
        if position == FINDINGS_SHOWN / 2 && count > FINDINGS_SHOWN {
            text.push_str(&format!("- *{} more findings stand in the appendix*\n", count - FINDINGS_SHOWN));
        }
        if position < FINDINGS_SHOWN / 2 || position + FINDINGS_SHOWN / 2 >= count {
            found(record, finding, text);
        }
    }
    if record.incident.uncounted > 0 {
        let more = record.incident.uncounted;
        text.push_str(&format!(
            "- *{more} more conditions were counted and not kept: what is lost is at least that*\n"
        ));
    }
}

fn found(record: &Record, finding: &Finding, text: &mut String) {
    let gone = if record.incident.retracted.contains(&finding.id) { ", taken back" } else { "" };
    let place =
        finding.block.map(|block| format!(", block {} of chain {}", block.number, block.chain)).unwrap_or_default();
    let claim = &finding.claim;
    text.push_str(&format!(
        "- {} {}/{}: {} ({}, {} % sure{place}{gone})\n",
        clock(finding.time_ms),
        cell(&finding.detector),
        cell(&claim.kind),
        cell(&quoted(&claim.title)),
        claim.severity,
        claim.confidence_percent
    ));
    for transaction in &claim.transactions {
        text.push_str(&format!("  - `{transaction}`\n"));
    }
}

fn decisions(record: &Record, text: &mut String) {
    text.push_str("\n## What was decided\n\n");
    // A night makes dozens of revisions: the first and the newest stand here, and all in the appendix.
    let count = record.decisions.len();
    for (position, decision) in record.decisions.iter().enumerate() {
        if position == REVISIONS_SHOWN / 2 && count > REVISIONS_SHOWN {
            text.push_str(&format!("- *{} more revisions stand in the appendix*\n", count - REVISIONS_SHOWN));
        }
        if position < REVISIONS_SHOWN / 2 || position + REVISIONS_SHOWN / 2 >= count {
            text.push_str(&format!(
                "- {} {}.{}: {}. {}\n",
                clock(decision.at_ms),
                decision.incident,
                decision.revision,
                cell(&decision.cause),
                cell(&decision.in_time)
            ));
        }
    }
    let rulings = record.rulings();
    if !rulings.is_empty() {
        text.push_str("\n### What came of it\n\n");
    }
    for ruling in rulings {
        let by = ruling.by.as_ref().map_or_else(|| "the plan, beforehand".to_owned(), |by| record.name(by));
        let agreed: Vec<String> = ruling.approvals.iter().map(|by| record.name(by)).collect();
        let done =
            ruling.done.as_ref().map(|(by, what)| format!("; carried out by {}: {}", record.name(by), cell(what)));
        text.push_str(&format!(
            "{}. {} by {by}, {}: {}{}{} — {}\n",
            ruling.number,
            cell(&ruling.intervention),
            clock(ruling.at_ms),
            cell(&ruling.why),
            if agreed.len() > 1 { format!("; agreed: {}", agreed.join(", ")) } else { String::new() },
            done.unwrap_or_default(),
            ruling.state.in_words()
        ));
    }
    if !record.refused.is_empty() {
        text.push_str("\n### What was not taken\n\n");
    }
    if record.refused.len() > REFUSED_SHOWN {
        let more = record.refused.len() - REFUSED_SHOWN;
        text.push_str(&format!(
            "- *{more} more acts were not taken; `watchfire journal list --kind refused` has them*\n"
        ));
    }
    for refused in record.refused.iter().rev().take(REFUSED_SHOWN).rev() {
        text.push_str(&format!(
            "- not taken, {}: {} by {}: {}\n",
            clock(refused.at_ms),
            cell(&refused.act),
            record.name(&refused.by),
            cell(&refused.why.join("; "))
        ));
    }
}

/// How many revisions of the decision stand before the appendix, how many findings, and how many acts that were refused:
/// what comes before the appendix fits two pages.
const REVISIONS_SHOWN: usize = 8;
const FINDINGS_SHOWN: usize = 12;
const REFUSED_SHOWN: usize = 6;

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

fn spoken(record: &Record, text: &mut String) {
    text.push_str("\n## What was said\n\n");
    let mut any = false;
    for ordered in &record.orders {
        if let Effect::Communicate { audience, text: said, .. } = &ordered.effect {
            any = true;
            text.push_str(&format!("- {} to {}: {}\n", clock(ordered.at_ms), cell(audience), cell(said)));
        }
    }
    if !any {
        text.push_str("Nothing to anybody outside.\n");
    }
}

fn list(text: &mut String, title: &str, lines: &[String]) {
    text.push_str(&format!("\n## {title}\n\n"));
    for line in lines {
        text.push_str(&format!("- {}\n", cell(line)));
    }
    if lines.is_empty() {
        text.push_str("- *(nobody wrote anything down: `watchfire incident note --kind …`)*\n");
    }
}

fn risks(record: &Record, text: &mut String) {
    text.push_str("\n## Risks\n\n");
    for (risk, learned) in &record.incident.risks {
        text.push_str(&format!("- `{}`: {}\n", cell(risk), cell(learned)));
    }
    match (&record.incident.no_change, record.incident.risks.is_empty()) {
        (Some(why), _) => text.push_str(&format!("No risk changed, because {}\n", cell(why))),
        (None, true) => text.push_str("Not said yet: closing asks for it.\n"),
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
