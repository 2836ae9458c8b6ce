//! Where other engines went wrong: each fault, and that it is absent here.
#![allow(clippy::unwrap_used)]

mod common;

use common::night::{DAY_MS, HARBOR, NIGHT_MS, Night, OUTFLOW, PRICE, Sign};
use watchfire_response::effect::Effect;
use watchfire_response::fact::Says;
use watchfire_response::finding::Severity;
use watchfire_response::incident::IncidentState;
use watchfire_response::operator::Deed;
use watchfire_response::outcome::Outcome;
use watchfire_response::plan::{Defaults, Plan};

/// Grafana OnCall #1326: a level whose person has no channel was passed over in silence.
#[test]
fn a_step_without_a_channel_is_told_and_the_next_begins_at_once() {
    let text = HARBOR.replace("channels = { urgent = [\"phone:1\", \"signal:1\"] }", "channels = { urgent = [] }");
    let mut night = Night::under(&text.replace("people = [\"ana\", \"bo\"]", "people = [\"ana\"]"), DAY_MS);
    night.find(&OUTFLOW);
    assert!(night.says(1, "step 1 of critical: Ana has no other channel"), "{:#?}", night.timeline(1));
    assert_eq!(night.pages_since(DAY_MS)[0].0, 0);
    assert!(night.pages_since(DAY_MS).iter().all(|(_, person)| person != "ana"));
}

/// Grafana OnCall #1206: a chain that waited for a range of time was never gone on with.
#[test]
fn an_escalation_through_an_empty_hour_goes_on_until_somebody_answers() {
    let mut night = Night::under(HARBOR, NIGHT_MS);
    night.find(&OUTFLOW);
    // The rota is empty until eight in the morning: the guardians' step is passed over, and tried again each round.
    night.wait_s(12 * 3_600);
    let pages = night.pages_since(NIGHT_MS);
    assert!(pages.iter().any(|(_, person)| person == "ana" || person == "bo"), "whoever wakes up is paged: {pages:?}");
    let longest = pages.windows(2).map(|pair| pair[1].0 - pair[0].0).max().unwrap();
    assert!(longest <= 1_800, "somebody is paged every half an hour, not after {longest} s");
}

/// GoAlert #4548: the delay of an empty rota was waited out.
#[test]
fn an_empty_rota_costs_no_time() {
    let mut night = Night::under(HARBOR, NIGHT_MS);
    night.find(&OUTFLOW);
    let first: Vec<(u64, String)> = night.pages_since(NIGHT_MS);
    assert!(first.iter().all(|(at_s, _)| *at_s == 0) && first.iter().any(|(_, who)| who == "chidi"), "{first:?}");
    assert!(night.says(1, "nobody is on call for guardian"));
}

/// Alertmanager #507 and #1727: a label that is missing matched one that is there.
#[test]
fn a_missing_label_is_a_value_of_its_own() {
    let by_pool = HARBOR.replace("group_by = [\"chain\"]", "group_by = [\"pool\"]");
    let mut night = Night::under(&by_pool, DAY_MS);
    night.find(&Sign { labels: vec![("pool", "a")], condition: "1", ..OUTFLOW });
    night.find(&Sign { condition: "2", ..OUTFLOW });
    assert_eq!(night.count(), 2);
    night.find(&Sign { condition: "3", ..OUTFLOW });
    assert_eq!(night.count(), 2, "two that miss it belong together");
}

const INHIBITED: &str = r#"
[signal.late-blocks]
summary = "Blocks come late"
match = [{ detector = "blocks" }]
group_by = ["pool"]
window_s = 3600
interventions = ["freeze-borrowing"]

[inhibition.drain-explains]
while_open = "late-blocks"
mutes = ["drain"]
equal = ["pool"]
owner = "lead"
until = 2030-01-01T00:00:00Z
reason = "late blocks make the flow look odd"
"#;

