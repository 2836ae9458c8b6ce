//! Sums over one sliding span of chain time, each of another item.

use std::collections::VecDeque;

use alloy_primitives::{I256, Sign, U256};
use hashbrown::HashMap;

use super::{StateError, delete, put_raw, scan};
use crate::Key;

/// Entries that are read at once.
const PAGE: u32 = 256;

/// A sum for each of many items of `N` bytes, over the last `span_s` seconds of chain time: a [`super::Window`] for each,
/// for rules under which many move at once. What a batch moves is one entry of the state, whatever it moves; an entry is
/// removed when the span has left it behind. All sums are at hand in memory, as a field of the detector.
///
/// As with a window, the oldest bucket counts whole, and sums stay at their largest value rather than wrap.
pub struct Sums<const N: usize> {
    key: Vec<u8>,
    bucket_s: u64,
    span_s: u64,
    /// Where the sum of an item is.
    places: HashMap<Key<N>, usize>,
    sums: Vec<Sum>,
    /// Places whose sum is nobody's.
    free: Vec<usize>,
    /// What the batch moved so far, and where its sum is, in the order in which items were first named.
    moved: Vec<([u8; N], usize, I256)>,
    /// Keys of the stored entries, with the number of their bucket, oldest first.
    stored: VecDeque<(u64, Vec<u8>)>,
    /// Keys of entries whose buckets have another length.
    foreign: Vec<Vec<u8>>,
}

#[derive(Default)]
struct Sum {
    /// Number of the bucket since the Unix epoch and what moved in it, oldest first.
    buckets: VecDeque<(u64, I256)>,
    /// All buckets together; of no meaning once it has overflowed.
    total: I256,
    has_overflowed: bool,
    /// One more than its place in `moved`; 0 where the batch did not move it.
    in_moved: usize,
}

/// What a batch moved of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved<const N: usize> {
    /// Which.
    pub item: [u8; N],
    /// By how much.
    pub by: I256,
    /// What the sum is now.
    pub sum: I256,
}

