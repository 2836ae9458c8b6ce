//! A night as people live it: it grows in public, acting is answering, undone is undone, a blip wakes nobody.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use common::night::{DAY_MS, HARBOR, Night, OUTFLOW, PRICE, Sign};
use watchfire_response::brief::Brief;
use watchfire_response::desk::Input;
use watchfire_response::effect::{Effect, Notice};
use watchfire_response::finding::Severity;
use watchfire_response::incident::IncidentState;
use watchfire_response::operator::Deed;
use watchfire_response::plan::{Defaults, Plan};

/// Harbor with an asset, an explorer, and what shows that its pause was carried out and undone.
fn harbor() -> String {
    let plan =
        HARBOR.replace("[protocol]\n", "[protocol]\nexplorer = { 1 = \"https://explorer.example/{kind}/{id}\" }\n");
    plan + "\n[asset.eth]\nnames = [\"eth\"]\nsymbol = \"hUSD\"\ndecimals = 2\nusd = \"1\"\n"
}

fn notices(night: &Night) -> Vec<(u64, Notice, String)> {
    let notice = |one: watchfire_response::effect::Ordered| match one.effect {
        Effect::Notify { what, text, .. } => Some((one.at_ms, what, text)),
        _ => None,
    };
    night.orders().into_iter().filter_map(notice).collect()
}

fn newest_brief(night: &Night) -> Brief {
    let brief = |one: watchfire_response::effect::Ordered| match one.effect {
        Effect::Notify { brief, .. } | Effect::Page { brief, .. } => brief,
        _ => None,
    };
    *night.orders().into_iter().rev().find_map(brief).unwrap()
}

#[test]
fn the_title_says_the_worst_and_pages_say_how_much() {
    let mut night = Night::under(&harbor(), DAY_MS);
    night.find(&Sign { condition: "price", ..PRICE });
    let first = night.incident(1).title;
    assert!(first.ends_with("“price says so”"), "{first}");
    night.find(&Sign { amount: 546_000_050, condition: "out", ..OUTFLOW });
    let worst = night.incident(1).title;
    assert!(worst.ends_with("“outflow says so”"), "what is lost is worse than what only looks odd: {worst}");
    let brief = newest_brief(&night);
    let loss = &brief.loss[0];
    let said = (loss.text.as_str(), loss.amount.as_str(), loss.worth_usd.as_deref());
    assert_eq!(said, ("5,460,000.5 hUSD", "546000050", Some("5460000")));
    assert_eq!(brief.evidence.len(), 2);
    assert_eq!((brief.evidence[0].detector.as_str(), brief.evidence[0].chain), ("outflow", Some(1)));
    assert_eq!(brief.links, ["https://explorer.example/address/vault"]);
    assert_eq!(brief.next, "watchfire incident ack 1");
    assert!(notices(&night).last().unwrap().2.contains("5,460,000.5 hUSD ($5,460,000)"), "{:?}", notices(&night));
}

#[test]
fn that_it_is_over_is_told_by_its_title_and_numbers_come_after() {
    let mut night = Night::under(&harbor(), DAY_MS);
    let first = night.find(&Sign { condition: "price", ..PRICE });
    let title = night.incident(1).title;
    let second = night.find(&Sign { condition: "again", ..PRICE });
    night.take_back(second);
    let changed = notices(&night).pop().unwrap().2;
    let said = "“price says so” was taken back: its block left the chain (finding 0x";
    assert!(changed.contains(said), "{changed}");
    night.take_back(first);
    let (_, what, text) = notices(&night).pop().unwrap();
    assert_eq!(what, Notice::Retracted);
    assert!(text.starts_with(&format!("It is over: {title} (incident 1, retracted): every finding was")), "{text}");
    // Whoever is told that it is part of another is not told that it is over.
    let merged = watchfire_response::incident::ended(3, IncidentState::Merged, "Funds leave");
    assert_eq!(merged, "It goes on in another incident: Funds leave (incident 3, merged)");
}