#[test]
fn a_missing_label_explains_nothing() {
    let text = [&HARBOR.replace("group_by = [\"chain\"]", "group_by = [\"pool\"]"), INHIBITED].concat();
    let check = |late: Vec<(&'static str, &'static str)>, drain: Vec<(&'static str, &'static str)>, muted: bool| {
        let mut night = Night::under(&text, DAY_MS);
        night.find(&Sign { detector: "blocks", severity: Severity::Low, labels: late.clone(), ..OUTFLOW });
        let before = night.pages_since(DAY_MS).len();
        night.find(&Sign { labels: drain.clone(), ..OUTFLOW });
        assert_eq!(night.pages_since(DAY_MS).len() == before, muted, "{late:?} {drain:?}");
    };
    check(vec![("pool", "a")], vec![("pool", "a")], true);
    check(vec![("pool", "a")], vec![("pool", "b")], false);
    check(vec![], vec![("pool", "a")], false);
    check(vec![], vec![], false);
}

/// Alertmanager #4064: after a restart an alert went out before what inhibits it was known again.
#[test]
fn what_mutes_is_known_before_anything_fires_after_a_restart() {
    let text = [&HARBOR.replace("group_by = [\"chain\"]", "group_by = [\"pool\"]"), INHIBITED].concat();
    let mut night = Night::under(&text, DAY_MS);
    let pool = || vec![("pool", "a")];
    night.find(&Sign { detector: "blocks", severity: Severity::Low, labels: pool(), ..OUTFLOW });
    night.find(&Sign { labels: pool(), ..OUTFLOW });
    // Every step of these tests starts from the written state, as after a restart; deadlines have come meanwhile.
    let before = night.pages_since(DAY_MS).len();
    night.wait_s(300);
    let drain: Vec<_> = night.pages_since(DAY_MS).split_off(before);
    assert!(!drain.iter().any(|(at_s, _)| *at_s == 0), "{drain:?}");
    assert!(night.says(2, "nobody is paged"), "{:#?}", night.timeline(2));
}

/// Alertmanager #1806: what was sent was forgotten sooner than it was due again, so it was sent again.
#[test]
fn what_was_told_once_is_not_told_again_however_late() {
    let mut night = Night::under(HARBOR, DAY_MS);
    night.find(&OUTFLOW);
    night.act("ana", 1, Deed::Ack).unwrap();
    let pages = night.pages_since(DAY_MS).len();
    for _ in 0..40 {
        night.wait_s(1_200);
        night.find(&OUTFLOW);
        night.act("ana", 1, Deed::Note { text: "still at it".into(), kind: Default::default() }).unwrap();
    }
    assert_eq!(night.pages_since(DAY_MS).len(), pages, "the same condition, forty times in thirteen hours");
    assert_eq!((night.count(), night.desk.incidents().next().unwrap().duplicates), (1, 40));
}

/// Keep #5115: alerts that were resolved counted toward a threshold.
#[test]
fn what_was_taken_back_corroborates_nothing() {
    let mut night = Night::under(HARBOR, DAY_MS);
    let outflow = night.find(&OUTFLOW);
    night.find(&Sign { condition: "other", ..OUTFLOW });
    assert!(night.answer(1, "pause-vault").starts_with("needs"), "one detector twice is one source");
    night.take_back(outflow);
    night.find(&PRICE);
    assert_eq!(night.answer(1, "pause-vault"), "permitted", "both sources are live");
    let mut night = Night::under(HARBOR, DAY_MS);
    let outflow = night.find(&OUTFLOW);
    night.act("ana", 1, Deed::Declare).unwrap();
    night.take_back(outflow);
    night.find(&PRICE);
    assert!(night.answer(1, "pause-vault").starts_with("needs"), "{}", night.answer(1, "pause-vault"));
}

