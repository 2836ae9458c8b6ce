//! Detectors over long recordings: what they find, how good that is by labels, what it costs, and how both change with a
//! value of their config.

mod course;
mod data;
mod subject;
mod sums;
mod trend;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy::primitives::B256;
use anyhow::Context as _;
use rayon::prelude::*;
use serde::Serialize;

pub use course::Ticks;
pub use data::Data;
pub use subject::Rule;
pub use sums::Sums;
pub use trend::{Cost, Course, Times};

use crate::app::author::backtest::course::{FAILURES_GIVEN, Made, Ran};
use crate::app::author::backtest::subject::{Values, grid, subjects};
use crate::app::author::reads::Unanswered;
use crate::chain_read::ChainReader;
use crate::finding::Severity;
use crate::score::{Labels, Number, Score, Sighting, Verdict, Watched, absent, judge, misplaced, score};

/// What is asked.
pub struct Options {
    /// The detectors.
    pub rules: Vec<Rule>,
    /// Recordings, each a file or a folder, each run by itself.
    pub recordings: Vec<PathBuf>,
    /// What is known of them.
    pub labels: Option<Labels>,
    /// Findings below this don't count.
    pub severity: Severity,
    /// Who answers reads that a recording has no answer to.
    pub node: Option<Arc<dyn ChainReader>>,
}

/// A finding with what it is by the labels.
#[derive(Clone, Debug, Serialize)]
pub struct Judged {
    /// The finding.
    #[serde(flatten)]
    pub sighting: Sighting,
    /// The recording's file.
    pub recording: String,
    /// What it is; `None` without labels.
    #[serde(rename = "is")]
    pub verdict: Option<Verdict>,
    /// The label that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// What one detector, or all of them, made of all recordings.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Tally {
    /// The detector's id; `all` for all of them.
    pub detector: String,
    /// Findings that count.
    pub findings: usize,
    /// By kind.
    pub by_kind: BTreeMap<String, usize>,
    /// By severity.
    pub by_severity: BTreeMap<Severity, usize>,
    /// Batches that it failed on, and so was blind to.
    pub failed: u64,
    /// The first of these, in words.
    pub failures: Vec<String>,
    /// What it took; nothing for all of them, who work beside each other.
    pub cost: Cost,
    /// How good it is by the labels.
    pub score: Option<Score>,
}

/// All detectors at one point of the sweep.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Point {
    /// The values, by `DETECTOR.KEY`; none without a sweep.
    pub values: BTreeMap<String, Number>,
    /// All detectors together.
    pub all: Tally,
    /// Each detector.
    pub detectors: Vec<Tally>,
    /// Each finding, by recording and time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Judged>,
}

/// What came of a backtest.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Backtest {
    /// What each recording has.
    pub recordings: Vec<Watched>,
    /// Blocks and observations of all of them.
    pub inputs: u64,
    /// Blocks of all of them.
    pub blocks: u64,
    /// How long it took, milliseconds.
    pub elapsed_ms: u64,
    /// Labels that lie in none of the recordings.
    pub misplaced: Vec<String>,
    /// Labels of recordings that were not given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub absent: Vec<String>,
    /// Which data it is of, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Data>,
    /// Reads of the chain that nobody answered, by recording: detectors were blind to what these would have said.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unanswered: BTreeMap<String, Unanswered>,
    /// How many answers of a node were kept, by file.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub kept_answers: BTreeMap<PathBuf, usize>,
    /// One, or one for each point of the sweep.
    pub points: Vec<Point>,
}

