//! `watchfire replay`: takes the same inputs in again, and compares what comes of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use alloy::primitives::B256;
use anyhow::{Context, bail};

use crate::app::config::Config;
use crate::app::deploy::load;
use crate::app::deploy::spec::KeptSpec;
use crate::app::engine::answers::Answers;
use crate::app::engine::{Engine, Given};
use crate::diagnostic::Diagnostic;
use crate::entry::Entry;
use crate::event::{Event, Stamped};
use crate::journal::{Differs, Journal, Values};
use crate::plugin::{Component, EngineSettings, Fleet, Limits, Runtime};
use crate::source::recording::{Item, KeptAnswers, Recording, Strangers};
use crate::stream::Sequencer;
use crate::subscription::Needs;

/// How long a detector may take for a batch, or to start, when it is repeated: long beside any deadline of a run.
const DEADLINE_MS: u64 = 600_000;

/// What came of a replay.
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
    /// Tables of the journal that are not what came of the entries.
    pub tables: Vec<Differs>,
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

/// Replays a journal from its first input, or from the first whose body was not dropped, and compares every entry that
/// followed. Calls `show` with each entry that the replay makes.
///
/// # Errors
///
/// If the journal can't be read, or a detector of then can't be started again. A replay that differs is no error.
pub fn journal(path: &Path, runtime: &Runtime, show: impl FnMut(u64, &Entry)) -> anyhow::Result<Replayed> {
    let then = Journal::open_existing_read_only(path)?;
    let (mut replayed, engine) = replay(&then, runtime, u64::MAX, show)?;
    // Of a host that runs, the tables have gone on meanwhile.
    if replayed.difference.is_none() && then.newest()? == engine.newest_seq() {
        replayed.tables = engine.compare_tables(&then, replayed.from.is_some())?;
    }
    Ok(replayed)
}

/// Returns detectors' state as it was before an input, made by a replay up to there. Calls `tick` with each input.
///
/// # Errors
///
/// If the replay differs, or can't be made.
pub fn state_before(
    then: &Journal,
    runtime: &Runtime,
    input: u64,
    mut tick: impl FnMut(u64),
) -> anyhow::Result<BTreeMap<String, Values>> {
    let (replayed, engine) = replay(then, runtime, input, |seq, entry| {
        if matches!(entry, Entry::Input(_)) {
            tick(seq);
        }
    })?;
    if let Some(Difference { seq, .. }) = replayed.difference {
        bail!(
            "a replay differs after entry {seq}, so that the state of then can't be made again; `watchfire replay` shows how"
        );
    }
    engine.states()
}

fn replay(
    then: &Journal,
    runtime: &Runtime,
    until: u64,
    mut show: impl FnMut(u64, &Entry),
) -> anyhow::Result<(Replayed, Engine)> {
    let answers = Arc::new(Answers::default());
    let from = then.thinned_before()?;
    let now = from.map_or_else(Journal::temporary, |from| then.seed(from))?;
    let mut engine = Engine::new(now, Fleet::new(), answers.clone())?;
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
        let given = Given::of(&cause);
        let (seq, stamped, follow) = (cause.seq, cause.stamped, cause.entries);
        answers.clear();
        for entry in &follow {
            if let Entry::Answer { at, read, answer } = entry {
                answers.insert(at.hash, read.clone(), answer.clone());
            }
        }
        if let Event::Detector { detector, digest, spec } = &stamped.event {
            exchange(&mut engine, then, runtime, &mut components, detector, *digest, spec)?;
        }
        engine.take(stamped, &given)?;
        made.clear();
        for (at, entry) in engine.commit()? {
            show(at, &entry);
            count(&mut replayed, &entry);
            if !entry.is_given() {
                made.push(entry);
            }
        }
        let derived = follow.iter().filter(|entry| !entry.is_given());
        if replayed.difference.is_none() {
            replayed.difference = first_difference(seq, derived, &made);
        }
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
        engine.dismiss(id);
        return Ok(());
    };
    let spec: KeptSpec = serde_json::from_str(spec).with_context(|| format!("the journaled spec of {id}"))?;
    let made = (digest, spec.limits.engine());
    if let std::collections::btree_map::Entry::Vacant(vacant) = components.entry(made) {
        let Some(bytes) = then.component(digest)? else { bail!("the journal no longer has {id} {digest}") };
        vacant.insert(Arc::new(runtime.compile(&bytes, &spec.limits)?));
    }
    // Which deadlines passed is given; how fast this machine is must add none.
    let limits = Limits { batch_deadline_ms: DEADLINE_MS, start_deadline_ms: DEADLINE_MS, ..spec.limits };
    let detector = KeptSpec { limits, ..spec }.start(id, components[&made].clone())?;
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
        let text = |entry: &Entry| serde_json::to_string(entry).unwrap_or_default();
        return Some(Difference { seq, then: was.map(text), now: is.map(text) });
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
    strangers: Strangers,
    sequencer: Sequencer,
    recording: Recording,
    /// The first item, which was looked at for its time.
    first: Option<Item>,
    /// Whether there is anything in it.
    is_begun: bool,
    replayed: Replayed,
}

