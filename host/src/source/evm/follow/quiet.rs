//! Whether a chain is quiet for longer than it is used to: then others than the node that is followed are asked for their heads.

use std::time::Duration;

use tokio::time::Instant;

/// The shortest quiet after which another node is asked; and how soon the next one is.
const LEAST: Duration = Duration::from_secs(1);
/// Another node is asked this often at the least. The nodes are compared as often anyway.
const MOST: Duration = Duration::from_secs(15);
/// From block to block, before any was seen.
const FIRST_USUAL: Duration = Duration::from_secs(2);
/// So many usual times from block to block are a quiet.
const TIMES_USUAL: u32 = 2;

/// When the tip moved, and how often it does.
#[derive(Debug)]
pub(super) struct Quiet {
    moved: Instant,
    /// From block to block, smoothed.
    usual: Duration,
    longest: Duration,
    /// How often others were asked since the tip moved.
    asked: u32,
    next: Instant,
}

impl Quiet {
    /// `stall_after` is when a chain counts as stalled: others are asked well before.
    pub(super) fn new(stall_after: Duration, now: Instant) -> Self {
        let longest = (stall_after / 4).max(LEAST);
        let usual = FIRST_USUAL.min(longest);
        Self { moved: now, usual, longest, asked: 0, next: now + (usual * TIMES_USUAL).clamp(LEAST, longest) }
    }

    /// Notes that a block was taken in.
    pub(super) fn moved(&mut self, now: Instant) {
        let passed = now.duration_since(self.moved).min(self.longest);
        self.usual = (self.usual * 3 + passed) / 4;
        self.moved = now;
        self.asked = 0;
        self.next = now + (self.usual * TIMES_USUAL).clamp(LEAST, self.longest);
    }

    /// Returns how often others were asked before if it is time to ask one. The next time is later each time.
    pub(super) fn asks(&mut self, now: Instant) -> Option<usize> {
        if now < self.next {
            return None;
        }
        let turn = self.asked;
        self.asked = self.asked.saturating_add(1);
        self.next = now + LEAST.saturating_mul(2_u32.saturating_pow(turn.min(8))).min(MOST);
        Some(turn as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When others are asked after the last of some blocks, in seconds.
    fn asked_at(every: Duration, blocks: u32, stall_after_s: u64) -> Vec<u64> {
        let mut now = Instant::now();
        let mut quiet = Quiet::new(Duration::from_secs(stall_after_s), now);
        for _ in 0..blocks {
            now += every;
            assert_eq!(quiet.asks(now), None, "blocks come as ever");
            quiet.moved(now);
        }
        let seconds = (1..=60).filter(|second| quiet.asks(now + Duration::from_secs(*second)).is_some());
        seconds.collect()
    }

    #[test]
    fn others_are_asked_when_blocks_are_overdue_and_ever_more_seldom() {
        assert_eq!(asked_at(Duration::from_millis(250), 40, 120), [1, 2, 4, 8, 16, 31, 46]);
        assert_eq!(asked_at(Duration::from_secs(3), 40, 120), [6, 7, 9, 13, 21, 36, 51]);
        // Before a block was seen.
        assert_eq!(asked_at(Duration::ZERO, 0, 120), [4, 5, 7, 11, 19, 34, 49]);
        // Never later than a quarter of what counts as a stall.
        assert_eq!(asked_at(Duration::from_secs(3), 40, 20)[0], 5);
    }
}
