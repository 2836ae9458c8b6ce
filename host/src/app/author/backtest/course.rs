//! One recording, from its first block to its last, with all detectors beside each other.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use alloy::primitives::B256;
use anyhow::Context;

use crate::app::author::backtest::subject::Subject;
use crate::app::author::backtest::trend::Times;
use crate::app::author::reads::{Reads, Unanswered};
use crate::app::deploy::spec::KeptSpec;
use crate::app::engine::{Engine, Given};
use crate::app::past::replay::event_time_ms;
use crate::block::{Block, BlockRef, ChainId, Verification};
use crate::chain_read::ChainReader;
use crate::entry::Entry;
use crate::event::Event;
use crate::finding::{Finding, is_own};
use crate::journal::Journal;
use crate::plugin::Fleet;
use crate::score::{Sighting, Watched};
use crate::source::recording::{Item, Recording, RecordingError};
use crate::stream::Sequencer;
use crate::subscription::Needs;

/// Items that are decoded ahead.
const AHEAD: usize = 64;
/// Inputs that share a commit, and after which what is not needed any more goes.
const AT_ONCE: u64 = 64;
/// How many times so many are kept whole, for a reorg to go back over.
const KEPT: usize = 16;
/// Failures of a detector that are given in words.
pub(super) const FAILURES_GIVEN: usize = 8;

/// How far a run is.
pub struct Ticks<'a> {
    /// Called with the units of a recording that were read: bytes of files, blocks of archives.
    pub read: &'a (dyn Fn(u64) + Sync),
    /// Called for each block.
    pub block: &'a (dyn Fn() + Sync),
}

impl Ticks<'_> {
    fn read(&self, units: u64) {
        (self.read)(units);
    }

    fn block(&self) {
        (self.block)();
    }
}

/// What one detector made of a recording.
#[derive(Clone, Debug, Default)]
pub(super) struct Made {
    /// What it found, without what a reorg took back.
    pub(super) sightings: Vec<Sighting>,
    /// What it took on each batch.
    pub(super) times: Times,
    /// Batches that it failed on.
    pub(super) failed: u64,
    /// The first of these, in words.
    pub(super) failures: Vec<String>,
}

/// What came of a recording.
#[derive(Debug, Default)]
pub(super) struct Ran {
    pub(super) watched: Watched,
    /// Blocks and observations.
    pub(super) inputs: u64,
    /// Reads that nobody answered.
    pub(super) unanswered: Option<Unanswered>,
    /// How many answers of a node were kept, and where.
    pub(super) kept: Option<(PathBuf, usize)>,
    /// By subject.
    pub(super) made: Vec<Made>,
}

/// Runs all subjects over a recording. `labelled` are transactions whose places matter; `node` answers what the recording does not.
pub(super) fn run(
    subjects: &[Subject],
    recording: (usize, &Path),
    labelled: &[B256],
    node: Option<&Arc<dyn ChainReader>>,
    ticks: &Ticks,
) -> anyhow::Result<Ran> {
    let (index, path) = recording;
    let reads = Arc::new(Reads::beside(path, node.cloned())?);
    let mut engine = Engine::new(Journal::temporary()?, Fleet::new(), reads.clone())?;
    let mut needs = Needs::default();
    let mut ran = Ran { made: vec![Made::default(); subjects.len()], ..Ran::default() };
    ran.watched.recording = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut by_id = HashMap::new();
    let is_swept = subjects.iter().any(|subject| !subject.values.is_empty());
    for (at, subject) in subjects.iter().enumerate() {
        let spec = KeptSpec { limits: reads.patient(subject.spec.limits.clone()), ..subject.spec.clone() };
        let started = spec.start(&subject.id, subject.component.clone());
        let detector = started.with_context(|| subject.name())?;
        needs = needs.union(detector.profile().needs());
        anyhow::ensure!(
            !(is_swept && detector.profile().listens()),
            "`{}` listens to what others find, and a sweep runs these several times beside each other: leave it out of \
             the sweep's run",
            subject.rule
        );
        by_id.insert(subject.id.clone(), at);
        engine.swap(detector, spec.text(), 0)?;
    }
    engine.commit()?;
    let mut opened = Recording::open(path, &BTreeMap::from([(0, Verification::None)]))?;
    opened.need(needs)?;
    std::thread::scope(|scope| {
        let (give, items) = sync_channel(AHEAD);
        scope.spawn(move || read(opened, &give, ticks));
        let mut watch = Watch {
            engine,
            reads: reads.clone(),
            ran,
            by_id,
            index,
            labelled,
            live: HashMap::new(),
            heads: BTreeMap::new(),
            newest: None,
            marks: VecDeque::new(),
            let_go_before: 0,
            looked: 0,
        };
        watch.all(&items, ticks)?;
        reads.refuse_strangers()?;
        watch.ran.made.iter_mut().for_each(|made| made.sightings.sort_by_key(|seen| (seen.time_ms, seen.block)));
        watch.ran.unanswered = reads.unanswered();
        watch.ran.kept = reads.keep()?.map(|(file, added)| (file.to_owned(), added));
        Ok(watch.ran)
    })
}

