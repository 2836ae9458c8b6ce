//! The answers as a report for people.

use super::coverage::Covered;
use super::{Answered, REVISION, Standing};

/// Returns the answers, and the coverage map under them, as Markdown.
pub fn markdown(protocol: &str, answers: &[Answered], map: &[Covered]) -> String {
    let count = |standing: Standing| answers.iter().filter(|one| one.standing == standing).count();
    let of = if protocol.is_empty() { String::new() } else { format!(" of {}", cell(protocol)) };
    let mut text = format!("# Readiness{of}\n\nSEAL Framework Checklist: Incident Response, revision {REVISION}.\n\n");
    text.push_str(&format!(
        "{} met, {} partly, {} not met, {} outside of what Watchfire can see.\n\n",
        count(Standing::Met),
        count(Standing::Partly),
        count(Standing::Unmet),
        count(Standing::Outside)
    ));
    text.push_str("| control | | standing |\n|---|---|---|\n");
    for one in answers {
        text.push_str(&format!("| {} | {} | **{}** |\n", one.id, cell(one.title), one.standing.word()));
    }
    for one in answers {
        text.push_str(&format!("\n## {} {}: {}\n\n{}.\n\n", one.id, one.title, one.standing.word(), one.asks));
        for (mark, lines) in [("shown", &one.evidence), ("lacks", &one.lacks), ("not seen from here", &one.outside)] {
            for line in lines {
                text.push_str(&format!("- *{mark}:* {}\n", cell(line)));
            }
        }
    }
    text.push_str(
        "\n## Coverage\n\n| asset | kind | watched by | signals | interventions | |\n|---|---|---|---|---|---|\n",
    );
    for one in map {
        let watched: Vec<&String> = one.detectors.iter().chain(&one.watched_by).collect();
        let watched = watched.into_iter().cloned().collect::<Vec<_>>().join(", ");
        let note = match (&one.gap, one.is_watched(), one.is_stoppable()) {
            (Some(gap), ..) => format!("known gap: {gap}"),
            (None, false, false) => "**nobody watches it, nobody can stop it**".to_owned(),
            (None, false, true) => "**nobody watches it**".to_owned(),
            (None, true, false) => "**nobody can stop it**".to_owned(),
            _ => String::new(),
        };
        let (signals, interventions) = (one.signals.join(", "), one.interventions.join(", "));
        text.push_str(&format!(
            "| {} | {} | {} | {} | {} | {} |\n",
            cell(&one.asset),
            one.kind,
            cell(&watched),
            cell(&signals),
            cell(&interventions),
            cell(&note)
        ));
    }
    if map.is_empty() {
        text.push_str("| *no asset is named* | | | | | |\n");
    }
    text
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(char::is_control, " ").replace('<', "&lt;")
}
