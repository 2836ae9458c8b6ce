//! Logs.

use alloy_primitives::{Address, B256};
use alloy_sol_types::SolEvent;

use super::column::{Count, Fixed, Plain, Variable};
use super::{Batch, Host};
use crate::Key;
use crate::finding::LogReference;

#[derive(Default)]
pub(super) struct Columns {
    count: Count,
    address: Fixed<20>,
    topic_count: Plain<u8>,
    topics: [Fixed<32>; 4],
    data: Variable,
    index: Plain<u32>,
    transaction_index: Plain<u32>,
}

impl Columns {
    pub(super) fn rows(&self, host: &Host) -> usize {
        self.count.get(|| host.log_count())
    }
}

/// A log of the batch.
#[derive(Clone, Copy)]
pub struct Log<'b> {
    pub(super) batch: &'b Batch<'b>,
    pub(super) row: usize,
}

impl<'b> Log<'b> {
    fn columns(self) -> (&'b Columns, &'b Host) {
        (&self.batch.logs, self.batch.host)
    }

    /// The emitting contract.
    pub fn address(&self) -> Address {
        let (columns, host) = self.columns();
        Address::new(*columns.address.get(self.row, || host.log_addresses()))
    }

    /// How many topics it has, 0 to 4.
    pub fn topic_count(&self) -> usize {
        let (columns, host) = self.columns();
        columns.topic_count.get(self.row, || host.log_topic_counts()) as usize
    }

    /// The topic at a position; `None` where it has none there.
    pub fn topic(&self, position: usize) -> Option<B256> {
        (position < self.topic_count()).then(|| self.topic_or_zero(position))
    }

    /// The topic at a position, 0 to 3; zero where it has none there. One column less to pull than [`Log::topic`].
    pub fn topic_or_zero(&self, position: usize) -> B256 {
        let (columns, host) = self.columns();
        B256::new(*columns.topics[position].get(self.row, || host.log_topics(position as u8)))
    }

    /// An indexed address: the last 20 bytes of the topic at a position.
    pub fn topic_address(&self, position: usize) -> Address {
        Address::from_word(self.topic_or_zero(position))
    }

    /// Its topics in order.
    pub fn topics(&self) -> impl Iterator<Item = B256> + 'b {
        let log = *self;
        (0..self.topic_count()).map(move |position| log.topic_or_zero(position))
    }

    /// Its unindexed data.
    pub fn data(&self) -> &'b [u8] {
        let (columns, host) = self.columns();
        columns.data.get(self.row, || host.log_data(), || host.log_data_offsets())
    }

    /// Its position among the logs of its block.
    pub fn index(&self) -> u32 {
        let (columns, host) = self.columns();
        columns.index.get(self.row, || host.log_indexes())
    }

    /// Position of its transaction in the block.
    pub fn transaction_index(&self) -> u32 {
        let (columns, host) = self.columns();
        columns.transaction_index.get(self.row, || host.log_transaction_indexes())
    }

    /// Hash of its transaction: a call of the host, so ask for it only where there is something to tell.
    pub fn transaction_hash(&self) -> B256 {
        self.batch.transaction_hash(self.transaction_index())
    }

    /// Where it is.
    pub fn reference(&self) -> LogReference {
        LogReference { block_number: self.batch.block_number(), log_index: self.index() }
    }

    /// Whether its first topic is the signature of this event.
    pub fn is<E: SolEvent>(&self) -> bool {
        let (columns, host) = self.columns();
        Key(*columns.topics[0].get(self.row, || host.log_topics(0))) == Key(E::SIGNATURE_HASH.0)
    }

    /// The event, where this log is one: signature, number of topics and data all fit.
    pub fn decode<E: SolEvent>(&self) -> Option<E> {
        if !self.is::<E>() {
            return None;
        }
        E::decode_raw_log_validate(self.topics(), self.data()).ok()
    }
}