#[test]
fn what_is_older_than_the_window_corroborates_nothing() {
    let check = |apart_s: u64, expected: &str| {
        let mut night = Night::under(HARBOR, DAY_MS);
        night.find(&OUTFLOW);
        night.wait_s(apart_s);
        night.find(&PRICE);
        assert!(night.answer(1, "pause-vault").starts_with(expected), "{apart_s}: {}", night.answer(1, "pause-vault"));
    };
    check(3_600, "permitted");
    check(3_601, "needs");
}

fn close(night: &mut Night) {
    night.act("dana", 1, Deed::Declare).unwrap();
    night.decide("ana", 1, "do-nothing").unwrap();
    let last = || Deed::Communicate { communication: "users".into(), text: "It is over.".into(), last: true };
    night.act("chidi", 1, last()).unwrap();
    night.act("dana", 1, Deed::ApproveText { communication: "users".into() }).unwrap();
    let contained =
        Deed::Resolve { state: watchfire_response::incident::IncidentState::Contained, why: "it stopped".into() };
    night.act("dana", 1, contained).unwrap();
    let no_change = Some("a test of the vault's own team".to_owned());
    night.act("dana", 1, Deed::Close { risks: Default::default(), no_change, holds: None }).unwrap();
}

/// Keep #2481: a new alert went to an incident that was resolved.
#[test]
fn what_comes_after_closure_opens_an_incident_that_follows() {
    let mut night = Night::under(HARBOR, DAY_MS);
    night.find(&OUTFLOW);
    close(&mut night);
    night.wait_s(60);
    night.find(&Sign { condition: "again", ..OUTFLOW });
    assert_eq!((night.count(), night.incident(2).follows), (2, Some(1)));
    assert!(!night.state(1).is_open() && night.state(2).is_open());
    assert_eq!(night.incident(1).findings.len(), 1);
    assert!(!night.pages_since(night.now_ms).is_empty(), "it pages anew");
}

/// StackStorm #4481: two at once both got the last use.
#[test]
fn the_last_use_goes_to_one() {
    let apart =
        HARBOR.replace("group_by = [\"chain\"]", "group_by = [\"subject\"]").replace("sources = 2", "sources = 1");
    let mut night = Night::under(&apart, DAY_MS);
    let first = night.find(&OUTFLOW);
    night.find(&Sign { subject: "other", ..OUTFLOW });
    assert_eq!(night.answer(1, "pause-vault"), "permitted");
    let answer = night.answer(2, "pause-vault");
    assert!(answer.starts_with("needs") && answer.contains("its only use is taken: incident 1"), "{answer}");
    // It is given back where it was not used, and goes to whoever waits.
    night.take_back(first);
    assert_eq!(night.answer(2, "pause-vault"), "permitted");
    assert_eq!(night.desk.uses().filter(|(id, _)| *id == "pause-vault").count(), 1);
}

/// What was only rehearsed stood in the way of what was meant.
#[test]
fn a_dry_run_takes_nothing_from_what_is_in_earnest() {
    let dry = HARBOR.replace("kill_switch", "dry_run = true\nkill_switch").replace("sources = 2", "sources = 1");
    let mut night = Night::under(&dry, DAY_MS);
    night.find(&OUTFLOW);
    assert_eq!(night.answer(1, "pause-vault"), "permitted");
    assert!(night.orders().iter().all(|one| one.dry_run) && !night.orders().is_empty());
    night.follow(&HARBOR.replace("sources = 2", "sources = 1"));
    night.find(&Sign { chain: 1, subject: "b", condition: "b", ..OUTFLOW });
    let id = night.count() as u64;
    assert_eq!((id, night.answer(id, "pause-vault").as_str()), (2, "permitted"));
    assert!(night.orders().iter().any(|one| !one.dry_run && one.effect.incident() == 2));
}