impl Player {
    /// Builds what a config describes, with the recording in place of its chains and feeds, and what is kept beside it in place of
    /// a node. Returns what is wrong with the config, if anything is.
    ///
    /// # Errors
    ///
    /// If the recording or the journal can't be read or written.
    pub fn new(
        runtime: &Runtime,
        config: &Config,
        (mut recording, kept): (Recording, KeptAnswers),
        journal: Journal,
    ) -> anyhow::Result<Result<Self, Vec<Diagnostic>>> {
        let answers = Arc::new(Answers::default());
        // The recording's own come later, and go before these.
        for ((at, read), answer) in kept.answers {
            answers.insert(at.hash, read, answer);
        }
        let engine = Engine::new(journal, Fleet::new(), answers.clone())?;
        let mut wrong = Vec::new();
        let mut detectors = Vec::new();
        for id in config.detectors.keys() {
            match load::detector(runtime, config, id) {
                Ok(ready) => detectors.push(ready),
                Err(diagnostics) => wrong.extend(diagnostics),
            }
        }
        recording
            .need(detectors.iter().fold(Needs::KEPT, |needs, ready| needs.union(ready.detector.profile().needs())))?;
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
        let strangers = kept.strangers;
        let mut player = Self { engine, answers, strangers, sequencer, recording, first, is_begun, replayed };
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

    /// Takes in the next input. Returns what came of it, or `None` at the end of the recording.
    ///
    /// # Errors
    ///
    /// If the recording or the journal can't be read or written, or the answers beside the recording are of another one.
    pub fn step(&mut self) -> anyhow::Result<Option<Vec<(u64, Entry)>>> {
        loop {
            let item = match self.first.take() {
                Some(first) => Some(first),
                None => self.recording.next_item()?,
            };
            match item {
                None => {
                    self.strangers.refuse()?;
                    return Ok(None);
                }
                Some(Item::Answer { at, read, answer }) => self.answers.insert(at.hash, read, answer),
                Some(Item::Delivery(delivery)) => {
                    if let Event::Committed { block } = &delivery.event {
                        self.strangers.meet(block);
                    }
                    let clock_ms = delivery.at_ms.unwrap_or_else(|| event_time_ms(&delivery.event));
                    let stamped = self.sequencer.stamp(delivery.event, clock_ms);
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

    /// Returns the engine, for whoever swaps a detector between two steps.
    pub fn engine(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// Ends the replay. Returns what came of it all.
    ///
    /// # Errors
    ///
    /// If the recording holds nothing, or the journal can't be read.
    pub fn finish(mut self) -> anyhow::Result<Replayed> {
        anyhow::ensure!(self.is_begun, "the recording holds no block and no observation");
        self.replayed.derived = self.engine.derived_digest()?;
        Ok(self.replayed)
    }
}

/// Returns the time that an event carries itself, for a recording that gives none.
pub(crate) fn event_time_ms(event: &Event) -> u64 {
    match event {
        Event::Committed { block } => block.timestamp_s.saturating_mul(1_000),
        Event::Observed { observation } => observation.received_at_ms,
        _ => 0,
    }
}