impl<const N: usize> Sums<N> {
    /// The sums under a key, as far as they are stored. A span of 0 counts as 1, and so does a number of buckets. Entries
    /// of buckets of another length are left out, and removed with the next batch that moves something.
    pub fn load(key: &[u8], span_s: u64, buckets: u32) -> Result<Self, StateError> {
        let span_s = span_s.max(1);
        let bucket_s = span_s.div_ceil(u64::from(buckets.max(1)));
        let mut sums = Self {
            key: key.to_vec(),
            bucket_s,
            span_s,
            places: HashMap::new(),
            sums: Vec::new(),
            free: Vec::new(),
            moved: Vec::new(),
            stored: VecDeque::new(),
            foreign: Vec::new(),
        };
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = scan(key, after.as_deref(), PAGE);
            let is_last = page.len() < PAGE as usize;
            after = page.last().map(|(key, _)| key.clone());
            for (key, value) in page {
                sums.take_in(key, &value)?;
            }
            if is_last {
                return Ok(sums);
            }
        }
    }

    /// Whether anything was moved of an item within the span, or by this batch.
    pub fn contains(&self, item: &[u8; N]) -> bool {
        self.places.contains_key(&Key(*item))
    }

    /// Moves an item. Several moves within one batch are one move by their sum.
    pub fn add(&mut self, item: [u8; N], amount: I256) {
        let place = self.place(item);
        let sum = &mut self.sums[place];
        if sum.in_moved == 0 {
            self.moved.push((item, place, amount));
            sum.in_moved = self.moved.len();
        } else {
            let by = &mut self.moved[sum.in_moved - 1].2;
            *by = by.saturating_add(amount);
        }
    }

    fn place(&mut self, item: [u8; N]) -> usize {
        let Self { places, sums, free, .. } = self;
        *places.entry(Key(item)).or_insert_with(|| {
            free.pop().unwrap_or_else(|| {
                sums.push(Sum::default());
                sums.len() - 1
            })
        })
    }

    /// Ends a batch at a chain time: stores what it moved, forgets what the span has left behind, and gives each item that
    /// moved with its sum, in the order in which they were first named. Time that runs back counts as the newest time seen.
    pub fn settle(&mut self, now_s: u64) -> Result<Vec<Moved<N>>, StateError> {
        if self.moved.is_empty() {
            return Ok(Vec::new());
        }
        let oldest = now_s.saturating_sub(self.span_s) / self.bucket_s;
        let newest = self.stored.back().map(|(number, _)| *number);
        let number = (now_s / self.bucket_s).max(newest.unwrap_or(0));
        if newest.is_some_and(|newest| newest < number) {
            self.forget_before(oldest);
        }
        let mut value = Vec::with_capacity(self.moved.len() * (N + 12));
        let mut told = Vec::with_capacity(self.moved.len());
        for (item, place, by) in self.moved.drain(..) {
            write(&mut value, &item, by);
            let sum = &mut self.sums[place];
            sum.in_moved = 0;
            sum.add(number, by);
            sum.forget_before(oldest);
            told.push(Moved { item, by, sum: sum.value() });
        }
        let part = self.stored.iter().rev().take_while(|(stored, _)| *stored == number).count() as u64;
        let key = [&self.key[..], &self.bucket_s.to_be_bytes(), &number.to_be_bytes(), &part.to_be_bytes()].concat();
        put_raw(&key, &value)?;
        self.stored.push_back((number, key));
        self.foreign.drain(..).for_each(|key| delete(&key));
        Ok(told)
    }

    fn forget_before(&mut self, oldest: u64) {
        while let Some((_, key)) = self.stored.pop_front_if(|(number, _)| *number < oldest) {
            delete(&key);
        }
        let Self { places, sums, free, .. } = self;
        places.retain(|_, place| {
            let sum = &mut sums[*place];
            let stays = sum.in_moved > 0 || sum.buckets.back().is_some_and(|(number, _)| *number >= oldest);
            if !stays {
                *sum = Sum::default();
                free.push(*place);
            }
            stays
        });
    }

    fn take_in(&mut self, key: Vec<u8>, mut value: &[u8]) -> Result<(), StateError> {
        let invalid = || StateError::Invalid(format!("the value under `{}` has another shape", key.escape_ascii()));
        let place = key.get(self.key.len()..).filter(|place| place.len() == 24).ok_or_else(invalid)?;
        let (bucket_s, rest) = place.split_at(8);
        if bucket_s != self.bucket_s.to_be_bytes() {
            self.foreign.push(key);
            return Ok(());
        }
        let number = rest.first_chunk().map_or(0, |number| u64::from_be_bytes(*number));
        while !value.is_empty() {
            let (item, by) = read(&mut value).ok_or_else(invalid)?;
            let place = self.place(item);
            self.sums[place].add(number, by);
        }
        self.stored.push_back((number, key));
        Ok(())
    }
}

impl Sum {
    fn add(&mut self, number: u64, amount: I256) {
        match self.buckets.back_mut() {
            Some((newest, sum)) if *newest >= number => {
                let (added, overflows) = sum.overflowing_add(amount);
                self.has_overflowed |= overflows;
                *sum = if overflows { sum.saturating_add(amount) } else { added };
            }
            _ => self.buckets.push_back((number, amount)),
        }
        let (total, overflows) = self.total.overflowing_add(amount);
        self.total = total;
        self.has_overflowed |= overflows;
    }

    fn forget_before(&mut self, oldest: u64) {
        while let Some((_, amount)) = self.buckets.pop_front_if(|(number, _)| *number < oldest) {
            let (total, overflows) = self.total.overflowing_sub(amount);
            self.total = total;
            self.has_overflowed |= overflows;
        }
    }

    fn value(&self) -> I256 {
        if self.has_overflowed {
            return self.buckets.iter().fold(I256::ZERO, |sum, (_, amount)| sum.saturating_add(*amount));
        }
        self.total
    }
}

