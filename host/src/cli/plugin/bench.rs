//! `watchfire plugin bench`.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args as ClapArgs;

use super::setting::Setting;
use super::{Exit, component_bytes};
use crate::app::author::bench::{FIGURES, Measured, measure};
use crate::cli::table::Table;

/// Measure what detectors cost.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire plugin bench my-rule                          # as its case in tests/ has it
  watchfire plugin bench my-rule --recording mainnet/ --config my-rule.toml
  watchfire plugin bench rule.wasm --recording attack.jsonl.gz --format json > before.json
  watchfire plugin bench rule.wasm --recording attack.jsonl.gz --baseline before.json
  watchfire plugin bench rust.wasm go.wasm python.wasm --recording attack.jsonl.gz --format markdown

Times are this machine's; the budget used is the same on every one. Compare ratios.")]
pub struct Args {
    /// Projects' folders, or components.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// The recording, or a folder of them; by default that of a project's case.
    #[arg(short, long, value_name = "FILE")]
    recording: Option<PathBuf>,
    /// The detectors' own config, as TOML, or a case; by default that of a project's case.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Figures of an earlier run, kept with `--format json`, to compare with.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// The shape of what is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Shape,
}

/// How figures are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Shape {
    /// A table for people.
    #[default]
    Pretty,
    /// The same for a page.
    Markdown,
    /// One JSON object a detector.
    Json,
}

pub(super) fn main(args: &Args) -> anyhow::Result<Exit> {
    let before = args.baseline.as_ref().map(|path| {
        let text = std::fs::read_to_string(path).with_context(|| format!("`{}` can't be read", path.display()))?;
        let read = text.lines().map(serde_json::from_str::<Measured>).collect::<Result<Vec<_>, _>>();
        read.with_context(|| format!("`{}` is not what `--format json` gave", path.display()))
    });
    let before = before.transpose()?.unwrap_or_default();
    let mut rows: Vec<Row<'_>> = Vec::new();
    for (path, before) in args.paths.iter().zip(before.iter().map(Some).chain(std::iter::repeat(None))) {
        let setting = Setting::of(path, args.recording.as_deref(), args.config.as_deref())?;
        let measured = measure(&component_bytes(path)?, setting.recording()?, setting.config.clone())
            .with_context(|| path.display().to_string())
            .map_err(|error| setting.explain(error))?;
        if args.format == Shape::Json {
            println!("{}", serde_json::to_string(&measured)?);
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        rows.push((name, measured, before));
    }
    if args.format == Shape::Json {
        return Ok(Exit::Good);
    }
    match args.format {
        Shape::Markdown => print!("{}", overview(&rows).markdown()),
        _ => print!("{}", figures(&rows).pretty()),
    }
    Ok(Exit::Good)
}

/// Stands for a figure that is not known of a component.
const NOT_KNOWN: &str = "–";

/// What one is called, what was measured now, and what before.
type Row<'a> = (String, Measured, Option<&'a Measured>);

/// A line for each figure, with what it was before.
fn figures(rows: &[Row<'_>]) -> Table {
    let mut table = Table::new(&["detector", "figure", "now", "unit", "before", "now / before"]);
    for (name, measured, before) in rows {
        for (figure, of, unit) in FIGURES {
            let (now, before) = (of(measured), before.and_then(of));
            let ratio =
                now.zip(before.filter(|before| *before > 0.0)).map(|(now, before)| format!("{:.2}", now / before));
            let shown = before.map(number).unwrap_or_default();
            let cells = [
                name.clone(),
                figure.to_owned(),
                now.map_or_else(|| NOT_KNOWN.to_owned(), number),
                unit.to_owned(),
                shown,
            ];
            table.row(cells.into_iter().chain([ratio.unwrap_or_default()]));
        }
    }
    table
}

/// A line for each detector.
fn overview(rows: &[Row<'_>]) -> Table {
    let mut table = Table::new(&[
        "",
        "size",
        "compile",
        "cold start",
        "block, median",
        "slowest 1 %",
        "budget",
        "allocations",
        "allocated",
        "memory",
    ]);
    for (name, measured, _) in rows {
        let cells = FIGURES.iter().map(|(_, of, unit)| {
            let figure = of(measured).map(|value| format!("{} {unit}", number(value)).trim_end().to_owned());
            figure.unwrap_or_else(|| NOT_KNOWN.to_owned())
        });
        table.row(std::iter::once(name.clone()).chain(cells));
    }
    table
}

/// Three digits that count, and whole numbers whole.
fn number(value: f64) -> String {
    if value >= 100.0 {
        let digits = format!("{value:.0}");
        let groups: Vec<&str> =
            digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap_or_default()).collect();
        return groups.join(",");
    }
    let decimals = if value >= 10.0 { 1 } else { 2 };
    format!("{value:.decimals$}")
}
