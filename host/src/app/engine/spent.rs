//! What detectors take of this machine, for those who look after it: no part of what is journaled.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::app::engine::Engine;

/// What a detector has taken since the host started.
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

    /// The mean of all batches, microseconds.
    pub fn mean_us(&self) -> f64 {
        if self.batches == 0 { 0.0 } else { self.busy_ns as f64 / self.batches as f64 / 1e3 }
    }
}

impl Engine {
    /// What a detector has taken since this engine was made.
    pub fn spent(&self, detector: &str) -> Spent {
        self.spent.get(detector).copied().unwrap_or_default()
    }
}
