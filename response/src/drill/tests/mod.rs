#![allow(clippy::unwrap_used)]

mod ladder;

use std::sync::Arc;

use super::{Report, golden, read, run};
use crate::plan::Plan;

/// A plan with everything that a drill touches.
pub(crate) const PLAN: &str = include_str!("harbor.toml");

pub(crate) fn plan(text: &str) -> Arc<Plan> {
    match Plan::load(&[("plan.toml".to_owned(), text.to_owned())]) {
        Ok(plan) => Arc::new(plan),
        Err(found) => panic!("{}", found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    }
}

pub(crate) fn drilled(plan_text: &str, script: &str) -> Report {
    let scenario = read("drill.toml", script)
        .unwrap_or_else(|found| panic!("{}", found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")));
    run(&plan(plan_text), &scenario)
}

/// Runs a drill twice and expects these lines in its log, in this order.
pub(crate) fn check(plan_text: &str, script: &str, expected: &[&str]) -> Report {
    let report = drilled(plan_text, script);
    let log = golden(&report);
    assert_eq!(log, golden(&drilled(plan_text, script)), "a drill is the same on every run");
    let mut rest = log.as_str();
    for line in expected {
        match rest.find(line) {
            Some(at) => rest = &rest[at + line.len()..],
            None => panic!("`{line}` is missing, or not in its place:\n{log}"),
        }
    }
    report
}
