//! The rules of deciding: who may act, who must agree, what stops automation, when people are paged again, what closing
//! needs.
#![allow(clippy::unwrap_used)]

mod common;

use common::night::{DAY_MS, HARBOR, NIGHT_MS, Night, OUTFLOW, PRICE, Sign};
use watchfire_response::effect::Effect;
use watchfire_response::fact::Says;
use watchfire_response::finding::Severity;
use watchfire_response::incident::IncidentState;
use watchfire_response::operator::{Deed, NoteKind};
use watchfire_response::timeline::verify;

/// Two sources agree that funds leave.
fn drain(text: &str, now_ms: u64) -> Night {
    let mut night = Night::under(text, now_ms);
    night.find(&OUTFLOW);
    night.find(&PRICE);
    night
}

fn note(text: &str) -> Deed {
    Deed::Note { text: text.into(), kind: NoteKind::Note }
}

#[test]
fn acts_of_those_who_may_not_are_refused_with_the_reason() {
    let mut night = drain(HARBOR, DAY_MS);
    let mut check = |by: &str, incident: u64, deed: Deed, expected: &str| {
        let why = night.act(by, incident, deed.clone()).unwrap_err();
        assert!(why.contains(expected), "{by} {deed:?}: {why}");
    };
    let decide = |id: &str| Deed::Decide { intervention: id.into(), why: "now".into() };
    check("mallory", 1, Deed::Ack, "no person `mallory`");
    check("ana", 9, Deed::Ack, "incident 9 is over, or never was");
    check("chidi", 1, decide("pause-vault"), "Chidi");
    check("ana", 1, decide("freeze-borrowing"), "Ana");
    check("ana", 1, decide("pause-valt"), "`pause-vault`");
    check("ana", 1, Deed::Approve { ruling: 9 }, "ruling 9");
    check("ana", 1, Deed::Take { role: "lead".into(), person: None }, "Ana is not of `lead`");
    check("ana", 0, Deed::Halt { why: "doubt".into() }, "Ana is not of `lead`");
    check("ana", 1, Deed::Silence { until_ms: DAY_MS, why: "noise".into() }, "ends in the future");
    let open = Deed::Open { signal: "drian".into(), title: "t".into(), severity: Severity::High };
    check("ana", 0, open, "`drain`");
}

#[test]
fn of_two_people_who_act_at_once_the_second_looks_again() {
    let mut night = Night::under(HARBOR, DAY_MS);
    night.find(&OUTFLOW);
    let seen = night.timeline(1).last().unwrap().number;
    let decide = || Deed::Decide { intervention: "freeze-borrowing".into(), why: "it leaves".into() };
    night.act_having_seen("chidi", 1, Some(seen), decide()).unwrap();
    let why = night.act_having_seen("dana", 1, Some(seen), decide()).unwrap_err();
    assert!(why.contains("somebody else acted since"), "{why}");
    let now = night.timeline(1).last().unwrap().number;
    let why = night.act_having_seen("dana", 1, Some(now), decide()).unwrap_err();
    assert!(why.contains("Chidi has decided on freeze-borrowing already; approve"), "{why}");
}

#[test]
fn a_quorum_is_of_humans_and_one_human_counts_once() {
    let twice = HARBOR.replace(
        "[role.guardian]",
        "[person.chidi-phone]\nname = \"Chidi\"\nchannels = { urgent = [\"phone:3\"] }\n[role.guardian]",
    );
    let twice = twice
        .replace("members = [\"chidi\", \"dana\", \"bo\"]", "members = [\"chidi\", \"chidi-phone\", \"dana\", \"bo\"]");
    let mut night = Night::under(&twice, DAY_MS);
    night.find(&OUTFLOW);
    night.decide("chidi", 1, "freeze-borrowing").unwrap();
    let ruling = |night: &Night| night.desk.rulings(1).iter().find(|one| one.by.is_some()).unwrap().clone();
    let number = ruling(&night).number;
    let done = |number| Deed::Done { ruling: number, by_what: "0xabc".into() };
    let why = night.act("chidi", 1, Deed::Approve { ruling: number }).unwrap_err();
    assert!(why.contains("one human counts once"), "{why}");
    let why = night.act("chidi-phone", 1, Deed::Approve { ruling: number }).unwrap_err();
    assert!(why.contains("one human"), "{why}");
    assert!(night.act("chidi", 1, done(number)).is_err(), "it is not agreed to yet");
    night.act("dana", 1, Deed::Approve { ruling: number }).unwrap();
    assert_eq!(ruling(&night).approvals, ["chidi", "dana"]);
    night.act("chidi", 1, done(number)).unwrap();
    assert!(night.desk.uses().count() <= 2);
}

