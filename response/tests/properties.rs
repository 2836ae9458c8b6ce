//! What holds under any plan and any course of inputs.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::night::{DAY_MS, HARBOR, Night, OUTFLOW, Sign};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use watchfire_response::decision::Answer;
use watchfire_response::desk::{Desk, Input};
use watchfire_response::due::audit;
use watchfire_response::effect::Effect;
use watchfire_response::fact::{Delivery, Says};
use watchfire_response::finding::{Finding, Severity};
use watchfire_response::incident::IncidentState;
use watchfire_response::operator::{Deed, NoteKind};
use watchfire_response::outcome::Outcome;
use watchfire_response::plan::{DO_NOTHING, Plan};

/// What is different from one plan to the next.
#[derive(Clone, Debug)]
struct Shape {
    sources: u32,
    uses: u32,
    period: bool,
    cooldown_s: u64,
    quorum: u32,
    by_subject: bool,
    pause_by: usize,
    freeze_by: usize,
    repeat: u32,
    last_resort: bool,
    mute: bool,
    patient: bool,
}

const WAYS: [&str; 4] = ["off", "propose", "presigned", "auto"];

impl Shape {
    fn text(&self) -> String {
        let mut limits = format!("uses = {}, cooldown_s = {}", self.uses, self.cooldown_s);
        if self.period {
            limits.push_str(", per_s = 7_200");
        }
        let mut text = HARBOR
            .replace("sources = 2", &format!("sources = {}", self.sources))
            .replacen("uses = 1", &limits, 1)
            .replace("quorum = 2", &format!("uses = 2, quorum = {}", self.quorum))
            .replace("automation = \"presigned\"", &format!("automation = \"{}\"", WAYS[self.pause_by]))
            .replace("automation = \"propose\"", &format!("automation = \"{}\"", WAYS[self.freeze_by]))
            .replace("repeat = 1", &format!("repeat = {}", self.repeat));
        if self.by_subject {
            text = text.replace("group_by = [\"chain\"]", "group_by = [\"subject\"]");
        }
        if !self.last_resort {
            text = text.replace("last_resort = [\"lead\"]\n", "");
        }
        if self.patient {
            text = text.replace("window_s = 3600", "window_s = 3600\nfor_s = 60\nkeep_for_s = 300");
        }
        if self.mute {
            text.push_str(
                "\n[silence.s]\nmatch = [{ detector = \"price\" }]\nuntil = 2026-11-02T14:00:00Z\nowner = \"lead\"\nreason = \"r\"\n",
            );
        }
        text
    }
}

fn shape() -> impl Strategy<Value = Shape> {
    let limits = (1..3_u32, 1..3_u32, any::<bool>(), prop_oneof![Just(0_u64), Just(900)], 1..3_u32);
    let rest = (any::<bool>(), 0..4_usize, 0..4_usize, 0..3_u32, any::<bool>(), any::<bool>(), any::<bool>());
    (limits, rest).prop_map(|((sources, uses, period, cooldown_s, quorum), rest)| {
        let (by_subject, pause_by, freeze_by, repeat, last_resort, mute, patient) = rest;
        Shape {
            sources,
            uses,
            period,
            cooldown_s,
            quorum,
            by_subject,
            pause_by,
            freeze_by,
            repeat,
            last_resort,
            mute,
            patient,
        }
    })
}

/// Something that happens.
#[derive(Clone, Debug)]
enum Step {
    Find { detector: usize, subject: usize, condition: usize, severity: usize, amount: u64, chain: u64 },
    TakeBack(usize),
    Act { by: usize, incident: u64, deed: usize, number: u32 },
    Know(usize, bool),
    Deliver(usize, bool),
    Wait(u64),
    Follow(Box<Shape>),
}

const PEOPLE: [&str; 5] = ["ana", "bo", "chidi", "dana", "mallory"];
const SEVERITIES: [Severity; 3] = [Severity::Medium, Severity::High, Severity::Critical];
const NAMES: [&str; 3] = ["pause-vault", "freeze-borrowing", DO_NOTHING];

