//! Signals: whether each leads to an act, in time, and can be reached by what it matches.

use std::collections::BTreeSet;

use super::people::waking;
use super::survey::{DAY_S, Survey, is_automatic, listed};
use super::table::*;
use crate::finding::Severity;
use crate::plan::load::entity;
use crate::plan::moment::span;
use crate::plan::{Matcher, Signal, SubjectMatch};

pub(super) fn check(survey: &mut Survey<'_>) {
    for (id, signal) in &survey.tables().signal {
        let at = entity("signal", id);
        if signal.interventions.is_empty() {
            survey.report(NO_ACTION, at, &["interventions"], "nothing is done about it".into());
        } else {
            in_time(survey, id, signal);
        }
        let unpaged: Vec<String> = waking(signal)
            .filter(|severity| survey.plan.escalation(id, *severity).is_none())
            .map(|severity| severity.to_string())
            .collect();
        if !unpaged.is_empty() {
            let severities = listed(unpaged.iter().map(String::as_str));
            survey.report(NOBODY_PAGED, at, &[], format!("nobody is paged for its incidents of severity {severities}"));
        }
        for (index, matcher) in signal.matchers.iter().enumerate() {
            if matches_all(matcher) {
                survey.report(MATCHES_ALL, at, &["match", &index.to_string()], "every finding matches".into());
            }
        }
        spans(survey, id, signal);
        if let Some(runbook) = signal.runbook.as_ref().filter(|runbook| !is_link(runbook)) {
            survey.report(NO_LINK, at, &["runbook"], format!("`{runbook}` is no link"));
        }
        sources(survey, id, signal);
        uses(survey, id, signal);
        if let Some(fired_at) = signal.fired_at {
            if fired_at.ms > survey.now_ms {
                let message = format!("it is said to have fired on {fired_at}, which is still to come");
                survey.report(NEVER_FIRED, at, &["fired_at"], message);
            }
        } else {
            survey.report(NEVER_FIRED, at, &[], "no replay of an attack made it fire".into());
        }
    }
}

fn is_link(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace))
}

/// Longest span of a signal that somebody may mean.
const YEAR_S: u64 = 366 * DAY_S;

fn spans(survey: &mut Survey<'_>, id: &str, signal: &Signal) {
    for (key, span_s) in [
        ("time_to_harm_s", signal.time_to_harm_s.unwrap_or_default()),
        ("window_s", signal.window_s),
        ("for_s", signal.for_s),
        ("keep_for_s", signal.keep_for_s),
    ] {
        if span_s > YEAR_S {
            let message = format!("{span_s} seconds are more than a year");
            survey.report(ENDLESS, entity("signal", id), &[key], message);
        }
    }
}

fn in_time(survey: &mut Survey<'_>, id: &str, signal: &Signal) {
    let Some(harm_s) = signal.time_to_harm_s else { return };
    let mapped = signal.interventions.iter().filter_map(|id| survey.tables().intervention.get_key_value(id));
    let live = mapped.filter(|(_, intervention)| survey.is_live(intervention));
    let message = match live.map(|(id, intervention)| (survey.seconds(intervention), id)).min() {
        Some((fastest_s, _)) if fastest_s <= harm_s => return,
        Some((fastest_s, fastest)) => {
            format!("the harm comes after {}, and the fastest, `{fastest}`, takes {}", span(harm_s), span(fastest_s))
        }
        None => format!("the harm comes after {}, and each power against it is over", span(harm_s)),
    };
    survey.report(NOT_IN_TIME, entity("signal", id), &["time_to_harm_s"], message);
}

fn sources(survey: &mut Survey<'_>, id: &str, signal: &Signal) {
    let needed = signal.corroboration.sources as usize;
    let detectors: Option<BTreeSet<&str>> = signal.matchers.iter().map(|matcher| matcher.detector.as_deref()).collect();
    let Some(detectors) = detectors else { return };
    let sources: BTreeSet<&str> = detectors.iter().map(|detector| survey.plan.source(detector)).collect();
    if sources.len() < needed {
        let message = format!(
            "{needed} sources are needed, and {} {}",
            listed(detectors.iter().copied()),
            if sources.len() == 1 { "are one".to_owned() } else { format!("are {}", sources.len()) }
        );
        survey.report(TOO_FEW_SOURCES, entity("signal", id), &["corroboration", "sources"], message);
    }
}

/// Labels of which anybody who transacts can't make ever new values.
const BOUNDED: [&str; 3] = ["chain", "detector", "kind"];

fn uses(survey: &mut Survey<'_>, id: &str, signal: &Signal) {
    let Some(label) = signal.group_by.iter().find(|label| !BOUNDED.contains(&label.as_str())) else { return };
    let mapped = signal.interventions.iter().filter_map(|id| survey.tables().intervention.get_key_value(id));
    let cheap = mapped.filter(|(_, one)| is_automatic(one) && one.limits.uses.is_some() && one.calls.is_empty());
    let cheap: Vec<String> = cheap
        .map(|(name, one)| format!("`{name}` has {} for incidents by `{label}`", one.limits.uses.unwrap_or_default()))
        .collect();
    for message in cheap {
        survey.report(CHEAP_USES, entity("signal", id), &["group_by"], message);
    }
}

fn matches_all(matcher: &Matcher) -> bool {
    let any_subject = matcher.subject.as_ref().is_none_or(|subject| *subject == SubjectMatch::default());
    any_subject
        && matcher.detector.is_none()
        && matcher.kinds.is_empty()
        && matcher.labels.is_empty()
        && matcher.min_severity.is_none_or(|least| least == Severity::Info)
        && matcher.min_confidence_percent.is_none_or(|least| least == 0)
}
