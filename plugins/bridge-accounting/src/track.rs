//! What one side of a bridge amounted to, and when.

use serde::{Deserialize, Serialize};
use watchfire_sdk::prelude::*;

/// Most changes that are kept. Where there are more, the oldest are made one that speaks for the bridge.
const POINTS_AT_MOST: usize = 128;
/// Most movements that are kept for evidence: the largest ones.
const MOVES_AT_MOST: usize = 4;

/// A transfer that made the accounts worse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Move {
    pub(crate) at_s: u64,
    pub(crate) amount: U256,
    pub(crate) transaction: B256,
}

/// The amounts of one side by chain time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Track {
    /// From when on it amounted to how much, oldest first; only changes.
    points: Vec<(u64, U256)>,
    /// Chain time of the last read.
    pub(crate) seen_s: u64,
    /// The largest transfers since the accounts were right.
    pub(crate) moves: Vec<Move>,
}

impl Track {
    /// Notes what was read. Time that runs back counts as the newest time seen.
    pub(crate) fn read(&mut self, now_s: u64, amount: U256, is_locked: bool) {
        let now_s = now_s.max(self.seen_s);
        self.seen_s = now_s;
        match self.points.last_mut() {
            Some((_, last)) if *last == amount => return,
            // Two blocks of one second: the later one counts.
            Some((at_s, last)) if *at_s == now_s => *last = amount,
            _ => self.points.push((now_s, amount)),
        }
        if self.points.len() > POINTS_AT_MOST {
            let (second, first) = (self.points.remove(1).1, self.points[0].1);
            self.points[0].1 = if is_locked { first.max(second) } else { first.min(second) };
        }
    }

    /// Notes a transfer.
    pub(crate) fn moved(&mut self, at_s: u64, amount: U256, transaction: B256) {
        self.moves.push(Move { at_s, amount, transaction });
        self.moves.sort_by_key(|it| std::cmp::Reverse(it.amount));
        self.moves.truncate(MOVES_AT_MOST);
    }

    /// The least and the most that it amounted to from one moment to another; `None` where it was not read so early.
    pub(crate) fn range(&self, from_s: u64, to_s: u64) -> Option<(U256, U256)> {
        let begins = self.points.iter().rposition(|&(at_s, _)| at_s <= from_s)?;
        let within = self.points[begins..].iter().take_while(|&&(at_s, _)| at_s <= to_s.max(from_s));
        let amounts = within.map(|&(_, amount)| amount);
        Some((amounts.clone().min()?, amounts.max()?))
    }

    /// Forgets what is older than a moment, but what held then.
    pub(crate) fn forget_before(&mut self, from_s: u64) {
        if let Some(begins) = self.points.iter().rposition(|&(at_s, _)| at_s <= from_s) {
            self.points.drain(..begins);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(value: u64) -> U256 {
        U256::from(value)
    }

    #[test]
    fn a_range_begins_with_what_held_then() {
        let mut track = Track::default();
        for (at_s, amount) in [(100, 5), (110, 5), (120, 9), (120, 8), (130, 2)] {
            track.read(at_s, number(amount), true);
        }
        assert_eq!(track.range(99, 200), None);
        assert_eq!(track.range(119, 120), Some((number(5), number(8))));
        assert_eq!(track.range(125, 125), Some((number(8), number(8))));
        assert_eq!(track.range(125, 200), Some((number(2), number(8))));
        track.forget_before(125);
        assert_eq!(track.range(119, 125), None);
        assert_eq!(track.range(125, 200), Some((number(2), number(8))));
    }

    #[test]
    fn what_is_too_much_to_keep_speaks_for_the_bridge() {
        let (mut locked, mut issued) = (Track::default(), Track::default());
        for at_s in 0..1_000u64 {
            locked.read(at_s, number(1_000 - at_s), true);
            issued.read(at_s, number(at_s), false);
        }
        assert_eq!(locked.points.len(), POINTS_AT_MOST);
        assert_eq!(locked.range(0, 0), Some((number(1_000), number(1_000))));
        assert_eq!(issued.range(0, 0), Some((number(0), number(0))));
    }
}
