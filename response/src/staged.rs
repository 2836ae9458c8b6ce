//! What the people of a drill are told in its course: words, and what detectors would find, each at its time.

use serde::{Deserialize, Serialize};

use crate::chain::ChainId;
use crate::finding::Claim;

/// Most parts of a drill's script.
pub const PARTS_AT_MOST: usize = 500;

/// A part of a drill's script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staged {
    /// When, in seconds from the drill's beginning.
    pub after_s: u64,
    /// Words for the timeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What a detector would find.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<Box<StagedFinding>>,
    /// The name of a finding of the script that is taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retract: Option<String>,
}

/// A finding that no detector made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedFinding {
    /// What the script calls it, to take it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Id of the detector that would find it.
    pub detector: String,
    /// EIP-155 id of the chain on which it would be found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<ChainId>,
    /// What it would claim.
    pub claim: Claim,
}

impl Staged {
    /// Returns each text of it that people may read.
    pub(crate) fn texts(&self) -> Vec<&str> {
        let mut texts: Vec<&str> = self.note.as_deref().into_iter().chain(self.retract.as_deref()).collect();
        if let Some(finding) = &self.finding {
            let claim = &finding.claim;
            let said = [&finding.detector, &claim.kind, &claim.title, &claim.description, &claim.subject.id];
            texts.extend(said.map(String::as_str));
            texts.extend(claim.attributes.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]));
        }
        texts
    }
}
