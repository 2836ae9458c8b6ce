//! One index over the subscriptions of all detectors: a block's rows are looked up in it, so that a detector with
//! nothing to see costs nothing, and a block costs by its rows and by what was asked of them.

use std::collections::BTreeMap;

use super::matcher::{is_due_by_number, is_due_by_time};
use super::routes::{FrameRoutes, LogRoutes, StorageRoutes, TransactionRoutes};
use super::table::{Id, Sparse};
use super::{BlockIndex, Matcher, Rows, Selection};
use crate::block::Transactions;

/// Which detectors see what, over all of them. It is made anew when one of them comes, goes or is swapped.
pub struct Router {
    /// Numbers of the detectors as they were given.
    numbers: Vec<usize>,
    logs: LogRoutes,
    transactions: TransactionRoutes,
    frames: FrameRoutes,
    storage: StorageRoutes,
    pending: TransactionRoutes,
    creations: Vec<Id>,
    /// Detectors, and the position of the subscription, by span.
    every_blocks: BTreeMap<u64, Vec<(Id, u32)>>,
    every_seconds: BTreeMap<u64, Vec<(Id, u32)>>,
}

/// A selection under way.
#[derive(Default)]
struct Begun {
    logs: Vec<u32>,
    transactions: Vec<u32>,
    frames: Vec<u32>,
    storage: Vec<u32>,
    creations: bool,
    ticks: Vec<u32>,
}

impl Router {
    /// An index over detectors, each by a number of the caller's.
    pub fn new<'a>(detectors: impl IntoIterator<Item = (usize, &'a Matcher)>) -> Self {
        let (numbers, matchers): (Vec<usize>, Vec<&Matcher>) = detectors.into_iter().unzip();
        let each = || matchers.iter().enumerate().map(|(id, matcher)| (id as Id, *matcher));
        let mut every_blocks: BTreeMap<u64, Vec<(Id, u32)>> = BTreeMap::new();
        let mut every_seconds: BTreeMap<u64, Vec<(Id, u32)>> = BTreeMap::new();
        for (id, matcher) in each() {
            for &(position, span) in &matcher.every_blocks {
                every_blocks.entry(span).or_default().push((id, position));
            }
            for &(position, span) in &matcher.every_seconds {
                every_seconds.entry(span).or_default().push((id, position));
            }
        }
        Self {
            logs: LogRoutes::new(each().flat_map(|(id, matcher)| matcher.logs.iter().map(move |filter| (id, filter)))),
            transactions: TransactionRoutes::new(
                each().flat_map(|(id, matcher)| matcher.transactions.iter().map(move |filter| (id, filter))),
            ),
            frames: FrameRoutes::new(
                each().flat_map(|(id, matcher)| matcher.frames.iter().map(move |filter| (id, filter))),
            ),
            storage: StorageRoutes::new(
                each().flat_map(|(id, matcher)| matcher.storage.iter().map(move |filter| (id, filter))),
            ),
            pending: TransactionRoutes::new(
                each().flat_map(|(id, matcher)| matcher.pending.iter().map(move |filter| (id, filter))),
            ),
            creations: each().filter(|(_, matcher)| matcher.creations).map(|(id, _)| id).collect(),
            every_blocks,
            every_seconds,
            numbers,
        }
    }

    /// What of a block each detector sees that sees anything, in the order in which detectors were given.
    pub fn select(&self, index: &BlockIndex<'_>) -> Vec<(usize, Selection)> {
        let block = index.block;
        let mut begun: Sparse<Begun> = Sparse::new(self.numbers.len());
        self.logs.route(&block.logs, |id, rows| begun.at(id).logs.extend(rows));
        self.transactions.route(&block.transactions, |id, rows| begun.at(id).transactions.extend(rows));
        if let Some(frames) = &block.frames {
            self.frames.route(frames, |id, rows| begun.at(id).frames.extend(rows));
        }
        if let Some(storage) = &block.storage {
            self.storage.route(storage, |id, rows| begun.at(id).storage.extend(rows));
        }
        if !self.creations.is_empty() && index.has_creations() {
            self.creations.iter().for_each(|&id| begun.at(id).creations = true);
        }
        let by_number = self.every_blocks.iter().filter(|(span, _)| is_due_by_number(**span, index));
        let by_time = self.every_seconds.iter().filter(|(span, _)| is_due_by_time(**span, index));
        for &(id, position) in by_number.chain(by_time).flat_map(|(_, due)| due) {
            begun.at(id).ticks.push(position);
        }
        self.in_order(begun, |mut begun| {
            begun.ticks.sort_unstable();
            Selection {
                logs: Rows::of(begun.logs, block.logs.len()),
                transactions: Rows::of(begun.transactions, block.transactions.len()),
                frames: Rows::of(begun.frames, block.frames.as_ref().map_or(0, |all| all.len())),
                storage: Rows::of(begun.storage, block.storage.as_ref().map_or(0, |all| all.len())),
                creations: begun.creations,
                ticks: begun.ticks,
            }
        })
    }

    /// Which pending transactions each detector sees that sees any, in the order in which detectors were given.
    pub fn select_pending(&self, all: &Transactions) -> Vec<(usize, Rows)> {
        let mut begun: Sparse<Vec<u32>> = Sparse::new(self.numbers.len());
        self.pending.route(all, |id, rows| begun.at(id).extend(rows));
        self.in_order(begun, |rows| Rows::of(rows, all.len()))
    }

    fn in_order<T: Default, S>(&self, begun: Sparse<T>, finish: impl Fn(T) -> S) -> Vec<(usize, S)> {
        let mut begun = begun.into_begun();
        begun.sort_unstable_by_key(|(id, _)| *id);
        begun.into_iter().map(|(id, begun)| (self.numbers[id as usize], finish(begun))).collect()
    }
}
