//! What became of what went out: first the pages that did not arrive, in full each delivery.

use serde_json::{Value, json};

use super::lines::{BAD, heading, say, width, wrapped};
use crate::deliver::pretty::clock;
use crate::effect::{Effect, Ordered};
use crate::plan::Plan;
use crate::record::Record;

/// Most pages that are named while the rest is asked for.
const NAMED: usize = 6;

/// How the record begins to say that something did not arrive.
const LOST: &str = "NOT delivered";
/// What is said of an effect of which nothing was heard.
const SILENT: &str = "nothing was heard of it yet";

/// Says which pages did not arrive, the newest first, and how many did.
pub(super) fn pages(record: &Record, plan: &Plan) {
    let is_page = |one: &&Ordered| matches!(one.effect, Effect::Page { .. }) && one.goes_out();
    let pages: Vec<&Ordered> = record.orders.iter().filter(is_page).collect();
    let count = |begins: &str| pages.iter().filter(|one| is_so(record, one, begins)).count();
    let (lost, arrived) = (count(LOST), count("arrived"));
    if lost == 0 {
        return;
    }
    heading("Pages that did not arrive");
    for one in pages.iter().rev().filter(|one| is_so(record, one, LOST)).take(NAMED) {
        line(record, plan, one);
    }
    let silent = pages.len() - lost - arrived;
    say(
        &format!("of {} pages {lost} did not arrive, {arrived} did, and of {silent} nothing was heard", pages.len()),
        2,
        4,
    );
}

/// Says what became of each effect that went out, or was to.
pub(super) fn each(record: &Record, plan: &Plan) {
    heading("Deliveries");
    record.orders.iter().filter(|one| one.goes_out()).for_each(|one| line(record, plan, one));
}

/// The same for programs.
pub(super) fn told(record: &Record) -> Vec<Value> {
    let going = record.orders.iter().filter(|one| one.goes_out());
    let told = going.map(|one| {
        let (person, channel) = match &one.effect {
            Effect::Page { person, channel, .. } => (Some(person), Some(channel)),
            _ => (None, None),
        };
        json!({
            "key": one.key, "at_ms": one.at_ms, "effect": one.effect.kind(), "person": person, "channel": channel,
            "state": record.deliveries.get(&one.key),
        })
    });
    told.collect()
}

fn is_so(record: &Record, one: &Ordered, begins: &str) -> bool {
    record.deliveries.get(&one.key).is_some_and(|state| state.starts_with(begins))
}

fn line(record: &Record, plan: &Plan, one: &Ordered) {
    let what = match &one.effect {
        Effect::Page { person, channel, .. } => format!("page to {} by {channel}", plan.name(person)),
        other => other.kind().to_owned(),
    };
    let state = record.deliveries.get(&one.key).map_or(SILENT, String::as_str);
    let text = wrapped(&format!("{} {what}: {state}", clock(one.at_ms)), 2, 4, width());
    match state.starts_with(LOST) {
        true => anstream::println!("{BAD}{text}{BAD:#}"),
        false => anstream::println!("{text}"),
    }
}