fn deed(kind: usize, number: u32, incident: u64, now_ms: u64) -> Deed {
    let why = "because".to_owned();
    let (ruling, name) = (number, NAMES[number as usize % NAMES.len()].to_owned());
    match kind {
        0 => Deed::Declare,
        1 => Deed::Ack,
        2 => Deed::Take { role: ["lead", "guardian", "nobody"][number as usize % 3].into(), person: None },
        3 => Deed::Note { text: why, kind: NoteKind::Note },
        4 => Deed::Grade { severity: SEVERITIES[number as usize % 3], why },
        5 | 6 => Deed::Decide { intervention: name, why },
        7 => Deed::Approve { ruling },
        8 => Deed::Veto { ruling, why },
        9 | 10 => Deed::Done { ruling, by_what: why },
        11 => Deed::Confirm { ruling, why },
        12 => Deed::Reverse { ruling, why },
        13 => Deed::Resolve { state: [IncidentState::Active, IncidentState::Contained][number as usize % 2], why },
        14 => {
            Deed::Communicate { communication: "users".into(), text: "We look.".into(), last: number.is_multiple_of(2) }
        }
        15 => Deed::ApproveText { communication: "users".into() },
        16 => Deed::Silence { until_ms: now_ms + 600_000, why },
        17 => Deed::Merge { into: incident % 3 + 1 },
        18 => Deed::FalsePositive { why },
        19 => Deed::Adopt,
        20 => Deed::Close { risks: Vec::new(), no_change: Some(why), holds: Some("seen".into()) },
        21 => Deed::Halt { why },
        22 => Deed::Unhalt { why },
        23 => Deed::Undone { ruling, why },
        _ => Deed::Open { signal: "drain".into(), title: "a call".into(), severity: Severity::High },
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3_usize, 0..2_usize, 0..3_usize, 0..3_usize, 0..500_u64, 1..3_u64).prop_map(
            |(detector, subject, condition, severity, amount, chain)| Step::Find { detector, subject, condition, severity, amount, chain }
        ),
        1 => (0..8_usize).prop_map(Step::TakeBack),
        6 => (0..5_usize, 1..4_u64, 0..25_usize, 1..4_u32)
            .prop_map(|(by, incident, deed, number)| Step::Act { by, incident, deed, number }),
        1 => (0..6_usize, any::<bool>()).prop_map(|(which, yes)| Step::Know(which, yes)),
        1 => (0..6_usize, any::<bool>()).prop_map(|(which, yes)| Step::Deliver(which, yes)),
        3 => prop_oneof![Just(0), Just(60), Just(300), Just(3_600), 0..90_000_u64].prop_map(Step::Wait),
        1 => shape().prop_map(|shape| Step::Follow(Box::new(shape))),
    ]
}

/// All that the desk was given, with when, for giving it again.
enum Given {
    Finding(Finding),
    Retraction(alloy_primitives::B256),
    Act(watchfire_response::operator::Act),
    Fact(watchfire_response::fact::Fact),
    Delivery(Delivery),
    Plan(std::sync::Arc<Plan>),
    Tick,
}

impl Given {
    fn input(&self) -> Input<'_> {
        match self {
            Self::Finding(finding) => Input::Finding(finding),
            Self::Retraction(finding) => Input::Retraction { finding: *finding, reason: "gone" },
            Self::Act(act) => Input::Act(act),
            Self::Fact(fact) => Input::Fact(fact),
            Self::Delivery(delivery) => Input::Delivery(delivery),
            Self::Plan(plan) => Input::plan(plan.clone()),
            Self::Tick => Input::Tick,
        }
    }
}

struct Course {
    night: Night,
    plans: Vec<std::sync::Arc<Plan>>,
    given: Vec<(u64, Given)>,
    found: Vec<alloy_primitives::B256>,
}

impl Course {
    fn give(&mut self, given: Given) -> Result<(), TestCaseError> {
        let told = self.night.desk.step(given.input(), self.night.now_ms);
        let now_ms = self.night.now_ms;
        self.night.told.extend(told.iter().cloned().map(|outcome| (now_ms, outcome)));
        // Time alone moves no finding, and there is much of it.
        let is_tick = matches!(given, Given::Tick);
        self.given.push((now_ms, given));
        if !is_tick {
            self.expect_in_step()?;
        }
        self.expect_sound(&told)
    }

