//! A backtest for a terminal.

use std::fmt::Write as _;

use super::point_name;
use crate::app::author::backtest::{Backtest, Point, Tally};
use crate::cli::table::Table;
use crate::score::Score;

/// Attacks, findings and failures that are listed one by one.
const LISTED: usize = 20;

pub(super) fn all(backtest: &Backtest) -> String {
    let mut text = summary(backtest);
    match backtest.points.as_slice() {
        [point] => one(&mut text, point),
        points => {
            text.push_str(&curve(points).pretty());
            for point in points.iter().filter(|point| point.all.failed > 0) {
                let values = point_name(&point.values, is_alone(point));
                let first = point.detectors.iter().find_map(|tally| tally.failures.first()).map_or("", String::as_str);
                let _ = writeln!(text, "\n{values}: blind to {} batches that failed: {first}", point.all.failed);
            }
            if let Some(best) = best(points) {
                let _ = writeln!(text, "\nbest by F1: {}", point_name(&best.values, is_alone(best)));
            }
        }
    }
    for name in &backtest.misplaced {
        let _ = writeln!(text, "label `{name}` lies in none of the recordings, and does not count");
    }
    for (recording, unanswered) in &backtest.unanswered {
        let _ = writeln!(text, "{recording}: {}", unanswered.sentence());
    }
    for (file, added) in &backtest.kept_answers {
        let _ = writeln!(text, "{added} answers of the node are kept in `{}`", file.display());
    }
    text
}

/// What was run, in a line.
pub(super) fn summary(backtest: &Backtest) -> String {
    let seconds = backtest.elapsed_ms as f64 / 1e3;
    let rate = backtest.blocks as f64 / seconds.max(1e-3);
    let recordings = backtest.recordings.len();
    let files = if recordings == 1 { "recording" } else { "recordings" };
    format!("{} blocks of {recordings} {files} in {seconds:.1} s, {rate:.0} blocks a second\n\n", backtest.blocks)
}

fn is_alone(point: &Point) -> bool {
    point.detectors.len() == 1
}

/// The point of the highest F1, the first of them.
pub(super) fn best(points: &[Point]) -> Option<&Point> {
    let f1 = |point: &Point| point.all.score.as_ref().and_then(|score| score.f1);
    let known = points.iter().filter(|point| f1(point).is_some());
    known.rev().max_by(|left, right| f1(left).partial_cmp(&f1(right)).unwrap_or(std::cmp::Ordering::Equal))
}

fn one(text: &mut String, point: &Point) {
    text.push_str(&rules(point).pretty());
    if let Some(score) = &point.all.score {
        if !score.attacks.is_empty() {
            text.push('\n');
            text.push_str(&attacks(score).pretty());
        }
        if !score.classes.is_empty() {
            text.push('\n');
            text.push_str(&classes(score).pretty());
        }
        if !score.disturbed.is_empty() {
            let _ = writeln!(text, "\nfound in what is benign: {}", score.disturbed.join(", "));
        }
    }
    let kinds: Vec<(&str, &str, usize)> = point
        .detectors
        .iter()
        .flat_map(|tally| tally.by_kind.iter().map(|(kind, count)| (tally.detector.as_str(), kind.as_str(), *count)))
        .collect();
    if !kinds.is_empty() {
        let mut table = Table::new(&["detector", "kind", "findings"]);
        for (detector, kind, count) in kinds {
            table.row([detector.to_owned(), kind.to_owned(), count.to_string()]);
        }
        text.push('\n');
        text.push_str(&table.pretty());
    }
    for tally in point.detectors.iter().filter(|tally| tally.failed > 0) {
        let _ = writeln!(text, "\n{} failed on {} batches, and was blind to them:", tally.detector, tally.failed);
        for failure in tally.failures.iter().take(LISTED) {
            let _ = writeln!(text, "  {failure}");
        }
    }
}

pub(super) fn share(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"))
}

fn whole(value: Option<i64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// Cells of a score: right, wrong, precision, recall, wrong a day, lead.
fn cells(score: Option<&Score>) -> Vec<String> {
    let Some(score) = score else { return Vec::new() };
    let daily = score.false_positives_per_day.map_or_else(|| "-".to_owned(), |daily| format!("{daily:.2}"));
    vec![
        score.true_positives.to_string(),
        score.false_positives.to_string(),
        share(score.precision),
        share(score.recall),
        daily,
        whole(score.median_lead_blocks),
    ]
}

const SCORED: [&str; 6] = ["right", "wrong", "precision", "recall", "wrong a day", "lead, blocks"];

/// A line for each detector, and one for all of them where there are several.
pub(super) fn rules(point: &Point) -> Table {
    let scored: &[&str] = if point.all.score.is_some() { &SCORED } else { &[] };
    let heads: Vec<&str> =
        ["detector", "findings"].iter().chain(scored).chain(&["block, median", "slowest 1 %"]).copied().collect();
    let mut table = Table::new(&heads);
    let all = (point.detectors.len() > 1).then_some(&point.all);
    for tally in point.detectors.iter().chain(all) {
        let start = [tally.detector.clone(), tally.findings.to_string()];
        table.row(start.into_iter().chain(cells(tally.score.as_ref())).chain(cost(tally)));
    }
    table
}

fn cost(tally: &Tally) -> [String; 2] {
    match tally.cost.batches {
        0 => ["-".to_owned(), "-".to_owned()],
        _ => [tally.cost.median_us, tally.cost.p99_us].map(|us| format!("{us:.1} µs")),
    }
}

/// A line for each attack.
pub(super) fn attacks(score: &Score) -> Table {
    let mut table = Table::new(&["attack", "recording", "found in block", "first loss in", "lead, blocks"]);
    for attack in &score.attacks {
        let found = attack.found_block.map_or_else(|| "missed".to_owned(), |block| block.to_string());
        let (name, recording) = (attack.name.clone(), attack.recording.clone());
        table.row([name, recording, found, attack.first_loss_block.to_string(), whole(attack.lead_blocks)]);
    }
    table
}

/// A line for each class of attacks.
fn classes(score: &Score) -> Table {
    let mut table = Table::new(&["class", "found", "attacks", "recall", "95 % interval"]);
    for one in &score.classes {
        let [low, high] = one.interval;
        let counts = [one.found, one.attacks].map(|count| count.to_string());
        let shares = [share(Some(one.recall)), format!("{low:.3} to {high:.3}")];
        table.row([one.class.clone()].into_iter().chain(counts).chain(shares));
    }
    table
}

/// A line for each point of a sweep.
pub(super) fn curve(points: &[Point]) -> Table {
    let is_scored = points.iter().any(|point| point.all.score.is_some());
    let scored: &[&str] = if is_scored { &SCORED } else { &[] };
    let heads: Vec<&str> = ["values", "findings"].iter().chain(scored).copied().collect();
    let mut table = Table::new(&heads);
    for point in points {
        let start = [point_name(&point.values, is_alone(point)), point.all.findings.to_string()];
        table.row(start.into_iter().chain(cells(point.all.score.as_ref())));
    }
    table
}
