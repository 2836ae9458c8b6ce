//! Proofs of acts in a journal, checked again against the plans that it holds.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use alloy::primitives::B256;

use crate::app::engine::desk_inputs::journaled_plan;
use crate::entry::Entry;
use crate::event::{Event, Stamped};
use crate::incident::{Incident, IncidentId};
use crate::journal::{Filter, Journal};
use crate::plan::Plan;
use crate::record::{Proofs, check_proofs};
use crate::timeline::{TimelineEntry, verify};

/// Checks every timeline of a journal, with the proofs in it. Returns the number of timelines and what was found.
///
/// # Errors
///
/// If the journal can't be read, or holds a plan that this version does not read.
pub fn proofs_of(path: &Path) -> anyhow::Result<(usize, BTreeMap<IncidentId, Proofs>, Vec<String>)> {
    let journal = Journal::open_existing_read_only(path)?;
    let mut plans: BTreeMap<B256, Arc<Plan>> = BTreeMap::new();
    let mut rows = journal.desk_entries()?;
    while let Some(row) = rows.next()? {
        if let Entry::Input(Stamped { event: Event::Plan { hash, files, defaults, .. }, .. }) = &row.entry {
            plans.insert(*hash, journaled_plan(files, *defaults)?);
        }
    }
    drop(rows);
    let mut incidents: BTreeMap<IncidentId, Incident> = BTreeMap::new();
    let mut rows = journal.entries(&Filter { kinds: vec!["incident".to_owned()], ..Filter::default() })?;
    while let Some(row) = rows.next()? {
        if let Entry::Incident(incident) = row.entry {
            incidents.insert(incident.id, incident);
        }
    }
    drop(rows);
    let mut timelines: BTreeMap<IncidentId, Vec<TimelineEntry>> = BTreeMap::new();
    let mut rows = journal.entries(&Filter { kinds: vec!["timeline".to_owned()], ..Filter::default() })?;
    while let Some(row) = rows.next()? {
        if let Entry::Timeline(entry) = row.entry {
            timelines.entry(entry.incident).or_default().push(entry);
        }
    }
    let broken = timelines.values().filter_map(|timeline| verify(timeline).err()).collect();
    let count = timelines.len();
    let found = timelines.into_iter().filter_map(|(id, timeline)| {
        let incident = incidents.get(&id)?;
        Some((id, check_proofs(incident, &timeline, |hash| plans.get(&hash).map(Arc::as_ref))))
    });
    Ok((count, found.collect(), broken))
}
