//! All detectors: who is here, who is at work, and what is known of each.

mod crew;
pub(super) mod detector;
mod dispatch;
pub(super) mod identity;
mod levels;
mod quarantine;
mod routes;
pub(super) mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use alloy::primitives::B256;

use super::failure::HOST;
use super::{Failure, LoadError};
use crate::block::{Block, BlockRef, ChainId};
use crate::chain_read::{ChainAnswer, ChainRead, ChainReader};
use crate::entry::StateChange;
use crate::finding::Claim;
use crate::plugin::boundary::batch::Head;
use crate::plugin::boundary::guest::LogLine;
use crate::plugin::fleet::crew::Crew;
use crate::plugin::fleet::detector::Detector;
use crate::plugin::fleet::dispatch::Done;
use crate::plugin::fleet::identity::Profile;
use crate::plugin::fleet::levels::levels;
use crate::plugin::fleet::routes::Routes;
use crate::plugin::fleet::view::{Audience, Look, Shown, View};
use crate::plugin::measure::allocations::Allocated;
use crate::subscription::Needs;

/// Failures that are to be repeated rather than run into, by detector.
pub type Recorded = BTreeMap<String, Failure>;

/// What one detector made of one input.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its id.
    pub detector: String,
    /// SHA-256 of its component.
    pub digest: B256,
    /// What it claims, or how it failed, the second time where it was tried twice.
    pub result: Result<Vec<Claim>, Failure>,
    /// How it failed the first time, where it was tried twice.
    pub first_failure: Option<Failure>,
    /// For how many batches it rests, where this failure was one too many.
    pub quarantined_for: Option<u64>,
    /// What it changed in its state; nothing where it failed.
    pub state: Vec<StateChange>,
    /// What it asked of the chain.
    pub reads: Vec<(BlockRef, ChainRead, ChainAnswer)>,
    /// What it wrote to its log.
    pub log: Vec<LogLine>,
    /// How long it took.
    pub elapsed: Duration,
    /// Fuel that it used, where fuel is counted.
    pub fuel: Option<u64>,
    /// What it allocated, where that is counted.
    pub allocated: Option<Allocated>,
}

impl Outcome {
    /// Whether the host's own code failed, which may have cost the detector its state.
    pub fn is_lost(&self) -> bool {
        self.result.as_ref().is_err_and(|failure| failure.kind == HOST)
    }

    /// Each distinct read of some outcomes once, in the order of their questions.
    pub fn distinct_reads(outcomes: &[Outcome]) -> Vec<(BlockRef, ChainRead, ChainAnswer)> {
        let mut distinct = BTreeMap::new();
        for (at, read, answer) in outcomes.iter().flat_map(|outcome| &outcome.reads) {
            distinct.entry((*at, read.clone())).or_insert_with(|| answer.clone());
        }
        distinct.into_iter().map(|((at, read), answer)| (at, read, answer)).collect()
    }
}

/// A detector that has come back from an input that it was late on.
#[derive(Debug)]
pub struct Late {
    /// Its id.
    pub detector: String,
    /// The input's sequence number.
    pub seq: u64,
    /// What it made of it; `None` where it does not count any more, and its state must be given to it anew.
    pub outcome: Option<Outcome>,
}

/// A detector, here or at work.
pub(in crate::plugin) struct Slot {
    pub(in crate::plugin) profile: Arc<Profile>,
    pub(in crate::plugin) detector: Option<Box<Detector>>,
    /// The input that it is at work on, where it is not here.
    pub(in crate::plugin) out: Option<Out>,
}

pub(in crate::plugin) struct Out {
    pub(in crate::plugin) seq: u64,
    /// Tells this job from every other.
    pub(in crate::plugin) job: u64,
    /// Whether what it brings back does not count.
    pub(in crate::plugin) is_void: bool,
}

