//! A past incident under another plan.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use common::{NOW_MS, act, finding, load, plan, text};
use watchfire_response::desk::{Desks, Input};
use watchfire_response::drill::{Course, WhatIf, what_if_pretty};
use watchfire_response::finding::Severity;
use watchfire_response::incident::Incident;
use watchfire_response::operator::Deed;
use watchfire_response::outcome::Outcome;
use watchfire_response::plan::Plan;

/// An incident that ana acked after a minute and in which she chose to pause after two, another one having used a pause
/// of the plan before.
fn course(other: Arc<Plan>) -> WhatIf {
    let [earlier, drain] = ["b", "a"].map(|subject| {
        let mut finding = finding("flow", "outflow", subject);
        // In a critical one, people may take a use that is only reserved.
        finding.claim.severity = Severity::High;
        finding
    });
    let ack = act("", Some(2), "ana", Deed::Ack);
    let decide = act("", Some(2), "ana", Deed::Decide { intervention: "pause".into(), why: "it goes on".into() });
    let done = act("", Some(2), "ana", Deed::Done { ruling: 1, by_what: "0xabc".into() });
    let inputs = [
        (0, Input::Finding(&earlier)),
        (10_000, Input::Finding(&drain)),
        (70_000, Input::Act(&ack)),
        (130_000, Input::Act(&decide)),
        (140_000, Input::Act(&done)),
    ];
    // What the journal would say of it last.
    let mut desks = Desks::default();
    let mut last: Option<Incident> = None;
    desks.step(Input::plan(plan("ana")), NOW_MS);
    for (after_ms, input) in &inputs {
        for outcome in desks.step(input.clone(), NOW_MS + after_ms) {
            match outcome {
                Outcome::Incident(incident) if incident.id == 2 => last = Some(incident),
                _ => {}
            }
        }
    }
    let mut what_if = WhatIf::new(&last.unwrap(), other);
    what_if.step(&Input::plan(plan("ana")), NOW_MS);
    inputs.iter().for_each(|(after_ms, input)| what_if.step(input, NOW_MS + after_ms));
    what_if
}

#[test]
fn nothing_is_different_under_the_plan_that_it_had() {
    let what_if = course(plan("ana"));
    assert!(!what_if.is_different(), "{}", what_if_pretty(&what_if));
    assert_eq!(what_if.was.interventions["pause"].first, "denied");
    assert!(what_if_pretty(&what_if).contains("Nothing would have been different."));
}

#[test]
fn a_second_use_would_have_let_it_be_done() {
    let what_if = course(load(&text("ana").replace("uses = 1", "uses = 2")));
    let (was, would_be) = (&what_if.was.interventions["pause"], &what_if.would_be.interventions["pause"]);
    assert_eq!((was.first.as_str(), was.permitted_at_ms, was.done_at_ms), ("denied", None, None));
    assert_eq!(would_be.first, "permitted");
    assert_eq!(would_be.permitted_at_ms, Some(NOW_MS + 10_000));
    assert_eq!(would_be.done_at_ms, Some(NOW_MS + 140_000), "what people did is done again");
    let whys = |course: &Course| course.refused.iter().map(|(.., why)| why.clone()).collect::<Vec<_>>();
    assert!(whys(&what_if.was)[0].contains("its only use is taken"), "{:?}", what_if.was.refused);
    let [why] = &whys(&what_if.would_be)[..] else { panic!("{:?}", what_if.would_be.refused) };
    assert!(why.contains("the plan has decided on pause already"), "{why}");
    let told = what_if_pretty(&what_if);
    assert!(told.contains("* pause\n    as it was     denied"), "{told}");
    assert!(told.contains("in effect after 2 min 10 s"), "{told}");
}

#[test]
fn people_whom_the_other_plan_does_not_know_have_no_say() {
    let what_if = course(plan("bo"));
    let whose: Vec<(&str, &str)> =
        what_if.would_be.refused.iter().map(|(_, by, act, _)| (by.as_str(), act.as_str())).collect();
    assert_eq!(whose, [("ana", "ack"), ("ana", "decide"), ("ana", "done")]);
    assert_eq!(what_if.would_be.acked_at_ms, None);
}

#[test]
fn a_plan_without_its_signal_makes_no_incident_of_it() {
    let other = load(&text("ana").replace("kinds = [\"outflow\"]", "kinds = [\"other\"]"));
    let what_if = course(other);
    assert_eq!(what_if.would_be.incidents.len(), 0);
    assert!(what_if_pretty(&what_if).contains("it is no incident"));
}

#[test]
fn where_two_signals_hear_a_finding_each_incident_is_compared_with_its_own() {
    let both = format!(
        "{}\n[signal.bent]\nsummary = \"A price is bent\"\nmatch = [{{ kinds = [\"outflow\"] }}]\ngroup_by = [\"subject\"]\n\
         window_s = 3600\ninterventions = []\n",
        text("ana")
    );
    let apart = load(&format!("[protocol]\ncorrelate = false\n{both}"));
    let drain = finding("flow", "outflow", "a");
    let mut desks = Desks::default();
    desks.step(Input::plan(apart.clone()), NOW_MS);
    let told = desks.step(Input::Finding(&drain), NOW_MS);
    let incidents: Vec<Incident> = desks.incidents().cloned().collect();
    assert_eq!(incidents.len(), 2, "{told:?}");
    for incident in &incidents {
        let mut what_if = WhatIf::new(incident, apart.clone());
        what_if.step(&Input::plan(apart.clone()), NOW_MS);
        what_if.step(&Input::Finding(&drain), NOW_MS);
        assert_eq!((what_if.was.incidents.len(), what_if.would_be.incidents.len()), (1, 1));
        assert!(!what_if.is_different(), "{}", what_if_pretty(&what_if));
    }
}
