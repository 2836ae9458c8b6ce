//! A detector's subscriptions, made ready to be matched against block after block.

use std::sync::Arc;

use super::{BlockIndex, Rows, Selection, fits};
use crate::block::Transactions;
use crate::subscription::{FindingFilter, FrameFilter, LogFilter, StorageFilter, Subscription, TransactionFilter};

/// Subscriptions by what they select from.
#[derive(Clone, Debug, Default)]
pub struct Matcher {
    pub(super) logs: Vec<Arc<LogFilter>>,
    pub(super) transactions: Vec<Arc<TransactionFilter>>,
    pub(super) frames: Vec<Arc<FrameFilter>>,
    pub(super) storage: Vec<Arc<StorageFilter>>,
    pub(super) pending: Vec<Arc<TransactionFilter>>,
    findings: Vec<FindingFilter>,
    feeds: Vec<String>,
    pub(super) creations: bool,
    /// Position among the subscriptions, and the span.
    pub(super) every_blocks: Vec<(u32, u64)>,
    pub(super) every_seconds: Vec<(u32, u64)>,
}

/// Sorted and each once, so that it can be searched, and so that filters of one meaning are one.
fn sort<T: Ord>(list: &mut Vec<T>) {
    list.sort_unstable();
    list.dedup();
}

impl Matcher {
    /// Makes subscriptions ready.
    pub fn new(subscriptions: &[Subscription]) -> Self {
        let mut matcher = Self::default();
        for (position, subscription) in subscriptions.iter().enumerate() {
            let position = position as u32;
            match subscription.clone() {
                Subscription::Logs(mut filter) => {
                    filter.topics.iter_mut().for_each(sort);
                    sort(&mut filter.addresses);
                    matcher.logs.push(filter.into());
                }
                Subscription::Transactions(filter) => matcher.transactions.push(transactions(filter)),
                Subscription::Pending(filter) => matcher.pending.push(transactions(filter)),
                Subscription::Frames(mut filter) => {
                    sort(&mut filter.targets);
                    sort(&mut filter.selectors);
                    sort(&mut filter.kinds);
                    matcher.frames.push(filter.into());
                }
                Subscription::Storage(mut filter) => {
                    sort(&mut filter.addresses);
                    sort(&mut filter.slots);
                    matcher.storage.push(filter.into());
                }
                Subscription::Findings(filter) => matcher.findings.push(filter),
                Subscription::Feed(name) => matcher.feeds.push(name),
                Subscription::Creations => matcher.creations = true,
                Subscription::EveryBlocks(span) => matcher.every_blocks.push((position, span)),
                Subscription::EverySeconds(span) => matcher.every_seconds.push((position, span)),
            }
        }
        matcher
    }

    /// What of a block is selected, row by row: for one detector by itself. A [`super::Router`] gives the same for
    /// many at once.
    pub fn select(&self, index: &BlockIndex<'_>) -> Selection {
        let block = index.block;
        Selection {
            logs: filtered(&self.logs, block.logs.len(), |filter, row| fits::log(filter, &block.logs, row)),
            transactions: filtered(&self.transactions, block.transactions.len(), |filter, row| {
                fits::transaction(filter, &block.transactions, row)
            }),
            frames: block.frames.as_ref().map_or(Rows::None, |all| {
                filtered(&self.frames, all.len(), |filter, row| fits::frame(filter, all, row))
            }),
            storage: block.storage.as_ref().map_or(Rows::None, |all| {
                filtered(&self.storage, all.len(), |filter, row| fits::storage(filter, all, row))
            }),
            creations: self.creations && index.has_creations(),
            ticks: self.ticks(index),
        }
    }

    /// Which pending transactions are selected.
    pub fn select_pending(&self, all: &Transactions) -> Rows {
        filtered(&self.pending, all.len(), |filter, row| fits::transaction(filter, all, row))
    }

    /// Whether observations of a feed are wanted.
    pub fn wants_feed(&self, feed: &str) -> bool {
        self.feeds.iter().any(|name| name == feed)
    }

    /// Whether a finding of another detector is wanted.
    pub fn wants_finding(&self, detector: &str, kind: &str) -> bool {
        let fits = |names: &[String], name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
        self.findings.iter().any(|filter| fits(&filter.detectors, detector) && fits(&filter.kinds, kind))
    }

    /// Whether findings of a detector may be wanted, whatever their kind.
    pub fn listens_to(&self, detector: &str) -> bool {
        self.names(detector) || self.findings.iter().any(|filter| filter.detectors.is_empty())
    }

    /// Whether findings of a detector are wanted by its name.
    pub fn names(&self, detector: &str) -> bool {
        self.findings.iter().any(|filter| filter.detectors.iter().any(|name| name == detector))
    }

    /// Whether it wants findings of any detector, by name or all.
    pub fn is_combiner(&self) -> bool {
        !self.findings.is_empty()
    }

    fn ticks(&self, index: &BlockIndex<'_>) -> Vec<u32> {
        let blocks = self.every_blocks.iter().filter(|(_, span)| is_due_by_number(*span, index));
        let seconds = self.every_seconds.iter().filter(|(_, span)| is_due_by_time(*span, index));
        let mut due: Vec<u32> = blocks.chain(seconds).map(|(position, _)| *position).collect();
        due.sort_unstable();
        due
    }
}

pub(super) fn is_due_by_number(span: u64, index: &BlockIndex<'_>) -> bool {
    index.block.number.is_multiple_of(span)
}

/// Whether it is the first block in its span of chain time.
pub(super) fn is_due_by_time(span_s: u64, index: &BlockIndex<'_>) -> bool {
    index.previous_timestamp_s.is_none_or(|previous_s| previous_s / span_s != index.block.timestamp_s / span_s)
}

fn transactions(mut filter: TransactionFilter) -> Arc<TransactionFilter> {
    sort(&mut filter.recipients);
    sort(&mut filter.selectors);
    sort(&mut filter.senders);
    filter.into()
}

/// Rows, of `all`, that any of the filters lets through.
fn filtered<F>(filters: &[Arc<F>], all: usize, fits: impl Fn(&F, usize) -> bool) -> Rows {
    if filters.is_empty() {
        return Rows::None;
    }
    let let_through = |row: &u32| filters.iter().any(|filter| fits(filter, *row as usize));
    Rows::of((0..all as u32).filter(let_through).collect(), all)
}
