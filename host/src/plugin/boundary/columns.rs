//! A batch as a guest pulls it: columns are copied when they are asked for, and only then.

use alloy::primitives::B256;
use wasmtime::component::Resource;

use crate::block::{Frames, Logs, StorageChanges, Transactions};
use crate::column::{Fixed, Variable};
use crate::narrow::Rows;
use crate::plugin::boundary::batch::Batch;
use crate::plugin::boundary::bindings::watchfire::detector::batches;
use crate::plugin::boundary::guest::Guest;
use crate::plugin::boundary::rows;

fn count<C>(of: Option<(&C, &Rows)>, len: impl Fn(&C) -> usize) -> u32 {
    of.map_or(0, |(all, rows)| rows.count(len(all)) as u32)
}

/// A column of fixed width, narrowed.
fn fixed<C, const N: usize>(of: Option<(&C, &Rows)>, column: impl Fn(&C) -> &Fixed<N>) -> Vec<u8> {
    match of {
        None | Some((_, Rows::None)) => Vec::new(),
        Some((all, Rows::All)) => column(all).as_bytes().to_vec(),
        Some((all, Rows::Some(rows))) => column(all).gather(rows),
    }
}

/// A column of plain values, narrowed.
fn plain<C, T: Copy>(of: Option<(&C, &Rows)>, column: impl Fn(&C) -> &[T]) -> Vec<T> {
    match of {
        None | Some((_, Rows::None)) => Vec::new(),
        Some((all, Rows::All)) => column(all).to_vec(),
        Some((all, Rows::Some(rows))) => rows.iter().map(|&row| column(all)[row as usize]).collect(),
    }
}

/// The bytes of a column of any width, narrowed.
fn bytes<C>(of: Option<(&C, &Rows)>, column: impl Fn(&C) -> &Variable) -> Vec<u8> {
    match of {
        None | Some((_, Rows::None)) => Vec::new(),
        Some((all, Rows::All)) => column(all).as_bytes().to_vec(),
        Some((all, Rows::Some(rows))) => {
            let column = column(all);
            let mut out = Vec::with_capacity(rows.iter().map(|&row| column.get(row as usize).len()).sum());
            rows.iter().for_each(|&row| out.extend_from_slice(column.get(row as usize)));
            out
        }
    }
}

/// The offsets of a column of any width, narrowed.
fn offsets<C>(of: Option<(&C, &Rows)>, column: impl Fn(&C) -> &Variable) -> Vec<u32> {
    match of {
        None | Some((_, Rows::None)) => vec![0],
        Some((all, Rows::All)) => column(all).offsets().to_vec(),
        Some((all, Rows::Some(rows))) => {
            let column = column(all);
            let mut end = 0;
            let ends = rows.iter().map(|&row| {
                end += column.get(row as usize).len() as u32;
                end
            });
            std::iter::once(0).chain(ends).collect()
        }
    }
}

/// A function of the interface that reads something of the batch.
macro_rules! pulls {
    ($($name:ident -> $result:ty = $read:expr;)*) => {
        $(fn $name(&mut self, handle: Resource<Batch>) -> wasmtime::Result<$result> {
            self.expect_time()?;
            let read: fn(&Batch) -> $result = $read;
            Ok(read(self.table.get(&handle)?))
        })*
    };
}

