//! The one loop's body: takes an input, lets detectors see it, decides, and journals all of it as one.
//!
//! A run, a replay, the demo and the benchmark all go through [`Engine::take`]; what differs is only where
//! inputs come from, who answers reads of the chain, and whether slow detectors are waited for.

mod coverage_gaps;
mod finality;
pub mod keep;
mod late;
mod outcome;
mod owed;
mod provenance;
pub mod retention;
pub mod spent;
pub mod status;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy::primitives::B256;
use anyhow::Context;

use crate::app::engine::coverage_gaps::{Gap, Gaps};
use crate::app::engine::finality::Settled;
use crate::app::engine::owed::Owed;
use crate::app::engine::provenance::{Scene, input_hash};
use crate::app::engine::spent::Spent;
use crate::app::past::desks::{again, journaled_plan};
use crate::block::{Block, ChainId};
use crate::chain_read::ChainReader;
use crate::desk::{Desks, Input};
use crate::digest::Hasher;
use crate::entry::Entry;
use crate::event::{Coverage, Event, Stamped, Why};
use crate::finding::{COVERAGE, Finding, Severity};
use crate::journal::{Debt, Journal};
use crate::plugin::{Audience, Detector, Fleet, Head, Heard, Look, Recorded, Shown, View};

/// An entry with its place in the journal.
pub type Placed = (u64, Entry);

/// What a replay is told of an input beside the input itself.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// Failures that depended on the machine, by detector: they are repeated rather than run into.
    pub failures: Recorded,
    /// Detectors that were late, and so did not see it then; `None` where that is for the engine to find out.
    pub behind: Option<BTreeSet<String>>,
    /// What detectors that are not here found in it: those who listen to them hear of it.
    pub heard: Vec<Heard>,
}

/// Detectors, decisions and the journal, in step with each other.
pub struct Engine {
    pub(super) journal: Journal,
    pub(super) fleet: Fleet,
    pub(super) desks: Desks,
    pub(super) reader: Arc<dyn ChainReader>,
    /// How settled the blocks of live findings are.
    settled: Settled,
    /// Live findings of the host's own.
    pub(super) gaps: Gaps,
    /// What detectors have yet to see.
    pub(super) owed: Owed,
    /// Detectors that are given nothing more for now: another is about to take their place.
    pub(super) held: BTreeSet<String>,
    /// What each detector has taken of this machine.
    pub(super) spent: BTreeMap<String, Spent>,
    /// What was appended since the last commit.
    fresh: Vec<Placed>,
}