/// Falco Talon: an act was acknowledged before it was done, and lost with the process.
#[test]
fn nothing_that_was_ordered_is_lost_or_ordered_twice_by_a_restart() {
    let run = |restarts: bool| {
        let mut night = Night::under(HARBOR, DAY_MS);
        let mut keys = Vec::new();
        for sign in [OUTFLOW, PRICE, Sign { condition: "more", ..OUTFLOW }] {
            let finding = night.make(&sign);
            let told = match restarts {
                true => night.step(watchfire_response::desk::Input::Finding(&finding)),
                false => night.desk.step(watchfire_response::desk::Input::Finding(&finding), night.now_ms),
            };
            keys.extend(told.into_iter().filter_map(|outcome| match outcome {
                watchfire_response::outcome::Outcome::Effect(ordered) => Some(ordered.key),
                _ => None,
            }));
        }
        keys
    };
    let keys = run(true);
    assert_eq!(keys, run(false));
    let mut distinct = keys.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), keys.len());
}

/// Balancer: the pause window had expired when it was needed.
#[test]
fn a_power_that_has_ended_is_denied_to_people_too() {
    let ended =
        HARBOR.replace("uses = 1, max_duration_s", "uses = 1, not_after = 2026-11-01T00:00:00Z, max_duration_s");
    let mut night = Night::under(&ended, DAY_MS);
    night.find(&OUTFLOW);
    night.find(&PRICE);
    assert!(
        night.answer(1, "pause-vault").starts_with("denied: expired on 2026-11-01"),
        "{}",
        night.answer(1, "pause-vault")
    );
    let why = night.decide("ana", 1, "pause-vault").unwrap_err();
    assert!(why.contains("expired"), "{why}");
    assert!(night.desk.uses().all(|(id, _)| id != "pause-vault"));
    let last = night.decisions().pop().unwrap();
    assert!(last.in_time.contains("freeze-borrowing"), "what is left is told: {}", last.in_time);
}

/// GateSeal: the one use of a seal was burned by a call that failed.
#[test]
fn a_use_that_came_to_nothing_is_given_back() {
    let mut night = Night::under(HARBOR, DAY_MS);
    night.find(&OUTFLOW);
    night.find(&PRICE);
    assert_eq!(night.answer(1, "pause-vault"), "permitted");
    assert_eq!(night.desk.uses().filter(|(id, one)| *id == "pause-vault" && !one.committed).count(), 1);
    // Nobody could carry it out in the hour for which the ruling stands.
    night.wait_s(3_600);
    assert!(night.says(1, "pause-vault"), "{:#?}", night.timeline(1));
    assert!(night.desk.uses().all(|(id, one)| id != "pause-vault" || !one.committed), "nothing was used up");
    assert!(night.decide("ana", 1, "pause-vault").is_ok(), "and a person may still do it");
}

/// Aave, 2023: a pause blocked repaying, and people who could not repay were liquidated.
#[test]
fn what_a_pause_keeps_users_from_is_told_with_it() {
    let text = HARBOR.replace("blocks = [\"exit\"]", "blocks = [\"exit\", \"repay\"], accrues = [\"liquidations\"]");
    let mut night = Night::under(&text, DAY_MS);
    night.find(&OUTFLOW);
    let decision = night.decisions().pop().unwrap();
    let pause = decision.choices.iter().find(|one| one.intervention == "pause-vault").unwrap();
    assert_eq!(pause.way.blocks, ["exit", "repay"]);
    assert_eq!(pause.way.accrues, ["liquidations"]);
    let files = [("plan.toml".to_owned(), text)];
    let found = watchfire_response::plan::readiness(&files, DAY_MS).found;
    assert!(
        found.iter().any(|told| told.is_error() && told.key.contains("pause-vault") && told.message.contains("repay")),
        "{found:#?}"
    );
}

