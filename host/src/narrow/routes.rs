//! The filters of one kind over all detectors, each found by the key that says most about what it lets through.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::fits;
use super::table::{Id, Sparse, Table};
use crate::block::{Frames, Logs, StorageChanges, Transactions};
use crate::subscription::{FrameFilter, LogFilter, StorageFilter, TransactionFilter};

/// Each distinct filter once, with the detectors that have it.
struct Filters<F>(Vec<(Arc<F>, Vec<Id>)>);

impl<F: Ord> Filters<F> {
    fn new<'a>(wanted: impl Iterator<Item = (Id, &'a Arc<F>)>) -> Self
    where
        F: 'a,
    {
        let mut distinct: BTreeMap<Arc<F>, Vec<Id>> = BTreeMap::new();
        for (detector, filter) in wanted {
            let detectors = distinct.entry(filter.clone()).or_default();
            if detectors.last() != Some(&detector) {
                detectors.push(detector);
            }
        }
        Self(distinct.into_iter().collect())
    }

    fn each(&self) -> impl Iterator<Item = (Id, &F)> {
        self.0.iter().enumerate().map(|(id, (filter, _))| (id as Id, &**filter))
    }

    /// Goes over rows: `candidates` names the filters that may let a row through, each at most once, and `fits` says
    /// whether one does. Gives each detector's rows to `give`.
    fn route(
        &self,
        rows: usize,
        candidates: impl Fn(usize, &mut dyn FnMut(&[Id])),
        fits: impl Fn(&F, usize) -> bool,
        mut give: impl FnMut(Id, &[u32]),
    ) {
        if self.0.is_empty() {
            return;
        }
        let mut let_through: Sparse<Vec<u32>> = Sparse::new(self.0.len());
        for row in 0..rows {
            candidates(row, &mut |filters| {
                for &filter in filters {
                    if fits(&self.0[filter as usize].0, row) {
                        let_through.at(filter).push(row as u32);
                    }
                }
            });
        }
        for (filter, rows) in let_through.into_begun() {
            self.0[filter as usize].1.iter().for_each(|&detector| give(detector, &rows));
        }
    }
}

pub(super) struct LogRoutes {
    filters: Filters<LogFilter>,
    address: Table<20>,
    topics: [Table<32>; 4],
    /// Filters that any log may pass.
    open: Vec<Id>,
}

impl LogRoutes {
    pub(super) fn new<'a>(wanted: impl Iterator<Item = (Id, &'a Arc<LogFilter>)>) -> Self {
        let filters = Filters::new(wanted);
        let (mut address, mut topics, mut open) = (Table::default(), <[Table<32>; 4]>::default(), Vec::new());
        for (id, filter) in filters.each() {
            // Parties and the like tell more than contracts, contracts more than events; few alternatives more than many.
            let indexed = filter.topics.iter().enumerate().skip(1).filter(|(_, wanted)| !wanted.is_empty());
            let indexed = indexed.min_by_key(|(_, wanted)| wanted.len());
            let event = filter.topics.first().filter(|wanted| !wanted.is_empty()).map(|wanted| (0, wanted));
            let by_address = !filter.addresses.is_empty();
            let fewer = |wanted: &[_]| !by_address || wanted.len() <= filter.addresses.len();
            match indexed.filter(|(_, wanted)| fewer(wanted)).or(event.filter(|_| !by_address)) {
                Some((position, wanted)) => wanted.iter().for_each(|topic| topics[position].insert(topic.0, id)),
                None if by_address => filter.addresses.iter().for_each(|key| address.insert(key.into_array(), id)),
                None => open.push(id),
            }
        }
        Self { filters, address, topics, open }
    }

    pub(super) fn route(&self, all: &Logs, give: impl FnMut(Id, &[u32])) {
        let candidates = |row: usize, name: &mut dyn FnMut(&[Id])| {
            name(&self.open);
            name(self.address.get(all.address.get(row)));
            for (position, table) in self.topics.iter().enumerate().take(all.topic_count[row].into()) {
                name(table.get(all.topics[position].get(row)));
            }
        };
        self.filters.route(all.len(), candidates, |filter, row| fits::log(filter, all, row), give);
    }
}

pub(super) struct TransactionRoutes {
    filters: Filters<TransactionFilter>,
    recipient: Table<20>,
    sender: Table<20>,
    selector: Table<4>,
    open: Vec<Id>,
}