/// An item and its amount: the sign and the number of digits in a byte, and the digits without leading zeros.
fn write<const N: usize>(out: &mut Vec<u8>, item: &[u8; N], amount: I256) {
    let magnitude = amount.unsigned_abs();
    let digits = magnitude.to_be_bytes::<32>();
    let zeros = magnitude.leading_zeros() / 8;
    out.extend_from_slice(item);
    out.push((32 - zeros) as u8 | if amount.is_negative() { 0x80 } else { 0 });
    out.extend_from_slice(&digits[zeros..]);
}

fn read<const N: usize>(value: &mut &[u8]) -> Option<([u8; N], I256)> {
    let (item, rest) = value.split_first_chunk::<N>()?;
    let (head, rest) = rest.split_first()?;
    let (digits, rest) = rest.split_at_checked((head & 0x7f).into())?;
    *value = rest;
    let magnitude = U256::try_from_be_slice(digits)?;
    let sign = if head & 0x80 == 0 { Sign::Positive } else { Sign::Negative };
    let saturated = if head & 0x80 == 0 { I256::MAX } else { I256::MIN };
    Some((*item, I256::checked_from_sign_and_abs(sign, magnitude).unwrap_or(saturated)))
}

#[cfg(test)]
mod tests {
    use super::super::Window;
    use super::*;

    fn number(amount: i64) -> I256 {
        I256::try_from(amount).unwrap()
    }

    #[test]
    fn each_item_has_the_sum_that_a_window_of_its_own_has() {
        crate::testing::state::clear();
        let mut windows = [Window::new(600, 10), Window::new(600, 10), Window::new(600, 10)];
        let mut sums = Sums::<2>::load(b"flow", 600, 10).unwrap();
        let mut random = 7_u64;
        let mut now_s = 1_000;
        for step in 0..2_000 {
            let mut draw = |below: u64| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (random >> 33) % below
            };
            now_s += [0, 3, 40, 700][draw(4) as usize] * draw(2);
            let mut by = [I256::ZERO; 3];
            let mut expected = Vec::new();
            for _ in 0..draw(5) {
                let (item, amount) = (draw(3) as usize, number(draw(200) as i64 - 100));
                sums.add([item as u8; 2], amount);
                by[item] += amount;
                if !expected.contains(&item) {
                    expected.push(item);
                }
            }
            let expected: Vec<_> = expected
                .into_iter()
                .map(|item| {
                    windows[item].add(now_s, by[item]);
                    Moved { item: [item as u8; 2], by: by[item], sum: windows[item].sum(now_s) }
                })
                .collect();
            assert_eq!(sums.settle(now_s).unwrap(), expected, "step {step}");
            if draw(3) == 0 {
                // As after a reorg or a restart.
                sums = Sums::load(b"flow", 600, 10).unwrap();
            }
        }
        assert!(crate::testing::state::entries().len() < 700, "what the span has left is removed");
    }

    #[test]
    fn amounts_of_any_size_are_stored() {
        crate::testing::state::clear();
        let mut sums = Sums::<1>::load(b"big", 600, 10).unwrap();
        for (item, amount) in [I256::MIN, I256::MAX, I256::ZERO, I256::MINUS_ONE].into_iter().enumerate() {
            sums.add([item as u8], amount);
        }
        let told = sums.settle(0).unwrap();
        let mut again = Sums::<1>::load(b"big", 600, 10).unwrap();
        for item in 0..4 {
            again.add([item], I256::ZERO);
        }
        let sums: Vec<I256> = again.settle(1).unwrap().iter().map(|moved| moved.sum).collect();
        assert_eq!(sums, told.iter().map(|moved| moved.sum).collect::<Vec<_>>());
    }

    #[test]
    fn another_span_starts_anew_and_leaves_nothing_behind() {
        crate::testing::state::clear();
        let mut sums = Sums::<1>::load(b"respan", 600, 10).unwrap();
        sums.add([1], number(1));
        sums.settle(10).unwrap();
        let mut sums = Sums::<1>::load(b"respan", 1_200, 10).unwrap();
        sums.add([1], number(2));
        assert_eq!(sums.settle(20).unwrap()[0].sum, number(2));
        assert_eq!(crate::testing::state::entries().len(), 1);
    }
}
