//! One order: deliveries of all sources, put one after another and stamped with a clock that never goes back.

mod clock;

use crate::event::{Event, Stamped};

pub use clock::{Clock, Reading};

/// Stamps events as they are taken in. The stamp is the `now` of everything that the event causes, so a
/// wall clock that jumps back must not show: the newest stamp is repeated until the clock has caught up.
#[derive(Debug)]
pub struct Sequencer {
    newest_ms: u64,
}

impl Sequencer {
    /// Goes on from the newest stamp of the journal; 0 for a new one.
    pub fn new(newest_ms: u64) -> Self {
        Self { newest_ms }
    }

    /// Returns the newest stamp, milliseconds since the Unix epoch.
    pub fn newest_ms(&self) -> u64 {
        self.newest_ms
    }

    /// Moves the newest stamp on to the clock, and returns it: the `now` of what follows from no event.
    pub fn now(&mut self, clock_ms: u64) -> u64 {
        self.newest_ms = self.newest_ms.max(clock_ms);
        self.newest_ms
    }

    /// Stamps an event. `clock_ms` is the wall clock, or the time that a recording gives.
    pub fn stamp(&mut self, event: Event, clock_ms: u64) -> Stamped {
        Stamped { at_ms: self.now(clock_ms), event }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumps_back_repeats_the_newest_stamp() {
        let mut sequencer = Sequencer::new(5_000);
        let mut stamps = Vec::new();
        for clock_ms in [4_900, 6_000, 1_000, 6_001, 9_000] {
            stamps.push(sequencer.stamp(Event::Finality { chain: 1, safe: 0, finalized: 0 }, clock_ms).at_ms);
        }
        assert_eq!(stamps, [5_000, 6_000, 6_000, 6_001, 9_000]);
    }
}
