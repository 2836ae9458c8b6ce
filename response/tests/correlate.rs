//! One attack is one incident, and nobody is rung up twice for it.
#![allow(clippy::unwrap_used)]

mod common;

use common::night::{DAY_MS, HARBOR, Night, OUTFLOW, PRICE, Sign};
use watchfire_response::effect::Effect;
use watchfire_response::finding::Severity;

/// Harbor, in which what the price detector finds is of a signal of its own too.
fn two_signals() -> String {
    [
        HARBOR,
        "\n[intervention.stale-price]\nsummary = \"Take the last good price\"\nkind = \"restrict\"\nauthority = \"council-safe\"\n\
         owner = \"council\"\nautomation = \"propose\"\nreaction_s = 30\ncost = { trust = 1, why = \"it may be wrong\", inside_boundary = true }\n\
         \n[signal.bent-price]\nsummary = \"A price is bent\"\nmatch = [{ detector = \"price\" }]\ngroup_by = [\"subject\"]\n\
         window_s = 3600\nseverity = \"medium\"\ninterventions = [\"stale-price\"]\ntime_to_harm_s = 7200\n",
    ]
    .concat()
}

fn pages_to(night: &Night, person: &str) -> usize {
    night.pages_since(DAY_MS).iter().filter(|(_, paged)| paged == person).count()
}

#[test]
fn a_finding_that_fits_two_signals_opens_one_incident_with_the_interventions_of_both() {
    let mut night = Night::under(&two_signals(), DAY_MS);
    night.find(&PRICE);
    let incident = night.incident(1);
    assert_eq!((night.count(), incident.signal.as_str()), (1, "drain"), "it does harm sooner");
    assert_eq!(pages_to(&night, "ana"), 1);
    let names: Vec<String> =
        night.decisions().pop().unwrap().choices.into_iter().map(|choice| choice.intervention).collect();
    assert_eq!(names, ["stale-price", "freeze-borrowing", "pause-vault", "do-nothing"]);
    // It is decided on once, by both: nobody hears what is no longer so a moment later.
    let notices = night.orders().into_iter().filter(|one| matches!(one.effect, Effect::Notify { .. })).count();
    assert_eq!((night.decisions().len(), notices), (1, 1));
    assert!(night.says(1, "it is one of `bent-price` too"));
    // One source is enough for what the other signal leads to, and not for the pause.
    let proposed = |night: &Night, name: &str| {
        let is_it = |one: &watchfire_response::effect::Ordered| matches!(&one.effect, Effect::Propose { intervention, .. } if intervention == name);
        night.orders().iter().any(is_it)
    };
    assert!(proposed(&night, "stale-price") && !proposed(&night, "freeze-borrowing"));
    night.decide("dana", 1, "stale-price").unwrap();
    // What comes later of either signal joins it.
    night.find(&OUTFLOW);
    night.find(&Sign { condition: "again", ..PRICE });
    assert_eq!((night.count(), night.answer(1, "pause-vault").as_str()), (1, "permitted"));
}

#[test]
fn an_incident_stands_under_the_gravest_of_its_signals() {
    let mut night = Night::under(
        &two_signals().replace(
            "{ detector = \"price\" }]\ngroup_by = [\"chain\"]",
            "{ detector = \"price\", min_severity = \"high\" }]\ngroup_by = [\"chain\"]",
        ),
        DAY_MS,
    );
    night.find(&Sign { severity: Severity::Medium, ..PRICE });
    assert_eq!(night.incident(1).signal, "bent-price");
    night.find(&Sign { condition: "more", ..PRICE });
    let incident = night.incident(1);
    assert_eq!((night.count(), incident.signal.as_str(), incident.severity), (1, "drain", Severity::Critical));
    assert!(incident.title.starts_with("Funds leave the vault: "), "{}", incident.title);
    assert!(night.says(1, "it is one of `drain` too"));
    assert!(pages_to(&night, "ana") >= 1, "it is graver now");
}

