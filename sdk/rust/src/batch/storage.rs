//! Changes of storage slots.

use alloy_primitives::{Address, B256};

use super::column::{Count, Fixed, Plain};
use super::{Batch, Host};

#[derive(Default)]
pub(super) struct Columns {
    count: Count,
    transaction_index: Plain<u32>,
    address: Fixed<20>,
    slot: Fixed<32>,
    before: Fixed<32>,
    after: Fixed<32>,
}

impl Columns {
    pub(super) fn rows(&self, host: &Host) -> usize {
        self.count.get(|| host.storage_count())
    }
}

/// A storage slot that a transaction changed.
#[derive(Clone, Copy)]
pub struct StorageChange<'b> {
    pub(super) batch: &'b Batch<'b>,
    pub(super) row: usize,
}

impl<'b> StorageChange<'b> {
    fn columns(self) -> (&'b Columns, &'b Host) {
        (&self.batch.storage, self.batch.host)
    }

    /// Position of the transaction in the block.
    pub fn transaction_index(&self) -> u32 {
        let (columns, host) = self.columns();
        columns.transaction_index.get(self.row, || host.storage_transaction_indexes())
    }

    /// Hash of the transaction: a call of the host, so ask for it only where there is something to tell.
    pub fn transaction_hash(&self) -> B256 {
        self.batch.transaction_hash(self.transaction_index())
    }

    /// The contract.
    pub fn address(&self) -> Address {
        let (columns, host) = self.columns();
        Address::new(*columns.address.get(self.row, || host.storage_addresses()))
    }

    /// The slot.
    pub fn slot(&self) -> B256 {
        let (columns, host) = self.columns();
        B256::new(*columns.slot.get(self.row, || host.storage_slots()))
    }

    /// What it held before the transaction.
    pub fn before(&self) -> B256 {
        let (columns, host) = self.columns();
        B256::new(*columns.before.get(self.row, || host.storage_before()))
    }

    /// What it holds after the transaction.
    pub fn after(&self) -> B256 {
        let (columns, host) = self.columns();
        B256::new(*columns.after.get(self.row, || host.storage_after()))
    }
}
