//! The one loop's body: takes an input, lets detectors see it, decides, and journals all of it as one.
//!
//! A run, a replay, the demo and the benchmark all go through [`Engine::take`]; what differs is only where
//! inputs come from and who answers reads of the chain.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy::primitives::B256;
use anyhow::Context;

use crate::app::settled::Settled;
use crate::block::{Block, BlockRef, ChainId};
use crate::chain_read::ChainReader;
use crate::digest::Hasher;
use crate::entry::Entry;
use crate::event::{Coverage, Event, Stamped};
use crate::finding::{COVERAGE, Claim, Finding, Origin, Severity, Subject};
use crate::journal::Journal;
use crate::plan::Plan;
use crate::plugin::{Detector, Failure, Fleet, LogLevel, LogLine, Outcome, Recorded};
use crate::response::{Desk, Input};

/// An entry with its place in the journal.
pub type Placed = (u64, Entry);

/// Detectors, decisions and the journal, in step with each other.
pub struct Engine {
    pub(super) journal: Journal,
    pub(super) fleet: Fleet,
    desk: Desk,
    reader: Arc<dyn ChainReader>,
    /// The input by which each chain's newest finalized block came.
    finalized: BTreeMap<ChainId, u64>,
    /// How settled the blocks of live findings are.
    settled: Settled,
    /// Live coverage findings by kind and subject.
    coverage: BTreeMap<(String, String), B256>,
    /// What was appended since the last commit.
    fresh: Vec<Placed>,
}

/// What stands behind the findings of one input.
struct Scene {
    input: B256,
    block: Option<BlockRef>,
    time_ms: u64,
    at_ms: u64,
    assurance: Option<crate::block::Assurance>,
}

impl Engine {
    /// Goes on where the journal ends: state of triage and response is rebuilt from it before anything new.
    pub fn new(journal: Journal, fleet: Fleet, reader: Arc<dyn ChainReader>) -> anyhow::Result<Self> {
        let mut engine = Self {
            journal,
            fleet,
            desk: Desk::default(),
            reader,
            finalized: BTreeMap::new(),
            settled: Settled::default(),
            coverage: BTreeMap::new(),
            fresh: Vec::new(),
        };
        engine.rebuild()?;
        Ok(engine)
    }

    /// Takes one input in. Nothing of it is durable, or may be shown, before [`Engine::commit`].
    pub fn take(&mut self, stamped: Stamped, recorded: &Recorded) -> anyhow::Result<()> {
        let at_ms = stamped.at_ms;
        let seq = self.append(Entry::Input(stamped.clone()))?;
        match stamped.event {
            Event::Committed { block } => self.block(seq, at_ms, &block, recorded),
            Event::Reverted { chain, blocks } => self.reverted(seq, at_ms, chain, &blocks),
            Event::Observed { observation } => {
                let scene = Scene::off_chain(input_hash(seq), observation.observed_at_ms, at_ms);
                let outcomes = self.fleet.on_observation(scene.input, &observation, &self.reader, recorded);
                self.outcomes(seq, &scene, outcomes)
            }
            Event::Pending { chain, transactions } => {
                let scene = Scene::off_chain(input_hash(seq), at_ms, at_ms);
                let outcomes = self.fleet.on_pending(scene.input, chain, &transactions, &self.reader, recorded);
                self.outcomes(seq, &scene, outcomes)
            }
            Event::Coverage { coverage } => self.covered(seq, at_ms, &coverage),
            Event::Plan { files, .. } => {
                let plan = Plan::load(&files).map_err(|_| anyhow::anyhow!("a journaled plan no longer loads"))?;
                self.step(Input::Plan(Arc::new(plan)), at_ms)
            }
            Event::Finality { chain, safe, finalized } => {
                if let Some((_, seq)) = self.journal.canonical(chain, finalized)? {
                    self.finalized.insert(chain, seq);
                }
                for (finality, findings) in self.settled.settle(chain, safe, finalized) {
                    self.append(Entry::Settled { chain, finality, findings })?;
                }
                self.prune()
            }
            Event::Detector { .. } => Ok(()),
        }
    }

    /// Makes what was taken durable and hands over what was appended.
    pub fn commit(&mut self) -> anyhow::Result<Vec<Placed>> {
        self.journal.commit().context("the journal could not be committed")?;
        Ok(std::mem::take(&mut self.fresh))
    }

    /// Puts a detector in place of the one of its id, between two inputs; the state stays.
    pub fn swap(&mut self, detector: Detector, spec: String, at_ms: u64) -> anyhow::Result<()> {
        let (id, digest) = (detector.id().to_owned(), detector.digest());
        self.adopt(detector)?;
        let event = Event::Detector { detector: id, digest: Some(digest), spec };
        self.take(Stamped { at_ms, event }, &Recorded::new())
    }

