//! Whether a chain's time runs ahead: windows and deadlines of detectors and plans go by it.

use std::time::{SystemTime, UNIX_EPOCH};

use super::{Closed, Follower};
use crate::finding::Severity;

const TIME_AHEAD: &str = "time-ahead";

/// How far a block may be ahead of this machine's clock, seconds. Networks refuse one that is ahead by a quarter of a minute.
const MAY_BE_AHEAD_S: u64 = 600;

impl Follower {
    /// Reports that a block is of a time that has not come, until one is not.
    pub(super) async fn look_at_time(&self, number: u64, time_s: u64) -> Result<(), Closed> {
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        match ahead_s(time_s, now_s) {
            Some(ahead_s) => {
                let message = format!(
                    "block {number} says that it is of a time which is {ahead_s} s ahead of this machine's clock. Windows of \
                     detectors and of the plan that go by the chain's time may end too soon. See whether the node serves a \
                     chain of its own, and whether this machine's clock is right"
                );
                self.open(TIME_AHEAD, Severity::High, message).await
            }
            None => self.end(TIME_AHEAD, Severity::High, format!("block {number} is of a time that has come")).await,
        }
    }
}

/// Returns by how much a block is too far ahead, seconds; `None` if it is not.
fn ahead_s(time_s: u64, now_s: u64) -> Option<u64> {
    time_s.checked_sub(now_s).filter(|ahead_s| *ahead_s > MAY_BE_AHEAD_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_may_be_a_little_ahead() {
        let now_s = 1_700_000_000;
        for time_s in [0, now_s, now_s + 600] {
            assert_eq!(ahead_s(time_s, now_s), None);
        }
        assert_eq!(ahead_s(now_s + 601, now_s), Some(601));
        assert_eq!(ahead_s(u64::MAX, now_s), Some(u64::MAX - now_s));
    }
}
