#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::plan::Plan;

fn moment(day: u64) -> Moment {
    Moment { ms: day * 86_400_000 }
}

fn note(day: u64, why: &str) -> Note {
    Note { at: moment(day), by: "ana".into(), why: why.into(), release: None, incident: None }
}

fn risk() -> Risk {
    toml::from_str(
        "summary = \"s\"\nasset = \"a\"\ncause = \"c\"\nlikelihood = \"medium\"\nimpact = \"high\"\nresponse = \"mitigate\"\n\
         owner = \"council\"\nstatus = \"open\"\nsignals = [\"drain\"]",
    )
    .unwrap()
}

/// The risk after acts, each on a day of its own, the first on day 1.
fn after(acts: &[Act]) -> Result<Risk, String> {
    acts.iter().zip(1..).try_fold(risk(), |risk, (one, day)| act(&risk, one, &note(day, "because")))
}

fn accept(day: u64) -> Act {
    Act::Accept { until: moment(day) }
}

fn update(status: Option<RiskStatus>, owner: Option<&str>) -> Act {
    Act::Update { status, owner: owner.map(str::to_owned) }
}

fn link(signals: &[&str], incidents: &[u64]) -> Act {
    let signals = signals.iter().map(|id| (*id).to_owned()).collect();
    Act::Link { signals, interventions: Vec::new(), incidents: incidents.to_vec() }
}

#[test]
fn each_act_writes_one_entry() {
    let check = |acts: &[Act], expected: &str| {
        let risk = after(acts).unwrap();
        assert_eq!(risk.history.len(), acts.len());
        let last = risk.history.last().unwrap();
        let linked = last.linked.join(" ");
        let (owner, until) = (last.owner.as_deref().unwrap_or("-"), last.accepted_until.map(|until| until.to_string()));
        let until = until.as_deref().unwrap_or("-");
        assert_eq!(format!("{} | {} | {owner} {until} {linked}", last.status, last.what), expected);
    };
    check(&[Act::Add], "open | added: because | council - ");
    check(&[Act::Add, link(&["drain", "blind"], &[17])], {
        "open | linked to signal.blind, incident.17: because | - - signal.blind incident.17"
    });
    check(&[accept(40)], "accepted | accepted until 1970-02-10: because | council 1970-02-10 ");
    check(&[accept(40), update(None, None)], "accepted | looked at: because | - - ");
    check(&[accept(40), accept(41)], "accepted | accepted until 1970-02-11: because | - 1970-02-11 ");
    check(&[Act::Add, update(Some(RiskStatus::Mitigated), Some("ana"))], {
        "mitigated | now mitigated, now with ana: because | ana - "
    });
    check(&[Act::Add, Act::Close], "closed | closed: because | - - ");
}

#[test]
fn what_can_not_be_done_is_refused_with_a_way_on() {
    let check = |acts: &[Act], expected: &str| assert_eq!(after(acts).unwrap_err(), expected);
    check(&[Act::Close, Act::Close], "it is closed; open it again by `watchfire risk update --status open`");
    check(&[Act::Close, accept(40)], "it is closed; open it again by `watchfire risk update --status open`");
    check(&[accept(1)], "1970-01-02 is past, so it would be accepted until before now; name a later moment");
    check(&[link(&["drain"], &[])], {
        "it is linked to all of these already, so nothing changes; to write that it was looked at, use `watchfire risk update`"
    });
    check(&[update(Some(RiskStatus::Accepted), None)], {
        "accept it by `watchfire risk accept`, which asks until when"
    });
    let late = act(&risk(), &Act::Add, &note(9, "")).unwrap();
    assert_eq!(
        act(&late, &Act::Close, &note(8, "")).unwrap_err(),
        "its last entry is of 1970-01-10, and it is 1970-01-09 here; check the clock and that entry"
    );
}

#[test]
fn a_risk_stands_where_its_entries_up_to_a_moment_say() {
    let risk = after(&[Act::Add, accept(40), link(&[], &[17]), update(Some(RiskStatus::Open), Some("ana"))]).unwrap();
    let check = |day: u64, expected: &str| {
        let said = Standing::at(&risk, moment(day).ms).map(|at| {
            let owner = at.owner.clone().unwrap_or_default();
            let until = at.accepted_until.map(|until| until.to_string()).unwrap_or_default();
            let linked: Vec<_> = at.linked.into_iter().collect();
            format!("{} {owner} {until} {}", at.status, linked.join(" "))
        });
        assert_eq!(said.as_deref().unwrap_or("nothing is known"), expected, "day {day}");
    };
    check(0, "nothing is known");
    check(1, "open council  signal.drain");
    check(2, "accepted council 1970-02-10 signal.drain");
    check(3, "accepted council 1970-02-10 incident.17 signal.drain");
    check(4, "open ana  incident.17 signal.drain");
    check(99, "open ana  incident.17 signal.drain");
}

