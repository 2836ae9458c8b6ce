//! People are paged again: whoever had it too, each told why, and what was seen late is said to be so.
#![allow(clippy::unwrap_used)]

mod common;

use common::night::{DAY_MS, HARBOR, Night, OUTFLOW, PRICE, Sign};
use watchfire_response::desk::Input;
use watchfire_response::due::Due;
use watchfire_response::effect::{Effect, Notice};
use watchfire_response::fact::Delivery;
use watchfire_response::operator::Deed;
use watchfire_response::timeline::EntryKind;

/// Texts of the pages to a person since a moment.
fn pages(night: &Night, person: &str, from_ms: u64) -> Vec<String> {
    let page = |one: watchfire_response::effect::Ordered| match one.effect {
        Effect::Page { person: who, text, .. } if who == person && one.at_ms >= from_ms => Some(text),
        _ => None,
    };
    night.orders().into_iter().filter_map(page).collect()
}

#[test]
fn who_had_it_is_paged_again_on_call_or_not_and_told_why() {
    let mut night = Night::under(HARBOR, DAY_MS);
    night.find(&Sign { condition: "price", ..PRICE });
    let first = pages(&night, "ana", DAY_MS);
    assert!(first.len() == 1 && !first[0].contains("again"), "{first:?}");
    // Dana is of no step that was reached, and answers.
    night.act("dana", 1, Deed::Ack).unwrap();
    night.wait_s(200);
    let grew_ms = night.now_ms;
    night.find(&Sign { amount: 100_000, condition: "out", ..OUTFLOW });
    for person in ["ana", "dana"] {
        let again = pages(&night, person, grew_ms);
        assert_eq!(again.len(), 1, "{person}: {again:?}");
        assert!(again[0].contains("paged again as another asset or chain is concerned"), "{again:?}");
    }
    // Nobody answers: the next step is told why as well.
    night.wait_s(301);
    assert!(
        pages(&night, "chidi", grew_ms)[0].contains("paged again as another asset"),
        "{:?}",
        pages(&night, "chidi", 0)
    );
}

#[test]
fn whoever_says_again_that_they_have_it_is_noted_and_nobody_is_told() {
    let mut night = Night::under(HARBOR, DAY_MS);
    night.find(&OUTFLOW);
    night.act("ana", 1, Deed::Ack).unwrap();
    night.wait_s(60);
    let told = night.orders().len();
    night.act("ana", 1, Deed::Ack).unwrap();
    assert_eq!(night.orders().len(), told);
    assert_eq!(night.timeline(1).iter().filter(|entry| entry.kind == EntryKind::Acked).count(), 2);
    let lapses = night.desk.dues().find(|(_, _, due)| **due == Due::Unack).map(|(at_ms, ..)| at_ms);
    assert_eq!(lapses, Some(night.now_ms + 1_800_000), "it lasts from now on");
    night.act("dana", 1, Deed::Ack).unwrap();
    assert!(night.orders().len() > told, "another person has it now");
}

#[test]
fn who_had_it_and_is_on_call_is_paged_once() {
    let mut night = Night::under(HARBOR, DAY_MS);
    night.find(&Sign { condition: "price", ..PRICE });
    night.act("ana", 1, Deed::Ack).unwrap();
    night.wait_s(200);
    let grew_ms = night.now_ms;
    night.find(&Sign { amount: 100_000, condition: "out", ..OUTFLOW });
    assert_eq!(pages(&night, "ana", grew_ms).len(), 1);
}

#[test]
fn what_was_seen_late_says_so_and_has_less_time_left() {
    let mut in_time = Night::under(HARBOR, DAY_MS);
    in_time.find(&OUTFLOW);
    let mut night = Night::under(HARBOR, DAY_MS);
    let mut finding = night.make(&OUTFLOW);
    finding.time_ms -= 600_000;
    night.step(Input::Finding(&finding));
    let said = |night: &Night| pages(night, "ana", DAY_MS).remove(0);
    assert!(said(&night).contains("it began 10 min before it was seen"), "{}", said(&night));
    assert!(!said(&in_time).contains("before it was seen"));
    let of = |night: &Night| night.decisions().remove(0).in_time;
    assert_ne!(of(&night), of(&in_time), "ten minutes of the harm are gone");
    assert_eq!(night.incident(1).seen_late_s(), Some(600));
}

#[test]
fn whoever_is_paged_by_a_service_that_stops_is_paged_by_it_again() {
    let stopped = |scheme: &str| Delivery::stopped(1, scheme.into(), "U1 acknowledged it by channel pager".into());
    let mut night = Night::under(HARBOR, DAY_MS);
    night.find(&OUTFLOW);
    assert_eq!(pages(&night, "ana", DAY_MS).len(), 1);
    night.wait_s(10);
    let at_ms = night.now_ms;
    night.step(Input::Delivery(&stopped("signal")));
    assert!(pages(&night, "ana", at_ms).is_empty(), "she was called, which goes on");
    night.step(Input::Delivery(&stopped("phone")));
    let again = pages(&night, "ana", at_ms);
    assert!(again.len() == 1 && again[0].contains("paged again as U1 acknowledged it by channel pager"), "{again:?}");
    let said = night.orders().into_iter().filter(|one| {
        matches!(&one.effect, Effect::Notify { what: Notice::Unreached, text, .. } if text.contains("that is no answer"))
    });
    assert_eq!(said.count(), 2);
    assert_eq!(night.timeline(1).iter().filter(|entry| entry.kind == EntryKind::Stopped).count(), 2);
    // The step goes on as if nobody had answered.
    night.wait_s(301);
    assert!(!pages(&night, "chidi", at_ms).is_empty());
    // Once somebody has it, a service may be quiet.
    night.act("ana", 1, Deed::Ack).unwrap();
    let orders = night.orders().len();
    night.step(Input::Delivery(&stopped("phone")));
    assert_eq!(night.orders().len(), orders);
}
