//! How a detector has done lately, and when that calls for a rest.

/// Failures in a row after which a detector is quarantined.
const FAILURES_IN_A_ROW: u32 = 3;
/// Failures among the last 32 batches after which it is, however many good ones lie between them.
const FAILURES_OF_32: u32 = 8;
/// Batches of the first quarantine; each that follows is twice as long.
const FIRST_QUARANTINE_BATCHES: u64 = 8;
const LONGEST_QUARANTINE_BATCHES: u64 = 4_096;

/// How a detector has done lately; decides on quarantine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// The last 32 batches, the newest in the lowest bit: 1 where it failed.
    failed: u32,
    /// Failures in a row.
    in_a_row: u32,
    /// How often it was quarantined without 32 good batches in between.
    quarantines: u32,
    /// Batches that it will not be shown.
    skips_left: u64,
}

impl Record {
    /// Whether its next batch is one that it is not shown; `None` where it is shown, the batches left otherwise.
    pub(super) fn skip(&mut self) -> Option<u64> {
        self.skips_left = self.skips_left.checked_sub(1)?;
        Some(self.skips_left)
    }

    /// A batch went well.
    pub(super) fn good(&mut self) {
        self.failed <<= 1;
        self.in_a_row = 0;
        if self.failed == 0 {
            self.quarantines = 0;
        }
    }

    /// A batch failed. Where that was one too many, for how many batches it rests.
    pub(super) fn bad(&mut self) -> Option<u64> {
        self.failed = self.failed << 1 | 1;
        self.in_a_row += 1;
        if self.in_a_row < FAILURES_IN_A_ROW && self.failed.count_ones() < FAILURES_OF_32 {
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
            rests.push(record.bad());
            while record.skip().is_some() {}
        }
        assert_eq!(rests, [None, None, Some(8), Some(16), Some(32), Some(64)]);
        for _ in 0..32 {
            record.good();
        }
        assert_eq!(record, Record::default());
    }

    #[test]
    fn good_batches_in_between_don_t_hide_bad_ones() {
        let mut record = Record::default();
        let mut failures = 0;
        while record.bad().is_none() {
            failures += 1;
            record.good();
        }
        assert_eq!(failures, 7);
        assert_eq!(record.skip(), Some(7));
    }
}
