//! What a detector sums up over a window that slides: what has left the window is not forgotten, and what two windows have in
//! common counts once.
//!
//! A finding says by an attribute how long its window is. Of windows that overlap, nothing tells how much is in both, so only
//! windows that do not overlap are added up: the most that any choice of these comes to. That is never more than what moved,
//! and all of it where each move was reported.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use super::label::folded;
use crate::digest::Hasher;
use crate::finding::Finding;

/// The attribute by which a finding says that its amounts are all that moved within so many seconds up to its block.
pub const COVERS_S: &str = "covers-s";

/// How many reports of one flow are kept. With more, what one window can be told apart by grows coarser.
const REPORTS_KEPT: usize = 64;

/// What one detector says of one asset at one subject, by whatever kinds of findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Flow {
    /// As findings name it.
    pub(super) asset: String,
    /// By chain time.
    reports: Vec<Report>,
}

/// What one finding says of a flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Report {
    pub(super) finding: B256,
    /// The finding's fingerprint.
    pub(super) condition: B256,
    /// Chain time, milliseconds since the Unix epoch.
    pub(super) at_ms: u64,
    /// How long the window is, milliseconds.
    pub(super) covers_ms: u64,
    /// What moved within the window.
    #[serde(with = "as_digits")]
    pub(super) amount: u128,
    /// What moved at least, by this report and those before it.
    #[serde(with = "as_digits")]
    so_far: u128,
}

/// Returns how long the window is that a finding's amounts are of, milliseconds; `None` if it says nothing of it.
pub(super) fn covered_ms(finding: &Finding) -> Option<u64> {
    let (_, value) = finding.claim.attributes.iter().find(|(name, _)| name == COVERS_S)?;
    // What moved within the block alone is apart from what moved in any block before.
    Some(value.parse::<u64>().ok()?.saturating_mul(1_000).max(1))
}

/// Returns which flow a finding's amount of an asset is of.
pub(super) fn key(finding: &Finding, asset: &str) -> B256 {
    Hasher::new("flow")
        .text(&finding.detector)
        .number(finding.block.map_or(0, |block| block.chain))
        .text(&finding.claim.subject.kind)
        .text(&folded(&finding.claim.subject.id))
        .text(asset)
        .finish()
}

impl Report {
    /// Makes the report of a finding, whose amount is of a window of so many milliseconds.
    pub(super) fn of(finding: &Finding, covers_ms: u64, amount: u128) -> Self {
        let (condition, at_ms) = (finding.fingerprint, finding.time_ms);
        Self { finding: finding.id, condition, at_ms, covers_ms, amount, so_far: 0 }
    }
}

impl Flow {
    /// A flow of an asset of which nothing is known yet.
    pub(super) fn of(asset: &str) -> Self {
        Self { asset: asset.to_owned(), reports: Vec::new() }
    }

    /// Returns what moved at least.
    pub(super) fn total(&self) -> u128 {
        self.reports.last().map_or(0, |report| report.so_far)
    }

    /// Returns the largest amount of one window.
    pub(super) fn most(&self) -> u128 {
        self.reports.iter().map(|report| report.amount).max().unwrap_or(0)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.reports.is_empty()
    }

    /// Takes a report in, which may be of earlier than the newest.
    pub(super) fn add(&mut self, report: Report) {
        let at = self.reports.partition_point(|known| known.at_ms <= report.at_ms);
        self.reports.insert(at, report);
        for later in at..self.reports.len() {
            // What is known already stands, also where what it stood on is no longer kept.
            self.reports[later].so_far = self.least(later).max(self.reports[later].so_far);
        }
        if self.reports.len() > REPORTS_KEPT {
            let gone = self.least_missed();
            self.reports.remove(gone);
        }
    }

    /// Takes over what another incident knows of the same flow.
    pub(super) fn join(&mut self, other: Flow) {
        for report in other.reports {
            if !self.reports.iter().any(|known| known.finding == report.finding && known.amount == report.amount) {
                self.add(Report { so_far: 0, ..report });
            }
        }
    }

    /// Takes back what some findings said.
    pub(super) fn take_back(&mut self, is_it: impl Fn(&Report) -> bool) {
        let Some(first) = self.reports.iter().position(&is_it) else { return };
        self.reports.retain(|report| !is_it(report));
        for later in first..self.reports.len() {
            self.reports[later].so_far = self.least(later);
        }
    }

    /// What moved at least by one of the reports: as much as by the one before, and as much as in its own window and before
    /// that.
    fn least(&self, at: usize) -> u128 {
        let report = &self.reports[at];
        let before = at.checked_sub(1).map_or(0, |before| self.reports[before].so_far);
        let began_ms = report.at_ms.checked_sub(report.covers_ms);
        let apart = began_ms.map_or(0, |began_ms| self.reports.partition_point(|known| known.at_ms <= began_ms));
        let apart = apart.checked_sub(1).map_or(0, |last| self.reports[last].so_far);
        apart.saturating_add(report.amount).max(before)
    }

    /// Which report is missed least: the oldest if another one is before the newest window too, else the one whose neighbours
    /// are nearest. Never the newest, which has the total.
    fn least_missed(&self) -> usize {
        let newest = &self.reports[self.reports.len() - 1];
        if self.reports[1].at_ms <= newest.at_ms.saturating_sub(newest.covers_ms) {
            return 0;
        }
        let apart_ms = |at: &usize| self.reports[at + 1].at_ms - self.reports[at - 1].at_ms;
        (1..self.reports.len() - 1).min_by_key(apart_ms).unwrap_or(0)
    }
}

