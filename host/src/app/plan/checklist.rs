//! What a host can show for a checklist: its plan, its config, and its journal.

use std::path::Path;

use anyhow::Context;

use crate::app::config::Config;
use crate::app::deploy::load::plan_files;
use crate::diagnostic::Diagnostic;
use crate::entry::Entry;
use crate::journal::{Filter, Journal, JournalError};
use crate::plan::seal::{Kept, Known};
use crate::plan::{Plan, readiness};

/// A day in milliseconds.
const DAY_MS: u64 = 86_400_000;

/// A plan with what is known beside it.
pub struct Shown {
    /// The plan.
    pub plan: Plan,
    /// What is known beside it.
    pub known: Known,
}

/// Gathers what a config, its plan and its journal show as of a moment, milliseconds since the Unix epoch.
///
/// # Errors
///
/// If the plan's files can't be read, or the journal can't be.
pub fn shown(config: &Config, plan: &Path, at_ms: u64) -> anyhow::Result<Result<Shown, Vec<Diagnostic>>> {
    let detectors = config.detectors.iter().filter(|(_, one)| one.shadow_of.is_none());
    let known = Known {
        detectors: detectors.map(|(id, one)| (id.clone(), one.config.to_string())).collect(),
        channels: config.channel.iter().map(|(name, one)| (name.clone(), one.kind.name().to_owned())).collect(),
        journal: kept(config)?,
        has_heartbeat: config.heartbeat.is_some(),
        ..Known::default()
    };
    of_files(&plan_files(plan)?, known, at_ms)
}

/// Gathers what a plan alone shows.
///
/// # Errors
///
/// If the plan's files can't be read.
pub fn shown_alone(plan: &Path, at_ms: u64) -> anyhow::Result<Result<Shown, Vec<Diagnostic>>> {
    of_files(&plan_files(plan)?, Known::default(), at_ms)
}

fn of_files(files: &[(String, String)], known: Known, at_ms: u64) -> anyhow::Result<Result<Shown, Vec<Diagnostic>>> {
    Ok(Plan::load(files).map(|plan| {
        let found = readiness(files, at_ms).found;
        Shown { plan, known: Known { now_ms: at_ms, found, ..known } }
    }))
}

fn kept(config: &Config) -> anyhow::Result<Option<Kept>> {
    if !config.journal.exists() {
        return Ok(None);
    }
    let journal = Journal::open_existing_read_only(&config.journal)?;
    let holds = match journal.verify(None, |_, _| {}) {
        Ok(verified) => Ok(verified.entries),
        Err(JournalError::Broken(broken)) => Err(broken.to_string()),
        Err(other) => return Err(other).context("the journal can't be verified"),
    };
    let mut rows = journal.entries(&Filter { kinds: vec!["incident".to_owned()], ..Filter::default() })?;
    let (mut incidents, mut drill) = (std::collections::BTreeSet::new(), None);
    while let Some(row) = rows.next()? {
        match row.entry {
            Entry::Incident(incident) if incident.drill => drill = Some((incident.id, incident.opened_at_ms)),
            Entry::Incident(incident) => drop(incidents.insert(incident.id)),
            _ => {}
        }
    }
    let keep_days = config.keep_ms.map(|keep_ms| keep_ms / DAY_MS);
    Ok(Some(Kept { holds: Some(holds), keep_days, incidents: incidents.len(), drill }))
}
