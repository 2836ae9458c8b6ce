//! Each check on a plan that is ready but for one thing: what it finds, at which line, and when it finds nothing.

#![allow(clippy::unwrap_used)]

mod documentation;
mod people;
mod powers;
mod signals;
mod waivers;

use super::{Readiness, readiness};
use crate::diagnostic::Diagnostic;
use crate::plan::moment::Moment;

const READY: &str = include_str!("ready.toml");

/// Noon of a day on which the plan is ready.
pub(super) const NOW: &str = "2026-11-25T12:00:00Z";

/// What is found in a text at a moment.
fn looked_at(text: &str, now: &str) -> Readiness {
    let now = Moment::of(&now.parse().unwrap()).unwrap();
    readiness(&[("plan.toml".to_owned(), text.to_owned())], now.ms)
}

/// The ready plan with texts replaced, each of which is there once; what replaces nothing is put at the end.
fn edited(edits: &[(&str, &str)]) -> String {
    edits.iter().fold(READY.to_owned(), |text, (old, new)| {
        if old.is_empty() {
            return format!("{text}\n{new}\n");
        }
        assert_eq!(text.matches(old).count(), 1, "`{old}` is there once");
        text.replace(old, new)
    })
}

/// A finding by its code, the line that it stands at, its key and message.
fn line(found: &Diagnostic, text: &str) -> String {
    let at = text.lines().nth(found.line - 1).unwrap_or_default();
    format!("{} at `{at}`: {}: {}", found.code, found.key, found.message)
}

fn check(edits: &[(&str, &str)], expected: &[&str]) {
    check_at(NOW, edits, expected);
}

fn check_at(now: &str, edits: &[(&str, &str)], expected: &[&str]) {
    let text = edited(edits);
    let found: Vec<String> = looked_at(&text, now).found.iter().map(|found| line(found, &text)).collect();
    assert_eq!(found, expected, "with {edits:?}");
}

#[test]
fn a_plan_that_is_ready_has_no_findings() {
    check(&[], &[]);
}

#[test]
fn a_plan_that_does_not_load_is_told_of_that_alone() {
    let text = edited(&[("interventions = [\"freeze\"]", "interventions = [\"freze\"]")]);
    let found = looked_at(&text, NOW).found;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].code.as_str(), found[0].is_error()), ("", true), "{found:?}");
}

#[test]
fn a_finding_says_where_why_and_what_to_do() {
    let text = edited(&[("interventions = [\"freeze\"]", "interventions = []")]);
    let found = looked_at(&text, NOW).found;
    assert_eq!(
        found[0].to_string(),
        "plan.toml:109:17: error WF-E01: signal.drift.interventions: nothing is done about it; map at least one \
         intervention, off-chain ones included"
    );
    assert_eq!(found[0].why, "An alarm that nothing can be done about is a way of learning about a loss.");
}

#[test]
fn findings_are_in_order_of_file_and_line() {
    let files = [
        ("b.toml".to_owned(), edited(&[("interventions = [\"freeze\"]", "interventions = []")])),
        ("a.toml".to_owned(), "[person.dee]\nname = \"Dee\"\n".to_owned()),
    ];
    let now = Moment::of(&NOW.parse().unwrap()).unwrap();
    let found: Vec<String> =
        readiness(&files, now.ms).found.iter().map(|found| format!("{} {}", found.file, found.code)).collect();
    assert_eq!(found, ["a.toml WF-E08", "a.toml WF-W04", "b.toml WF-E01"]);
}
