//! A detector's subscriptions, made ready to be matched against block after block.

use crate::block::{Frames, Logs, StorageChanges, Transactions, frame_kind};
use crate::narrow::{BlockIndex, Rows, Selection};
use crate::subscription::{FindingFilter, FrameFilter, LogFilter, StorageFilter, Subscription, TransactionFilter};

/// From how many addresses on it pays to start from the topic instead.
const MANY_ADDRESSES: usize = 16;

/// Subscriptions by what they select from.
#[derive(Clone, Debug, Default)]
pub struct Matcher {
    logs: Vec<LogFilter>,
    transactions: Vec<TransactionFilter>,
    frames: Vec<FrameFilter>,
    storage: Vec<StorageFilter>,
    pending: Vec<TransactionFilter>,
    findings: Vec<FindingFilter>,
    feeds: Vec<String>,
    creations: bool,
    /// Position among the subscriptions, and the span.
    every_blocks: Vec<(u32, u64)>,
    every_seconds: Vec<(u32, u64)>,
}

impl Matcher {
    /// Makes subscriptions ready.
    pub fn new(subscriptions: &[Subscription]) -> Self {
        let mut matcher = Self::default();
        for (position, subscription) in subscriptions.iter().enumerate() {
            let position = position as u32;
            match subscription.clone() {
                Subscription::Logs(mut filter) => {
                    // Sorted, so that a long list of alternatives is searched rather than walked.
                    filter.topics.iter_mut().for_each(|topics| topics.sort_unstable());
                    filter.addresses.sort_unstable();
                    matcher.logs.push(filter);
                }
                Subscription::Transactions(filter) => matcher.transactions.push(filter),
                Subscription::Frames(filter) => matcher.frames.push(filter),
                Subscription::Storage(filter) => matcher.storage.push(filter),
                Subscription::Pending(filter) => matcher.pending.push(filter),
                Subscription::Findings(filter) => matcher.findings.push(filter),
                Subscription::Feed(name) => matcher.feeds.push(name),
                Subscription::Creations => matcher.creations = true,
                Subscription::EveryBlocks(span) => matcher.every_blocks.push((position, span)),
                Subscription::EverySeconds(span) => matcher.every_seconds.push((position, span)),
            }
        }
        matcher
    }

    /// What of a block is selected.
    pub fn select(&self, index: &BlockIndex<'_>) -> Selection {
        let block = index.block;
        Selection {
            logs: union(&self.logs, block.logs.len(), |filter, rows| logs(filter, index, rows)),
            transactions: union(&self.transactions, block.transactions.len(), |filter, rows| {
                transactions(filter, index, rows);
            }),
            frames: block.frames.as_ref().map_or(Rows::None, |all| {
                union(&self.frames, all.len(), |filter, rows| frames(filter, all, index, rows))
            }),
            storage: block.storage.as_ref().map_or(Rows::None, |all| {
                union(&self.storage, all.len(), |filter, rows| storage(filter, all, index, rows))
            }),
            creations: self.creations && index.has_creations(),
            ticks: self.ticks(block.number, block.timestamp_s, index.previous_timestamp_s),
        }
    }

