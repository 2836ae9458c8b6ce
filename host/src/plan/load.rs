//! Reads a plan's files into one set of tables and keeps where each entity stands.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::entity::Tables;
use super::shape::{Shape, join};
use super::{resolve, schema};
use crate::diagnostic::{Diagnostic, Gravity, position, suggestion};

/// An entity where it was written.
pub(super) struct Place<'a> {
    file: &'a str,
    text: &'a str,
    key: Range<usize>,
    value: Spanned<DeValue<'a>>,
}

/// Every entity of every file by table and id, whether or not it could be read.
pub(super) type Places<'a> = BTreeMap<(&'static str, String), Place<'a>>;

impl Place<'_> {
    /// A diagnostic on what stands under `path` in this entity, or the nearest thing above it.
    pub(super) fn say(&self, gravity: Gravity, entity: &str, path: &[&str], message: String) -> Diagnostic {
        let mut span = self.key.clone();
        let mut at = &self.value;
        for step in path {
            let below = match at.get_ref() {
                DeValue::Table(table) => table.iter().find(|(key, _)| key.get_ref() == step).map(|(_, value)| value),
                DeValue::Array(items) => step.parse::<usize>().ok().and_then(|index| items.get(index)),
                _ => None,
            };
            let Some(below) = below else { break };
            at = below;
            span = at.span();
        }
        let key = path.iter().fold(entity.to_owned(), |key, step| join(&key, step));
        Diagnostic::at(gravity, self.file, self.text, span, &key, message)
    }
}

/// The tables that could be read, and all that is wrong with the files.
pub(super) fn load(files: &[(String, String)]) -> (Tables, Vec<Diagnostic>) {
    let schema = schema();
    let mut reading = Reading { tables: Tables::default(), places: Places::new(), found: Vec::new(), broken: false };
    for (file, text) in files {
        reading.file(&schema, file, text);
    }
    let Reading { mut tables, places, mut found, broken } = reading;
    // What a file with broken syntax would have defined is not known, so nobody can be told that it is missing.
    if !broken {
        found.extend(resolve::check(&tables, &places));
    }
    for signal in tables.signal.values_mut() {
        signal.interventions.sort();
    }
    (tables, found)
}

struct Reading<'a> {
    tables: Tables,
    places: Places<'a>,
    found: Vec<Diagnostic>,
    broken: bool,
}

impl<'a> Reading<'a> {
    fn file(&mut self, schema: &Json, file: &'a str, text: &'a str) {
        let (document, errors) = DeTable::parse_recoverable(text);
        self.broken |= !errors.is_empty();
        for error in errors {
            let span = error.span().unwrap_or_default();
            self.found.push(Diagnostic::at(Gravity::Error, file, text, span, "", error.message().to_owned()));
        }
        let known = schema.get("properties").and_then(Json::as_object).into_iter().flatten();
        let known: BTreeMap<&str, &Json> = known.map(|(name, schema)| (name.as_str(), schema)).collect();
        for (key, value) in document.into_inner() {
            let (span, name) = (key.span(), key.into_inner());
            let Some((table, of)) = TABLES
                .iter()
                .find(|table| **table == name)
                .and_then(|table| Some((*table, known.get(table)?.get("additionalProperties")?)))
            else {
                let help = suggestion(&name, TABLES);
                let message = format!("a plan has no table `{name}`");
                self.found.push(Diagnostic::at(Gravity::Error, file, text, span, &name, message).with_help(help));
                continue;
            };
            let at = value.span();
            let DeValue::Table(entities) = value.into_inner() else {
                let message = format!("expected tables by id, as [{table}.some-id]");
                self.found.push(Diagnostic::at(Gravity::Error, file, text, at, table, message));
                continue;
            };
            for (id, value) in entities {
                let key = id.span();
                self.entity(schema, of, table, id.into_inner().into_owned(), Place { file, text, key, value });
            }
        }
    }

    fn entity(&mut self, root: &Json, of: &Json, table: &'static str, id: String, place: Place<'a>) {
        let path = join(table, &id);
        if !is_kebab(&id) {
            let message = format!("`{id}` is no id: ids are lower-case words joined by hyphens");
            let help = format!("write {}", kebab(&id));
            self.found.push(place.say(Gravity::Error, &path, &[], message).with_help(help));
        }
        if let Some(first) = self.places.get(&(table, id.clone())) {
            let (line, column) = position(first.text, first.key.start);
            let message = format!("`{id}` is already defined at {}:{line}:{column}", first.file);
            self.found.push(place.say(Gravity::Error, &path, &[], message).with_help("rename one, or join the two"));
            return;
        }
        let mut shape = Shape { file: place.file, text: place.text, root, found: Vec::new() };
        shape.value(of, &place.value, place.key.clone(), &path);
        if shape.found.is_empty() {
            let value = place.value.clone();
            let read = match table {
                "person" => read(value).map(|entity| self.tables.person.insert(id.clone(), entity).is_none()),
                "role" => read(value).map(|entity| self.tables.role.insert(id.clone(), entity).is_none()),
                "authority" => read(value).map(|entity| self.tables.authority.insert(id.clone(), entity).is_none()),
                "intervention" => {
                    read(value).map(|entity| self.tables.intervention.insert(id.clone(), entity).is_none())
                }
                "signal" => read(value).map(|entity| self.tables.signal.insert(id.clone(), entity).is_none()),
                _ => read(value).map(|entity| self.tables.silence.insert(id.clone(), entity).is_none()),
            };
            if let Err(error) = read {
                let span = error.span().unwrap_or(place.key.clone());
                let message = error.message().to_owned();
                self.found.push(Diagnostic::at(Gravity::Error, place.file, place.text, span, &path, message));
            }
        }
        self.found.append(&mut shape.found);
        self.places.insert((table, id), place);
    }
}

/// The tables of a plan.
const TABLES: [&str; 6] = ["person", "role", "authority", "intervention", "signal", "silence"];

fn read<T: DeserializeOwned>(value: Spanned<DeValue<'_>>) -> Result<T, toml::de::Error> {
    T::deserialize(ValueDeserializer::from(value))
}

fn is_kebab(id: &str) -> bool {
    id.split('-').all(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()))
}

fn kebab(id: &str) -> String {
    let words = id.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}
