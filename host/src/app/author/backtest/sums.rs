//! A backtest without what tells one case from another, for cases that whoever builds the detector must not see.

use serde::Serialize;

use crate::app::author::backtest::{Backtest, Course, Point, Tally};
use crate::share::digest::Digest;

/// Sums over all recordings: no recording, finding, attack or label is in it by itself.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Sums {
    /// How many recordings there are.
    pub recordings: usize,
    /// Blocks and observations of all of them.
    pub inputs: u64,
    /// Blocks of all of them.
    pub blocks: u64,
    /// Transactions of these blocks.
    pub transactions: u64,
    /// How long it took, milliseconds.
    pub elapsed_ms: u64,
    /// How many labels lie in none of the recordings.
    pub misplaced: usize,
    /// How many labels are of recordings that were not given.
    pub absent: usize,
    /// Digest of the data, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Digest>,
    /// Reads of the chain that nobody answered.
    pub unanswered: u64,
    /// One, or one for each point of the sweep.
    pub points: Vec<Point>,
}

impl Sums {
    /// Returns the sums of a backtest.
    pub fn of(backtest: Backtest) -> Self {
        let chains = backtest.recordings.iter().flat_map(|watched| watched.chains.values());
        Self {
            recordings: backtest.recordings.len(),
            inputs: backtest.inputs,
            blocks: backtest.blocks,
            transactions: chains.map(|covered| covered.transactions).sum(),
            elapsed_ms: backtest.elapsed_ms,
            misplaced: backtest.misplaced.len(),
            absent: backtest.absent.len(),
            data: backtest.data.map(|data| data.digest),
            unanswered: backtest.unanswered.values().map(|of| of.reads).sum(),
            points: backtest.points.into_iter().map(summed).collect(),
        }
    }
}

fn summed(mut point: Point) -> Point {
    point.findings.clear();
    point.detectors.iter_mut().chain([&mut point.all]).for_each(strip);
    point
}

fn strip(tally: &mut Tally) {
    tally.failures.clear();
    // How long each stretch took says where something was.
    tally.cost.course_us = Course::default();
    if let Some(score) = &mut tally.score {
        score.attacks.clear();
        score.disturbed.clear();
    }
}
