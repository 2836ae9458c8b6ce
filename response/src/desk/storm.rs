//! A storm: what a detector makes beyond its budget is counted and told.

use crate::desk::Desk;
use crate::desk::budget::Storm;
use crate::desk::chronicle::Turn;
use crate::desk::intake::silence;
use crate::finding::{COVERAGE, Finding};
use crate::incident::IncidentId;
use crate::plan::Plan;

/// Who made a finding: its detector, or what a finding about the watch is about.
fn maker(finding: &Finding) -> String {
    let subject = &finding.claim.subject;
    match finding.detector == COVERAGE {
        true => format!("{}/{}", subject.kind, subject.id),
        false => finding.detector.clone(),
    }
}

impl Desk {
    /// Counts a new condition of an open incident. Returns whether it is only counted: its maker has made too many, and it
    /// says nothing that the incident does not know.
    pub(super) fn is_over_budget(&mut self, id: IncidentId, finding: &Finding, plan: &Plan, now_ms: u64) -> bool {
        let most = plan.tables().protocol.conditions_per_hour;
        let is_within = self.budgets.may_keep(&maker(finding), most, now_ms);
        let source = plan.source(&finding.detector);
        !is_within && self.files.get(&id).is_some_and(|file| file.case.knows(finding, source))
    }

    /// Counts a condition that is not kept.
    pub(super) fn pass_over(&mut self, id: IncidentId, finding: &Finding, turn: &mut Turn) {
        if let Some(file) = self.files.get_mut(&id) {
            file.case.pass_over();
        }
        let why = format!("counted in incident {id} and not kept: {} has made too many conditions", maker(finding));
        turn.out.push(silence(finding, &why));
        self.fold(id, |folded| folded.uncounted += 1, turn);
    }

    /// Iterates over detectors that made more new conditions than the plan takes, in an hour that still runs.
    pub fn storms(&self, now_ms: u64) -> impl Iterator<Item = Storm<'_>> {
        self.budgets.storms(now_ms)
    }
}
