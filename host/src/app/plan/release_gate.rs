//! The release gate over a plan's files.

use crate::plan::register::{ClosedIncident, Reason, judge, unready};
use crate::plan::{Plan, readiness};

/// What stands against a release as of a moment, milliseconds since the Unix epoch; nothing where it may go out.
pub fn reasons(files: &[(String, String)], incidents: &[ClosedIncident], at_ms: u64) -> Vec<Reason> {
    match Plan::load(files) {
        Ok(plan) => judge(plan.tables(), incidents, &readiness(files, at_ms).found, at_ms),
        // Where the plan does not load, nothing is known of its risks.
        Err(all) => all.iter().filter(|found| found.is_error()).map(unready).collect(),
    }
}