#[test]
fn what_a_person_stopped_automation_does_not_put_forward_again() {
    let mut night = drain(HARBOR, DAY_MS);
    let number = night.desk.rulings(1).iter().find(|one| one.intervention == "pause-vault").unwrap().number;
    night.act("ana", 1, Deed::Veto { ruling: number, why: "it is our own migration".into() }).unwrap();
    night.find(&Sign { condition: "more", ..OUTFLOW });
    assert!(night.answer(1, "pause-vault").starts_with("needs"), "{}", night.answer(1, "pause-vault"));
    let proposed = night
        .orders()
        .iter()
        .filter(|one| matches!(&one.effect, Effect::CarryOut { intervention, .. } if intervention == "pause-vault"))
        .count();
    assert_eq!(proposed, 1);
    assert!(night.desk.uses().all(|(id, _)| id != "pause-vault"), "the use is given back");
    night.decide("ana", 1, "pause-vault").unwrap();
}

#[test]
fn a_halt_stops_automation_and_nobody_else() {
    let mut night = Night::under(HARBOR, DAY_MS);
    night.act("dana", 0, Deed::Halt { why: "a detector lies".into() }).unwrap();
    night.find(&OUTFLOW);
    night.find(&PRICE);
    assert!(night.answer(1, "pause-vault").starts_with("needs"), "{}", night.answer(1, "pause-vault"));
    assert!(!night.orders().iter().any(|one| matches!(one.effect, Effect::CarryOut { .. })));
    let proposed = |one: &watchfire_response::effect::Ordered| matches!(&one.effect, Effect::Propose { intervention, .. } if intervention == "freeze-borrowing");
    assert!(night.orders().iter().any(proposed), "what people decide on is put before them all the same");
    assert!(!night.pages_since(DAY_MS).is_empty(), "people are paged all the same");
    night.decide("ana", 1, "pause-vault").unwrap();
    night.act("dana", 0, Deed::Unhalt { why: "it was mended".into() }).unwrap();
}

#[test]
fn a_silence_stops_words_and_nothing_else() {
    let silenced = [
        HARBOR,
        "[silence.migration]\nmatch = [{ detector = \"outflow\" }]\nuntil = 2026-11-02T14:00:00Z\nowner = \"lead\"\nreason = \"a migration\"\n",
    ]
    .concat();
    let mut night = Night::under(&silenced, DAY_MS);
    night.find(&OUTFLOW);
    assert!(night.pages_since(DAY_MS).is_empty());
    assert!(night.desk.next_due_ms().is_some(), "the deadline stands");
    night.find(&PRICE);
    assert_eq!(night.answer(1, "pause-vault"), "permitted", "it corroborates");
    assert!(!night.pages_since(DAY_MS).is_empty(), "what is not silenced is told");
    let mut night = Night::under(&silenced, DAY_MS);
    night.find(&OUTFLOW);
    night.wait_s(3 * 3_600);
    assert!(!night.pages_since(DAY_MS).is_empty(), "a silence ends");
}

