//! What a tired or malicious insider, a cheap alarm or a rehearsal can't do to the response.
#![allow(clippy::unwrap_used)]

mod common;

use common::night::{DAY_MS, HARBOR, Night, OUTFLOW, PRICE, Sign};
use watchfire_response::effect::Effect;
use watchfire_response::finding::Severity;
use watchfire_response::incident::IncidentState;
use watchfire_response::operator::{Act, Deed, NoteKind};
use watchfire_response::plan::Plan;

/// Harbor, with somebody who only speaks to users.
fn with_intern() -> String {
    HARBOR.replace("members = [\"chidi\"]", "members = [\"chidi\", \"eve\"]").replace(
        "[role.guardian]",
        "[person.eve]\nname = \"Eve\"\nchannels = { urgent = [\"phone:9\"] }\n\n[role.guardian]",
    )
}

/// Two sources agree that funds leave: pausing is permitted beforehand.
fn drain(text: &str) -> Night {
    let mut night = Night::under(text, DAY_MS);
    night.find(&OUTFLOW);
    night.find(&PRICE);
    assert_eq!(night.answer(1, "pause-vault"), "permitted");
    night
}

fn why() -> String {
    "it looks like a test".to_owned()
}

#[test]
fn each_act_asks_for_a_role_and_says_which() {
    let mut night = drain(&with_intern());
    let runs = "Eve neither leads nor decides here: it takes `lead` or `council` or `guardian`";
    let silence = |night: &Night| Deed::Silence { until_ms: night.now_ms + 60_000, why: why() };
    let check = |night: &mut Night, deed: Deed, expected: &str| {
        let refused = night.act("eve", 1, deed.clone()).unwrap_err();
        assert!(refused.contains(expected), "{}: {refused}", deed.name());
    };
    check(&mut night, Deed::Grade { severity: Severity::Info, why: why() }, runs);
    check(&mut night, Deed::FalsePositive { why: why() }, runs);
    check(&mut night, Deed::Resolve { state: IncidentState::Contained, why: why() }, runs);
    check(&mut night, Deed::Close { risks: Vec::new(), no_change: Some(why()), holds: None }, runs);
    let quiet = silence(&night);
    check(&mut night, quiet, runs);
    night.find(&Sign { chain: 2, ..OUTFLOW });
    check(&mut night, Deed::Merge { into: 2 }, runs);
    check(&mut night, Deed::Second { motion: 1 }, runs);
    check(&mut night, Deed::Take { role: "lead".into(), person: Some("dana".into()) }, runs);
    check(&mut night, Deed::Ack, "Eve is not paged for incident 1");
    check(
        &mut night,
        Deed::Done { ruling: 1, by_what: "0x00".into() },
        "Eve is not of `guardian`, which carries pause-vault out by `guardian-key`; Ana, Bo may",
    );
    night.act("ana", 1, Deed::Done { ruling: 1, by_what: "0xabc".into() }).unwrap();
    check(&mut night, Deed::Confirm { ruling: 1, why: "I looked".into() }, "Eve is not paged for incident 1");
    night.follow(&with_intern().replace("window_s = 3600", "window_s = 3601"));
    check(&mut night, Deed::Adopt, runs);
    // What alarms or writes down, everybody of the plan may.
    for deed in [Deed::Declare, Deed::Note { text: "seen".into(), kind: NoteKind::Note }] {
        night.act("eve", 1, deed).unwrap();
    }
}

#[test]
fn whoever_only_speaks_keeps_nobody_from_being_paged() {
    let mut night = drain(&with_intern());
    night.act("eve", 1, Deed::Take { role: "press".into(), person: None }).unwrap();
    assert_eq!(night.incident(1).acked_by, None, "taking a role that is not paged is no answer");
    night.act("ana", 1, Deed::Ack).unwrap();
    let asked_ms = night.now_ms;
    for _ in 0..4 {
        night.wait_s(600);
        let note = Deed::Note { text: "all is well".into(), kind: NoteKind::Note };
        night.act("eve", 1, note).unwrap();
    }
    assert!(!night.pages_since(asked_ms).is_empty(), "nothing was heard of Ana for half an hour");
}

