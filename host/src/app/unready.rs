//! What the readiness check finds in the plan of a running host: told, each once, and never in the way of the watch.

use std::collections::BTreeSet;

use crate::plan::readiness;

/// What was told of the plan that is in force.
#[derive(Debug, Default)]
pub struct Unready {
    /// Code and key of each finding.
    told: BTreeSet<(String, String)>,
}

impl Unready {
    /// Logs what is found in a plan's files at a moment, milliseconds since the Unix epoch, and was not told of the plan
    /// before it.
    pub fn tell(&mut self, files: &[(String, String)], now_ms: u64) {
        let mut told = BTreeSet::new();
        for found in readiness(files, now_ms).found {
            let mark = (found.code.clone(), found.key.clone());
            if !self.told.contains(&mark) && told.insert(mark.clone()) {
                tracing::warn!("not ready: {found}");
            }
            told.insert(mark);
        }
        self.told = told;
    }
}