#[test]
fn a_blackout_binds_automation_and_never_the_gravest() {
    let blackout = "max_duration_s = 7_200, blackouts = [{ from = 2026-11-02T00:00:00Z, until = 2026-11-03T00:00:00Z, why = \"a vote\" }]";
    let text = HARBOR.replace("max_duration_s = 7_200", blackout);
    let mut night = drain(&text, DAY_MS);
    assert!(night.answer(1, "pause-vault").starts_with("needs"), "{}", night.answer(1, "pause-vault"));
    night.decide("ana", 1, "pause-vault").unwrap();
    let mut night = drain(&text.replace(", min_severity = \"critical\"", ""), DAY_MS);
    night.act("dana", 1, Deed::Grade { severity: Severity::High, why: "little left".into() }).unwrap_or_default();
    if night.incident(1).severity < Severity::Critical {
        assert!(night.decide("ana", 1, "pause-vault").is_err());
    }
}

#[test]
fn people_are_paged_again_where_it_gets_worse() {
    let acked = |sign: &Sign| {
        let mut night = Night::under(HARBOR, DAY_MS);
        night.find(sign);
        night.act("ana", 1, Deed::Ack).unwrap();
        night.wait_s(10);
        night
    };
    let high = Sign { severity: Severity::High, amount: 100, ..OUTFLOW };
    let check = |worse: &Sign, again: bool| {
        let mut night = acked(&high);
        let from_ms = night.now_ms;
        night.find(worse);
        assert_eq!(!night.pages_since(from_ms).is_empty(), again, "{worse:?}: {:#?}", night.timeline(1));
    };
    check(&Sign { condition: "more", amount: 1, ..high.clone() }, false);
    check(&Sign { condition: "more", severity: Severity::Critical, ..high.clone() }, true);
    check(&Sign { condition: "more", subject: "other vault", ..high.clone() }, true);
    check(&Sign { condition: "more", amount: 100, ..high.clone() }, true);
    // Nobody was heard of for half an hour.
    let mut night = acked(&high);
    let from_ms = night.now_ms;
    night.wait_s(1_800);
    assert!(!night.pages_since(from_ms).is_empty());
    // A word in time keeps it.
    let mut night = acked(&high);
    let from_ms = night.now_ms;
    for _ in 0..3 {
        night.wait_s(1_200);
        night.act("ana", 1, note("still here")).unwrap();
    }
    assert!(night.pages_since(from_ms).is_empty());
}

#[test]
fn an_ack_ends_its_step_and_nothing_else() {
    let mut night = Night::under(HARBOR, DAY_MS);
    night.find(&OUTFLOW);
    night.act("ana", 1, Deed::Ack).unwrap();
    assert_eq!(night.state(1), IncidentState::Triage);
    night.find(&PRICE);
    assert_eq!(night.answer(1, "pause-vault"), "permitted");
}

#[test]
fn when_nobody_answers_the_last_resort_is_paged_and_then_it_begins_anew() {
    let mut night = Night::under(HARBOR, DAY_MS);
    night.find(&OUTFLOW);
    night.wait_s(4 * 3_600);
    let pages = night.pages_since(DAY_MS);
    let first = |who: &str| pages.iter().find(|(_, person)| person == who).map(|(at_s, _)| *at_s);
    assert_eq!((first("ana").or(first("bo")), first("chidi")), (Some(0), Some(300)));
    assert!(night.says(1, "critical is through and nobody answered"));
    let rounds = night.timeline(1).iter().filter(|entry| entry.text.contains("step 1 of critical")).count();
    assert!(rounds >= 4, "{rounds}: {:#?}", night.timeline(1));
}

/// A host that slept takes in one tick what came due meanwhile, of every incident.
#[test]
fn everything_that_came_due_fires_in_one_step() {
    let apart = HARBOR.replace("group_by = [\"chain\"]", "group_by = [\"subject\"]");
    let mut night = Night::under(&apart, DAY_MS);
    for subject in ["a", "b", "c"] {
        night.find(&Sign { subject, ..OUTFLOW });
    }
    night.now_ms += 2 * 3_600_000;
    night.step(watchfire_response::desk::Input::Tick);
    assert!(night.desk.next_due_ms().unwrap() > night.now_ms);
    for id in 1..=3 {
        assert!(night.says(id, "nobody answered step 1 of critical"), "{id}: {:#?}", night.timeline(id));
    }
    let audit = watchfire_response::due::audit(&night.clocks(), night.now_ms, 0);
    assert!(
        audit.missed.is_empty() && audit.odd.is_empty() && audit.late.len() >= 3,
        "late, and said to be: {audit:?}"
    );
}

