//! What a journal says of incidents that are over, for the register of risks.

use std::collections::BTreeMap;
use std::path::Path;

use crate::entry::Entry;
use crate::incident::{IncidentId, IncidentState};
use crate::journal::{Filter, Journal};
use crate::plan::register::ClosedIncident;

/// Returns the incidents that a journal says are closed, by number. One that was opened again is not.
///
/// # Errors
///
/// If the journal can't be read.
pub fn closed_incidents(journal: &Path) -> anyhow::Result<Vec<ClosedIncident>> {
    let journal = Journal::open_existing_read_only(journal)?;
    let mut rows = journal.entries(&Filter { kinds: vec!["incident".into()], ..Filter::default() })?;
    let mut closed: BTreeMap<IncidentId, ClosedIncident> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let Entry::Incident(incident) = row.entry else { continue };
        if incident.drill {
            continue;
        }
        if incident.state == IncidentState::Closed {
            // The first entry that says so: what comes later is about a closed incident.
            closed.entry(incident.id).or_insert(ClosedIncident {
                id: incident.id,
                closed_at_ms: row.at_ms,
                risks: incident.risks.keys().cloned().collect(),
                no_change: incident.no_change,
            });
        } else {
            closed.remove(&incident.id);
        }
    }
    Ok(closed.into_values().collect())
}

/// Returns those of some incidents that a journal does not have.
///
/// # Errors
///
/// If the journal can't be read.
pub fn unknown_incidents(journal: &Path, ids: &[IncidentId]) -> anyhow::Result<Vec<IncidentId>> {
    let journal = Journal::open_existing_read_only(journal)?;
    let mut unknown = Vec::new();
    for id in ids {
        let filter = Filter { kinds: vec!["incident".into()], incident: Some(*id), last: Some(1), ..Filter::default() };
        if journal.entries(&filter)?.next()?.is_none() {
            unknown.push(*id);
        }
    }
    Ok(unknown)
}
