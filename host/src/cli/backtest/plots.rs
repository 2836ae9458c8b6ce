//! Plots of a backtest, as SVG that stands in a page.

use std::collections::BTreeMap;

use anyhow::anyhow;
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use crate::app::author::backtest::{Judged, Point, Tally};
use crate::finding::Severity;
use crate::score::{Score, Verdict, Watched};

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const SIZE: (u32, u32) = (760, 300);
const BINS: usize = 60;
/// Of the Okabe-Ito palette, which those who see colours differently can tell apart.
const RIGHT: RGBColor = RGBColor(0, 158, 115);
const WRONG: RGBColor = RGBColor(213, 94, 0);
const UNKNOWN: RGBColor = RGBColor(110, 110, 110);
const LINES: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];
const FONT: (&str, i32) = ("sans-serif", 13);
/// Room for names before bars, pixels.
const NAMES: u32 = 260;
/// Room for a legend above a plot, as a share of the plot's height.
const LEGEND: f64 = 0.35;

/// One picture with what it shows.
#[derive(serde::Serialize)]
pub(super) struct Plot {
    pub(super) title: String,
    pub(super) svg: String,
}

fn plot(title: impl Into<String>, draw: impl FnOnce(&Area<'_>) -> anyhow::Result<()>) -> anyhow::Result<Plot> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE).map_err(convert)?;
        draw(&area)?;
        area.present().map_err(convert)?;
    }
    Ok(Plot { title: title.into(), svg })
}

fn convert(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("a plot can't be drawn: {error}")
}

/// A name and its value.
type Bar = (String, f64);

/// Bars below each other, each with its name before it.
fn bars(title: &str, unit: &str, bars: &[Bar]) -> anyhow::Result<Plot> {
    let highest = bars.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    plot(title, |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(NAMES)
            .build_cartesian_2d(0.0..room(highest, 0.04), bars.len() as f64 - 0.4..-0.6)
            .map_err(convert)?;
        let name = |at: &f64| {
            let is_whole = (at - at.round()).abs() < 1e-6 && *at >= -1e-6;
            bars.get(at.round() as usize).filter(|_| is_whole).map_or_else(String::new, |(name, _)| name.clone())
        };
        chart
            .configure_mesh()
            .disable_y_mesh()
            .light_line_style(TRANSPARENT)
            .x_labels(6)
            .x_label_formatter(&number)
            .y_labels(2 * bars.len() + 1)
            .y_label_formatter(&name)
            .x_desc(unit)
            .label_style(FONT)
            .draw()
            .map_err(convert)?;
        let bars = bars.iter().enumerate().map(|(at, (_, value))| {
            let at = at as f64;
            Rectangle::new([(0.0, at - 0.3), (*value, at + 0.3)], LINES[0].filled())
        });
        chart.draw_series(bars).map_err(convert).map(drop)
    })
}

/// Where an axis ends: above the highest value, by a share of it.
fn room(highest: f64, share: f64) -> f64 {
    if highest > 0.0 { highest * (1.0 + share) } else { 1.0 }
}

