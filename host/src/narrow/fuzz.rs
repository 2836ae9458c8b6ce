//! Blocks made of any bytes, as narrowing and detectors read them.

use super::{BlockIndex, Matcher, Router};
use crate::block::Block;
use crate::subscription::{FrameFilter, LogFilter, StorageFilter, Subscription, TransactionFilter};

/// Reads every row of a block, as narrowing and detectors do.
pub(crate) fn look_at(block: &Block) {
    assert!(block.has_equal_columns(), "columns of one table have one length");
    let subscriptions = [
        Subscription::Logs(LogFilter { topics: vec![Vec::new(), vec![[1; 32].into()]], ..LogFilter::default() }),
        Subscription::Logs(LogFilter::default()),
        Subscription::Transactions(TransactionFilter { selectors: vec![[1; 4]], ..TransactionFilter::default() }),
        Subscription::Frames(FrameFilter { selectors: vec![[1; 4]], with_value: true, ..FrameFilter::default() }),
        Subscription::Storage(StorageFilter { slots: vec![[1; 32].into()], ..StorageFilter::default() }),
        Subscription::Creations,
        Subscription::EverySeconds(60),
    ];
    let matcher = Matcher::new(&subscriptions);
    let index = BlockIndex::new(block, Some(0));
    let alone = matcher.select(&index);
    let routed = Router::new([(0, &matcher)]).select(&index).pop().map(|(_, selection)| selection).unwrap_or_default();
    assert_eq!(alone, routed, "a router selects what a matcher does");
    for row in 0..block.logs.len() {
        std::hint::black_box(block.logs.data.get(row));
    }
    for row in 0..block.transactions.len() {
        std::hint::black_box(block.transactions.input.get(row));
    }
    if let Some(frames) = &block.frames {
        for row in 0..frames.len() {
            std::hint::black_box(frames.output.get(row));
        }
    }
}
