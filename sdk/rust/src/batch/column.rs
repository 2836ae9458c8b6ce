//! Columns as they come from the host, pulled once.

use std::cell::OnceCell;

use alloy_primitives::U256;

/// A word as a number. By limbs: the general way goes over 32 bytes one by one.
pub(crate) fn number(word: &[u8; 32]) -> U256 {
    let (limbs, _) = word.as_chunks::<8>();
    U256::from_limbs([3, 2, 1, 0].map(|at: usize| limbs.get(at).copied().map_or(0, u64::from_be_bytes)))
}

/// Rows of exactly `N` bytes.
#[derive(Default)]
pub(crate) struct Fixed<const N: usize>(OnceCell<Vec<u8>>);

impl<const N: usize> Fixed<N> {
    pub(crate) fn get(&self, row: usize, pull: impl FnOnce() -> Vec<u8>) -> &[u8; N] {
        let (rows, _) = self.0.get_or_init(pull).as_chunks::<N>();
        &rows[row]
    }
}

/// Rows of one plain value.
pub(crate) struct Plain<T>(OnceCell<Vec<T>>);

impl<T> Default for Plain<T> {
    fn default() -> Self {
        Self(OnceCell::new())
    }
}

impl<T: Copy> Plain<T> {
    pub(crate) fn get(&self, row: usize, pull: impl FnOnce() -> Vec<T>) -> T {
        self.0.get_or_init(pull)[row]
    }
}

/// Rows of any length.
#[derive(Default)]
pub(crate) struct Variable {
    bytes: OnceCell<Vec<u8>>,
    offsets: OnceCell<Vec<u32>>,
}

impl Variable {
    pub(crate) fn get(&self, row: usize, bytes: impl FnOnce() -> Vec<u8>, offsets: impl FnOnce() -> Vec<u32>) -> &[u8] {
        let offsets = self.offsets.get_or_init(offsets);
        &self.bytes.get_or_init(bytes)[offsets[row] as usize..offsets[row + 1] as usize]
    }
}

/// How many rows there are, asked for once.
#[derive(Default)]
pub(crate) struct Count(OnceCell<u32>);

impl Count {
    pub(crate) fn get(&self, ask: impl FnOnce() -> u32) -> usize {
        *self.0.get_or_init(ask) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_the_same_number_as_by_the_general_way() {
        for word in [[0; 32], [0xff; 32], std::array::from_fn(|at| at as u8), std::array::from_fn(|at| 200 - at as u8)]
        {
            assert_eq!(number(&word), U256::from_be_bytes(word));
        }
    }
}
