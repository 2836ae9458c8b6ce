//! The engine's step alone, without a journal: findings a second on one core.

use std::sync::Arc;
use std::time::Instant;

use alloy_primitives::B256;

use crate::Bench;
use crate::report::{Aim, Report};
use watchfire::block::BlockRef;
use watchfire::desk::{Desk, Input};
use watchfire::digest::Hasher;
use watchfire::finding::{Claim, Finding, Origin, Severity, Subject};
use watchfire::plan::Plan;
use watchfire::plan::starter::Kind;

/// Incidents that are open at a time.
const SUBJECTS: u64 = 64;

pub(super) const NOW_MS: u64 = 1_795_608_000_000;

pub(super) fn measure(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    let count = if bench.rounds == 1 { 2_000 } else { 200_000 };
    report.section("findings through the engine's step, on one core, without a journal");
    // A whole plan, grouped so that many incidents are open at once.
    let files: Vec<(String, String)> = Kind::Lending
        .files("Bench", NOW_MS, true)
        .into_iter()
        .map(|(name, text)| (name, text.replace("group_by = [\"chain\"]", "group_by = [\"chain\", \"subject\"]")))
        .collect();
    let plan = Plan::load(&files).map_err(|found| anyhow::anyhow!("the starter does not load: {found:?}"))?;
    let plan = Arc::new(plan);

    let again: Vec<Finding> = (0..count).map(|number| finding(number, number % SUBJECTS, 0)).collect();
    report.row(
        "conditions that are known, over 64 open incidents",
        rate(&plan, &again),
        "in a s",
        Some(Aim::AtLeast(100_000.0)),
    );
    let few = count / 20;
    let news: Vec<Finding> = (0..few).map(|number| finding(number, number % SUBJECTS, number)).collect();
    report.row("new conditions, over 64 open incidents", rate(&plan, &news), "in a s", None);
    let strange: Vec<Finding> = (0..count)
        .map(|number| Finding { detector: "nobodys".to_owned(), ..finding(number, number % SUBJECTS, number) })
        .collect();
    report.row("findings that no signal is for", rate(&plan, &strange), "in a s", Some(Aim::AtLeast(100_000.0)));
    Ok(())
}

fn rate(plan: &Arc<Plan>, findings: &[Finding]) -> f64 {
    let mut desk = Desk::default();
    desk.step(Input::plan(plan.clone()), NOW_MS);
    let started = Instant::now();
    let mut outcomes = 0;
    for finding in findings {
        outcomes += desk.step(Input::Finding(finding), finding.at_ms).len();
    }
    let took = started.elapsed();
    std::hint::black_box(outcomes);
    findings.len() as f64 / took.as_secs_f64().max(f64::EPSILON)
}

pub(super) fn finding(number: u64, subject: u64, condition: u64) -> Finding {
    let at_ms = NOW_MS + number;
    let origin = Origin {
        detector: "outflow",
        digest: B256::ZERO,
        input: Hasher::new("bench").number(number).finish(),
        block: Some(BlockRef { chain: 1, number, hash: B256::with_last_byte(1) }),
        time_ms: at_ms,
        at_ms,
        assurance: None,
        finality: None,
    };
    let claim = Claim {
        kind: "outflow-limit".into(),
        severity: Severity::High,
        confidence_percent: 90,
        title: "funds leave".into(),
        description: String::new(),
        subject: Subject { kind: "address".into(), id: format!("0x{subject:040x}") },
        transactions: Vec::new(),
        logs: Vec::new(),
        amounts: Vec::new(),
        attributes: Vec::new(),
        condition_key: condition.to_string(),
    };
    Finding::place(&origin, 0, claim)
}
