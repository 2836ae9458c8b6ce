//! Kinds of findings that a config names: a detector whose config is rules says in its schema, by `x-finding-kinds`, where their
//! names stand.

use serde::Deserialize;
use serde_json::Value;

use crate::finding::Severity;
use crate::plugin::boundary::manifest::{FindingKind, Manifest, is_kebab};
use crate::plugin::text::lines;

/// Most kinds that one config adds.
const NAMED_AT_MOST: usize = 4_096;

/// Where the names stand.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Places {
    /// The key of the config whose list has the names.
    list: String,
    /// The key of the name in each member.
    id: String,
    /// The key of the severity in each member.
    #[serde(default)]
    severity: String,
    /// The key of the description in each member.
    #[serde(default)]
    description: String,
    /// The severity where a member has none.
    #[serde(default = "medium")]
    default_severity: Severity,
}

fn medium() -> Severity {
    Severity::Medium
}

impl Manifest {
    /// Adds the kinds that a config names. A name that is none is left out: the detector reports it when it starts.
    pub(in crate::plugin) fn add_named_kinds(&mut self, config: &Value) {
        let schema = serde_json::from_str::<Value>(&self.config_schema).unwrap_or_default();
        let places =
            schema.get("x-finding-kinds").cloned().and_then(|places| serde_json::from_value::<Places>(places).ok());
        let Some(places) = places else { return };
        let members = config.get(&places.list).and_then(Value::as_array);
        for member in members.into_iter().flatten().take(NAMED_AT_MOST) {
            let Some(id) = member.get(&places.id).and_then(Value::as_str).filter(|id| is_kebab(id)) else { continue };
            if self.finding_kinds.iter().any(|known| known.id == id) {
                continue;
            }
            let severity = member.get(&places.severity).cloned().and_then(|name| serde_json::from_value(name).ok());
            let description = member.get(&places.description).and_then(Value::as_str).unwrap_or_default();
            self.finding_kinds.push(FindingKind {
                id: id.to_owned(),
                default_severity: severity.unwrap_or(places.default_severity),
                description: lines(description, 4_096),
                runbook_url: String::new(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn manifest(schema: Value) -> Manifest {
        let kind = FindingKind {
            id: "fixed".to_owned(),
            default_severity: Severity::Low,
            description: String::new(),
            runbook_url: String::new(),
        };
        Manifest {
            name: "rules".to_owned(),
            version: "1.0.0".to_owned(),
            summary: String::new(),
            finding_kinds: vec![kind],
            capabilities: Vec::new(),
            config_schema: schema.to_string(),
        }
    }

    #[test]
    fn a_schema_says_where_a_config_names_kinds() {
        let mut named =
            manifest(json!({ "x-finding-kinds": { "list": "rule", "id": "name", "severity": "severity" } }));
        named.add_named_kinds(&json!({ "rule": [
            { "name": "big-exit", "severity": "high" }, { "name": "fixed" }, { "name": "No Name" }, {}, { "name": "plain" },
        ] }));
        let kinds: Vec<_> = named.finding_kinds.iter().map(|kind| (kind.id.as_str(), kind.default_severity)).collect();
        assert_eq!(kinds, [("fixed", Severity::Low), ("big-exit", Severity::High), ("plain", Severity::Medium)]);
    }

    #[test]
    fn without_that_word_a_config_adds_nothing() {
        let mut plain = manifest(json!({}));
        plain.add_named_kinds(&json!({ "rule": [{ "name": "big-exit" }] }));
        assert_eq!(plain.finding_kinds.len(), 1);
    }
}
