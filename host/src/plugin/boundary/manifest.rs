//! What a detector says of itself, checked and cleaned.

use serde::Serialize;

use crate::finding::Severity;
use crate::plugin::boundary::bindings::watchfire::detector::types;
use crate::plugin::failure::LoadError;
use crate::plugin::text::{line, lines};

/// A kind of finding that a detector may emit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FindingKind {
    /// Kebab-case, unique within the detector.
    pub id: String,
    /// What to expect.
    pub default_severity: Severity,
    /// What it means.
    pub description: String,
    /// Where to read what to do; empty where there is none.
    pub runbook_url: String,
}

/// What a detector says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Manifest {
    /// Kebab-case name.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// What it looks for.
    pub summary: String,
    /// What it may emit.
    pub finding_kinds: Vec<FindingKind>,
    /// What it asks for.
    pub capabilities: Vec<String>,
    /// JSON Schema of its config.
    pub config_schema: String,
}

/// Capabilities that there are.
pub(in crate::plugin) const CAPABILITIES: [&str; 7] =
    ["chain", "state", "traces", "storage", "mempool", "feeds", "findings"];

const KINDS_AT_MOST: usize = 256;
const SCHEMA_BYTES: usize = 256 << 10;

impl Manifest {
    pub(in crate::plugin) fn of(said: types::Manifest) -> Result<Self, LoadError> {
        let wrong = |message: String| Err(LoadError::Manifest(message));
        if !is_kebab(&said.name) {
            return wrong(format!("the name `{}` is not kebab-case", line(&said.name, 64)));
        }
        if said.version.is_empty() || said.version.len() > 64 {
            return wrong(format!("the version `{}` is none", line(&said.version, 64)));
        }
        if said.finding_kinds.len() > KINDS_AT_MOST {
            return wrong(format!("{} kinds of findings, {KINDS_AT_MOST} are allowed", said.finding_kinds.len()));
        }
        let mut finding_kinds: Vec<FindingKind> = Vec::new();
        for kind in said.finding_kinds {
            let shown = line(&kind.id, 64);
            if !is_kebab(&kind.id) {
                return wrong(format!("the finding kind `{shown}` is not kebab-case"));
            }
            if finding_kinds.iter().any(|known| known.id == kind.id) {
                return wrong(format!("the finding kind `{shown}` is declared twice"));
            }
            finding_kinds.push(FindingKind {
                id: kind.id,
                default_severity: severity(kind.default_severity),
                description: lines(&kind.description, 4_096),
                runbook_url: line(&kind.runbook_url, 512),
            });
        }
        if let Some(unknown) = said.capabilities.iter().find(|name| !CAPABILITIES.contains(&name.as_str())) {
            let shown = line(unknown, 64);
            return wrong(format!("it asks for `{shown}`; there are {}", CAPABILITIES.join(", ")));
        }
        let asks = &said.capabilities;
        if let Some((_, twice)) = asks.iter().enumerate().find(|(at, name)| asks[..*at].contains(name)) {
            return wrong(format!("it asks for `{twice}` twice"));
        }
        if said.config_schema.len() > SCHEMA_BYTES {
            return wrong(format!("a config schema of {} bytes, {SCHEMA_BYTES} are allowed", said.config_schema.len()));
        }
        if let Err(error) = serde_json::from_str::<serde_json::Value>(&said.config_schema) {
            return wrong(line(&format!("the config schema is no JSON: {error}"), 1_000));
        }
        Ok(Self {
            name: said.name,
            version: line(&said.version, 64),
            summary: lines(&said.summary, 4_096),
            finding_kinds,
            capabilities: said.capabilities,
            config_schema: lines(&said.config_schema, SCHEMA_BYTES),
        })
    }
}

/// Returns the host's own severity for a guest's.
pub(super) fn severity(severity: types::Severity) -> Severity {
    match severity {
        types::Severity::Info => Severity::Info,
        types::Severity::Low => Severity::Low,
        types::Severity::Medium => Severity::Medium,
        types::Severity::High => Severity::High,
        types::Severity::Critical => Severity::Critical,
    }
}

pub(super) fn is_kebab(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}