impl Engine {
    /// Goes on where the journal ends: state of triage and response is rebuilt from it before anything new.
    pub fn new(journal: Journal, fleet: Fleet, reader: Arc<dyn ChainReader>) -> anyhow::Result<Self> {
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
            fresh: Vec::new(),
        };
        engine.rebuild()?;
        Ok(engine)
    }

    /// Takes one input in. Nothing of it is durable, or may be shown, before [`Engine::commit`].
    pub fn take(&mut self, stamped: Stamped, given: &Given) -> anyhow::Result<()> {
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
                self.present(entry, &scene, &View::Block { block, previous_s }, given)
            }
            Event::Observed { observation } => {
                let scene = Scene::off_chain(seq, observation.observed_at_ms, at_ms);
                self.present(entry, &scene, &View::Observation(observation), given)
            }
            Event::Pending { chain, transactions } => {
                let scene = Scene::off_chain(seq, at_ms, at_ms);
                self.present(entry, &scene, &View::Pending { chain, transactions }, given)
            }
            Event::Reverted { chain, blocks } => self.reverted(seq, at_ms, chain, &blocks),
            Event::Shown { detector, input, why } => {
                self.show_late(seq, at_ms, &Debt { detector, input, root: 0, why: Some(why) }, None, given)
            }
            Event::Rejected { .. } | Event::Thinned { .. } => Ok(()),
            Event::Waived { detector, .. } => self.waived(at_ms, &detector),
            Event::Coverage { coverage } => self.covered(seq, at_ms, &coverage),
            Event::Plan { protocol, files, .. } => {
                self.step(Input::Plan { protocol: &protocol, plan: journaled_plan(&files)? }, at_ms)
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
            Event::Detector { detector, digest, .. } => {
                if digest.is_none() {
                    self.owed.forget(&mut self.journal, &detector)?;
                    self.mend_gaps(at_ms, &detector)?;
                }
                Ok(())
            }
        }
    }

    /// Makes what was taken durable and hands over what was appended.
    pub fn commit(&mut self) -> anyhow::Result<Vec<Placed>> {
        self.journal.commit().context("the journal could not be committed")?;
        Ok(std::mem::take(&mut self.fresh))
    }

    /// What was taken and not committed yet.
    pub fn uncommitted(&self) -> &[Placed] {
        &self.fresh
    }

    /// When something is due next, milliseconds since the Unix epoch: a tick is to come then.
    pub fn next_due_ms(&self) -> Option<u64> {
        self.desks.next_due_ms()
    }

    /// Says that deadlines have come, each at its own time, for as long as they are due by `now_ms`.
    pub fn tick_until(&mut self, now_ms: u64) -> anyhow::Result<()> {
        while let Some(due_ms) = self.next_due_ms().filter(|due_ms| *due_ms <= now_ms) {
            self.take(Stamped { at_ms: due_ms, event: Event::Tick }, &Given::default())?;
        }
        Ok(())
    }

    /// Puts a detector in place of the one of its id, between two inputs; the state stays.
    pub fn swap(&mut self, detector: Detector, spec: String, at_ms: u64) -> anyhow::Result<()> {
        let (id, digest) = (detector.profile().id().to_owned(), detector.profile().digest());
        self.adopt(detector)?;
        let event = Event::Detector { detector: id, digest: Some(digest), spec };
        self.take(Stamped { at_ms, event }, &Given::default())
    }

    /// Puts a detector in its place without a word in the journal, over the state that the journal has for it.
    pub(super) fn adopt(&mut self, mut detector: Detector) -> anyhow::Result<()> {
        detector.set_state(self.journal.load_state(detector.profile().id())?);
        detector.get_ready();
        self.fleet.swap(detector)
    }

    /// Takes a detector out.
    pub fn remove(&mut self, id: &str, at_ms: u64) -> anyhow::Result<()> {
        self.fleet.remove(id);
        let event = Event::Detector { detector: id.to_owned(), digest: None, spec: String::new() };
        self.take(Stamped { at_ms, event }, &Given::default())
    }

    /// Ends the faults of sources that an earlier run left open: a source that starts anew tells them again where they
    /// are still there.
    pub fn start_sources_afresh(&mut self, at_ms: u64) -> anyhow::Result<()> {
        for (kind, subject) in self.gaps.of_sources() {
            let message = "the host was started again; it is told again if it is still so".to_owned();
            let coverage = Coverage { kind, subject, severity: Severity::Info, message, over: true };
            self.take(Stamped { at_ms, event: Event::Coverage { coverage } }, &Given::default())?;
        }
        Ok(())
    }

    pub(super) fn append(&mut self, entry: Entry) -> anyhow::Result<u64> {
        let seq = self.journal.append(&entry).context("the journal could not be written")?;
        self.fresh.push((seq, entry));
        Ok(seq)
    }

    fn step(&mut self, input: Input<'_>, at_ms: u64) -> anyhow::Result<()> {
        let outcomes = self.desks.step(input, at_ms);
        outcomes.into_iter().try_for_each(|outcome| self.append(outcome.into()).map(drop))
    }

    /// Shows an input to all who subscribed to it and are not late. Its columns are packed for the journal meanwhile.
    fn present(&mut self, entry: Entry, scene: &Scene, view: &View, given: &Given) -> anyhow::Result<()> {
        let packing = self.journal.pack(&entry);
        let shown = self.show(scene.seq, scene, view, Audience::All, (None, given.heard.clone()), given);
        let seq = self.journal.append_packed(&entry, packing).context("the journal could not be written")?;
        debug_assert_eq!(seq, scene.seq, "nothing is appended while detectors look");
        self.fresh.push((seq, entry));
        self.came(seq, scene, shown)
    }

    fn show(
        &mut self,
        seq: u64,
        scene: &Scene,
        view: &View,
        audience: Audience<'_>,
        (heads, heard): (Option<&BTreeMap<ChainId, Head>>, Vec<Heard>),
        given: &Given,
    ) -> Shown {
        let withheld = match (&given.behind, audience) {
            (_, Audience::One(_) | Audience::OneHears(_)) => BTreeSet::new(),
            (Some(behind), _) => behind.clone(),
            (None, _) => self.owed.late().union(&self.held).cloned().collect(),
        };
        let (reader, recorded) = (&self.reader, &given.failures);
        let (input, seed, withheld, rouse) = (scene.input, scene.seed, &withheld, scene.rouse);
        let look = Look { seq, input, seed, reader, recorded, withheld, audience, rouse, heads };
        self.fleet.show(view, &look, heard)
    }

    /// Journals what came of an input, and notes who has yet to see it.
    fn came(&mut self, seq: u64, scene: &Scene, shown: Shown) -> anyhow::Result<()> {
        self.outcomes(scene, shown.outcomes)?;
        if shown.behind.is_empty() {
            return Ok(());
        }
        self.append(Entry::Behind { detectors: shown.behind.clone() })?;
        for detector in shown.behind {
            // Whoever is yet to see all of it again hears of this then.
            if self.owed.why_late(&detector, scene.root) == Some(Why::Again) {
                continue;
            }
            let why = Some(Why::Behind);
            self.owed.add(&mut self.journal, Debt { detector: detector.clone(), input: seq, root: scene.root, why })?;
            self.fall_behind(seq, scene.at_ms, &detector)?;
        }
        Ok(())
    }

    fn block_scene(&self, seq: u64, at_ms: u64, block: &Block) -> anyhow::Result<Scene> {
        // A block that came back after a reorg is another input than when it came first.
        let again = self.journal.seq_of_first_commit(block.hash)?.is_some_and(|first| first != seq);
        let input = if again { input_hash(seq) } else { block.hash };
        Ok(Scene {
            input,
            seed: input,
            seq,
            root: seq,
            applied: seq,
            block: Some(block.reference()),
            time_ms: block.timestamp_s.saturating_mul(1_000),
            at_ms,
            assurance: Some(block.assurance.clone()),
            rouse: false,
        })
    }

    pub(super) fn found(&mut self, input: u64, finding: Finding) -> anyhow::Result<()> {
        let at_ms = finding.at_ms;
        let seq = self.append(Entry::Finding(finding.clone()))?;
        self.settled.watch(&finding);
        self.journal.finding_lives(finding.id, seq, input)?;
        self.step(Input::Finding(&finding), at_ms)
    }

    /// A finding of a shadow: the journal has it, and nobody acts on it.
    pub(super) fn shadowed(&mut self, input: u64, finding: Finding) -> anyhow::Result<()> {
        let id = finding.id;
        let seq = self.append(Entry::Shadow(finding))?;
        Ok(self.journal.finding_lives(id, seq, input)?)
    }

    pub(super) fn retract(&mut self, finding: B256, reason: String, at_ms: u64) -> anyhow::Result<()> {
        self.gaps.forget(finding);
        self.settled.forget(finding);
        self.append(Entry::Retraction { finding, reason: reason.clone() })?;
        self.step(Input::Retraction { finding, reason: &reason }, at_ms)
    }

    /// A fault of a source begins or ends.
    fn covered(&mut self, seq: u64, at_ms: u64, coverage: &Coverage) -> anyhow::Result<()> {
        let gap = Gap { kind: coverage.kind.clone(), subject: coverage.subject.clone(), place: String::new() };
        if coverage.over {
            self.close_gap(&gap, &coverage.message, at_ms)
        } else {
            self.open_gap(seq, seq, at_ms, gap, coverage.severity, &coverage.message)
        }
    }

    /// The host's own finding that the watch is weakened; told once for as long as it is so. It goes with the input
    /// `with` where that is reverted, 0 for none.
    fn open_gap(
        &mut self,
        seq: u64,
        with: u64,
        at_ms: u64,
        gap: Gap,
        severity: Severity,
        message: &str,
    ) -> anyhow::Result<()> {
        if self.gaps.has(&gap) {
            return Ok(());
        }
        let input = Hasher::new("coverage").number(seq).text(&gap.kind).text(&gap.subject).text(&gap.place).finish();
        let scene = Scene { input, ..Scene::off_chain(seq, at_ms, at_ms) };
        let finding = scene.place(COVERAGE, B256::ZERO, 0, gap.claim(severity, message), &self.settled);
        self.gaps.open(gap, finding.id);
        self.found(with, finding)
    }

    /// It is so no longer.
    fn close_gap(&mut self, gap: &Gap, message: &str, at_ms: u64) -> anyhow::Result<()> {
        match self.gaps.get(gap) {
            Some(live) => self.retract(live, message.to_owned(), at_ms),
            // Over before it was told: the input itself is in the journal.
            None => Ok(()),
        }
    }

    /// The newest canonical block of a chain before an input, with its parent's hash and its time in seconds.
    pub(super) fn head(&self, chain: ChainId, before: u64) -> anyhow::Result<Option<Head>> {
        let header = self.journal.header(chain, u64::MAX, before)?;
        Ok(header.map(|header| (header.block, header.parent_hash, header.timestamp_s)))
    }

    /// The chains' newest blocks when an input came, by what stands now.
    pub(super) fn heads(&self, before: u64) -> anyhow::Result<BTreeMap<ChainId, Head>> {
        let mut heads = BTreeMap::new();
        for newest in self.journal.heads()? {
            heads.extend(self.head(newest.chain, before)?.map(|head| (newest.chain, head)));
        }
        Ok(heads)
    }

    /// Forgets how to undo what no reorg reaches any more: of each detector, all before the oldest of the newest final
    /// blocks of the chains that it watches, or that those watch with which it would have to see again.
    fn prune(&mut self) -> anyhow::Result<()> {
        let mut by_chain = BTreeMap::new();
        for chain in self.journal.heads()?.into_iter().map(|head| head.chain) {
            by_chain.insert(chain, self.journal.final_input(chain)?.unwrap_or(0));
        }
        let of_all = by_chain.values().copied().min().unwrap_or(0);
        self.journal.prune_undo(None, of_all)?;
        if by_chain.values().all(|seq| *seq == of_all) {
            return Ok(());
        }
        for id in self.fleet.ids() {
            let together = self.fleet.heard_together(std::slice::from_ref(&id));
            let watched = |chain: &ChainId| {
                together.iter().filter_map(|id| self.fleet.get(id)).any(|detector| detector.watches(*chain))
            };
            let own = by_chain.iter().filter(|(chain, _)| watched(chain)).map(|(_, seq)| *seq).min();
            if let Some(own) = own.filter(|own| *own > of_all) {
                self.journal.prune_undo(Some(&id), own)?;
            }
        }
        Ok(())
    }

    fn rebuild(&mut self) -> anyhow::Result<()> {
        for (chain, head) in self.heads(u64::MAX)? {
            self.fleet.set_head(chain, Some(head));
        }
        for (chain, safe, finalized) in self.journal.all_settled()? {
            self.settled.settle(chain, safe, finalized);
        }
        let mut rows = self.journal.desk_entries()?;
        while let Some(row) = rows.next()? {
            match &row.entry {
                Entry::Finding(finding) => {
                    self.gaps.remember(finding);
                    self.settled.watch(finding);
                }
                Entry::Retraction { finding, .. } => {
                    self.gaps.forget(*finding);
                    self.settled.forget(*finding);
                }
                _ => {}
            }
            again(&mut self.desks, &row)?;
        }
        Ok(())
    }
}