/// How many findings are of each severity.
pub(super) fn severities(point: &Point) -> anyhow::Result<Plot> {
    let all = [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
    let of = |severity: Severity| point.all.by_severity.get(&severity).copied().unwrap_or(0) as f64;
    let rows: Vec<Bar> = all.map(|severity| (severity.to_string(), of(severity))).to_vec();
    bars("Findings by severity", "findings", &rows)
}

/// Most rules that a plot of them has room for.
const RULES: usize = 8;

/// How often each kind is found.
pub(super) fn rates(point: &Point, blocks: u64) -> anyhow::Result<Plot> {
    let kinds = point.detectors.iter().flat_map(|tally: &Tally| {
        tally.by_kind.iter().map(move |(kind, count)| (format!("{}: {kind}", tally.detector), *count))
    });
    let mut kinds: Vec<(String, usize)> = kinds.collect();
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let rate = |count: usize| count as f64 * 1e3 / blocks.max(1) as f64;
    let rows: Vec<Bar> = kinds.into_iter().take(RULES).map(|(name, count)| (name, rate(count))).collect();
    bars("Findings of each rule, for 1,000 blocks", "findings", &rows)
}

/// Findings over the blocks of a recording's chain, by what they are.
pub(super) fn findings(watched: &Watched, judged: &[&Judged]) -> anyhow::Result<Option<Plot>> {
    let mut by_chain: BTreeMap<_, usize> = BTreeMap::new();
    for chain in judged.iter().filter_map(|judged| judged.sighting.chain) {
        *by_chain.entry(chain).or_default() += 1;
    }
    let Some((chain, _)) = by_chain.into_iter().max_by_key(|(_, count)| *count) else { return Ok(None) };
    let Some(covered) = watched.chains.get(&chain) else { return Ok(None) };
    let (first, last) = (covered.first as f64, covered.last as f64 + 1.0);
    let width = (last - first) / BINS as f64;
    let mut bins = [[0u32; 3]; BINS];
    for judged in judged.iter().filter(|judged| judged.sighting.chain == Some(chain)) {
        let Some(block) = judged.sighting.block else { continue };
        let bin = (((block as f64 + 0.5 - first) / width) as usize).min(BINS - 1);
        let what = match judged.verdict {
            Some(Verdict::Attack(_)) => 0,
            Some(Verdict::Benign(_)) => 1,
            Some(Verdict::Unknown) | None => 2,
        };
        bins[bin][what] += 1;
    }
    let highest = bins.iter().map(|bin| bin.iter().sum::<u32>()).max().unwrap_or(0);
    let plot = plot(format!("{}: findings over blocks of chain {chain}", watched.recording), |area| {
        let mut chart = axes(area, first..last, 0.0..room(f64::from(highest), LEGEND), ("block", "findings"), &number)?;
        for (what, (name, colour)) in
            [("right", RIGHT), ("wrong", WRONG), ("not labelled", UNKNOWN)].into_iter().enumerate()
        {
            if bins.iter().all(|bin| bin[what] == 0) {
                continue;
            }
            let stacked = bins.iter().enumerate().filter(|(_, bin)| bin[what] > 0).map(|(at, bin)| {
                let left = first + at as f64 * width;
                let bottom = f64::from(bin[..what].iter().sum::<u32>());
                Rectangle::new([(left, bottom), (left + width, bottom + f64::from(bin[what]))], colour.filled())
            });
            let drawn = chart.draw_series(stacked).map_err(convert)?;
            drawn.label(name).legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], colour.filled()));
        }
        legend(&mut chart)
    })?;
    Ok(Some(plot))
}

/// What each detector takes for a block, over the run.
pub(super) fn costs(point: &Point) -> anyhow::Result<Plot> {
    let shown = || point.detectors.iter().filter(|tally| tally.cost.batches > 0).take(LINES.len());
    let highest = shown().flat_map(|tally| tally.cost.course_us.means.iter().copied()).fold(0.0, f64::max);
    let longest = shown().map(|tally| tally.cost.batches).max().unwrap_or(1) as f64;
    plot("Time for a block, over the run", |area| {
        let mut chart =
            axes(area, 0.0..longest, 0.0..room(highest, LEGEND), ("blocks with something to see", "µs"), &number)?;
        for (tally, colour) in shown().zip(LINES) {
            let course = &tally.cost.course_us;
            let points = course.means.iter().enumerate().map(|(at, mean)| ((at as u64 * course.stride) as f64, *mean));
            let drawn = chart.draw_series(LineSeries::new(points, colour.stroke_width(2))).map_err(convert)?;
            drawn.label(tally.detector.clone()).legend(move |(x, y)| stroke(x, y, colour));
        }
        legend(&mut chart)
    })
}

