//! The way back from a wrong finality: nothing above a height is final any more, and every detector begins anew.

use std::collections::BTreeMap;

use crate::app::engine::Engine;
use crate::app::engine::coverage_gaps::Gap;
use crate::app::engine::finality::Settled;
use crate::app::engine::remembered::Remembered;
use crate::block::ChainId;
use crate::entry::Entry;
use crate::finding::Severity;

/// The kind of the finding that says so.
const TAKEN_BACK: &str = "finality-taken-back";

impl Engine {
    /// Takes back that a chain's blocks above a height are final. What undoes changes of before was forgotten once they were, so
    /// that the detectors' states can't go back with the blocks: they are emptied, which the journal has done.
    pub(super) fn unsettle(
        &mut self,
        seq: u64,
        at_ms: u64,
        chain: ChainId,
        (above, by, why): (u64, &str, &str),
    ) -> anyhow::Result<()> {
        // What was noted before has what was final then.
        self.remembered = Remembered::default();
        for id in self.fleet.ids() {
            self.fleet.set_state(&id, BTreeMap::new());
        }
        self.settle_anew()?;
        let message = format!(
            "{by} took back that blocks of chain {chain} above {above} are final: {why}. Every detector began with an empty state"
        );
        let gap = Gap { kind: TAKEN_BACK.to_owned(), subject: format!("chain/{chain}"), place: seq.to_string() };
        self.open_gap(seq, 0, at_ms, gap, Severity::High, &message)
    }

    /// Notes again how settled the blocks of live findings are, by what the journal says now, as a restart would.
    fn settle_anew(&mut self) -> anyhow::Result<()> {
        let mut settled = Settled::default();
        for (chain, safe, finalized) in self.journal.all_settled()? {
            settled.settle(chain, safe, finalized);
        }
        let mut rows = self.journal.desk_entries()?;
        while let Some(row) = rows.next()? {
            match &row.entry {
                Entry::Finding(finding) => settled.watch(finding),
                Entry::Retraction { finding, .. } => settled.forget(*finding),
                _ => {}
            }
        }
        self.settled = settled;
        Ok(())
    }
}
