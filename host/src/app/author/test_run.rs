//! A detector on a recording, twice: on a kept instance and on a fresh one for each batch. Guest memory is a
//! cache, so both must find the same.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use alloy::primitives::B256;
use serde::{Deserialize, Serialize};

use crate::app::author::reads::Reads;
use crate::app::deploy::spec::KeptSpec;
use crate::app::engine::{Engine, Given};
use crate::block::{ChainId, Verification};
use crate::entry::Entry;
use crate::event::Event;
use crate::failure_kind::FailureKind;
use crate::finding::{Claim, Finding, is_own};
use crate::journal::Journal;
use crate::plugin::{Component, Fleet, Heard, Manifest};
use crate::source::recording::{Item, Recording};
use crate::stream::Sequencer;
use crate::subscription::Needs;

/// What a detector found at one place, as snapshots have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Chain, where one was involved.
    pub chain: Option<ChainId>,
    /// Height, where a chain was involved.
    pub block: Option<u64>,
    /// What it claims.
    #[serde(flatten)]
    pub claim: Claim,
    /// Whether the block left the chain later in the recording.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retracted: bool,
}

/// What another detector found, which the one under test may listen to.
#[derive(Clone, Debug, PartialEq)]
pub struct Others {
    /// The other's id.
    pub detector: String,
    /// In the order in which it found them.
    pub found: Vec<Found>,
}

/// What a test gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tested {
    /// Findings in order.
    pub found: Vec<Found>,
    /// Batches that failed, in order, each with its block.
    pub failures: Vec<String>,
    /// Batches that it was not shown, since it rests after too many failures.
    pub rested: u64,
    /// Blocks and observations that were fed.
    pub inputs: u64,
}

/// A detector under test.
pub struct Bench {
    /// The component.
    pub component: Arc<Component>,
    /// What it says of itself; it is granted all that it asks for.
    pub manifest: Manifest,
    /// Its config.
    pub config: serde_json::Value,
    /// What others found in the recording's blocks.
    pub others: Vec<Others>,
}

impl Bench {
    /// Runs the detector over a recording. Returns what it found.
    ///
    /// # Errors
    ///
    /// If the recording can't be read, or the detector can't be started.
    pub fn run(&self, recording: &Path, fresh_each_batch: bool, reads: &Arc<Reads>) -> anyhow::Result<Tested> {
        let spec = self.spec(reads);
        let detector = spec.start(&self.manifest.name, self.component.clone())?;
        let mut fleet = Fleet::new();
        fleet.set_fresh_each_batch(fresh_each_batch);
        let mut engine = Engine::new(Journal::in_memory()?, fleet, reads.clone())?;
        let needs = detector.profile().needs();
        engine.swap(detector, spec.text(), 0)?;
        let mut sequencer = Sequencer::new(0);
        let mut recording = Recording::open(recording, &BTreeMap::from([(0, Verification::None)]))?;
        recording.need(needs)?;
        let mut tested = Tested::default();
        let mut places = BTreeMap::new();
        while let Some(item) = recording.next_item()? {
            let delivery = match item {
                Item::Answer { at, read, answer } => {
                    reads.insert(at, read, answer);
                    continue;
                }
                Item::Delivery(delivery) => delivery,
            };
            tested.inputs += 1;
            if let Event::Committed { block } = &delivery.event {
                reads.meet(block);
            }
            let place = place(&delivery.event);
            let stamped = sequencer.stamp(delivery.event, delivery.at_ms.unwrap_or(0));
            let heard = self.heard(&stamped.event);
            engine.take(stamped, &Given::hearing(heard))?;
            engine.catch_up(sequencer.newest_ms())?;
            for (_, entry) in engine.commit()? {
                match entry {
                    Entry::Finding(finding) if !is_own(&finding.detector) => {
                        places.insert(finding.id, tested.found.len());
                        let block = finding.block;
                        tested.found.push(Found {
                            chain: block.map(|block| block.chain),
                            block: block.map(|block| block.number),
                            claim: finding.claim,
                            retracted: false,
                        });
                    }
                    Entry::Retraction { finding, .. } => {
                        if let Some(&place) = places.get(&finding) {
                            tested.found[place].retracted = true;
                        }
                    }
                    Entry::Failed { kind: FailureKind::Quarantined, .. } => tested.rested += 1,
                    Entry::Failed { kind, message, .. } => tested.failures.push(format!("{place}{kind}: {message}")),
                    _ => {}
                }
            }
        }
        reads.refuse_strangers()?;
        Ok(tested)
    }

    fn spec(&self, reads: &Reads) -> KeptSpec {
        let spec = KeptSpec::alone(&self.manifest, self.config.clone());
        KeptSpec { limits: reads.patient(spec.limits), ..spec }
    }

    /// Starts the detector. Returns what it wants of blocks.
    ///
    /// # Errors
    ///
    /// If it is not admitted, or its config is wrong.
    pub fn needs(&self) -> anyhow::Result<Needs> {
        let spec = KeptSpec::alone(&self.manifest, self.config.clone());
        Ok(spec.start(&self.manifest.name, self.component.clone())?.profile().needs())
    }

    /// What others found in a block.
    fn heard(&self, event: &Event) -> Vec<Heard> {
        let Event::Committed { block } = event else { return Vec::new() };
        let here = |found: &&Found| found.block == Some(block.number) && found.chain == Some(block.chain);
        let of = |others: &Others| {
            let found = others.found.iter().filter(here).enumerate();
            let heard = found.map(|(position, found)| Heard {
                detector: others.detector.clone(),
                id: Finding::id_of(&others.detector, B256::ZERO, block.hash, position),
                claim: found.claim.clone(),
            });
            heard.collect::<Vec<_>>()
        };
        self.others.iter().flat_map(of).collect()
    }
}

/// Where an input stands, for a line about it: `block 12: `.
fn place(event: &Event) -> String {
    match event {
        Event::Committed { block } => format!("block {}: ", block.number),
        Event::Observed { observation } => format!("an observation of `{}`: ", observation.feed),
        _ => String::new(),
    }
}
