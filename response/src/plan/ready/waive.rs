//! Waivers: findings that somebody answers for until a date, and waivers that waive nothing.

use super::Waived;
use super::survey::{Found, Survey};
use super::table::*;
use crate::diagnostic::{Diagnostic, suggestion};
use crate::plan::Waiver;
use crate::plan::load::entity;
use crate::plan::shape::join;

/// What stands, and what is waived.
pub(super) fn apply(mut survey: Survey<'_>) -> (Vec<Diagnostic>, Vec<Waived>) {
    let mut open: Vec<(Found, Option<(&String, &Waiver)>)> =
        std::mem::take(&mut survey.found).into_iter().map(|found| (found, None)).collect();
    for (id, waiver) in &survey.tables().waiver {
        let at = entity("waiver", id);
        if !counts(&mut survey, id, waiver) {
            continue;
        }
        let mut is_idle = true;
        for (found, by) in &mut open {
            let fits = found.diagnostic.code == waiver.check && waiver.on.as_ref().is_none_or(|on| *on == found.entity);
            if fits {
                is_idle = false;
                by.get_or_insert((id, waiver));
            }
        }
        if is_idle {
            let (check, on) = (&waiver.check, &waiver.on);
            let Some(on) = on else {
                survey.report(WAIVER_IDLE, at, &["check"], format!("nothing is found by {check}"));
                continue;
            };
            let entities: Vec<String> = survey.places.keys().map(|(table, id)| join(table, id)).collect();
            let (message, help) = if entities.contains(on) {
                (format!("nothing is found by {check} on `{on}`"), WAIVER_IDLE.remedy.to_owned())
            } else {
                let known = entities.iter().map(String::as_str);
                (format!("nothing is called `{on}`"), suggestion(on, known))
            };
            survey.report_with_help(WAIVER_IDLE, at, &["on"], message, &help);
        }
    }
    let mut kept: Vec<Diagnostic> = survey.found.into_iter().map(|found| found.diagnostic).collect();
    let mut waived = Vec::new();
    for (found, by) in open {
        match by {
            None => kept.push(found.diagnostic),
            Some((id, waiver)) => waived.push(Waived {
                found: found.diagnostic,
                waiver: id.clone(),
                owner: waiver.owner.clone(),
                until: waiver.until,
                reason: waiver.reason.clone(),
            }),
        }
    }
    (kept, waived)
}

/// Whether a waiver is of a check that can be waived, and has not ended. Reports what is wrong if not.
fn counts(survey: &mut Survey<'_>, id: &str, waiver: &Waiver) -> bool {
    let at = entity("waiver", id);
    let own = [WAIVER_UNKNOWN.code, WAIVER_OVER.code, WAIVER_IDLE.code];
    match check_of(&waiver.check) {
        Err(help) => {
            let message = format!("there is no check `{}`", waiver.check);
            survey.report_with_help(WAIVER_UNKNOWN, at, &["check"], message, &help);
            false
        }
        Ok(check) if own.contains(&check.code) => {
            let message = format!("{} is about waivers and can't be waived", check.code);
            survey.report_with_help(WAIVER_UNKNOWN, at, &["check"], message, "mend the waiver that it tells of");
            false
        }
        Ok(_) if survey.is_past(waiver.until) => {
            survey.report(WAIVER_OVER, at, &["until"], format!("it ended on {}", waiver.until));
            false
        }
        Ok(_) => true,
    }
}
