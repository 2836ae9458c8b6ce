//! A storm: ten thousand findings cost ten thousand times what one costs, one page is one page, and who makes it is named.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Instant;

use common::night::{DAY_MS, HARBOR, Night, OUTFLOW, PRICE, Sign};
use watchfire_response::desk::Input;
use watchfire_response::effect::Effect;
use watchfire_response::finding::Severity;
use watchfire_response::outcome::Outcome;

/// Harbor, which takes what comes.
fn patient() -> String {
    HARBOR.replace("name = \"Harbor\"", "name = \"Harbor\"\nconditions_per_hour = 1_000_000")
}

struct Course {
    night: Night,
    made: u64,
}

impl Course {
    fn under(text: &str) -> Self {
        Self { night: Night::under(text, DAY_MS), made: 0 }
    }

    /// Takes a new condition in, and returns how many bytes of JSON follow from it.
    fn find(&mut self, sign: &Sign) -> usize {
        self.made += 1;
        let key: &'static str = Box::leak(self.made.to_string().into_boxed_str());
        let finding = self.night.make(&Sign { condition: key, ..sign.clone() });
        self.give(Input::Finding(&finding))
    }

    /// Gives an input without the written form of all state, which would cost more than the step.
    fn give(&mut self, input: Input<'_>) -> usize {
        let told = self.night.desk.step(input, self.night.now_ms);
        let bytes = told.iter().map(|outcome| serde_json::to_vec(outcome).unwrap().len()).sum();
        self.night.told.extend(told.into_iter().map(|outcome| (self.night.now_ms, outcome)));
        bytes
    }

    /// A block of so many new conditions, and all that comes due until the next. Returns how many bytes follow.
    fn block(&mut self, count: usize) -> usize {
        let mut bytes = (0..count).map(|_| self.find(&OUTFLOW)).sum();
        let next_ms = self.night.now_ms + 12_000;
        while let Some(due_ms) = self.night.desk.next_due_ms().filter(|due_ms| *due_ms <= next_ms) {
            self.night.now_ms = self.night.now_ms.max(due_ms);
            bytes += self.give(Input::Tick);
        }
        self.night.now_ms = next_ms;
        bytes
    }

    fn pages(&self) -> usize {
        let is_page = |outcome: &&(u64, Outcome)| matches!(&outcome.1, Outcome::Effect(ordered) if matches!(ordered.effect, Effect::Page { .. }));
        self.night.told.iter().filter(is_page).count()
    }
}

#[test]
fn a_block_of_new_conditions_costs_what_it_says_however_many_there_were() {
    let mut course = Course::under(&patient());
    let blocks: Vec<usize> = (0..60).map(|_| course.block(100)).collect();
    let (early, late) = (blocks[10..20].iter().sum::<usize>(), blocks[50..60].iter().sum::<usize>());
    println!("bytes of what follows from 10 blocks of 100 new conditions: {early} after 1,000, {late} after 5,000");
    assert!(late <= early + early / 10, "{early}, then {late}: {blocks:?}");
    let most = *blocks.iter().max().unwrap();
    assert!(most <= 100 * 1024, "{most} bytes for a block, with the findings themselves below 200 KiB");
    assert_eq!(course.night.desk.incidents().next().unwrap().live_findings(), 6_000);
}

#[test]
fn the_curve_of_a_step_is_flat() {
    let mut course = Course::under(&patient());
    let mut curve = Vec::new();
    for live in [10_usize, 1_000, 10_000] {
        while course.made < live as u64 - 10 {
            course.find(&OUTFLOW);
        }
        let (mut bytes, start) = (0, Instant::now());
        for _ in 0..10 {
            bytes += course.find(&OUTFLOW);
        }
        curve.push((live, bytes / 10, start.elapsed().as_micros() / 10));
    }
    for (live, bytes, us) in &curve {
        println!("{live} live findings: {bytes} bytes and {us} µs for one more");
    }
    assert!(curve[2].1 <= curve[1].1 + curve[1].1 / 10, "{curve:?}");
    // Each step that looked at all live findings would take a thousand times as long.
    assert!(curve[2].2 < curve[0].2.max(200) * 20, "{curve:?}");
}

