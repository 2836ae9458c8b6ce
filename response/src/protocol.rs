//! A protocol that a host watches over, where it watches over several.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::finding::{COVERAGE, Finding};

/// A protocol whose plan is followed, as the host's config names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protocol {
    /// Its name; empty where the host has one plan.
    pub name: String,
    /// Ids of the detectors whose findings are its own; those of all where `None`. The host's own findings about the
    /// watch are everybody's.
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

    /// One that is no longer followed: it hears nothing new.
    pub fn retired(name: &str) -> Self {
        Self { name: name.to_owned(), hears: Some(BTreeSet::new()) }
    }

    /// Whether it is no longer followed.
    pub fn is_retired(&self) -> bool {
        self.hears.as_ref().is_some_and(BTreeSet::is_empty)
    }

    /// Whether a finding is its own.
    pub fn hears(&self, finding: &Finding) -> bool {
        let all = self.hears.as_ref().is_none_or(|detectors| detectors.contains(&finding.detector));
        all || (finding.detector == COVERAGE && !self.is_retired())
    }
}
