//! A new version of a detector on the last inputs of this very stream, beside the old one, before it is swapped in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::B256;

use crate::app::deploy::spec::KeptSpec;
use crate::app::engine::answers::Answers;
use crate::app::engine::chains::heads;
use crate::app::engine::provenance::{input_hash, input_of_block};
use crate::block::{BlockRef, ChainId};
use crate::chain_read::{ChainAnswer, ChainRead, ChainReader};
use crate::entry::Entry;
use crate::event::{Event, Stamped};
use crate::finding::Claim;
use crate::journal::Journal;
use crate::plugin::{Audience, Component, Fleet, Head, Heard, Look, View};

/// How many inputs a new version is tried on.
pub const INPUTS: usize = 32;

/// What a new version made of the last inputs, compared with the old one.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Rehearsal {
    /// How many inputs both were shown.
    pub inputs: usize,
    /// Findings that both made.
    pub same: usize,
    /// Findings that only the old version made: place and title.
    pub only_old: Vec<String>,
    /// Findings that only the new version made.
    pub only_new: Vec<String>,
    /// Inputs on which the new version failed: place, kind and message.
    pub failures: Vec<String>,
    /// Inputs on which the old version failed.
    pub old_failures: usize,
    /// The longest that the new version took over one of them, microseconds.
    pub slowest_us: u64,
}

impl Rehearsal {
    /// True when the new version fails where the old one did not.
    pub fn is_worse(&self) -> bool {
        self.failures.len() > self.old_failures
    }

    /// Returns a line for the log.
    pub fn line(&self) -> String {
        match self.inputs {
            0 => "there is nothing yet to try it on".to_owned(),
            inputs => {
                let failed = match self.failures.len() {
                    0 => String::new(),
                    failed => format!(", and fails on {failed}, whose findings are not compared"),
                };
                format!(
                    "on the last {inputs} inputs it makes {} findings as before, {} new and {} no more{failed}; slowest {:.1} ms",
                    self.same,
                    self.only_new.len(),
                    self.only_old.len(),
                    self.slowest_us as f64 / 1_000.0
                )
            }
        }
    }
}

/// A version of a detector.
pub struct Version {
    /// What it is made of.
    pub component: Arc<Component>,
    /// How it is run.
    pub spec: KeptSpec,
}

/// Reads that were answered then are answered so again; others are asked of the chain.
struct ThenNow {
    then: Answers,
    now: Arc<dyn ChainReader>,
}

impl ChainReader for ThenNow {
    fn read(&self, at: BlockRef, read: &ChainRead) -> ChainAnswer {
        match self.then.known(at.hash, read) {
            Some(answer) => answer,
            None => self.now.read(at, read),
        }
    }
}

/// What a version made of an input, or how it failed.
type Made = Result<Vec<Claim>, String>;

/// One input that both are tried on.
struct Scenery {
    seq: u64,
    input: B256,
    place: String,
    view: View,
    heard: Vec<Heard>,
    /// The chains' newest blocks when it came.
    heads: BTreeMap<ChainId, Head>,
}

