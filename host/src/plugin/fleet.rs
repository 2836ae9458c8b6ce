//! All detectors: who sees an input, in what order, and what becomes of one that fails.
//!
//! Results come in the order of level and id, however the work was spread, so that the same inputs give the same
//! journal. A detector with nothing to see is not called.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::B256;
use rayon::prelude::*;

use super::batch::{Batch, Head, Scene};
use super::chain::Shared;
use super::detector::{Detector, Ran, Record};
use super::guest::LogLine;
use super::{Failure, LoadError, Runtime};
use crate::block::{Block, BlockRef, ChainId, Transactions};
use crate::chain_read::{ChainAnswer, ChainRead, ChainReader};
use crate::entry::StateChange;
use crate::event::Observation;
use crate::finding::{Claim, Finding};
use crate::narrow::{BlockIndex, Matcher, Selection};
use crate::subscription::Needs;

/// Failures in a row after which a detector is quarantined.
const FAILURES_BEFORE_QUARANTINE: u32 = 3;
/// Batches of the first quarantine; each that follows is twice as long.
const FIRST_QUARANTINE_BATCHES: u64 = 8;
const LONGEST_QUARANTINE_BATCHES: u64 = 4_096;

/// Batches at once from which on it pays to wake other threads.
const WORTH_SPREADING: usize = 4;

/// Failures that are to be repeated rather than run into, by detector.
pub type Recorded = BTreeMap<String, Failure>;

/// What one detector made of one input.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its id.
    pub detector: String,
    /// SHA-256 of its component.
    pub digest: B256,
    /// What it claims, or how it failed.
    pub result: Result<Vec<Claim>, Failure>,
    /// What it changed in its state; nothing where it failed.
    pub state: Vec<StateChange>,
    /// What it asked of the chain.
    pub reads: Vec<(BlockRef, ChainRead, ChainAnswer)>,
    /// What it wrote to its log.
    pub log: Vec<LogLine>,
    /// How long it took.
    pub elapsed: Duration,
}

impl Outcome {
    /// Each distinct read of some outcomes once, in the order of their questions.
    pub fn distinct_reads(outcomes: &[Outcome]) -> Vec<(BlockRef, ChainRead, ChainAnswer)> {
        let mut distinct = BTreeMap::new();
        for (at, read, answer) in outcomes.iter().flat_map(|outcome| &outcome.reads) {
            distinct.entry((*at, read.clone())).or_insert_with(|| answer.clone());
        }
        distinct.into_iter().map(|((at, read), answer)| (at, read, answer)).collect()
    }
}

/// A finding that a combiner hears of.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub(super) detector: String,
    pub(super) id: B256,
    pub(super) claim: Claim,
}

/// All detectors of a host.
pub struct Fleet {
    /// By id.
    detectors: BTreeMap<String, Detector>,
    /// Ids by level: what listens to others stands above them.
    levels: Vec<Vec<String>>,
    heads: BTreeMap<ChainId, Head>,
    pool: rayon::ThreadPool,
    fresh_each_batch: bool,
}

/// One input on its way through the fleet.
struct Dispatch<'a> {
    input: B256,
    scene: Arc<Scene>,
    shared: Shared,
    recorded: &'a Recorded,
    /// Only these see it, where not all do.
    only: Option<BTreeSet<&'a str>>,
}

impl Fleet {
    /// No detector yet.
    pub fn new(_runtime: &Runtime) -> anyhow::Result<Self> {
        let pool = rayon::ThreadPoolBuilder::new().thread_name(|at| format!("detectors-{at}")).build()?;
        Ok(Self {
            detectors: BTreeMap::new(),
            levels: Vec::new(),
            heads: BTreeMap::new(),
            pool,
            fresh_each_batch: false,
        })
    }

    /// Whether instances are dropped after each batch, which must change nothing.
    pub fn set_fresh_each_batch(&mut self, fresh_each_batch: bool) {
        self.fresh_each_batch = fresh_each_batch;
    }

    /// Starts over: no detector remembers anything, and no block was seen.
    pub fn forget(&mut self) -> Result<(), LoadError> {
        self.heads.clear();
        self.detectors.values_mut().try_for_each(Detector::forget)
    }

    /// Ids in order.
    pub fn ids(&self) -> Vec<String> {
        self.detectors.keys().cloned().collect()
    }

