//! From a key to the filters that ask for it, and places that are made when they are first asked for.

use std::hash::{BuildHasher, Hasher};

use hashbrown::{DefaultHashBuilder, HashSet, HashTable};

use super::fits;

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
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn insert(&mut self, key: [u8; N], id: Id) {
        let hasher = &self.hasher;
        self.entries
            .entry(hash(hasher, &key), |(known, _)| *known == key, |(known, _)| hash(hasher, known))
            .or_insert_with(|| (key, Vec::new()))
            .into_mut()
            .1
            .push(id);
    }

    pub(super) fn get(&self, key: &[u8; N]) -> &[Id] {
        if self.entries.is_empty() {
            return &[];
        }
        let found = self.entries.find(hash(&self.hasher, key), |(known, _)| known == key);
        found.map_or(&[], |(_, ids)| ids)
    }
}

/// By words: keys of one table have one length.
fn hash<const N: usize>(hasher: &DefaultHashBuilder, key: &[u8; N]) -> u64 {
    let mut hasher = hasher.build_hasher();
    let (words, rest) = key.as_chunks::<8>();
    words.iter().for_each(|word| hasher.write_u64(u64::from_le_bytes(*word)));
    let (halves, _) = rest.as_chunks::<4>();
    halves.iter().for_each(|half| hasher.write_u32(u32::from_le_bytes(*half)));
    hasher.finish()
}

/// From how many alternatives on they are looked up by their hash.
const MANY: usize = 16;

/// The alternatives of a filter, ready to be searched however many there are.
pub(super) enum Alternatives<const N: usize> {
    Few(Vec<[u8; N]>),
    Many(HashSet<[u8; N]>),
}

impl<const N: usize> Alternatives<N> {
    /// Of a sorted list; an empty one matches anything.
    pub(super) fn new(wanted: impl ExactSizeIterator<Item = [u8; N]>) -> Self {
        if wanted.len() < MANY { Self::Few(wanted.collect()) } else { Self::Many(wanted.collect()) }
    }

    pub(super) fn have(&self, value: &[u8; N]) -> bool {
        match self {
            Self::Few(wanted) => fits::any(wanted, value),
            Self::Many(wanted) => wanted.contains(value),
        }
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
