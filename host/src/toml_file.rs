//! TOML that people wrote, read section by section, so that every mistake in it is reported at its place.

use std::ops::Range;

use serde::de::{DeserializeOwned, IntoDeserializer};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Diagnostic, Gravity, suggestion};

/// A parsed file and what is wrong in it so far.
pub struct TomlFile<'a> {
    name: &'a str,
    text: &'a str,
    root: DeTable<'a>,
    /// What was found wrong, in the order in which it was found.
    pub diagnostics: Vec<Diagnostic>,
}

impl<'a> TomlFile<'a> {
    /// Parses a file; what is no TOML at all is reported at the place where the parser gave up.
    pub fn parse(name: &'a str, text: &'a str) -> Result<Self, Diagnostic> {
        match DeTable::parse(text) {
            Ok(root) => Ok(Self { name, text, root: root.into_inner(), diagnostics: Vec::new() }),
            Err(error) => {
                let span = error.span().unwrap_or(0..0);
                let message = error.message().trim().replace('\n', ", ");
                Err(Diagnostic::at(Gravity::Error, name, text, span, "", message))
            }
        }
    }

    /// The names of the tables under `[section.NAME]`, with where each stands, in order of name.
    pub fn names(&self, section: &str) -> Vec<(String, Range<usize>)> {
        let Some(table) = self.root.get(section).and_then(|value| value.get_ref().as_table()) else {
            return Vec::new();
        };
        let mut names: Vec<_> = table.iter().map(|(key, _)| (key.get_ref().to_string(), key.span())).collect();
        names.sort_by(|(a, _), (b, _)| a.cmp(b));
        names
    }

    /// Whether the file has such a key at its top.
    pub fn has(&self, section: &str) -> bool {
        self.root.contains_key(section)
    }

    /// Reads the value at a path as a `T`; `None` where it is not there or is wrong, which is then reported.
    pub fn read<T: DeserializeOwned>(&mut self, path: &[&str]) -> Option<T> {
        let value = self.find(path)?.clone();
        match T::deserialize(value.clone().into_deserializer()) {
            Ok(read) => Some(read),
            Err(error) => {
                let span = error.span().unwrap_or_else(|| value.span());
                let inner = deepest(&value, span.start);
                let key = path.iter().map(|part| (*part).to_owned()).chain(inner).collect::<Vec<_>>().join(".");
                let (message, help) = explain(error.message());
                self.diagnostics
                    .push(Diagnostic::at(Gravity::Error, self.name, self.text, span, &key, message).with_help(help));
                None
            }
        }
    }

    /// Tells of every key at the top, or of every `[section]` that is no table of tables, that is not `known`.
    pub fn expect_sections(&mut self, known: &[&str]) {
        let mut unknown: Vec<_> = self
            .root
            .keys()
            .filter(|key| !known.contains(&key.get_ref().as_ref()))
            .map(|key| (key.get_ref().to_string(), key.span()))
            .collect();
        unknown.sort_by_key(|(_, span)| span.start);
        for (name, span) in unknown {
            let help = suggestion(&name, known.iter().copied());
            self.tell(span, &name, format!("there is no section `{name}`"), help);
        }
    }

    /// Where the value at a path, or the nearest table around it, stands.
    pub fn span(&self, path: &[&str]) -> Range<usize> {
        (0..=path.len()).rev().find_map(|length| self.find(&path[..length]).map(Spanned::span)).unwrap_or(0..0)
    }

    /// Tells of an error at a place of the file.
    pub fn tell(&mut self, span: Range<usize>, key: &str, message: impl Into<String>, help: impl Into<String>) {
        let found = Diagnostic::at(Gravity::Error, self.name, self.text, span, key, message.into());
        self.diagnostics.push(found.with_help(help));
    }

    /// Tells of an error at the value at a path.
    pub fn tell_at(&mut self, path: &[&str], message: impl Into<String>, help: impl Into<String>) {
        let span = self.span(path);
        self.tell(span, &path.join("."), message, help);
    }

    fn find(&self, path: &[&str]) -> Option<&Spanned<DeValue<'a>>> {
        let (first, rest) = path.split_first()?;
        let mut value = self.root.get(*first)?;
        for part in rest {
            value = match value.get_ref() {
                DeValue::Table(table) => table.get(*part)?,
                DeValue::Array(array) => array.get(part.parse::<usize>().ok()?)?,
                _ => return None,
            };
        }
        Some(value)
    }
}

