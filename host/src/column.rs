//! Columns: rows of bytes held end to end, as they cross the boundary to a guest.

use serde::{Deserialize, Serialize};

/// Rows of exactly `N` bytes.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "FixedParts")]
pub struct Fixed<const N: usize> {
    #[serde(with = "serde_bytes")]
    bytes: Vec<u8>,
}

/// What a column of fixed width is stored as, before it is known to be one.
#[derive(Deserialize)]
struct FixedParts {
    #[serde(with = "serde_bytes")]
    bytes: Vec<u8>,
}

impl<const N: usize> TryFrom<FixedParts> for Fixed<N> {
    type Error = String;

    fn try_from(FixedParts { bytes }: FixedParts) -> Result<Self, String> {
        Self::try_from(bytes)
    }
}

impl<const N: usize> TryFrom<Vec<u8>> for Fixed<N> {
    type Error = String;

    /// Takes rows that stand end to end.
    fn try_from(bytes: Vec<u8>) -> Result<Self, String> {
        if bytes.len().is_multiple_of(N) {
            return Ok(Self { bytes });
        }
        Err(format!("a column of {} bytes has no rows of {N}", bytes.len()))
    }
}

impl<const N: usize> Fixed<N> {
    /// Makes an empty column with room for `rows`.
    pub fn with_capacity(rows: usize) -> Self {
        Self { bytes: Vec::with_capacity(rows * N) }
    }

    /// Appends a row.
    pub fn push(&mut self, row: &[u8; N]) {
        self.bytes.extend_from_slice(row);
    }

    /// Returns row `index`; panics past the end, as a slice does.
    pub fn get(&self, index: usize) -> &[u8; N] {
        let (rows, _) = self.bytes.as_chunks::<N>();
        &rows[index]
    }

    /// Returns all rows in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8; N]> {
        let (rows, _) = self.bytes.as_chunks::<N>();
        rows.iter()
    }

    /// Returns how many rows there are.
    pub fn len(&self) -> usize {
        self.bytes.len() / N
    }

    /// True if there is no row.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Returns the rows end to end.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the chosen rows end to end.
    pub fn gather(&self, rows: &[u32]) -> Vec<u8> {
        let mut out = Vec::with_capacity(rows.len() * N);
        for &row in rows {
            out.extend_from_slice(self.get(row as usize));
        }
        out
    }
}

/// A column that would hold more than 4 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a column holds up to 4 GiB")]
pub struct Overflow;

/// Rows of any length.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "VariableParts")]
pub struct Variable {
    /// Where each row starts, and at last where the last one ends: one more than there are rows.
    offsets: Vec<u32>,
    #[serde(with = "serde_bytes")]
    bytes: Vec<u8>,
}

/// What a column of any width is stored as, before it is known to be one.
#[derive(Deserialize)]
struct VariableParts {
    offsets: Vec<u32>,
    #[serde(with = "serde_bytes")]
    bytes: Vec<u8>,
}

impl TryFrom<VariableParts> for Variable {
    type Error = String;

    fn try_from(VariableParts { offsets, bytes }: VariableParts) -> Result<Self, String> {
        let ends = offsets.first() == Some(&0) && offsets.last().is_some_and(|last| *last as usize == bytes.len());
        if ends && offsets.is_sorted() {
            return Ok(Self { offsets, bytes });
        }
        Err("a column whose offsets are not those of its bytes".to_owned())
    }
}

impl Default for Variable {
    fn default() -> Self {
        Self { offsets: vec![0], bytes: Vec::new() }
    }
}

impl Variable {
    /// Appends a row.
    ///
    /// # Errors
    /// If the column would hold more than 4 GiB: where rows start crosses the boundary in 32 bits. The column stays as it
    /// was.
    pub fn push(&mut self, row: &[u8]) -> Result<(), Overflow> {
        let start = self.offsets.last().copied().unwrap_or_default();
        let end = u32::try_from(row.len()).ok().and_then(|length| start.checked_add(length)).ok_or(Overflow)?;
        self.bytes.extend_from_slice(row);
        self.offsets.push(end);
        Ok(())
    }

    /// Returns row `index`; panics past the end, as a slice does.
    pub fn get(&self, index: usize) -> &[u8] {
        &self.bytes[self.offsets[index] as usize..self.offsets[index + 1] as usize]
    }

    /// Returns all rows in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// Returns how many rows there are.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// True if there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the rows end to end.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns where each row starts, and at last where the last one ends.
    pub fn offsets(&self) -> &[u32] {
        &self.offsets
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_column_is_not_read_as_one() {
        let fixed = |bytes: &[u8]| serde_json::from_value::<Fixed<2>>(serde_json::json!({ "bytes": bytes })).is_ok();
        assert_eq!([&[][..], &[1], &[1, 2], &[1, 2, 3]].map(fixed), [true, false, true, false]);
        let variable = |offsets: &[u32]| {
            serde_json::from_value::<Variable>(serde_json::json!({ "offsets": offsets, "bytes": [1, 2] })).is_ok()
        };
        let offsets: [&[u32]; 6] = [&[0, 2], &[0, 1, 1, 2], &[], &[1, 2], &[0, 1], &[0, 3, 2]];
        assert_eq!(offsets.map(variable), [true, true, false, false, false, false]);
    }

    #[test]
    fn a_column_past_4_gib_is_an_error_and_stays_as_it_was() {
        // Only where rows end counts.
        let mut column = Variable { offsets: vec![0, u32::MAX - 2], bytes: Vec::new() };
        assert_eq!(column.push(&[1, 2, 3]), Err(Overflow));
        assert_eq!((column.len(), column.push(&[1, 2])), (1, Ok(())));
    }
}
