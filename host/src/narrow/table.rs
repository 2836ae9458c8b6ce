//! From a key to the filters that ask for it, and places that are made when they are first asked for.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Position of a filter among those of its kind, or of a detector among those of a router.
pub(super) type Id = u32;

/// Ids by key. Hashes are seeded anew in each process, so that nobody can choose keys that collide; keys are only
/// looked up, never walked, so no order of theirs shows anywhere.
#[derive(Default)]
pub(super) struct Table<const N: usize> {
    entries: HashTable<([u8; N], Vec<Id>)>,
    hasher: DefaultHashBuilder,
}

impl<const N: usize> Table<N> {
    pub(super) fn insert(&mut self, key: [u8; N], id: Id) {
        let hasher = &self.hasher;
        let hash = hasher.hash_one(key);
        self.entries
            .entry(hash, |(known, _)| *known == key, |(known, _)| hasher.hash_one(known))
            .or_insert_with(|| (key, Vec::new()))
            .into_mut()
            .1
            .push(id);
    }

    pub(super) fn get(&self, key: &[u8; N]) -> &[Id] {
        if self.entries.is_empty() {
            return &[];
        }
        let found = self.entries.find(self.hasher.hash_one(key), |(known, _)| known == key);
        found.map_or(&[], |(_, ids)| ids)
    }
}

/// Values for a few of many ids, in the order in which they were first asked for. One that nobody asks for costs four
/// bytes that are zeroed.
pub(super) struct Sparse<T> {
    /// One more than the position in `begun`; 0 for none.
    places: Vec<u32>,
    begun: Vec<(Id, T)>,
}

impl<T: Default> Sparse<T> {
    pub(super) fn new(ids: usize) -> Self {
        Self { places: vec![0; ids], begun: Vec::new() }
    }

    pub(super) fn at(&mut self, id: Id) -> &mut T {
        let place = &mut self.places[id as usize];
        if *place == 0 {
            self.begun.push((id, T::default()));
            *place = self.begun.len() as u32;
        }
        &mut self.begun[*place as usize - 1].1
    }

    pub(super) fn into_begun(self) -> Vec<(Id, T)> {
        self.begun
    }
}
