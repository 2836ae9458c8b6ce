//! Drills of people share nothing with what is meant in earnest, mark whatever leaves, and end by themselves. People who are
//! paged by all channels at once are paged by no further one as long as a page is out.
#![allow(clippy::unwrap_used)]

mod common;

use common::night::{DAY_MS, HARBOR, Night, OUTFLOW, PRICE};
use watchfire_response::drill::{Script, read, script, signal_of};
use watchfire_response::due::{Audit, audit};
use watchfire_response::effect::{Effect, Ordered};
use watchfire_response::finding::Severity;
use watchfire_response::incident::IncidentState;
use watchfire_response::operator::Deed;
use watchfire_response::record::{Record, drill_record, markdown};
use watchfire_response::staged::Staged;
use watchfire_response::timeline::verify;

const DAY: u64 = 86_400_000;

fn drill(for_s: u64) -> Deed {
    staged(for_s, Severity::Critical, Vec::new())
}

fn staged(for_s: u64, severity: Severity, script: Vec<Staged>) -> Deed {
    Deed::Drill { signal: "drain".into(), title: "the vault leaks".into(), severity, for_s, script }
}

fn action(owner: &str, due_at_ms: u64) -> Deed {
    Deed::Action { risk: "lone-phone".into(), what: "Give Bo a second phone".into(), owner: owner.into(), due_at_ms }
}

fn text_of(ordered: &Ordered) -> String {
    serde_json::to_value(ordered).unwrap()["text"].as_str().unwrap().to_owned()
}

#[test]
fn a_drill_pages_people_marks_what_leaves_and_takes_nothing_from_what_is_real() {
    let mut night = Night::under(HARBOR, DAY_MS);
    night.act("dana", 0, drill(3_600)).unwrap();
    let incident = night.incident(1);
    assert!(incident.drill && incident.rehearsal && incident.title.starts_with("DRILL: "), "{incident:?}");
    assert_eq!(night.pages_since(DAY_MS), [(0, "ana".to_owned())]);
    night.act("ana", 1, Deed::Ack).unwrap();
    night.decide("chidi", 1, "freeze-borrowing").unwrap();
    night.act("dana", 1, Deed::Approve { ruling: 1 }).unwrap();
    let orders = night.orders();
    assert!(orders.iter().any(|one| matches!(one.effect, Effect::CarryOut { .. })), "{orders:?}");
    for one in &orders {
        assert!(one.drill && one.dry_run, "{one:?}");
        assert!(text_of(one).starts_with("DRILL: "), "{one:?}");
        let is_for_programs = matches!(one.effect, Effect::Page { .. } | Effect::Notify { .. } | Effect::Remind { .. });
        assert_eq!(one.is_for_programs(), is_for_programs, "{one:?}");
        match &one.effect {
            Effect::CarryOut { terms, .. } => assert!(terms.calls.is_empty(), "{one:?}"),
            Effect::Propose { terms, .. } => assert!(terms.as_ref().unwrap().calls.is_empty(), "{one:?}"),
            Effect::Communicate { .. } | Effect::UpdateRisk { .. } => assert!(!one.goes_out(), "{one:?}"),
            _ => assert!(one.goes_out(), "{one:?}"),
        }
    }

    // What is found meanwhile opens an incident of its own, whose one use of the pause is still there.
    let real_ms = night.now_ms;
    night.find(&OUTFLOW);
    night.find(&PRICE);
    assert!(!night.incident(2).drill && !night.incident(2).rehearsal);
    assert_eq!(night.answer(2, "pause-vault"), "permitted");
    assert_eq!(night.pages_since(real_ms).last(), Some(&(0, "ana".to_owned())));
    assert!(night.orders().iter().filter(|one| one.effect.incident() == 2).all(|one| !one.drill && !one.dry_run));
    let why = night.act("dana", 1, Deed::Merge { into: 2 }).unwrap_err();
    assert!(why.contains("don't mix"), "{why}");

    // A plan that changes meanwhile ends no drill.
    night.follow(&HARBOR.replace("Funds leave the vault", "Funds leave"));
    assert_eq!(night.state(1), IncidentState::Active);
    night.wait_s(3_600);
    assert_eq!((night.state(1), night.state(2).is_open()), (IncidentState::Closed, true));
    assert!(night.says(1, "its time is"));
    verify(&night.timeline(1)).unwrap();
}

