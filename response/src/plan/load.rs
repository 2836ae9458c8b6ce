//! Reads a plan's files into one set of tables and keeps where each entity stands.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::entity::Tables;
use super::shape::{Shape, join};
use super::{resolve, rota, schema};
use crate::defaults::Defaults;
use crate::diagnostic::{Diagnostic, Gravity, position, suggestion};

/// Names an entity: its table and its id, which is empty for `protocol`.
#[derive(Clone, Copy)]
pub(super) struct Entity<'a> {
    pub table: &'static str,
    pub id: &'a str,
}

/// Names an entity of a table.
pub(super) fn entity<'a>(table: &'static str, id: &'a str) -> Entity<'a> {
    Entity { table, id }
}

impl Entity<'_> {
    /// Returns its dotted path, as `intervention.pause-vault`.
    pub(super) fn path(self) -> String {
        if self.id.is_empty() { self.table.to_owned() } else { join(self.table, self.id) }
    }
}

/// An entity at the place at which it was written.
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

/// How strictly a plan is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// Somebody puts the plan forward: everything that is wrong is found.
    Operator,
    /// The plan was loaded once and stands in a journal: it is read by what was wrong then, and by the defaults of then.
    Journal(Defaults),
}

impl Reader {
    pub(super) fn defaults(self) -> Defaults {
        match self {
            Self::Operator => Defaults::NOW,
            Self::Journal(defaults) => defaults,
        }
    }
}

/// Returns the tables that could be read, where their entities stand, and all that is wrong with the files, in order of
/// file and line.
pub(super) fn load(files: &[(String, String)], reader: Reader) -> (Tables, Places<'_>, Vec<Diagnostic>) {
    let schema = schema();
    let left = match reader {
        Reader::Operator => ENTITIES_AT_MOST,
        Reader::Journal(_) => usize::MAX,
    };
    let mut reading =
        Reading { tables: Tables::default(), places: Places::new(), found: Vec::new(), broken: false, left };
    for (file, text) in files {
        reading.file(&schema, file, text);
    }
    let Reading { mut tables, places, mut found, broken, .. } = reading;
    // What a file with broken syntax would have defined is not known, so nothing is reported as missing.
    if !broken {
        found.extend(resolve::check(&tables, &places));
        if reader == Reader::Operator {
            found.extend(resolve::put_forward(&tables, &places));
            found.extend(too_many_layers(&tables, &places));
        }
    }
    reader.defaults().fill(&mut tables);
    for schedule in tables.schedule.values_mut() {
        rota::settle_starts(schedule);
    }
    for signal in tables.signal.values_mut() {
        signal.interventions.sort();
    }
    found.sort();
    found.dedup();
    (tables, places, found)
}

/// Most entities of a plan. Checks look at each, and some at each beside each.
const ENTITIES_AT_MOST: usize = 5_000;
/// Most layers of a schedule, for the same reason: who is on call is looked for in each, for months ahead.
const LAYERS_AT_MOST: usize = 100;

fn too_many_layers(tables: &Tables, places: &Places<'_>) -> Vec<Diagnostic> {
    let long = tables.schedule.iter().filter(|(_, schedule)| schedule.layers.len() > LAYERS_AT_MOST);
    let said = long.filter_map(|(id, schedule)| {
        let message = format!("it has {} layers, and up to {LAYERS_AT_MOST} are read", schedule.layers.len());
        let place = places.get(&("schedule", id.clone()))?;
        Some(place.say(Gravity::Error, &join("schedule", id), &["layers"], message).with_help("split the schedule"))
    });
    said.collect()
}

struct Reading<'a> {
    tables: Tables,
    places: Places<'a>,
    found: Vec<Diagnostic>,
    broken: bool,
    /// How many entities may still come.
    left: usize,
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
            if name == PROTOCOL {
                self.protocol(schema, Place { file, text, key: span, value });
                continue;
            }
            let Some((table, of)) = TABLES
                .iter()
                .find(|table| **table == name)
                .and_then(|table| Some((*table, known.get(table)?.get("additionalProperties")?)))
            else {
                let help = suggestion(&name, TABLES.iter().copied().chain([PROTOCOL]));
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
                let Some(left) = self.left.checked_sub(1) else {
                    let message =
                        format!("the plan has more than {ENTITIES_AT_MOST} entities; the others are not read");
                    self.found.push(Diagnostic::at(Gravity::Error, file, text, key, table, message));
                    self.broken = true;
                    return;
                };
                self.left = left;
                self.entity(schema, of, table, id.into_inner().into_owned(), Place { file, text, key, value });
            }
        }
    }

    fn protocol(&mut self, root: &Json, place: Place<'a>) {
        let mut shape = Shape { file: place.file, text: place.text, root, found: Vec::new() };
        if let Some(first) = self.places.get(&(PROTOCOL, String::new())) {
            let (line, column) = position(first.text, first.key.start);
            let message = format!("[protocol] is already at {}:{line}:{column}", first.file);
            self.found.push(place.say(Gravity::Error, PROTOCOL, &[], message).with_help("join the two"));
            return;
        }
        if let Some(of) = root.get("properties").and_then(|known| known.get(PROTOCOL)) {
            shape.value(of, &place.value, place.key.clone(), PROTOCOL);
        }
        if shape.found.is_empty() {
            match read(place.value.clone()) {
                Ok(protocol) => self.tables.protocol = protocol,
                Err(error) => {
                    let message = error.message().to_owned();
                    self.found.push(place.say(Gravity::Error, PROTOCOL, &[], message));
                }
            }
        }
        self.found.append(&mut shape.found);
        self.places.insert((PROTOCOL, String::new()), place);
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
            let read = self.tables.insert(table, &id, value);
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

/// Names the tables once: each is a field of [`Tables`] of the same name.
macro_rules! tables {
    ($($table:ident),*) => {
        /// The tables of a plan that hold entities by id.
        const TABLES: &[&str] = &[$(stringify!($table)),*];

        impl Tables {
            fn insert(&mut self, table: &str, id: &str, value: Spanned<DeValue<'_>>) -> Result<(), toml::de::Error> {
                match table {
                    $(stringify!($table) => {
                        self.$table.insert(id.to_owned(), read(value)?);
                    })*
                    _ => {}
                }
                Ok(())
            }
        }
    };
}

tables!(
    person,
    role,
    schedule,
    escalation,
    asset,
    authority,
    intervention,
    mode,
    source,
    signal,
    silence,
    inhibition,
    dependency,
    communication,
    contact,
    playbook,
    callout,
    attestation,
    risk,
    release,
    waiver
);

/// The table that is no table of entities: what the plan is for.
const PROTOCOL: &str = "protocol";

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
