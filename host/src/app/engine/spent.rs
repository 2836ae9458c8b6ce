//! Time that detectors take on this machine, for its operator: no part of what is journaled.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Batches and time that a detector has taken since the host started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// Batches that it was shown.
    pub batches: u64,
    /// Time in all of them, nanoseconds.
    pub busy_ns: u64,
    /// Time in the one that took longest, nanoseconds.
    pub slowest_ns: u64,
}

impl Spent {
    pub(super) fn add(&mut self, elapsed: Duration) {
        let elapsed_ns = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        self.batches += 1;
        self.busy_ns = self.busy_ns.saturating_add(elapsed_ns);
        self.slowest_ns = self.slowest_ns.max(elapsed_ns);
    }

    /// Returns the mean time of all batches, microseconds.
    pub fn mean_us(&self) -> f64 {
        if self.batches == 0 { 0.0 } else { self.busy_ns as f64 / self.batches as f64 / 1e3 }
    }
}