/// What the chain says goes before what the ledger says, and a chain that says no binds everybody.
#[test]
fn the_chain_overrides_the_ledger() {
    let mut night = Night::under(HARBOR, DAY_MS);
    night.know(Says::UsesLeft { intervention: "pause-vault".into(), uses: 0 });
    night.find(&OUTFLOW);
    night.find(&PRICE);
    assert!(night.answer(1, "pause-vault").starts_with("denied"), "{}", night.answer(1, "pause-vault"));
    night.know(Says::UsesLeft { intervention: "pause-vault".into(), uses: 1 });
    assert_eq!(night.answer(1, "pause-vault"), "permitted");
    night.know(Says::Holds { authority: "guardian-key".into(), yes: false });
    assert!(night.answer(1, "pause-vault").starts_with("denied"), "{}", night.answer(1, "pause-vault"));
    assert!(
        night.orders().iter().any(|one| matches!(one.effect, Effect::Withdraw { .. })),
        "the proposal is taken back"
    );
}

/// Two signals of which one finding opens an incident each, and a third.
fn twice(text: &str) -> String {
    let text = text.replace("group_by = [\"chain\"]", "group_by = [\"subject\"]");
    let second = text.find("[signal.drain]").map(|at| text[at..].split("\n[").next().unwrap_or_default().to_owned());
    let second = second.unwrap_or_default().replace("signal.drain", "signal.drain-again");
    let apart = text.replace("name = \"Harbor\"", "name = \"Harbor\"\ncorrelate = false");
    format!("{apart}\n{second}\n")
}

/// TheHive #2064 and Keep #1539: two incidents that shared an alert were merged, and it was counted twice and could never
/// be taken away.
#[test]
fn what_two_merged_incidents_share_is_there_once() {
    for into in [1, 2] {
        let mut night = Night::under(&twice(HARBOR), DAY_MS);
        let sign = Sign { amount: 1_000, ..OUTFLOW };
        let first = night.find(&sign);
        assert_eq!(night.count(), 2);
        night.act("dana", 3 - into, Deed::Merge { into }).unwrap();
        let merged = night.incident(into);
        assert_eq!((merged.findings.as_slice(), merged.duplicates), ([first].as_slice(), 0));
        assert_eq!(merged.loss["eth"], 1_000, "it is lost once");
        night.take_back(first);
        assert!(night.says(into, "retracted: every finding was taken back"), "{:#?}", night.timeline(into));
        assert_eq!((night.state(into), night.desk.incidents().count()), (IncidentState::Retracted, 0));
    }
}

#[test]
fn sightings_of_a_shared_condition_count_once_wherever_they_were_seen() {
    let mut night = Night::under(&twice(HARBOR), DAY_MS);
    let first = night.find(&Sign { amount: 1_000, ..OUTFLOW });
    let second = night.find(&Sign { amount: 1_500, ..OUTFLOW });
    night.act("dana", 2, Deed::Merge { into: 1 }).unwrap();
    let merged = night.incident(1);
    assert_eq!((merged.findings.len(), merged.duplicates, merged.loss["eth"]), (1, 1, 1_500));
    // What comes later is of both signals, and there once too.
    let third = night.find(&Sign { amount: 2_000, ..OUTFLOW });
    let other = night.find(&Sign { condition: "other", amount: 10, ..OUTFLOW });
    let merged = night.incident(1);
    assert_eq!((merged.findings.len(), merged.duplicates, merged.loss["eth"]), (2, 2, 2_010));
    for finding in [first, other, third] {
        night.take_back(finding);
        assert!(night.state(1).is_open());
    }
    assert_eq!(night.incident(1).findings, [second]);
    night.take_back(second);
    assert_eq!(night.state(1), IncidentState::Retracted);
    assert_eq!(night.incident(1).retracted, [first, other, second], "those that stood for their condition");
}

