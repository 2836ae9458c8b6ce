//! One object of a recording.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::block::{BlockRef, ChainId};
use crate::chain_read::{ChainAnswer, ChainRead};
use crate::event::Observation;
use crate::source::raw::RawBlock;

/// Blocks that left a chain, tip first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Reverted {
    pub(super) chain: ChainId,
    pub(super) blocks: Vec<BlockRef>,
}

/// Blocks that became settled.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Finality {
    pub(super) chain: ChainId,
    pub(super) safe: u64,
    pub(super) finalized: u64,
}

/// What the chain answered to a detector.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Answered {
    pub(super) at: BlockRef,
    pub(super) read: ChainRead,
    pub(super) answer: ChainAnswer,
}

/// Any object: which one it is shows by its members. Unknown members are notes.
#[derive(Debug, Deserialize)]
pub(super) struct Line {
    chain_id: Option<ChainId>,
    block: Option<Box<RawValue>>,
    receipts: Option<Box<RawValue>>,
    traces: Option<Box<RawValue>>,
    storage: Option<Box<RawValue>>,
    observation: Option<Observation>,
    reverted: Option<Reverted>,
    finality: Option<Finality>,
    answer: Option<Answered>,
    at_ms: Option<u64>,
}

/// What an object is.
pub(super) enum Kind {
    Block(RawBlock),
    Observation(Observation),
    Reverted(Reverted),
    Finality(Finality),
    Answer(Answered),
}

/// The largest number that the journal can hold.
const LARGEST: u64 = i64::MAX as u64;

impl Line {
    /// Refuses numbers that the journal can't hold. Those of blocks are checked as they are decoded.
    fn is_plausible(&self) -> Result<(), String> {
        let reverted = self
            .reverted
            .iter()
            .flat_map(|reverted| reverted.blocks.iter().map(|block| block.number).chain([reverted.chain]));
        let finality = self.finality.iter().flat_map(|finality| [finality.chain, finality.safe, finality.finalized]);
        let observation = self.observation.iter().flat_map(|seen| [seen.observed_at_ms, seen.received_at_ms]);
        let answer = self.answer.iter().flat_map(|answer| [answer.at.chain, answer.at.number]);
        let numbers = [self.chain_id, self.at_ms].into_iter().flatten();
        let mut numbers = numbers.chain(reverted).chain(finality).chain(observation).chain(answer);
        match numbers.find(|number| *number > LARGEST) {
            Some(number) => Err(format!("the number {number} is larger than a journal holds: up to {LARGEST}")),
            None => Ok(()),
        }
    }

    /// What it is, and when it happened; in words, why it is nothing that a recording has.
    pub(super) fn kind(self) -> Result<(Kind, Option<u64>), String> {
        let at_ms = self.at_ms;
        self.is_plausible()?;
        if let Some(block) = self.block {
            let chain_id = self.chain_id.ok_or("a block without `chain_id`")?;
            let receipts = self.receipts.ok_or("a block without `receipts`")?;
            let (traces, storage) = (self.traces, self.storage);
            return Ok((Kind::Block(RawBlock { chain_id, block, receipts, traces, storage }), at_ms));
        }
        let others = [
            self.observation.map(Kind::Observation),
            self.reverted.map(Kind::Reverted),
            self.finality.map(Kind::Finality),
            self.answer.map(Kind::Answer),
        ];
        let kind = others.into_iter().flatten().next();
        let expected = "an object with none of `block`, `observation`, `reverted`, `finality` and `answer`";
        kind.map(|kind| (kind, at_ms)).ok_or_else(|| expected.to_owned())
    }
}

/// An object as it is written.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Written<'a> {
    Block {
        #[serde(flatten)]
        raw: &'a RawBlock,
        at_ms: u64,
    },
    Observation {
        observation: &'a Observation,
        at_ms: u64,
    },
    Reverted {
        reverted: Reverted,
        at_ms: u64,
    },
    Finality {
        finality: Finality,
        at_ms: u64,
    },
    Answer {
        answer: Answered,
    },
}
