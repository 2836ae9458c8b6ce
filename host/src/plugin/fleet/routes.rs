//! Who sees what, made once for all detectors and again after a change of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::block::ChainId;
use crate::narrow::Router;
use crate::plugin::fleet::identity::Profile;
use crate::plugin::fleet::slot::Slot;

/// Detectors by their rank, which is their place in the order of ids.
pub(super) struct Routes {
    pub(super) ids: Vec<String>,
    /// Each rank's level: what listens to others stands above them.
    pub(super) levels: Vec<usize>,
    /// How many levels there are.
    pub(super) height: usize,
    /// Ranks of those that listen to others.
    pub(super) listeners: Vec<usize>,
    by_chain: BTreeMap<ChainId, Router>,
    /// For chains that no detector names.
    elsewhere: Router,
}

impl Routes {
    pub(super) fn new(slots: &BTreeMap<String, Slot>, levels: &[BTreeSet<String>]) -> Self {
        let profiles = || slots.values().map(|slot| &*slot.profile).enumerate();
        let of_chain = |watches: &dyn Fn(&Profile) -> bool| {
            Router::new(profiles().filter(|(_, of)| watches(of)).map(|(rank, of)| (rank, &of.matcher)))
        };
        let chains: BTreeSet<ChainId> = profiles().flat_map(|(_, of)| of.chains()).copied().collect();
        let level: BTreeMap<&str, usize> =
            levels.iter().enumerate().flat_map(|(at, ids)| ids.iter().map(move |id| (id.as_str(), at))).collect();
        Self {
            levels: slots.keys().map(|id| level.get(id.as_str()).copied().unwrap_or(0)).collect(),
            height: levels.len(),
            listeners: profiles().filter(|(_, of)| of.matcher.is_combiner()).map(|(rank, _)| rank).collect(),
            by_chain: chains.into_iter().map(|chain| (chain, of_chain(&|of| of.watches(chain)))).collect(),
            elsewhere: of_chain(&|of| of.chains().is_empty()),
            ids: slots.keys().cloned().collect(),
        }
    }

    pub(super) fn of_chain(&self, chain: ChainId) -> &Router {
        self.by_chain.get(&chain).unwrap_or(&self.elsewhere)
    }
}
