//! A backtest as a page that needs nothing beside itself: no script, no network.

use anyhow::Context;
use minijinja::Environment;
use minijinja::value::Serde;
use serde::Serialize;

use super::plots::{self, Plot};
use super::{point_name, tables};
use crate::app::author::backtest::{Backtest, Judged, Tally};
use crate::cli::table::Table;

const TEMPLATE: &str = include_str!("page.html");
/// Recordings that have a plot of their own, those with the most findings first.
const RECORDINGS: usize = 12;
/// Findings that are listed.
const FINDINGS: usize = 500;

pub(super) fn page(backtest: &Backtest) -> anyhow::Result<String> {
    let is_sweep = backtest.points.len() > 1;
    let shown = if is_sweep { tables::best(&backtest.points) } else { None };
    let point = shown.or(backtest.points.first()).context("nothing was run")?;
    let mut drawn: Vec<Plot> = if is_sweep { plots::sweep(&backtest.points)? } else { Vec::new() };
    let mut by_recording: Vec<(usize, Vec<&Judged>)> = (0..backtest.recordings.len())
        .map(|at| (at, point.findings.iter().filter(|judged| judged.sighting.recording == at).collect()))
        .collect();
    by_recording.sort_by_key(|(_, judged)| std::cmp::Reverse(judged.len()));
    for (at, judged) in by_recording.iter().take(RECORDINGS) {
        drawn.extend(plots::findings(&backtest.recordings[*at], judged)?);
    }
    drawn.push(plots::severities(point)?);
    if point.all.findings > 0 {
        drawn.push(plots::rates(point, backtest.blocks)?);
    }
    if point.detectors.iter().any(|tally| tally.cost.batches > 0) {
        drawn.push(plots::costs(point)?);
    }
    let mut tables = vec![TableView::of("Detectors", &tables::rules(point))];
    if is_sweep {
        tables.insert(0, TableView::of("Values", &tables::curve(&backtest.points)));
    }
    if let Some(score) = point.all.score.as_ref().filter(|score| !score.attacks.is_empty()) {
        tables.push(TableView::of("Attacks", &tables::attacks(score)));
    }
    if let Some(score) = &point.all.score {
        tables.push(TableView::of("Shares", &tables::shares(score)));
    }
    let view = View {
        summary: tables::summary(backtest),
        shown: if is_sweep { point_name(&point.values, point.detectors.len() == 1) } else { String::new() },
        plots: drawn,
        tables,
        findings: &point.findings[..point.findings.len().min(FINDINGS)],
        left_out: point.findings.len().saturating_sub(FINDINGS),
        failures: point.detectors.iter().filter(|tally| tally.failed > 0).collect(),
        misplaced: &backtest.misplaced,
        absence: (!backtest.absent.is_empty()).then(|| tables::absence(backtest.absent.len())),
        version: env!("CARGO_PKG_VERSION"),
    };
    let mut environment = Environment::new();
    environment.add_template("page.html", TEMPLATE)?;
    Ok(environment.get_template("page.html")?.render(Serde(&view))?)
}

/// What the template shows.
#[derive(Serialize)]
struct View<'a> {
    summary: String,
    /// The values of the point that is shown; empty without a sweep.
    shown: String,
    plots: Vec<Plot>,
    tables: Vec<TableView>,
    findings: &'a [Judged],
    left_out: usize,
    failures: Vec<&'a Tally>,
    misplaced: &'a [String],
    /// What is said of labels of recordings that were not given.
    absence: Option<String>,
    version: &'static str,
}

#[derive(Serialize)]
struct TableView {
    title: &'static str,
    heads: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl TableView {
    fn of(title: &'static str, table: &Table) -> Self {
        Self { title, heads: table.heads().to_vec(), rows: table.rows().to_vec() }
    }
}
