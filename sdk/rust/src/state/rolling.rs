//! A sum over a sliding span of chain time, laid out alike in every SDK.

use alloy_primitives::U256;

use super::{StateError, delete, put_raw, scan};

/// Entries that are read at once.
const PAGE: u32 = 256;

/// A sum of amounts over the last `span_s` seconds of chain time, exact to the second. Each second in which something
/// happened is an entry of its own (the key, then the second as 8 bytes; the amount as 32), so that SDKs of other
/// languages read what this one wrote. [`Window`](super::Window) takes less room where much happens.
pub struct Rolling {
    key: Vec<u8>,
    span_s: u64,
}

impl Rolling {
    /// The sum under a key. No other key may begin with it.
    pub fn at(key: Vec<u8>, span_s: u64) -> Self {
        Self { key, span_s }
    }

    /// Adds an amount at a chain time, forgets what the span has left behind, and gives the sum over the span. It stays
    /// at the largest value rather than wrap.
    pub fn add(&self, now_s: u64, amount: U256) -> Result<U256, StateError> {
        let (mut sum, mut now) = (amount, amount);
        let mut after = None;
        loop {
            let page = scan(&self.key, after.as_deref(), PAGE);
            for (key, value) in &page {
                let second = key[self.key.len()..].try_into().map_or(0, u64::from_be_bytes);
                let value = U256::try_from_be_slice(value).unwrap_or(U256::MAX);
                if second.saturating_add(self.span_s) <= now_s {
                    delete(key);
                    continue;
                }
                sum = sum.saturating_add(value);
                if second == now_s {
                    now = now.saturating_add(value);
                }
            }
            match page.into_iter().next_back() {
                Some((last, _)) => after = Some(last),
                None => break,
            }
        }
        put_raw(&[&self.key[..], &now_s.to_be_bytes()].concat(), &now.to_be_bytes::<32>())?;
        Ok(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_span_counts_and_nothing_else_stays() {
        crate::testing::state::clear();
        let rolling = Rolling::at(b"out".to_vec(), 60);
        let add = |now_s, amount: u64| rolling.add(now_s, U256::from(amount)).unwrap();
        assert_eq!([add(100, 5), add(100, 7), add(159, 1), add(160, 1)], [5, 12, 13, 2].map(U256::from));
        assert_eq!(crate::testing::state::entries().len(), 2);
        assert_eq!(rolling.add(161, U256::MAX).unwrap(), U256::MAX);
    }
}
