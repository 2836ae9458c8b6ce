//! The plan for new incidents, and those that open incidents stay under.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::plan::Plan;

/// Plans by their hash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Plans {
    by_hash: BTreeMap<B256, Arc<Plan>>,
    current: Option<B256>,
}

impl Plans {
    /// New incidents are opened under this plan from here on.
    pub(super) fn follow(&mut self, plan: Arc<Plan>) {
        self.current = Some(plan.hash());
        self.by_hash.insert(plan.hash(), plan);
    }

    /// Returns the plan that new incidents are opened under.
    pub(super) fn current(&self) -> Option<&Arc<Plan>> {
        self.get(self.current?)
    }

    /// Returns the plans that only open incidents are under.
    pub(super) fn others(&self) -> Vec<Arc<Plan>> {
        let others = self.by_hash.iter().filter(|(hash, _)| Some(**hash) != self.current);
        others.map(|(_, plan)| plan.clone()).collect()
    }

    /// Returns the plan of a hash, if it is the current one or an open incident stays under it.
    pub(super) fn get(&self, hash: B256) -> Option<&Arc<Plan>> {
        self.by_hash.get(&hash)
    }

    /// Forgets all plans but the current one and those that `needed` yields.
    pub(super) fn forget_others(&mut self, needed: impl Iterator<Item = B256>) {
        if self.by_hash.len() > 1 {
            let needed: BTreeSet<B256> = needed.chain(self.current).collect();
            self.by_hash.retain(|hash, _| needed.contains(hash));
        }
    }
}
