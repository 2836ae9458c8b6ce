//! What the desks were given before, given again by the journal: at a restart, for a comparison, to look at an incident.

use std::path::Path;
use std::sync::Arc;

use crate::engine::{Desks, Input};
use crate::entry::Entry;
use crate::event::{Event, Stamped};
use crate::journal::{Journal, Row};
use crate::outcome::Outcome;
use crate::plan::Plan;

/// Gives one row of the journal to the desks, if it is anything to them; what followed then follows again.
pub fn again(desks: &mut Desks, row: &Row) -> anyhow::Result<Vec<Outcome>> {
    let input = match &row.entry {
        Entry::Finding(finding) => Input::Finding(finding),
        Entry::Retraction { finding, reason } => Input::Retraction { finding: *finding, reason },
        Entry::Input(Stamped { event, .. }) => match event {
            Event::Plan { protocol, files, .. } => {
                return Ok(desks.follow(protocol.clone(), journaled_plan(files)?, row.at_ms));
            }
            Event::Act { act } => Input::Act(act),
            Event::Fact { fact } => Input::Fact(fact),
            Event::Delivered { delivery } => Input::Delivery(delivery),
            Event::Tick => Input::Tick,
            _ => return Ok(Vec::new()),
        },
        _ => return Ok(Vec::new()),
    };
    Ok(desks.step(input, row.at_ms))
}

/// A plan that was loaded once.
pub fn journaled_plan(files: &[(String, String)]) -> anyhow::Result<Arc<Plan>> {
    match Plan::load(files) {
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

/// The desks as a journal leaves them, read beside a host that may be writing.
pub fn desks_of(journal: &Path) -> anyhow::Result<(Desks, Journal)> {
    let journal = Journal::open_existing_read_only(journal)?;
    let mut desks = Desks::default();
    let mut rows = journal.desk_entries()?;
    while let Some(row) = rows.next()? {
        again(&mut desks, &row)?;
    }
    drop(rows);
    Ok((desks, journal))
}
