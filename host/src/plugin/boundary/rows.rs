//! The other shape of a batch: plain records, for authors who have nothing but generated bindings.

use crate::block::{Transactions, frame_kind};
use crate::finding::{Claim, Severity};
use crate::plugin::boundary::batch::{Batch, Heard};
use crate::plugin::boundary::bindings::watchfire::detector::{batches, types};

pub(super) fn logs(batch: &Batch) -> Vec<batches::LogRow> {
    let Some((all, rows)) = batch.logs() else { return Vec::new() };
    rows.iter(all.len())
        .map(|row| batches::LogRow {
            address: all.address.get(row).to_vec(),
            topics: (0..usize::from(all.topic_count[row]).min(4)).map(|at| all.topics[at].get(row).to_vec()).collect(),
            data: all.data.get(row).to_vec(),
            log_index: row as u32,
            transaction_index: all.transaction_index[row],
            transaction_hash: batch.hash_at(all.transaction_index[row] as usize),
        })
        .collect()
}

pub(super) fn transactions(batch: &Batch) -> Vec<batches::TransactionRow> {
    let Some((all, rows)) = batch.transactions() else { return Vec::new() };
    all.sender.recover(rows.iter(all.len()));
    rows.iter(all.len()).map(|row| transaction(all, row)).collect()
}

fn transaction(all: &Transactions, row: usize) -> batches::TransactionRow {
    let is_creation = all.is_creation[row] == 1;
    batches::TransactionRow {
        hash: all.hash.get(row).to_vec(),
        transaction_index: row as u32,
        sender: all.sender.get(row).to_vec(),
        recipient: if is_creation { Vec::new() } else { all.recipient.get(row).to_vec() },
        value: all.value.get(row).to_vec(),
        input: all.input.get(row).to_vec(),
        nonce: all.nonce[row],
        gas_used: all.gas_used[row],
        success: all.status[row] == 1,
    }
}

pub(super) fn frames(batch: &Batch) -> Vec<batches::FrameRow> {
    let Some((all, rows)) = batch.frames() else { return Vec::new() };
    rows.iter(all.len())
        .map(|row| {
            let kind = all.kind[row];
            let made = matches!(kind, frame_kind::CREATE | frame_kind::CREATE2);
            let target = all.target.get(row);
            batches::FrameRow {
                transaction_index: all.transaction_index[row],
                transaction_hash: batch.hash_at(all.transaction_index[row] as usize),
                depth: all.depth[row],
                kind: frame_kind::NAMES.get(usize::from(kind)).copied().unwrap_or_default().to_owned(),
                sender: all.sender.get(row).to_vec(),
                target: if made && *target == [0; 20] { Vec::new() } else { target.to_vec() },
                value: all.value.get(row).to_vec(),
                input: all.input.get(row).to_vec(),
                output: all.output.get(row).to_vec(),
                gas_used: all.gas_used[row],
                success: all.status[row] == 1,
            }
        })
        .collect()
}

pub(super) fn storage(batch: &Batch) -> Vec<batches::StorageRow> {
    let Some((all, rows)) = batch.storage() else { return Vec::new() };
    rows.iter(all.len())
        .map(|row| batches::StorageRow {
            transaction_index: all.transaction_index[row],
            address: all.address.get(row).to_vec(),
            slot: all.slot.get(row).to_vec(),
            before: all.before.get(row).to_vec(),
            after: all.after.get(row).to_vec(),
        })
        .collect()
}

/// Contracts made by transactions and, where the block has traces, by contracts.
pub(super) fn creations(batch: &Batch) -> Vec<batches::CreationRow> {
    let (true, Some(block)) = (batch.selection.creations, batch.scene.block.as_deref()) else { return Vec::new() };
    let all = &block.transactions;
    let row = |transaction: u32, creator: &[u8; 20], address: &[u8; 20]| batches::CreationRow {
        transaction_index: transaction,
        creator: creator.to_vec(),
        address: address.to_vec(),
    };
    match &block.frames {
        Some(frames) => (0..frames.len())
            .filter(|&at| matches!(frames.kind[at], frame_kind::CREATE | frame_kind::CREATE2) && frames.status[at] == 1)
            .map(|at| row(frames.transaction_index[at], frames.sender.get(at), frames.target.get(at)))
            .collect(),
        None => (0..all.len())
            .filter(|&at| all.is_creation[at] == 1 && all.status[at] == 1)
            .map(|at| row(at as u32, &all.sender.get(at), all.created.get(at)))
            .collect(),
    }
}

pub(super) fn observations(batch: &Batch) -> Vec<batches::ObservationRow> {
    let row = |observation: &crate::event::Observation| batches::ObservationRow {
        feed: observation.feed.clone(),
        observed_at_ms: observation.observed_at_ms,
        received_at_ms: observation.received_at_ms,
        kind: observation.value.kind().to_owned(),
        value: observation.value.text(),
    };
    batch.scene.observation.iter().map(row).collect()
}

pub(super) fn findings(batch: &Batch) -> Vec<batches::FindingRow> {
    let row = |heard: &Heard| batches::FindingRow {
        detector: heard.detector.clone(),
        id: heard.id.to_string(),
        finding: finding(&heard.claim),
    };
    batch.findings.iter().map(row).collect()
}

fn finding(claim: &Claim) -> types::Finding {
    types::Finding {
        kind: claim.kind.clone(),
        severity: match claim.severity {
            Severity::Info => types::Severity::Info,
            Severity::Low => types::Severity::Low,
            Severity::Medium => types::Severity::Medium,
            Severity::High => types::Severity::High,
            Severity::Critical => types::Severity::Critical,
        },
        confidence_percent: claim.confidence_percent,
        title: claim.title.clone(),
        description: claim.description.clone(),
        subject: types::Subject { kind: claim.subject.kind.clone(), id: claim.subject.id.clone() },
        transactions: claim.transactions.iter().map(|hash| hash.to_vec()).collect(),
        logs: claim
            .logs
            .iter()
            .map(|log| types::LogReference { block_number: log.block_number, log_index: log.log_index })
            .collect(),
        amounts: claim
            .amounts
            .iter()
            .map(|amount| types::Amount { asset: amount.asset.clone(), value: amount.value.clone() })
            .collect(),
        attributes: claim.attributes.clone(),
        condition_key: claim.condition_key.clone(),
    }
}