/// The timeline's hashes are made of these words: a host that starts again makes them anew, and goes on from the last.
#[test]
fn a_plan_of_a_journal_of_before_writes_the_words_of_before() {
    let plan = Plan::load_journaled(&[("plan.toml".to_owned(), harbor())], Defaults::Proofs).unwrap();
    let mut night = Night::under(HARBOR, DAY_MS);
    night.step(Input::plan(Arc::new(plan)));
    let first = night.find(&Sign { condition: "price", amount: 100_000, ..PRICE });
    let second = night.find(&Sign { condition: "again", ..PRICE });
    night.wait_s(600);
    night.take_back(second);
    night.take_back(first);
    let title = night.incident(1).title;
    let texts: Vec<String> = notices(&night).into_iter().map(|(_, _, text)| text).collect();
    assert!(!texts.iter().any(|text| text.contains(", as of ")), "{texts:?}");
    let over = texts.last().unwrap();
    assert!(over.starts_with("Incident 1 is retracted: ") && over.ends_with(&format!(". It was: {title}")), "{over}");
    let taken = format!("finding {first} retracted: its block left the chain");
    assert!(night.timeline(1).iter().any(|entry| entry.text == taken), "{:#?}", night.timeline(1));
}

#[test]
fn a_growing_loss_goes_unsaid_for_a_minute_at_most() {
    let mut night = Night::under(&harbor(), DAY_MS);
    night.find(&Sign { amount: 100_000, condition: "out", ..OUTFLOW });
    night.act("bo", 1, Deed::Ack).unwrap();
    let mut most = 100_000;
    for _ in 0..200 {
        night.wait_s(7);
        most += 100;
        night.find(&Sign { amount: most, condition: "out", ..OUTFLOW });
    }
    night.wait_s(60);
    let grown: Vec<(u64, String)> =
        notices(&night).into_iter().filter(|one| one.1 == Notice::Grown).map(|one| (one.0, one.2)).collect();
    assert!((20..=25).contains(&grown.len()), "once a minute: {}", grown.len());
    for pair in grown.windows(2) {
        let apart_ms = pair[1].0 - pair[0].0;
        assert!((60_000..=67_000).contains(&apart_ms), "{apart_ms} ms apart");
    }
    assert!(grown.last().unwrap().1.contains("1,200 hUSD"), "{grown:?}");
    let desk = night.desk.incidents().next().unwrap();
    assert_eq!((desk.duplicates, desk.loss["eth"]), (200, 120_000));
}

#[test]
fn figures_of_before_an_absence_are_said_to_be_of_then() {
    let mut night = Night::under(&harbor(), DAY_MS);
    let mut old = night.make(&Sign { amount: 100_000, condition: "out", ..OUTFLOW });
    old.time_ms = DAY_MS - 900_000;
    night.step(watchfire_response::desk::Input::Finding(&old));
    let opened = notices(&night).pop().unwrap().2;
    let said = "lost or moved so far: 1,000 hUSD ($1,000), as of 2026-11-02T11:45:00Z, 15 min ago";
    assert!(opened.contains(said), "{opened}");
    let page = night.orders().into_iter().find_map(|one| match one.effect {
        Effect::Page { text, .. } => Some(text),
        _ => None,
    });
    assert!(page.unwrap().contains(said));
    // What is of now says nothing of the sort.
    night.find(&Sign { amount: 200_000, condition: "more", ..OUTFLOW });
    let now = night.desk.incidents().next().unwrap();
    assert_eq!(watchfire_response::desk::as_of(now, DAY_MS + 100_000), "");
    assert_eq!(watchfire_response::desk::as_of(now, DAY_MS + 180_000), ", as of 2026-11-02T12:00:00Z, 3 min ago");
}

/// Funds that left within the last hour, by the outflow detector.
fn within_an_hour(amount: u64, condition: &'static str) -> Sign {
    Sign { amount, condition, labels: vec![("covers-s", "3600"), ("which", condition)], ..OUTFLOW }
}

/// What is lost by the first incident, as the desk has it.
fn lost(night: &Night) -> Option<u128> {
    night.desk.incidents().next().unwrap().loss.get("eth").copied()
}