#[test]
fn where_the_plan_wants_it_each_signal_has_its_own() {
    let apart = two_signals().replace("name = \"Harbor\"", "name = \"Harbor\"\ncorrelate = false");
    let mut night = Night::under(&apart, DAY_MS);
    night.find(&PRICE);
    assert_eq!(night.count(), 2);
    assert_eq!((night.incident(1).related, night.incident(2).related), (vec![2], vec![1]), "about the same vault");
    assert!(night.says(2, "incident 1 has the same subject"));
    assert_eq!(pages_to(&night, "ana"), 1, "one ring is enough for one attack");
    let told = night.orders().into_iter().any(|one| match one.effect {
        Effect::Remind { whom, text, .. } => whom == ["ana"] && text.starts_with("Incident 2 comes with incident 1"),
        _ => false,
    });
    assert!(told);
    // It rings for two minutes: whoever has not answered by then is rung up for what comes.
    night.wait_s(121);
    night.find(&Sign { subject: "vault", chain: 2, ..OUTFLOW });
    assert!(pages_to(&night, "ana") >= 2);
}

#[test]
fn a_node_its_chain_and_its_section_go_together() {
    let blind = "\n[signal.blind]\nsummary = \"The watch is weakened\"\n\
                 match = [{ detector = \"watchfire/coverage\" }, { detector = \"watchfire/watch\" }]\n\
                 group_by = [\"subject\"]\nwindow_s = 3600\ninterventions = [\"freeze-borrowing\"]\n";
    let mut night = Night::under(&[HARBOR, blind].concat(), DAY_MS);
    let mut find = |detector: &'static str, subject: (&str, &'static str), chain: Option<&'static str>| {
        let labels = chain.map(|chain| ("chain", chain)).into_iter().collect();
        let mut finding =
            night.make(&Sign { detector, subject: subject.1, labels, severity: Severity::High, ..OUTFLOW });
        finding.claim.subject.kind = subject.0.into();
        finding.block = None;
        night.step(watchfire_response::desk::Input::Finding(&finding));
        night.count() as u64
    };
    let node = find("watchfire/coverage", ("endpoint", "ws://127.0.0.1:8545"), Some("31337"));
    let chain = find("watchfire/coverage", ("chain", "31337"), None);
    let section = find("watchfire/watch", ("chain", "anvil@0123456789ab"), Some("31337"));
    let other = find("watchfire/coverage", ("chain", "1"), None);
    let related = |id: u64| night.incident(id).related;
    assert_eq!((node, chain, section, other), (1, 2, 3, 4));
    assert_eq!((related(1), related(2), related(3), related(4)), (vec![2, 3], vec![1, 3], vec![1, 2], vec![]));
    assert!(night.says(2, "incident 1 has the same "), "{:?}", night.timeline(2));
}

#[test]
fn a_storm_of_one_signal_rings_once_in_two_minutes() {
    let apart = HARBOR.replace("group_by = [\"chain\"]", "group_by = [\"subject\"]");
    let mut night = Night::under(&apart, DAY_MS);
    for at in 0..30 {
        let subject: &'static str = Box::leak(format!("pool-{at}").into_boxed_str());
        night.find(&Sign { subject, severity: Severity::High, ..OUTFLOW });
        night.wait_s(2);
    }
    assert_eq!((night.count(), pages_to(&night, "ana")), (30, 1));
    // What is graver rings, and so does what comes once nobody is rung up any more.
    night.find(&Sign { subject: "vault", ..OUTFLOW });
    assert_eq!(pages_to(&night, "ana"), 2);
    night.wait_s(125);
    night.find(&Sign { subject: "late", ..OUTFLOW });
    assert_eq!(pages_to(&night, "ana"), 3);
    let open = watchfire_response::operator::Deed::Open {
        signal: "drain".into(),
        title: "a call".into(),
        severity: Severity::Critical,
    };
    night.act("dana", 0, open).unwrap();
    assert_eq!(pages_to(&night, "ana"), 4, "what somebody opens by hand rings");
}
