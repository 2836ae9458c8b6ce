//! What one version of a detector does otherwise than another: what it asks for, what it finds, what it takes for config.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;
use similar::{ChangeTag, TextDiff};

use crate::app::config::Config;
use crate::app::deploy::spec::KeptSpec;
use crate::app::deploy::trial::{Rehearsal, Version, rehearse};
use crate::app::engine::answers::Answers;
use crate::app::share::scored::figures;
use crate::plugin::{Component, Limits, Manifest};

/// A version that is compared.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// The component.
    pub component: &'a Component,
    /// What it says of itself.
    pub manifest: &'a Manifest,
    /// What it may use up, by its publisher's word.
    pub limits: &'a Limits,
    /// What a backtest made of it, if it travels with it.
    pub score: Option<&'a serde_json::Value>,
}

/// What differs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Difference {
    /// The versions.
    pub versions: (String, String),
    /// What only the new one asks for.
    pub asks_for_more: Vec<String>,
    /// What only the old one asks for.
    pub asks_no_more_for: Vec<String>,
    /// Kinds of findings that only the new one makes.
    pub new_kinds: Vec<String>,
    /// Kinds of findings that only the old one makes.
    pub lost_kinds: Vec<String>,
    /// Kinds whose severity is another: kind, old, new.
    pub severities: Vec<(String, String, String)>,
    /// Lines of the config's schema that differ, with `+` and `-`.
    pub config_schema: Vec<String>,
    /// Limits that they state otherwise: key, old, new.
    pub limits: Vec<(&'static str, String, String)>,
    /// Interfaces that only the new one imports.
    pub new_imports: Vec<String>,
    /// Sizes, bytes.
    pub size_bytes: (usize, usize),
    /// Whether the bytes are the same.
    pub is_same: bool,
    /// Scores, as they travel with each.
    pub scores: (Option<serde_json::Value>, Option<serde_json::Value>),
    /// What both made of the last inputs of the journal, if both could be run over it.
    pub findings: Option<Rehearsal>,
}

