//! The newest few of many.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{StateError, get, put};

/// The newest `capacity` values. A push reads one small entry and writes two, whatever the capacity.
pub struct Ring {
    key: Vec<u8>,
    capacity: u32,
}

impl Ring {
    /// The ring under a key; a capacity of 0 counts as 1.
    pub fn at(key: Vec<u8>, capacity: u32) -> Self {
        Self { key, capacity: capacity.max(1) }
    }

    fn slot(&self, pushed: u64) -> Vec<u8> {
        let slot = (pushed % u64::from(self.capacity)) as u32;
        [&self.key[..], &[1], &slot.to_be_bytes()].concat()
    }

    fn head(&self) -> Vec<u8> {
        [&self.key[..], &[0]].concat()
    }

    /// How many were ever pushed.
    pub fn pushed(&self) -> Result<u64, StateError> {
        Ok(get(&self.head())?.unwrap_or(0))
    }

    /// Adds a value; the oldest makes room.
    pub fn push<T: Serialize>(&self, value: &T) -> Result<(), StateError> {
        let pushed = self.pushed()?;
        put(&self.slot(pushed), value)?;
        put(&self.head(), &(pushed + 1))
    }

    /// The values, oldest first.
    pub fn values<T: DeserializeOwned>(&self) -> Result<Vec<T>, StateError> {
        let pushed = self.pushed()?;
        let oldest = pushed.saturating_sub(u64::from(self.capacity));
        let values = (oldest..pushed).map(|at| get(&self.slot(at)));
        values.filter_map(Result::transpose).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room() {
        crate::testing::state::clear();
        let ring = Ring::at(b"prices".to_vec(), 3);
        let mut seen = Vec::new();
        for value in 1u64..=5 {
            ring.push(&value).unwrap();
            seen.push(ring.values::<u64>().unwrap());
        }
        assert_eq!(seen, [vec![1], vec![1, 2], vec![1, 2, 3], vec![2, 3, 4], vec![3, 4, 5]]);
        assert_eq!(crate::testing::state::entries().len(), 4);
    }
}