#[test]
fn a_drill_ends_with_what_is_to_be_done_by_whom_and_until_when() {
    let mut night = Night::under(HARBOR, DAY_MS);
    assert!(night.act("bo", 0, drill(0)).unwrap_err().contains("for a second at least"));
    night.act("bo", 0, drill(3_600)).unwrap();
    let close = || Deed::Close { risks: Vec::new(), no_change: None, holds: None };
    assert!(night.act("bo", 1, close()).unwrap_err().contains("what is to be done"));
    assert!(night.act("ana", 1, action("nobody", DAY_MS + DAY)).unwrap_err().contains("no role or person"));
    assert!(night.act("ana", 1, action("bo", DAY_MS)).unwrap_err().contains("a date to come"));
    let due_ms = DAY_MS - DAY_MS % DAY + 30 * DAY;
    night.act("ana", 1, action("bo", due_ms)).unwrap();
    night.act("bo", 1, close()).unwrap();
    assert_eq!(night.state(1), IncidentState::Closed);
    assert_eq!(night.incident(1).risks["lone-phone"], "Give Bo a second phone");

    let plan = night.desk.plan().cloned();
    let mut record = Record::of(night.incident(1), plan);
    night.told.iter().for_each(|(at_ms, outcome)| record.hear(outcome.clone(), *at_ms));
    let drill = drill_record(&record).unwrap();
    let of = |id: &str| drill.participants.iter().find(|one| one.person == id).unwrap();
    assert_eq!(of("ana").answered_s, Some(0), "she wrote down what is to be done: {drill:?}");
    assert!(of("bo").pages.is_empty() && of("bo").answered_s.is_none(), "{drill:?}");
    assert_eq!((drill.actions.len(), drill.actions[0].owner.as_str()), (1, "bo"));
    assert!(drill.gaps.iter().any(|gap| gap == "Nobody decided anything."), "{:?}", drill.gaps);
    assert!(drill.gaps.iter().any(|gap| gap.starts_with("It was never contained")), "{:?}", drill.gaps);
    assert!(drill.gaps.iter().any(|gap| gap.contains("of council took no part: ")), "{:?}", drill.gaps);
    // Besides two mistyped actions somebody wanted to close it too soon.
    assert!(drill.gaps.iter().any(|gap| gap.starts_with("An act was refused")), "{:?}", drill.gaps);
    let report = markdown(&record);
    assert!(report.contains("## Corrective actions") && report.contains("- [ ] Give Bo a second phone"), "{report}");
}

#[test]
fn a_person_is_paged_by_all_urgent_channels_at_once_where_the_plan_says_so() {
    let at_once = HARBOR.replace(
        "severities = [\"critical\", \"high\"]",
        "severities = [\"critical\", \"high\"]\nurgent = \"all-at-once\"",
    );
    let channels = |night: &Night| -> Vec<String> {
        let page = |one: Ordered| if let Effect::Page { channel, .. } = one.effect { Some(channel) } else { None };
        night.orders().into_iter().filter_map(page).collect()
    };
    let mut night = Night::under(&at_once, DAY_MS);
    night.find(&OUTFLOW);
    assert_eq!(channels(&night), ["phone:1", "signal:1"]);
    // One of them fails: the other is out, and nobody else is woken yet.
    night.fail_last_page();
    assert_eq!(channels(&night), ["phone:1", "signal:1"]);
    let first = night.orders().into_iter().find(|one| matches!(one.effect, Effect::Page { .. })).unwrap();
    let failed = watchfire_response::fact::Delivery::failed(first.key, "busy".into());
    night.step(watchfire_response::desk::Input::Delivery(&failed));
    assert_eq!(channels(&night)[2..], ["phone:3", "phone:4", "phone:2"], "the next step, at once");

    let mut night = Night::under(HARBOR, DAY_MS);
    night.find(&OUTFLOW);
    assert_eq!(channels(&night), ["phone:1"], "in turn, if the plan says nothing");
    night.fail_last_page();
    assert_eq!(channels(&night), ["phone:1", "signal:1"]);
}

