//! All detectors: who is here, who is at work, and what is known of each.

mod crew;
pub(super) mod detector;
mod dispatch;
pub(super) mod identity;
pub(super) mod instance;
mod levels;
pub(super) mod outcome;
mod quarantine;
mod routes;
mod slot;
mod task;
pub(super) mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use alloy::primitives::B256;

use crate::block::{Block, ChainId};
use crate::chain_read::ChainReader;
use crate::plugin::boundary::batch::Head;
use crate::plugin::failure::LoadError;
use crate::plugin::fleet::crew::Crew;
use crate::plugin::fleet::detector::Detector;
use crate::plugin::fleet::identity::Profile;
use crate::plugin::fleet::levels::levels;
use crate::plugin::fleet::outcome::{Late, Outcome, Recorded, Shown};
use crate::plugin::fleet::quarantine::Record;
use crate::plugin::fleet::routes::Routes;
use crate::plugin::fleet::slot::Slot;
use crate::plugin::fleet::task::Done;
use crate::plugin::fleet::view::{Audience, Look, View};
use crate::subscription::Needs;

/// All detectors of a host.
pub struct Fleet {
    /// By id.
    slots: BTreeMap<String, Slot>,
    /// Ids by level: what listens to others stands above them.
    levels: Vec<BTreeSet<String>>,
    /// Made when an input comes, and again after a change of detectors.
    routes: Option<Arc<Routes>>,
    heads: BTreeMap<ChainId, Head>,
    crew: Crew,
    /// How long an input waits for a detector; `None`: as long as that takes.
    patience: Option<Duration>,
    done: mpsc::Receiver<Done>,
    tell_done: mpsc::Sender<Done>,
    wake: Option<Arc<dyn Fn() + Send + Sync>>,
    /// Detectors that came back and were not yet taken in.
    late: Vec<Late>,
    jobs: u64,
    fresh_each_batch: bool,
    /// Records before the outcomes that were counted since the input began.
    counted: Vec<(String, Record)>,
}

impl Default for Fleet {
    fn default() -> Self {
        Self::new()
    }
}

impl Fleet {
    /// Makes a fleet without detectors. Each input waits for all detectors, however long they take.
    pub fn new() -> Self {
        let (tell_done, done) = mpsc::channel();
        Self {
            slots: BTreeMap::new(),
            levels: Vec::new(),
            routes: None,
            heads: BTreeMap::new(),
            crew: Crew::new(),
            patience: None,
            done,
            tell_done,
            wake: None,
            late: Vec::new(),
            jobs: 0,
            fresh_each_batch: false,
            counted: Vec::new(),
        }
    }

    /// Limits how long an input waits for a detector from here on; one that takes longer is late, and `wake` is called
    /// whenever one comes back.
    pub fn set_patience(&mut self, patience: Duration, wake: Arc<dyn Fn() + Send + Sync>) {
        (self.patience, self.wake) = (Some(patience), Some(wake));
    }

    /// Tells whether inputs wait for every detector, however long it takes.
    pub fn has_endless_patience(&self) -> bool {
        self.patience.is_none()
    }

    /// Sets whether instances are dropped after each batch, which must change nothing.
    pub fn set_fresh_each_batch(&mut self, fresh_each_batch: bool) {
        self.fresh_each_batch = fresh_each_batch;
    }

    /// Starts over: no detector remembers anything, and no block was seen.
    ///
    /// # Errors
    ///
    /// If a detector can't be started again.
    pub fn forget(&mut self) -> Result<(), LoadError> {
        self.heads.clear();
        self.slots.values_mut().for_each(|slot| slot.record = Record::default());
        self.slots.values_mut().filter_map(|slot| slot.detector.as_mut()).try_for_each(|detector| detector.forget())
    }

    /// Returns the ids of all detectors, in order.
    pub fn ids(&self) -> Vec<String> {
        self.slots.keys().cloned().collect()
    }

    /// Returns what a detector is, whether or not it is at work.
    pub fn get(&self, id: &str) -> Option<&Arc<Profile>> {
        self.slots.get(id).map(|slot| &slot.profile)
    }

    /// Returns the memory of a detector's instance, bytes; `None` if there is no such detector, or no instance of it.
    pub fn memory_bytes(&self, id: &str) -> Option<u64> {
        self.slots.get(id)?.detector.as_ref()?.memory_bytes()
    }

    /// Returns the input that a detector is at work on, if it is late.
    pub fn at_work(&self, id: &str) -> Option<u64> {
        self.slots.get(id)?.out.as_ref().map(|out| out.seq)
    }

    /// Returns for how many more batches a detector rests.
    pub fn rests_for(&self, id: &str) -> u64 {
        self.slots.get(id).map_or(0, |slot| slot.record.skips_left())
    }

    /// Returns some detectors with all that hear of them or are heard by them, however far away, in order.
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

    /// Tells whether a detector may hear of what another finds.
    pub fn listens(&self, id: &str, to: &str) -> bool {
        self.slots.get(id).is_some_and(|slot| slot.profile.matcher.listens_to(to)) && self.is_below(to, id)
    }