#[test]
fn an_acceptance_lapses_at_its_moment() {
    let risk = after(&[accept(40)]).unwrap();
    let standing = Standing::now(&risk);
    assert!(!standing.has_lapsed(moment(40).ms - 1));
    assert!(standing.has_lapsed(moment(40).ms));
    assert!(!Standing::now(&after(&[accept(40), Act::Close]).unwrap()).has_lapsed(moment(41).ms));
}

#[test]
fn an_entry_needs_somebody_the_plan_knows() {
    let check = |text: &str, by: &str, expected: Result<(), &str>| {
        let plan = Plan::load(&[("plan.toml".into(), text.into())]).unwrap();
        assert_eq!(knows(plan.tables(), by), expected.map_err(str::to_owned));
    };
    let people = "[person.ana]\nname = \"Ana\"\n[role.council]\nkind = \"decision-owner\"\nmembers = [\"ana\"]\n";
    check(people, "ana", Ok(()));
    check(people, "council", Ok(()));
    check(people, "anna", Err("no person or role of the plan is called `anna`; did you mean `ana`?"));
    check(people, "root", Err("no person or role of the plan is called `root`; known are `ana`, `council`"));
    check("", "root", Ok(()));
    check("", " ", Err("an entry needs somebody who answers for it; name a person or a role"));
}

#[test]
fn a_release_goes_by_its_name_its_id_and_its_tag() {
    let text =
        "[release.v1-4]\nname = \"v1.4\"\nat = 2026-09-01\ntag = \"core/v1.4.0\"\n[release.spring]\nat = 2026-03-01\n";
    let plan = Plan::load(&[("plan.toml".into(), text.into())]).unwrap();
    let check = |name: &str, expected: Result<&str, &str>| {
        assert_eq!(find(plan.tables(), name).map(|(id, _)| id), expected.map_err(str::to_owned));
    };
    check("v1.4", Ok("v1-4"));
    check("v1-4", Ok("v1-4"));
    check("core/v1.4.0", Ok("v1-4"));
    check("spring", Ok("spring"));
    check("v1.5", Err("did you mean `v1.4`?"));
    let order: Vec<&str> = releases(plan.tables()).into_iter().map(|(id, _)| id).collect();
    assert_eq!(order, ["spring", "v1-4"]);
}

#[test]
fn a_register_that_contradicts_itself_does_not_load() {
    let check = |text: &str, expected: &[&str]| {
        let found = Plan::load(&[("plan.toml".into(), text.into())]).map_or_else(|found| found, |_| Vec::new());
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
    };
    check(
        "[release.a]\nat = 2026-09-01\n[release.b]\nname = \"a\"\nat = 2026-09-02\n",
        &["plan.toml:3:10: error: release.b: `a` goes by `a` too; give each release a name and a tag of its own"],
    );
    let risk = "[risk.x]\nsummary = \"s\"\nasset = \"a\"\ncause = \"c\"\nlikelihood = \"low\"\nimpact = \"low\"\n\
                response = \"avoid\"\nstatus = \"open\"\n";
    let entry = |at: &str| format!("[[risk.x.history]]\nat = {at}\nby = \"ana\"\nwhat = \"w\"\nstatus = \"open\"\n");
    check(
        &format!("{risk}{}{}", entry("2026-09-02"), entry("2026-09-01")),
        &[
            "plan.toml:15:6: error: risk.x.history.1.at: it is older than the entry before it; put the entries in order, \
         oldest first",
        ],
    );
}

fn any_act() -> impl Strategy<Value = Act> {
    let names = |of: &'static [&'static str]| {
        prop::collection::vec(prop::sample::select(of), 0..3)
            .prop_map(|names| names.into_iter().map(str::to_owned).collect::<Vec<_>>())
    };
    let status = prop::sample::select(vec![None, Some(RiskStatus::Open), Some(RiskStatus::Mitigated)]);
    prop_oneof![
        (names(&["drain", "blind", "bent"]), names(&["pause", "cap"]), prop::collection::vec(1_u64..5, 0..3))
            .prop_map(|(signals, interventions, incidents)| Act::Link { signals, interventions, incidents }),
        (1_u64..60).prop_map(accept),
        (status, prop::option::of(prop::sample::select(&["ana", "council"][..])))
            .prop_map(|(status, owner)| update(status, owner)),
        Just(Act::Close),
    ]
}

proptest! {
    #[test]
    fn the_whole_history_gives_where_a_risk_stands(acts in prop::collection::vec((any_act(), 0_u64..3), 0..20)) {
        let mut risk = risk();
        let mut day = 0;
        let mut past = Vec::new();
        for (one, later) in acts {
            day += later;
            // What is refused changes nothing.
            if let Ok(next) = act(&risk, &one, &note(day, "")) {
                risk = next;
                prop_assert_eq!(Standing::at(&risk, moment(day).ms), Some(Standing::now(&risk)));
                past.retain(|(on, _)| *on != day);
                past.push((day, Standing::now(&risk)));
            }
        }
        // What comes later changes nothing of what was.
        for (on, standing) in past {
            prop_assert_eq!(Standing::at(&risk, moment(on).ms), Some(standing));
        }
    }
}