#[test]
fn who_carried_it_out_does_not_say_that_it_works() {
    let mut night = drain(HARBOR);
    night.act("ana", 1, Deed::Done { ruling: 1, by_what: "0xabc".into() }).unwrap();
    let confirm = || Deed::Confirm { ruling: 1, why: "paused() is true".into() };
    let refused = night.act("ana", 1, confirm()).unwrap_err();
    assert!(refused.starts_with("Ana carried it out, and another human says whether it works; "), "{refused}");
    night.act("bo", 1, confirm()).unwrap();
    assert_eq!(night.state(1), IncidentState::Contained);
}

/// Asks for an act that takes a second human. The pause stands until one agrees, and falls then.
#[track_caller]
fn check_second(deed: &Deed, is_over: bool) {
    let mut night = drain(HARBOR);
    if matches!(deed, Deed::Merge { .. }) {
        night.find(&Sign { chain: 2, ..OUTFLOW });
    }
    if *deed == Deed::Adopt {
        night.follow(&HARBOR.replace("verified_at = 2026-11-01", "verified_at = 2025-11-01"));
    }
    night.act("ana", 1, deed.clone()).unwrap();
    assert_eq!(night.answer(1, "pause-vault"), "permitted", "{}", deed.name());
    assert!(night.state(1).is_open(), "{}", deed.name());
    assert!(night.says(1, "pause-vault falls with it, so a second human must agree within 1 h"), "{}", deed.name());
    let told = night.orders().into_iter().any(|one| match one.effect {
        Effect::Remind { whom, text, .. } => {
            text.contains("watchfire incident second 1 1") && !whom.contains(&"ana".to_owned())
        }
        _ => false,
    });
    assert!(told, "{}", deed.name());
    let refused = night.act("ana", 1, Deed::Second { motion: 1 }).unwrap_err();
    assert_eq!(refused, "Ana asked for it, and one human counts once");
    let refused = night.act("dana", 1, deed.clone()).unwrap_err();
    assert_eq!(refused, "Ana has asked for that already: agree by `watchfire incident second 1 1`");
    night.act("dana", 1, Deed::Second { motion: 1 }).unwrap();
    assert_eq!(night.state(1).is_open(), !is_over, "{}", deed.name());
    assert_ne!(night.answer(1, "pause-vault"), "permitted", "{}", deed.name());
}

#[test]
fn what_would_take_a_permitted_intervention_back_takes_a_second_human() {
    check_second(&Deed::Grade { severity: Severity::Info, why: why() }, false);
    check_second(&Deed::FalsePositive { why: why() }, true);
    check_second(&Deed::Merge { into: 2 }, true);
    check_second(&Deed::Adopt, false);
}

#[test]
fn what_takes_nothing_back_takes_one_human() {
    let mut night = Night::under(HARBOR, DAY_MS);
    night.find(&OUTFLOW);
    night.act("dana", 1, Deed::FalsePositive { why: why() }).unwrap();
    assert_eq!(night.state(1), IncidentState::FalsePositive);
    let mut night = drain(HARBOR);
    let wait = Deed::FalsePositive { why: why() };
    night.act("ana", 1, wait.clone()).unwrap();
    night.wait_s(3_601);
    let refused = night.act("dana", 1, Deed::Second { motion: 1 }).unwrap_err();
    assert!(refused.starts_with("nothing of number 1 waits"), "{refused}");
    // A plan with one human has nobody to ask, and says so.
    let alone = common::text("ana").replace("severity = \"critical\"", "");
    let mut night = Night::under(&alone, common::NOW_MS);
    night.find(&OUTFLOW);
    night.act("ana", 1, wait).unwrap();
    assert_eq!(night.state(1), IncidentState::FalsePositive);
    assert!(night.says(1, "the plan has no second human to ask"));
}

