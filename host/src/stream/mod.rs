//! One order: deliveries of all sources, put one after another and stamped with a clock that never goes back.

mod clock;

use crate::event::{Event, Stamped};

pub use clock::{Clock, Reading};

/// Stamps events as they are taken in. The stamp is the `now` of everything that the event causes, so a
/// wall clock that jumps back must not show: the newest stamp is repeated until the clock has caught up.
#[derive(Debug)]
pub struct Sequencer {
    newest_ms: u64,
    /// How far the clock may lag behind the newest stamp before it is told, milliseconds.
    tolerance_ms: u64,
}

/// A stamped event, and what was odd about the clock.
#[derive(Debug, PartialEq)]
pub struct Sequenced {
    /// The event with its stamp.
    pub stamped: Stamped,
    /// By how much the clock was behind the newest stamp, where that is worth telling.
    pub clock_behind_ms: Option<u64>,
}

impl Sequencer {
    /// Goes on from the newest stamp of the journal; 0 for a new one.
    pub fn new(newest_ms: u64) -> Self {
        Self { newest_ms, tolerance_ms: 1_000 }
    }

    /// The newest stamp, milliseconds since the Unix epoch.
    pub fn newest_ms(&self) -> u64 {
        self.newest_ms
    }

    /// Moves the newest stamp on to the clock, and gives it: the `now` of what follows from no event.
    pub fn now(&mut self, clock_ms: u64) -> u64 {
        self.newest_ms = self.newest_ms.max(clock_ms);
        self.newest_ms
    }

    /// Stamps an event. `clock_ms` is the wall clock, or the time that a recording gives.
    pub fn stamp(&mut self, event: Event, clock_ms: u64) -> Sequenced {
        let behind_ms = self.newest_ms.saturating_sub(clock_ms);
        self.newest_ms = self.newest_ms.max(clock_ms);
        Sequenced {
            stamped: Stamped { at_ms: self.newest_ms, event },
            clock_behind_ms: (behind_ms > self.tolerance_ms).then_some(behind_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumps_back_repeats_the_newest_stamp_and_is_told() {
        let mut sequencer = Sequencer::new(5_000);
        let mut stamps = Vec::new();
        for clock_ms in [4_900, 6_000, 1_000, 6_001, 9_000] {
            let sequenced = sequencer.stamp(Event::Finality { chain: 1, safe: 0, finalized: 0 }, clock_ms);
            stamps.push((sequenced.stamped.at_ms, sequenced.clock_behind_ms));
        }
        assert_eq!(stamps, [(5_000, None), (6_000, None), (6_000, Some(5_000)), (6_001, None), (9_000, None)]);
    }
}
