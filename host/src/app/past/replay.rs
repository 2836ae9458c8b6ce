//! `watchfire replay`: the same inputs again, and whether the same came of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

use alloy::primitives::B256;
use anyhow::{Context, bail};

use crate::app::config::Config;
use crate::app::deploy::load;
use crate::app::deploy::load::KeptSpec;
use crate::app::engine::{Engine, Given};
use crate::app::live::output::Output;
use crate::block::BlockRef;
use crate::chain_read::{ChainAnswer, ChainFault, ChainRead, ChainReader};
use crate::diagnostic::Diagnostic;
use crate::entry::Entry;
use crate::event::{Event, Stamped};
use crate::journal::Journal;
use crate::plugin::{Component, EngineSettings, Failure, Fleet, Runtime};
use crate::source::recording::{Item, Recording};
use crate::stream::Sequencer;
use crate::subscription::Needs;

/// What a replay gave.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Replayed {
    /// The input that it began with, where bodies before it were dropped: detectors' state comes from a snapshot that
    /// was taken there. `None` where it began with the first.
    pub from: Option<u64>,
    /// Inputs fed.
    pub inputs: u64,
    /// Findings made.
    pub findings: u64,
    /// Decisions made.
    pub decisions: u64,
    /// Hash over everything that was made of the inputs.
    pub derived: B256,
    /// Where it first differs from what it was compared with; `None` where it is identical, or was not compared.
    pub difference: Option<Difference>,
}

/// The first entry that is not the same.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// Sequence number of the entry then.
    pub seq: u64,
    /// What stands in the journal; `None` where the replay made more.
    pub then: Option<String>,
    /// What the replay made; `None` where it made less.
    pub now: Option<String>,
}

/// Answers from a journal or a recording, by block and read.
#[derive(Default)]
pub struct Answers(Mutex<BTreeMap<(B256, ChainRead), ChainAnswer>>);

impl Answers {
    /// Keeps an answer.
    pub fn insert(&self, at: B256, read: ChainRead, answer: ChainAnswer) {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).insert((at, read), answer);
    }

    /// An answer that is kept.
    pub fn known(&self, at: B256, read: &ChainRead) -> Option<ChainAnswer> {
        let answers = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        answers.get(&(at, read.clone())).cloned()
    }

    fn clear(&self) {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clear();
    }
}

impl ChainReader for Answers {
    fn read(&self, at: BlockRef, read: &ChainRead) -> ChainAnswer {
        self.known(at.hash, read).unwrap_or_else(|| {
            Err(ChainFault {
                code: "unavailable".into(),
                message: format!("nobody asked this of block {} when it was recorded", at.number),
                data: Default::default(),
            })
        })
    }
}

/// Replays a journal from its first input, or from the first whose body was not dropped, and compares every entry that
/// followed.
pub fn journal(path: &Path, runtime: &Runtime, output: &mut Output, tick: impl FnMut(u64)) -> anyhow::Result<Replayed> {
    let then = Journal::open_existing_read_only(path)?;
    Ok(replay(&then, runtime, u64::MAX, output, tick)?.0)
}

/// Detectors' state as it was before an input, made by a replay up to there; an error where the replay differs.
pub fn state_before(
    then: &Journal,
    runtime: &Runtime,
    input: u64,
    tick: impl FnMut(u64),
) -> anyhow::Result<BTreeMap<String, crate::journal::Values>> {
    let (replayed, engine) = replay(then, runtime, input, &mut Output::silent(), tick)?;
    if let Some(Difference { seq, .. }) = replayed.difference {
        bail!(
            "a replay differs after entry {seq}, so that the state of then can't be made again; `watchfire replay` shows how"
        );
    }
    Ok(engine.journal.states()?)
}

