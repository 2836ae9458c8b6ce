//! What a node does not offer: remembered for each method, and asked for again after a while.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::source::evm::rest::rest;

/// A method that the node does not know is asked for again after this, and then ever later.
const UNKNOWN: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(1_800));
/// A method that fails on one block after the other rests for this, and then for longer.
const FAILING: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));
/// Blocks in a row on which a method must have failed before it rests.
const FAILING_AFTER: u32 = 3;

/// What a node lacks, by the name of the method or of the tracer.
#[derive(Debug, Default)]
pub(in crate::source::evm) struct Lacks(BTreeMap<&'static str, Lack>);

#[derive(Debug, Default)]
struct Lack {
    unknown: u32,
    failed: u32,
    /// The block that it failed on last: the same one again says nothing of others.
    failed_on: Option<u64>,
    until: Option<Instant>,
    reason: String,
}

impl Lacks {
    /// Returns why a method is not to be asked for now; `None` if it may be.
    pub(super) fn why(&self, method: &str, now: Instant) -> Option<&str> {
        let lack = self.0.get(method)?;
        lack.until.filter(|until| *until > now).map(|_| lack.reason.as_str())
    }

    /// True if the node does not know the method.
    pub(super) fn is_unknown(&self, method: &str) -> bool {
        self.0.get(method).is_some_and(|lack| lack.unknown > 0)
    }

    /// Notes that the node does not know the method. Returns true if that is news.
    pub(super) fn unknown(&mut self, method: &'static str, reason: String, now: Instant) -> bool {
        let lack = self.0.entry(method).or_default();
        lack.unknown += 1;
        lack.until = Some(now + rest(UNKNOWN.0, UNKNOWN.1, lack.unknown));
        lack.reason = reason;
        lack.unknown == 1
    }

    /// Notes that the method failed on a block.
    pub(super) fn failed(&mut self, method: &'static str, number: u64, reason: String, now: Instant) {
        let lack = self.0.entry(method).or_default();
        lack.reason = reason;
        if lack.failed_on.replace(number) == Some(number) {
            return;
        }
        lack.failed += 1;
        if let Some(over) = lack.failed.checked_sub(FAILING_AFTER) {
            lack.until = Some(now + rest(FAILING.0, FAILING.1, over + 1));
        }
    }

    /// Notes that the method works.
    pub(super) fn works(&mut self, method: &str) {
        self.0.remove(method);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lack_expires_and_comes_back_for_longer() {
        let (mut lacks, start) = (Lacks::default(), Instant::now());
        assert!(lacks.unknown("trace_block", "error -32601".into(), start));
        assert_eq!(lacks.why("trace_block", start + Duration::from_secs(59)), Some("error -32601"));
        assert_eq!(lacks.why("debug_traceBlockByHash", start), None, "of one method alone");
        let again = start + Duration::from_secs(76);
        assert_eq!(lacks.why("trace_block", again), None, "it is asked for again");
        assert!(!lacks.unknown("trace_block", "error -32601".into(), again));
        assert!(lacks.why("trace_block", again + Duration::from_secs(119)).is_some());
        lacks.works("trace_block");
        assert_eq!(lacks.why("trace_block", again), None);
    }

    #[test]
    fn a_failure_in_passing_is_no_lack() {
        let (mut lacks, start) = (Lacks::default(), Instant::now());
        for number in [7, 7, 7, 8] {
            lacks.failed("callTracer", number, "timeout".into(), start);
        }
        assert_eq!(lacks.why("callTracer", start), None, "two blocks may be odd");
        lacks.failed("callTracer", 9, "timeout".into(), start);
        assert_eq!(lacks.why("callTracer", start + Duration::from_secs(4)), Some("timeout"));
        assert_eq!(lacks.why("callTracer", start + Duration::from_secs(7)), None);
    }
}
