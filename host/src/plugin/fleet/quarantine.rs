//! How a detector has done lately, and when that calls for a rest. Only outcomes that the journal has count, in the order in
//! which it has them, so that a replay rests where the run did.

use crate::failure_kind::FailureKind;

/// Failures in a row after which a detector is quarantined.
const FAILURES_IN_A_ROW: u32 = 3;
/// Batches of the first quarantine; each that follows is twice as long.
const FIRST_QUARANTINE_BATCHES: u64 = 8;
const LONGEST_QUARANTINE_BATCHES: u64 = 4_096;

/// How a detector has done lately; decides on quarantine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// Failures in a row.
    in_a_row: u32,
    /// How often it was quarantined without a good batch in between.
    quarantines: u32,
    /// Batches that it will not be shown.
    skips_left: u64,
}

impl Record {
    /// Whether its next batch is one that it is not shown; `None` where it is shown, the batches left after it otherwise.
    pub(super) fn rests(&self) -> Option<u64> {
        self.skips_left.checked_sub(1)
    }

    /// Returns how many batches it will not be shown.
    pub(super) fn skips_left(&self) -> u64 {
        self.skips_left
    }

    /// Counts what came of a batch. If that was one failure too many, returns for how many batches it rests.
    pub(super) fn count(&mut self, result: Result<(), &FailureKind>) -> Option<u64> {
        match result {
            Ok(()) => {
                *self = Self::default();
                None
            }
            Err(FailureKind::Quarantined) => {
                self.skips_left = self.skips_left.saturating_sub(1);
                None
            }
            Err(_) => self.bad(),
        }
    }

    fn bad(&mut self) -> Option<u64> {
        self.in_a_row += 1;
        if self.in_a_row < FAILURES_IN_A_ROW {
            return None;
        }
        self.skips_left = (FIRST_QUARANTINE_BATCHES << self.quarantines.min(20)).min(LONGEST_QUARANTINE_BATCHES);
        self.quarantines += 1;
        // One more failure after the quarantine leads to the next, longer one.
        self.in_a_row = FAILURES_IN_A_ROW - 1;
        Some(self.skips_left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detector_that_keeps_failing_rests_longer_each_time() {
        let mut record = Record::default();
        let mut rests = Vec::new();
        for _ in 0..6 {
            rests.push(record.count(Err(&FailureKind::Trap)));
            while record.rests().is_some() {
                assert_eq!(record.count(Err(&FailureKind::Quarantined)), None);
            }
        }
        assert_eq!(rests, [None, None, Some(8), Some(16), Some(32), Some(64)]);
        record.count(Ok(()));
        assert_eq!(record, Record::default());
    }
}