/// Runs detectors over recordings, several at once.
///
/// # Errors
///
/// If a recording can't be read, a detector can't be started, or a sweep is too large.
pub fn run(options: &Options, ticks: &Ticks<'_>) -> anyhow::Result<Backtest> {
    let started = Instant::now();
    let grid = grid(&options.rules)?;
    let (subjects, places) = subjects(&options.rules, &grid)?;
    let labels = options.labels.as_ref();
    let labelled: Vec<B256> =
        labels.iter().flat_map(|labels| &labels.labels).filter_map(|label| label.transaction).collect();
    // Threads of their own: each waits for its recording, which is decoded by those that all share.
    let pool = rayon::ThreadPoolBuilder::new().build().context("no threads to run recordings on")?;
    let mut ran: Vec<Ran> = pool.install(|| {
        let all = options.recordings.par_iter().enumerate();
        all.map(|(index, path)| course::run(&subjects, (index, path), &labelled, options.node.as_ref(), ticks))
            .collect::<anyhow::Result<_>>()
    })?;
    for of in ran.iter_mut().flat_map(|ran| &mut ran.made) {
        of.sightings.retain(|sighting| sighting.severity >= options.severity);
    }
    let watched: Vec<Watched> = ran.iter().map(|ran| ran.watched.clone()).collect();
    let mut made: Vec<Made> = (0..subjects.len()).map(|at| together(&mut ran, at)).collect();
    // Findings are many: each is handed on, and copied only for points of the sweep that share a subject.
    let mut uses = vec![0_usize; made.len()];
    places.iter().flatten().for_each(|place| uses[*place] += 1);
    let mut points = Vec::with_capacity(places.len());
    for (values, places) in grid.into_iter().zip(&places) {
        let mut of_point = Vec::with_capacity(places.len());
        for (rule, place) in options.rules.iter().zip(places) {
            uses[*place] -= 1;
            let one = if uses[*place] == 0 { std::mem::take(&mut made[*place]) } else { made[*place].clone() };
            of_point.push((rule.id.as_str(), one));
        }
        points.push(point(values, of_point, labels, &watched));
    }
    Ok(Backtest {
        points,
        inputs: ran.iter().map(|ran| ran.inputs).sum(),
        blocks: watched.iter().flat_map(|of| of.chains.values()).map(|covered| covered.blocks).sum(),
        elapsed_ms: millis(started.elapsed()),
        misplaced: labels.iter().flat_map(|labels| misplaced(labels, &watched)).map(str::to_owned).collect(),
        absent: labels.iter().flat_map(|labels| absent(labels, &watched)).map(str::to_owned).collect(),
        unanswered: ran
            .iter()
            .filter_map(|ran| Some((ran.watched.recording.clone(), ran.unanswered.clone()?)))
            .collect(),
        kept_answers: ran.iter().filter_map(|ran| ran.kept.clone()).collect(),
        recordings: watched,
        data: None,
    })
}

fn millis(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

/// What a subject made of all recordings, one after the other.
fn together(ran: &mut [Ran], at: usize) -> Made {
    let mut all = Made::default();
    for made in ran.iter_mut().map(|ran| &mut ran.made[at]) {
        all.sightings.append(&mut made.sightings);
        all.times.append(&made.times);
        all.failed += made.failed;
        all.failures.append(&mut made.failures);
    }
    all.failures.truncate(FAILURES_GIVEN);
    all
}

fn point(values: Values, made: Vec<(&str, Made)>, labels: Option<&Labels>, watched: &[Watched]) -> Point {
    let mut point = Point { values, ..Point::default() };
    let (mut all, mut failed) = (Vec::new(), 0);
    for (id, mut made) in made {
        made.sightings.iter_mut().for_each(|sighting| id.clone_into(&mut sighting.detector));
        let mut tally = tally(id, &made.sightings, labels, watched);
        (tally.failed, tally.failures, tally.cost) = (made.failed, made.failures, made.times.cost());
        point.detectors.push(tally);
        all.append(&mut made.sightings);
        failed += made.failed;
    }
    // Those of one moment stay in the order of their detectors.
    all.sort_by_key(|sighting| (sighting.recording, sighting.time_ms, sighting.block));
    point.all = Tally { failed, ..tally("all", &all, labels, watched) };
    let judged = |sighting: Sighting| {
        let verdict = labels.map(|labels| judge(labels, watched, &sighting));
        let label = verdict.and_then(Verdict::label).zip(labels).map(|(at, labels)| labels.labels[at].name.clone());
        Judged { recording: watched[sighting.recording].recording.clone(), verdict, label, sighting }
    };
    point.findings = all.into_iter().map(judged).collect();
    point
}

fn tally(detector: &str, sightings: &[Sighting], labels: Option<&Labels>, watched: &[Watched]) -> Tally {
    let mut tally = Tally { detector: detector.to_owned(), findings: sightings.len(), ..Tally::default() };
    for sighting in sightings {
        *tally.by_kind.entry(sighting.kind.clone()).or_default() += 1;
        *tally.by_severity.entry(sighting.severity).or_default() += 1;
    }
    tally.score = labels.map(|labels| score(labels, watched, sightings));
    tally
}