    fn follow(&mut self, shape: &Shape) -> Result<(), TestCaseError> {
        let plan = std::sync::Arc::new(Plan::load(&[("plan.toml".into(), shape.text())]).unwrap());
        self.plans.push(plan.clone());
        self.give(Given::Plan(plan))
    }

    fn wait(&mut self, seconds: u64) -> Result<(), TestCaseError> {
        let end_ms = self.night.now_ms + seconds * 1_000;
        while let Some(due_ms) = self.night.desk.next_due_ms().filter(|due_ms| *due_ms <= end_ms) {
            self.night.now_ms = self.night.now_ms.max(due_ms);
            self.give(Given::Tick)?;
        }
        self.night.now_ms = end_ms;
        Ok(())
    }

    fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::Find { detector, subject, condition, severity, amount, chain } => {
                let sign = Sign {
                    detector: ["outflow", "price", "unheard"][*detector],
                    subject: ["vault", "pool"][*subject],
                    condition: ["", "a", "b"][*condition],
                    severity: SEVERITIES[*severity],
                    amount: *amount,
                    chain: *chain,
                    // Some amounts are of a window that slides.
                    labels: if amount % 3 == 0 { vec![("covers-s", "900")] } else { Vec::new() },
                    ..OUTFLOW
                };
                let finding = self.night.make(&sign);
                self.found.push(finding.id);
                self.give(Given::Finding(finding))
            }
            Step::TakeBack(at) if !self.found.is_empty() => {
                let finding = self.found.swap_remove(at % self.found.len());
                self.give(Given::Retraction(finding))
            }
            Step::TakeBack(_) => Ok(()),
            Step::Act { by, incident, deed: kind, number } => {
                let deed = deed(*kind, *number, *incident, self.night.now_ms);
                let incident = (*kind < 21).then_some(*incident);
                let (by, proof, protocol) = (PEOPLE[*by].to_owned(), String::new(), String::new());
                self.give(Given::Act(watchfire_response::operator::Act {
                    by,
                    proof,
                    protocol,
                    incident,
                    seen: None,
                    signed: None,
                    deed,
                }))
            }
            Step::Know(which, yes) => {
                let (authority, intervention, yes) = ("guardian-key".to_owned(), "pause-vault".to_owned(), *yes);
                let says = match which {
                    0 => Says::Holds { authority, yes },
                    1 => Says::Heartbeat { authority },
                    2 => Says::Delay { authority, delay_s: if yes { 0 } else { 86_400 } },
                    3 => Says::InEffect { intervention, yes },
                    4 => Says::Postcondition { intervention, yes },
                    _ => Says::UsesLeft { intervention, uses: u32::from(yes) },
                };
                let read_at_ms = self.night.now_ms;
                self.give(Given::Fact(watchfire_response::fact::Fact {
                    protocol: String::new(),
                    says,
                    block: None,
                    read_at_ms,
                }))
            }
            Step::Deliver(which, arrived) => {
                let orders = self.night.orders();
                let pages: Vec<_> = orders.iter().filter(|one| matches!(one.effect, Effect::Page { .. })).collect();
                match pages.iter().rev().nth(*which) {
                    Some(page) => self.give(Given::Delivery(Delivery {
                        arrived: *arrived,
                        ..Delivery::failed(page.key, "busy".into())
                    })),
                    None => Ok(()),
                }
            }
            Step::Wait(seconds) => self.wait(*seconds),
            Step::Follow(shape) => self.follow(shape),
        }
    }

    /// What must be so after every step: what the desk keeps of open incidents in several places is in step.
    fn expect_in_step(&self) -> Result<(), TestCaseError> {
        let desk = serde_json::to_value(&self.night.desk).unwrap();
        let open: BTreeSet<u64> = self.night.desk.incidents().map(|one| one.id).collect();
        let ids = |value: &serde_json::Value| -> Vec<u64> {
            value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap()).collect()
        };
        let of = |table: &str| desk["index"][table].as_object().unwrap().clone();
        // By the cases: which findings of which condition are live in which incident.
        let mut live: BTreeMap<(String, String), BTreeSet<u64>> = BTreeMap::new();
        for (id, file) in desk["files"].as_object().unwrap() {
            expect_added_up(&file["case"])?;
            for (fingerprint, condition) in file["case"]["conditions"].as_object().unwrap() {
                let sightings = condition["sightings"].as_array().unwrap();
                prop_assert!(!sightings.is_empty());
                for sighting in sightings {
                    let finding = sighting["finding"].as_str().unwrap().to_owned();
                    let is_new = live.entry((fingerprint.clone(), finding)).or_default().insert(id.parse().unwrap());
                    prop_assert!(is_new, "incident {id} has a sighting twice");
                }
            }
        }
        let mut homes = BTreeMap::new();
        for (finding, home) in of("homes") {
            let incidents = ids(&home["incidents"]);
            let distinct: BTreeSet<u64> = incidents.iter().copied().collect();
            prop_assert!(!distinct.is_empty() && distinct.len() == incidents.len());
            homes.insert((home["fingerprint"].as_str().unwrap().to_owned(), finding), distinct);
        }
        prop_assert_eq!(&homes, &live);
        let mut conditions: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
        for ((fingerprint, _), incidents) in live {
            conditions.entry(fingerprint).or_default().extend(incidents);
        }
        let active: BTreeMap<String, BTreeSet<u64>> = of("active")
            .into_iter()
            .map(|(fingerprint, incidents)| (fingerprint, ids(&incidents).into_iter().collect()))
            .collect();
        prop_assert_eq!(active, conditions);
        let groups: BTreeSet<u64> = of("groups").keys().map(|id| id.parse().unwrap()).collect();
        prop_assert_eq!(&groups, &open);
        for (group, id) in of("open") {
            let of_it = of("groups")[&id.to_string()].as_array().unwrap().clone();
            prop_assert!(of_it.iter().any(|one| one.as_str() == Some(&group)));
        }
        Ok(())
    }

    /// What must be so after every step, by what comes of it.
    fn expect_sound(&self, told: &[Outcome]) -> Result<(), TestCaseError> {
        let night = &self.night;
        for incident in night.desk.incidents() {
            let due = night.desk.dues().any(|(_, of, _)| of == incident.id);
            prop_assert!(due, "incident {} is open and nothing is due of it", incident.id);
        }
        for (due_ms, id, due) in night.desk.dues() {
            prop_assert!(night.desk.incidents().any(|one| one.id == id), "{due} of {id}, which is over, at {due_ms}");
        }
        for outcome in told {
            let Outcome::Decision(decision) = outcome else { continue };
            let plan = self.plans.iter().find(|plan| plan.hash() == decision.plan).unwrap();
            let mapped = &plan.tables().signal[&decision.signal].interventions;
            let mut listed: Vec<&str> = decision.choices.iter().map(|one| one.intervention.as_str()).collect();
            prop_assert_eq!(listed.pop(), Some(DO_NOTHING));
            let distinct: BTreeSet<&str> = listed.iter().copied().collect();
            prop_assert_eq!(distinct.len(), listed.len());
            prop_assert_eq!(distinct, mapped.iter().map(String::as_str).collect::<BTreeSet<_>>());
            for choice in &decision.choices {
                let reasoned = match &choice.answer {
                    Answer::Permitted { why } => !why.is_empty(),
                    Answer::Needs { whom, why } => !why.is_empty() && !whom.is_empty(),
                    Answer::Denied { why } => !why.is_empty() && why.iter().all(|why| !why.is_empty()),
                };
                prop_assert!(reasoned, "{}: {:?}", choice.intervention, choice.answer);
            }
        }
        Ok(())
    }
}