#[test]
fn a_dead_channel_falls_through_at_once() {
    let mut night = Night::under(&HARBOR.replace("people = [\"ana\", \"bo\"]", "people = [\"ana\"]"), DAY_MS);
    night.find(&OUTFLOW);
    night.fail_last_page();
    assert!(night.says(1, "again: Ana by signal:1"), "{:#?}", night.timeline(1));
    night.fail_last_page();
    let pages = night.pages_since(DAY_MS);
    assert!(pages.iter().any(|(at_s, person)| *at_s == 0 && person == "chidi"), "{pages:?}");
}

#[test]
fn an_override_puts_somebody_else_on_call() {
    let text = HARBOR.replace(
        "until = \"20:00\" }]",
        "until = \"20:00\" }]\noverrides = [{ person = \"bo\", from = 2026-11-02T10:00:00Z, until = 2026-11-02T13:00:00Z }]",
    );
    let mut night = Night::under(&text.replace("people = [\"ana\", \"bo\"]", "people = [\"ana\"]"), DAY_MS);
    night.find(&OUTFLOW);
    let pages = night.pages_since(DAY_MS);
    assert_eq!(pages, [(0, "bo".to_owned())]);
}

#[test]
fn a_missed_word_escalates_and_nothing_new_is_a_word() {
    let mut night = drain(HARBOR, DAY_MS);
    night.act("dana", 1, Deed::Declare).unwrap();
    night.act("dana", 1, Deed::Ack).unwrap();
    night.wait_s(1_799);
    assert!(!night.says(1, "overdue"));
    night.wait_s(1);
    let overdue =
        night.timeline(1).iter().filter(|entry| entry.kind == watchfire_response::timeline::EntryKind::Overdue).count();
    assert_eq!(overdue, 1, "{:#?}", night.timeline(1));
    assert!(night.orders().iter().any(|one| matches!(one.effect, Effect::Remind { .. })));
    let say = |text: &str| Deed::Communicate { communication: "users".into(), text: text.into(), last: false };
    let why = night.act("chidi", 1, say("The attacker used a flash loan.")).unwrap_err();
    assert!(why.contains("attacker") && why.contains("it would tell the attacker what we know"), "{why}");
    // However it is written, people read the same.
    for text in [
        "We know the root\u{a0}cause.",
        "We know the Root\n  Cause!",
        "We know the root\u{200b} cau\u{ad}se.",
        "We know the r\u{43e}\u{43e}t c\u{430}use.",
        "The \u{ff41}\u{ff54}\u{ff54}\u{ff41}\u{ff43}\u{ff4b}\u{ff45}\u{ff52} is known.",
    ] {
        assert!(night.act("chidi", 1, say(text)).is_err(), "{text:?}");
    }
    night.act("chidi", 1, say("Nothing new yet.")).unwrap();
    night.act("dana", 1, Deed::ApproveText { communication: "users".into() }).unwrap();
    let said = night.orders().iter().filter(|one| matches!(one.effect, Effect::Communicate { .. })).count();
    assert_eq!(said, 1);
    assert!(night.act("chidi", 1, Deed::ApproveText { communication: "users".into() }).is_err());
}