type Next = Result<Item, RecordingError>;

/// Decodes ahead of the detectors.
fn read(mut recording: Recording, give: &SyncSender<Next>, ticks: &Ticks) {
    let mut reported = 0;
    loop {
        let next = recording.next_item().transpose();
        let done = recording.progress().0;
        ticks.read(done - reported);
        reported = done;
        let Some(next) = next else { return };
        // Where nobody takes it any more, the run has failed.
        if give.send(next).is_err() {
            return;
        }
    }
}

struct Watch<'a> {
    engine: Engine,
    reads: Arc<Reads>,
    ran: Ran,
    by_id: HashMap<String, usize>,
    /// Which of the recordings.
    index: usize,
    labelled: &'a [B256],
    /// Findings that stand, by id: whose, and the finding.
    live: HashMap<B256, (usize, Sighting)>,
    /// Height and time of each chain's newest block.
    heads: BTreeMap<ChainId, (u64, u64)>,
    /// Chain and height of the block that came last.
    newest: Option<(ChainId, u64)>,
    /// Where the journal stood after every [`AT_ONCE`] inputs, of those that are kept whole.
    marks: VecDeque<u64>,
    /// The entry before which all was let go of.
    let_go_before: u64,
    /// Entries that are not committed yet and were looked at.
    looked: usize,
}

fn counts(entry: &&Entry) -> bool {
    match entry {
        Entry::Finding(finding) | Entry::Shadow(finding) => !is_own(&finding.detector),
        Entry::Retraction { .. } | Entry::Failed { .. } => true,
        _ => false,
    }
}