#[test]
fn a_reorg_over_thousands_of_findings_is_linear() {
    let mut course = Course::under(&patient());
    let mut found = Vec::new();
    for at in 0..3_000_u64 {
        course.made += 1;
        let key: &'static str = Box::leak(course.made.to_string().into_boxed_str());
        let finding = course.night.make(&Sign { condition: key, amount: at + 1, ..OUTFLOW });
        course.give(Input::Finding(&finding));
        found.push(finding.id);
    }
    let mut halves = Vec::new();
    for half in found.rchunks(1_500) {
        let (mut bytes, start) = (0, Instant::now());
        for finding in half.iter().rev() {
            bytes += course.give(Input::Retraction { finding: *finding, reason: "block 0x… left the chain" });
        }
        halves.push((bytes, start.elapsed().as_millis()));
    }
    println!("taking 1,500 of 3,000 findings back, and the rest: {halves:?} bytes, ms");
    assert!(halves.iter().all(|(bytes, _)| *bytes < 600 * 1024), "{halves:?}");
    assert_eq!(course.night.desk.incidents().count(), 0);
}

#[test]
fn beyond_the_budget_conditions_are_counted_and_their_maker_is_named() {
    let mut course = Course::under(&HARBOR.replace("name = \"Harbor\"", "name = \"Harbor\"\nconditions_per_hour = 50"));
    for _ in 0..200 {
        course.find(&Sign { severity: Severity::High, ..OUTFLOW });
    }
    let incident = course.night.desk.incidents().next().unwrap().clone();
    // The one that opened it is an incident, not a condition of one.
    assert_eq!((incident.live_findings(), incident.uncounted), (51, 149));
    let now_ms = course.night.now_ms;
    let storms: Vec<(String, u64, u64)> =
        course.night.desk.storms(now_ms).map(|storm| (storm.maker.to_owned(), storm.count, storm.most)).collect();
    assert_eq!(storms, [("outflow".to_owned(), 199, 50)]);
    let before = course.pages();
    // What is graver, or by another source, is heard all the same.
    course.find(&OUTFLOW);
    course.find(&PRICE);
    assert!(course.pages() > before);
    assert_eq!(course.night.answer(1, "pause-vault"), "permitted");
    course.night.wait_s(60);
    assert!(course.night.says(1, "149 more were counted and not kept"), "within a minute");
    course.night.wait_s(3_600);
    let now_ms = course.night.now_ms;
    assert_eq!(course.night.desk.storms(now_ms).count(), 0, "an hour later it is over");
    course.find(&Sign { severity: Severity::High, ..OUTFLOW });
    assert_eq!(course.night.desk.incidents().next().unwrap().live_findings(), 54);
}

#[test]
fn beyond_the_budget_incidents_of_a_signal_share_one() {
    let apart = HARBOR
        .replace("group_by = [\"chain\"]", "group_by = [\"subject\"]")
        .replace("name = \"Harbor\"", "name = \"Harbor\"\nincidents_per_hour = 5");
    let mut course = Course::under(&apart);
    let mut about = |subject: String, severity| {
        let subject: &'static str = Box::leak(subject.into_boxed_str());
        course.find(&Sign { subject, severity, ..OUTFLOW });
    };
    for at in 0..100 {
        about(format!("pool-{at}"), Severity::High);
    }
    about("vault".to_owned(), Severity::Critical);
    let incidents: Vec<_> = course.night.desk.incidents().cloned().collect();
    assert_eq!(incidents.len(), 6);
    assert_eq!((incidents[5].live_findings(), incidents[5].severity), (96, Severity::Critical));
    // Each of six paged by its first step, and the one that became critical once more.
    assert!(course.pages() <= 7, "{}", course.pages());
    // The same conditions again go where they are.
    course.find(&Sign { subject: "pool-3", severity: Severity::High, ..OUTFLOW });
    assert_eq!(course.night.desk.incidents().count(), 6);
    course.night.wait_s(3_601);
    course.find(&Sign { subject: "new", severity: Severity::High, ..OUTFLOW });
    assert_eq!(course.night.desk.incidents().count(), 7, "an hour later it has its own");
}
