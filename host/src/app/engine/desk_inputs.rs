//! What the journal says the desks were given: a restart, a replay and a comparison give it to them again.

use std::sync::Arc;

use crate::desk::{Desks, Input};
use crate::entry::Entry;
use crate::event::{Event, Stamped};
use crate::journal::Row;
use crate::outcome::Outcome;
use crate::plan::{Defaults, Plan};

/// Returns what a row of the journal was to the desks; `None` if it was no input of theirs.
///
/// # Errors
///
/// If the row is a plan that this version does not read.
pub fn input_of(row: &Row) -> anyhow::Result<Option<Input<'_>>> {
    Ok(Some(match &row.entry {
        Entry::Finding(finding) => Input::Finding(finding),
        Entry::Retraction { finding, reason } => Input::Retraction { finding: *finding, reason },
        Entry::Input(Stamped { event, .. }) => return of_event(event),
        _ => return Ok(None),
    }))
}

/// Returns what an input of the journal is to the desks; `None` if it is nothing to them.
///
/// # Errors
///
/// If it is a plan that this version does not read.
pub(super) fn of_event(event: &Event) -> anyhow::Result<Option<Input<'_>>> {
    Ok(Some(match event {
        Event::Plan { protocol, files, defaults, .. } => {
            Input::Plan { protocol, plan: journaled_plan(files, *defaults)? }
        }
        Event::Act { act } => Input::Act(act),
        Event::Fact { fact } => Input::Fact(fact),
        Event::Delivered { delivery } => Input::Delivery(delivery),
        Event::Detector { detector, digest, spec } => {
            Input::Runs { detector, component: digest.and_then(|digest| Some((digest, hears(spec)?))) }
        }
        Event::Agreed { block, .. } => Input::Agreed { chain: block.chain, number: block.number },
        Event::Reverted { chain, blocks } => {
            let Some(lowest) = blocks.iter().map(|block| block.number).min() else { return Ok(None) };
            Input::Reverted { chain: *chain, above: lowest.saturating_sub(1) }
        }
        Event::Tick => Input::Tick,
        _ => return Ok(None),
    }))
}

/// What a detector's spec says of whom it hears.
#[derive(serde::Deserialize)]
struct Hears {
    #[serde(default)]
    hears: Option<bool>,
}

/// Whether a detector hears what others find, by its journaled spec. A spec of before this was noted doesn't say: its detector
/// counts as it did then.
fn hears(spec: &str) -> Option<bool> {
    serde_json::from_str::<Hears>(spec).ok()?.hears
}

/// Gives one row of the journal to the desks again. Returns what follows, which is what followed then.
///
/// # Errors
///
/// If the row is a plan that this version does not read.
pub fn step_again(desks: &mut Desks, row: &Row) -> anyhow::Result<Vec<Outcome>> {
    Ok(input_of(row)?.map(|input| desks.step(input, row.at_ms)).unwrap_or_default())
}

/// Parses a plan from a journal, which was loaded once, with what it leaves out as it was then.
///
/// # Errors
///
/// If this version does not read the plan any more.
pub fn journaled_plan(files: &[(String, String)], defaults: Defaults) -> anyhow::Result<Arc<Plan>> {
    match Plan::load_journaled(files, defaults) {
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
