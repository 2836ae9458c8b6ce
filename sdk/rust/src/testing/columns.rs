//! A stand-in block as columns: the same functions as the host's batch has.

use alloy_primitives::Address;

use super::Block;
use super::rows::{CreationRow, FindingRow, ObservationRow};

fn flat<'a, R: 'a, B: AsRef<[u8]> + 'a>(rows: &'a [R], column: impl Fn(&'a R) -> B) -> Vec<u8> {
    rows.iter().flat_map(|row| column(row).as_ref().to_vec()).collect()
}

fn plain<R, T>(rows: &[R], column: impl Fn(&R) -> T) -> Vec<T> {
    rows.iter().map(column).collect()
}

fn offsets<R>(rows: &[R], size: impl Fn(&R) -> usize) -> Vec<u32> {
    let mut end = 0;
    let mut offsets = vec![0];
    for row in rows {
        end += size(row) as u32;
        offsets.push(end);
    }
    offsets
}

impl Block {
    pub(crate) fn trigger(&self) -> String {
        self.trigger.clone()
    }
    pub(crate) fn chain_id(&self) -> u64 {
        self.chain_id
    }
    pub(crate) fn block_number(&self) -> u64 {
        self.number
    }
    pub(crate) fn block_hash(&self) -> Vec<u8> {
        self.hash.to_vec()
    }
    pub(crate) fn parent_hash(&self) -> Vec<u8> {
        self.parent_hash.to_vec()
    }
    pub(crate) fn timestamp_s(&self) -> u64 {
        self.timestamp_s
    }
    pub(crate) fn beneficiary(&self) -> Vec<u8> {
        self.beneficiary.to_vec()
    }
    pub(crate) fn due_ticks(&self) -> Vec<u32> {
        self.due_ticks.clone()
    }
    pub(crate) fn transaction_hash(&self, transaction_index: u32) -> Vec<u8> {
        self.transaction_hashes.get(transaction_index as usize).map(|hash| hash.to_vec()).unwrap_or_default()
    }

    pub(crate) fn log_count(&self) -> u32 {
        self.logs.len() as u32
    }
    pub(crate) fn log_addresses(&self) -> Vec<u8> {
        flat(&self.logs, |log| log.address)
    }
    pub(crate) fn log_topic_counts(&self) -> Vec<u8> {
        plain(&self.logs, |log| log.topics.len() as u8)
    }
    pub(crate) fn log_topics(&self, position: u8) -> Vec<u8> {
        flat(&self.logs, |log| log.topics.get(position as usize).copied().unwrap_or_default())
    }
    pub(crate) fn log_data(&self) -> Vec<u8> {
        flat(&self.logs, |log| &log.data)
    }
    pub(crate) fn log_data_offsets(&self) -> Vec<u32> {
        offsets(&self.logs, |log| log.data.len())
    }
    pub(crate) fn log_indexes(&self) -> Vec<u32> {
        plain(&self.logs, |log| log.index)
    }
    pub(crate) fn log_transaction_indexes(&self) -> Vec<u32> {
        plain(&self.logs, |log| log.transaction_index)
    }

    pub(crate) fn transaction_count(&self) -> u32 {
        self.transactions.len() as u32
    }
    pub(crate) fn transaction_hashes(&self) -> Vec<u8> {
        flat(&self.transactions, |transaction| transaction.hash)
    }
    pub(crate) fn transaction_indexes(&self) -> Vec<u32> {
        plain(&self.transactions, |transaction| transaction.index)
    }
    pub(crate) fn transaction_senders(&self) -> Vec<u8> {
        flat(&self.transactions, |transaction| transaction.sender)
    }
    pub(crate) fn transaction_recipients(&self) -> Vec<u8> {
        flat(&self.transactions, |transaction| transaction.recipient.unwrap_or(Address::ZERO))
    }
    pub(crate) fn transaction_values(&self) -> Vec<u8> {
        flat(&self.transactions, |transaction| transaction.value.to_be_bytes::<32>())
    }
    pub(crate) fn transaction_inputs(&self) -> Vec<u8> {
        flat(&self.transactions, |transaction| &transaction.input)
    }
    pub(crate) fn transaction_input_offsets(&self) -> Vec<u32> {
        offsets(&self.transactions, |transaction| transaction.input.len())
    }
    pub(crate) fn transaction_statuses(&self) -> Vec<u8> {
        plain(&self.transactions, |transaction| transaction.status)
    }

    pub(crate) fn frame_count(&self) -> u32 {
        self.frames.len() as u32
    }
    pub(crate) fn frame_transaction_indexes(&self) -> Vec<u32> {
        plain(&self.frames, |frame| frame.transaction_index)
    }
    pub(crate) fn frame_depths(&self) -> Vec<u32> {
        plain(&self.frames, |frame| frame.depth)
    }
    pub(crate) fn frame_kinds(&self) -> Vec<u8> {
        plain(&self.frames, |frame| frame.kind)
    }
    pub(crate) fn frame_senders(&self) -> Vec<u8> {
        flat(&self.frames, |frame| frame.sender)
    }
    pub(crate) fn frame_targets(&self) -> Vec<u8> {
        flat(&self.frames, |frame| frame.target)
    }
    pub(crate) fn frame_values(&self) -> Vec<u8> {
        flat(&self.frames, |frame| frame.value.to_be_bytes::<32>())
    }
    pub(crate) fn frame_inputs(&self) -> Vec<u8> {
        flat(&self.frames, |frame| &frame.input)
    }
    pub(crate) fn frame_input_offsets(&self) -> Vec<u32> {
        offsets(&self.frames, |frame| frame.input.len())
    }
    pub(crate) fn frame_outputs(&self) -> Vec<u8> {
        flat(&self.frames, |frame| &frame.output)
    }
    pub(crate) fn frame_output_offsets(&self) -> Vec<u32> {
        offsets(&self.frames, |frame| frame.output.len())
    }
    pub(crate) fn frame_statuses(&self) -> Vec<u8> {
        plain(&self.frames, |frame| u8::from(frame.success))
    }

    pub(crate) fn storage_count(&self) -> u32 {
        self.storage.len() as u32
    }
    pub(crate) fn storage_transaction_indexes(&self) -> Vec<u32> {
        plain(&self.storage, |change| change.transaction_index)
    }
    pub(crate) fn storage_addresses(&self) -> Vec<u8> {
        flat(&self.storage, |change| change.address)
    }
    pub(crate) fn storage_slots(&self) -> Vec<u8> {
        flat(&self.storage, |change| change.slot)
    }
    pub(crate) fn storage_before(&self) -> Vec<u8> {
        flat(&self.storage, |change| change.before)
    }
    pub(crate) fn storage_after(&self) -> Vec<u8> {
        flat(&self.storage, |change| change.after)
    }

    pub(crate) fn creations(&self) -> Vec<CreationRow> {
        self.creations.clone()
    }
    pub(crate) fn observations(&self) -> Vec<ObservationRow> {
        self.observations.clone()
    }
    pub(crate) fn findings(&self) -> Vec<FindingRow> {
        self.findings.clone()
    }
}
