//! Powers: whether each can be reached, is still there, was tried, and can be stopped.

use std::collections::BTreeSet;

use super::people::VERIFIED_DAYS;
use super::survey::{DAY_S, Survey};
use super::table::*;
use crate::plan::load::entity;
use crate::plan::{AuthorityKind, Automation};

/// How long before a power ends the check warns, in days.
const NOTICE_DAYS: u64 = 30;

/// After how many days what was drilled is to be drilled again.
const DRILLED_DAYS: u64 = 180;

pub(super) fn check(survey: &mut Survey<'_>) {
    interventions(survey);
    authorities(survey);
}

fn interventions(survey: &mut Survey<'_>) {
    let tables = survey.tables();
    let reached: BTreeSet<&String> = tables.signal.values().flat_map(|signal| &signal.interventions).collect();
    for (id, intervention) in &tables.intervention {
        let at = entity("intervention", id);
        if !reached.contains(id) {
            survey.report(OUT_OF_REACH, at, &[], "no signal leads to it".into());
        }
        for (index, fault) in
            intervention.calls.iter().enumerate().filter_map(|(index, call)| Some((index, call.fault()?)))
        {
            survey.report(NO_CALL, at, &["calls"], format!("call {}: {fault}", index + 1));
        }
        let is_automated = matches!(intervention.automation, Automation::Presigned | Automation::Auto);
        if is_automated && tables.protocol.kill_switch.is_none() {
            let message = "it may be used without a person, and nobody is named who can halt automation".into();
            survey.report(NO_KILL_SWITCH, at, &["automation"], message);
        }
        if is_automated && !intervention.prerequisites.is_empty() {
            let message = "it waits for a person, since its prerequisites are words".into();
            survey.report(NEVER_AUTOMATIC, at, &["prerequisites"], message);
        }
        if let Some(end) = intervention.limits.not_after {
            let path = ["limits", "not_after"];
            if survey.is_past(end) {
                survey.report(POWER_OVER, at, &path, format!("the power ended on {end}"));
            } else if end.ms - survey.now_ms <= NOTICE_DAYS * DAY_S * 1_000 {
                let days = (end.ms - survey.now_ms).div_ceil(DAY_S * 1_000);
                let days = if days == 1 { "within a day".to_owned() } else { format!("in {days} days") };
                survey.report(POWER_ENDS, at, &path, format!("the power ends {days}, on {end}"));
            }
        }
        // A power that is over can't be rehearsed, and a check of its own reports that it is over.
        if survey.is_live(intervention)
            && let Some(message) = survey.stale(intervention.drilled_at, DRILLED_DAYS, "drilled")
        {
            survey.report(NOT_DRILLED, at, &["drilled_at"], message);
        }
    }
}

fn authorities(survey: &mut Survey<'_>) {
    for (id, authority) in &survey.tables().authority {
        let at = entity("authority", id);
        let owners: BTreeSet<_> = authority.owners.iter().collect();
        if !owners.is_empty() && authority.threshold as usize > owners.len() {
            let have = if owners.len() == 1 { "one owner is".into() } else { format!("{} owners are", owners.len()) };
            let message = format!("{} must sign, and {have} declared", authority.threshold);
            survey.report(TOO_FEW_OWNERS, at, &["threshold"], message);
        }
        // What no chain sees rests on a role, which is verified by itself.
        if authority.kind != AuthorityKind::OffChain
            && let Some(message) = survey.stale(authority.verified_at, VERIFIED_DAYS, "verified")
        {
            survey.report(STALE, at, &["verified_at"], message);
        }
    }
}