/// A value of a score that is drawn.
type Curve = (&'static str, fn(&Score) -> Option<f64>);

/// Precision and recall, and wrong findings a day, over the one value that is swept.
pub(super) fn sweep(points: &[Point]) -> anyhow::Result<Vec<Plot>> {
    let Some(key) = points.first().and_then(|point| point.values.keys().next()) else { return Ok(Vec::new()) };
    if points.iter().any(|point| point.values.len() != 1 || point.all.score.is_none()) {
        return Ok(Vec::new());
    }
    let quality: [Curve; 3] =
        [("precision", |score| score.precision), ("recall", |score| score.recall), ("F1", |score| score.f1)];
    let daily: [Curve; 1] = [("wrong findings a day", |score| score.false_positives_per_day)];
    let curves = [("Precision and recall", &quality[..]), ("Wrong findings a day", &daily[..])];
    curves.into_iter().map(|(title, curves)| over(points, &format!("{title}, by {key}"), key, curves)).collect()
}

fn over(points: &[Point], title: &str, key: &str, curves: &[Curve]) -> anyhow::Result<Plot> {
    let values: Vec<f64> =
        points.iter().filter_map(|point| point.values.get(key)).map(|value| value.as_f64()).collect();
    let (first, last) =
        values.iter().fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(*value), high.max(*value)));
    let is_by_ratio = first > 0.0 && last / first >= 10.0;
    // A logarithm on the axis, and the values in its labels.
    let at = |value: f64| if is_by_ratio { value.log10() } else { value };
    let scored = || points.iter().zip(&values).filter_map(|(point, value)| Some((point.all.score.as_ref()?, *value)));
    let highest =
        curves.iter().flat_map(|(_, of)| scored().filter_map(move |(score, _)| of(score))).fold(0.0, f64::max);
    let margin = (at(last) - at(first)).max(1e-9) * 0.03;
    plot(title, |area| {
        let label = |place: &f64| number(&if is_by_ratio { 10f64.powf(*place) } else { *place });
        let across = at(first) - margin..at(last) + margin;
        let mut chart = axes(area, across, 0.0..room(highest, LEGEND), (key, ""), &label)?;
        for ((name, of), colour) in curves.iter().zip(LINES) {
            let known: Vec<(f64, f64)> = scored().filter_map(|(score, value)| Some((at(value), of(score)?))).collect();
            let dots = known.iter().map(|place| Circle::new(*place, 3, colour.filled()));
            chart.draw_series(dots).map_err(convert)?;
            let line = chart.draw_series(LineSeries::new(known.clone(), colour.stroke_width(2))).map_err(convert)?;
            line.label(*name).legend(move |(x, y)| stroke(x, y, colour));
        }
        legend(&mut chart)
    })
}

/// A number for an axis: three digits that count, and powers of ten from a thousand million on.
fn number(value: &f64) -> String {
    let trimmed = |text: String| match text.split_once('.') {
        Some(_) => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        None => text,
    };
    match value.abs() {
        size if size >= 1e9 => {
            let text = format!("{value:.2e}");
            text.split_once('e')
                .map_or(text.clone(), |(digits, power)| format!("{}e{power}", trimmed(digits.to_owned())))
        }
        size if size >= 100.0 => format!("{value:.0}"),
        _ => trimmed(format!("{value:.3}")),
    }
}

type Flat = Cartesian2d<RangedCoordf64, RangedCoordf64>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Flat>;

fn axes<'a, 'b>(
    area: &'a Area<'b>,
    across: std::ops::Range<f64>,
    up: std::ops::Range<f64>,
    (below, beside): (&str, &str),
    label: &dyn Fn(&f64) -> String,
) -> anyhow::Result<Chart<'a, 'b>> {
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(64)
        .build_cartesian_2d(across, up)
        .map_err(convert)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .x_labels(6)
        .x_label_formatter(label)
        .y_label_formatter(&number)
        .x_desc(below)
        .y_desc(beside)
        .label_style(FONT)
        .draw()
        .map_err(convert)?;
    Ok(chart)
}

fn stroke(x: i32, y: i32, colour: RGBColor) -> PathElement<(i32, i32)> {
    PathElement::new([(x, y), (x + 14, y)], colour.stroke_width(2))
}

fn legend<'a, 'b: 'a>(chart: &mut Chart<'a, 'b>) -> anyhow::Result<()> {
    let mut labels = chart.configure_series_labels();
    let style = labels.background_style(WHITE.mix(0.85)).border_style(TRANSPARENT).label_font(FONT);
    style.position(SeriesLabelPosition::UpperRight).draw().map_err(convert)
}
