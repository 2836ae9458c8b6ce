//! A protocol that a host watches over, one of several as may be.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::finding::{Finding, is_own};

/// A protocol whose plan is followed, as the host's config names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protocol {
    /// Name of the protocol; empty if the host has one plan.
    pub name: String,
    /// Ids of the detectors whose findings go to this protocol; all detectors if `None`. The host's own findings about the
    /// watch go to every protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hears: Option<BTreeSet<String>>,
}

/// The one protocol of a host that has one plan.
pub static ONLY: Protocol = Protocol { name: String::new(), hears: None };

impl Protocol {
    /// Whether this is the one protocol of a host that has one plan.
    pub fn is_only(&self) -> bool {
        *self == ONLY
    }

    /// Makes a protocol that is no longer followed: no new finding goes to it.
    pub fn retired(name: &str) -> Self {
        Self { name: name.to_owned(), hears: Some(BTreeSet::new()) }
    }

    /// Whether the protocol is no longer followed.
    pub fn is_retired(&self) -> bool {
        self.hears.as_ref().is_some_and(BTreeSet::is_empty)
    }

    /// Whether a finding goes to this protocol.
    pub fn hears(&self, finding: &Finding) -> bool {
        let all = self.hears.as_ref().is_none_or(|detectors| detectors.contains(&finding.detector));
        all || (is_own(&finding.detector) && !self.is_retired())
    }
}
