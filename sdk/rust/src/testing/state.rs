//! What stands in for the host's store.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Bound;

thread_local! {
    static ENTRIES: RefCell<BTreeMap<Vec<u8>, Vec<u8>>> = const { RefCell::new(BTreeMap::new()) };
}

/// Why a put is refused.
#[derive(Clone, Debug)]
pub struct StateError {
    /// `quota`, `denied` or `invalid`.
    pub code: String,
    /// What happened.
    pub message: String,
}

/// Forgets everything.
pub fn clear() {
    ENTRIES.with_borrow_mut(BTreeMap::clear);
}

/// All entries in the order of their keys.
pub fn entries() -> Vec<(Vec<u8>, Vec<u8>)> {
    ENTRIES.with_borrow(|entries| entries.iter().map(|(key, value)| (key.clone(), value.clone())).collect())
}

/// Puts these entries in the place of all others, as the host does when it undoes a block.
pub fn restore(kept: Vec<(Vec<u8>, Vec<u8>)>) {
    ENTRIES.with_borrow_mut(|entries| *entries = kept.into_iter().collect());
}

pub(crate) fn get(key: &[u8]) -> Option<Vec<u8>> {
    ENTRIES.with_borrow(|entries| entries.get(key).cloned())
}

pub(crate) fn put(key: &[u8], value: &[u8]) -> Result<(), StateError> {
    ENTRIES.with_borrow_mut(|entries| entries.insert(key.to_vec(), value.to_vec()));
    Ok(())
}

pub(crate) fn delete(key: &[u8]) {
    ENTRIES.with_borrow_mut(|entries| entries.remove(key));
}

pub(crate) fn scan(prefix: &[u8], after: Option<&[u8]>, limit: u32) -> Vec<(Vec<u8>, Vec<u8>)> {
    let start = match after {
        Some(after) if after >= prefix => Bound::Excluded(after.to_vec()),
        _ => Bound::Included(prefix.to_vec()),
    };
    ENTRIES.with_borrow(|entries| {
        entries
            .range((start, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .take(limit as usize)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    })
}
