//! The post-incident record of an incident from its first sign to its closure.
#![allow(clippy::unwrap_used)]

mod common;

use alloy_primitives::B256;
use common::night::{DAY_MS, HARBOR, Night, OUTFLOW, PRICE, Sign};
use watchfire_response::decision::{Decision, Ruling};
use watchfire_response::effect::Effect;
use watchfire_response::finding::Finding;
use watchfire_response::incident::IncidentState;
use watchfire_response::operator::{Deed, NoteKind};
use watchfire_response::record::{Record, RefusedAct, markdown, markdown_short, ocsf};
use watchfire_response::timeline::{EntryKind, TimelineEntry};

/// Ana pauses, is refused once, and the incident is closed.
fn closed() -> Record {
    let mut night = Night::under(HARBOR, DAY_MS);
    let found: Vec<Finding> = [Sign { amount: 500, ..OUTFLOW }, PRICE].iter().map(|sign| night.make(sign)).collect();
    for finding in &found {
        night.step(watchfire_response::desk::Input::Finding(finding));
    }
    night.wait_s(60);
    night.act("ana", 1, Deed::Ack).unwrap();
    night.act("ana", 1, Deed::Declare).unwrap();
    assert!(night.decide("ana", 1, "freeze-borrowing").is_err());
    night.wait_s(60);
    night.act("ana", 1, Deed::Done { ruling: 1, by_what: "0xabc".into() }).unwrap();
    night.act("bo", 1, Deed::Confirm { ruling: 1, why: "paused() is true".into() }).unwrap();
    let lucky = "Ana was at her desk | by chance".to_owned();
    night.act("ana", 1, Deed::Note { text: lucky, kind: NoteKind::Lucky }).unwrap();
    let said = Deed::Communicate { communication: "users".into(), text: "We look into {title}.".into(), last: true };
    night.act("chidi", 1, said).unwrap();
    night.act("dana", 1, Deed::ApproveText { communication: "users".into() }).unwrap();
    night.act("chidi", 1, Deed::Reverse { ruling: 1, why: "mended".into() }).unwrap();
    if night.state(1) == IncidentState::Active {
        night.act("dana", 1, Deed::Resolve { state: IncidentState::Contained, why: "it stopped".into() }).unwrap();
    }
    let risks = vec![("oracle-lag".to_owned(), "no second source".to_owned())];
    night.act("dana", 1, Deed::Close { risks, no_change: None, holds: Some("seen".into()) }).unwrap();
    let plan = night.desk.plan().cloned();
    let mut record = Record::of(night.incident(1), plan);
    night.told.iter().for_each(|(at_ms, outcome)| record.hear(outcome.clone(), *at_ms));
    found.iter().for_each(|finding| record.find(finding, &Default::default()));
    record
}

#[test]
fn a_report_tells_what_was_done_and_what_was_not() {
    let report = markdown(&closed());
    for part in [
        "# Incident 1: Funds leave the vault: “outflow says so”",
        "critical, closed:",
        "| answered | 2026-11-02T12:01:00Z | 1 min |",
        "| contained | 2026-11-02T12:02:00Z | 2 min |",
        "| lost or moved | 500 of eth, in its smallest unit |",
        "the chain holds up to 0x",
        "| pause-vault **(taken)** | denied |",
        "| freeze-borrowing | needs | 2 |",
        "1. pause-vault by the plan, beforehand",
        "carried out by Ana: 0xabc",
        "- not taken, 2026-11-02T12:01:00Z: decide by Ana:",
        "to users: We look into Funds leave the vault: “outflow says so”.",
        "- Every deadline fired at its time",
        "- Ana was at her desk \\| by chance (Ana)",
        "- `oracle-lag`: no second source",
        "| 1 | 2026-11-02T12:00:00Z | opened |",
    ] {
        assert!(report.contains(part), "`{part}` is missing in\n{report}");
    }
    assert_eq!(report, markdown(&closed()), "it is the same every time");
}