/// Runs both versions over the last inputs of a journal, so many at most, from the state that the detector had before them. Nothing of it
/// is kept.
///
/// # Errors
///
/// If the journal can't be read, or a version can't be started.
pub fn rehearse(
    journal: &Path,
    id: &str,
    old: Option<&Version>,
    new: &Version,
    now: Arc<dyn ChainReader>,
    inputs_at_most: usize,
) -> anyhow::Result<Rehearsal> {
    let journal = Journal::open_existing_read_only(journal)?;
    let mut rehearsal = Rehearsal::default();
    let inputs = journal.newest_inputs(inputs_at_most)?;
    let Some(first) = inputs.first().copied() else { return Ok(rehearsal) };
    let then = Answers::default();
    let mut scenery = Vec::new();
    for seq in inputs {
        scenery.extend(scenery_of(&journal, id, seq, &then)?);
    }
    let state = journal.undone_before(id, first)?;
    let reader: Arc<dyn ChainReader> = Arc::new(ThenNow { then, now });
    let run = |version: &Version| -> anyhow::Result<(Vec<Made>, Duration)> {
        let mut fleet = Fleet::new();
        let mut detector = version.spec.start(id, version.component.clone())?;
        detector.set_state(state.clone());
        fleet.swap(detector)?;
        let (mut made, mut slowest) = (Vec::new(), Duration::ZERO);
        for scene in &scenery {
            let (recorded, withheld) = (Default::default(), BTreeSet::new());
            let (seq, input, audience) = (scene.seq, scene.input, Audience::One(id));
            let look = Look {
                seq,
                input,
                seed: input,
                reader: &reader,
                recorded: &recorded,
                withheld: &withheld,
                audience,
                rouse: true,
                heads: Some(&scene.heads),
            };
            let outcome = fleet.show(&scene.view, &look, scene.heard.clone()).outcomes.pop();
            made.push(match outcome {
                None => Ok(Vec::new()),
                Some(outcome) => {
                    slowest = slowest.max(outcome.elapsed);
                    outcome.result.map_err(|failure| format!("{}: {failure}", scene.place))
                }
            });
        }
        Ok((made, slowest))
    };
    let (before, _) = old.map(run).transpose()?.unwrap_or_default();
    let (after, slowest) = run(new)?;
    rehearsal.slowest_us = slowest.as_micros() as u64;
    rehearsal.inputs = scenery.len();
    for (at, scene) in scenery.iter().enumerate() {
        let was = before.get(at).cloned().unwrap_or_else(|| Ok(Vec::new()));
        rehearsal.old_failures += usize::from(was.is_err());
        match &after[at] {
            Err(failure) => rehearsal.failures.push(failure.clone()),
            Ok(claims) => rehearsal.compare(&scene.place, was.unwrap_or_default(), claims),
        }
    }
    Ok(rehearsal)
}

impl Rehearsal {
    fn compare(&mut self, place: &str, mut was: Vec<Claim>, is: &[Claim]) {
        for claim in is {
            match was.iter().position(|other| other == claim) {
                Some(at) => {
                    was.swap_remove(at);
                    self.same += 1;
                }
                None => self.only_new.push(format!("{place}: {}", claim.title)),
            }
        }
        self.only_old.extend(was.iter().map(|claim| format!("{place}: {}", claim.title)));
    }
}

fn scenery_of(journal: &Journal, id: &str, seq: u64, then: &Answers) -> anyhow::Result<Option<Scenery>> {
    let Some(Stamped { event, .. }) = journal.input(seq)? else { return Ok(None) };
    // As the engine shows it: a version that goes by randomness finds the same here and there.
    let (view, input, place) = match event {
        Event::Committed { block } => {
            let below = block.number.checked_sub(1);
            let previous = below.map(|below| journal.header(block.chain, below, seq)).transpose()?.flatten();
            let previous_s = previous.map(|previous| previous.timestamp_s);
            let input = input_of_block(journal, seq, block.hash)?;
            let place = format!("block {} of chain {}", block.number, block.chain);
            (View::Block { block, previous_s }, input, place)
        }
        Event::Observed { observation } => {
            let place = format!("feed {}", observation.feed);
            (View::Observation(observation), input_hash(seq), place)
        }
        Event::Pending { chain, transactions } => {
            let place = format!("pending transactions of chain {chain}, input {seq}");
            (View::Pending { chain, transactions }, input_hash(seq), place)
        }
        _ => return Ok(None),
    };
    let mut heard = Vec::new();
    for entry in journal.caused_by(seq)? {
        match entry {
            Entry::Answer { at, read, answer } => then.insert(at.hash, read, answer),
            Entry::Finding(finding) if finding.detector != id => {
                heard.push(Heard { detector: finding.detector, id: finding.id, claim: finding.claim });
            }
            _ => {}
        }
    }
    Ok(Some(Scenery { seq, input, place, view, heard, heads: heads(journal, seq)? }))
}