/// What is lost is what live conditions and the flows that they report of come to.
fn expect_added_up(case: &serde_json::Value) -> Result<(), TestCaseError> {
    let digits = |value: &serde_json::Value| value.as_str().map_or(0, |digits| digits.parse::<u128>().unwrap());
    let conditions = case["conditions"].as_object().unwrap();
    let mut lost: u128 = conditions.values().map(|condition| digits(&condition["amounts"]["eth"])).sum();
    for flow in case["flows"].as_object().unwrap().values() {
        let reports = flow["reports"].as_array().unwrap();
        lost += digits(&reports.last().unwrap()["so_far"]);
        for report in reports {
            prop_assert!(conditions.contains_key(report["condition"].as_str().unwrap()), "{report} is of nothing live");
        }
    }
    prop_assert_eq!(lost, digits(&case["incident"]["loss"]["eth"]));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("proptest-regressions"))), ..ProptestConfig::default() })]

    #[test]
    fn no_deadline_is_missed_and_a_replay_is_the_run(
        shape in shape(),
        steps in prop::collection::vec(step(), 1..40),
        split in 0.0..1.0_f64,
    ) {
        let night = Night::under(&shape.text(), DAY_MS);
        let plan = night.desk.plan().unwrap().clone();
        let mut course = Course { night, plans: vec![plan.clone()], given: vec![(DAY_MS, Given::Plan(plan))], found: Vec::new() };
        for step in &steps {
            course.take(step)?;
        }
        course.wait(2 * 86_400)?;

        let clocks = course.night.clocks();
        let audited = audit(&clocks, course.night.now_ms, 0);
        prop_assert!(audited.late.is_empty() && audited.missed.is_empty() && audited.odd.is_empty(), "{audited:?}");

        // Given again, with a restart from the written state somewhere on the way, the same follows.
        let mut desk = Desk::default();
        let mut told = Vec::new();
        let at = (split * course.given.len() as f64) as usize;
        for (position, (at_ms, given)) in course.given.iter().enumerate() {
            if position == at {
                desk = serde_json::from_str(&serde_json::to_string(&desk).unwrap()).unwrap();
            }
            told.extend(desk.step(given.input(), *at_ms).into_iter().map(|outcome| (*at_ms, outcome)));
        }
        prop_assert!(told == course.night.told && desk == course.night.desk);

        for id in 1..=course.night.count() as u64 {
            prop_assert!(watchfire_response::timeline::verify(&course.night.timeline(id)).is_ok());
        }
    }

    /// Under one plan, so that the limit is one: what automation had carried out within any span of a period, or ever, is
    /// within it, and so is what people reserve for incidents that are not critical.
    #[test]
    fn no_limit_is_exceeded(shape in shape(), steps in prop::collection::vec(step(), 1..60)) {
        let night = Night::under(&shape.text(), DAY_MS);
        let plan = night.desk.plan().unwrap().clone();
        let mut course = Course { night, plans: vec![plan], given: Vec::new(), found: Vec::new() };
        for step in steps.iter().filter(|step| !matches!(step, Step::Follow(_))) {
            course.take(step)?;
            let now_ms = course.night.now_ms;
            let held: Vec<_> =
                course.night.desk.uses().filter(|(id, _)| *id == "pause-vault").map(|(_, one)| *one).collect();
            // People may contain what is critical, whatever was used before; whoever was first is within the limit.
            let is_bound = |one: &&watchfire_response::desk::Use| {
                let desk = &course.night.desk;
                let by_plan = desk.rulings(one.incident).iter().any(|ruling| {
                    ruling.intervention == "pause-vault" && ruling.state.is_open() && ruling.by.is_none()
                });
                let is_lesser = desk.incidents().any(|incident| {
                    incident.id == one.incident && incident.severity < Severity::Critical
                });
                one.at_ms == now_ms && !one.committed && (by_plan || is_lesser)
            };
            if held.iter().any(|one| is_bound(&one)) {
                let counts = |one: &&watchfire_response::desk::Use| {
                    !one.undone && (!shape.period || now_ms - one.at_ms < 7_200_000)
                };
                let counts = held.iter().filter(counts).count();
                prop_assert!(counts <= shape.uses as usize, "{counts} uses of {}", shape.uses);
            }
        }
        let mut done: BTreeMap<(u64, u32), u64> = BTreeMap::new();
        for (_, outcome) in &course.night.told {
            if let Outcome::Decision(decision) = outcome {
                for ruling in decision.rulings.iter().filter(|ruling| ruling.intervention == "pause-vault") {
                    if let Some(at_ms) = ruling.done_at_ms.filter(|_| ruling.by.is_none()) {
                        done.insert((decision.incident, ruling.number), at_ms);
                    }
                }
            }
        }
        let mut times: Vec<u64> = done.into_values().collect();
        times.sort_unstable();
        let most = times.iter().enumerate().map(|(first, from_ms)| {
            let within = |at_ms: &&u64| !shape.period || **at_ms - from_ms < 7_200_000;
            times[first..].iter().filter(within).count()
        });
        prop_assert!(most.max().unwrap_or(0) <= shape.uses as usize, "{times:?}");
    }
}
