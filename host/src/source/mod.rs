//! Sources: where blocks and observations come from. Each sends [`Delivery`]s; `stream` puts them in order.

pub mod evm;
pub mod feed;
pub mod parquet;
pub mod raw;
pub mod recording;

use tokio::sync::oneshot;

pub(crate) use evm::rest::rest;

use crate::event::Event;
use raw::RawBlock;

/// What a source hands over.
#[derive(Debug)]
pub struct Delivery {
    /// The event.
    pub event: Event,
    /// The block as the node gave it, kept if a recording is being made.
    pub raw: Option<Box<RawBlock>>,
    /// When it happened, milliseconds since the Unix epoch; `None` for live sources, whose events are stamped as
    /// they are taken in.
    pub at_ms: Option<u64>,
    /// Notified once the event is durable, if somebody waits for that.
    pub done: Option<oneshot::Sender<()>>,
}

impl Delivery {
    /// Makes a delivery of an event that happens now.
    pub fn now(event: Event) -> Self {
        Self { event, raw: None, at_ms: None, done: None }
    }

    /// Makes a delivery of an event of the past.
    pub fn then(event: Event, at_ms: u64) -> Self {
        Self { event, raw: None, at_ms: Some(at_ms), done: None }
    }
}
