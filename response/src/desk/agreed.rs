//! Agreement of nodes on a chain's blocks: what automation waits for where a signal wants it.

use crate::chain::ChainId;
use crate::desk::Desk;
use crate::desk::chronicle::Turn;
use crate::desk::decide::Occasion;
use crate::desk::file::File;
use crate::desk::judge::{precedence, wants_agreed};
use crate::incident::IncidentId;

impl Desk {
    /// Nodes agree on a chain up to a height: decides again where automation waited for it.
    pub(super) fn agree(&mut self, chain: ChainId, number: u64, turn: &mut Turn) {
        let Some(before) = self.world.agree(chain, number) else { return };
        let above = before.unwrap_or_default();
        let waits = |file: &&File| {
            let plan = self.plans.get(file.case.incident.plan);
            // A first word counts for genesis too.
            let is_new = file.case.is_between(chain, above, number) || before.is_none();
            is_new && plan.is_some_and(|plan| wants_agreed(plan, file, None))
        };
        let mut files: Vec<&File> = self.files.values().filter(waits).collect();
        files.sort_by_key(|file| precedence(&file.case));
        let waiting: Vec<IncidentId> = files.iter().map(|file| file.case.incident.id).collect();
        let note = format!("nodes agree on chain {chain} up to block {number}");
        for id in waiting {
            self.revise(id, Occasion::Elsewhere(&note), turn);
        }
    }
}