/// The path from `value` to the innermost key or element that covers a byte.
fn deepest(value: &Spanned<DeValue<'_>>, byte: usize) -> Vec<String> {
    let inner = match value.get_ref() {
        DeValue::Table(table) => table.iter().find_map(|(key, inner)| {
            let covers = key.span().contains(&byte) || inner.span().contains(&byte);
            covers.then(|| (key.get_ref().to_string(), inner))
        }),
        DeValue::Array(array) => array
            .iter()
            .enumerate()
            .find_map(|(index, inner)| inner.span().contains(&byte).then(|| (index.to_string(), inner))),
        _ => None,
    };
    match inner {
        Some((name, inner)) => std::iter::once(name).chain(deepest(inner, byte)).collect(),
        None => Vec::new(),
    }
}

/// A message of serde's in our words: what is wrong, and how to mend it.
fn explain(message: &str) -> (String, String) {
    let message = message.trim();
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    if message.starts_with("unknown field") || message.starts_with("unknown variant") {
        let what = if message.starts_with("unknown field") { "there is no key" } else { "there is no choice" };
        let given = quoted.first().copied().unwrap_or_default();
        return (format!("{what} `{given}` here"), suggestion(given, quoted.iter().skip(1).copied()));
    }
    if message.starts_with("missing field") {
        let field = quoted.first().copied().unwrap_or_default();
        return (format!("`{field}` is missing"), format!("add `{field} = …`"));
    }
    (in_our_words(&message.replace('\n', ", ")), String::new())
}

/// What types are called where they are no programmer's.
const TYPES: [(&str, &str); 10] = [
    ("expected u64", "expected a whole number, 0 or more"),
    ("expected u32", "expected a whole number, 0 or more"),
    ("expected u16", "expected a whole number, 0 or more"),
    ("expected u8", "expected a whole number from 0 to 255"),
    ("expected usize", "expected a whole number, 0 or more"),
    ("expected i64", "expected a whole number"),
    ("expected f64", "expected a number"),
    ("expected a boolean", "expected true or false"),
    ("expected a sequence", "expected a list"),
    ("expected a map", "expected a table"),
];

fn in_our_words(message: &str) -> String {
    let typed = TYPES.iter().find(|(theirs, _)| message.ends_with(theirs));
    typed.map_or_else(|| message.to_owned(), |(theirs, ours)| message.replace(theirs, ours))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    struct Chain {
        #[allow(dead_code)]
        id: u64,
        #[allow(dead_code)]
        #[serde(default)]
        endpoints: Vec<String>,
    }

    fn check(text: &str, expected: &[&str]) {
        let mut file = TomlFile::parse("watchfire.toml", text).unwrap();
        file.expect_sections(&["chain"]);
        for (name, _) in file.names("chain") {
            let _ = file.read::<Chain>(&["chain", &name]);
        }
        let said: Vec<String> = file.diagnostics.iter().map(ToString::to_string).collect();
        assert_eq!(said, expected);
    }

    #[test]
    fn every_mistake_is_told_at_its_place() {
        check(
            "[chian.a]\nid = 1\n[chain.b]\nendponts = []\nid = 1\n[chain.c]\nid = \"x\"\n[chain.d]\n",
            &[
                "watchfire.toml:1:2: error: chian: there is no section `chian`; did you mean `chain`?",
                "watchfire.toml:4:1: error: chain.b.endponts: there is no key `endponts` here; did you mean `endpoints`?",
                "watchfire.toml:7:6: error: chain.c.id: invalid type: string \"x\", expected a whole number, 0 or more",
                "watchfire.toml:8:1: error: chain.d: `id` is missing; add `id = …`",
            ],
        );
        check(
            "[chain.a]\nid = 1\nendpoints = [\"x\", 5]\n",
            &["watchfire.toml:3:19: error: chain.a.endpoints.1: invalid type: integer `5`, expected a string"],
        );
    }

    #[test]
    fn what_is_no_toml_is_told_where_the_parser_gave_up() {
        let said = TomlFile::parse("x.toml", "a = \n").err().map(|said| said.to_string());
        assert_eq!(said.as_deref().map(|said| said.starts_with("x.toml:1:5: error: ")), Some(true), "{said:?}");
    }
}
