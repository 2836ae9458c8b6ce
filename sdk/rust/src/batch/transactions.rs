//! Transactions.

use alloy_primitives::{Address, B256, U256};

use super::column::{Count, Fixed, Plain, Variable, number};
use super::{Batch, Host};
use crate::Key;

#[derive(Default)]
pub(super) struct Columns {
    count: Count,
    hash: Fixed<32>,
    index: Plain<u32>,
    sender: Fixed<20>,
    recipient: Fixed<20>,
    value: Fixed<32>,
    input: Variable,
    status: Plain<u8>,
}

impl Columns {
    pub(super) fn rows(&self, host: &Host) -> usize {
        self.count.get(|| host.transaction_count())
    }
}

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It took effect.
    Success,
    /// It was reverted.
    Reverted,
    /// Not known yet: it waits for a block, or its block is older than statuses.
    Unknown,
}

/// A transaction of the batch.
#[derive(Clone, Copy)]
pub struct Transaction<'b> {
    pub(super) batch: &'b Batch<'b>,
    pub(super) row: usize,
}

impl<'b> Transaction<'b> {
    fn columns(self) -> (&'b Columns, &'b Host) {
        (&self.batch.transactions, self.batch.host)
    }

    /// Its hash.
    pub fn hash(&self) -> B256 {
        let (columns, host) = self.columns();
        B256::new(*columns.hash.get(self.row, || host.transaction_hashes()))
    }

    /// Its position in the block.
    pub fn index(&self) -> u32 {
        let (columns, host) = self.columns();
        columns.index.get(self.row, || host.transaction_indexes())
    }

    /// Who signed it.
    pub fn sender(&self) -> Address {
        let (columns, host) = self.columns();
        Address::new(*columns.sender.get(self.row, || host.transaction_senders()))
    }

    /// Whom it calls; the zero address for a contract creation.
    pub fn recipient(&self) -> Address {
        let (columns, host) = self.columns();
        Address::new(*columns.recipient.get(self.row, || host.transaction_recipients()))
    }

    /// Wei sent along.
    pub fn value(&self) -> U256 {
        let (columns, host) = self.columns();
        number(columns.value.get(self.row, || host.transaction_values()))
    }

    /// Whether it sends wei along, without making a number of it.
    pub fn has_value(&self) -> bool {
        let (columns, host) = self.columns();
        Key(*columns.value.get(self.row, || host.transaction_values())) != Key([0; 32])
    }

    /// Calldata or init code.
    pub fn input(&self) -> &'b [u8] {
        let (columns, host) = self.columns();
        columns.input.get(self.row, || host.transaction_inputs(), || host.transaction_input_offsets())
    }

    /// First four bytes of the calldata.
    pub fn selector(&self) -> Option<[u8; 4]> {
        self.input().first_chunk().copied()
    }

    /// What became of it.
    pub fn status(&self) -> Status {
        let (columns, host) = self.columns();
        match columns.status.get(self.row, || host.transaction_statuses()) {
            1 => Status::Success,
            0 => Status::Reverted,
            _ => Status::Unknown,
        }
    }
}
