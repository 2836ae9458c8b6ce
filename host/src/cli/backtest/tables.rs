//! A backtest for a terminal.

use std::fmt::Write as _;

use super::point_name;
use crate::app::author::backtest::{Backtest, Point, Sums, Tally};
use crate::cli::table::Table;
use crate::score::{GroupRecall, Score, Share};

/// Attacks, findings and failures that are listed one by one.
const LISTED: usize = 20;
/// So many transactions a rate is told of.
const PER_TRANSACTIONS: f64 = 100_000.0;

pub(super) fn all(backtest: &Backtest) -> String {
    let mut text = summary(backtest);
    points(&mut text, &backtest.points);
    for name in &backtest.misplaced {
        let _ = writeln!(text, "label `{name}` lies in none of the recordings, and does not count");
    }
    if !backtest.absent.is_empty() {
        let _ = writeln!(text, "{}", absence(backtest.absent.len()));
    }
    for (recording, unanswered) in &backtest.unanswered {
        let _ = writeln!(text, "{recording}: {}", unanswered.sentence());
    }
    for (file, added) in &backtest.kept_answers {
        let _ = writeln!(text, "{added} answers of the node are kept in `{}`", file.display());
    }
    text
}

/// Sums over all recordings, and nothing of any one of them.
pub(super) fn sums(sums: &Sums) -> String {
    let mut text = run(sums.blocks, sums.recordings, sums.elapsed_ms);
    points(&mut text, &sums.points);
    if sums.misplaced > 0 {
        let _ = writeln!(text, "{} labels lie in none of the recordings, and do not count", sums.misplaced);
    }
    if sums.absent > 0 {
        let _ = writeln!(text, "{}", absence(sums.absent));
    }
    if sums.unanswered > 0 {
        let _ = writeln!(text, "{} reads of the chain had no answer; `--node URL` asks a node", sums.unanswered);
    }
    text
}

fn points(text: &mut String, points: &[Point]) {
    if let [point] = points {
        return one(text, point);
    }
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

/// How many labels say nothing of what was run.
pub(super) fn absence(labels: usize) -> String {
    match labels {
        1 => "1 label is of a recording that was not given, and does not count".to_owned(),
        _ => format!("{labels} labels are of recordings that were not given, and do not count"),
    }
}

/// What was run, in a line.
pub(super) fn summary(backtest: &Backtest) -> String {
    run(backtest.blocks, backtest.recordings.len(), backtest.elapsed_ms)
}

fn run(blocks: u64, recordings: usize, elapsed_ms: u64) -> String {
    let seconds = elapsed_ms as f64 / 1e3;
    let rate = blocks as f64 / seconds.max(1e-3);
    let files = if recordings == 1 { "recording" } else { "recordings" };
    format!("{blocks} blocks of {recordings} {files} in {seconds:.1} s, {rate:.0} blocks a second\n\n")
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
        text.push('\n');
        text.push_str(&shares(score).pretty());
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

/// A line for each share that is known, with its interval: of attacks, and of what was wrong.
pub(super) fn shares(score: &Score) -> Table {
    let mut table = Table::new(&["share", "count", "of", "rate", "95 % interval"]);
    let mut row = |name: String, share: Share, scale: f64, digits: usize, unit: &str| {
        let [low, high] = share.interval.map(|bound| bound * scale);
        let rate = format!("{:.digits$}{unit}", share.share * scale);
        table.row([
            name,
            share.count.to_string(),
            share.of.to_string(),
            rate,
            format!("{low:.digits$} to {high:.digits$}"),
        ]);
    };
    if let Some(all) = Share::new(score.attacks_found, score.attacks_held) {
        row("attacks found".to_owned(), all, 1.0, 3, "");
    }
    let groups: [(&str, &[GroupRecall]); 2] = [("class", &score.classes), ("stage", &score.stages)];
    for (kind, groups) in groups {
        for one in groups {
            let share = Share { count: one.found, of: one.attacks, share: one.recall, interval: one.interval };
            row(format!("{kind} {}", one.name), share, 1.0, 3, "");
        }
    }
    if let Some(share) = score.false_transactions {
        row("transactions named wrongly".to_owned(), share, PER_TRANSACTIONS, 1, " in 100,000");
    }
    if let Some(share) = score.false_blocks {
        row("blocks with a wrong finding".to_owned(), share, 1.0, 5, "");
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
