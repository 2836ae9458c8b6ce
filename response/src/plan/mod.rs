//! The response plan: who can act, when, with what consequence, decided before it is needed.
//!
//! A plan is read from TOML files that the caller has already loaded, checked as a whole, and known by the
//! hash of what it says, whatever the layout of its files.

pub mod cacao;
pub mod diff;
mod entity;
mod load;
pub mod moment;
pub mod ready;
pub mod register;
mod resolve;
pub mod rota;
pub mod shape;
pub mod show;
pub mod starter;
#[cfg(test)]
mod tests;

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

pub use entity::*;
pub use ready::readiness;

use crate::diagnostic::Diagnostic;
use crate::digest::Hasher;
use crate::finding::Severity;

/// The id under which every decision lists the choice of doing nothing.
pub const DO_NOTHING: &str = "do-nothing";

/// A plan in which every reference holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    hash: B256,
    tables: Tables,
    #[serde(skip)]
    warnings: Vec<Diagnostic>,
}

/// A plan that says nothing.
impl Default for Plan {
    fn default() -> Self {
        Self::of(Tables::default(), Vec::new())
    }
}

impl Plan {
    /// Reads and checks a plan from its files, each with its name and text. On error gives all that is wrong, in
    /// order of file and line, with the warnings among them.
    pub fn load(files: &[(String, String)]) -> Result<Self, Vec<Diagnostic>> {
        let (tables, _, found) = load::load(files);
        if found.iter().any(Diagnostic::is_error) { Err(found) } else { Ok(Self::of(tables, found)) }
    }

    /// A plan of tables in which every reference holds.
    fn of(tables: Tables, warnings: Vec<Diagnostic>) -> Self {
        let content = serde_json::to_vec(&tables).expect("tables with text keys are JSON");
        Self { hash: Hasher::new("plan").bytes(&content).finish(), tables, warnings }
    }

    /// Hash of what the plan says: not of its comments, its layout, or the names of its files.
    pub fn hash(&self) -> B256 {
        self.hash
    }

    /// What is not wrong but should be looked at, in order of file and line.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// All that it holds, by table and id.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Ids of a role's people, members before backups, each once.
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

    /// Names of a role's people, members before backups, each once.
    pub fn people(&self, role: &str) -> Vec<String> {
        self.members(role).into_iter().map(|id| self.name(id)).collect()
    }

    /// What a person is called.
    pub fn name(&self, person: &str) -> String {
        self.tables.person.get(person).map_or_else(|| person.to_owned(), |person| person.name.clone())
    }

    /// Ids of the people who are paged for a role, a schedule or a person at a moment; nobody where a rota is empty.
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

    /// Ids of the people who run incidents, each once.
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

    /// Ids of the people who may decide on an intervention: of its owner's role, without those whom it excludes, and each
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

    /// Whether two ids are one human: by id, by signer, or by a channel that wakes both.
    pub fn same_human(&self, a: &str, b: &str) -> bool {
        let (Some(x), Some(y)) = (self.tables.person.get(a), self.tables.person.get(b)) else { return a == b };
        let signs_alike = x.signer.is_some() && x.signer == y.signer;
        a == b || signs_alike || x.channels.urgent.iter().any(|channel| y.channels.urgent.contains(channel))
    }

    /// How many different people a role has, backups included.
    pub fn headcount(&self, role: &str) -> usize {
        self.members(role).len()
    }

    /// From the decision to the effect of an intervention, in seconds: its own reaction, the signatures where they
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

    /// The source that a detector's findings count for: the plan's, or the detector itself.
    pub fn source<'a>(&'a self, detector: &'a str) -> &'a str {
        let of = self.tables.source.iter().find(|(_, source)| source.detectors.iter().any(|known| known == detector));
        of.map_or(detector, |(id, _)| id)
    }

    /// The escalation of a signal's incidents of a severity.
    pub fn escalation(&self, signal: &str, severity: Severity) -> Option<(&str, &Escalation)> {
        let own = self.tables.signal.get(signal).and_then(|signal| signal.escalation.as_ref());
        let of = own.and_then(|id| self.tables.escalation.get_key_value(id));
        let by_severity = || self.tables.escalation.iter().find(|(_, one)| one.severities.contains(&severity));
        of.or_else(by_severity).map(|(id, escalation)| (id.as_str(), escalation))
    }
}

/// The JSON Schema of a plan's files, for editors.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Tables).to_value()
}
