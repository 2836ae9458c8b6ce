//! Whether a row is what a filter asks for, word by word. The lists of a filter are sorted.

use crate::block::{Frames, Logs, StorageChanges, Transactions, frame_kind};
use crate::subscription::{FrameFilter, LogFilter, StorageFilter, TransactionFilter};

/// Whether a sorted list has a value, or is empty and so matches anything.
pub(super) fn any<T: AsRef<[u8]>>(wanted: &[T], value: &[u8]) -> bool {
    match wanted {
        [] => true,
        [only] => only.as_ref() == value,
        _ => wanted.binary_search_by(|wanted| wanted.as_ref().cmp(value)).is_ok(),
    }
}

fn selector(wanted: &[[u8; 4]], is_call: bool, input: &[u8]) -> bool {
    wanted.is_empty() || (is_call && input.first_chunk::<4>().is_some_and(|selector| any(wanted, selector)))
}

pub(super) fn log(filter: &LogFilter, all: &Logs, row: usize) -> bool {
    let topic = |(position, wanted): (usize, &Vec<_>)| {
        // A column holds a zero where a log has no topic, which is no topic of its own.
        wanted.is_empty()
            || (position < usize::from(all.topic_count[row]) && any(wanted, all.topics[position].get(row)))
    };
    filter.topics.iter().enumerate().all(topic) && any(&filter.addresses, all.address.get(row))
}

pub(super) fn transaction(filter: &TransactionFilter, all: &Transactions, row: usize) -> bool {
    let is_call = all.is_creation[row] == 0;
    (filter.recipients.is_empty() || (is_call && any(&filter.recipients, all.recipient.get(row))))
        && selector(&filter.selectors, is_call, all.input.get(row))
        // Last: to know a sender may take a while.
        && (filter.senders.is_empty() || any(&filter.senders, &all.sender.get(row)))
}

pub(super) fn frame(filter: &FrameFilter, all: &Frames, row: usize) -> bool {
    // What creates a contract has init code for its input, and no selector.
    let is_call = all.kind[row] < frame_kind::CREATE;
    any(&filter.targets, all.target.get(row))
        && selector(&filter.selectors, is_call, all.input.get(row))
        && (filter.kinds.is_empty() || filter.kinds.contains(&all.kind[row]))
        && (!filter.with_value || *all.value.get(row) != [0; 32])
}

pub(super) fn storage(filter: &StorageFilter, all: &StorageChanges, row: usize) -> bool {
    any(&filter.addresses, all.address.get(row)) && any(&filter.slots, all.slot.get(row))
}
