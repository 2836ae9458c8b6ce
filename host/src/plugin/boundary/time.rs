//! What a guest may take of the processor: its deadline counts the time for which its thread ran, so that a busy machine fails nobody.
//! The clock ends only a guest that waits for others, or gets next to nothing.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Added to a deadline by the clock where the host looks: the guest's own deadline, which is coarser, comes first.
const GRACE: Duration = Duration::from_millis(20);

/// How many times its deadline a guest may take by the clock.
pub(in crate::plugin) const BY_THE_CLOCK: u32 = 10;

/// The time of one batch or start, which runs on one thread from its beginning to its end.
#[derive(Clone, Copy, Debug)]
pub(in crate::plugin) struct Time {
    deadline: Duration,
    /// What the thread had run when it began.
    ran: Duration,
    /// Before this it can't have run for so long, whatever its thread did.
    early: Instant,
    /// After this it is over, however little its thread ran.
    latest: Instant,
}

impl Time {
    /// Begins, on the thread that the guest runs on.
    pub(super) fn begin(deadline: Duration) -> Self {
        let now = Instant::now();
        Self { deadline, ran: ran(), early: now + deadline + GRACE, latest: now + deadline * BY_THE_CLOCK + GRACE }
    }

    /// Whether there is time left, without a call of the system.
    pub(super) fn is_surely_left(&self) -> bool {
        Instant::now() <= self.early
    }

    /// Returns how much of the processor's time is left; `None` if none is, or the clock says that it is over.
    pub(in crate::plugin) fn left(&self) -> Option<Duration> {
        let used = ran().saturating_sub(self.ran);
        self.deadline.checked_sub(used).filter(|_| Instant::now() <= self.latest)
    }

    /// Returns for how long one call may wait for others.
    pub(super) fn may_wait(&self) -> Duration {
        self.latest.saturating_duration_since(Instant::now()).min(self.deadline + GRACE)
    }
}

/// For how long this thread has run.
fn ran() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINE: Duration = Duration::from_millis(60);

    #[test]
    fn whoever_waits_has_time_left_and_whoever_works_has_not() {
        let waits = Time::begin(DEADLINE);
        std::thread::sleep(DEADLINE * 2);
        assert!(!waits.is_surely_left());
        assert!(waits.left().is_some_and(|left| left > DEADLINE / 2), "{:?}", waits.left());
        assert!(waits.may_wait() > DEADLINE);
        let works = Time::begin(DEADLINE);
        let mut rounds = 0_u64;
        while works.left().is_some() {
            rounds = std::hint::black_box(rounds + 1);
        }
        assert!(rounds > 0);
    }

    #[test]
    fn the_clock_ends_whoever_only_waits() {
        let short = Duration::from_millis(2);
        let waits = Time::begin(short);
        std::thread::sleep(short * BY_THE_CLOCK + GRACE * 2);
        assert_eq!(waits.left(), None);
        assert_eq!(waits.may_wait(), Duration::ZERO);
    }
}
