//! What a change of the config did, and what an earlier run left behind.

use std::collections::BTreeMap;
use std::path::PathBuf;

use alloy::primitives::B256;
use serde::{Deserialize, Serialize};

use crate::app::deploy::trial::Rehearsal;
use crate::diagnostic::Diagnostic;
use crate::journal::{Journal, Newcomer};

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

/// Blocks for which a new version is watched: one that fails within them is taken back.
pub const PROBATION_BLOCKS: u32 = 16;

/// Detectors that ran when the host before this one ended.
#[derive(Clone, Debug, Default)]
pub struct Ran {
    /// SHA-256 of each one's component, by its id in the config.
    pub running: BTreeMap<String, B256>,
    /// Those that had taken the place of others shortly before.
    pub newcomers: Vec<Newcomer>,
}

/// What a journal knows of detectors of earlier runs.
#[derive(Clone, Debug, Default)]
pub struct Earlier {
    pub(super) journal: PathBuf,
    /// Detectors that ran last.
    pub ran: Ran,
    /// Versions that failed soon after they were swapped in, with when they were rejected.
    pub(super) rejected: RejectedVersions,
}

/// Versions by the detector's id, each with when it was rejected, milliseconds since the Unix epoch.
pub(super) type RejectedVersions = BTreeMap<String, BTreeMap<B256, u64>>;

impl Earlier {
    /// Reads what a journal knows.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn of(journal: &Journal) -> anyhow::Result<Self> {
        let mut rejected = RejectedVersions::new();
        for one in journal.rejected()? {
            rejected.entry(one.detector).or_default().insert(one.digest, one.at_ms);
        }
        let running = journal.live_detectors()?.into_iter().collect();
        let newcomers = journal.newcomers(PROBATION_BLOCKS)?;
        Ok(Self { journal: journal.path().to_owned(), ran: Ran { running, newcomers }, rejected })
    }

    /// Returns the versions that failed soon after they were swapped in, and that the host did not live to take back, by id.
    pub(super) fn unfinished(&self) -> BTreeMap<String, Failing> {
        let failed = self.ran.newcomers.iter().filter_map(|one| Some((one, one.failed.clone()?)));
        let failing =
            failed.map(|(one, reason)| Failing { detector: one.detector.clone(), digest: one.digest, reason });
        let is_open =
            |one: &Failing| !self.rejected.get(&one.detector).is_some_and(|all| all.contains_key(&one.digest));
        failing.filter(is_open).map(|one| (one.detector.clone(), one)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_and_was_not_rejected_is_left_to_do() {
        let newcomer = |detector: &str, failed: Option<&str>| Newcomer {
            detector: detector.into(),
            digest: B256::repeat_byte(2),
            blocks: 1,
            failed: failed.map(str::to_owned),
        };
        let newcomers =
            vec![newcomer("good", None), newcomer("open", Some("trap: no")), newcomer("done", Some("trap: no"))];
        let rejected = BTreeMap::from([("done".to_owned(), BTreeMap::from([(B256::repeat_byte(2), 1)]))]);
        let earlier = Earlier { ran: Ran { newcomers, ..Ran::default() }, rejected, ..Earlier::default() };
        let unfinished = earlier.unfinished();
        assert_eq!(unfinished.keys().collect::<Vec<_>>(), ["open"]);
        assert_eq!(unfinished["open"].reason, "trap: no");
    }
}
