//! What `docs/plan.md` says under "How it decides" and no other test looks at.
#![allow(clippy::unwrap_used)]

mod common;

use common::night::{DAY_MS, HARBOR, Night, OUTFLOW, PRICE, Sign};
use watchfire_response::decision::RulingState;
use watchfire_response::effect::Effect;
use watchfire_response::finding::Severity;
use watchfire_response::incident::IncidentState;
use watchfire_response::operator::Deed;

/// Harbor with its pause carried out.
fn paused(text: &str) -> Night {
    let mut night = Night::under(text, DAY_MS);
    night.find(&OUTFLOW);
    night.find(&PRICE);
    let ruling = night.desk.rulings(1).iter().find(|one| one.intervention == "pause-vault").unwrap().number;
    night.act("ana", 1, Deed::Done { ruling, by_what: "0xabc".into() }).unwrap();
    night
}

fn state_of_pause(night: &Night) -> RulingState {
    night.desk.rulings(1).iter().find(|one| one.intervention == "pause-vault").unwrap().state
}

/// Whom reminders since a moment went to, with their text.
fn reminders(night: &Night, from_ms: u64) -> Vec<(Vec<String>, String)> {
    let remind = |one: watchfire_response::effect::Ordered| match one.effect {
        Effect::Remind { whom, text, .. } if one.at_ms >= from_ms => Some((whom, text)),
        _ => None,
    };
    night.orders().into_iter().filter_map(remind).collect()
}

#[test]
fn where_nobody_is_paged_those_who_lead_are_reminded_each_day() {
    let (before, rest) = HARBOR.split_once("[escalation.critical]").unwrap();
    let (_, after) = rest.split_once("[authority.guardian-key]").unwrap();
    let mut night = Night::under(&format!("{before}[authority.guardian-key]{after}"), DAY_MS);
    night.find(&OUTFLOW);
    assert!(night.pages_since(DAY_MS).is_empty());
    for day in 1..=2 {
        night.wait_s(86_400);
        let said: Vec<_> = reminders(&night, DAY_MS)
            .into_iter()
            .filter(|(_, text)| text.contains("nobody has looked at it"))
            .collect();
        assert_eq!(said.len(), day, "{said:?}");
        assert_eq!(said[0].0, ["dana"]);
    }
}

#[test]
fn who_has_what_is_contained_is_reminded_and_keeps_it() {
    let mut night = Night::under(HARBOR, DAY_MS);
    night.find(&OUTFLOW);
    night.act("dana", 1, Deed::Ack).unwrap();
    night.act("dana", 1, Deed::Resolve { state: IncidentState::Contained, why: "it stopped".into() }).unwrap();
    // A word that is overdue pages those who owe it; the ladder pages nobody.
    let pages = |night: &Night| night.pages_since(DAY_MS).iter().filter(|(_, who)| who != "chidi").count();
    let (now_ms, before) = (night.now_ms, pages(&night));
    night.wait_s(1_801);
    let said = reminders(&night, now_ms);
    assert!(said.iter().any(|(whom, text)| whom == &["dana"] && text.contains("contained and open")), "{said:?}");
    assert_eq!(pages(&night), before, "nothing burns");
    assert_eq!(night.desk.incidents().next().unwrap().acked_by.as_deref(), Some("dana"));
}

#[test]
fn a_severity_that_was_set_by_hand_may_be_raised_by_what_is_found() {
    let mut night = Night::under(HARBOR, DAY_MS);
    night.find(&Sign { severity: Severity::High, ..OUTFLOW });
    night.act("dana", 1, Deed::Grade { severity: Severity::Medium, why: "little is left".into() }).unwrap();
    assert_eq!(night.incident(1).severity, Severity::Medium);
    night.find(&Sign { condition: "more", ..OUTFLOW });
    assert_eq!(night.incident(1).severity, Severity::Critical);
}

#[test]
fn what_ends_by_itself_is_over_then() {
    let ends = HARBOR.replacen(
        "reversal = { who = \"council\", latency_s = 600 }",
        "reversal = { who = \"council\", latency_s = 600, expires_s = 900 }",
        1,
    );
    let mut night = paused(&ends);
    night.wait_s(899);
    assert_eq!(state_of_pause(&night), RulingState::Done);
    night.wait_s(2);
    assert_eq!(state_of_pause(&night), RulingState::Reversed);
}