mod as_digits {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(amount: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        amount.to_string().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR_MS: u64 = 3_600_000;

    fn report(number: u64, at_ms: u64, covers_ms: u64, amount: u128) -> Report {
        let finding = B256::with_last_byte(number as u8);
        Report { finding, condition: B256::ZERO, at_ms, covers_ms, amount, so_far: 0 }
    }

    fn total_of(reports: &[(u64, u128)]) -> u128 {
        let mut flow = Flow::of("eth");
        for ((at_min, amount), number) in reports.iter().zip(1..) {
            flow.add(report(number, at_min * 60_000, HOUR_MS, *amount));
        }
        flow.total()
    }

    #[test]
    fn what_slid_out_of_the_window_is_not_lost_and_what_is_in_both_counts_once() {
        assert_eq!(total_of(&[(600, 100), (610, 150), (620, 150)]), 150, "it grows within one window");
        assert_eq!(total_of(&[(600, 100), (630, 130), (670, 80)]), 180, "the first slid out");
        assert_eq!(total_of(&[(600, 100), (700, 100), (800, 100)]), 300, "three hours apart");
        assert_eq!(total_of(&[(600, 100), (659, 60)]), 100, "how much is in both is not known");
        assert_eq!(total_of(&[(600, u128::MAX), (700, 1)]), u128::MAX);
        assert_eq!(total_of(&[(30, 5), (40, 6)]), 6, "before an hour has passed since the epoch");
    }

    #[test]
    fn what_is_taken_back_is_no_longer_added_up() {
        let mut flow = Flow::of("eth");
        flow.add(report(1, 10 * HOUR_MS, HOUR_MS, 100));
        flow.add(report(2, 12 * HOUR_MS, HOUR_MS, 50));
        flow.take_back(|one| one.finding == B256::with_last_byte(1));
        assert_eq!(flow.total(), 50);
        flow.take_back(|one| one.condition == B256::ZERO);
        assert_eq!((flow.total(), flow.is_empty()), (0, true));
    }

    /// Moves of some amounts, each so many seconds after the one before.
    fn moves() -> impl Strategy<Value = Vec<(u64, u128)>> {
        proptest::collection::vec((1..2_000_u64, 1..1_000_u128), 1..200).prop_map(|steps| {
            let mut at_ms = 10 * HOUR_MS;
            let moved = steps.into_iter().map(|(after_s, amount)| {
                at_ms += after_s * 1_000;
                (at_ms, amount)
            });
            moved.collect()
        })
    }

    /// What moved within the window that ends at a moment.
    fn within(moves: &[(u64, u128)], at_ms: u64, covers_ms: u64) -> u128 {
        let is_in = |moved: &&(u64, u128)| at_ms - covers_ms < moved.0 && moved.0 <= at_ms;
        moves.iter().filter(is_in).map(|moved| moved.1).sum()
    }

    proptest! {
        #[test]
        fn it_is_never_more_than_what_moved_and_grows_only(
            moves in moves(), told in proptest::collection::vec(any::<bool>(), 200), covers_s in 1..20_000_u64, late in any::<bool>()
        ) {
            let covers_ms = covers_s * 1_000;
            let (mut flow, mut before, mut most) = (Flow::of("eth"), 0, 0);
            let mut reports: Vec<Report> = moves
                .iter()
                .zip(&told)
                .filter(|(_, told)| **told)
                .map(|((at_ms, _), _)| report(*at_ms, *at_ms, covers_ms, within(&moves, *at_ms, covers_ms)))
                .collect();
            if late {
                // A late detector's findings come behind those of newer blocks.
                reports.chunks_mut(5).for_each(<[_]>::reverse);
            }
            for one in reports {
                most = most.max(one.amount);
                flow.add(one);
                prop_assert!(flow.total() >= before, "{} after {before}", flow.total());
                before = flow.total();
                prop_assert!(flow.reports.len() <= REPORTS_KEPT);
            }
            prop_assert!(before >= most, "{before} of a window of {most}");
            let all: u128 = moves.iter().map(|moved| moved.1).sum();
            prop_assert!(before <= all, "{before} of {all}");
        }

        #[test]
        fn it_is_all_that_moved_where_each_move_was_reported(moves in moves(), covers_s in 1..20_000_u64) {
            // As many in one window as are kept.
            let (mut flow, covers_ms) = (Flow::of("eth"), covers_s.min(30) * 1_000);
            for (at_ms, _) in &moves {
                flow.add(report(*at_ms, *at_ms, covers_ms, within(&moves, *at_ms, covers_ms)));
            }
            let all: u128 = moves.iter().map(|moved| moved.1).sum();
            prop_assert_eq!(flow.total(), all);
        }

        #[test]
        fn what_is_taken_back_and_comes_again_counts_once(moves in moves(), from in 0..200_usize, covers_s in 1..20_000_u64) {
            let covers_ms = covers_s * 1_000;
            let moves = &moves[..moves.len().min(REPORTS_KEPT)];
            let reports: Vec<Report> = moves
                .iter()
                .map(|(at_ms, _)| report(*at_ms, *at_ms, covers_ms, within(moves, *at_ms, covers_ms)))
                .collect();
            let mut flow = Flow::of("eth");
            reports.iter().for_each(|one| flow.add(one.clone()));
            let (all, orphaned) = (flow.clone(), &reports[from.min(reports.len())..]);
            for one in orphaned {
                flow.take_back(|known| known.at_ms == one.at_ms);
            }
            let left: u128 = moves[..from.min(moves.len())].iter().map(|moved| moved.1).sum();
            prop_assert!(flow.total() <= left);
            orphaned.iter().for_each(|one| flow.add(one.clone()));
            prop_assert_eq!(flow, all);
        }
    }
}
