//! What comes in: the inputs that the journal keeps in one order and that a replay feeds again.

use std::sync::Arc;

use alloy::primitives::B256;
use serde::{Deserialize, Serialize};

use crate::block::{Block, BlockRef, ChainId, Frames, Parts, StorageChanges, Transactions};
use crate::defaults::Defaults;
use crate::fact::{Delivery, Fact};
use crate::finding::Severity;
use crate::note::Note;
use crate::operator::Act;
use crate::protocol::Protocol;

/// One input. Reorgs are a closed pair: what was [`Event::Reverted`] is followed by what was
/// [`Event::Committed`] in its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Event {
    /// A block was added on top of its chain.
    Committed {
        /// The block.
        block: Arc<Block>,
    },
    /// Parts of a block came after the block, or are not waited for any more.
    Completed {
        /// Which block.
        block: BlockRef,
        /// Its call frames, if they came.
        frames: Option<Arc<Frames>>,
        /// Its storage changes, if they came.
        storage: Option<Arc<StorageChanges>>,
        /// Parts that are given up: who wants them sees the block without.
        given_up: Parts,
    },
    /// Blocks left the canonical chain.
    Reverted {
        /// EIP-155 id of the chain.
        chain: ChainId,
        /// What left, tip first.
        blocks: Vec<BlockRef>,
    },
    /// Blocks became settled.
    Finality {
        /// EIP-155 id of the chain.
        chain: ChainId,
        /// Newest block that is safe.
        safe: u64,
        /// Newest block that is final.
        finalized: u64,
    },
    /// As many nodes of different operators as the config wants name this block of a chain, and so all before it.
    Agreed {
        /// The block.
        block: BlockRef,
        /// The operators.
        by: Vec<String>,
    },
    /// Somebody takes back what was called final: from here on blocks above a height may leave the chain again, and every
    /// detector begins with an empty state.
    Unsettled {
        /// EIP-155 id of the chain.
        chain: ChainId,
        /// The newest block that stays final.
        above: u64,
        /// Who, in their own words.
        by: String,
        /// Why.
        why: String,
    },
    /// A feed published a value.
    Observed {
        /// The value, with its time.
        observation: Observation,
    },
    /// Transactions that wait for a block.
    Pending {
        /// EIP-155 id of the chain.
        chain: ChainId,
        /// The transactions; statuses are 2, gas used is 0.
        transactions: Arc<Transactions>,
    },
    /// Something weakened the watch, or the watch is whole again.
    Coverage {
        /// What happened.
        coverage: Coverage,
    },
    /// From here on a detector is another one: it was loaded, swapped or removed.
    Detector {
        /// Its id in the config.
        detector: String,
        /// SHA-256 of the component; `None` if the detector was removed.
        digest: Option<B256>,
        /// Its spec as JSON text: chains, feeds, grants, limits and config.
        spec: String,
    },
    /// A detector is shown an earlier input that it has not seen, or must see again.
    Shown {
        /// Its id in the config.
        detector: String,
        /// The input's sequence number.
        input: u64,
        /// Why only now.
        why: Why,
        /// If the input is a block that was shown with parts that came later: the newest input that completed it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        completed: Option<u64>,
    },
    /// A version of a detector failed soon after it was swapped in, and is not to be taken up again.
    Rejected {
        /// Its id in the config.
        detector: String,
        /// SHA-256 of the component.
        digest: B256,
        /// How it failed.
        reason: String,
    },
    /// A detector will not be shown what it set aside: somebody has taken the gap upon themselves.
    Waived {
        /// Its id in the config.
        detector: String,
        /// Who, in their own words.
        by: String,
    },
    /// From here on decisions are made under this plan.
    Plan {
        /// Whose plan it is.
        #[serde(default, skip_serializing_if = "Protocol::is_only")]
        protocol: Protocol,
        /// Hash of the plan.
        hash: B256,
        /// The plan's source: file name and text, in order of name.
        files: Vec<(String, String)>,
        /// What keys mean that it leaves out.
        #[serde(default, skip_serializing_if = "Defaults::is_first")]
        defaults: Defaults,
    },
    /// A person did something about an incident.
    Act {
        /// Who, and what.
        act: Act,
    },
    /// Something about the chain became known that bears on a plan.
    Fact {
        /// What.
        fact: Fact,
    },
    /// A channel accepted an effect, none did by its deadline, or it is given up.
    Delivered {
        /// Which, and what became of it.
        delivery: Delivery,
    },
    /// A deadline has come.
    Tick,
    /// The host wrote something down, for people and for its next start.
    Noted {
        /// What.
        note: Note,
    },
    /// From here on the journal may lack the bodies of blocks, pending transactions and answers of before.
    Thinned {
        /// Sequence number of the input that a replay starts with.
        before: u64,
    },
}

impl Event {
    /// Returns the name of its type, as the journal's `event` column has it.
    pub fn name(&self) -> &'static str {
        match self {
            Event::Committed { .. } => "committed",
            Event::Completed { .. } => "completed",
            Event::Reverted { .. } => "reverted",
            Event::Finality { .. } => "finality",
            Event::Agreed { .. } => "agreed",
            Event::Unsettled { .. } => "unsettled",
            Event::Observed { .. } => "observed",
            Event::Pending { .. } => "pending",
            Event::Coverage { .. } => "coverage",
            Event::Detector { .. } => "detector",
            Event::Shown { .. } => "shown",
            Event::Rejected { .. } => "rejected",
            Event::Waived { .. } => "waived",
            Event::Plan { .. } => "plan",
            Event::Act { .. } => "act",
            Event::Fact { .. } => "fact",
            Event::Delivered { .. } => "delivered",
            Event::Tick => "tick",
            Event::Noted { .. } => "noted",
            Event::Thinned { .. } => "thinned",
        }
    }
}