    /// A detector.
    pub fn get(&self, id: &str) -> Option<&Detector> {
        self.detectors.get(id)
    }

    /// What must be fetched of each chain that some detector watches by name.
    pub fn needs(&self) -> BTreeMap<ChainId, Needs> {
        let mut needs: BTreeMap<ChainId, Needs> = BTreeMap::new();
        for detector in self.detectors.values() {
            for chain in detector.chains() {
                let known = needs.entry(*chain).or_default();
                *known = known.union(detector.needs());
            }
        }
        needs
    }

    /// Puts a detector in the place of the one of its id, or beside the others.
    pub fn swap(&mut self, detector: Detector) -> anyhow::Result<()> {
        let id = detector.id().to_owned();
        let levels = levels(&self.detectors, &detector)?;
        self.detectors.insert(id, detector);
        self.levels = levels;
        Ok(())
    }

    /// Takes a detector out.
    pub fn remove(&mut self, id: &str) {
        self.detectors.remove(id);
        for level in &mut self.levels {
            level.retain(|other| other != id);
        }
    }

    /// Puts keys of a detector's state back to what they were, and drops what it may remember otherwise.
    pub fn restore(&mut self, id: &str, restored: Vec<(Vec<u8>, Option<Vec<u8>>)>) {
        if let Some(detector) = self.detectors.get_mut(id) {
            detector.restore(restored);
        }
    }

    /// Sets the newest block of a chain, with its parent's hash and its time in seconds, as after a restart or a
    /// reorg.
    pub fn set_head(&mut self, chain: ChainId, head: Option<(BlockRef, B256, u64)>) {
        match head {
            Some((block, parent_hash, timestamp_s)) => {
                self.heads.insert(chain, Head { block: Some(block), parent_hash: parent_hash.0, timestamp_s });
            }
            None => {
                self.heads.remove(&chain);
            }
        }
    }

    /// Shows a block that was added to its chain.
    pub fn on_block(
        &mut self,
        input: B256,
        block: &Arc<Block>,
        reader: &Arc<dyn ChainReader>,
        recorded: &Recorded,
    ) -> Vec<Outcome> {
        let previous_s = self.heads.get(&block.chain).map(|head| head.timestamp_s);
        let head = head_of(block);
        self.heads.insert(block.chain, head);
        let scene = block_scene(block, head);
        let dispatch = Dispatch { input, scene, shared: Shared::new(reader.clone()), recorded, only: None };
        self.show_block(&dispatch, block, previous_s)
    }

    /// Shows an observation of a feed.
    pub fn on_observation(
        &mut self,
        input: B256,
        observation: &Observation,
        reader: &Arc<dyn ChainReader>,
        recorded: &Recorded,
    ) -> Vec<Outcome> {
        self.show_observation(input, observation, reader, recorded, None)
    }

    /// Shows transactions that wait for a block.
    pub fn on_pending(
        &mut self,
        input: B256,
        chain: ChainId,
        transactions: &Arc<Transactions>,
        reader: &Arc<dyn ChainReader>,
        recorded: &Recorded,
    ) -> Vec<Outcome> {
        let head = self.heads.get(&chain).copied().unwrap_or_default();
        let scene = Arc::new(Scene {
            trigger: "pending",
            chain,
            head,
            block: None,
            pending: Some(transactions.clone()),
            observation: None,
        });
        let dispatch = Dispatch { input, scene, shared: Shared::new(reader.clone()), recorded, only: None };
        self.dispatch(&dispatch, |detector| {
            let selected = detector.matcher.select_pending(transactions);
            (detector.watches(chain) && !selected.is_none())
                .then(|| Selection { transactions: selected, ..Selection::default() })
        })
    }

    /// Shows a block again to some detectors, whose state went back before it.
    pub fn see_block_again(
        &mut self,
        input: B256,
        only: &[String],
        block: &Arc<Block>,
        previous_s: Option<u64>,
        reader: &Arc<dyn ChainReader>,
    ) -> Vec<Outcome> {
        let scene = block_scene(block, head_of(block));
        let recorded = Recorded::new();
        let only = Some(only.iter().map(String::as_str).collect());
        let dispatch = Dispatch { input, scene, shared: Shared::new(reader.clone()), recorded: &recorded, only };
        self.show_block(&dispatch, block, previous_s)
    }

