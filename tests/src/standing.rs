//! What a journal says in the end, whatever happened on the way: findings that stand, and pages that were due.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use watchfire::effect::Effect;
use watchfire::entry::Entry;
use watchfire::journal::Filter;

use crate::story::journal;

/// Findings that stand, of the detectors that are asked for, by what they say of which block.
///
/// # Errors
/// If the journal can't be read.
pub fn findings(folder: &Path, is_asked: impl Fn(&str) -> bool) -> anyhow::Result<BTreeSet<String>> {
    let journal = journal(folder)?;
    let kinds = vec!["finding".to_owned(), "retraction".to_owned()];
    let mut rows = journal.entries(&Filter { kinds, ..Filter::default() })?;
    let mut standing = BTreeMap::new();
    while let Some(row) = rows.next()? {
        match row.entry {
            Entry::Finding(finding) if is_asked(&finding.detector) => {
                let (block, claim) = (finding.block.map(|block| block.number), &finding.claim);
                let said = format!("{} {block:?} {} {:?}", finding.detector, claim.title, claim.amounts);
                standing.insert(finding.id, said);
            }
            Entry::Retraction { finding, .. } => drop(standing.remove(&finding)),
            _ => {}
        }
    }
    Ok(standing.into_values().collect())
}

/// Pages that were ordered for incidents of a signal: the key of each as a receiver has it, with the incident.
///
/// # Errors
/// If the journal can't be read.
pub fn pages(folder: &Path, signal: &str) -> anyhow::Result<BTreeMap<String, u64>> {
    let journal = journal(folder)?;
    let kinds = vec!["incident".to_owned(), "effect".to_owned()];
    let mut rows = journal.entries(&Filter { kinds, ..Filter::default() })?;
    let (mut of_signal, mut pages) = (BTreeSet::new(), BTreeMap::new());
    while let Some(row) = rows.next()? {
        match row.entry {
            Entry::Incident(incident) if incident.signal == signal => drop(of_signal.insert(incident.id)),
            Entry::Effect(ordered) => {
                if let Effect::Page { incident, .. } = &ordered.effect {
                    pages.insert(alloy_primitives::hex::encode(ordered.key), *incident);
                }
            }
            _ => {}
        }
    }
    pages.retain(|_, incident| of_signal.contains(incident));
    Ok(pages)
}
