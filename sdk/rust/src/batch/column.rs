//! Columns as they come from the host, pulled once.

use std::cell::OnceCell;

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