    /// Shows an observation again to some detectors, whose state went back before it.
    pub fn see_observation_again(
        &mut self,
        input: B256,
        only: &[String],
        observation: &Observation,
        reader: &Arc<dyn ChainReader>,
    ) -> Vec<Outcome> {
        let only = Some(only.iter().map(String::as_str).collect());
        self.show_observation(input, observation, reader, &Recorded::new(), only)
    }

    fn show_block(&mut self, dispatch: &Dispatch<'_>, block: &Block, previous_s: Option<u64>) -> Vec<Outcome> {
        let index = BlockIndex::new(block, previous_s);
        self.dispatch(dispatch, |detector| {
            if !detector.watches(block.chain) {
                return None;
            }
            let selection = detector.matcher.select(&index);
            (!selection.is_empty()).then_some(selection)
        })
    }

    fn show_observation(
        &mut self,
        input: B256,
        observation: &Observation,
        reader: &Arc<dyn ChainReader>,
        recorded: &Recorded,
        only: Option<BTreeSet<&str>>,
    ) -> Vec<Outcome> {
        let shared = Shared::new(reader.clone());
        let heads = self.heads.clone();
        let mut outcomes = Vec::new();
        // Detectors of one chain at a time, for each sees the newest block of its own.
        let homes: BTreeSet<Option<ChainId>> = self.detectors.values().map(Detector::home).collect();
        for home in homes {
            let chain = home.or(heads.keys().next().copied()).unwrap_or(0);
            let scene = Arc::new(Scene {
                trigger: "feed",
                chain,
                head: heads.get(&chain).copied().unwrap_or_default(),
                block: None,
                pending: None,
                observation: Some(observation.clone()),
            });
            let dispatch = Dispatch { input, scene, shared: shared.clone(), recorded, only: only.clone() };
            outcomes.extend(self.dispatch(&dispatch, |detector| {
                (detector.home() == home && detector.matcher.wants_feed(&observation.feed)).then(Selection::default)
            }));
        }
        outcomes
    }

    /// Shows one input level by level; `select` says what a detector sees of it, beside findings of others.
    fn dispatch(&mut self, dispatch: &Dispatch<'_>, select: impl Fn(&Detector) -> Option<Selection>) -> Vec<Outcome> {
        let mut outcomes: Vec<Outcome> = Vec::new();
        let mut heard: Vec<Heard> = Vec::new();
        let fresh_each_batch = self.fresh_each_batch;
        let (pool, detectors, levels) = (&self.pool, &mut self.detectors, &self.levels);
        for level in levels {
            let level: BTreeSet<&str> = level.iter().map(String::as_str).collect();
            let mut work = Vec::new();
            for (id, detector) in detectors.iter_mut() {
                let sees =
                    level.contains(id.as_str()) && dispatch.only.as_ref().is_none_or(|only| only.contains(id.as_str()));
                if !sees {
                    continue;
                }
                let selection = select(detector);
                let findings = wanted(&detector.matcher, detector, dispatch, &heard);
                if selection.is_none() && findings.is_empty() {
                    continue;
                }
                let batch = Batch {
                    scene: dispatch.scene.clone(),
                    selection: selection.unwrap_or_default(),
                    findings: Arc::new(findings),
                };
                work.push((detector, batch));
            }
            let show = |(detector, batch)| show(detector, batch, dispatch, fresh_each_batch);
            let done: Vec<Option<Outcome>> = if work.len() < WORTH_SPREADING {
                work.into_iter().map(show).collect()
            } else {
                pool.install(|| work.into_par_iter().map(show).collect())
            };
            for outcome in done.into_iter().flatten() {
                for (position, claim) in outcome.result.iter().flatten().enumerate() {
                    let id = Finding::id_of(&outcome.detector, outcome.digest, dispatch.input, position);
                    heard.push(Heard { detector: outcome.detector.clone(), id, claim: claim.clone() });
                }
                outcomes.push(outcome);
            }
        }
        outcomes
    }
}

fn head_of(block: &Block) -> Head {
    Head { block: Some(block.reference()), parent_hash: block.parent_hash.0, timestamp_s: block.timestamp_s }
}

fn block_scene(block: &Arc<Block>, head: Head) -> Arc<Scene> {
    let chain = block.chain;
    Arc::new(Scene { trigger: "block", chain, head, block: Some(block.clone()), pending: None, observation: None })
}

