//! How a detector has done lately, and when that calls for a rest.

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
    /// Whether its next batch is one that it is not shown; `None` where it is shown, the batches left otherwise.
    pub(super) fn skip(&mut self) -> Option<u64> {
        self.skips_left = self.skips_left.checked_sub(1)?;
        Some(self.skips_left)
    }

    /// A batch went well.
    pub(super) fn good(&mut self) {
        *self = Self::default();
    }

    /// A batch failed. Where that was one too many, for how many batches it rests.
    pub(super) fn bad(&mut self) -> Option<u64> {
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
            rests.push(record.bad());
            while record.skip().is_some() {}
        }
        assert_eq!(rests, [None, None, Some(8), Some(16), Some(32), Some(64)]);
        record.good();
        assert_eq!(record, Record::default());
    }
}
