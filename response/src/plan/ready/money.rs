//! Users: what an intervention takes from them, for how long, and whether they were told.

use super::survey::Survey;
use super::table::*;
use crate::plan::Intervention;
use crate::plan::load::entity;
use crate::plan::moment::span;

const EXIT: [&str; 4] = ["exit", "withdraw", "withdrawals", "redeem"];
const REPAY: [&str; 3] = ["repay", "repayment", "repayments"];

pub(super) fn check(survey: &mut Survey<'_>) {
    for (id, intervention) in &survey.tables().intervention {
        let at = entity("intervention", id);
        let grace_s = intervention.reversal.as_ref().map_or(0, |reversal| reversal.grace_s);
        if let Some(index) = blocks(intervention, &REPAY)
            && grace_s == 0
        {
            let message = "users can't repay, and have no time to when it is over".into();
            survey.report(NO_GRACE, at, &["cost", "blocks", &index.to_string()], message);
        }
        if let Some(index) = blocks(intervention, &EXIT)
            && intervention.cost.mode.is_none()
        {
            let message = "users can't leave, and what they still can do is not said".into();
            survey.report(NO_WAY_OUT, at, &["cost", "blocks", &index.to_string()], message);
        }
        if !intervention.cost.inside_boundary {
            let message = "users were not told that this may be done to them".into();
            survey.report(OUTSIDE_BOUNDARY, at, &["cost", "inside_boundary"], message);
        }
        let (Some(most_s), Some(reversal)) = (intervention.limits.max_duration_s, &intervention.reversal) else {
            continue;
        };
        let ends_by_itself = reversal.expires_s.is_some_and(|expires_s| expires_s <= most_s);
        if most_s < reversal.latency_s && !ends_by_itself {
            let message = format!("it may last {} and takes {} to undo", span(most_s), span(reversal.latency_s));
            survey.report(ENDS_TOO_SOON, at, &["limits", "max_duration_s"], message);
        }
    }
}

/// Which of the things that an intervention blocks is one of these.
fn blocks(intervention: &Intervention, names: &[&str]) -> Option<usize> {
    let is_named = |blocked: &String| names.iter().any(|name| blocked.trim().eq_ignore_ascii_case(name));
    intervention.cost.blocks.iter().position(is_named)
}
