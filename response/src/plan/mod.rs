//! The response plan: who can act, when, with what consequence, decided before it is needed.
//!
//! A plan is read from TOML files that the caller has already loaded, checked as a whole, and known by the
//! hash of what it says, whatever the layout of its files.

pub mod abi;
mod alias;
pub mod cacao;
mod calldata;
pub(crate) mod climb;
mod defaults;
pub mod diff;
mod entity;
mod load;
pub mod moment;
pub mod ready;
pub mod register;
mod resolve;
pub mod rota;
pub mod seal;
pub mod shape;
pub mod show;
mod standing;
pub mod starter;
#[cfg(test)]
mod tests;

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

pub use crate::defaults::Defaults;
pub use entity::*;
pub use ready::readiness;

use crate::diagnostic::Diagnostic;
use crate::digest::Hasher;
use crate::finding::Severity;
pub use alias::reach_of;

/// The id under which every decision lists the choice of doing nothing.
pub const DO_NOTHING: &str = "do-nothing";

/// A plan in which every reference holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    hash: B256,
    tables: Tables,
    #[serde(default, skip_serializing_if = "Defaults::is_first")]
    defaults: Defaults,
    #[serde(skip)]
    warnings: Vec<Diagnostic>,
}

/// A plan that says nothing.
impl Default for Plan {
    fn default() -> Self {
        Self::of(Tables::default(), Vec::new(), Defaults::NOW)
    }
}

impl Plan {
    /// Reads and checks a plan from its files, each with its name and text.
    ///
    /// # Errors
    ///
    /// If anything is wrong with the files. The error lists all of it in order of file and line, warnings included.
    pub fn load(files: &[(String, String)]) -> Result<Self, Vec<Diagnostic>> {
        Self::read(files, load::Reader::Operator)
    }

    /// Reads a plan that was loaded once, from the files that a journal keeps of it and by the defaults that it was followed by.
    /// What has become an error since then is none here, so that the journal opens.
    ///
    /// # Errors
    ///
    /// If this version of the host does not read such files. The error lists all that is wrong.
    pub fn load_journaled(files: &[(String, String)], defaults: Defaults) -> Result<Self, Vec<Diagnostic>> {
        Self::read(files, load::Reader::Journal(defaults))
    }

    fn read(files: &[(String, String)], reader: load::Reader) -> Result<Self, Vec<Diagnostic>> {
        let (tables, _, found) = load::load(files, reader);
        if found.iter().any(Diagnostic::is_error) { Err(found) } else { Ok(Self::of(tables, found, reader.defaults())) }
    }

    /// A plan of tables in which every reference holds.
    fn of(tables: Tables, warnings: Vec<Diagnostic>, defaults: Defaults) -> Self {
        let content = serde_json::to_vec(&tables).expect("tables with text keys are JSON");
        Self { hash: Hasher::new("plan").bytes(&content).finish(), tables, defaults, warnings }
    }

    /// Returns the hash of what the plan says: not of its comments, its layout, or the names of its files.
    pub fn hash(&self) -> B256 {
        self.hash
    }

    /// Returns what is not wrong but should be looked at, in order of file and line.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// Returns the tables of the plan, by id.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Returns what keys mean that the plan leaves out.
    pub fn defaults(&self) -> Defaults {
        self.defaults
    }

    /// Whether somebody who may do it must prove an act on an intervention, in an incident that is so grave.
    pub fn wants_proof(&self, act: ProvedAct, intervention: &str, severity: Severity) -> bool {
        let Some(policy) = &self.tables.protocol.proof else { return false };
        let of = self.tables.intervention.get(intervention);
        let concerned = of.map(|one| self.deciders(one)).unwrap_or_default();
        policy.why(act, intervention, self, severity).is_some()
            && concerned.iter().any(|person| !policy.excuses(person, self))
    }

    /// Returns the ids of a role's people, members before backups, each once.
    pub fn members(&self, role: &str) -> Vec<&str> {
        let Some(role) = self.tables.role.get(role) else { return Vec::new() };
        let mut ids: Vec<&str> = Vec::new();
        for id in role.members.iter().chain(&role.backups) {
            if !ids.contains(&id.as_str()) {
                ids.push(id);
            }
        }
        ids
    }

    /// Returns the names of a role's people, members before backups, each once.
    pub fn people(&self, role: &str) -> Vec<String> {
        self.members(role).into_iter().map(|id| self.name(id)).collect()
    }