impl TransactionRoutes {
    pub(super) fn new<'a>(wanted: impl Iterator<Item = (Id, &'a Arc<TransactionFilter>)>) -> Self {
        let filters = Filters::new(wanted);
        let mut routes = Self {
            filters,
            recipient: Table::default(),
            sender: Table::default(),
            selector: Table::default(),
            open: Vec::new(),
        };
        for (id, filter) in routes.filters.each() {
            let (to, from) = (&filter.recipients, &filter.senders);
            if !to.is_empty() && (from.is_empty() || to.len() <= from.len()) {
                to.iter().for_each(|key| routes.recipient.insert(key.into_array(), id));
            } else if !from.is_empty() {
                from.iter().for_each(|key| routes.sender.insert(key.into_array(), id));
            } else if !filter.selectors.is_empty() {
                filter.selectors.iter().for_each(|key| routes.selector.insert(*key, id));
            } else {
                routes.open.push(id);
            }
        }
        routes
    }

    pub(super) fn route(&self, all: &Transactions, give: impl FnMut(Id, &[u32])) {
        let candidates = |row: usize, name: &mut dyn FnMut(&[Id])| {
            name(&self.open);
            name(self.recipient.get(all.recipient.get(row)));
            name(self.sender.get(all.sender.get(row)));
            name(all.input.get(row).first_chunk().map_or(&[], |key| self.selector.get(key)));
        };
        self.filters.route(all.len(), candidates, |filter, row| fits::transaction(filter, all, row), give);
    }
}

pub(super) struct FrameRoutes {
    filters: Filters<FrameFilter>,
    target: Table<20>,
    selector: Table<4>,
    open: Vec<Id>,
}

impl FrameRoutes {
    pub(super) fn new<'a>(wanted: impl Iterator<Item = (Id, &'a Arc<FrameFilter>)>) -> Self {
        let filters = Filters::new(wanted);
        let mut routes = Self { filters, target: Table::default(), selector: Table::default(), open: Vec::new() };
        for (id, filter) in routes.filters.each() {
            if !filter.targets.is_empty() {
                filter.targets.iter().for_each(|key| routes.target.insert(key.into_array(), id));
            } else if !filter.selectors.is_empty() {
                filter.selectors.iter().for_each(|key| routes.selector.insert(*key, id));
            } else {
                routes.open.push(id);
            }
        }
        routes
    }

    pub(super) fn route(&self, all: &Frames, give: impl FnMut(Id, &[u32])) {
        let candidates = |row: usize, name: &mut dyn FnMut(&[Id])| {
            name(&self.open);
            name(self.target.get(all.target.get(row)));
            name(all.input.get(row).first_chunk().map_or(&[], |key| self.selector.get(key)));
        };
        self.filters.route(all.len(), candidates, |filter, row| fits::frame(filter, all, row), give);
    }
}

pub(super) struct StorageRoutes {
    filters: Filters<StorageFilter>,
    address: Table<20>,
    slot: Table<32>,
    open: Vec<Id>,
}

impl StorageRoutes {
    pub(super) fn new<'a>(wanted: impl Iterator<Item = (Id, &'a Arc<StorageFilter>)>) -> Self {
        let filters = Filters::new(wanted);
        let mut routes = Self { filters, address: Table::default(), slot: Table::default(), open: Vec::new() };
        for (id, filter) in routes.filters.each() {
            let (of, slots) = (&filter.addresses, &filter.slots);
            if !of.is_empty() && (slots.is_empty() || of.len() <= slots.len()) {
                of.iter().for_each(|key| routes.address.insert(key.into_array(), id));
            } else if !slots.is_empty() {
                slots.iter().for_each(|key| routes.slot.insert(key.0, id));
            } else {
                routes.open.push(id);
            }
        }
        routes
    }

    pub(super) fn route(&self, all: &StorageChanges, give: impl FnMut(Id, &[u32])) {
        let candidates = |row: usize, name: &mut dyn FnMut(&[Id])| {
            name(&self.open);
            name(self.address.get(all.address.get(row)));
            name(self.slot.get(all.slot.get(row)));
        };
        self.filters.route(all.len(), candidates, |filter, row| fits::storage(filter, all, row), give);
    }
}
