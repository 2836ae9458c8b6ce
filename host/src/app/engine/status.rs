//! How the detectors do, for an operator and for metrics.

use std::collections::BTreeSet;

use alloy::primitives::B256;
use serde::{Deserialize, Serialize};

use crate::app::engine::Engine;
use crate::app::engine::spent::Spent;
use crate::block::ChainId;
use crate::plugin::Head;

/// How one detector does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetectorStatus {
    /// Its id in the config.
    pub id: String,
    /// SHA-256 of its component.
    pub digest: B256,
    /// The version that it says it is.
    pub version: String,
    /// Whether its findings are recorded only.
    pub is_shadow: bool,
    /// Inputs that wait for it.
    pub behind: usize,
    /// The input that it is at work on, if it is late.
    pub at_work_on: Option<u64>,
    /// Inputs that it failed on, or rested through, and has not seen since.
    pub set_aside: usize,
    /// Blocks that it has not seen because a part of them that it wants has not come.
    #[serde(default)]
    pub owed_blocks: usize,
    /// For how many more batches it rests, after too many failures in a row: they are set aside unseen.
    #[serde(default)]
    pub rests_for_batches: u64,
    /// Kinds of its open coverage findings, each once.
    pub gaps: Vec<String>,
    /// Batches and time that it has taken since the host started.
    #[serde(default)]
    pub spent: Spent,
    /// Keys and values of its state, in bytes.
    pub state_bytes: u64,
    /// Versions that the journal keeps, oldest first: when each was taken up, and its digest.
    pub versions: Vec<(u64, B256)>,
}

/// Figures of the engine at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    /// In order of their ids.
    pub detectors: Vec<DetectorMetrics>,
    /// Each chain's newest block: its height and its time, seconds since the Unix epoch.
    pub heads: Vec<(ChainId, u64, u64)>,
    /// Live coverage findings: kind and subject.
    pub gaps: Vec<(String, String)>,
    /// Newest entry of the journal.
    pub journal_seq: u64,
    /// An entry of this hour, with the hash of the chain up to it.
    pub anchor: Option<(u64, B256)>,
}

/// How one detector does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DetectorMetrics {
    /// Its id in the config.
    pub id: String,
    /// Inputs that wait for it.
    pub behind: usize,
    /// Inputs that it failed on, or rested through, and has not seen since.
    pub set_aside: usize,
    /// Blocks that it has not seen because a part of them that it wants has not come.
    pub owed_blocks: usize,
    /// Batches and time that it has taken since the host started.
    pub spent: Spent,
}

impl Engine {
    /// Returns how all detectors do, in order of id.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn status(&self) -> anyhow::Result<Vec<DetectorStatus>> {
        let mut all = Vec::new();
        for id in self.fleet.ids() {
            let Some(profile) = self.fleet.get(&id) else { continue };
            let gaps: BTreeSet<String> = self.gaps.of_detector(&id).into_iter().map(|gap| gap.kind).collect();
            all.push(DetectorStatus {
                digest: profile.digest(),
                version: profile.manifest().version.clone(),
                is_shadow: profile.shadow_of().is_some(),
                behind: self.owed.behind_on(&id).len(),
                at_work_on: self.fleet.at_work(&id),
                set_aside: self.owed.set_aside(&id).len(),
                owed_blocks: self.owed.awaited(&id).len(),
                rests_for_batches: self.fleet.rests_for(&id),
                gaps: gaps.into_iter().collect(),
                spent: self.spent(&id),
                state_bytes: self.journal.state_bytes(&id)?,
                versions: self.journal.versions(&id)?,
                id,
            });
        }
        Ok(all)
    }

    /// Returns the inputs that a detector failed on, or rested through, and has not seen since.
    pub fn set_aside(&self, detector: &str) -> Vec<u64> {
        self.owed.set_aside(detector)
    }

    /// Returns what a detector has taken since this engine was made.
    pub fn spent(&self, detector: &str) -> Spent {
        self.spent.get(detector).copied().unwrap_or_default()
    }

    /// Returns how many inputs were decoded from the journal, to be shown later or again, since this engine was made.
    pub fn inputs_decoded(&self) -> u64 {
        self.decoded.count()
    }

    /// Returns what a scrape asks for. Reads nothing that grows with the journal.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn metrics(&self) -> anyhow::Result<Metrics> {
        let detectors = self.fleet.ids().into_iter().map(|id| DetectorMetrics {
            behind: self.owed.behind_on(&id).len(),
            set_aside: self.owed.set_aside(&id).len(),
            owed_blocks: self.owed.awaited(&id).len(),
            spent: self.spent(&id),
            id,
        });
        let head = |(chain, head): (ChainId, Head)| (chain, head.block.number, head.timestamp_s);
        Ok(Metrics {
            detectors: detectors.collect(),
            heads: self.heads(u64::MAX)?.into_iter().map(head).collect(),
            gaps: self.gaps.weakening(),
            journal_seq: self.newest_seq(),
            anchor: self.anchor.map(|(_, head)| head),
        })
    }
}