#[test]
fn what_lasts_too_long_is_asked_back_each_hour_until_somebody_says_that_it_is() {
    let mut night = paused(HARBOR);
    let asked = |night: &Night| night.orders().iter().filter(|one| matches!(one.effect, Effect::Revert { .. })).count();
    night.wait_s(7_199);
    assert_eq!(asked(&night), 0);
    night.wait_s(2);
    assert_eq!(asked(&night), 1);
    night.wait_s(3_600);
    assert_eq!(asked(&night), 2);
    let ruling = night.desk.rulings(1).iter().find(|one| one.intervention == "pause-vault").unwrap().number;
    night.act("chidi", 1, Deed::Reverse { ruling, why: "mended".into() }).unwrap();
    night.wait_s(20_000);
    assert_eq!(asked(&night), 2);
}

#[test]
fn during_a_blackout_nobody_undoes_it() {
    let blackout = "max_duration_s = 7_200, blackouts = [{ from = 2026-11-02T13:00:00Z, until = 2026-11-02T13:30:00Z, why = \"a vote\" }]";
    let mut night = paused(&HARBOR.replacen("max_duration_s = 7_200", blackout, 1));
    let ruling = night.desk.rulings(1).iter().find(|one| one.intervention == "pause-vault").unwrap().number;
    let undo = || Deed::Reverse { ruling, why: "mended".into() };
    night.wait_s(3_700);
    let why = night.act("chidi", 1, undo()).unwrap_err();
    assert!(why.contains("a vote"), "{why}");
    night.wait_s(1_800);
    night.act("chidi", 1, undo()).unwrap();
    assert_eq!(state_of_pause(&night), RulingState::Reversed);
}

#[test]
fn what_forbids_an_intervention_is_said_with_the_reason() {
    let check = |text: &str, signs: &[Sign], intervention: &str, expected: &str| {
        let mut night = Night::under(text, DAY_MS);
        for sign in signs {
            night.find(sign);
        }
        let answer = night.answer(1, intervention);
        assert!(answer.starts_with(expected), "{answer}\nand not\n{expected}");
    };
    let scoped = HARBOR.replacen("reaction_s = 12\n", "reaction_s = 12\nscope = { subjects = [\"pool\"] }\n", 1);
    let many = HARBOR.replace("quorum = 2", "quorum = 4");
    check(
        HARBOR,
        &[Sign { chain: 2, ..OUTFLOW }],
        "pause-vault",
        "denied: it acts on chain 1, and the incident is on chain 2",
    );
    check(&scoped, &[OUTFLOW], "pause-vault", "denied: it is for pool");
    check(HARBOR, &[Sign { severity: Severity::High, ..OUTFLOW }], "pause-vault", "denied: it takes severity critical");
    check(&many, &[OUTFLOW], "freeze-borrowing", "denied: 4 of `council` must agree");
    assert!(paused(HARBOR).answer(1, "pause-vault").starts_with("denied: it is in effect since"));
}

#[test]
fn what_keeps_automation_back_leaves_it_to_people() {
    let check = |text: &str, expected: &str| {
        let mut night = Night::under(text, DAY_MS);
        night.find(&OUTFLOW);
        night.find(&PRICE);
        let answer = night.answer(1, "pause-vault");
        assert!(answer.starts_with("needs: ") && answer.contains(expected), "{answer}\nwithout\n{expected}");
        night.decide("ana", 1, "pause-vault").unwrap();
    };
    let asks = HARBOR.replacen("reaction_s = 12\n", "reaction_s = 12\nprerequisites = [\"ask the team\"]\n", 1);
    check(&asks, "first make sure: ask the team");
    check(&HARBOR.replace("verified_at = 2026-11-01", "verified_at = 2026-01-01"), "nobody has made sure lately");
    let mut alone = Night::under(HARBOR, DAY_MS);
    alone.find(&OUTFLOW);
    let answer = alone.answer(1, "pause-vault");
    assert!(answer.contains("only 1 of the 2 sources agree so far"), "{answer}");
    alone.decide("ana", 1, "pause-vault").unwrap();
}

#[test]
fn of_what_is_on_no_chain_a_person_makes_sure() {
    let mut night = Night::under(HARBOR, DAY_MS);
    let mut finding = night.make(&OUTFLOW);
    finding.block = None;
    night.step(watchfire_response::desk::Input::Finding(&finding));
    assert!(night.answer(1, "pause-vault").contains("no finding says which chain is concerned"));
}

#[test]
fn it_is_decided_anew_only_if_what_the_decision_stands_on_changed() {
    let mut night = Night::under(HARBOR, DAY_MS);
    night.find(&OUTFLOW);
    night.find(&OUTFLOW);
    night.find(&Sign { condition: "more", ..OUTFLOW });
    assert_eq!(night.decisions().len(), 1, "no graver, by no other source, with no other answer");
    night.find(&PRICE);
    assert_eq!(night.decisions().len(), 2);
    night.act("dana", 1, Deed::Ack).unwrap();
    assert_eq!(night.decisions().len(), 3, "a person acted");
}
