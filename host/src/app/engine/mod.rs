//! The loop's body: takes an input, shows it to detectors, has the desks decide, and journals all of it as one.
//!
//! A run, a replay, the demo and the benchmarks all go through [`Engine::take`]; what differs is only where
//! inputs come from, who answers reads of the chain, and whether slow detectors are waited for. The engine's state is
//! closed: whoever stands outside this folder reaches it through the engine's methods only.

pub mod answers;
mod awaited;
pub(in crate::app) mod chains;
mod coverage;
mod coverage_gaps;
mod decoded;
pub mod desk_inputs;
mod detectors;
mod finality;
mod given;
#[cfg(test)]
mod kit;
mod late;
mod outbox;
mod outcome;
mod owed;
pub(in crate::app) mod provenance;
mod rebuilding;
mod remembered;
pub mod resume;
pub mod retention;
pub mod signers;
pub mod spent;
pub mod status;
mod storms;
pub mod taking;
pub mod thinning;
mod unsettled;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy::primitives::B256;
use anyhow::{Context, ensure};

use crate::app::engine::coverage_gaps::Gaps;
use crate::app::engine::decoded::Decoded;
use crate::app::engine::desk_inputs::{journaled_plan, of_event};
use crate::app::engine::finality::Settled;
pub use crate::app::engine::given::Given;
use crate::app::engine::owed::Owed;
use crate::app::engine::provenance::Scene;
use crate::app::engine::remembered::Remembered;
use crate::app::engine::spent::Spent;
use crate::block::{ChainId, Parts};
use crate::chain_read::ChainReader;
use crate::desk::{Desks, Input};
use crate::entry::Entry;
use crate::event::{Event, Stamped, Why};
use crate::finding::Finding;
use crate::journal::{Debt, Journal};
use crate::plugin::{Audience, Fleet, Head, Heard, Look, Shown, View};

/// An entry with its place in the journal.
pub type Placed = (u64, Entry);

/// Detectors, desks and the journal, in step with each other.
pub struct Engine {
    journal: Journal,
    fleet: Fleet,
    desks: Desks,
    reader: Arc<dyn ChainReader>,
    /// How settled the blocks of live findings are.
    settled: Settled,
    /// Coverage findings that are open now.
    gaps: Gaps,
    /// Inputs that detectors have yet to see.
    owed: Owed,
    /// Detectors that get no input for now: another version is about to take their place.
    held: BTreeSet<String>,
    /// Time and batches that each detector has taken on this machine.
    spent: BTreeMap<String, Spent>,
    /// What completed the blocks that late detectors are at work on, by detector and input.
    sent: BTreeMap<(String, u64), u64>,
    /// Inputs that were read back from the journal last.
    decoded: Decoded,
    /// Entries that were appended since the last commit.
    fresh: Vec<Placed>,
    /// The detector whose outcome is being journaled: what goes wrong meanwhile is its failure.
    at_work_for: Option<String>,
    /// The hour in which the journal's head was last noted for the outside, and that head.
    anchor: Option<(u64, (u64, B256))>,
    /// What was in memory at an earlier commit.
    remembered: Remembered,
}

/// How an input is shown: to whom, and what they hear of beside it.
struct Showing<'a> {
    audience: Audience<'a>,
    /// The chains' newest blocks when the input came, if it is shown later than that.
    heads: Option<&'a BTreeMap<ChainId, Head>>,
    heard: Vec<Heard>,
    /// Detectors that are shown it once it is complete.
    waiting: BTreeSet<String>,
}

impl Engine {
    /// Opens an engine that goes on where the journal ends: the desks' state is rebuilt from it before anything new.
    ///
    /// # Errors
    ///
    /// If the journal can't be read, or holds a plan that this version does not read.
    pub fn new(mut journal: Journal, fleet: Fleet, reader: Arc<dyn ChainReader>) -> anyhow::Result<Self> {
        journal.be_lenient();
        let owed = Owed::load(&journal)?;
        let mut engine = Self {
            journal,
            fleet,
            desks: Desks::default(),
            reader,
            settled: Settled::default(),
            gaps: Gaps::default(),
            owed,
            held: BTreeSet::new(),
            spent: BTreeMap::new(),
            sent: BTreeMap::new(),
            decoded: Decoded::default(),
            fresh: Vec::new(),
            at_work_for: None,
            anchor: None,
            remembered: Remembered::default(),
        };
        engine.rebuild()?;
        Ok(engine)
    }

    /// Takes one input in, and leaves a part of it where it fails: [`Engine::take`] goes back then.
    fn take_all(&mut self, stamped: Stamped, given: &Given) -> anyhow::Result<()> {
        let at_ms = stamped.at_ms;
        self.take_in(stamped, given)?;
        self.name_storms(at_ms)
    }

