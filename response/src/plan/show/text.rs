//! The picture as terminal text and as Markdown.

use super::{Picture, Row};
use crate::plan::moment::span;

/// How wide a terminal is taken to be, in characters.
const WIDTH: usize = 100;

/// Returns the layout for a terminal, at most 100 characters wide.
pub fn pretty(picture: &Picture) -> String {
    let mut text = format!("{}\nplan {}\n", picture.protocol, picture.plan);
    let mut signal = "";
    for row in &picture.rows {
        if row.signal != signal {
            signal = &row.signal;
            text.push_str(&format!("\n{signal}\n"));
        }
        let quorum = if row.quorum > 1 { format!("{} of ", row.quorum) } else { String::new() };
        let late = if row.too_late == Some(true) { ", after the harm" } else { "" };
        let head = format!(
            "  {:<22} trust {:>2}  {:<9} {quorum}{} decide, {} acts within {}{}{late}",
            row.intervention,
            row.trust_cost,
            row.automation,
            row.owner,
            row.authority,
            span(row.takes_s),
            answered(row)
        );
        wrapped(&head, 6, &mut text);
        wrapped(&format!("      {}{}", row.summary, blocks(row)), 6, &mut text);
    }
    text.push_str("\nWho is woken\n");
    for ladder in &picture.ladders {
        text.push_str(&format!("  {} ({})\n", ladder.id, ladder.severities.join(", ")));
        for (number, step) in ladder.steps.iter().enumerate() {
            wrapped(&format!("    {}. {step}", number + 1), 7, &mut text);
        }
    }
    text.push_str("\nWhom to call outside\n");
    for one in &picture.outside {
        wrapped(&format!("  {}: {}", one.id, one.summary), 4, &mut text);
        let mode = one.mode.as_ref().map(|mode| format!("; meanwhile {mode}")).unwrap_or_default();
        let line = format!(
            "    {}; agreeing takes {}; it fails: {}{mode}",
            one.contacts.join(", then "),
            span(one.coordination_s),
            one.failure_modes.join("; ")
        );
        wrapped(&line, 4, &mut text);
    }
    text
}

/// What of the time passes until somebody who may decide has answered.
fn answered(row: &Row) -> String {
    match row.ack_s {
        Some(0) => String::new(),
        Some(ack_s) => format!(", {} of it to answer", span(ack_s)),
        None => " from the decision, and no step pages who decides".to_owned(),
    }
}

fn blocks(row: &Row) -> String {
    if row.blocks.is_empty() { String::new() } else { format!("; users can't {}", row.blocks.join(", ")) }
}

/// Returns a line, broken between words if it is too long.
fn wrapped(line: &str, indent: usize, text: &mut String) {
    let start = line.len() - line.trim_start().len();
    let (mut out, mut width) = (line[..start].to_owned(), start);
    // Runs of spaces inside a line are columns and stay.
    for (position, word) in line[start..].split(' ').enumerate() {
        let length = word.chars().count();
        if position > 0 && width + 1 + length > WIDTH && !word.is_empty() {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            width = indent;
        } else if position > 0 {
            out.push(' ');
            width += 1;
        }
        out.push_str(word);
        width += length;
    }
    text.push_str(out.trim_end());
    text.push('\n');
}

/// Returns the layout as Markdown, for documents.
pub fn markdown(picture: &Picture) -> String {
    let cell = |text: &str| text.replace('|', "\\|").replace(char::is_control, " ").replace('<', "&lt;");
    let mut text = format!("# {}\n\nPlan `{}`\n\n## What leads to what\n\n", cell(&picture.protocol), picture.plan);
    text.push_str(
        "| signal | intervention | decides | carried out by | automation | trust cost | takes at most | users can't |\n",
    );
    text.push_str("|---|---|---|---|---|---:|---|---|\n");
    for row in &picture.rows {
        let quorum = if row.quorum > 1 { format!("{} of ", row.quorum) } else { String::new() };
        let late = if row.too_late == Some(true) { " (after the harm)" } else { "" };
        text.push_str(&format!(
            "| {} | **{}**: {} | {quorum}{} ({}) | {} | {} | {} | {}{}{late} | {} |\n",
            cell(&row.signal),
            cell(&row.intervention),
            cell(&row.summary),
            cell(&row.owner),
            cell(&row.deciders.join(", ")),
            cell(&row.authority),
            row.automation,
            row.trust_cost,
            span(row.takes_s),
            answered(row),
            cell(&row.blocks.join(", "))
        ));
    }
    text.push_str("\n## Who is woken\n");
    for ladder in &picture.ladders {
        text.push_str(&format!("\n**{}** ({})\n\n", cell(&ladder.id), ladder.severities.join(", ")));
        for (number, step) in ladder.steps.iter().enumerate() {
            text.push_str(&format!("{}. {}\n", number + 1, cell(step)));
        }
    }
    text.push_str("\n## Whom to call outside\n\n| what | whom | agreeing takes | how it fails | meanwhile |\n|---|---|---|---|---|\n");
    for one in &picture.outside {
        text.push_str(&format!(
            "| **{}**: {} | {} | {} | {} | {} |\n",
            cell(&one.id),
            cell(&one.summary),
            cell(&one.contacts.join(", then ")),
            span(one.coordination_s),
            cell(&one.failure_modes.join("; ")),
            cell(one.mode.as_deref().unwrap_or_default())
        ));
    }
    text
}