#[test]
fn a_sighting_that_is_merged_twice_corroborates_once() {
    let mut night = Night::under(&twice(HARBOR), DAY_MS);
    let outflow = night.find(&OUTFLOW);
    night.act("dana", 2, Deed::Merge { into: 1 }).unwrap();
    night.act("dana", 1, Deed::Declare).unwrap();
    night.take_back(outflow);
    night.find(&PRICE);
    assert!(night.answer(1, "pause-vault").starts_with("needs"), "{}", night.answer(1, "pause-vault"));
}

/// A plan of signals `a`, `b`, `c` of the detectors of that name, of which each mutes what `mutes` says.
fn muting(mutes: &[(&str, &str)]) -> String {
    let mut text = HARBOR.replace("group_by = [\"chain\"]", "group_by = [\"subject\"]");
    for name in ["a", "b", "c"] {
        text.push_str(&format!(
            "\n[signal.{name}]\nsummary = \"{name}\"\nmatch = [{{ detector = \"{name}\" }}]\ngroup_by = [\"subject\"]\nwindow_s = \
             600\ninterventions = [\"freeze-borrowing\"]\n"
        ));
    }
    for (by, muted) in mutes {
        text.push_str(&format!(
            "\n[inhibition.{by}-{muted}]\nwhile_open = \"{by}\"\nmutes = [\"{muted}\"]\nequal = [\"subject\"]\nowner = \
             \"lead\"\nuntil = 2030-01-01\nreason = \"{by} explains {muted}\"\n"
        ));
    }
    text
}

fn load(text: &str) -> Result<Plan, Vec<String>> {
    let files = [("plan.toml".to_owned(), text.to_owned())];
    Plan::load(&files).map_err(|found| found.iter().map(ToString::to_string).collect())
}

/// Alertmanager #666: two rules muted each other's source, and both alerts were silent.
#[test]
fn inhibitions_that_come_back_to_their_signal_are_an_error() {
    for circle in [vec![("a", "b"), ("b", "a")], vec![("a", "b"), ("b", "c"), ("c", "a")]] {
        let found = load(&muting(&circle)).unwrap_err();
        assert_eq!(found.len(), circle.len(), "{found:#?}");
        assert!(found[0].contains("inhibition.a-b.mutes.0: `a` and `b` would mute each other"), "{found:#?}");
        assert!(found[0].contains("`b`, which mutes"), "{found:#?}");
    }
    for free in [vec![("a", "b"), ("b", "c"), ("a", "c")], vec![("a", "b"), ("c", "b")], vec![]] {
        assert!(load(&muting(&free)).is_ok(), "{free:?}");
    }
}