    /// Returns what must be fetched of each chain that some detector watches by name.
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

    /// Returns where a detector stands: above all that it listens to.
    pub fn level(&self, id: &str) -> usize {
        self.levels.iter().position(|level| level.contains(id)).unwrap_or(0)
    }

    /// Tells whether a detector may listen to another.
    pub fn is_below(&self, below: &str, id: &str) -> bool {
        self.level(below) < self.level(id)
    }

    /// Puts a detector in the place of the one of its id, or beside the others. What the old one is at work on does not
    /// count any more.
    ///
    /// # Errors
    ///
    /// If it and others listen to each other in a ring.
    pub fn swap(&mut self, detector: Detector) -> anyhow::Result<()> {
        let profile = detector.profile().clone();
        let mut matchers: BTreeMap<&str, _> =
            self.slots.iter().map(|(id, slot)| (id.as_str(), &slot.profile.matcher)).collect();
        matchers.insert(profile.id(), &profile.matcher);
        let levels = levels(&matchers)?;
        self.levels = levels.into_iter().map(|level| level.into_iter().collect()).collect();
        let id = profile.id().to_owned();
        self.routes = None;
        // What the old one brought back and nobody took in is shown to the new one, over the state that it begins with.
        self.late.retain(|late| late.detector != id);
        self.slots
            .insert(id, Slot { profile, detector: Some(Box::new(detector)), out: None, record: Record::default() });
        Ok(())
    }

    /// Takes a detector out.
    pub fn remove(&mut self, id: &str) {
        self.slots.remove(id);
        self.late.retain(|late| late.detector != id);
        self.routes = None;
        for level in &mut self.levels {
            level.remove(id);
        }
    }

    /// Gives a detector the state that it is to have, and drops what it may remember otherwise. If it is at work,
    /// what it brings back does not count, and it comes back as late without an outcome.
    pub fn set_state(&mut self, id: &str, values: BTreeMap<Vec<u8>, Vec<u8>>) {
        self.void_what_came_back(id);
        if let Some(slot) = self.slots.get_mut(id) {
            match (&mut slot.detector, &mut slot.out) {
                (Some(detector), _) => detector.set_state(values),
                (None, Some(out)) => out.is_void = true,
                (None, None) => {}
            }
        }
    }

    /// Puts keys of a detector's state back to what they were, and drops what it may remember otherwise; as
    /// [`Fleet::set_state`] if it is at work.
    pub fn restore(&mut self, id: &str, restored: Vec<(Vec<u8>, Option<Vec<u8>>)>) {
        self.void_what_came_back(id);
        if let Some(slot) = self.slots.get_mut(id) {
            match (&mut slot.detector, &mut slot.out) {
                (Some(detector), _) => detector.restore(restored),
                (None, Some(out)) => out.is_void = true,
                (None, None) => {}
            }
        }
    }

    /// What a detector brought back and nobody took in was made of a state that is no more.
    fn void_what_came_back(&mut self, id: &str) {
        self.late.iter_mut().filter(|late| late.detector == id).for_each(|late| late.outcome = None);
    }

    /// Sets the newest block of a chain, as after a restart or a reorg.
    pub fn set_head(&mut self, chain: ChainId, head: Option<Head>) {
        match head {
            Some(head) => {
                self.heads.insert(chain, head);
            }
            None => {
                self.heads.remove(&chain);
            }
        }
    }

    /// Sets the newest block of every chain.
    pub fn set_heads(&mut self, heads: BTreeMap<ChainId, Head>) {
        self.heads = heads;
    }

    /// Makes a block the newest of its chain and shows it to all detectors. Returns what came of it.
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
        let Shown { mut outcomes, .. } = self.show(&view, &look, Vec::new());
        self.begin_to_count();
        for outcome in &mut outcomes {
            outcome.quarantined_for = self.count(outcome);
        }
        outcomes
    }

    /// Forgets how records stood before what was counted so far.
    pub fn begin_to_count(&mut self) {
        self.counted.clear();
    }

    /// Counts an outcome in its detector's record. If that was one failure too many, returns for how many batches the
    /// detector rests.
    pub fn count(&mut self, outcome: &Outcome) -> Option<u64> {
        let slot = self.slots.get_mut(&outcome.detector)?;
        self.counted.push((outcome.detector.clone(), slot.record));
        slot.record.count(outcome.result.as_ref().map(|_| ()).map_err(|failure| &failure.kind))
    }

    /// Puts records back to what they were before what was counted since [`Fleet::begin_to_count`].
    pub fn take_back_counts(&mut self) {
        for (id, record) in self.counted.drain(..).rev() {
            if let Some(slot) = self.slots.get_mut(&id) {
                slot.record = record;
            }
        }
    }

    /// Makes a block the newest of its chain. Returns the chain time of the one before, in seconds.
    pub fn advance(&mut self, block: &Block) -> Option<u64> {
        self.heads.insert(block.chain, Head::of(block)).map(|head| head.timestamp_s)
    }
}
