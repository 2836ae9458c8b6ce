//! The clock that inputs are stamped with: the wall clock, without its jumps.
//!
//! A wall clock is set now and then, by a few milliseconds as a rule, by years where something is wrong. What the plan
//! decides must not hang on that, so time passes here as the monotonic clock says, and the wall clock is followed where
//! it is close. Where it is not, that is told: a jump ahead counts once it has lasted, a jump back is caught up with at
//! half the speed, for time never goes back.

/// How far the wall clock may be off before it counts as a jump, milliseconds.
const TOLERANCE_MS: u64 = 1_000;
/// For how long a jump ahead must last before it is believed, milliseconds.
const BELIEVED_AFTER_MS: u64 = 60_000;

/// Milliseconds since the Unix epoch that never go back, and go on while a process lives whatever the wall clock does.
#[derive(Debug)]
pub struct Clock {
    now_ms: u64,
    /// The monotonic clock at the last reading.
    monotonic_ms: u64,
    /// Where the wall clock has jumped ahead: since when, by the monotonic clock.
    ahead_since_ms: Option<u64>,
    jumped: bool,
}

/// What the clock says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Milliseconds since the Unix epoch.
    pub now_ms: u64,
    /// By how much the wall clock is ahead of this, where it has just jumped or is just followed again (then 0).
    pub jump_ms: Option<i64>,
}

impl Clock {
    /// Goes on from the newest stamp of a journal, or from the wall clock where that is later.
    pub fn new(newest_ms: u64, wall_ms: u64, monotonic_ms: u64) -> Self {
        Self { now_ms: newest_ms.max(wall_ms), monotonic_ms, ahead_since_ms: None, jumped: false }
    }

    /// Reads the clock. Both clocks are in milliseconds; the monotonic one counts from anywhere.
    pub fn read(&mut self, wall_ms: u64, monotonic_ms: u64) -> Reading {
        let passed_ms = monotonic_ms.saturating_sub(self.monotonic_ms);
        self.monotonic_ms = self.monotonic_ms.max(monotonic_ms);
        let expected_ms = self.now_ms + passed_ms;
        let is_near = wall_ms.abs_diff(expected_ms) <= TOLERANCE_MS;
        let is_ahead = !is_near && wall_ms > expected_ms;
        let since_ms = is_ahead.then(|| self.ahead_since_ms.unwrap_or(monotonic_ms));
        self.ahead_since_ms = since_ms;
        let is_believed = since_ms.is_some_and(|since_ms| monotonic_ms - since_ms >= BELIEVED_AFTER_MS);
        let jumped = !is_near && !is_believed;
        self.now_ms = if is_near || is_believed {
            self.ahead_since_ms = None;
            wall_ms.max(self.now_ms)
        } else if is_ahead {
            expected_ms
        } else {
            (self.now_ms + passed_ms.div_ceil(2)).max(wall_ms)
        };
        let changed = jumped != self.jumped;
        self.jumped = jumped;
        Reading { now_ms: self.now_ms, jump_ms: changed.then(|| if jumped { offset(wall_ms, expected_ms) } else { 0 }) }
    }
}

fn offset(wall_ms: u64, expected_ms: u64) -> i64 {
    i64::try_from(i128::from(wall_ms) - i128::from(expected_ms)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads at each (wall, monotonic) in turn.
    fn check(newest_ms: u64, readings: &[(u64, u64)], expected: &[(u64, Option<i64>)]) {
        let (wall_ms, monotonic_ms) = readings[0];
        let mut clock = Clock::new(newest_ms, wall_ms, monotonic_ms);
        let read: Vec<(u64, Option<i64>)> = readings
            .iter()
            .map(|(wall_ms, monotonic_ms)| clock.read(*wall_ms, *monotonic_ms))
            .map(|reading| (reading.now_ms, reading.jump_ms))
            .collect();
        assert_eq!(read, expected);
    }

    #[test]
    fn small_corrections_are_followed() {
        let readings = [(50_000, 0), (51_100, 1_000), (51_900, 2_000), (52_400, 3_000)];
        check(0, &readings, &[(50_000, None), (51_100, None), (51_900, None), (52_400, None)]);
    }

    #[test]
    fn time_goes_on_through_a_jump_there_and_back() {
        let year_ms = 31_536_000_000;
        let ahead = [(50_000, 0), (year_ms, 1_000), (year_ms + 5_000, 6_000), (57_000, 7_000)];
        let jump = Some((year_ms - 51_000) as i64);
        check(0, &ahead, &[(50_000, None), (51_000, jump), (56_000, None), (57_000, Some(0))]);
    }

    #[test]
    fn a_jump_ahead_that_lasts_is_believed() {
        let readings = [(50_000, 0), (950_000, 1_000), (1_009_000, 60_000), (1_010_000, 61_000), (1_011_000, 62_000)];
        let told = [(50_000, None), (51_000, Some(899_000)), (110_000, None), (1_010_000, Some(0)), (1_011_000, None)];
        check(0, &readings, &told);
    }

    #[test]
    fn a_clock_that_went_back_is_caught_up_with_and_never_stands_still() {
        let readings = [(50_000, 0), (41_000, 1_000), (51_000, 11_000), (59_000, 19_000), (60_000, 20_000)];
        let told = [(50_000, None), (50_500, Some(-10_000)), (55_500, None), (59_500, None), (60_000, Some(0))];
        check(0, &readings, &told);
    }

    #[test]
    fn a_journal_that_is_ahead_is_gone_on_from() {
        check(90_000, &[(50_000, 0), (60_000, 10_000)], &[(90_000, Some(-40_000)), (95_000, None)]);
    }
}