    /// Puts a detector in its place without a word in the journal, over the state that the journal has for it.
    pub(super) fn adopt(&mut self, mut detector: Detector) -> anyhow::Result<()> {
        detector.set_state(self.journal.load_state(detector.id())?);
        self.fleet.swap(detector)
    }

    /// Takes a detector out.
    pub fn remove(&mut self, id: &str, at_ms: u64) -> anyhow::Result<()> {
        self.fleet.remove(id);
        let event = Event::Detector { detector: id.to_owned(), digest: None, spec: String::new() };
        self.take(Stamped { at_ms, event }, &Recorded::new())
    }

    /// Ends the faults of sources that an earlier run left open: a source that starts anew tells them again where they
    /// are still there.
    pub fn start_sources_afresh(&mut self, at_ms: u64) -> anyhow::Result<()> {
        let open: Vec<(String, String)> =
            self.coverage.keys().filter(|(_, subject)| !subject.starts_with("detector/")).cloned().collect();
        for (kind, subject) in open {
            let message = "the host was started again; it is told again if it is still so".to_owned();
            let coverage = Coverage { kind, subject, severity: Severity::Info, message, over: true };
            self.take(Stamped { at_ms, event: Event::Coverage { coverage } }, &Recorded::new())?;
        }
        Ok(())
    }

    fn append(&mut self, entry: Entry) -> anyhow::Result<u64> {
        let seq = self.journal.append(&entry).context("the journal could not be written")?;
        self.fresh.push((seq, entry));
        Ok(seq)
    }

    fn step(&mut self, input: Input<'_>, at_ms: u64) -> anyhow::Result<()> {
        for entry in self.desk.step(input, at_ms) {
            self.append(entry)?;
        }
        Ok(())
    }

    fn block(&mut self, seq: u64, at_ms: u64, block: &Arc<Block>, recorded: &Recorded) -> anyhow::Result<()> {
        let scene = self.block_scene(seq, at_ms, block)?;
        let outcomes = self.fleet.on_block(scene.input, block, &self.reader, recorded);
        self.outcomes(seq, &scene, outcomes)
    }

    fn block_scene(&self, seq: u64, at_ms: u64, block: &Block) -> anyhow::Result<Scene> {
        // A block that came back after a reorg is another input than when it came first.
        let again = self.journal.seq_of_first_commit(block.hash)?.is_some_and(|first| first != seq);
        Ok(Scene {
            input: if again { input_hash(seq) } else { block.hash },
            block: Some(block.reference()),
            time_ms: block.timestamp_s.saturating_mul(1_000),
            at_ms,
            assurance: Some(block.assurance.clone()),
        })
    }

    fn outcomes(&mut self, seq: u64, scene: &Scene, outcomes: Vec<Outcome>) -> anyhow::Result<()> {
        for (at, read, answer) in Outcome::distinct_reads(&outcomes) {
            self.append(Entry::Answer { at, read, answer })?;
        }
        for outcome in outcomes {
            self.outcome(seq, scene, outcome)?;
        }
        Ok(())
    }

    fn outcome(&mut self, seq: u64, scene: &Scene, outcome: Outcome) -> anyhow::Result<()> {
        outcome.log.iter().for_each(|line| tell(&outcome.detector, line));
        let subject = format!("detector/{}", outcome.detector);
        match outcome.result {
            Ok(claims) => {
                self.journal.save_state(&outcome.detector, seq, &outcome.state)?;
                if self.coverage.contains_key(&("detector-failed".to_owned(), subject.clone())) {
                    let message = format!("{} works again", outcome.detector);
                    self.covered(seq, scene.at_ms, &failing(subject, message, true))?;
                }
                for (position, claim) in claims.into_iter().enumerate() {
                    let finding = scene.place(&outcome.detector, outcome.digest, position, claim, &self.settled);
                    self.found(seq, finding)?;
                }
                Ok(())
            }
            Err(Failure { kind, message }) => {
                let told = format!("{} did not see {}: {kind}: {message}", outcome.detector, scene.told());
                self.append(Entry::Failed { detector: outcome.detector, digest: outcome.digest, kind, message })?;
                self.covered(seq, scene.at_ms, &failing(subject, told, false))
            }
        }
    }

    fn found(&mut self, input: u64, finding: Finding) -> anyhow::Result<()> {
        let at_ms = finding.at_ms;
        let seq = self.append(Entry::Finding(finding.clone()))?;
        self.settled.watch(&finding);
        self.journal.finding_lives(finding.id, seq, input)?;
        self.step(Input::Finding(&finding), at_ms)
    }

