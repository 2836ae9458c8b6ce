//! Figures with what is aimed at: as a table for people, as JSON for comparison between versions.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::blocks::Blocks;

/// What a figure is to reach.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Aim {
    AtMost(f64),
    AtLeast(f64),
}

/// One figure.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    /// What it is of.
    section: String,
    name: String,
    value: f64,
    unit: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    aim: Option<Aim>,
}

/// All figures of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Report {
    version: String,
    cores: usize,
    blocks: usize,
    logs: usize,
    rows: Vec<Row>,
    #[serde(skip)]
    section: String,
}

/// The middle one of some times.
pub(super) fn median(times: Vec<Duration>) -> Duration {
    quantile(times, 0.5)
}

/// The time that this share of some times is not above.
pub(super) fn quantile(mut times: Vec<Duration>, share: f64) -> Duration {
    times.sort();
    let at = (times.len() as f64 * share) as usize;
    times.get(at.min(times.len().saturating_sub(1))).copied().unwrap_or_default()
}

impl Aim {
    fn is_met(self, value: f64) -> bool {
        match self {
            Aim::AtMost(aim) => value <= aim,
            Aim::AtLeast(aim) => value >= aim,
        }
    }

    fn text(self) -> String {
        match self {
            Aim::AtMost(aim) => format!("≤ {aim}"),
            Aim::AtLeast(aim) => format!("≥ {aim}"),
        }
    }
}

impl Report {
    pub(super) fn new(blocks: &Blocks) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            blocks: blocks.all.len(),
            logs: blocks.logs(),
            rows: Vec::new(),
            section: String::new(),
        }
    }

    /// A report that was kept as JSON.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("`{}`", path.display()))?;
        serde_json::from_str(&text)
            .with_context(|| format!("`{}` is no report of `bench --format json`", path.display()))
    }

    /// What the figures that follow are of.
    pub(super) fn section(&mut self, section: &str) {
        section.clone_into(&mut self.section);
        eprintln!("measuring: {section}");
    }

    /// A figure.
    pub(super) fn row(&mut self, name: &str, value: f64, unit: &str, aim: Option<Aim>) {
        let (section, name, unit) = (self.section.clone(), name.to_owned(), unit.to_owned());
        self.rows.push(Row { section, name, value, unit, aim });
    }

    /// A time in microseconds.
    pub(super) fn us(&mut self, name: &str, time: Duration) {
        self.row(name, time.as_secs_f64() * 1e6, "µs", None);
    }

    /// A time in milliseconds, with what is aimed at.
    pub(super) fn ms(&mut self, name: &str, time: Duration, at_most: f64) {
        self.row(name, time.as_secs_f64() * 1e3, "ms", Some(Aim::AtMost(at_most)));
    }

    /// How two times stand to each other.
    pub(super) fn ratio(&mut self, name: &str, time: Duration, to: Duration, aim: Option<Aim>) {
        let ratio = time.as_secs_f64() / to.as_secs_f64().max(f64::EPSILON);
        self.row(name, ratio, "times", aim);
    }

    /// Prints the table, beside the figures of another run where there is one.
    pub(super) fn print(&self, before: Option<&Report>) {
        println!("watchfire {}: {} blocks, {} logs, {} cores", self.version, self.blocks, self.logs, self.cores);
        if let Some(before) = before {
            println!("compared with {}: {} blocks, {} cores", before.version, before.blocks, before.cores);
        }
        let known: BTreeMap<(&str, &str), f64> = before
            .iter()
            .flat_map(|report| &report.rows)
            .map(|row| ((row.section.as_str(), row.name.as_str()), row.value))
            .collect();
        let mut section = "";
        for row in &self.rows {
            if row.section != section {
                section = &row.section;
                println!("\n{section}");
            }
            let aim = row.aim.map_or_else(String::new, |aim| {
                format!("{:<10} {}", aim.text(), if aim.is_met(row.value) { "met" } else { "NOT MET" })
            });
            let change = known.get(&(section, row.name.as_str())).map_or_else(String::new, |before| {
                format!("{:>12} {:>+7.1} %", number(*before), 100.0 * (row.value / before - 1.0))
            });
            let line = format!("  {:<62} {:>12} {:<9} {change} {aim}", row.name, number(row.value), row.unit);
            println!("{}", line.trim_end());
        }
    }
}

/// With as many digits as say something.
fn number(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_one_of_the_times() {
        let times = |count: u64| (1..=count).rev().map(Duration::from_millis).collect::<Vec<_>>();
        let check = |count, share, expected| assert_eq!(quantile(times(count), share), Duration::from_millis(expected));
        check(0, 0.5, 0);
        check(1, 0.99, 1);
        check(3, 0.5, 2);
        check(100, 0.99, 100);
        check(1_000, 0.99, 991);
    }

    #[test]
    fn an_aim_is_met_at_its_own_value() {
        let met = [Aim::AtMost(2.0), Aim::AtLeast(2.0)].map(|aim| [1.0, 2.0, 3.0].map(|value| aim.is_met(value)));
        assert_eq!(met, [[true, true, false], [false, true, true]]);
    }
}
