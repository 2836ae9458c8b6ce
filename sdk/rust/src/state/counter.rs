//! A count.

use super::{StateError, get, put};

/// A count that stays at its largest value rather than wrap.
pub struct Counter {
    key: Vec<u8>,
}

impl Counter {
    /// The counter under a key.
    pub fn at(key: Vec<u8>) -> Self {
        Self { key }
    }

    /// What it counts now.
    pub fn get(&self) -> Result<u64, StateError> {
        Ok(get(&self.key)?.unwrap_or(0))
    }

    /// Adds to it and gives what it counts then.
    pub fn add(&self, count: u64) -> Result<u64, StateError> {
        let total = self.get()?.saturating_add(count);
        put(&self.key, &total)?;
        Ok(total)
    }
}