impl Difference {
    /// Compares what two versions say of themselves.
    pub fn of(old: Side<'_>, new: Side<'_>) -> Self {
        let kinds = |side: Side<'_>| -> BTreeMap<String, String> {
            let kinds = side.manifest.finding_kinds.iter();
            kinds.map(|kind| (kind.id.clone(), kind.default_severity.to_string())).collect()
        };
        let (before, after) = (kinds(old), kinds(new));
        let severities = after.iter().filter_map(|(kind, severity)| {
            let was = before.get(kind).filter(|was| *was != severity)?;
            Some((kind.clone(), was.clone(), severity.clone()))
        });
        Self {
            versions: (old.manifest.version.clone(), new.manifest.version.clone()),
            asks_for_more: beyond(&new.manifest.capabilities, &old.manifest.capabilities),
            asks_no_more_for: beyond(&old.manifest.capabilities, &new.manifest.capabilities),
            new_kinds: after.keys().filter(|kind| !before.contains_key(*kind)).cloned().collect(),
            lost_kinds: before.keys().filter(|kind| !after.contains_key(*kind)).cloned().collect(),
            severities: severities.collect(),
            config_schema: lines(&old.manifest.config_schema, &new.manifest.config_schema),
            limits: new.limits.beside(old.limits),
            new_imports: beyond(new.component.imports(), old.component.imports()),
            size_bytes: (old.component.size(), new.component.size()),
            is_same: old.component.digest() == new.component.digest(),
            scores: (old.score.cloned(), new.score.cloned()),
            findings: None,
        }
    }

    /// Runs both versions over the last inputs of the journal, as the config has the detector. The new one is granted all
    /// that it asks for: what it would find is asked here, not whether it may.
    ///
    /// # Errors
    ///
    /// If the journal can't be read, or a version does not start with this config.
    pub fn try_on(
        &mut self,
        config: &Config,
        id: &str,
        old: Arc<Component>,
        new: (Arc<Component>, &Manifest),
        inputs: usize,
    ) -> anyhow::Result<()> {
        let Some(wanted) = config.detectors.get(id) else { return Ok(()) };
        if !config.journal.exists() {
            return Ok(());
        }
        let spec = KeptSpec::of(config, wanted);
        let granted = KeptSpec { grants: new.1.capabilities.clone(), ..spec.clone() };
        let (old, new) = (Version { component: old, spec }, Version { component: new.0, spec: granted });
        let reader = Arc::new(Answers::default());
        self.findings = Some(rehearse(&config.journal, id, Some(&old), &new, reader, inputs)?);
        Ok(())
    }

    /// Returns lines for a person, the weightiest first.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.is_same {
            lines.push("the same bytes".to_owned());
            return lines;
        }
        let mut tell = |what: &str, names: &[String]| {
            if !names.is_empty() {
                lines.push(format!("{what:<24} {}", names.join(", ")));
            }
        };
        tell("asks for more", &self.asks_for_more);
        tell("asks no more for", &self.asks_no_more_for);
        tell("imports more", &self.new_imports);
        tell("new kinds of findings", &self.new_kinds);
        tell("kinds found no more", &self.lost_kinds);
        for (kind, was, is) in &self.severities {
            lines.push(format!("{:<24} {kind}: {was} → {is}", "another severity"));
        }
        let figures = |score: &Option<serde_json::Value>| score.as_ref().map(figures).unwrap_or_default();
        let (before, after) = (figures(&self.scores.0), figures(&self.scores.1));
        for (name, is) in &after {
            let was =
                before.iter().find(|(known, _)| known == name).map_or("none".to_owned(), |(_, was)| was.to_string());
            lines.push(format!("{:<24} {name}: {was} → {is}", "score"));
        }
        if after.is_empty() && !before.is_empty() {
            lines.push(format!("{:<24} none travels with the new one", "score"));
        }
        for (key, was, is) in &self.limits {
            lines.push(format!("{:<24} {key}: {was} → {is}", "another limit"));
        }
        if !self.config_schema.is_empty() {
            lines.push(format!("{:<24} {} lines differ", "schema of its config", self.config_schema.len()));
            lines.extend(self.config_schema.iter().take(40).map(|line| format!("  {line}")));
        }
        lines.push(format!("{:<24} {} → {} bytes", "size", self.size_bytes.0, self.size_bytes.1));
        match &self.findings {
            None => {
                lines.push(format!("{:<24} not tried: there is no journal that both could be run over", "findings"))
            }
            Some(tried) => {
                lines.push(format!("{:<24} {}", "findings", tried.line()));
                lines.extend(tried.only_new.iter().map(|line| format!("  + {line}")));
                lines.extend(tried.only_old.iter().map(|line| format!("  - {line}")));
                lines.extend(tried.failures.iter().map(|line| format!("  ! {line}")));
            }
        }
        lines
    }
}

fn beyond(these: &[String], those: &[String]) -> Vec<String> {
    let those: BTreeSet<&String> = those.iter().collect();
    these.iter().filter(|name| !those.contains(name)).cloned().collect()
}

/// Returns the lines that differ between two JSON texts, laid out.
fn lines(old: &str, new: &str) -> Vec<String> {
    let laid_out = |text: &str| {
        let value: Option<serde_json::Value> = serde_json::from_str(text).ok();
        value.and_then(|value| serde_json::to_string_pretty(&value).ok()).unwrap_or_else(|| text.to_owned())
    };
    let (old, new) = (laid_out(old), laid_out(new));
    let diff = TextDiff::from_lines(&old, &new);
    let changed = diff.iter_all_changes().filter_map(|change| match change.tag() {
        ChangeTag::Delete => Some(format!("- {}", change.value().trim_end())),
        ChangeTag::Insert => Some(format!("+ {}", change.value().trim_end())),
        ChangeTag::Equal => None,
    });
    changed.collect()
}
