//! A past incident under two plans, as people read it.

use super::what_if::{Course, Seen, WhatIf};
use crate::plan::moment::span;

/// One line of the comparison: what, as it was, as it would have been.
pub type Pair = (String, String, String);

/// Returns all that is compared of both, in order.
pub fn pairs(what_if: &WhatIf) -> Vec<Pair> {
    let (was, would_be) = (&what_if.was, &what_if.would_be);
    let since = |at_ms: Option<u64>| match at_ms {
        Some(at_ms) => format!("after {}", span(at_ms.saturating_sub(what_if.opened_at_ms) / 1_000)),
        None => "never".to_owned(),
    };
    let both = |what: &str, of: &dyn Fn(&Course) -> String| (what.to_owned(), of(was), of(would_be));
    let mut pairs = vec![
        both("incidents", &|course| course.incidents.len().to_string()),
        both("severity", &|course| course.severity.map_or_else(|| "none".to_owned(), |severity| severity.to_string())),
        both("first page", &|course| match course.pages.first() {
            Some((at_ms, person)) => format!("{}, to {person}", since(Some(*at_ms))),
            None => "never".to_owned(),
        }),
        both("pages", &|course| course.pages.len().to_string()),
        both("answered", &|course| since(course.acked_at_ms)),
        both("overdue", &|course| match course.overdue.first() {
            Some((at_ms, what)) => {
                format!("{}, first {what} {}", course.overdue.len(), since(Some(*at_ms)))
            }
            None => "nothing".to_owned(),
        }),
        both("ended", &|course| since(course.ended_at_ms)),
    ];
    let names: std::collections::BTreeSet<&String> =
        was.interventions.keys().chain(would_be.interventions.keys()).collect();
    for name in names {
        let of = |course: &Course| match course.interventions.get(name) {
            Some(seen) => listed(seen, &since),
            None => "not mapped".to_owned(),
        };
        pairs.push(both(name, &of));
    }
    pairs
}

/// Returns the comparison for a terminal.
pub fn pretty(what_if: &WhatIf) -> String {
    let mut text = format!("#{} {}\n", what_if.incident, what_if.title);
    text.push_str(&format!(
        "  as it was     plan {}\n  what if       plan {}\n",
        what_if.was.plan, what_if.would_be.plan
    ));
    for (what, was, would_be) in pairs(what_if) {
        match was == would_be {
            true => text.push_str(&format!("\n  {what}\n    both          {was}\n")),
            false => text.push_str(&format!("\n* {what}\n    as it was     {was}\n    what if       {would_be}\n")),
        }
    }
    for (name, course) in [("as it was", &what_if.was), ("what if", &what_if.would_be)] {
        if !course.in_time.is_empty() {
            text.push_str(&format!("\nIn time, {name}\n  {}\n", course.in_time));
        }
    }
    if !what_if.would_be.refused.is_empty() {
        text.push_str("\nWhat people did that this plan does not let them\n");
        for (_, by, act, why) in &what_if.would_be.refused {
            text.push_str(&format!("  {act} by {by}: {why}\n"));
        }
    }
    text.push_str(&format!("\n{}\n", verdict(what_if)));
    text
}

/// Returns the comparison as Markdown.
pub fn markdown(what_if: &WhatIf) -> String {
    let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ").replace('<', "&lt;");
    let mut text = format!("## #{} {}\n\n", what_if.incident, cell(&what_if.title));
    text.push_str("| | as it was | what if |\n|---|---|---|\n");
    for (what, was, would_be) in pairs(what_if) {
        let mark = if was == would_be { "" } else { "**" };
        text.push_str(&format!("| {mark}{}{mark} | {} | {} |\n", cell(&what), cell(&was), cell(&would_be)));
    }
    for (_, by, act, why) in &what_if.would_be.refused {
        text.push_str(&format!("\n- not under this plan: {} by {}: {}", cell(act), cell(by), cell(why)));
    }
    text.push_str(&format!("\n\n{}\n", verdict(what_if)));
    text
}

fn verdict(what_if: &WhatIf) -> &'static str {
    match (what_if.would_be.incidents.is_empty(), what_if.is_different()) {
        (true, _) => "Under this plan it is no incident: no signal of it matches these findings.",
        (false, true) => {
            "What is marked is different. What people would have done, had this plan woken them, is not known."
        }
        (false, false) => "Nothing would have been different.",
    }
}

fn listed(seen: &Seen, since: &dyn Fn(Option<u64>) -> String) -> String {
    let mut parts = Vec::new();
    if !seen.first.is_empty() {
        let time = match (seen.takes_s, seen.in_time) {
            (Some(takes_s), Some(true)) => format!(" (in time: takes {})", span(takes_s)),
            (Some(takes_s), Some(false)) => format!(" (too late: takes {})", span(takes_s)),
            (Some(takes_s), None) => format!(" (takes {})", span(takes_s)),
            (None, _) => String::new(),
        };
        parts.push(format!("{}{time}: {}", seen.first, seen.why));
    }
    let later = seen.first != "permitted" && seen.permitted_at_ms.is_some();
    let moments = [
        ("permitted", seen.permitted_at_ms.filter(|_| later)),
        ("put forward", seen.proposed_at_ms),
        ("chosen", seen.decided_at_ms),
        ("in effect", seen.done_at_ms),
    ];
    parts.extend(moments.iter().filter(|(_, at)| at.is_some()).map(|(what, at)| format!("{what} {}", since(*at))));
    parts.join("; ")
}
