//! What the engine keeps in memory alone, as it was at a commit.

use crate::app::engine::coverage_gaps::Gaps;
use crate::app::engine::finality::Settled;
use crate::desk::Desks;

/// The engine's memory when an entry was the newest.
#[derive(Clone, Debug, Default)]
pub(super) struct Remembered {
    pub(super) seq: u64,
    pub(super) desks: Desks,
    pub(super) gaps: Gaps,
    pub(super) settled: Settled,
}