#[test]
fn closing_names_everything_that_is_missing() {
    let mut night = drain(HARBOR, DAY_MS);
    let close = |holds: Option<&str>, no_change: Option<&str>| Deed::Close {
        risks: Default::default(),
        no_change: no_change.map(str::to_owned),
        holds: holds.map(str::to_owned),
    };
    night.act("dana", 1, Deed::Declare).unwrap();
    let number = night.desk.rulings(1).iter().find(|one| one.intervention == "pause-vault").unwrap().number;
    night.act("ana", 1, Deed::Done { ruling: number, by_what: "0xabc".into() }).unwrap();
    let why = night.act("dana", 1, close(None, None)).unwrap_err();
    for missing in [
        "`watchfire incident resolve 1 monitoring --why WHY`",
        &format!("`watchfire incident confirm 1 {number} --why HOW-YOU-KNOW`"),
        "`watchfire incident communicate 1 users TEXT --last`",
        "`watchfire incident close 1 --risk ID=TEXT`",
    ] {
        assert!(why.contains(missing), "{missing}: {why}");
    }
    assert!(!why.contains("false-positive"), "what is in effect is not wished away: {why}");
    night.know(Says::Postcondition { intervention: "pause-vault".into(), yes: true });
    night.act("chidi", 1, Deed::Reverse { ruling: number, why: "it is mended".into() }).unwrap();
    let last = Deed::Communicate { communication: "users".into(), text: "It is over.".into(), last: true };
    night.act("chidi", 1, last).unwrap();
    let why = night.act("dana", 1, close(None, Some("known"))).unwrap_err();
    assert!(why.contains("last word"), "a word that nobody agreed to is none: {why}");
    night.act("dana", 1, Deed::ApproveText { communication: "users".into() }).unwrap();
    let why = night.act("dana", 1, close(None, None)).unwrap_err();
    assert!(why.contains("risk") && !why.contains("users"), "{why}");
    let why = night.act("dana", 1, close(None, Some("  "))).unwrap_err();
    assert!(why.contains("risk"), "{why}");
    night.act("dana", 1, close(None, Some("it was the risk that we knew"))).unwrap();
    assert_eq!(night.state(1), IncidentState::Closed);
    assert_eq!(night.desk.dues().count(), 0, "nothing is due of what is over");
}

#[test]
fn a_change_of_the_watch_that_was_meant_has_a_way_out() {
    let watch = "\n[signal.hand]\nsummary = \"Somebody's hand was on the watch\"\nmatch = [{ detector = \"watchfire/watch\" }]\n\
                 group_by = [\"subject\"]\nwindow_s = 3600\ninterventions = [\"freeze-borrowing\"]\n";
    let mut night = Night::under(&[HARBOR, watch].concat(), DAY_MS);
    night.find(&Sign { detector: "watchfire/watch", subject: "detector/outflow", severity: Severity::High, ..OUTFLOW });
    let close = Deed::Close { risks: Default::default(), no_change: None, holds: None };
    let why = night.act("dana", 1, close).unwrap_err();
    assert!(why.contains("choose an intervention (freeze-borrowing), or `do-nothing`"), "{why}");
    assert!(why.contains("if the change was meant, say whose it was, and that is all"), "{why}");
    assert!(why.contains("`watchfire incident false-positive 1 --why WHOSE`"), "{why}");
    night.act("dana", 1, Deed::FalsePositive { why: "dana deployed it".into() }).unwrap();
    assert_eq!(night.state(1), IncidentState::FalsePositive);
}

#[test]
fn a_false_positive_has_a_reason_and_gives_everything_back() {
    let mut night = drain(HARBOR, DAY_MS);
    assert!(night.act("ana", 1, Deed::FalsePositive { why: " ".into() }).is_err());
    night.act("ana", 1, Deed::FalsePositive { why: "our own migration".into() }).unwrap();
    night.act("dana", 1, Deed::Second { motion: 1 }).unwrap();
    assert_eq!(night.state(1), IncidentState::FalsePositive);
    assert_eq!((night.desk.uses().count(), night.desk.dues().count()), (0, 0));
}

