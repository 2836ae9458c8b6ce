//! Several protocols beside each other: each hears, decides and counts for itself.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use watchfire_response::desk::{Desks, Input};
use watchfire_response::finding::{COVERAGE, Finding, Severity};
use watchfire_response::operator::{Act, Deed};
use watchfire_response::outcome::Outcome;
use watchfire_response::plan::Plan;
use watchfire_response::protocol::Protocol;

use common::{NOW_MS, act, finding, plan};

fn protocol(name: &str, hears: &[&str]) -> Protocol {
    Protocol { name: name.into(), hears: Some(hears.iter().map(|id| (*id).to_owned()).collect()) }
}

fn desks() -> Desks {
    let mut desks = Desks::default();
    desks.step(Input::Plan { protocol: &protocol("harbor", &["harbor-flow", "shared"]), plan: plan("ana") }, NOW_MS);
    desks.step(Input::Plan { protocol: &protocol("quay", &["quay-flow", "shared"]), plan: plan("bo") }, NOW_MS);
    desks
}

/// Number, protocol and the pause's answer of each incident that a finding leads to.
fn opened(desks: &mut Desks, finding: &Finding) -> Vec<(u64, String, String)> {
    let outcomes = desks.step(Input::Finding(finding), NOW_MS);
    let mut opened = Vec::new();
    for outcome in &outcomes {
        if let Outcome::Decision(decision) = outcome {
            let of = |one: &&Outcome| matches!(one, Outcome::Incident(one) if one.id == decision.incident);
            let Some(Outcome::Incident(incident)) = outcomes.iter().find(of) else { panic!("{outcomes:?}") };
            let answer =
                serde_json::to_value(&decision.choices[0].answer).unwrap()["answer"].as_str().unwrap().to_owned();
            opened.push((incident.id, incident.protocol.clone(), answer));
        }
    }
    opened
}

fn refusal(desks: &mut Desks, act: &Act) -> String {
    let outcomes = desks.step(Input::Act(act), NOW_MS);
    let refused = outcomes.iter().find_map(|outcome| match outcome {
        Outcome::Refused { why, .. } => Some(why.join("; ")),
        _ => None,
    });
    refused.unwrap_or_default()
}

#[test]
fn each_protocol_hears_its_own_detectors_and_spends_its_own_limits() {
    let mut desks = desks();
    let told = |id, name: &str, answer: &str| vec![(id, name.to_owned(), answer.to_owned())];
    assert_eq!(opened(&mut desks, &finding("harbor-flow", "outflow", "a")), told(1, "harbor", "permitted"));
    // The use that `harbor` has reserved is none of `quay`'s.
    assert_eq!(opened(&mut desks, &finding("quay-flow", "outflow", "a")), told(2, "quay", "permitted"));
    assert_eq!(opened(&mut desks, &finding("quay-flow", "outflow", "b")), told(3, "quay", "needs"));
}

#[test]
fn a_finding_that_two_protocols_hear_is_an_incident_of_each() {
    let mut desks = desks();
    let opened = opened(&mut desks, &finding("shared", "outflow", "a"));
    let names: Vec<(u64, &str)> = opened.iter().map(|(id, name, _)| (*id, name.as_str())).collect();
    assert_eq!(names, [(1, "harbor"), (2, "quay")]);
}

#[test]
fn a_finding_that_nobody_has_a_signal_for_is_told_once() {
    let silences = |desks: &mut Desks, finding: &Finding| -> Vec<String> {
        let outcomes = desks.step(Input::Finding(finding), NOW_MS);
        let reason = |outcome| match outcome {
            Outcome::Silence { reason, .. } => reason,
            other => panic!("{other:?}"),
        };
        outcomes.into_iter().map(reason).collect()
    };
    let mut desks = desks();
    assert_eq!(silences(&mut desks, &finding("shared", "other", "a")), ["no signal matches"]);
    assert_eq!(silences(&mut desks, &finding(COVERAGE, "other", "a")), ["no signal matches"]);
    assert_eq!(silences(&mut desks, &finding("nobodys", "outflow", "a")), ["no protocol hears its detector"]);
    assert_eq!(silences(&mut Desks::default(), &finding("shared", "outflow", "a")), ["no plan is loaded"]);
}

#[test]
fn people_of_one_protocol_have_no_say_in_another() {
    let mut desks = desks();
    opened(&mut desks, &finding("quay-flow", "outflow", "a"));
    assert_eq!(refusal(&mut desks, &act("", Some(1), "bo", Deed::Ack)), "");
    // Naming another protocol does not move the incident there.
    let why = refusal(&mut desks, &act("harbor", Some(1), "ana", Deed::Ack));
    assert!(why.contains("ana"), "{why}");
    let open = || Deed::Open { signal: "drain".into(), title: "a call came in".into(), severity: Severity::High };
    assert_eq!(refusal(&mut desks, &act("", None, "ana", open())), "say of which protocol: `harbor`, `quay`");
    assert_eq!(
        refusal(&mut desks, &act("pier", None, "ana", open())),
        "there is no protocol `pier`, but `harbor`, `quay`"
    );
    assert_eq!(refusal(&mut desks, &act("harbor", None, "ana", open())), "");
    assert_eq!(refusal(&mut desks, &act("", Some(9), "ana", Deed::Ack)), "there is no open incident 9");
    let protocols: Vec<&str> = desks.incidents().map(|incident| incident.protocol.as_str()).collect();
    assert_eq!(protocols, ["harbor", "quay"]);
}

#[test]
fn a_protocol_that_is_no_longer_followed_keeps_its_open_incidents_and_opens_none() {
    let mut desks = desks();
    opened(&mut desks, &finding("quay-flow", "outflow", "a"));
    desks.step(Input::Plan { protocol: &Protocol::retired("quay"), plan: Arc::new(Plan::default()) }, NOW_MS);
    assert_eq!(opened(&mut desks, &finding("quay-flow", "outflow", "b")), []);
    assert_eq!(refusal(&mut desks, &act("", Some(1), "bo", Deed::Ack)), "");
    assert_eq!(opened(&mut desks, &finding("harbor-flow", "outflow", "a")).len(), 1);
}

#[test]
fn all_of_it_comes_back_from_its_written_form() {
    let mut desks = desks();
    opened(&mut desks, &finding("shared", "outflow", "a"));
    let text = serde_json::to_string(&desks).unwrap();
    let mut again: Desks = serde_json::from_str(&text).unwrap();
    assert_eq!(again, desks);
    assert_eq!(opened(&mut again, &finding("shared", "outflow", "b"))[0].0, 3);
}