#[test]
fn a_silence_by_hand_lasts_a_day_and_ends_where_it_gets_graver() {
    let mut night = Night::under(HARBOR, DAY_MS);
    night.find(&Sign { severity: Severity::High, ..OUTFLOW });
    let silence = |until_ms| Deed::Silence { until_ms, why: "known".into() };
    let refused = night.act("dana", 1, silence(DAY_MS + 100 * 365 * 86_400_000)).unwrap_err();
    assert_eq!(refused, "a silence lasts 1 d at most: say it again then");
    night.act("dana", 1, silence(DAY_MS + 86_400_000)).unwrap();
    let before_ms = night.now_ms + 60_000;
    night.wait_s(60);
    night.find(&Sign { condition: "drained", ..OUTFLOW });
    assert!(!night.pages_since(before_ms).is_empty(), "it is critical now");
}

#[test]
fn a_text_that_nobody_reads_is_refused() {
    let mut night = drain(HARBOR);
    let refused = night.act("ana", 1, Deed::Note { text: "x".repeat(4_001), kind: NoteKind::Note }).unwrap_err();
    assert!(refused.starts_with("a text of 4001 characters is too long"), "{refused}");
    night.act("ana", 1, Deed::Note { text: "é".repeat(4_000), kind: NoteKind::Note }).unwrap();
}

#[test]
fn a_rehearsal_swallows_nothing_that_is_meant_in_earnest() {
    let rehearsal = HARBOR.replace("name = \"Harbor\"", "name = \"Harbor\"\ndry_run = true");
    let mut night = drain(&rehearsal);
    assert!(night.incident(1).rehearsal);
    night.follow(HARBOR);
    assert_eq!(night.state(1), IncidentState::Closed);
    assert!(night.incident(1).note.contains("the rehearsal is over"));
    night.find(&OUTFLOW);
    assert_eq!((night.count(), night.incident(2).rehearsal), (2, false), "the same condition is heard in earnest");
    assert!(night.orders().iter().any(|one| !one.dry_run && matches!(one.effect, Effect::Page { .. })));
    // And what is open in earnest goes on so beside a rehearsal, which has its own.
    night.follow(&rehearsal);
    night.find(&PRICE);
    assert_eq!((night.count(), night.incident(3).rehearsal), (3, true));
    assert_eq!(night.incident(2).sources, ["outflow", "price"]);
    for (from, into) in [(2, 3), (3, 2)] {
        let refused = night.act("dana", from, Deed::Merge { into }).unwrap_err();
        assert_eq!(refused, "incident 3 is only rehearsed, and 2 is meant in earnest: they don't mix");
    }
    let refused = night.act("dana", 2, Deed::Adopt).unwrap_err();
    assert!(refused.ends_with("they don't mix"), "{refused}");
}

#[test]
fn an_incident_that_is_over_keeps_no_use() {
    let mut night = drain(HARBOR);
    assert_eq!(night.desk.uses().filter(|(id, _)| *id == "pause-vault").count(), 1);
    let start = HARBOR.find("[intervention.pause-vault]").unwrap();
    let end = HARBOR.find("[intervention.freeze-borrowing]").unwrap();
    let without = format!("{}{}", &HARBOR[..start], &HARBOR[end..]).replace("\"pause-vault\", ", "");
    night.follow(&without);
    night.act("ana", 1, Deed::Adopt).unwrap();
    night.act("dana", 1, Deed::Second { motion: 1 }).unwrap();
    night.act("chidi", 1, Deed::FalsePositive { why: why() }).unwrap();
    night.act("dana", 1, Deed::Second { motion: 2 }).unwrap();
    assert_eq!(night.desk.uses().count(), 0, "what a plan of before had reserved is given back");
}

