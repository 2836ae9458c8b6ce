//! A sum over a sliding span of chain time.

use alloy_primitives::{I256, Sign, U256};
use serde::{Deserialize, Serialize, Serializer};

use super::{StateError, decode, get_raw, put};

/// A sum over the last `span_s` seconds of chain time, kept in buckets so that it takes the same room however much
/// happens. The oldest bucket counts whole: the sum covers the span and at most one bucket more, so that nothing
/// inside the span is ever left out. Sums stay at their largest value rather than wrap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    bucket_s: u64,
    span_s: u64,
    /// Number of the bucket since the Unix epoch and its sum, oldest first.
    buckets: Vec<(u64, I256)>,
}

/// A bucket as it is stored: distance to the one before, whether negative, and the digits without leading zeros.
#[derive(Serialize, Deserialize)]
struct Stored<'a>(u64, bool, #[serde(borrow)] Digits<'a>);

/// Bytes that are copied at once, neither way one by one.
#[derive(Deserialize)]
struct Digits<'a>(#[serde(borrow)] &'a [u8]);

impl Serialize for Digits<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl Window {
    /// An empty window. A span of 0 counts as 1, and so does a number of buckets.
    pub fn new(span_s: u64, buckets: u32) -> Self {
        let span_s = span_s.max(1);
        Self { bucket_s: span_s.div_ceil(u64::from(buckets.max(1))), span_s, buckets: Vec::new() }
    }

    /// The window under a key, empty where there is none or its buckets had another length.
    pub fn load(key: &[u8], span_s: u64, buckets: u32) -> Result<Self, StateError> {
        let mut window = Self::new(span_s, buckets);
        let Some(bytes) = get_raw(key) else { return Ok(window) };
        let (bucket_s, stored): (u64, Vec<Stored<'_>>) = decode(key, &bytes)?;
        if bucket_s == window.bucket_s {
            let mut number = 0u64;
            for Stored(distance, negative, Digits(digits)) in stored {
                number = number.saturating_add(distance);
                let magnitude = U256::try_from_be_slice(digits).unwrap_or(U256::MAX);
                window.buckets.push((number, signed(negative, magnitude)));
            }
        }
        Ok(window)
    }

    /// Whether nothing was added within the span.
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// Puts the window under a key.
    pub fn save(&self, key: &[u8]) -> Result<(), StateError> {
        let digits: Vec<[u8; 32]> = self.buckets.iter().map(|(_, sum)| sum.unsigned_abs().to_be_bytes()).collect();
        let mut before = 0;
        let stored: Vec<Stored<'_>> = self
            .buckets
            .iter()
            .zip(&digits)
            .map(|(&(number, sum), digits)| {
                let distance = number - before;
                before = number;
                let zeros = digits.iter().take_while(|digit| **digit == 0).count();
                Stored(distance, sum.is_negative(), Digits(&digits[zeros..]))
            })
            .collect();
        put(key, &(self.bucket_s, stored))
    }

    /// Adds an amount at a chain time and forgets what the span has left behind. Time that stands still or runs
    /// back counts as the newest time seen.
    pub fn add(&mut self, now_s: u64, amount: I256) {
        let number = now_s / self.bucket_s;
        match self.buckets.last_mut() {
            Some((newest, sum)) if *newest >= number => *sum = sum.saturating_add(amount),
            _ => self.buckets.push((number, amount)),
        }
        let oldest = self.oldest(now_s);
        self.buckets.retain(|&(number, _)| number >= oldest);
    }

    /// The sum over the span that ends at a chain time.
    pub fn sum(&self, now_s: u64) -> I256 {
        let oldest = self.oldest(now_s);
        let within = self.buckets.iter().filter(|&&(number, _)| number >= oldest);
        within.fold(I256::ZERO, |sum, &(_, amount)| sum.saturating_add(amount))
    }

    fn oldest(&self, now_s: u64) -> u64 {
        now_s.saturating_sub(self.span_s) / self.bucket_s
    }
}

fn signed(negative: bool, magnitude: U256) -> I256 {
    let (sign, limit) = if negative { (Sign::Negative, I256::MIN) } else { (Sign::Positive, I256::MAX) };
    I256::checked_from_sign_and_abs(sign, magnitude).unwrap_or(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(value: i64) -> I256 {
        I256::try_from(value).unwrap()
    }

    #[test]
    fn what_is_inside_the_span_always_counts() {
        crate::testing::state::clear();
        let mut window = Window::new(600, 10);
        let mut steps = Vec::new();
        for (now_s, amount) in [(1_000, -5), (1_030, -7), (1_599, 2), (1_600, 0), (1_700, 0), (2_300, 0)] {
            window.add(now_s, number(amount));
            window.save(b"flow").unwrap();
            window = Window::load(b"flow", 600, 10).unwrap();
            steps.push(window.sum(now_s));
        }
        // 1,000 lies in the bucket from 960 to 1,020, which counts whole until the span has left it.
        assert_eq!(steps, [-5, -12, -10, -10, 2, 0].map(number));
        assert!(crate::testing::state::entries()[0].1.len() < 20);
    }

    #[test]
    fn a_hostile_amount_does_not_wrap() {
        let mut window = Window::new(600, 10);
        window.add(0, I256::MIN);
        window.add(0, I256::MIN);
        window.add(600, I256::MIN);
        assert_eq!(window.sum(600), I256::MIN);
        window.save(b"hostile").unwrap();
        assert_eq!(Window::load(b"hostile", 600, 10).unwrap(), window);
    }

    #[test]
    fn another_span_starts_anew() {
        let mut window = Window::new(600, 10);
        window.add(0, number(1));
        window.save(b"respan").unwrap();
        assert_eq!(Window::load(b"respan", 1200, 10).unwrap(), Window::new(1200, 10));
    }
}
