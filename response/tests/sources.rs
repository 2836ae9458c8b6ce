//! Whose word counts beside whose: one component is one source whatever its ids, whoever hears others is none beside them, and
//! what nodes don't agree on moves no automation.
#![allow(clippy::unwrap_used)]

mod common;

use alloy_primitives::B256;
use common::night::{DAY_MS, HARBOR, Night, OUTFLOW, PRICE, Sign};
use watchfire_response::desk::Input;

/// Each detector, the component that runs as it, and whether it hears others.
fn night_of(runs: &[(&str, u8, bool)]) -> Night {
    let mut night = Night::under(HARBOR, DAY_MS);
    for (detector, component, listens) in runs {
        night.step(Input::Runs { detector, component: Some((B256::repeat_byte(*component), *listens)) });
    }
    night
}

fn check(runs: &[(&str, u8, bool)], sources: &[&str]) {
    for pair in [[&OUTFLOW, &PRICE], [&PRICE, &OUTFLOW]] {
        let mut night = night_of(runs);
        for sign in pair {
            night.find(sign);
        }
        let came = night.incident(1).sources;
        // Of several that are one, whoever spoke first gives the name.
        assert_eq!(came.len(), sources.len(), "{runs:?}: {came:?}");
        let answer = night.answer(1, "pause-vault");
        match sources.len() {
            2 => assert_eq!(answer, "permitted", "{runs:?}"),
            _ => assert!(answer.contains("only 1 of the 2 sources agree"), "{runs:?}: {answer}"),
        }
        assert!(!night.pages_since(DAY_MS).is_empty(), "people hear of it all the same");
    }
}

#[test]
fn one_component_is_one_source_whatever_its_ids() {
    check(&[], &["outflow", "price"]);
    check(&[("outflow", 1, false), ("price", 2, false)], &["outflow", "price"]);
    check(&[("outflow", 1, false), ("price", 1, false)], &["outflow"]);
}

#[test]
fn whoever_hears_others_is_no_source_beside_them() {
    check(&[("outflow", 1, false), ("price", 2, true)], &["outflow"]);
    check(&[("outflow", 1, true), ("price", 2, true)], &["outflow"]);
}

#[test]
fn what_is_taken_back_is_what_was_taken_in_whatever_runs_by_then() {
    let mut night = night_of(&[("outflow", 1, false), ("price", 1, false)]);
    let first = night.find(&OUTFLOW);
    night.find(&PRICE);
    assert_eq!(night.incident(1).sources, ["outflow"]);
    night.step(Input::Runs { detector: "outflow", component: Some((B256::repeat_byte(9), true)) });
    night.take_back(first);
    assert_eq!(night.incident(1).sources, ["price"]);
}

#[test]
fn whoever_counts_for_nothing_is_held_to_its_budget() {
    let tight = HARBOR.replace("name = \"Harbor\"", "name = \"Harbor\"\nconditions_per_hour = 3");
    let mut night = Night::under(&tight, DAY_MS);
    for detector in ["outflow", "price"] {
        night.step(Input::Runs { detector, component: Some((B256::repeat_byte(1), false)) });
    }
    night.find(&OUTFLOW);
    for key in ["a", "b", "c", "d", "e", "f"] {
        night.find(&Sign { condition: key, ..PRICE });
    }
    night.wait_s(120);
    assert!(night.incident(1).uncounted > 0, "{:?}", night.incident(1));
}

#[test]
fn automation_waits_for_nodes_to_agree_and_people_do_not() {
    let mut night = Night::under(&HARBOR.replace("{ sources = 2 }", "{ sources = 2, agreed_blocks = true }"), DAY_MS);
    // In blocks 1 and 2.
    night.find(&OUTFLOW);
    night.find(&PRICE);
    assert!(!night.pages_since(DAY_MS).is_empty(), "people hear of it at once");
    let waits = |night: &Night| {
        let answer = night.answer(1, "pause-vault");
        assert!(answer.contains("too few nodes of different operators name the blocks"), "{answer}");
    };
    waits(&night);
    night.step(Input::Agreed { chain: 2, number: 100 });
    waits(&night);
    // One of the two sources is in a block that nobody else has.
    night.step(Input::Agreed { chain: 1, number: 1 });
    waits(&night);
    night.step(Input::Agreed { chain: 1, number: 2 });
    assert_eq!(night.answer(1, "pause-vault"), "permitted");
    assert!(night.decisions().last().unwrap().cause.contains("nodes agree on chain 1 up to block 2"));
    // What comes on top, and is not agreed on yet, takes nothing back.
    night.find(&Sign { condition: "more", ..OUTFLOW });
    assert_eq!(night.answer(1, "pause-vault"), "permitted");
    // The blocks left, and others came in their place: what was agreed on says nothing of them.
    night.step(Input::Reverted { chain: 1, above: 0 });
    night.find(&Sign { condition: "again", ..OUTFLOW });
    waits(&night);
}

#[test]
fn a_severity_that_only_unagreed_blocks_bring_moves_nothing() {
    use watchfire_response::finding::Severity;
    let text = HARBOR.replace("{ sources = 2 }", "{ sources = 1, agreed_blocks = true }");
    let mut night = Night::under(&text, DAY_MS);
    night.find(&Sign { severity: Severity::Medium, ..OUTFLOW });
    night.step(Input::Agreed { chain: 1, number: 1 });
    assert_ne!(night.answer(1, "pause-vault"), "permitted");
    // A forged block makes it critical.
    night.find(&Sign { condition: "forged", ..OUTFLOW });
    assert_ne!(night.answer(1, "pause-vault"), "permitted");
    night.step(Input::Agreed { chain: 1, number: 2 });
    assert_eq!(night.answer(1, "pause-vault"), "permitted");
}