impl Watch<'_> {
    fn all(&mut self, items: &Receiver<Next>, ticks: &Ticks) -> anyhow::Result<()> {
        let mut sequencer = Sequencer::new(0);
        for item in items {
            let delivery = match item? {
                Item::Answer { at, read, answer } => {
                    self.reads.insert(at, read, answer);
                    continue;
                }
                Item::Delivery(delivery) => delivery,
            };
            match &delivery.event {
                Event::Committed { block } => {
                    self.reads.meet(block);
                    self.cover(block);
                    ticks.block();
                }
                Event::Reverted { blocks, .. } => self.expect_kept(blocks)?,
                _ => {}
            }
            let clock_ms = delivery.at_ms.unwrap_or_else(|| event_time_ms(&delivery.event));
            let stamped = sequencer.stamp(delivery.event, clock_ms);
            let at_ms = stamped.at_ms;
            let before: Vec<u64> = self.by_id.keys().map(|id| self.engine.spent(id).busy_ns).collect();
            self.engine.take(stamped, &Given::default())?;
            self.engine.catch_up(at_ms)?;
            for ((id, at), before) in self.by_id.iter().zip(before) {
                let spent = self.engine.spent(id).busy_ns - before;
                if spent > 0 {
                    self.ran.made[*at].times.add(spent);
                }
            }
            self.look();
            self.ran.inputs += 1;
            if self.ran.inputs.is_multiple_of(AT_ONCE) {
                self.engine.commit()?;
                self.looked = 0;
                self.let_go(at_ms)?;
            }
        }
        for (at, sighting) in self.live.drain().map(|(_, seen)| seen) {
            self.ran.made[at].sightings.push(sighting);
        }
        Ok(())
    }

    /// Lets go of what no reorg reaches that this run can go back over.
    fn let_go(&mut self, at_ms: u64) -> anyhow::Result<()> {
        self.marks.push_back(self.engine.newest_seq());
        if self.marks.len() > KEPT
            && let Some(before) = self.marks.pop_front()
        {
            self.engine.let_go(before, at_ms)?;
            self.let_go_before = before;
        }
        Ok(())
    }

    /// What was let go of can't be undone, and to go on without would give other findings than a watch.
    fn expect_kept(&self, blocks: &[BlockRef]) -> anyhow::Result<()> {
        for block in blocks {
            let seq = self.engine.seq_of_block(block.hash)?;
            anyhow::ensure!(
                seq.is_none_or(|seq| seq >= self.let_go_before),
                "{}: a reorg of {} blocks reaches back before the {} inputs that a backtest keeps; split the recording \
                 before it",
                self.ran.watched.recording,
                blocks.len(),
                AT_ONCE * KEPT as u64
            );
        }
        Ok(())
    }

    fn cover(&mut self, block: &Block) {
        let covered = self.ran.watched.chains.entry(block.chain).or_default();
        if covered.blocks == 0 {
            covered.first = block.number;
        }
        covered.first = covered.first.min(block.number);
        covered.last = covered.last.max(block.number);
        covered.blocks += 1;
        covered.transactions += block.transactions.len() as u64;
        let before = self.heads.insert(block.chain, (block.number, block.timestamp_s));
        if let Some((number, timestamp_s)) = before
            && number + 1 == block.number
        {
            covered.watched_s += block.timestamp_s.saturating_sub(timestamp_s);
        }
        self.newest = Some((block.chain, block.number));
        for hash in self.labelled {
            if block.transactions.hash.iter().any(|known| *known == hash.0) {
                self.ran.watched.transactions.insert(*hash, (block.chain, block.number));
            }
        }
    }

    /// Takes in what came of the last input.
    fn look(&mut self) {
        let fresh: Vec<Entry> =
            self.engine.uncommitted()[self.looked..].iter().map(|(_, entry)| entry).filter(counts).cloned().collect();
        self.looked = self.engine.uncommitted().len();
        for entry in fresh {
            match entry {
                Entry::Finding(finding) | Entry::Shadow(finding) => self.found(finding),
                Entry::Retraction { finding, .. } => drop(self.live.remove(&finding)),
                Entry::Failed { detector, kind, message, .. } => {
                    let Some(&at) = self.by_id.get(&detector) else { continue };
                    let made = &mut self.ran.made[at];
                    made.failed += 1;
                    if made.failures.len() < FAILURES_GIVEN {
                        made.failures.push(format!("{kind}: {message}"));
                    }
                }
                _ => {}
            }
        }
    }

    fn found(&mut self, finding: Finding) {
        let Some(&at) = self.by_id.get(&finding.detector) else { return };
        // What was found off the chain stands where the chain stood then.
        let place = finding.block.map(|block| (block.chain, block.number)).or(self.newest);
        let sighting = Sighting {
            recording: self.index,
            detector: String::new(),
            kind: finding.claim.kind,
            severity: finding.claim.severity,
            chain: place.map(|(chain, _)| chain),
            block: place.map(|(_, number)| number),
            time_ms: finding.time_ms,
            transactions: finding.claim.transactions,
            title: finding.claim.title,
        };
        self.live.insert(finding.id, (at, sighting));
    }
}
