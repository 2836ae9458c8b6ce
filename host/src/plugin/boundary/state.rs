//! A detector's state while a batch runs: the committed values, and what the batch has changed so far.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::entry::StateChange;
use crate::plugin::limits::Limits;

/// Values by key, with the changes of the batch under way on top.
#[derive(Debug, Default)]
pub(in crate::plugin) struct StateStore {
    values: BTreeMap<Vec<u8>, Vec<u8>>,
    /// What the batch changed; `None` where it deleted.
    overlay: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// Bytes of all committed keys and values.
    committed_bytes: usize,
    /// The same with the overlay applied.
    bytes: usize,
    /// Writes of the batch, and their keys and values together.
    writes: u32,
    written_bytes: usize,
}

/// Why a write was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::plugin) enum Refused {
    #[error("the state would grow past {0} bytes, its `limits.state_bytes`")]
    Bytes(usize),
    #[error("{0} writes are enough for one batch, by `limits.state_writes_per_batch`")]
    Writes(u32),
    #[error("{0} bytes written are enough for one batch, by `limits.state_write_bytes_per_batch`")]
    Written(usize),
}

impl StateStore {
    pub(in crate::plugin) fn new(values: BTreeMap<Vec<u8>, Vec<u8>>) -> Self {
        let bytes = values.iter().map(|(key, value)| key.len() + value.len()).sum();
        Self { values, overlay: BTreeMap::new(), committed_bytes: bytes, bytes, writes: 0, written_bytes: 0 }
    }

    pub(in crate::plugin) fn get(&self, key: &[u8]) -> Option<&Vec<u8>> {
        match self.overlay.get(key) {
            Some(changed) => changed.as_ref(),
            None => self.values.get(key),
        }
    }

    /// Writes or deletes a key.
    pub(in crate::plugin) fn set(
        &mut self,
        key: Vec<u8>,
        value: Option<Vec<u8>>,
        limits: &Limits,
    ) -> Result<(), Refused> {
        if self.writes >= limits.state_writes_per_batch {
            return Err(Refused::Writes(limits.state_writes_per_batch));
        }
        let written = self.written_bytes + key.len() + value.as_ref().map_or(0, Vec::len);
        if written > limits.state_write_bytes_per_batch {
            return Err(Refused::Written(limits.state_write_bytes_per_batch));
        }
        let freed = self.get(&key).map_or(0, |old| key.len() + old.len());
        let taken = value.as_ref().map_or(0, |new| key.len() + new.len());
        let bytes = self.bytes - freed + taken;
        if value.is_some() && bytes > limits.state_bytes {
            return Err(Refused::Bytes(limits.state_bytes));
        }
        self.bytes = bytes;
        self.writes += 1;
        self.written_bytes = written;
        self.overlay.insert(key, value);
        Ok(())
    }

    /// Entries whose key starts with `prefix`, in order, after `after`.
    pub(in crate::plugin) fn scan(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let range = (from, Bound::Unbounded);
        let mut kept = self.values.range::<[u8], _>(range).peekable();
        let mut changed = self.overlay.range::<[u8], _>(range).peekable();
        let mut found = Vec::new();
        while found.len() < limit {
            let take_changed = match (kept.peek(), changed.peek()) {
                (None, None) => break,
                (Some(_), None) => false,
                (None, Some(_)) => true,
                (Some((kept_key, _)), Some((changed_key, _))) => {
                    if kept_key == changed_key {
                        kept.next();
                    }
                    kept.peek().is_none_or(|(kept_key, _)| changed_key < kept_key)
                }
            };
            let (key, value) = if take_changed {
                let Some((key, value)) = changed.next() else { break };
                (key, value.as_ref())
            } else {
                let Some((key, value)) = kept.next() else { break };
                (key, Some(value))
            };
            if !key.starts_with(prefix) {
                break;
            }
            if let Some(value) = value {
                found.push((key.clone(), value.clone()));
            }
        }
        found
    }

    /// Ends the batch well: its changes, in the order of their keys. What is as it was is no change.
    pub(in crate::plugin) fn commit(&mut self) -> Vec<StateChange> {
        (self.writes, self.written_bytes) = (0, 0);
        self.committed_bytes = self.bytes;
        let mut changes = Vec::with_capacity(self.overlay.len());
        for (key, after) in std::mem::take(&mut self.overlay) {
            let before = match &after {
                Some(value) => self.values.insert(key.clone(), value.clone()),
                None => self.values.remove(&key),
            };
            if before != after {
                changes.push(StateChange { key, before, after });
            }
        }
        changes
    }

