//! Columns: rows of bytes held end to end, as they cross the boundary to a guest.

use serde::{Deserialize, Serialize};

/// Rows of exactly `N` bytes.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fixed<const N: usize> {
    #[serde(with = "serde_bytes")]
    bytes: Vec<u8>,
}

impl<const N: usize> Fixed<N> {
    /// An empty column with room for `rows`.
    pub fn with_capacity(rows: usize) -> Self {
        Self { bytes: Vec::with_capacity(rows * N) }
    }

    /// Appends a row.
    pub fn push(&mut self, row: &[u8; N]) {
        self.bytes.extend_from_slice(row);
    }

    /// Row `index`; panics past the end, as a slice does.
    pub fn get(&self, index: usize) -> &[u8; N] {
        let (rows, _) = self.bytes.as_chunks::<N>();
        &rows[index]
    }

    /// All rows in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8; N]> {
        let (rows, _) = self.bytes.as_chunks::<N>();
        rows.iter()
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.bytes.len() / N
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The rows end to end.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The chosen rows end to end.
    pub fn gather(&self, rows: &[u32]) -> Vec<u8> {
        let mut out = Vec::with_capacity(rows.len() * N);
        for &row in rows {
            out.extend_from_slice(self.get(row as usize));
        }
        out
    }
}

/// Rows of any length.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// Where each row starts, and at last where the last one ends: one more than there are rows.
    offsets: Vec<u32>,
    #[serde(with = "serde_bytes")]
    bytes: Vec<u8>,
}

impl Default for Variable {
    fn default() -> Self {
        Self { offsets: vec![0], bytes: Vec::new() }
    }
}

impl Variable {
    /// Appends a row.
    ///
    /// Panics past 4 GiB in all, which no block reaches: sources bound the size of what they take in.
    pub fn push(&mut self, row: &[u8]) {
        self.bytes.extend_from_slice(row);
        self.offsets.push(u32::try_from(self.bytes.len()).expect("a column is bounded by its source"));
    }

    /// Row `index`; panics past the end, as a slice does.
    pub fn get(&self, index: usize) -> &[u8] {
        &self.bytes[self.offsets[index] as usize..self.offsets[index + 1] as usize]
    }

    /// All rows in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows end to end.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where each row starts, and at last where the last one ends.
    pub fn offsets(&self) -> &[u32] {
        &self.offsets
    }

    /// A column of the chosen rows.
    pub fn gather(&self, rows: &[u32]) -> Self {
        let size = rows.iter().map(|&row| self.get(row as usize).len()).sum();
        let mut out = Self { offsets: Vec::with_capacity(rows.len() + 1), bytes: Vec::with_capacity(size) };
        out.offsets.push(0);
        for &row in rows {
            out.push(self.get(row as usize));
        }
        out
    }
}

impl<const N: usize> std::fmt::Debug for Fixed<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} rows of {N} bytes", self.len())
    }
}

impl std::fmt::Debug for Variable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} rows, {} bytes", self.len(), self.bytes.len())
    }
}