    fn take_in(&mut self, stamped: Stamped, given: &Given) -> anyhow::Result<()> {
        let Stamped { at_ms, event } = stamped.clone();
        let entry = Entry::Input(stamped);
        let seq = match event {
            // Written once detectors have looked at it.
            Event::Committed { .. } | Event::Observed { .. } | Event::Pending { .. } => self.newest_seq() + 1,
            _ => self.append(entry.clone())?,
        };
        match event {
            Event::Committed { block } => {
                let previous_s = self.fleet.advance(&block);
                let scene = self.block_scene(seq, at_ms, &block)?;
                let waiting = self.waiting_for(&block);
                self.present(entry, &scene, &View::Block { block, previous_s }, waiting, given)
            }
            Event::Observed { observation } => {
                let scene = Scene::off_chain(seq, observation.observed_at_ms, at_ms);
                self.present(entry, &scene, &View::Observation(observation), BTreeSet::new(), given)
            }
            Event::Pending { chain, transactions } => {
                let scene = Scene::off_chain(seq, at_ms, at_ms);
                self.present(entry, &scene, &View::Pending { chain, transactions }, BTreeSet::new(), given)
            }
            Event::Completed { block, frames, storage, given_up } => {
                let came = Parts {
                    traces: frames.is_some() || given_up.traces,
                    storage: storage.is_some() || given_up.storage,
                };
                self.completed(seq, block, came)
            }
            Event::Reverted { chain, ref blocks } => {
                self.give(&event, at_ms)?;
                self.reverted(seq, at_ms, chain, blocks)
            }
            Event::Agreed { .. } => self.give(&event, at_ms),
            Event::Unsettled { chain, above, by, why } => self.unsettle(seq, at_ms, chain, (above, &by, &why)),
            Event::Shown { detector, input, why, completed } => {
                let debt = Debt { detector, input, root: 0, why: Some(why) };
                self.show_late(seq, at_ms, &debt, completed, given)
            }
            Event::Rejected { .. } | Event::Noted { .. } => Ok(()),
            Event::Thinned { .. } => {
                self.decoded.clear();
                Ok(())
            }
            Event::Waived { detector, .. } => self.waived(at_ms, &detector),
            Event::Coverage { coverage } => self.covered(seq, at_ms, &coverage),
            Event::Plan { protocol, files, defaults, .. } => {
                self.step(Input::Plan { protocol: &protocol, plan: journaled_plan(&files, defaults)? }, at_ms)
            }
            Event::Act { act } => self.step(Input::Act(&act), at_ms),
            Event::Fact { fact } => self.step(Input::Fact(&fact), at_ms),
            Event::Delivered { delivery } => self.step(Input::Delivery(&delivery), at_ms),
            Event::Tick => self.step(Input::Tick, at_ms),
            Event::Finality { chain, safe, finalized } => {
                for (finality, findings) in self.settled.settle(chain, safe, finalized) {
                    self.append(Entry::Settled { chain, finality, findings })?;
                }
                self.prune()
            }
            Event::Detector { ref detector, digest, .. } => {
                if digest.is_none() {
                    self.owed.forget(&mut self.journal, detector)?;
                    self.mend_gaps(at_ms, detector)?;
                }
                self.give(&event, at_ms)
            }
        }
    }

    /// Makes durable what was taken in. Returns the entries that were appended since the last commit.
    ///
    /// # Errors
    ///
    /// If the journal can't be written; the engine is to be dropped then.
    pub fn commit(&mut self) -> anyhow::Result<Vec<Placed>> {
        self.journal.commit().context("the journal could not be committed")?;
        self.remember();
        Ok(std::mem::take(&mut self.fresh))
    }

    /// Notes the journal's head once an hour, for whoever keeps the log and scrapes the metrics: whoever can write the journal
    /// can't take that back. Returns it when it is a new one.
    pub fn anchor_each_hour(&mut self) -> Option<(u64, B256)> {
        let hour = self.journal.newest_ms() / 3_600_000;
        if self.anchor.is_some_and(|(last, _)| last == hour) {
            return None;
        }
        let head = self.journal.head();
        self.anchor = Some((hour, head));
        Some(head)
    }

    /// Returns the entries that were appended since the last commit.
    pub fn uncommitted(&self) -> &[Placed] {
        &self.fresh
    }

    /// Tells whether the journal has anything that waits for a commit.
    pub fn has_uncommitted(&self) -> bool {
        self.journal.in_transaction()
    }

    /// Returns the newest entry's sequence number and the hash that the chain ends with.
    pub fn journal_head(&self) -> (u64, B256) {
        self.journal.head()
    }

    /// Returns the newest entry's sequence number.
    pub fn newest_seq(&self) -> u64 {
        self.journal.head().0
    }

    /// Returns when the newest input was taken in, milliseconds since the Unix epoch.
    pub fn newest_ms(&self) -> u64 {
        self.journal.newest_ms()
    }

    /// Returns the desks: incidents, decisions and ladders as they are now.
    pub fn desks(&self) -> &Desks {
        &self.desks
    }

    /// Returns when a deadline comes next, milliseconds since the Unix epoch: a tick is to come then.
    pub fn next_due_ms(&self) -> Option<u64> {
        self.desks.next_due_ms()
    }

