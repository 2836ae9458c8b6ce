//! Sources: where blocks and observations come from. Each sends [`Delivery`]s; `stream` puts them in order.

pub mod evm;
pub mod feed;
pub mod parquet;
pub mod raw;
pub mod recording;

use crate::event::Event;
use raw::RawBlock;

/// What a source hands over.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The event.
    pub event: Event,
    /// The block as the node gave it, kept where a recording is being made.
    pub raw: Option<Box<RawBlock>>,
    /// When it happened, milliseconds since the Unix epoch; `None` for live sources, which `stream` stamps.
    pub at_ms: Option<u64>,
}
