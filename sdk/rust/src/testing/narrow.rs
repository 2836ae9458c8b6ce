//! Which rows of a block a detector sees.

use super::Block;
use super::rows::{FrameRow, LogRow, TransactionRow};
use crate::batch::FrameKind;
use crate::{FrameFilter, LogFilter, Subscription, TransactionFilter};

fn any<T: PartialEq>(wanted: &[T], value: &T) -> bool {
    wanted.is_empty() || wanted.contains(value)
}

fn wants_log(filter: &LogFilter, log: &LogRow) -> bool {
    any(&filter.addresses, &log.address)
        && filter.topics.iter().enumerate().all(|(position, wanted)| {
            wanted.is_empty() || log.topics.get(position).is_some_and(|topic| wanted.contains(topic))
        })
}

fn wants_transaction(filter: &TransactionFilter, transaction: &TransactionRow) -> bool {
    let recipient = transaction.recipient;
    let selector = transaction.input.first_chunk::<4>();
    any(&filter.senders, &transaction.sender)
        && (filter.recipients.is_empty() || recipient.is_some_and(|recipient| filter.recipients.contains(&recipient)))
        && (filter.selectors.is_empty()
            || (recipient.is_some() && selector.is_some_and(|selector| filter.selectors.contains(selector))))
}

fn wants_frame(filter: &FrameFilter, frame: &FrameRow) -> bool {
    let selector = frame.input.first_chunk::<4>();
    any(&filter.targets, &frame.target)
        && any(&filter.kinds, &FrameKind::from_code(frame.kind))
        && (filter.selectors.is_empty() || selector.is_some_and(|selector| filter.selectors.contains(selector)))
        && (!filter.with_value || !frame.value.is_zero())
}

/// The rows that any of the subscriptions wants.
pub(super) fn narrow(block: &Block, subscriptions: &[Subscription]) -> Block {
    let mut narrowed = block.clone();
    let wants = |test: &dyn Fn(&Subscription) -> bool| subscriptions.iter().any(test);
    narrowed.logs.retain(|log| wants(&|s| matches!(s, Subscription::Logs(filter) if wants_log(filter, log))));
    narrowed.transactions.retain(|transaction| {
        wants(&|subscription| match subscription {
            Subscription::Transactions(filter) => block.trigger == "block" && wants_transaction(filter, transaction),
            Subscription::Pending(filter) => block.trigger == "pending" && wants_transaction(filter, transaction),
            _ => false,
        })
    });
    narrowed.frames.retain(|frame| wants(&|s| matches!(s, Subscription::Frames(filter) if wants_frame(filter, frame))));
    narrowed.storage.retain(|change| {
        wants(&|subscription| {
            matches!(subscription, Subscription::Storage(filter)
                if any(&filter.addresses, &change.address) && any(&filter.slots, &change.slot))
        })
    });
    narrowed.creations.retain(|_| wants(&|subscription| matches!(subscription, Subscription::Creations)));
    narrowed
        .observations
        .retain(|observation| wants(&|s| matches!(s, Subscription::Feed(name) if *name == observation.feed)));
    narrowed.findings.retain(|reported| {
        wants(&|subscription| {
            matches!(subscription, Subscription::Findings(filter)
                if any(&filter.detectors, &reported.detector) && any(&filter.kinds, &reported.finding.kind))
        })
    });
    narrowed
}