fn replay(
    then: &Journal,
    runtime: &Runtime,
    until: u64,
    output: &mut Output,
    mut tick: impl FnMut(u64),
) -> anyhow::Result<(Replayed, Engine)> {
    let answers = Arc::new(Answers::default());
    let from = then.thinned_before()?;
    let now = from.map_or_else(Journal::in_memory, |from| then.seed(from))?;
    let mut engine = Engine::new(now, Fleet::new()?, answers.clone())?;
    let mut components: BTreeMap<(B256, EngineSettings), Arc<Component>> = BTreeMap::new();
    for seq in then.detectors_before(from.unwrap_or(0))? {
        if let Some(Stamped { event: Event::Detector { detector, digest, spec }, .. }) = then.input(seq)? {
            exchange(&mut engine, then, runtime, &mut components, &detector, digest, &spec)?;
        }
    }
    let mut replayed = Replayed { from, ..Replayed::default() };
    let mut made: Vec<Entry> = Vec::new();
    let mut rows = then.causes()?;
    while let Some(cause) = rows.next()?.filter(|cause| cause.seq < until) {
        let (seq, stamped, follow) = (cause.seq, cause.stamped, cause.entries);
        answers.clear();
        let mut given = Given { behind: Some(BTreeSet::new()), ..Given::default() };
        for entry in &follow {
            match entry {
                Entry::Answer { at, read, answer } => answers.insert(at.hash, read.clone(), answer.clone()),
                Entry::Failed { detector, kind, message, .. } if Failure::is_environmental(kind) => {
                    let failure = Failure { kind: kind.clone(), message: message.clone() };
                    given.failures.insert(detector.clone(), failure);
                }
                Entry::Behind { detectors } => given.behind.get_or_insert_default().extend(detectors.iter().cloned()),
                _ => {}
            }
        }
        if let Event::Detector { detector, digest, spec } = &stamped.event {
            exchange(&mut engine, then, runtime, &mut components, detector, *digest, spec)?;
        }
        engine.take(stamped, &given)?;
        made.clear();
        for (at, entry) in engine.commit()? {
            output.tell(at, &entry);
            count(&mut replayed, &entry);
            if !entry.is_given() {
                made.push(entry);
            }
        }
        let derived = follow.iter().filter(|entry| !entry.is_given());
        if replayed.difference.is_none() {
            replayed.difference = first_difference(seq, derived, &made);
        }
        tick(seq);
    }
    replayed.derived = engine.derived_digest()?;
    Ok((replayed, engine))
}

fn exchange(
    engine: &mut Engine,
    then: &Journal,
    runtime: &Runtime,
    components: &mut BTreeMap<(B256, EngineSettings), Arc<Component>>,
    id: &str,
    digest: Option<B256>,
    spec: &str,
) -> anyhow::Result<()> {
    let Some(digest) = digest else {
        engine.fleet.remove(id);
        return Ok(());
    };
    let spec: KeptSpec = serde_json::from_str(spec).with_context(|| format!("the journaled spec of {id}"))?;
    let made = (digest, spec.limits.engine());
    if let std::collections::btree_map::Entry::Vacant(vacant) = components.entry(made) {
        let Some(bytes) = then.component(digest)? else { bail!("the journal no longer has {id} {digest}") };
        vacant.insert(Arc::new(runtime.compile(&bytes, &spec.limits)?));
    }
    let detector = spec.start(id, components[&made].clone())?;
    engine.adopt(detector)
}

fn first_difference<'a>(seq: u64, then: impl Iterator<Item = &'a Entry>, now: &[Entry]) -> Option<Difference> {
    let (mut then, mut now) = (then, now.iter());
    loop {
        let (was, is) = (then.next(), now.next());
        if was == is {
            was?;
            continue;
        }
        let told = |entry: &Entry| serde_json::to_string(entry).unwrap_or_default();
        return Some(Difference { seq, then: was.map(told), now: is.map(told) });
    }
}

fn count(replayed: &mut Replayed, entry: &Entry) {
    match entry {
        Entry::Input(_) => replayed.inputs += 1,
        Entry::Finding(_) => replayed.findings += 1,
        Entry::Decision(_) => replayed.decisions += 1,
        _ => {}
    }
}

/// A replay of a recording: fed by whoever drives it, one item at a time.
pub struct Player {
    engine: Engine,
    answers: Arc<Answers>,
    sequencer: Sequencer,
    recording: Recording,
    /// The first item, which was looked at for its time.
    first: Option<Item>,
    /// Whether there is anything in it.
    is_begun: bool,
    replayed: Replayed,
}

