//! What the desks were given before, given again by the journal: at a restart, for a comparison, to look at an incident.

use std::path::Path;
use std::sync::Arc;

use crate::desk::{Desks, Input};
use crate::drill::WhatIf;
use crate::entry::Entry;
use crate::event::{Event, Stamped};
use crate::incident::IncidentId;
use crate::journal::{Filter, Journal, Row};
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::record::Record;

/// What a row of the journal was to the desks, if it was anything to them.
fn input(row: &Row) -> anyhow::Result<Option<Input<'_>>> {
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

/// Gives one row of the journal to the desks, if it is anything to them; what followed then follows again.
pub fn again(desks: &mut Desks, row: &Row) -> anyhow::Result<Vec<Outcome>> {
    Ok(input(row)?.map(|input| desks.step(input, row.at_ms)).unwrap_or_default())
}

/// A past incident as it was and as it would have been under another plan; `None` where there is no such incident.
pub fn what_if(journal: &Path, incident: IncidentId, plan: Arc<Plan>) -> anyhow::Result<Option<WhatIf>> {
    let journal = Journal::open_existing_read_only(journal)?;
    let of_it =
        Filter { kinds: vec!["incident".to_owned()], incident: Some(incident), last: Some(1), ..Filter::default() };
    let Some(Row { entry: Entry::Incident(last), .. }) = journal.entries(&of_it)?.next()? else { return Ok(None) };
    let mut what_if = WhatIf::new(&last, plan);
    let mut rows = journal.desk_entries()?;
    while let Some(row) = rows.next()? {
        if let Some(input) = input(&row)? {
            what_if.step(&input, row.at_ms);
        }
    }
    Ok(Some(what_if))
}

/// Everything that a journal has of one incident; `None` where it has no such incident.
pub fn record_of(journal: &Path, incident: IncidentId) -> anyhow::Result<Option<Record>> {
    let journal = Journal::open_existing_read_only(journal)?;
    let of_kind = |kind: &str| Filter { kinds: vec![kind.to_owned()], ..Filter::default() };
    let last = Filter { incident: Some(incident), last: Some(1), ..of_kind("incident") };
    let Some(Row { entry: Entry::Incident(last), .. }) = journal.entries(&last)?.next()? else { return Ok(None) };
    let mut record = Record::of(last.clone(), None);
    let mut rows = journal.entries(&Filter { incident: Some(incident), ..Filter::default() })?;
    while let Some(row) = rows.next()? {
        record.as_of_ms = record.as_of_ms.max(row.at_ms);
        if let Some(outcome) = row.entry.outcome() {
            record.hear(outcome, row.at_ms);
        }
    }
    drop(rows);
    let mut rows = journal.entries(&of_kind("finding"))?;
    while let Some(row) = rows.next()? {
        if let Entry::Finding(finding) = &row.entry {
            record.find(finding);
        }
    }
    drop(rows);
    let mut rows = journal.desk_entries()?;
    while let Some(row) = rows.next()? {
        if let Entry::Input(Stamped { event: Event::Plan { hash, files, .. }, .. }) = &row.entry
            && *hash == last.plan
        {
            record.plan = Some(journaled_plan(files)?);
            break;
        }
    }
    Ok(Some(record))
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
