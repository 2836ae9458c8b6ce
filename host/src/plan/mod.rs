//! The response plan: who can act, when, with what consequence, decided before it is needed.
//!
//! A plan is read from TOML files that the caller has already loaded, checked as a whole, and known by the
//! hash of what it says, whatever the layout of its files.

mod entity;
mod load;
pub mod moment;
mod resolve;
pub mod shape;
#[cfg(test)]
mod tests;

use alloy::primitives::B256;
use serde::{Deserialize, Serialize};

pub use entity::*;

use crate::diagnostic::Diagnostic;
use crate::digest::Hasher;

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

impl Plan {
    /// Reads and checks a plan from its files, each with its name and text. On error gives all that is wrong, in
    /// order of file and line, with the warnings among them.
    pub fn load(files: &[(String, String)]) -> Result<Self, Vec<Diagnostic>> {
        let (tables, mut found) = load::load(files);
        found.sort();
        found.dedup();
        if found.iter().any(Diagnostic::is_error) {
            return Err(found);
        }
        let content = serde_json::to_vec(&tables).expect("tables with text keys are JSON");
        Ok(Self { hash: Hasher::new("plan").bytes(&content).finish(), tables, warnings: found })
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

    /// Names of a role's people, members before backups, each once.
    pub fn people(&self, role: &str) -> Vec<String> {
        let Some(role) = self.tables.role.get(role) else { return Vec::new() };
        let mut names: Vec<String> = Vec::new();
        for id in role.members.iter().chain(&role.backups) {
            if let Some(person) = self.tables.person.get(id)
                && !names.contains(&person.name)
            {
                names.push(person.name.clone());
            }
        }
        names
    }

    /// How many different people a role has, backups included.
    pub fn headcount(&self, role: &str) -> usize {
        let Some(role) = self.tables.role.get(role) else { return 0 };
        let everybody: Vec<&String> = role.members.iter().chain(&role.backups).collect();
        (0..everybody.len()).filter(|at| !everybody[..*at].contains(&everybody[*at])).count()
    }

    /// From the decision to the effect of an intervention, in seconds: its own reaction and its authority's delay.
    pub fn seconds_to_effect(&self, intervention: &Intervention) -> u64 {
        let delay_s = self.tables.authority.get(&intervention.authority).map_or(0, |authority| authority.delay_s);
        intervention.reaction_s.saturating_add(delay_s)
    }
}

/// The JSON Schema of a plan's files, for editors.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Tables).to_value()
}