#[test]
fn an_incident_hears_new_findings_by_its_own_plan() {
    let mut night = Night::under(HARBOR, DAY_MS);
    night.find(&OUTFLOW);
    night.follow(
        &HARBOR
            .replace("{ detector = \"outflow\" }, { detector = \"price\" }", "{ detector = \"other\" }")
            .replace("corroboration = { sources = 2 }\n", ""),
    );
    night.find(&PRICE);
    assert_eq!(night.answer(1, "pause-vault"), "permitted", "the second source joins by the plan that it is under");
    night.find(&Sign { condition: "more", ..OUTFLOW });
    assert_eq!((night.count(), night.incident(1).findings.len()), (1, 3));
    night.find(&Sign { chain: 2, ..OUTFLOW });
    assert_eq!(night.count(), 1, "and nothing new is opened by a plan that is gone");
}

#[test]
fn something_new_puts_forward_again_what_nobody_took_up() {
    let mut night = drain(&HARBOR.replace("uses = 1", "uses = 1, valid_s = 60"));
    let carried = |night: &Night| {
        let orders = night.orders();
        orders.iter().filter(|one| matches!(one.effect, Effect::CarryOut { .. })).count()
    };
    night.wait_s(61);
    assert!(night.answer(1, "pause-vault").contains("nobody carried it out"), "{}", night.answer(1, "pause-vault"));
    night.find(&OUTFLOW);
    assert_eq!(carried(&night), 1, "the same again is nothing new");
    night.find(&Sign { condition: "the real one", ..OUTFLOW });
    assert_eq!((night.answer(1, "pause-vault").as_str(), carried(&night)), ("permitted", 2));
    // What a person stopped stays stopped.
    let ruling = night.desk.rulings(1).iter().rfind(|one| one.intervention == "pause-vault").unwrap().number;
    night.act("ana", 1, Deed::Veto { ruling, why: "our own".into() }).unwrap();
    night.find(&Sign { condition: "another", ..OUTFLOW });
    assert!(night.answer(1, "pause-vault").starts_with("needs"));
}

/// Harbor with incidents by subject, of which one source is enough.
fn by_subject() -> String {
    HARBOR
        .replace("group_by = [\"chain\"]", "group_by = [\"subject\"]")
        .replace("sources = 2", "sources = 1")
        .replace("min_severity = \"critical\"", "min_severity = \"high\"")
}

#[test]
fn cheap_alarms_take_no_use_from_what_is_graver_nor_from_people() {
    let mut night = Night::under(&by_subject(), DAY_MS);
    night.find(&Sign { subject: "a", severity: Severity::High, ..OUTFLOW });
    assert_eq!(night.answer(1, "pause-vault"), "permitted");
    night.find(&Sign { subject: "vault", ..OUTFLOW });
    assert_eq!(night.answer(2, "pause-vault"), "permitted", "it is graver");
    assert!(night.answer(1, "pause-vault").starts_with("denied"), "{}", night.answer(1, "pause-vault"));
    assert!(night.says(1, "incident 2 weighs more"));
    assert_eq!(night.desk.uses().filter(|(id, _)| *id == "pause-vault").count(), 1, "within the limit throughout");
    // Of those that weigh the same, automation serves the first, and people whom they choose.
    night.find(&Sign { subject: "b", ..OUTFLOW });
    assert!(night.answer(3, "pause-vault").starts_with("needs"), "{}", night.answer(3, "pause-vault"));
    night.decide("ana", 3, "pause-vault").unwrap();
    assert_eq!(night.desk.uses().filter(|(id, _)| *id == "pause-vault").count(), 1);
    // More sources weigh more, and no automation takes what a person chose.
    night.find(&Sign { subject: "vault", ..PRICE });
    assert!(night.answer(2, "pause-vault").starts_with("needs"), "{}", night.answer(2, "pause-vault"));
}

