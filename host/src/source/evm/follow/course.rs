//! When owed blocks are asked for and given on: several together, since each time detectors see again all that came since.

use std::time::Duration;

use tokio::time::Instant;

/// How long to wait between two times that blocks are given on, at first and at most.
const GIVING: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(60));
/// How long what came waits at most for what is being asked for, and how long blocks keep to their own times once all were
/// asked for at once.
const ROUND: Duration = Duration::from_secs(10);

/// When something is given on, and when all is asked for at once.
#[derive(Debug)]
pub(super) struct Course {
    /// When it is over that blocks are given up.
    pub(super) until: Option<Instant>,
    /// Before when nothing is given on, and how long that was.
    rest: Option<(Instant, Duration)>,
    /// Before when blocks keep to their own times.
    hurry: Option<Instant>,
}

impl Course {
    /// Begins a course; `until` is when it is over that blocks are given up, if some were.
    pub(super) fn new(until: Option<Instant>) -> Self {
        Self { until, rest: None, hurry: None }
    }

    /// When to give on what waits since a moment: once nothing is due to be asked for, or the round takes too long.
    pub(super) fn given_from(&self, since: Instant, asked: Option<Instant>, now: Instant) -> Instant {
        let round = if asked.is_some_and(|asked| asked <= now) { since + ROUND } else { since };
        self.rest.map_or(round, |(until, _)| until.max(round))
    }

    /// Notes that something was given on. `is_all`: nothing is waited for any more.
    pub(super) fn given(&mut self, is_all: bool, now: Instant) {
        self.rest = (!is_all).then(|| {
            let pause = self.rest.map_or(GIVING.0, |(_, pause)| (pause * 2).min(GIVING.1));
            (now + pause, pause)
        });
    }

    /// Whether all is to be asked for at once; not again before a while.
    pub(super) fn hurries(&mut self, now: Instant) -> bool {
        let hurries = self.hurry.is_none_or(|until| until <= now);
        if hurries {
            self.hurry = Some(now + ROUND);
        }
        hurries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_waits_for_the_round_and_then_for_ever_longer_rests() {
        let (mut course, now) = (Course::new(None), Instant::now());
        let s = Duration::from_secs;
        assert_eq!(course.given_from(now, None, now), now, "nothing else is asked for");
        assert_eq!(course.given_from(now, Some(now + s(3)), now), now, "not yet");
        assert_eq!(course.given_from(now, Some(now), now), now + ROUND, "another may come in this round");
        let mut at = now;
        for pause in [5, 10, 20, 40, 60, 60] {
            course.given(false, at);
            assert_eq!(course.given_from(at, None, at), at + s(pause));
            at += s(pause);
        }
        course.given(true, at);
        assert_eq!(course.given_from(at, None, at), at, "a new outage begins anew");
    }

    #[test]
    fn all_are_asked_for_at_once_once_a_round() {
        let (mut course, now) = (Course::new(None), Instant::now());
        assert!(course.hurries(now) && !course.hurries(now) && course.hurries(now + ROUND));
    }
}
