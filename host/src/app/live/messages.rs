//! What the main loop is asked to do: one enum, whose messages the loop takes one after another.

use tokio::sync::oneshot;

use crate::app::deploy::change::Change;
use crate::app::engine::resume::ChainResume;
use crate::app::engine::status::{DetectorStatus, Metrics};
use crate::app::live::deliveries::Attempt;
use crate::block::{BlockRef, ChainId};
use crate::chain_read::ChainRead;
use crate::deliver::answer::Answer;
use crate::entry::Entry;
use crate::event::{Event, Observation};
use crate::operator::Act;
use crate::source::Delivery;

/// What may happen next. A `reply` is answered once the message was carried out; nobody need wait for it.
pub enum Message {
    /// Takes in what a source delivers.
    Input(Delivery),
    /// Changes what runs.
    Change(Change),
    /// Shows a detector, in order, the inputs that were set aside for it.
    Retry {
        /// Its id in the config.
        detector: String,
        /// How many inputs these are.
        reply: oneshot::Sender<usize>,
    },
    /// Drops the inputs that were set aside for a detector, by somebody's decision.
    Waive {
        /// Its id in the config.
        detector: String,
        /// Who decided so, in their own words.
        by: String,
        /// How many inputs these were.
        reply: oneshot::Sender<usize>,
    },
    /// Asks how the detectors do.
    Status(oneshot::Sender<Vec<DetectorStatus>>),
    /// Asks for the figures of a scrape.
    Metrics(oneshot::Sender<Metrics>),
    /// Asks where the journal ends for a chain, for its source to go on from.
    Resume {
        /// EIP-155 id of the chain.
        chain: ChainId,
        /// What the journal has of it.
        reply: oneshot::Sender<ChainResume>,
    },
    /// Asks for the latest observations of a feed, for its source to go on from.
    LastSeen {
        /// The feed's name in the config.
        feed: String,
        /// The observations, oldest first.
        reply: oneshot::Sender<Vec<Observation>>,
    },
    /// An attempt to deliver an effect is over.
    Attempted(Attempt),
    /// Somebody answered by a channel.
    Answer {
        /// The channel's name in the config, or `link`.
        channel: String,
        /// Who, about which incident.
        answer: Answer,
        /// What came of it, in a line; an error if it was not taken.
        reply: oneshot::Sender<Result<String, String>>,
    },
    /// A person does something about an incident.
    Act {
        /// Who, and what.
        act: Act,
        /// The entries that followed from it.
        reply: oneshot::Sender<Vec<Entry>>,
    },
    /// Asks what a contract is to be asked before an act that it signed is taken; `None` if no contract signed.
    WhatToAsk {
        /// Who, and what.
        act: Act,
        /// The read, and the block after which it is made.
        reply: oneshot::Sender<Option<(BlockRef, ChainRead)>>,
    },
    /// A detector has come back from an input that it was late on.
    CameBack,
    /// Finishes what is here and ends: the sources are done.
    Stop,
}

impl Message {
    /// Names the message, for whoever wonders what the loop is at.
    pub fn in_words(&self) -> String {
        match self {
            Self::Input(delivery) => match &delivery.event {
                Event::Committed { block } => format!("block {} of chain {}", block.number, block.chain),
                Event::Reverted { chain, blocks } => format!("a reorg of {} blocks of chain {chain}", blocks.len()),
                event => format!("an input of type `{}`", event.name()),
            },
            Self::Change(_) => "a change of what runs".to_owned(),
            Self::Retry { detector, .. } => format!("inputs for {detector} to see again"),
            Self::Waive { detector, .. } => format!("a waiver of {detector}'s inputs"),
            Self::Status(_) | Self::Metrics(_) => "its own figures".to_owned(),
            Self::Resume { chain, .. } => format!("the journal's blocks of chain {chain}, for its source to start"),
            Self::LastSeen { feed, .. } => format!("the journal's observations of feed {feed}, for it to start"),
            Self::Attempted(attempt) => format!("a delivery to {}", attempt.channel),
            Self::Answer { channel, .. } => format!("an answer by {channel}"),
            Self::Act { .. } | Self::WhatToAsk { .. } => "an act of a person".to_owned(),
            Self::CameBack => "a detector that was late".to_owned(),
            Self::Stop => "its end".to_owned(),
        }
    }
}

impl From<Change> for Message {
    fn from(change: Change) -> Self {
        Self::Change(change)
    }
}
