//! How the detectors do, as an operator asks for it.

use alloy::primitives::B256;
use serde::{Deserialize, Serialize};

use crate::app::engine::Engine;
use crate::app::engine::spent::Spent;

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
    /// The input that it is at work on, where it is late.
    pub at_work_on: Option<u64>,
    /// Inputs that it failed on, or rested through, and has not seen since.
    pub set_aside: usize,
    /// What the host tells of it: kinds of live coverage findings.
    pub gaps: Vec<String>,
    /// What it has taken since the host started.
    #[serde(default)]
    pub spent: Spent,
    /// Keys and values of its state, in bytes.
    pub state_bytes: u64,
    /// Versions that the journal keeps, oldest first: when each was taken up, and its digest.
    pub versions: Vec<(u64, B256)>,
}

impl Engine {
    /// How all detectors do, in order of id.
    pub fn status(&self) -> anyhow::Result<Vec<DetectorStatus>> {
        let mut all = Vec::new();
        for id in self.fleet.ids() {
            let Some(profile) = self.fleet.get(&id) else { continue };
            all.push(DetectorStatus {
                digest: profile.digest(),
                version: profile.manifest().version.clone(),
                is_shadow: profile.shadow_of().is_some(),
                behind: self.owed.behind_on(&id).len(),
                at_work_on: self.fleet.at_work(&id),
                set_aside: self.owed.set_aside(&id).len(),
                gaps: self.gaps.of_detector(&id).into_iter().map(|gap| gap.kind).collect(),
                spent: self.spent(&id),
                state_bytes: self.journal.state_bytes(&id)?,
                versions: self.journal.versions(&id)?,
                id,
            });
        }
        Ok(all)
    }

    /// Inputs that a detector failed on, or rested through, and has not seen since.
    pub fn set_aside(&self, detector: &str) -> Vec<u64> {
        self.owed.set_aside(detector)
    }

    /// The input that a detector is at work on, where it is late.
    pub fn at_work(&self, detector: &str) -> Option<u64> {
        self.fleet.at_work(detector)
    }

    /// Gives a detector nothing more until it is released.
    pub fn hold(&mut self, detector: &str) {
        self.held.insert(detector.to_owned());
    }

    /// Lets a detector see inputs again.
    pub fn release(&mut self, detector: &str) {
        self.held.remove(detector);
    }
}
