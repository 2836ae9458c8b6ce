//! Bytes as the key of a hash table.

use std::hash::{Hash, Hasher};

/// Bytes that are compared and hashed by words. WebAssembly has no instruction that compares memory, and a loop over
/// bytes takes longer than all else of a lookup.
#[derive(Clone, Copy, Debug, Eq)]
pub struct Key<const N: usize>(pub [u8; N]);

impl<const N: usize> Key<N> {
    /// The words, the last of them filled up with zeros.
    fn words(&self) -> impl Iterator<Item = u64> {
        let (words, rest) = self.0.as_chunks::<8>();
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        let last = (!rest.is_empty()).then(|| u64::from_le_bytes(last));
        words.iter().map(|word| u64::from_le_bytes(*word)).chain(last)
    }
}

impl<const N: usize> PartialEq for Key<N> {
    fn eq(&self, other: &Self) -> bool {
        self.words().zip(other.words()).fold(0, |differ, (own, other)| differ | (own ^ other)) == 0
    }
}

impl<const N: usize> Hash for Key<N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.words().for_each(|word| state.write_u64(word));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_counts() {
        let key = Key([7; 20]);
        assert_eq!(key, Key([7; 20]));
        for at in 0..20 {
            let mut other = key;
            other.0[at] ^= 1;
            assert_ne!(key, other, "byte {at}");
        }
    }
}