#[test]
fn one_act_serves_every_incident_that_it_contains() {
    let calls = "calls = [{ target = \"0x5FbDB2315678afecb367f032d93F642f64180aa3\", function = \"pause()\" }]";
    let text = by_subject()
        .replace("postcondition = \"paused() is true\"", &format!("postcondition = \"paused() is true\"\n{calls}"));
    let mut night = Night::under(&text, DAY_MS);
    for subject in ["a", "b", "c", "vault"] {
        night.find(&Sign { subject, ..OUTFLOW });
    }
    for id in 1..=4 {
        assert_eq!(night.answer(id, "pause-vault"), "permitted", "incident {id}");
    }
    let orders = night.orders();
    let carried = orders.iter().filter(|one| matches!(one.effect, Effect::CarryOut { .. })).count();
    let uses = night.desk.uses().filter(|(id, _)| *id == "pause-vault").count();
    assert_eq!((carried, uses), (1, 1), "it is ordered once, and takes one use");
    // If that one falls, the next has it.
    night.act("ana", 1, Deed::FalsePositive { why: why() }).unwrap();
    night.act("dana", 1, Deed::Second { motion: 1 }).unwrap();
    assert_eq!(night.answer(4, "pause-vault"), "permitted");
    let ruling = night.desk.rulings(2).last().unwrap().number;
    night.act("ana", 2, Deed::Done { ruling, by_what: "0xabc".into() }).unwrap();
    let answer = night.answer(4, "pause-vault");
    assert_eq!(answer, "denied: it is in effect by ruling 1 of incident 2");
}

#[test]
fn one_human_is_one_however_their_channels_are_written() {
    let check = |one: &str, other: &str, same: bool| {
        let text = format!(
            "[person.a]\nname = \"A\"\nchannels = {{ urgent = [\"{one}\"] }}\n\
             [person.b]\nname = \"B\"\nchannels = {{ urgent = [\"{other}\"] }}\n"
        );
        let plan = Plan::load(&[("plan.toml".to_owned(), text)]).unwrap();
        assert_eq!(plan.same_human("a", "b"), same, "{one} and {other}");
    };
    check("phone:+1 555", "phone:+1555", true);
    check("phone:+1-555-010-0200", "phone:+15550100200", true);
    check("signal:Ana", "signal:ana", true);
    check("phone:1", "phone:2", false);
}

#[test]
fn where_a_plan_asks_for_it_one_account_agrees_once() {
    let text = HARBOR.replace("name = \"Harbor\"", "name = \"Harbor\"\ndistinct_accounts = true");
    let mut night = drain(&text);
    let mut act = |by: &str, account: &str, deed: Deed| -> Result<(), String> {
        let act = Act {
            by: by.into(),
            proof: account.into(),
            protocol: String::new(),
            incident: Some(1),
            seen: None,
            signed: None,
            deed,
        };
        let told = night.step(watchfire_response::desk::Input::Act(&act));
        let refused = told.into_iter().find_map(|outcome| match outcome {
            watchfire_response::outcome::Outcome::Refused { why, .. } => Some(why.join("; ")),
            _ => None,
        });
        refused.map_or(Ok(()), Err)
    };
    act("chidi", "uid 0", Deed::Decide { intervention: "freeze-borrowing".into(), why: why() }).unwrap();
    let refused = act("dana", "uid 0", Deed::Approve { ruling: 2 }).unwrap_err();
    assert_eq!(refused, "somebody has agreed by the same account already (uid 0)");
    act("dana", "uid 1001", Deed::Approve { ruling: 2 }).unwrap();
    act("ana", "uid 0", Deed::FalsePositive { why: why() }).unwrap();
    let refused = act("dana", "uid 0", Deed::Second { motion: 1 }).unwrap_err();
    assert_eq!(refused, "it was asked for by the same account (uid 0)");
}