#[test]
fn what_slid_out_of_a_window_is_not_lost_and_nothing_counts_twice() {
    let mut night = Night::under(&harbor(), DAY_MS);
    night.find(&within_an_hour(100_000, "limit"));
    night.find(&within_an_hour(100_000, "unusual"));
    assert_eq!(lost(&night), Some(100_000), "another kind says the same of the same flow");
    night.wait_s(1_800);
    night.find(&within_an_hour(130_000, "limit"));
    assert_eq!(lost(&night), Some(130_000), "it grows within the window");
    night.wait_s(1_900);
    let newest = night.find(&within_an_hour(60_000, "limit"));
    assert_eq!(lost(&night), Some(160_000), "the first 1,000 slid out, and 600 are in the window now");
    assert!(notices(&night).iter().any(|(_, _, text)| text.contains("1,300 hUSD")), "{:?}", notices(&night));
    night.find(&Sign { amount: 5_000, condition: "else", ..OUTFLOW });
    assert_eq!(lost(&night), Some(165_000), "what is no window's is added");
    night.take_back(newest);
    assert_eq!(lost(&night), Some(135_000));
}

#[test]
fn merged_incidents_count_what_both_know_once() {
    let plan = harbor().replace("group_by = [\"chain\"]", "group_by = [\"which\"]");
    let mut night = Night::under(&plan, DAY_MS);
    night.find(&within_an_hour(100_000, "limit"));
    night.find(&within_an_hour(100_000, "unusual"));
    night.wait_s(4_000);
    night.find(&within_an_hour(70_000, "unusual"));
    assert_eq!(night.count(), 2);
    night.act("dana", 2, Deed::Merge { into: 1 }).unwrap();
    assert_eq!(lost(&night), Some(170_000));
}

#[test]
fn what_goes_on_is_not_contained_and_a_page_says_how_far_it_has_grown() {
    let mut night = Night::under(&harbor(), DAY_MS);
    night.find(&Sign { amount: 100_000, condition: "out", ..OUTFLOW });
    night.act("bo", 1, Deed::Ack).unwrap();
    night.act("dana", 1, Deed::Resolve { state: IncidentState::Contained, why: "it seems so".into() }).unwrap();
    assert_eq!(night.state(1), IncidentState::Contained);
    night.wait_s(200);
    night.find(&Sign { condition: "out", ..OUTFLOW });
    assert_eq!(night.state(1), IncidentState::Contained, "the same, and no more of it");
    let grew_ms = night.now_ms;
    night.find(&Sign { amount: 377_000, condition: "out", ..OUTFLOW });
    assert_eq!(night.state(1), IncidentState::Active);
    assert!(!night.pages_since(grew_ms).is_empty());
    let said = "the loss has grown from 1,000 hUSD ($1,000) to 3,770 hUSD ($3,770) since people were paged";
    assert!(night.says(1, said), "{:?}", night.told.last());
}

#[test]
fn once_something_is_lost_the_harm_has_begun() {
    let mut night = Night::under(&harbor(), DAY_MS);
    night.find(&Sign { condition: "odd", ..PRICE });
    let asked = |night: &Night, after_s: u64| night.desk.options(1, night.now_ms + after_s * 1_000).unwrap().0;
    assert!(asked(&night, 0).starts_with("Harm is projected in 30 min"), "{}", asked(&night, 0));
    assert!(
        asked(&night, 600).starts_with("Harm is projected in 20 min"),
        "as of when it is asked: {}",
        asked(&night, 600)
    );
    assert!(asked(&night, 1_800).starts_with("By the plan's estimate the harm has begun"), "{}", asked(&night, 1_800));
    night.find(&Sign { amount: 100_000, condition: "out", ..OUTFLOW });
    let (said, choices) = night.desk.options(1, night.now_ms).unwrap();
    assert!(
        said.starts_with("The harm has begun, by what is lost already; what is left is still at risk. Now: "),
        "{said}"
    );
    assert!(choices.iter().all(|choice| choice.way.in_time.is_none()), "nothing is too late for what is left");
    assert_eq!(night.desk.options(2, night.now_ms), None);
}

#[test]
fn a_loss_that_is_taken_back_is_no_longer_said() {
    let mut night = Night::under(&harbor(), DAY_MS);
    night.find(&Sign { condition: "price", ..PRICE });
    let out = night.find(&Sign { amount: 100_000, condition: "out", ..OUTFLOW });
    night.take_back(out);
    let incident = night.incident(1);
    assert!(incident.title.ends_with("“price says so”"), "{}", incident.title);
    assert!(incident.loss.is_empty() && incident.evidence.iter().all(|one| one.finding != out));
}