    fn retract(&mut self, finding: B256, reason: String, at_ms: u64) -> anyhow::Result<()> {
        self.coverage.retain(|_, live| *live != finding);
        self.settled.forget(finding);
        self.append(Entry::Retraction { finding, reason: reason.clone() })?;
        self.step(Input::Retraction { finding, reason: &reason }, at_ms)
    }

    /// The host's own finding that the watch is weakened, or the retraction that ends it.
    fn covered(&mut self, seq: u64, at_ms: u64, coverage: &Coverage) -> anyhow::Result<()> {
        let key = (coverage.kind.clone(), coverage.subject.clone());
        match (self.coverage.get(&key).copied(), coverage.over) {
            (Some(live), true) => self.retract(live, coverage.message.clone(), at_ms),
            (None, false) => {
                let input = Hasher::new("coverage").number(seq).text(&key.0).text(&key.1).finish();
                let scene = Scene::off_chain(input, at_ms, at_ms);
                let finding = scene.place(COVERAGE, B256::ZERO, 0, coverage_claim(coverage), &self.settled);
                self.coverage.insert(key, finding.id);
                self.found(seq, finding)
            }
            // Told already, or over before it was told: the input itself is in the journal.
            (Some(_), false) | (None, true) => Ok(()),
        }
    }

    /// Undoes what the blocks that left the chain have done, then lets the detectors whose state went back see
    /// again what came in since and still stands.
    fn reverted(&mut self, seq: u64, at_ms: u64, chain: ChainId, blocks: &[BlockRef]) -> anyhow::Result<()> {
        let mut seqs = Vec::new();
        for block in blocks {
            seqs.extend(self.journal.seq_of_reverted(block.hash, seq)?.map(|at| (at, block)));
        }
        let Some(first) = seqs.iter().map(|(at, _)| *at).min() else { return Ok(()) };
        let mut touched = Vec::new();
        for id in self.fleet.ids() {
            let restored = self.journal.undo_state(&id, first)?;
            if !restored.is_empty() {
                touched.push(id.clone());
            }
            self.fleet.restore(&id, restored);
        }
        for (at, block) in &seqs {
            for finding in self.journal.live_findings_of_input(*at)? {
                let reason = format!("block {} {} left the chain", block.number, block.hash);
                self.retract(finding.id, reason, at_ms)?;
            }
        }
        let head = self.head(chain)?;
        self.fleet.set_head(chain, head);
        self.see_again(seq, at_ms, first, &touched)
    }

    /// The newest canonical block of a chain, with its parent's hash and its time in seconds.
    fn head(&self, chain: ChainId) -> anyhow::Result<Option<(BlockRef, B256, u64)>> {
        Ok(self.before(chain, u64::MAX)?.map(|block| (block.reference(), block.parent_hash, block.timestamp_s)))
    }

    /// The canonical block of a chain at a height, or the next one below.
    fn before(&self, chain: ChainId, number: u64) -> anyhow::Result<Option<Arc<Block>>> {
        let Some((_, seq)) = self.journal.canonical(chain, number.min(i64::MAX as u64))? else { return Ok(None) };
        Ok(match self.journal.input(seq)? {
            Some(Stamped { event: Event::Committed { block }, .. }) => Some(block),
            _ => None,
        })
    }

    /// Forgets how to undo what no reorg reaches any more: all before the oldest of the chains' finalized blocks.
    fn prune(&mut self) -> anyhow::Result<()> {
        let mut oldest = None;
        for chain in self.journal.heads()?.into_iter().map(|head| head.chain) {
            let Some(seq) = self.finalized.get(&chain).copied() else { return Ok(()) };
            oldest = Some(oldest.map_or(seq, |oldest: u64| oldest.min(seq)));
        }
        if let Some(oldest) = oldest {
            self.journal.prune_undo(oldest)?;
        }
        Ok(())
    }

    /// Runs `touched` detectors again over the inputs after `first` that were not reverted, and replaces their
    /// findings there where they differ.
    fn see_again(&mut self, seq: u64, at_ms: u64, first: u64, touched: &[String]) -> anyhow::Result<()> {
        if touched.is_empty() {
            return Ok(());
        }
        for at in self.journal.surviving_inputs(first, seq)? {
            let Some(stamped) = self.journal.input(at)? else { continue };
            let input = Hasher::new("seen again").number(at).number(seq).finish();
            let (outcomes, scene) = match &stamped.event {
                Event::Committed { block } => {
                    let previous =
                        block.number.checked_sub(1).map(|below| self.before(block.chain, below)).transpose()?;
                    let previous_s = previous.flatten().map(|previous| previous.timestamp_s);
                    let scene = Scene { input, ..self.block_scene(at, at_ms, block)? };
                    (self.fleet.see_block_again(input, touched, block, previous_s, &self.reader), scene)
                }
                Event::Observed { observation } => (
                    self.fleet.see_observation_again(input, touched, observation, &self.reader),
                    Scene::off_chain(input, observation.observed_at_ms, at_ms),
                ),
                _ => continue,
            };
            self.replace_findings(at, &scene, outcomes)?;
        }
        Ok(())
    }

