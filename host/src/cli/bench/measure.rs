//! Figures, as a table for people and as JSON for comparison.

use std::time::Duration;

use serde::Serialize;

use super::blocks::Blocks;

/// The middle one of some times.
pub(super) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// One figure.
#[derive(Clone, Debug, Serialize)]
struct Row {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    per_block_us: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blocks_per_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    batches: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aim: Option<f64>,
}

/// All figures of a run.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Table {
    version: &'static str,
    blocks: usize,
    logs: usize,
    rows: Vec<Row>,
}

fn us(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

impl Table {
    pub(super) fn new(blocks: &Blocks) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        Self { version, blocks: blocks.all.len(), logs: blocks.logs(), rows: Vec::new() }
    }

    /// A stage's time for one block, or one batch.
    pub(super) fn row(&mut self, name: &str, per_block: Duration) {
        self.push(name, Some(us(per_block)), None, None, None, None);
    }

    /// A fleet's time for one block, and how many it takes in a second.
    pub(super) fn rate(&mut self, name: &str, per_block: Duration, batches: usize) {
        let rate = 1.0 / per_block.as_secs_f64().max(f64::EPSILON);
        self.push(name, Some(us(per_block)), Some(rate), Some(batches), None, None);
    }

    /// How two times stand to each other, and what is aimed at.
    pub(super) fn ratio(&mut self, name: &str, time: Duration, to: Duration, aim: f64) {
        let ratio = time.as_secs_f64() / to.as_secs_f64().max(f64::EPSILON);
        self.push(name, None, None, None, Some(ratio), Some(aim));
    }

    fn push(
        &mut self,
        name: &str,
        per_block_us: Option<f64>,
        blocks_per_s: Option<f64>,
        batches: Option<usize>,
        ratio: Option<f64>,
        aim: Option<f64>,
    ) {
        self.rows.push(Row { name: name.to_owned(), per_block_us, blocks_per_s, batches, ratio, aim });
    }

    pub(super) fn print(&self) {
        println!("watchfire {}: {} blocks, {} logs\n", self.version, self.blocks, self.logs);
        println!("{:<58} {:>12} {:>12} {:>9}", "", "µs", "blocks/s", "batches");
        for row in &self.rows {
            let number =
                |value: Option<f64>, digits: usize| value.map_or_else(String::new, |value| format!("{value:.digits$}"));
            let batches = row.batches.map_or_else(String::new, |batches| batches.to_string());
            let ratio = match (row.ratio, row.aim) {
                (Some(ratio), Some(aim)) => format!("{ratio:.2} times (aim: {aim} at most)"),
                _ => String::new(),
            };
            let (time, rate) = (number(row.per_block_us, 2), number(row.blocks_per_s, 0));
            println!("{:<58} {time:>12} {rate:>12} {batches:>9}{ratio}", row.name);
        }
    }
}