#[test]
fn another_actor_pages_whoever_has_it_again() {
    let mut night = Night::under(&harbor(), DAY_MS);
    night.find(&Sign { labels: vec![("recipient", "0xAA")], condition: "a", ..OUTFLOW });
    night.act("bo", 1, Deed::Ack).unwrap();
    let acked_ms = night.now_ms + 1;
    night.wait_s(10);
    night.find(&Sign { labels: vec![("recipient", "0xaa")], condition: "b", ..OUTFLOW });
    assert_eq!(night.pages_since(acked_ms), [], "the same, in another case");
    night.find(&Sign { labels: vec![("recipient", "0xbb")], condition: "c", ..OUTFLOW });
    let paged = night.pages_since(acked_ms);
    assert_eq!(paged.iter().filter(|(_, who)| who == "bo").count(), 1, "{paged:?}");
    assert!(night.says(1, "somebody else acts"));
    assert_eq!(night.incident(1).actors, ["0xaa", "0xbb"]);
}

#[test]
fn acting_is_answering() {
    let mut night = Night::under(&harbor(), DAY_MS);
    night.find(&OUTFLOW);
    let decided_ms = night.now_ms + 1;
    night.decide("ana", 1, "pause-vault").unwrap();
    assert_eq!(night.incident(1).acked_by.as_deref(), Some("ana"));
    night.wait_s(1_700);
    assert_eq!(night.pages_since(decided_ms), []);
}

#[test]
fn what_may_be_carried_out_says_all_that_it_takes() {
    let plan = harbor().replace(
        "[intervention.pause-vault]\n",
        "[intervention.pause-vault]\ncalls = [{ target = \"0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC\", function = \"pause()\" }]\n",
    );
    let mut night = Night::under(&plan, DAY_MS);
    night.find(&OUTFLOW);
    night.decide("ana", 1, "pause-vault").unwrap();
    let carry = night.orders().into_iter().find_map(|one| match one.effect {
        Effect::CarryOut { ruling, terms, text, .. } => Some((ruling, terms, text)),
        _ => None,
    });
    let (ruling, terms, text) = carry.unwrap();
    assert_eq!((ruling, terms.ruling, terms.permitted), (1, Some(1), true));
    assert_eq!(terms.calls[0].calldata.as_deref(), Some("0x8456cb59"));
    assert_eq!(terms.agreed[0].id, "ana");
    assert!(terms.missing.is_empty() && terms.valid_until_ms > Some(night.now_ms));
    assert_eq!(terms.next, "watchfire incident done 1 1 --by-what TRANSACTION");
    assert!(text.contains("pause() at 0x3C44"), "{text}");
}

#[test]
fn votes_are_said_with_whose_are_missing() {
    let mut night = Night::under(&harbor(), DAY_MS);
    night.find(&OUTFLOW);
    night.decide("chidi", 1, "freeze-borrowing").unwrap();
    let mut proposals = night.orders().into_iter().filter_map(|one| match one.effect {
        Effect::Propose { intervention, text, terms, .. } if intervention == "freeze-borrowing" => {
            Some((text, terms.unwrap()))
        }
        _ => None,
    });
    let (text, terms) = proposals.next_back().unwrap();
    assert!(text.contains("1 of 2 agree") && text.contains("watchfire incident approve 1"), "{text}");
    let missing: Vec<&str> = terms.missing.iter().map(|one| one.id.as_str()).collect();
    assert!(!missing.contains(&"chidi") && missing.contains(&"dana"), "{missing:?}");
}

/// Harbor whose pause rests for an hour after a use and is watched by what the chain shows.
fn watched() -> String {
    harbor().replacen("uses = 1", "uses = 3, cooldown_s = 3600", 1).replace(
        "[intervention.pause-vault]\n",
        "[intervention.pause-vault]\ndone_by = [{ detector = \"control\", labels = { what = \"paused\" } }]\n\
         undone_by = [{ detector = \"control\", labels = { what = \"unpaused\" } }]\n",
    )
}

/// A finding of the detector that watches what the pause does, of which no signal hears.
fn control(what: &'static str) -> Sign {
    Sign { detector: "control", labels: vec![("what", what)], condition: what, ..PRICE }
}