    fn replace_findings(&mut self, at: u64, scene: &Scene, mut outcomes: Vec<Outcome>) -> anyhow::Result<()> {
        for outcome in &mut outcomes {
            let Ok(claims) = &mut outcome.result else { continue };
            let told: Vec<Finding> = self
                .journal
                .live_findings_of_input(at)?
                .into_iter()
                .filter(|finding| finding.detector == outcome.detector)
                .collect();
            for finding in told.iter().filter(|finding| !claims.contains(&finding.claim)) {
                let reason = "no longer so after a reorg".to_owned();
                self.retract(finding.id, reason, scene.at_ms)?;
            }
            claims.retain(|claim| !told.iter().any(|finding| finding.claim == *claim));
        }
        self.outcomes(at, scene, outcomes)
    }

    fn rebuild(&mut self) -> anyhow::Result<()> {
        for head in self.journal.heads()? {
            let known = self.head(head.chain)?;
            self.fleet.set_head(head.chain, known);
        }
        for (chain, safe, finalized) in self.journal.settled()? {
            self.settled.settle(chain, safe, finalized);
        }
        let mut rows = self.journal.desk_entries()?;
        while let Some(row) = rows.next()? {
            match &row.entry {
                Entry::Finding(finding) => {
                    if finding.detector == COVERAGE {
                        self.coverage.insert(coverage_key(&finding.claim), finding.id);
                    }
                    self.settled.watch(finding);
                    self.desk.step(Input::Finding(finding), row.at_ms);
                }
                Entry::Retraction { finding, reason } => {
                    self.coverage.retain(|_, live| live != finding);
                    self.settled.forget(*finding);
                    self.desk.step(Input::Retraction { finding: *finding, reason }, row.at_ms);
                }
                Entry::Input(Stamped { event: Event::Plan { files, .. }, .. }) => {
                    let plan = Plan::load(files).map_err(|_| anyhow::anyhow!("a journaled plan no longer loads"))?;
                    self.desk.step(Input::Plan(Arc::new(plan)), row.at_ms);
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl Scene {
    fn off_chain(input: B256, time_ms: u64, at_ms: u64) -> Self {
        Self { input, block: None, time_ms, at_ms, assurance: None }
    }

    fn place(&self, detector: &str, digest: B256, position: usize, claim: Claim, settled: &Settled) -> Finding {
        let origin = Origin {
            detector,
            digest,
            input: self.input,
            block: self.block,
            time_ms: self.time_ms,
            at_ms: self.at_ms,
            assurance: self.assurance.clone(),
            finality: self.block.map(|block| settled.of(block)),
        };
        Finding::place(&origin, position, claim)
    }

    fn told(&self) -> String {
        match self.block {
            Some(block) => format!("block {} of chain {}", block.number, block.chain),
            None => "an observation".to_owned(),
        }
    }
}

fn input_hash(seq: u64) -> B256 {
    Hasher::new("input").number(seq).finish()
}

/// Shows the operator what a detector wrote.
fn tell(detector: &str, line: &LogLine) {
    match line.level {
        LogLevel::Debug => tracing::debug!(detector, "{}", line.message),
        LogLevel::Info => tracing::info!(detector, "{}", line.message),
        LogLevel::Warn => tracing::warn!(detector, "{}", line.message),
        LogLevel::Error => tracing::error!(detector, "{}", line.message),
    }
}

fn failing(subject: String, message: String, over: bool) -> Coverage {
    Coverage { kind: "detector-failed".to_owned(), subject, severity: Severity::High, message, over }
}

fn coverage_claim(coverage: &Coverage) -> Claim {
    let (kind, id) = coverage.subject.split_once('/').unwrap_or(("host", &coverage.subject));
    Claim {
        kind: coverage.kind.clone(),
        severity: coverage.severity,
        confidence_percent: 100,
        title: format!("The watch is weakened: {} ({})", coverage.kind.replace('-', " "), coverage.subject),
        description: coverage.message.clone(),
        subject: Subject { kind: kind.to_owned(), id: id.to_owned() },
        transactions: Vec::new(),
        logs: Vec::new(),
        amounts: Vec::new(),
        attributes: Vec::new(),
        condition_key: String::new(),
    }
}

fn coverage_key(claim: &Claim) -> (String, String) {
    (claim.kind.clone(), format!("{}/{}", claim.subject.kind, claim.subject.id))
}