    /// Takes in a tick for each deadline that is due by `now_ms`, each at its own time.
    ///
    /// # Errors
    ///
    /// As [`Engine::take`].
    pub fn tick_until(&mut self, now_ms: u64) -> anyhow::Result<()> {
        while let Some(due_ms) = self.next_due_ms().filter(|due_ms| *due_ms <= now_ms) {
            self.take(Stamped { at_ms: due_ms, event: Event::Tick }, &Given::default())?;
        }
        Ok(())
    }

    /// Returns a hash over everything that was made of the inputs.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn derived_digest(&self) -> anyhow::Result<B256> {
        Ok(self.journal.derived_digest()?)
    }

    fn append(&mut self, entry: Entry) -> anyhow::Result<u64> {
        let seq = self.journal.append(&entry).context("the journal could not be written")?;
        self.fresh.push((seq, entry));
        Ok(seq)
    }

    /// Gives an input of the journal to the desks.
    fn give(&mut self, event: &Event, at_ms: u64) -> anyhow::Result<()> {
        match of_event(event)? {
            Some(input) => self.step(input, at_ms),
            None => Ok(()),
        }
    }

    fn step(&mut self, input: Input<'_>, at_ms: u64) -> anyhow::Result<()> {
        let outcomes = self.desks.step(input, at_ms);
        outcomes.into_iter().try_for_each(|outcome| self.append(outcome.into()).map(drop))
    }

    /// Shows an input to all who subscribed to it and are neither late nor `waiting` for more of it. Its columns are packed
    /// for the journal meanwhile.
    fn present(
        &mut self,
        entry: Entry,
        scene: &Scene,
        view: &View,
        waiting: BTreeSet<String>,
        given: &Given,
    ) -> anyhow::Result<()> {
        let packing = self.journal.pack(&entry);
        let (audience, heard) = (Audience::All, given.heard.clone());
        let showing = Showing { audience, heads: None, heard, waiting: waiting.clone() };
        let mut shown = self.show(scene.seq, scene, view, showing, given);
        shown.behind.retain(|detector| !waiting.contains(detector));
        let seq = self.journal.append_packed(&entry, packing).context("the journal could not be written")?;
        ensure!(
            seq == scene.seq,
            "input {} was written as entry {seq}: something was appended while detectors looked at it; please report this",
            scene.seq
        );
        self.fresh.push((seq, entry));
        self.journal_shown(seq, scene, shown, given)?;
        self.owe_block(scene, waiting)
    }

    /// Shows a view to its audience by the input `seq`. Returns what came of it.
    fn show(&mut self, seq: u64, scene: &Scene, view: &View, showing: Showing<'_>, given: &Given) -> Shown {
        let Showing { audience, heads, heard, waiting } = showing;
        let mut withheld = match (&given.behind, audience) {
            (_, Audience::One(_) | Audience::OneHears(_)) => BTreeSet::new(),
            (Some(behind), _) => behind.clone(),
            (None, _) => self.owed.late().union(&self.held).cloned().collect(),
        };
        withheld.extend(waiting);
        let (reader, recorded) = (&self.reader, &given.failures);
        let (input, seed, withheld, rouse) = (scene.input, scene.seed, &withheld, scene.rouse);
        let look = Look { seq, input, seed, reader, recorded, withheld, audience, rouse, heads };
        self.fleet.show(view, &look, heard)
    }

    /// Journals what came of an input, and notes who has yet to see it.
    fn journal_shown(&mut self, seq: u64, scene: &Scene, shown: Shown, given: &Given) -> anyhow::Result<()> {
        self.outcomes(scene, shown.outcomes, given)?;
        if shown.behind.is_empty() {
            return Ok(());
        }
        self.append(Entry::Behind { detectors: shown.behind.clone() })?;
        for detector in shown.behind {
            // This detector will see the whole input again after the reorg, so it needs no second debt.
            if self.owed.why_late(&detector, scene.root) == Some(Why::Again) {
                continue;
            }
            let why = Some(Why::Behind);
            self.owed.add(&mut self.journal, Debt { detector: detector.clone(), input: seq, root: scene.root, why })?;
            self.fall_behind(seq, scene.at_ms, &detector, given)?;
        }
        Ok(())
    }

    /// Journals a finding, which input `input` takes back with it if that is reverted, and gives it to the desks.
    fn found(&mut self, input: u64, finding: Finding) -> anyhow::Result<()> {
        let at_ms = finding.at_ms;
        let seq = self.append(Entry::Finding(finding.clone()))?;
        self.settled.watch(&finding);
        self.journal.finding_lives(finding.id, seq, input)?;
        self.step(Input::Finding(&finding), at_ms)
    }

    /// Journals a finding of a shadow: nobody acts on it.
    fn shadowed(&mut self, input: u64, finding: Finding) -> anyhow::Result<()> {
        let id = finding.id;
        let seq = self.append(Entry::Shadow(finding))?;
        Ok(self.journal.finding_lives(id, seq, input)?)
    }

    /// Takes a finding back, with the reason why.
    fn retract(&mut self, finding: B256, reason: String, at_ms: u64) -> anyhow::Result<()> {
        self.gaps.forget(finding);
        self.settled.forget(finding);
        self.append(Entry::Retraction { finding, reason: reason.clone() })?;
        self.step(Input::Retraction { finding, reason: &reason }, at_ms)
    }
}
