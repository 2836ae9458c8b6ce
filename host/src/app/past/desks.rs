//! The desks as a journal has them: as they are now, an incident by itself, an incident under another plan.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use alloy::primitives::B256;

use crate::app::engine::desk_inputs::{input_of, journaled_plan, step_again};
use crate::desk::Desks;
use crate::drill::WhatIf;
use crate::entry::Entry;
use crate::event::{Event, Stamped};
use crate::incident::{Incident, IncidentId};
use crate::journal::{Filter, Journal, Row};
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::record::Record;

/// Returns a past incident as it was and as it would have been under another plan; `None` if there is no such incident.
///
/// # Errors
///
/// If the journal can't be read.
pub fn what_if(journal: &Path, incident: IncidentId, plan: Arc<Plan>) -> anyhow::Result<Option<WhatIf>> {
    let journal = Journal::open_existing_read_only(journal)?;
    let of_it =
        Filter { kinds: vec!["incident".to_owned()], incident: Some(incident), last: Some(1), ..Filter::default() };
    let Some(Row { entry: Entry::Incident(last), .. }) = journal.entries(&of_it)?.next()? else { return Ok(None) };
    let mut what_if = WhatIf::new(&last, plan);
    let mut rows = journal.desk_entries()?;
    while let Some(row) = rows.next()? {
        if let Some(input) = input_of(&row)? {
            what_if.step(&input, row.at_ms);
        }
    }
    Ok(Some(what_if))
}

/// Returns everything that a journal has of one incident; `None` if it has no such incident.
///
/// # Errors
///
/// If the journal can't be read.
pub fn record_of(journal: &Path, incident: IncidentId) -> anyhow::Result<Option<Record>> {
    let journal = Journal::open_existing_read_only(journal)?;
    let of_kind = |kind: &str| Filter { kinds: vec![kind.to_owned()], ..Filter::default() };
    let last = Filter { incident: Some(incident), last: Some(1), ..of_kind("incident") };
    let Some(Row { entry: Entry::Incident(last), .. }) = journal.entries(&last)?.next()? else { return Ok(None) };
    let mut record = Record::of(last.clone(), None);
    let (members, desks) = members_of(&journal, incident)?;
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
            record.find(finding, &members);
        }
    }
    drop(rows);
    let mut rows = journal.desk_entries()?;
    while let Some(row) = rows.next()? {
        match &row.entry {
            Entry::Input(Stamped { event: Event::Plan { hash, files, defaults, .. }, .. })
                if *hash == last.plan && record.plan.is_none() =>
            {
                record.plan = Some(journaled_plan(files, *defaults)?);
            }
            Entry::Input(Stamped { event: Event::Delivered { delivery }, .. }) => {
                record.delivered(delivery, row.at_ms);
            }
            _ => {}
        }
    }
    // Of an open one the desk knows each sighting, the journal only what was put out.
    if let Some(now) = desks.incidents().find(|one| one.id == incident) {
        record.incident = now.clone();
        record.standing = desks.rulings(incident).to_vec();
    }
    Ok(Some(record))
}

/// Returns the findings that an incident ever had, those of incidents that became part of it among them, and the desks as the
/// journal leaves them.
fn members_of(journal: &Journal, incident: IncidentId) -> anyhow::Result<(BTreeSet<B256>, Desks)> {
    let mut desks = Desks::default();
    let mut members: BTreeMap<IncidentId, BTreeSet<B256>> = BTreeMap::new();
    let mut rows = journal.desk_entries()?;
    while let Some(row) = rows.next()? {
        let outcomes = step_again(&mut desks, &row)?;
        if let Entry::Finding(finding) = &row.entry {
            for id in desks.homes(finding.id) {
                members.entry(id).or_default().insert(finding.id);
            }
        }
        for outcome in outcomes {
            if let Outcome::Incident(Incident { id, merged_into: Some(into), .. }) = outcome {
                let of_it = members.remove(&id).unwrap_or_default();
                members.entry(into).or_default().extend(of_it);
            }
        }
    }
    drop(rows);
    Ok((members.remove(&incident).unwrap_or_default(), desks))
}

/// Returns the desks as a journal leaves them, read beside a host that may be writing.
///
/// # Errors
///
/// If the journal can't be read.
pub fn desks_of(journal: &Path) -> anyhow::Result<(Desks, Journal)> {
    let journal = Journal::open_existing_read_only(journal)?;
    let mut desks = Desks::default();
    let mut rows = journal.desk_entries()?;
    while let Some(row) = rows.next()? {
        step_again(&mut desks, &row)?;
    }
    drop(rows);
    Ok((desks, journal))
}