/// All detectors of a host.
pub struct Fleet {
    /// By id.
    pub(in crate::plugin) slots: BTreeMap<String, Slot>,
    /// Ids by level: what listens to others stands above them.
    pub(in crate::plugin) levels: Vec<BTreeSet<String>>,
    /// Made when an input comes, and again after a change of detectors.
    pub(in crate::plugin) routes: Option<Arc<Routes>>,
    pub(in crate::plugin) heads: BTreeMap<ChainId, Head>,
    pub(in crate::plugin) pool: rayon::ThreadPool,
    pub(in crate::plugin) crew: Option<Crew>,
    /// How long an input waits for a detector; without it, as long as that takes.
    pub(in crate::plugin) patience: Option<Duration>,
    pub(in crate::plugin) done: mpsc::Receiver<Done>,
    pub(in crate::plugin) tell_done: mpsc::Sender<Done>,
    pub(in crate::plugin) wake: Option<Arc<dyn Fn() + Send + Sync>>,
    /// Came back and not yet taken.
    pub(in crate::plugin) late: Vec<Late>,
    pub(in crate::plugin) jobs: u64,
    pub(in crate::plugin) fresh_each_batch: bool,
}

impl Fleet {
    /// No detector yet. Each input waits for all detectors.
    pub fn new() -> anyhow::Result<Self> {
        let pool = rayon::ThreadPoolBuilder::new().thread_name(|at| format!("detectors-{at}")).build()?;
        let (tell_done, done) = mpsc::channel();
        Ok(Self {
            slots: BTreeMap::new(),
            levels: Vec::new(),
            routes: None,
            heads: BTreeMap::new(),
            pool,
            crew: None,
            patience: None,
            done,
            tell_done,
            wake: None,
            late: Vec::new(),
            jobs: 0,
            fresh_each_batch: false,
        })
    }

    /// From here on an input waits so long for a detector, which is then late; `wake` is called whenever one comes back.
    pub fn be_impatient(&mut self, patience: Duration, wake: Arc<dyn Fn() + Send + Sync>) -> anyhow::Result<()> {
        self.crew = Some(Crew::new()?);
        (self.patience, self.wake) = (Some(patience), Some(wake));
        Ok(())
    }

    /// Whether inputs wait only so long.
    pub fn is_impatient(&self) -> bool {
        self.patience.is_some()
    }

    /// Whether instances are dropped after each batch, which must change nothing.
    pub fn set_fresh_each_batch(&mut self, fresh_each_batch: bool) {
        self.fresh_each_batch = fresh_each_batch;
    }

    /// Starts over: no detector remembers anything, and no block was seen.
    pub fn forget(&mut self) -> Result<(), LoadError> {
        self.heads.clear();
        self.slots.values_mut().filter_map(|slot| slot.detector.as_mut()).try_for_each(|detector| detector.forget())
    }

    /// Ids in order.
    pub fn ids(&self) -> Vec<String> {
        self.slots.keys().cloned().collect()
    }

    /// What is known of a detector.
    pub fn get(&self, id: &str) -> Option<&Arc<Profile>> {
        self.slots.get(id).map(|slot| &slot.profile)
    }

    /// Memory that a detector's instance has, bytes; `None` where there is no such detector, or no instance of it.
    pub fn memory_bytes(&self, id: &str) -> Option<u64> {
        self.slots.get(id)?.detector.as_ref()?.memory_bytes()
    }

    /// The input that a detector is at work on, where it is late.
    pub fn at_work(&self, id: &str) -> Option<u64> {
        self.slots.get(id)?.out.as_ref().map(|out| out.seq)
    }

    /// Some detectors with all that hear of them or are heard by them, however far away, in order.
    pub fn heard_together(&self, ids: &[String]) -> Vec<String> {
        let known = ids.iter().filter(|id| self.slots.contains_key(*id));
        let mut together: BTreeSet<&str> = known.map(String::as_str).collect();
        let listeners: Vec<_> = self.slots.iter().filter(|(_, slot)| slot.profile.matcher.is_combiner()).collect();
        let mut before = usize::MAX;
        while before != together.len() {
            before = together.len();
            for (id, listener) in &listeners {
                let hears = |other: &str| listener.profile.matcher.listens_to(other);
                if together.contains(id.as_str()) || together.iter().any(|other| hears(other)) {
                    together.insert(id.as_str());
                    together.extend(self.slots.keys().map(String::as_str).filter(|other| hears(other)));
                }
            }
        }
        together.into_iter().map(str::to_owned).collect()
    }

    /// Whether a detector may hear of what another finds.
    pub fn listens(&self, id: &str, to: &str) -> bool {
        self.slots.get(id).is_some_and(|slot| slot.profile.matcher.listens_to(to)) && self.is_below(to, id)
    }

