//! The filters of one kind over all detectors, each found by the key that says most about what it lets through.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::fits;
use super::table::{Alternatives, Id, Sparse, Table};
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
        fits: impl Fn(Id, &F, usize) -> bool,
        mut give: impl FnMut(Id, &[u32]),
    ) {
        if self.0.is_empty() {
            return;
        }
        let mut let_through: Sparse<Vec<u32>> = Sparse::new(self.0.len());
        for row in 0..rows {
            candidates(row, &mut |filters| {
                for &filter in filters {
                    if fits(filter, &self.0[filter as usize].0, row) {
                        let_through.at(filter).push(row as u32);
                    }
                }
            });
        }
        for (filter, rows) in let_through.into_begun() {
            self.give(filter, &rows, &mut give);
        }
    }

    /// Gives the rows of a filter to each detector that has it.
    fn give(&self, filter: Id, rows: &[u32], give: &mut impl FnMut(Id, &[u32])) {
        self.0[filter as usize].1.iter().for_each(|&detector| give(detector, rows));
    }
}

pub(super) struct LogRoutes {
    filters: Filters<LogFilter>,
    /// By filter: what else must fit once a log has its key.
    else_wanted: Vec<ElseWanted>,
    address: Table<20>,
    /// By position, those that are some filter's key only.
    topics: Vec<(usize, Table<32>)>,
    /// Filters that every log passes.
    open: Vec<Id>,
}

struct ElseWanted {
    addresses: Option<Alternatives<20>>,
    topics: Vec<(usize, Alternatives<32>)>,
}

impl ElseWanted {
    /// Of a filter that is found by `key`: a topic's position, or the address.
    fn of(filter: &LogFilter, key: Key) -> Self {
        let topics = filter.topics.iter().enumerate();
        let topics = topics.filter(|(position, wanted)| !wanted.is_empty() && key != Key::Topic(*position));
        let addresses = Some(&filter.addresses).filter(|wanted| !wanted.is_empty() && key != Key::Address);
        Self {
            addresses: addresses.map(|wanted| Alternatives::new(wanted.iter().map(|address| address.into_array()))),
            topics: topics
                .map(|(position, wanted)| (position, Alternatives::new(wanted.iter().map(|topic| topic.0))))
                .collect(),
        }
    }

    fn fits(&self, all: &Logs, row: usize) -> bool {
        let topic = |(position, wanted): &(usize, Alternatives<32>)| {
            *position < usize::from(all.topic_count[row]) && wanted.have(all.topics[*position].get(row))
        };
        self.topics.iter().all(topic) && self.addresses.as_ref().is_none_or(|wanted| wanted.have(all.address.get(row)))
    }
}

/// What a filter is found by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Topic(usize),
    Address,
    None,
}

impl Key {
    /// Parties and the like tell more than contracts, contracts more than events; few alternatives more than many.
    fn of(filter: &LogFilter) -> Self {
        let given = filter.topics.iter().enumerate().filter(|(_, wanted)| !wanted.is_empty());
        let indexed = given.clone().filter(|(position, _)| *position > 0).min_by_key(|(_, wanted)| wanted.len());
        let by_address = !filter.addresses.is_empty();
        match indexed {
            Some((position, wanted)) if !by_address || wanted.len() <= filter.addresses.len() => Key::Topic(position),
            _ if by_address => Key::Address,
            _ => given.map(|(position, _)| Key::Topic(position)).next().unwrap_or(Key::None),
        }
    }
}

impl LogRoutes {
    pub(super) fn new<'a>(wanted: impl Iterator<Item = (Id, &'a Arc<LogFilter>)>) -> Self {
        let filters = Filters::new(wanted);
        let (mut address, mut topics, mut open) = (Table::default(), <[Table<32>; 4]>::default(), Vec::new());
        let mut else_wanted = Vec::new();
        for (id, filter) in filters.each() {
            let key = Key::of(filter);
            match key {
                Key::Topic(position) => {
                    filter.topics[position].iter().for_each(|topic| topics[position].insert(topic.0, id))
                }
                Key::Address => filter.addresses.iter().for_each(|key| address.insert(key.into_array(), id)),
                Key::None => open.push(id),
            }
            else_wanted.push(ElseWanted::of(filter, key));
        }
        let topics = topics.into_iter().enumerate().filter(|(_, table)| !table.is_empty()).collect();
        Self { filters, else_wanted, address, topics, open }
    }

    pub(super) fn route(&self, all: &Logs, mut give: impl FnMut(Id, &[u32])) {
        if !self.open.is_empty() && !all.is_empty() {
            let every: Vec<u32> = (0..all.len() as u32).collect();
            self.open.iter().for_each(|&filter| self.filters.give(filter, &every, &mut give));
        }
        if self.address.is_empty() && self.topics.is_empty() {
            return;
        }
        let candidates = |row: usize, name: &mut dyn FnMut(&[Id])| {
            if !self.address.is_empty() {
                name(self.address.get(all.address.get(row)));
            }
            for (position, table) in &self.topics {
                if *position < usize::from(all.topic_count[row]) {
                    name(table.get(all.topics[*position].get(row)));
                }
            }
        };
        let fits = |id: Id, _: &LogFilter, row| self.else_wanted[id as usize].fits(all, row);
        self.filters.route(all.len(), candidates, fits, give);
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
        // To know a sender may take a while: only where one is looked up, and then all at once.
        let by_sender = !self.sender.is_empty();
        if by_sender {
            all.sender.recover(0..all.len());
        }
        let candidates = |row: usize, name: &mut dyn FnMut(&[Id])| {
            name(&self.open);
            name(self.recipient.get(all.recipient.get(row)));
            if by_sender {
                name(self.sender.get(&all.sender.get(row)));
            }
            name(all.input.get(row).first_chunk().map_or(&[], |key| self.selector.get(key)));
        };
        self.filters.route(all.len(), candidates, |_, filter, row| fits::transaction(filter, all, row), give);
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
        self.filters.route(all.len(), candidates, |_, filter, row| fits::frame(filter, all, row), give);
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
        self.filters.route(all.len(), candidates, |_, filter, row| fits::storage(filter, all, row), give);
    }
}
