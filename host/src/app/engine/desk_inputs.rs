//! What the journal says the desks were given: a restart, a replay and a comparison give it to them again.

use std::sync::Arc;

use crate::desk::{Desks, Input};
use crate::entry::Entry;
use crate::event::{Event, Stamped};
use crate::journal::Row;
use crate::outcome::Outcome;
use crate::plan::Plan;

/// Returns what a row of the journal was to the desks; `None` if it was no input of theirs.
///
/// # Errors
///
/// If the row is a plan that this version does not read.
pub fn input_of(row: &Row) -> anyhow::Result<Option<Input<'_>>> {
    Ok(Some(match &row.entry {
        Entry::Finding(finding) => Input::Finding(finding),
        Entry::Retraction { finding, reason } => Input::Retraction { finding: *finding, reason },
        Entry::Input(Stamped { event, .. }) => match event {
            Event::Plan { protocol, files, .. } => Input::Plan { protocol, plan: journaled_plan(files)? },
            Event::Act { act } => Input::Act(act),
            Event::Fact { fact } => Input::Fact(fact),
            Event::Delivered { delivery } => Input::Delivery(delivery),
            Event::Tick => Input::Tick,
            _ => return Ok(None),
        },
        _ => return Ok(None),
    }))
}

/// Gives one row of the journal to the desks again. Returns what follows, which is what followed then.
///
/// # Errors
///
/// If the row is a plan that this version does not read.
pub fn step_again(desks: &mut Desks, row: &Row) -> anyhow::Result<Vec<Outcome>> {
    Ok(input_of(row)?.map(|input| desks.step(input, row.at_ms)).unwrap_or_default())
}

/// Parses a plan from a journal, which was loaded once.
///
/// # Errors
///
/// If this version does not read the plan any more.
pub fn journaled_plan(files: &[(String, String)]) -> anyhow::Result<Arc<Plan>> {
    match Plan::load_journaled(files) {
        Ok(plan) => Ok(Arc::new(plan)),
        Err(found) => {
            let first = found.iter().find(|found| found.is_error()).map(ToString::to_string).unwrap_or_default();
            anyhow::bail!(
                "the journal holds a plan that this version of watchfire does not read ({first}); the version that \
                 wrote it does"
            )
        }
    }
}