#[test]
fn what_the_attacker_undid_may_be_done_again_at_once() {
    let mut night = Night::under(&watched(), DAY_MS);
    night.find(&OUTFLOW);
    night.decide("ana", 1, "pause-vault").unwrap();
    night.wait_s(20);
    night.find(&control("paused"));
    let ruling = &night.desk.rulings(1)[0];
    assert!(ruling.state.is_in_effect(), "the chain shows that it was carried out: {:?}", ruling.state);
    night.wait_s(20);
    let undone_ms = night.now_ms;
    night.find(&control("unpaused"));
    assert!(!night.desk.rulings(1)[0].state.is_in_effect());
    assert!(night.says(1, "was undone by somebody else"));
    assert_eq!(night.state(1), IncidentState::Active);
    assert!(!night.pages_since(undone_ms).is_empty(), "people are woken again");
    night.decide("ana", 1, "pause-vault").unwrap();
}

#[test]
fn anybody_may_say_that_it_was_undone() {
    let mut night = Night::under(&watched(), DAY_MS);
    night.find(&OUTFLOW);
    night.decide("ana", 1, "pause-vault").unwrap();
    night.act("ana", 1, Deed::Done { ruling: 1, by_what: "0xabc".into() }).unwrap();
    let answer = night.answer(1, "pause-vault");
    assert!(answer.starts_with("denied: it is in effect"), "{answer}");
    let why = "the attacker unpaused it".to_owned();
    night.act("chidi", 1, Deed::Undone { ruling: 1, why: why.clone() }).unwrap();
    assert!(night.act("chidi", 1, Deed::Undone { ruling: 1, why }).is_err(), "once");
    assert!(!night.answer(1, "pause-vault").contains("cooldown"), "{}", night.answer(1, "pause-vault"));
    night.decide("ana", 1, "pause-vault").unwrap();
}

#[test]
fn a_half_drained_vault_is_never_too_late() {
    let plan = harbor();
    let mut night = Night::under(&plan, DAY_MS);
    night.find(&OUTFLOW);
    night.wait_s(86_400);
    night.act("bo", 1, Deed::Ack).unwrap();
    let decision = night.decisions().pop().unwrap();
    assert!(decision.in_time.contains("what is left is still at risk. Now: "), "{}", decision.in_time);
    assert!(!decision.in_time.contains("late"), "{}", decision.in_time);
    assert!(decision.choices.iter().all(|choice| choice.way.in_time.is_none()));
}

/// Harbor whose signal waits out a blip.
fn patient() -> String {
    harbor().replacen("window_s = ", "for_s = 60\nkeep_for_s = 120\nwindow_s = ", 1)
}

#[test]
fn a_blip_wakes_nobody_and_an_outage_does_in_the_time_that_the_plan_says() {
    let mut night = Night::under(&patient(), DAY_MS);
    let blip = night.find(&OUTFLOW);
    night.wait_s(20);
    night.take_back(blip);
    night.wait_s(600);
    assert_eq!(night.state(1), IncidentState::Retracted);
    assert!(night.pages_since(DAY_MS).is_empty() && notices(&night).is_empty(), "{:?}", notices(&night));
    let outage_ms = night.now_ms;
    night.find(&OUTFLOW);
    night.wait_s(59);
    assert!(night.pages_since(DAY_MS).is_empty());
    night.wait_s(1);
    assert_eq!(night.pages_since(outage_ms).first().unwrap().0, 60);
}

#[test]
fn what_comes_and_goes_is_one_incident() {
    let mut night = Night::under(&patient(), DAY_MS);
    for _ in 0..5 {
        let one = night.find(&OUTFLOW);
        night.wait_s(30);
        night.take_back(one);
        night.wait_s(60);
    }
    assert_eq!(night.count(), 1);
    night.wait_s(120);
    assert_eq!(night.state(1), IncidentState::Retracted);
}

#[test]
fn what_nobody_is_paged_for_pages_once_it_is_grave() {
    let mut night = Night::under(HARBOR, DAY_MS);
    night.find(&Sign { severity: Severity::Medium, ..OUTFLOW });
    assert!(night.pages_since(DAY_MS).is_empty(), "the plan pages nobody for it");
    night.find(&Sign { condition: "drained", ..OUTFLOW });
    assert!(!night.pages_since(DAY_MS).is_empty());
}