/// How many lines of 100 columns a text takes on paper.
fn paper(text: &str) -> usize {
    text.lines().map(|line| line.chars().count().div_ceil(100).max(1)).sum()
}

#[test]
fn whatever_happened_two_pages_come_before_the_appendix() {
    let mut record = closed();
    let long = |what: &str, number: usize| format!("{what} {number} {}", "and so it went on ".repeat(20));
    let (finding, decision, entry) =
        (record.findings[0].clone(), record.decisions[0].clone(), record.timeline[0].clone());
    let ruling = record.rulings()[0].clone();
    let said = record.orders.iter().find(|one| matches!(one.effect, Effect::Communicate { .. })).unwrap().clone();
    for number in 0..60 {
        let mut finding = finding.clone();
        finding.claim.title = long("finding", number);
        finding.claim.transactions = vec![B256::with_last_byte(number as u8); 5];
        record.findings.push(finding);
        record.decisions.push(Decision { cause: long("cause", number), ..decision.clone() });
        record.standing.push(Ruling { why: long("ruling", number), ..ruling.clone() });
        for kind in [EntryKind::Well, EntryKind::Badly, EntryKind::Lucky] {
            record.timeline.push(TimelineEntry { kind, text: long("note", number), ..entry.clone() });
        }
        let why = vec![long("refusal", number)];
        record.refused.push(RefusedAct { at_ms: DAY_MS, by: "ana".into(), act: "decide".into(), why });
        let mut said = said.clone();
        if let Effect::Communicate { text, .. } = &mut said.effect {
            *text = long("word", number);
        }
        record.orders.push(said);
        record.incident.loss.insert(format!("asset-{number}"), 7);
        record.incident.risks.insert(format!("risk-{number}"), long("risk", number));
    }
    let (short, report) = (markdown_short(&record), markdown(&record));
    // Two pages of 66 lines, as printers count.
    assert!(paper(&short) <= 2 * 66, "{} lines\n{short}", paper(&short));
    assert!(report.starts_with(&short) && !short.contains("# Appendix"));
    let appendix = report.split("\n# Appendix\n").nth(1).unwrap();
    for what in ["finding 31", "cause 31", "ruling 31", "note 31", "refusal 31", "word 31", "asset-31", "risk 31"] {
        assert!(!short.contains(what) && appendix.contains(what), "`{what}`\n{short}");
    }
}

#[test]
fn machines_get_an_incident_finding() {
    let event = ocsf(&closed());
    // What the schema needs of class 2005, and one of `assignee` and `assignee_group`.
    for (key, expected) in [
        ("activity_id", 3),
        ("category_uid", 2),
        ("class_uid", 2005),
        ("type_uid", 200_503),
        ("severity_id", 5),
        ("status_id", 5),
    ] {
        assert_eq!(event[key], expected, "{key}");
    }
    assert_eq!(event["assignee"]["name"], "Ana");
    assert_eq!(event["start_time"], DAY_MS);
    assert_eq!(event["finding_info_list"].as_array().unwrap().len(), 2);
    assert!(event["finding_info_list"][0]["uid"].is_string() && event["metadata"]["product"]["name"] == "Watchfire");
    assert_eq!(event["unmapped"]["loss"]["eth"], "500");
}

#[test]
fn an_open_incident_has_a_record_too() {
    let mut night = Night::under(HARBOR, DAY_MS);
    night.find(&OUTFLOW);
    let mut record = Record::of(night.incident(1), None);
    night.told.iter().for_each(|(at_ms, outcome)| record.hear(outcome.clone(), *at_ms));
    let (report, event) = (markdown(&record), ocsf(&record));
    assert!(report.contains("| ended | never |") && report.contains("Not said yet: closing asks for it."), "{report}");
    assert_eq!((&event["activity_id"], &event["status_id"]), (&2.into(), &1.into()));
    assert!(event["assignee_group"]["name"].is_string() && event["assignee"].is_null());
}
