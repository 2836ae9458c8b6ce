//! What the desks know of the watch itself: which components run as which detectors, and up to where nodes agree on the chains.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::chain::ChainId;
use crate::plan::Plan;
use crate::triage::Voice;

/// The watch, as far as decisions depend on it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct World {
    detectors: BTreeMap<String, Runs>,
    /// The height up to which so many nodes name each chain's blocks as its `agree` wants.
    agreed: BTreeMap<ChainId, u64>,
}

/// What runs as a detector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Runs {
    component: B256,
    listens: bool,
}

impl World {
    /// From here on a component runs as a detector; `None` if nothing does, or nothing is known of it.
    pub(super) fn runs(&mut self, detector: &str, component: Option<(B256, bool)>) {
        match component {
            Some((component, listens)) => {
                self.detectors.insert(detector.to_owned(), Runs { component, listens });
            }
            None => {
                self.detectors.remove(detector);
            }
        }
    }

    /// Returns whose word a detector's finding is under a plan.
    pub(super) fn voice(&self, plan: &Plan, detector: &str) -> Voice {
        let runs = self.detectors.get(detector);
        Voice {
            source: plan.source(detector).to_owned(),
            component: runs.map(|runs| runs.component),
            listens: runs.is_some_and(|runs| runs.listens),
        }
    }

    /// Nodes agree on a chain up to a height. Returns up to which they did before, if it is more now.
    pub(super) fn agree(&mut self, chain: ChainId, number: u64) -> Option<Option<u64>> {
        let before = self.agreed.get(&chain).copied();
        (before < Some(number)).then(|| self.agreed.insert(chain, number))
    }

    /// Blocks above a height left a chain: nothing is agreed on above it.
    pub(super) fn go_back(&mut self, chain: ChainId, above: u64) {
        if let Some(agreed) = self.agreed.get_mut(&chain) {
            *agreed = above.min(*agreed);
        }
    }

    /// Returns the height up to which nodes agree on each chain.
    pub(super) fn agreed(&self) -> &BTreeMap<ChainId, u64> {
        &self.agreed
    }
}
