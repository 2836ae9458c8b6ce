//! What a change of the config did, and what an earlier run left behind.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use alloy::primitives::B256;
use serde::{Deserialize, Serialize};

use crate::app::deploy::trial::Rehearsal;
use crate::diagnostic::Diagnostic;
use crate::journal::Journal;

/// What a change did, one line each, and what was wrong.
#[derive(Debug, Default)]
pub struct Applied {
    /// What is new: `detector outflow: 0x12… is now 0x34…`.
    pub changes: Vec<String>,
    /// What was refused; the old goes on.
    pub diagnostics: Vec<Diagnostic>,
}

/// A version that was put in the place of another.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Swapped {
    /// SHA-256 of the version that runs now.
    pub digest: B256,
    /// What it made of the last inputs, if another ran before it.
    pub rehearsal: Option<Rehearsal>,
}

impl Swapped {
    /// Returns a line for the log.
    pub(super) fn line(&self, id: &str) -> String {
        let tried = self.rehearsal.as_ref().map(|rehearsal| format!("; {}", rehearsal.line())).unwrap_or_default();
        format!("detector {id}: is now {}{tried}", self.digest)
    }
}

/// A version of a detector that fails soon after it was swapped in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    /// Its id in the config.
    pub detector: String,
    /// SHA-256 of the component.
    pub digest: B256,
    /// How it failed.
    pub reason: String,
}

/// What a journal knows of detectors of earlier runs.
#[derive(Clone, Debug, Default)]
pub struct Earlier {
    pub(super) journal: PathBuf,
    /// Detectors that ran last.
    pub(super) running: BTreeSet<String>,
    /// Versions that failed soon after they were swapped in.
    pub(super) rejected: BTreeMap<String, BTreeSet<B256>>,
}

impl Earlier {
    /// Reads what a journal knows.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn of(journal: &Journal) -> anyhow::Result<Self> {
        let mut rejected: BTreeMap<String, BTreeSet<B256>> = BTreeMap::new();
        for (id, digest, _) in journal.rejected()? {
            rejected.entry(id).or_default().insert(digest);
        }
        let running = journal.live_detectors()?.into_iter().map(|(id, _)| id).collect();
        Ok(Self { journal: journal.path().to_owned(), running, rejected })
    }
}
