//! How much is fetched at once, and how long to wait after an attempt that failed.

use std::time::Duration;

use tokio::time::Instant;

use crate::source::evm::config::ChainConfig;
use crate::source::evm::rest::rest;

/// The longest wait after something failed.
const LONGEST: Duration = Duration::from_secs(10);
/// A block that nobody has yet is asked for again after this many polls at the latest.
const MISSING_POLLS: u32 = 4;

/// The follower's pace: wide while blocks come, one block at a time and ever slower while none does.
#[derive(Debug)]
pub(super) struct Pace {
    poll: Duration,
    most: u64,
    width: u64,
    failures: u32,
    not_before: Option<Instant>,
}

impl Pace {
    pub(super) fn new(config: &ChainConfig) -> Self {
        let most = u64::from(config.prefetch.max(config.batch).max(1));
        let poll = Duration::from_millis(config.poll_interval_ms);
        Self { poll, most, width: most, failures: 0, not_before: None }
    }

    /// How many blocks to fetch ahead.
    pub(super) fn width(&self) -> u64 {
        self.width
    }

    /// How many blocks to fetch ahead if nothing fails.
    pub(super) fn widest(&self) -> u64 {
        self.most
    }

    /// Attempts in a row at the same block that failed.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// True if the next attempt is due.
    pub(super) fn may_try(&self, now: Instant) -> bool {
        self.not_before.is_none_or(|not_before| now >= not_before)
    }

    /// Notes that a block was taken in, or that there is none to take.
    pub(super) fn progressed(&mut self) {
        self.failures = 0;
        self.not_before = None;
    }

    /// Notes that all that was asked for came.
    pub(super) fn all_came(&mut self) {
        self.progressed();
        self.width = (self.width * 2).min(self.most);
    }

    /// Notes that the next block could not be had. `is_missing`: nobody has it yet.
    pub(super) fn failed(&mut self, now: Instant, is_missing: bool) {
        self.failures = self.failures.saturating_add(1);
        self.width = 1;
        let longest = if is_missing { self.poll * MISSING_POLLS } else { LONGEST.max(self.poll) };
        let pause = rest(self.poll, longest, self.failures);
        // The first attempt after a missing block comes with the next look at the head.
        let pause = if is_missing && self.failures == 1 { Duration::ZERO } else { pause };
        self.not_before = Some(now + pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace() -> Pace {
        Pace::new(&toml::from_str("id = 1\nendpoints = ['http://x']\npoll_interval_ms = 1000").unwrap())
    }

    #[test]
    fn a_chain_that_stands_is_asked_ever_more_slowly_and_one_block_at_a_time() {
        let (mut pace, start) = (pace(), Instant::now());
        assert_eq!(pace.width(), 32);
        let mut now = start;
        for _ in 0..10 {
            pace.failed(now, false);
            assert!(!pace.may_try(now), "not at once");
            while !pace.may_try(now) {
                now += Duration::from_millis(100);
            }
        }
        assert_eq!(pace.width(), 1);
        assert!(now - start > Duration::from_secs(60), "{:?}", now - start);
        assert!(now - start < Duration::from_secs(110), "{:?}", now - start);
        pace.all_came();
        assert_eq!((pace.width(), pace.failures(), pace.may_try(now)), (2, 0, true));
    }

    #[test]
    fn a_block_that_is_not_there_yet_is_asked_for_with_the_next_look() {
        let (mut pace, now) = (pace(), Instant::now());
        pace.failed(now, true);
        assert!(pace.may_try(now));
        for _ in 0..20 {
            pace.failed(now, true);
        }
        assert!(pace.may_try(now + Duration::from_secs(6)), "a block may come any moment");
    }
}