#[test]
fn a_merged_incident_goes_on_in_the_other() {
    let apart = HARBOR.replace("group_by = [\"chain\"]", "group_by = [\"subject\"]");
    let mut night = Night::under(&apart, DAY_MS);
    night.find(&OUTFLOW);
    night.find(&Sign { subject: "b", ..PRICE });
    assert_eq!(night.count(), 2);
    night.act("dana", 2, Deed::Merge { into: 1 }).unwrap();
    assert_eq!(night.state(2), IncidentState::Merged);
    assert_eq!(night.answer(1, "pause-vault"), "permitted", "both sources are in one now");
    night.find(&Sign { subject: "b", condition: "more", ..PRICE });
    assert_eq!(night.count(), 2, "what belongs to the one goes to the other");
    assert!(night.act("dana", 1, Deed::Merge { into: 1 }).is_err());
}

#[test]
fn an_incident_stays_under_its_plan_until_somebody_adopts_another() {
    let mut night = Night::under(HARBOR, DAY_MS);
    night.find(&OUTFLOW);
    let first = night.incident(1).plan;
    night.follow(&HARBOR.replace("sources = 2", "sources = 1"));
    night.find(&Sign { condition: "more", ..OUTFLOW });
    assert_eq!(night.count(), 1, "what belongs together stays together");
    assert!(night.answer(1, "pause-vault").starts_with("needs"), "the old plan wants two sources");
    night.act("ana", 1, Deed::Adopt).unwrap();
    assert_ne!(night.incident(1).plan, first);
    assert_eq!(night.answer(1, "pause-vault"), "permitted");
    assert!(night.act("ana", 1, Deed::Adopt).is_err(), "it follows it already");
}