    /// What must be fetched of each chain that some detector watches by name.
    pub fn needs(&self) -> BTreeMap<ChainId, Needs> {
        let mut needs: BTreeMap<ChainId, Needs> = BTreeMap::new();
        for slot in self.slots.values() {
            for chain in slot.profile.chains() {
                let known = needs.entry(*chain).or_default();
                *known = known.union(slot.profile.needs());
            }
        }
        needs
    }

    /// Where a detector stands: above all that it listens to.
    pub fn level(&self, id: &str) -> usize {
        self.levels.iter().position(|level| level.contains(id)).unwrap_or(0)
    }

    /// Whether a detector may listen to another.
    pub fn is_below(&self, below: &str, id: &str) -> bool {
        self.level(below) < self.level(id)
    }

    /// Puts a detector in the place of the one of its id, or beside the others. What the old one is at work on does not
    /// count any more.
    pub fn swap(&mut self, detector: Detector) -> anyhow::Result<()> {
        let profile = detector.profile().clone();
        let mut matchers: BTreeMap<&str, _> =
            self.slots.iter().map(|(id, slot)| (id.as_str(), &slot.profile.matcher)).collect();
        matchers.insert(profile.id(), &profile.matcher);
        let levels = levels(&matchers)?;
        self.levels = levels.into_iter().map(|level| level.into_iter().collect()).collect();
        let id = profile.id().to_owned();
        self.routes = None;
        self.slots.insert(id, Slot { profile, detector: Some(Box::new(detector)), out: None });
        Ok(())
    }

    /// Takes a detector out.
    pub fn remove(&mut self, id: &str) {
        self.slots.remove(id);
        self.routes = None;
        for level in &mut self.levels {
            level.remove(id);
        }
    }

    /// Gives a detector the state that it is to have, and drops what it may remember otherwise. Where it is at work,
    /// what it brings back does not count, and it is told of as late without an outcome.
    pub fn set_state(&mut self, id: &str, values: BTreeMap<Vec<u8>, Vec<u8>>) {
        if let Some(slot) = self.slots.get_mut(id) {
            match (&mut slot.detector, &mut slot.out) {
                (Some(detector), _) => detector.set_state(values),
                (None, Some(out)) => out.is_void = true,
                (None, None) => {}
            }
        }
    }

    /// Puts keys of a detector's state back to what they were, and drops what it may remember otherwise; as
    /// [`Fleet::set_state`] where it is at work.
    pub fn restore(&mut self, id: &str, restored: Vec<(Vec<u8>, Option<Vec<u8>>)>) {
        if let Some(slot) = self.slots.get_mut(id) {
            match (&mut slot.detector, &mut slot.out) {
                (Some(detector), _) => detector.restore(restored),
                (None, Some(out)) => out.is_void = true,
                (None, None) => {}
            }
        }
    }

    /// Sets the newest block of a chain, with its parent's hash and its time in seconds, as after a restart or a
    /// reorg.
    pub fn set_head(&mut self, chain: ChainId, head: Option<super::Head>) {
        match head {
            Some(head) => {
                self.heads.insert(chain, Head::from(head));
            }
            None => {
                self.heads.remove(&chain);
            }
        }
    }

    /// Chain time of the newest block, in seconds.
    pub fn time_of_head_s(&self, chain: ChainId) -> Option<u64> {
        self.heads.get(&chain).map(|head| head.timestamp_s)
    }

    /// Makes a block the newest of its chain and shows it to all detectors.
    pub fn on_block(
        &mut self,
        input: B256,
        block: &Arc<Block>,
        reader: &Arc<dyn ChainReader>,
        recorded: &Recorded,
    ) -> Vec<Outcome> {
        let previous_s = self.advance(block);
        let view = View::Block { block: block.clone(), previous_s };
        let look = Look {
            seq: 0,
            input,
            seed: input,
            reader,
            recorded,
            withheld: &BTreeSet::new(),
            audience: Audience::All,
            rouse: false,
            heads: None,
        };
        let Shown { outcomes, .. } = self.show(&view, &look, Vec::new());
        outcomes
    }

    /// Makes a block the newest of its chain; chain time of the one before, in seconds.
    pub fn advance(&mut self, block: &Block) -> Option<u64> {
        self.heads.insert(block.chain, Head::of(block)).map(|head| head.timestamp_s)
    }
}
