//! What is read of another monitor, and how its files are read.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use serde_json::Value;

/// What was read.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// Chains by name: id and endpoints, each a URL or the name of an environment variable.
    pub chains: BTreeMap<String, Chain>,
    /// Monitors, in order.
    pub monitors: Vec<Monitor>,
    /// Channels by name, as tables of `watchfire.toml`.
    pub channels: BTreeMap<String, toml::Table>,
    /// What is left to do by hand.
    pub by_hand: Vec<String>,
}

/// A chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// EIP-155's number.
    pub id: u64,
    /// Nodes.
    pub endpoints: Vec<Endpoint>,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// By its URL.
    Url(String),
    /// By the environment variable that has its URL.
    Env(String),
}

/// A monitor: one detector.
#[derive(Clone, Debug, Default)]
pub struct Monitor {
    /// As it was called.
    pub name: String,
    /// Names of its chains.
    pub chains: Vec<String>,
    /// Addresses that it is about.
    pub addresses: Vec<String>,
    /// Its rules.
    pub rules: Vec<toml::Table>,
}

impl Imported {
    /// Notes what is left to do by hand.
    pub(super) fn note(&mut self, what: impl Into<String>) {
        self.by_hand.push(what.into());
    }
}

/// JSON files of a folder in order of their names, or the one file.
pub(super) fn json_files(path: &Path) -> anyhow::Result<Vec<(String, Value)>> {
    let mut files = Vec::new();
    if path.is_dir() {
        for entry in std::fs::read_dir(path).with_context(|| path.display().to_string())? {
            files.push(entry?.path());
        }
        files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
        files.sort();
    } else {
        files.push(path.to_owned());
    }
    let read = |file: &std::path::PathBuf| {
        let text = std::fs::read_to_string(file).with_context(|| format!("`{}` can't be read", file.display()))?;
        let json = serde_json::from_str(&text).with_context(|| format!("`{}` is no JSON", file.display()))?;
        Ok((file.file_name().unwrap_or_default().to_string_lossy().into_owned(), json))
    };
    files.iter().map(read).collect()
}

/// A name as sections have it: small letters, digits and `-`.
pub(super) fn slug(name: &str) -> String {
    let mut slug = String::new();
    for char in name.chars() {
        match char.is_ascii_alphanumeric() {
            true => slug.push(char.to_ascii_lowercase()),
            false if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            false => {}
        }
    }
    let slug = slug.trim_end_matches('-').chars().take(56).collect::<String>();
    match slug.starts_with(|char: char| char.is_ascii_lowercase()) {
        true => slug,
        false => format!("m-{slug}").trim_end_matches('-').to_owned(),
    }
}

/// Texts of a JSON list; one text is a list of one.
pub(super) fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::String(text)) => vec![text.clone()],
        _ => Vec::new(),
    }
}

/// A text of a JSON object; empty where there is none.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Members of a JSON list.
pub(super) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