#[test]
fn a_cause_outside_names_whom_to_call_and_what_to_do_meanwhile() {
    let text = HARBOR.replace("time_to_harm_s = 1800", "time_to_harm_s = 1800\ndependency = \"oracle\"");
    let mut night = Night::under(&text, DAY_MS);
    night.find(&OUTFLOW);
    assert_eq!(night.incident(1).dependency.as_deref(), Some("oracle"));
    let told: String = night.timeline(1).iter().map(|entry| format!("{}\n", entry.text)).collect();
    for part in ["signal:oracle-team", "30 min", "stale prices", "repay-only"] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn the_timeline_is_a_chain_and_a_changed_word_breaks_it() {
    let mut night = drain(HARBOR, NIGHT_MS);
    night.act("ana", 1, Deed::Ack).unwrap();
    night.act("ana", 1, note("looking")).unwrap();
    let timeline = night.timeline(1);
    assert!(timeline.len() > 5 && verify(&timeline).is_ok());
    let numbers: Vec<u64> = timeline.iter().map(|entry| entry.number).collect();
    assert_eq!(numbers, (1..=timeline.len() as u64).collect::<Vec<_>>());
    for at in 0..timeline.len() {
        let mut other = timeline.clone();
        other[at].text.push('!');
        assert!(verify(&other).is_err(), "entry {at}");
        let mut shorter = timeline.clone();
        shorter.remove(at);
        assert!(verify(&shorter).is_err() || at + 1 == timeline.len(), "without entry {at}");
    }
}

/// A night in which pausing the vault was put forward, and then a plan was adopted that has no such intervention.
fn adopted_without_pause() -> Night {
    let mut night = drain(HARBOR, DAY_MS);
    let start = HARBOR.find("[intervention.pause-vault]").unwrap();
    let end = HARBOR.find("[intervention.freeze-borrowing]").unwrap();
    let without = format!("{}{}", &HARBOR[..start], &HARBOR[end..]);
    night.follow(
        &without.replace(
            "interventions = [\"pause-vault\", \"freeze-borrowing\"]",
            "interventions = [\"freeze-borrowing\"]",
        ),
    );
    night
}

#[test]
fn what_an_adopted_plan_has_dropped_is_refused_by_name_with_the_remedy() {
    let mut night = adopted_without_pause();
    night.act("dana", 1, Deed::Adopt).unwrap();
    night.act("ana", 1, Deed::Second { motion: 1 }).unwrap();
    let ruling = night.desk.rulings(1).iter().find(|one| one.intervention == "pause-vault").unwrap().number;
    for deed in [Deed::Done { ruling, by_what: "0xabc".into() }, Deed::Approve { ruling }] {
        let is_approval = matches!(deed, Deed::Approve { .. });
        let why = night.act("ana", 1, deed).unwrap_err();
        let expected = match is_approval {
            true => "ruling 1 is waiting to be carried out, so there is nothing to agree to",
            false => {
                "the plan that incident 1 follows now has no intervention `pause-vault`: put it back into the plan and adopt it, or \
                 veto ruling 1"
            }
        };
        assert_eq!(why, expected);
    }
    // The remedies do what they say.
    night.act("dana", 1, Deed::Veto { ruling, why: "the plan has it no more".into() }).unwrap();
    let mut night = adopted_without_pause();
    night.act("dana", 1, Deed::Adopt).unwrap();
    night.act("ana", 1, Deed::Second { motion: 1 }).unwrap();
    night.follow(HARBOR);
    night.act("dana", 1, Deed::Adopt).unwrap();
    night.act("ana", 1, Deed::Done { ruling, by_what: "0xabc".into() }).unwrap();
}

#[test]
fn what_is_in_effect_is_not_forgotten_where_an_adopted_plan_has_dropped_it() {
    let mut night = drain(HARBOR, DAY_MS);
    let ruling = night.desk.rulings(1).iter().find(|one| one.intervention == "pause-vault").unwrap().number;
    night.act("ana", 1, Deed::Done { ruling, by_what: "0xabc".into() }).unwrap();
    let plan = adopted_without_pause().desk.plan().unwrap().clone();
    night.step(watchfire_response::desk::Input::plan(plan));
    night.act("dana", 1, Deed::Adopt).unwrap();
    let why = night.act("chidi", 1, Deed::Reverse { ruling, why: "mended".into() }).unwrap_err();
    assert!(why.contains("has no intervention `pause-vault`: put it back"), "{why}");
    night.wait_s(7_200);
    let reverted = |night: &Night| -> Vec<Vec<String>> {
        let whom = night.orders().into_iter().filter_map(|one| match one.effect {
            Effect::Revert { whom, .. } => Some(whom),
            _ => None,
        });
        whom.collect()
    };
    assert_eq!(reverted(&night), [["dana"]], "whoever leads is reminded");
    night.wait_s(3_600);
    assert_eq!(reverted(&night).len(), 2, "until it is undone");
}

#[test]
fn an_act_on_what_is_over_or_never_was_says_which() {
    let mut night = Night::under(HARBOR, DAY_MS);
    let check = |night: &mut Night, incident: u64, deed: Deed, expected: &str| {
        assert_eq!(night.act("dana", incident, deed).unwrap_err(), expected);
    };
    check(&mut night, 3, Deed::Ack, "incident 3 is over, or never was");
    check(&mut night, 0, Deed::Ack, "say which incident");
    night.find(&OUTFLOW);
    check(&mut night, 1, Deed::Merge { into: 2 }, "incident 2 is over, or never was");
    check(&mut night, 1, Deed::Merge { into: 1 }, "an incident is no part of itself");
    check(&mut night, 1, Deed::Approve { ruling: 1 }, "incident 1 has no ruling 1; it has 0");
    let take = |role: &str| Deed::Take { role: role.into(), person: None };
    check(&mut night, 1, take("led"), "the plan has no role `led`; did you mean `lead`?");
    check(&mut night, 1, Deed::ApproveText { communication: "users".into() }, "nothing is written for users yet");
    let say = |to: &str| Deed::Communicate { communication: to.into(), text: "t".into(), last: false };
    check(&mut night, 1, say("user"), "the plan has no communication `user`; did you mean `users`?");
    check(&mut night, 1, say("users"), "nothing is said before the incident is declared");
    night.act("dana", 1, Deed::FalsePositive { why: "ours".into() }).unwrap();
    check(&mut night, 1, Deed::Ack, "incident 1 is over, or never was");
}
