//! What was loaded or stored before, at hand without a call of the host.

use std::collections::HashMap;
use std::hash::Hash;

/// Values that also stand in the host's state, kept in a field of the detector. A batch that fails, a revert and a
/// swap each drop the detector with its fields, so what is cached is what is stored as long as every change is stored
/// in the same batch.
pub struct Cache<K, V> {
    values: HashMap<K, V>,
    at_most: usize,
}

impl<K: Hash + Eq, V> Cache<K, V> {
    /// An empty cache. Once it holds `at_most` values it forgets them all and begins anew.
    pub fn new(at_most: usize) -> Self {
        Self { values: HashMap::new(), at_most }
    }

    /// The value of a key, loaded where it is not at hand.
    pub fn get_or_load<E>(&mut self, key: K, load: impl FnOnce() -> Result<V, E>) -> Result<&mut V, E> {
        use std::collections::hash_map::Entry;
        if self.values.len() >= self.at_most && !self.values.contains_key(&key) {
            self.values.clear();
        }
        Ok(match self.values.entry(key) {
            Entry::Occupied(there) => there.into_mut(),
            Entry::Vacant(missing) => missing.insert(load()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_loaded_once_and_again_when_it_was_forgotten() {
        let mut cache = Cache::new(2);
        let mut loaded = Vec::new();
        for key in ["a", "b", "a", "b", "c", "c", "a"] {
            let value = cache.get_or_load(key, || {
                loaded.push(key);
                Ok::<_, ()>(0)
            });
            *value.unwrap() += 1;
        }
        assert_eq!(loaded, ["a", "b", "c", "a"]);
        assert_eq!(cache.get_or_load("d", || Err("no")), Err("no"));
        assert_eq!(cache.get_or_load("d", || Ok::<_, ()>(7)), Ok(&mut 7), "what did not load was not kept");
    }
}