    /// Ends the batch badly: nothing of it was.
    pub(in crate::plugin) fn discard(&mut self) {
        (self.writes, self.written_bytes) = (0, 0);
        self.overlay.clear();
        self.bytes = self.committed_bytes;
    }

    /// Puts keys back to what they were.
    pub(in crate::plugin) fn restore(&mut self, restored: Vec<(Vec<u8>, Option<Vec<u8>>)>) {
        for (key, value) in restored {
            let key_bytes = key.len();
            let size = |value: &Option<Vec<u8>>| value.as_ref().map_or(0, |value| key_bytes + value.len());
            let put = size(&value);
            let replaced = match value {
                Some(value) => self.values.insert(key, value),
                None => self.values.remove(&key),
            };
            self.committed_bytes = self.committed_bytes - size(&replaced) + put;
        }
        self.discard();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(entries: &[(&str, &str)]) -> StateStore {
        StateStore::new(
            entries.iter().map(|(key, value)| (key.as_bytes().to_vec(), value.as_bytes().to_vec())).collect(),
        )
    }

    fn put(store: &mut StateStore, key: &str, value: Option<&str>) -> Result<(), Refused> {
        let limits = Limits {
            state_bytes: 40,
            state_writes_per_batch: 10,
            state_write_bytes_per_batch: 60,
            ..Limits::default()
        };
        store.set(key.as_bytes().to_vec(), value.map(|value| value.as_bytes().to_vec()), &limits)
    }

    fn scan(store: &StateStore, prefix: &str, after: Option<&str>) -> String {
        let found = store.scan(prefix.as_bytes(), after.map(str::as_bytes), 100);
        let pairs: Vec<String> = found
            .iter()
            .map(|(key, value)| format!("{}={}", String::from_utf8_lossy(key), String::from_utf8_lossy(value)))
            .collect();
        pairs.join(" ")
    }

    #[test]
    fn a_scan_sees_the_batch_on_top_of_what_was() {
        let mut store = store(&[("a1", "x"), ("a2", "x"), ("a4", "x"), ("b", "x")]);
        put(&mut store, "a2", None).unwrap();
        put(&mut store, "a3", Some("y")).unwrap();
        put(&mut store, "a4", Some("z")).unwrap();
        assert_eq!(scan(&store, "a", None), "a1=x a3=y a4=z");
        assert_eq!(scan(&store, "a", Some("a1")), "a3=y a4=z");
        assert_eq!(scan(&store, "", None), "a1=x a3=y a4=z b=x");
        store.discard();
        assert_eq!(scan(&store, "", None), "a1=x a2=x a4=x b=x");
    }

    #[test]
    fn what_is_committed_can_be_restored() {
        let mut store = store(&[("a", "1"), ("b", "1")]);
        put(&mut store, "a", Some("2")).unwrap();
        put(&mut store, "b", Some("1")).unwrap();
        put(&mut store, "c", Some("3")).unwrap();
        let changes = store.commit();
        assert_eq!(changes.len(), 2, "b is as it was");
        assert_eq!(store.bytes, 6);
        store.restore(changes.into_iter().map(|change| (change.key, change.before)).collect());
        assert_eq!(scan(&store, "", None), "a=1 b=1");
        assert_eq!((store.bytes, store.committed_bytes), (4, 4));
    }

    #[test]
    fn what_a_batch_writes_over_and_over_is_counted_each_time() {
        let mut store = store(&[]);
        assert_eq!(put(&mut store, "k", Some(&"x".repeat(30))), Ok(()));
        assert_eq!(put(&mut store, "k", Some(&"y".repeat(30))), Err(Refused::Written(60)));
        store.commit();
        assert_eq!(put(&mut store, "k", Some(&"y".repeat(30))), Ok(()));
    }

    #[test]
    fn a_quota_holds_within_the_batch() {
        let mut store = store(&[]);
        assert_eq!(put(&mut store, "k", Some(&"x".repeat(39))), Ok(()));
        assert_eq!(put(&mut store, "l", Some("x")), Err(Refused::Bytes(40)));
        assert_eq!(put(&mut store, "k", None), Ok(()));
        assert_eq!(put(&mut store, "l", Some("x")), Ok(()));
        for _ in 0..7 {
            put(&mut store, "l", Some("x")).unwrap();
        }
        assert_eq!(put(&mut store, "l", Some("x")), Err(Refused::Writes(10)));
    }
}
