//! A drill's report as people read it, and as git keeps it.

use super::report::{Line, Report};
use super::run::milestone_name;
use super::scenario::Milestone;
use crate::plan::moment::span;

/// Returns the log alone: one line a moment, the same on every run.
pub fn golden(report: &Report) -> String {
    let mut text = format!("# {}\n", report.name);
    for line in &report.log {
        text.push_str(&format!("{} {}\n", clock(line.at_s), said(line)));
    }
    text.push_str(&format!("# {}\n", verdict(report)));
    text
}

/// Returns the whole report for a terminal. The log comes last: what matters stands first.
pub fn pretty(report: &Report, with_log: bool) -> String {
    let mut text = format!("{}: {}\n", report.name, verdict(report));
    text.push_str("\nTime from the start\n");
    for (name, after) in times(report) {
        text.push_str(&format!("  {name:<10} {after}\n"));
    }
    if !report.expected.is_empty() {
        text.push_str("\nExpected\n");
        for expected in &report.expected {
            let mark = if expected.met { "yes" } else { "NO " };
            text.push_str(&format!("  {mark}  {}: {}\n", expected.what, expected.seen));
        }
    }
    if !report.losses.is_empty() {
        text.push_str("\nLosses\n");
        for loss in &report.losses {
            let fate = loss.averted_by.as_ref().map_or_else(|| "lost".to_owned(), |by| format!("averted by {by}"));
            text.push_str(&format!("  {}  {:>16}  {fate}  {}\n", clock(loss.at_s), usd(loss.usd), loss.what));
        }
    }
    if !report.lacks.is_empty() {
        text.push_str("\nWhat the plan lacked\n");
        for lack in &report.lacks {
            text.push_str(&format!("  {}  {}\n", clock(lack.at_s), lack.text));
        }
    }
    if with_log {
        text.push_str("\nTimeline\n");
        for line in &report.log {
            text.push_str(&format!("  {} {}\n", clock(line.at_s), said(line)));
        }
    }
    text
}

/// Returns the whole report as Markdown.
pub fn markdown(report: &Report) -> String {
    let mut text = format!("## {}\n\n**{}**\n\n| point | after |\n|---|---|\n", cell(&report.name), verdict(report));
    for (name, after) in times(report) {
        text.push_str(&format!("| {name} | {after} |\n"));
    }
    if !report.expected.is_empty() {
        text.push_str("\n| expected | met | seen |\n|---|---|---|\n");
        for expected in &report.expected {
            let met = if expected.met { "yes" } else { "**no**" };
            text.push_str(&format!("| {} | {met} | {} |\n", cell(&expected.what), cell(&expected.seen)));
        }
    }
    if !report.losses.is_empty() {
        text.push_str("\n| at | loss | what | averted by |\n|---|---:|---|---|\n");
        for loss in &report.losses {
            let by = loss.averted_by.as_deref().unwrap_or("nothing");
            text.push_str(&format!(
                "| {} | {} | {} | {} |\n",
                clock(loss.at_s),
                usd(loss.usd),
                cell(&loss.what),
                cell(by)
            ));
        }
    }
    if !report.lacks.is_empty() {
        text.push_str("\nWhat the plan lacked:\n\n");
        for lack in &report.lacks {
            text.push_str(&format!("- {} {}\n", clock(lack.at_s), cell(&lack.text)));
        }
    }
    text
}

/// What it came to, in a line.
fn verdict(report: &Report) -> String {
    let held = if report.held { "the plan held" } else { "the plan FAILED" };
    match report.losses.len() {
        0 => held.to_owned(),
        _ => format!("{held}: {} lost, {} averted", usd(report.lost_usd), usd(report.averted_usd)),
    }
}

fn times(report: &Report) -> Vec<(&'static str, String)> {
    let all = [Milestone::Detected, Milestone::Paged, Milestone::Acked, Milestone::Decided, Milestone::Contained];
    let how = |milestone| report.detection.as_ref().filter(|_| milestone == Milestone::Detected);
    let said = |milestone| {
        let how = how(milestone).map(|one| format!(" ({})", one.in_words())).unwrap_or_default();
        report.times_s.get(&milestone).map_or_else(|| "never".to_owned(), |s| format!("{}{how}", span(*s)))
    };
    all.into_iter().map(|milestone| (milestone_name(milestone), said(milestone))).collect()
}

fn said(line: &Line) -> String {
    let incident = line.incident.map(|incident| format!("#{incident} ")).unwrap_or_default();
    format!("{incident}{}: {}", line.what, line.text)
}

/// Seconds as days, hours, minutes and seconds: `1d 02:03:04`.
fn clock(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let days = if days > 0 { format!("{days}d ") } else { String::new() };
    format!("{days}{:02}:{:02}:{:02}", rest / 3_600, rest / 60 % 60, rest % 60)
}

/// An amount with its thousands apart.
fn usd(amount: u64) -> String {
    let digits = amount.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    format!("${text}")
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ").replace('<', "&lt;")
}