impl Event {
    /// Returns the number of the event that is larger than any that the journal can hold, in words; `None` if there is none.
    pub fn beyond_the_journal(&self) -> Option<String> {
        const LARGEST: u64 = i64::MAX as u64;
        let of_blocks = |blocks: &[BlockRef]| blocks.iter().flat_map(|block| [block.chain, block.number]).max();
        let (what, largest) = match self {
            Event::Committed { block } => ("a block's chain or height", block.chain.max(block.number)),
            Event::Reverted { chain, blocks } => {
                ("a block's chain or height", of_blocks(blocks).unwrap_or_default().max(*chain))
            }
            Event::Completed { block, .. } => ("a block's chain or height", block.chain.max(block.number)),
            Event::Finality { chain, safe, finalized } => ("a chain or height", *chain.max(safe).max(finalized)),
            Event::Agreed { block, .. } => ("a block's chain or height", block.chain.max(block.number)),
            Event::Unsettled { chain, above, .. } => ("a chain or height", *chain.max(above)),
            Event::Pending { chain, .. } => ("a chain", *chain),
            Event::Act { act } => ("an incident's number", act.incident.unwrap_or_default()),
            _ => return None,
        };
        (largest > LARGEST).then(|| format!("{what}, {largest},"))
    }
}

/// Why a detector is shown an input later than others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// It was still at work on an earlier one, or not done with this one in time.
    Behind,
    /// A reorg took its state back to before it.
    Again,
    /// It failed on it, or rested, and is to try again.
    Retry,
    /// It wants parts of it that have yet to come.
    Awaited,
    /// The parts that it wants have come, or are given up.
    Completed,
}

impl Why {
    /// Returns its name, as the journal has it.
    pub fn name(self) -> &'static str {
        match self {
            Why::Behind => "behind",
            Why::Again => "again",
            Why::Retry => "retry",
            Why::Awaited => "awaited",
            Why::Completed => "completed",
        }
    }

    /// Returns the reason of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        let all = [Why::Behind, Why::Again, Why::Retry, Why::Awaited, Why::Completed];
        all.into_iter().find(|why| why.name() == name)
    }
}

/// An event with its place in the one order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stamped {
    /// When the host took it in, milliseconds since the Unix epoch; the `now` of everything it causes.
    pub at_ms: u64,
    /// The event.
    pub event: Event,
}

/// One value of a feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// The feed's name in the config.
    pub feed: String,
    /// When it was true by the feed's own account, milliseconds since the Unix epoch.
    pub observed_at_ms: u64,
    /// When the host took it in, milliseconds since the Unix epoch.
    pub received_at_ms: u64,
    /// The value.
    pub value: Value,
    /// How the feed finds its place again after a restart; empty if it needs none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub position: String,
}

/// A typed value; numbers keep every digit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "kebab-case")]
pub enum Value {
    /// Plain decimal digits with an optional sign and point, never an exponent.
    Number(String),
    /// Text.
    Text(String),
    /// True or false.
    Boolean(bool),
    /// Anything else, as JSON text.
    Json(String),
}

impl Value {
    /// Returns `number`, `text`, `boolean` or `json`, as detectors see it.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Number(_) => "number",
            Value::Text(_) => "text",
            Value::Boolean(_) => "boolean",
            Value::Json(_) => "json",
        }
    }

    /// Returns the value as text.
    pub fn text(&self) -> String {
        match self {
            Value::Number(text) | Value::Text(text) | Value::Json(text) => text.clone(),
            Value::Boolean(value) => value.to_string(),
        }
    }
}

/// A change in what is being watched. It becomes a finding of `watchfire/coverage`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Which fault: `head-stalled`, `stale-fork`, `endpoint-refused`, `feed-silent`, `detector-failed`, …
    pub kind: String,
    /// What is affected: `chain/1`, `feed/eth-usd`, `detector/outflow`.
    pub subject: String,
    /// EIP-155 id of the chain that is affected, also where `subject` is a node or a section of it; `None` if none is, or that was
    /// noted by an older version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<ChainId>,
    /// How much it weakens the watch.
    pub severity: Severity,
    /// What happened and what to do, in a sentence or two.
    pub message: String,
    /// True when the fault is over: its finding is retracted.
    pub over: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::Deed;

    #[test]
    fn a_number_that_the_journal_cannot_hold_is_named() {
        let most = i64::MAX as u64;
        let finality = |finalized| Event::Finality { chain: 1, safe: 5, finalized }.beyond_the_journal();
        assert_eq!(finality(most), None);
        assert_eq!(finality(most + 1).as_deref(), Some("a chain or height, 9223372036854775808,"));
        let gone = BlockRef { chain: 1, number: u64::MAX, hash: B256::ZERO };
        assert!(Event::Reverted { chain: 1, blocks: vec![gone] }.beyond_the_journal().is_some());
        assert!(Event::Reverted { chain: u64::MAX, blocks: vec![] }.beyond_the_journal().is_some());
        let ack = Act {
            by: "ana".into(),
            proof: String::new(),
            protocol: String::new(),
            incident: Some(most + 1),
            seen: None,
            signed: None,
            deed: Deed::Ack,
        };
        assert!(Event::Act { act: ack.clone() }.beyond_the_journal().is_some());
        assert_eq!(Event::Act { act: Act { incident: Some(most), ..ack } }.beyond_the_journal(), None);
        assert_eq!(Event::Tick.beyond_the_journal(), None);
    }
}