    /// Which pending transactions are selected.
    pub fn select_pending(&self, all: &Transactions) -> Rows {
        union(&self.pending, all.len(), |filter, rows| {
            rows.extend((0..all.len() as u32).filter(|&row| transaction_fits(filter, all, row as usize)));
        })
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

    fn ticks(&self, number: u64, timestamp_s: u64, previous_s: Option<u64>) -> Vec<u32> {
        let blocks = self.every_blocks.iter().filter(|(_, span)| number.is_multiple_of(*span));
        let seconds = self
            .every_seconds
            .iter()
            .filter(|(_, span)| previous_s.is_none_or(|previous_s| previous_s / span != timestamp_s / span));
        let mut due: Vec<u32> = blocks.chain(seconds).map(|(position, _)| *position).collect();
        due.sort_unstable();
        due
    }
}

fn union<F>(filters: &[F], all: usize, mut select: impl FnMut(&F, &mut Vec<u32>)) -> Rows {
    if filters.is_empty() || all == 0 {
        return Rows::None;
    }
    let mut rows = Vec::new();
    for filter in filters {
        select(filter, &mut rows);
    }
    Rows::of(rows, all)
}

fn logs(filter: &LogFilter, index: &BlockIndex<'_>, rows: &mut Vec<u32>) {
    let all = &index.block.logs;
    let by_topic = filter.topics.first().is_some_and(|firsts| !firsts.is_empty());
    let by_address = !filter.addresses.is_empty();
    if by_address && (!by_topic || filter.addresses.len() <= MANY_ADDRESSES) {
        for address in &filter.addresses {
            let found = index.logs_of(&address.0);
            rows.extend(found.iter().filter(|&&row| topics_fit(filter, all, row as usize, 0)));
        }
        return;
    }
    match filter.topics.first() {
        Some(firsts) if !firsts.is_empty() => {
            for topic in firsts {
                // A log without topics has a zero there, which is no topic of its own.
                let found = index.logs_with_topic(&topic.0).iter();
                rows.extend(found.filter(|&&row| {
                    let row = row as usize;
                    all.topic_count[row] > 0
                        && (!by_address
                            || filter.addresses.binary_search_by(|a| a.0.0.cmp(all.address.get(row))).is_ok())
                        && topics_fit(filter, all, row, 1)
                }));
            }
        }
        _ => rows.extend((0..all.len() as u32).filter(|&row| topics_fit(filter, all, row as usize, 0))),
    }
}

fn topics_fit(filter: &LogFilter, all: &Logs, row: usize, from: usize) -> bool {
    filter.topics.iter().enumerate().skip(from).all(|(position, wanted)| {
        wanted.is_empty()
            || (position < usize::from(all.topic_count[row])
                && wanted.binary_search_by(|topic| topic.0.cmp(all.topics[position].get(row))).is_ok())
    })
}

fn transactions(filter: &TransactionFilter, index: &BlockIndex<'_>, rows: &mut Vec<u32>) {
    let all = &index.block.transactions;
    if filter.recipients.is_empty() {
        rows.extend((0..all.len() as u32).filter(|&row| transaction_fits(filter, all, row as usize)));
        return;
    }
    for recipient in &filter.recipients {
        let found = index.transactions_to(&recipient.0).iter();
        rows.extend(found.filter(|&&row| transaction_fits(filter, all, row as usize)));
    }
}

fn transaction_fits(filter: &TransactionFilter, all: &Transactions, row: usize) -> bool {
    let called = all.is_creation[row] == 0;
    let recipient = all.recipient.get(row);
    (filter.recipients.is_empty() || (called && filter.recipients.iter().any(|wanted| wanted.0 == *recipient)))
        && (filter.selectors.is_empty() || (called && selector_fits(&filter.selectors, all.input.get(row))))
        && (filter.senders.is_empty() || filter.senders.iter().any(|wanted| wanted.0 == *all.sender.get(row)))
}

fn selector_fits(wanted: &[[u8; 4]], input: &[u8]) -> bool {
    input.first_chunk::<4>().is_some_and(|selector| wanted.contains(selector))
}

fn frames(filter: &FrameFilter, all: &Frames, index: &BlockIndex<'_>, rows: &mut Vec<u32>) {
    let fits = |row: usize| {
        // What creates a contract has init code for its input, and no selector.
        let called = all.kind[row] < frame_kind::CREATE;
        (filter.selectors.is_empty() || (called && selector_fits(&filter.selectors, all.input.get(row))))
            && (filter.kinds.is_empty() || filter.kinds.contains(&all.kind[row]))
            && (!filter.with_value || all.value.get(row).iter().any(|&byte| byte != 0))
    };
    if filter.targets.is_empty() {
        rows.extend((0..all.len() as u32).filter(|&row| fits(row as usize)));
        return;
    }
    for target in &filter.targets {
        rows.extend(index.frames_into(&target.0).iter().filter(|&&row| fits(row as usize)));
    }
}

fn storage(filter: &StorageFilter, all: &StorageChanges, index: &BlockIndex<'_>, rows: &mut Vec<u32>) {
    let fits = |row: usize| filter.slots.is_empty() || filter.slots.iter().any(|slot| slot.0 == *all.slot.get(row));
    if filter.addresses.is_empty() {
        rows.extend((0..all.len() as u32).filter(|&row| fits(row as usize)));
        return;
    }
    for address in &filter.addresses {
        rows.extend(index.storage_of(&address.0).iter().filter(|&&row| fits(row as usize)));
    }
}