    /// Returns the name of a person; the id if the plan has no such person.
    pub fn name(&self, person: &str) -> String {
        self.tables.person.get(person).map_or_else(|| person.to_owned(), |person| person.name.clone())
    }

    /// Returns the ids of the people who are paged for a role, a schedule or a person at a moment, milliseconds since the
    /// Unix epoch; nobody if the rota is empty then.
    pub fn on_duty(&self, who: &str, now_ms: u64) -> Vec<&str> {
        let scheduled = |id: &str| -> Vec<&str> {
            let schedule = self.tables.schedule.get(id);
            schedule.and_then(|schedule| rota::on_call(schedule, now_ms)).into_iter().collect()
        };
        if let Some(role) = self.tables.role.get(who) {
            return match &role.schedule {
                Some(schedule) => scheduled(schedule),
                None => role.members.iter().map(String::as_str).collect(),
            };
        }
        if self.tables.schedule.contains_key(who) {
            return scheduled(who);
        }
        self.tables.person.get_key_value(who).map(|(id, _)| id.as_str()).into_iter().collect()
    }

    /// Returns the ids of the people who run incidents, each once.
    pub fn leads(&self) -> Vec<&str> {
        let roles = self.tables.role.iter().filter(|(_, role)| role.kind == RoleKind::IncidentLead);
        let mut ids: Vec<&str> = Vec::new();
        for id in roles.flat_map(|(role, _)| self.members(role)) {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        ids
    }

    /// Returns the ids of the people who may decide on an intervention: of its owner's role, without those whom it excludes, and each
    /// human once, whatever ids they go by.
    pub fn deciders(&self, intervention: &Intervention) -> Vec<&str> {
        let excluded = |id: &str| {
            let by_role = |who: &String| self.tables.role.contains_key(who) && self.members(who).contains(&id);
            intervention.limits.excludes.iter().any(|who| who == id || by_role(who))
        };
        let mut ids: Vec<&str> = Vec::new();
        for id in self.members(&intervention.owner) {
            if !excluded(id) && !ids.iter().any(|known| self.same_human(known, id)) {
                ids.push(id);
            }
        }
        ids
    }

    /// Whether two ids are one human: by id, by signer, or by a channel that wakes both, however either is written.
    pub fn same_human(&self, a: &str, b: &str) -> bool {
        let (Some(x), Some(y)) = (self.tables.person.get(a), self.tables.person.get(b)) else { return a == b };
        let signs_alike = x.signer.is_some() && x.signer == y.signer;
        let reached: Vec<String> = y.channels.urgent.iter().map(|channel| reach_of(channel)).collect();
        a == b || signs_alike || x.channels.urgent.iter().any(|channel| reached.contains(&reach_of(channel)))
    }

    /// Returns the seconds from the decision to the effect of an intervention: its own reaction, the signatures if they
    /// were not given beforehand, and its authority's delay.
    pub fn seconds_to_effect(&self, intervention: &Intervention) -> u64 {
        let authority = self.tables.authority.get(&intervention.authority);
        let delay_s = authority.map_or(0, |authority| authority.delay_s);
        let signature_s = match intervention.automation {
            Automation::Presigned | Automation::Auto => 0,
            _ => authority.map_or(0, |authority| authority.signature_s),
        };
        intervention.reaction_s.saturating_add(signature_s).saturating_add(delay_s)
    }

    /// Returns the source that a detector's findings count for: the plan's, or the detector itself.
    pub fn source<'a>(&'a self, detector: &'a str) -> &'a str {
        let of = self.tables.source.iter().find(|(_, source)| source.detectors.iter().any(|known| known == detector));
        of.map_or(detector, |(id, _)| id)
    }

    /// Returns the escalation of a signal's incidents of a severity, with its id.
    pub fn escalation(&self, signal: &str, severity: Severity) -> Option<(&str, &Escalation)> {
        let own = self.tables.signal.get(signal).and_then(|signal| signal.escalation.as_ref());
        let of = own.and_then(|id| self.tables.escalation.get_key_value(id));
        let by_severity = || self.tables.escalation.iter().find(|(_, one)| one.severities.contains(&severity));
        of.or_else(by_severity).map(|(id, escalation)| (id.as_str(), escalation))
    }
}

/// Returns the JSON Schema of a plan's files, for editors.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Tables).to_value()
}