/// Pages of each of several incidents, opened one a minute by these detectors, under a plan that a journal holds.
fn pages_of(mutes: &[(&str, &str)], detectors: &[&'static str]) -> Vec<usize> {
    let plan = Plan::load_journaled(&[("plan.toml".to_owned(), muting(mutes))], Defaults::First).unwrap();
    let mut night = Night::under(HARBOR, DAY_MS);
    night.step(watchfire_response::desk::Input::plan(std::sync::Arc::new(plan)));
    for detector in detectors {
        night.find(&Sign { detector, ..OUTFLOW });
        // Longer than a page rings: until then nobody is rung up for two that are about the same.
        night.wait_s(130);
    }
    night.wait_s(7_200);
    let later = night.now_ms - 7_000_000;
    let of = |id: usize| {
        let pages = night.told.iter().filter(|(at_ms, outcome)| {
            let Outcome::Effect(ordered) = outcome else { return false };
            *at_ms > later && matches!(ordered.effect, Effect::Page { .. }) && ordered.effect.incident() == id as u64
        });
        pages.count()
    };
    (1..=detectors.len()).map(of).collect()
}

/// A journal may hold a plan that was loaded before circles were an error.
#[test]
fn an_incident_that_is_muted_itself_explains_nothing() {
    let check = |mutes: &[(&str, &str)], detectors: &[&'static str], is_paged: &[bool]| {
        let pages = pages_of(mutes, detectors);
        assert_eq!(pages.iter().map(|pages| *pages > 0).collect::<Vec<_>>(), is_paged, "{mutes:?}: {pages:?}");
    };
    check(&[("a", "b")], &["a", "b"], &[true, false]);
    check(&[("a", "b"), ("b", "a")], &["a", "b"], &[true, true]);
    check(&[("a", "b"), ("b", "c"), ("c", "a")], &["a", "b", "c"], &[true, true, true]);
    // In a chain the one in the middle is muted, so the last one is not.
    check(&[("a", "b"), ("b", "c")], &["a", "b", "c"], &[true, false, true]);
    check(&[("a", "b"), ("b", "c")], &["b", "c"], &[true, false]);
}

#[test]
fn an_incident_that_somebody_silenced_explains_nothing() {
    let mut night = Night::under(&muting(&[("a", "b")]), DAY_MS);
    night.find(&Sign { detector: "a", ..OUTFLOW });
    night.act("dana", 1, Deed::Silence { until_ms: night.now_ms + 3_600_000, why: "known".into() }).unwrap();
    night.wait_s(130);
    let from_ms = night.now_ms;
    night.find(&Sign { detector: "b", ..OUTFLOW });
    assert!(!night.pages_since(from_ms).is_empty());
}

/// Eventeum #63: an address with a checksum in the configuration matched no event.
#[test]
fn an_address_in_a_label_matches_in_any_case() {
    const TOKEN: &str = "0xdAC17F958D2ee523a2206206994597C13D831ec7";
    const LOWER: &str = "0xdac17f958d2ee523a2206206994597c13d831ec7";
    let wanted = |label: &str| {
        HARBOR.replace("{ detector = \"price\" }", &format!("{{ detector = \"price\", labels = {{ {label} }} }}"))
    };
    let check = |label: &str, sign: &Sign| {
        let mut night = Night::under(&wanted(label), DAY_MS);
        night.find(sign);
        assert_eq!(night.desk.incidents().count(), 1, "{label} {sign:?}");
    };
    for subject in [TOKEN, LOWER] {
        check(&format!("subject = \"address:{TOKEN}\""), &Sign { subject, ..PRICE });
        for wanted in [TOKEN, &format!("Address:{TOKEN}"), &format!("address:{}", TOKEN.to_uppercase())] {
            check(&format!("subject = \"{wanted}\""), &Sign { subject, ..PRICE });
        }
        check(
            &format!("token = \"eip155:1:{TOKEN}\""),
            &Sign { labels: vec![("token", "eip155:1:0xdAC17F958D2ee523a2206206994597C13D831ec7")], ..PRICE },
        );
        check(&format!("token = \"{LOWER}\""), &Sign { labels: vec![("token", subject)], ..PRICE });
    }
    let silenced = [
        HARBOR,
        &format!("[silence.s]\nmatch = [{{ labels = {{ subject = \"address:{TOKEN}\" }} }}]\nuntil = 2027-01-01\nowner = \"lead\"\nreason = \"r\"\n"),
    ]
    .concat();
    let mut night = Night::under(&silenced, DAY_MS);
    night.find(&Sign { subject: LOWER, ..OUTFLOW });
    assert!(night.pages_since(DAY_MS).is_empty());
}

/// Grafana OnCall #3261: a start with an offset was a date of UTC, and every turn was a day off.
#[test]
fn a_start_with_an_offset_is_a_day_of_the_schedule() {
    let hash = |starts: &str| {
        let text = HARBOR.replace("time_zone = \"UTC\"", "time_zone = \"Pacific/Auckland\"");
        load(&text.replace("starts = 2026-11-02", &format!("starts = {starts}"))).unwrap().hash()
    };
    assert_eq!(hash("2026-11-02T00:00:00+13:00"), hash("2026-11-02"), "the same day is the same plan");
    assert_ne!(hash("2026-11-01T00:00:00+13:00"), hash("2026-11-02"));
}