/// A leak that becomes graver, of which a part is taken back.
const LEAK: &str = r#"
[drill]
name = "a slow leak"
summary = "A vault leaks, and then its price falls."
starts = 2026-11-02T12:00:00Z

[[at]]
note = "somebody funds an account"
finding = { detector = "outflow", kind = "outflow", severity = "high", title = "100 leave", subject = "address:vault", amounts = { eth = "100" } }

[[at]]
after_s = 600
finding = { name = "fall", detector = "price", kind = "fall", severity = "critical", title = "the price falls", subject = "pool:x" }

[[at]]
after_s = 1200
retract = "fall"
act = { by = "ana", act = "ack" }

[[at]]
after_s = 90000
note = "long after"
"#;

#[test]
fn what_a_drill_finds_is_told_at_its_time_and_is_the_drills_alone() {
    let scenario = read("leak.toml", LEAK).unwrap();
    let Script { parts, left_out } = script(&scenario, &[], 2, 3_600);
    assert_eq!(parts.iter().map(|part| part.after_s).collect::<Vec<_>>(), [0, 300, 600]);
    assert_eq!(left_out.len(), 2, "{left_out:?}");
    assert!(left_out[0].starts_with("1 after the drill's end") && left_out[1].starts_with("1 of what somebody does"));

    let mut night = Night::under(HARBOR, DAY_MS);
    assert_eq!(signal_of(night.desk.plan().unwrap(), &parts), Some("drain"));
    let early = night.act("dana", 0, staged(600, Severity::High, parts.clone())).unwrap_err();
    assert!(early.contains("goes on for 600 s"), "{early}");
    night.act("dana", 0, staged(3_600, Severity::High, parts)).unwrap();
    assert_eq!(night.incident(1).severity, Severity::High);
    assert!(night.says(1, "DRILL: somebody funds an account") && night.says(1, "DRILL: outflow (high"));
    assert_eq!(night.pages_since(DAY_MS), [(0, "ana".to_owned())], "the first is a part of the opening");
    night.act("ana", 1, Deed::Ack).unwrap();

    // The same is found in earnest meanwhile: it is another incident, and the drill hears nothing of it.
    night.wait_s(60);
    let before = night.incident(1).findings.len();
    night.find(&OUTFLOW);
    assert!(!night.incident(2).drill && night.incident(1).findings.len() == before);

    night.wait_s(240);
    let told = night.incident(1);
    assert_eq!((told.severity, told.loss["eth"]), (Severity::Critical, 100), "{told:?}");
    assert!(night.says(1, "from high to critical") && !night.says(2, "the price falls"));
    let again = night.pages_since(DAY_MS);
    assert!(again.contains(&(300, "ana".to_owned())), "people are paged again for what is graver: {again:?}");
    night.wait_s(300);
    assert!(night.says(1, "the drill's script takes it back") && night.state(1).is_open());
    let of_drill = night.orders().into_iter().filter(|one| one.effect.incident() == 1);
    of_drill.for_each(|one| assert!(one.drill && text_of(&one).starts_with("DRILL: "), "{one:?}"));
    night.wait_s(3_600);
    assert_eq!(night.state(1), IncidentState::Closed);
    assert_eq!(audit(&night.clocks(), night.now_ms, 0), Audit::default());
    verify(&night.timeline(1)).unwrap();
}