impl Player {
    /// Builds what a config describes, with the recording in place of its chains and feeds.
    pub fn new(
        runtime: &Runtime,
        config: &Config,
        mut recording: Recording,
        journal: Journal,
    ) -> anyhow::Result<Result<Self, Vec<Diagnostic>>> {
        let answers = Arc::new(Answers::default());
        let engine = Engine::new(journal, Fleet::new()?, answers.clone())?;
        let mut wrong = Vec::new();
        let mut detectors = Vec::new();
        for id in config.detectors.keys() {
            match load::detector(runtime, config, id) {
                Ok(ready) => detectors.push(ready),
                Err(diagnostics) => wrong.extend(diagnostics),
            }
        }
        recording
            .need(detectors.iter().fold(Needs::KEPT, |needs, ready| needs.union(ready.detector.profile().needs())));
        let mut first = None;
        let mut begins_ms = 0;
        // Answers come before the input that they belong to; the time is that of the first input.
        while first.is_none() {
            match recording.next_item()? {
                None => break,
                Some(Item::Answer { at, read, answer }) => answers.insert(at.hash, read, answer),
                Some(Item::Delivery(delivery)) => {
                    begins_ms = delivery.at_ms.unwrap_or_else(|| event_time_ms(&delivery.event));
                    first = Some(Item::Delivery(delivery));
                }
            }
        }
        let sequencer = Sequencer::new(begins_ms);
        let (is_begun, replayed) = (first.is_some(), Replayed::default());
        let mut player = Self { engine, answers, sequencer, recording, first, is_begun, replayed };
        for loaded in load::plans(config) {
            match loaded {
                Ok(loaded) => {
                    player.engine.take(Stamped { at_ms: begins_ms, event: loaded.event() }, &Given::default())?;
                }
                Err(diagnostics) => wrong.extend(diagnostics),
            }
        }
        if wrong.iter().any(Diagnostic::is_error) {
            return Ok(Err(wrong));
        }
        for ready in detectors {
            let text = ready.spec.text();
            player.engine.keep_component(&ready.bytes)?;
            player.engine.swap(ready.detector, text, begins_ms)?;
        }
        Ok(Ok(player))
    }

    /// Feeds the next input; what came of it, or `None` at the end of the recording.
    pub fn step(&mut self) -> anyhow::Result<Option<Vec<(u64, Entry)>>> {
        loop {
            let item = match self.first.take() {
                Some(first) => Some(first),
                None => self.recording.next_item()?,
            };
            match item {
                None => return Ok(None),
                Some(Item::Answer { at, read, answer }) => self.answers.insert(at.hash, read, answer),
                Some(Item::Delivery(delivery)) => {
                    let clock_ms = delivery.at_ms.unwrap_or_else(|| event_time_ms(&delivery.event));
                    let stamped = self.sequencer.stamp(delivery.event, clock_ms).stamped;
                    let at_ms = stamped.at_ms;
                    self.engine.tick_until(at_ms)?;
                    self.engine.take(stamped, &Given::default())?;
                    self.engine.catch_up(at_ms)?;
                    let placed = self.engine.commit()?;
                    placed.iter().for_each(|(_, entry)| count(&mut self.replayed, entry));
                    return Ok(Some(placed));
                }
            }
        }
    }

    /// The engine, for whoever swaps a detector between two steps.
    pub fn engine(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// What came of it all.
    pub fn finish(mut self) -> anyhow::Result<Replayed> {
        anyhow::ensure!(self.is_begun, "the recording holds no block and no observation");
        self.replayed.derived = self.engine.derived_digest()?;
        Ok(self.replayed)
    }
}

/// The time that an event carries itself, where the recording gives none.
pub(in crate::app) fn event_time_ms(event: &Event) -> u64 {
    match event {
        Event::Committed { block } => block.timestamp_s.saturating_mul(1_000),
        Event::Observed { observation } => observation.received_at_ms,
        _ => 0,
    }
}