fn wanted(matcher: &Matcher, detector: &Detector, dispatch: &Dispatch<'_>, heard: &[Heard]) -> Vec<Heard> {
    if !matcher.is_combiner() || !detector.watches(dispatch.scene.chain) {
        return Vec::new();
    }
    heard.iter().filter(|heard| matcher.wants_finding(&heard.detector, &heard.claim.kind)).cloned().collect()
}

/// Shows one batch to one detector, unless it is quarantined; `None` where it is and that was told already.
fn show(detector: &mut Detector, batch: Batch, dispatch: &Dispatch<'_>, fresh_each_batch: bool) -> Option<Outcome> {
    let ran = if detector.record.skips_left > 0 {
        detector.record.skips_left -= 1;
        return None;
    } else if let Some(failure) = dispatch.recorded.get(detector.id()) {
        detector.drop_instance();
        failed(failure.clone())
    } else {
        detector.on_batch(batch, &dispatch.shared, dispatch.input)
    };
    if fresh_each_batch {
        detector.drop_instance();
    }
    let mut outcome = Outcome {
        detector: detector.id().to_owned(),
        digest: detector.digest(),
        result: ran.result,
        state: ran.state,
        reads: ran.reads,
        log: ran.log,
        elapsed: ran.elapsed,
    };
    detector.record = judge(detector.record, &mut outcome.result);
    Some(outcome)
}

fn failed(failure: Failure) -> Ran {
    Ran { result: Err(failure), state: Vec::new(), reads: Vec::new(), log: Vec::new(), elapsed: Duration::ZERO }
}

/// How a detector stands after a batch. The failure that leads to a quarantine says so.
fn judge(record: Record, result: &mut Result<Vec<Claim>, Failure>) -> Record {
    let Err(failure) = result else { return Record::default() };
    let failures = record.failures + 1;
    if failures < FAILURES_BEFORE_QUARANTINE {
        return Record { failures, ..record };
    }
    let skips_left = (FIRST_QUARANTINE_BATCHES << record.quarantines.min(20)).min(LONGEST_QUARANTINE_BATCHES);
    failure.message = format!(
        "{}; it failed {failures} times in a row and is quarantined for its next {skips_left} batches",
        failure.message
    );
    // One more failure after the quarantine leads to the next, longer one.
    Record { failures: FAILURES_BEFORE_QUARANTINE - 1, quarantines: record.quarantines + 1, skips_left }
}

/// Levels of all detectors with a new one among them: each stands above all that it listens to.
fn levels(present: &BTreeMap<String, Detector>, new: &Detector) -> anyhow::Result<Vec<Vec<String>>> {
    let mut matchers: BTreeMap<&str, &Matcher> =
        present.iter().map(|(id, detector)| (id.as_str(), &detector.matcher)).collect();
    matchers.insert(new.id(), &new.matcher);
    let mut left: BTreeSet<&str> = matchers.keys().copied().collect();
    let mut levels = Vec::new();
    while !left.is_empty() {
        let listens = |id: &str| {
            let matcher = matchers[id];
            // Listening to everybody means to everybody who listens to nobody in turn, and by name to those who do.
            left.iter().any(|other| {
                *other != id && matcher.listens_to(other) && (!matchers[other].is_combiner() || matcher.names(other))
            })
        };
        let level: Vec<String> = left.iter().filter(|id| !listens(id)).map(|id| (*id).to_owned()).collect();
        if level.is_empty() {
            let ring: Vec<&str> = left.into_iter().collect();
            anyhow::bail!("these detectors listen to each other in a ring: {}", ring.join(", "));
        }
        left.retain(|id| !level.iter().any(|placed| placed == id));
        levels.push(level);
    }
    Ok(levels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detector_that_keeps_failing_rests_longer_each_time() {
        let fail = |record| judge(record, &mut Err(Failure::new("trap", "x")));
        let mut record = Record::default();
        let mut rests = Vec::new();
        for _ in 0..6 {
            record = fail(record);
            rests.push(record.skips_left);
        }
        assert_eq!(rests, [0, 0, 8, 16, 32, 64]);
        assert_eq!(judge(record, &mut Ok(Vec::new())), Record::default());
    }
}