impl batches::HostBatch for Guest {
    pulls! {
        trigger -> String = |batch| batch.scene.trigger.to_owned();
        chain_id -> u64 = |batch| batch.scene.chain;
        block_number -> u64 = |batch| batch.scene.head.map_or(0, |head| head.block.number);
        block_hash -> Vec<u8> = |batch| batch.scene.head.map_or(B256::ZERO, |head| head.block.hash).to_vec();
        parent_hash -> Vec<u8> = |batch| batch.scene.head.map_or(B256::ZERO, |head| head.parent_hash).to_vec();
        timestamp_s -> u64 = |batch| batch.scene.head.map_or(0, |head| head.timestamp_s);
        beneficiary -> Vec<u8> = |batch| batch.beneficiary().to_vec();
        due_ticks -> Vec<u32> = |batch| batch.selection.ticks.clone();

        log_count -> u32 = |batch| count(batch.logs(), Logs::len);
        logs -> Vec<batches::LogRow> = rows::logs;
        log_addresses -> Vec<u8> = |batch| fixed(batch.logs(), |logs| &logs.address);
        log_topic_counts -> Vec<u8> = |batch| plain(batch.logs(), |logs| &logs.topic_count);
        log_data -> Vec<u8> = |batch| bytes(batch.logs(), |logs| &logs.data);
        log_data_offsets -> Vec<u32> = |batch| offsets(batch.logs(), |logs| &logs.data);
        log_indexes -> Vec<u32> = |batch| match batch.logs() {
            None => Vec::new(),
            Some((logs, rows)) => rows.iter(logs.len()).map(|row| row as u32).collect(),
        };
        log_transaction_indexes -> Vec<u32> = |batch| plain(batch.logs(), |logs| &logs.transaction_index);

        transaction_count -> u32 = |batch| count(batch.transactions(), Transactions::len);
        transactions -> Vec<batches::TransactionRow> = rows::transactions;
        transaction_hashes -> Vec<u8> = |batch| fixed(batch.transactions(), |all| &all.hash);
        transaction_indexes -> Vec<u32> = |batch| match batch.transactions() {
            None => Vec::new(),
            Some((all, rows)) => rows.iter(all.len()).map(|row| row as u32).collect(),
        };
        transaction_senders -> Vec<u8> = |batch| match batch.transactions() {
            None | Some((_, Rows::None)) => Vec::new(),
            Some((all, Rows::All)) => all.sender.to_bytes(),
            Some((all, Rows::Some(rows))) => all.sender.gather(rows),
        };
        transaction_recipients -> Vec<u8> = |batch| fixed(batch.transactions(), |all| &all.recipient);
        transaction_values -> Vec<u8> = |batch| fixed(batch.transactions(), |all| &all.value);
        transaction_inputs -> Vec<u8> = |batch| bytes(batch.transactions(), |all| &all.input);
        transaction_input_offsets -> Vec<u32> = |batch| offsets(batch.transactions(), |all| &all.input);
        transaction_statuses -> Vec<u8> = |batch| plain(batch.transactions(), |all| &all.status);

        frame_count -> u32 = |batch| count(batch.frames(), Frames::len);
        frames -> Vec<batches::FrameRow> = rows::frames;
        frame_transaction_indexes -> Vec<u32> = |batch| plain(batch.frames(), |all| &all.transaction_index);
        frame_depths -> Vec<u32> = |batch| plain(batch.frames(), |all| &all.depth);
        frame_kinds -> Vec<u8> = |batch| plain(batch.frames(), |all| &all.kind);
        frame_senders -> Vec<u8> = |batch| fixed(batch.frames(), |all| &all.sender);
        frame_targets -> Vec<u8> = |batch| fixed(batch.frames(), |all| &all.target);
        frame_values -> Vec<u8> = |batch| fixed(batch.frames(), |all| &all.value);
        frame_inputs -> Vec<u8> = |batch| bytes(batch.frames(), |all| &all.input);
        frame_input_offsets -> Vec<u32> = |batch| offsets(batch.frames(), |all| &all.input);
        frame_outputs -> Vec<u8> = |batch| bytes(batch.frames(), |all| &all.output);
        frame_output_offsets -> Vec<u32> = |batch| offsets(batch.frames(), |all| &all.output);
        frame_statuses -> Vec<u8> = |batch| plain(batch.frames(), |all| &all.status);

        storage_count -> u32 = |batch| count(batch.storage(), StorageChanges::len);
        storage_changes -> Vec<batches::StorageRow> = rows::storage;
        storage_transaction_indexes -> Vec<u32> = |batch| plain(batch.storage(), |all| &all.transaction_index);
        storage_addresses -> Vec<u8> = |batch| fixed(batch.storage(), |all| &all.address);
        storage_slots -> Vec<u8> = |batch| fixed(batch.storage(), |all| &all.slot);
        storage_before -> Vec<u8> = |batch| fixed(batch.storage(), |all| &all.before);
        storage_after -> Vec<u8> = |batch| fixed(batch.storage(), |all| &all.after);

        creations -> Vec<batches::CreationRow> = rows::creations;
        observations -> Vec<batches::ObservationRow> = rows::observations;
        findings -> Vec<batches::FindingRow> = rows::findings;
    }

    fn log_topics(&mut self, handle: Resource<Batch>, position: u8) -> wasmtime::Result<Vec<u8>> {
        self.expect_time()?;
        let batch = self.table.get(&handle)?;
        match position {
            0..=3 => Ok(fixed(batch.logs(), |logs| &logs.topics[usize::from(position)])),
            _ => Ok(Vec::new()),
        }
    }

    fn transaction_hash(&mut self, handle: Resource<Batch>, transaction_index: u32) -> wasmtime::Result<Vec<u8>> {
        self.expect_time()?;
        Ok(self.table.get(&handle)?.hash_at(transaction_index as usize))
    }

    fn drop(&mut self, handle: Resource<Batch>) -> wasmtime::Result<()> {
        // Only a guest that owns its batches gets here.
        self.table.delete(handle)?;
        Ok(())
    }
}
