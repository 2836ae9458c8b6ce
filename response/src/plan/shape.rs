//! Holds TOML against a JSON Schema, so that one description of a file's shape gives the editor's schema and
//! every error at once: unknown keys with what was meant, missing ones, wrong types and values.

use std::ops::Range;

use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::moment::Moment;
use crate::diagnostic::{Diagnostic, Gravity, suggestion};

/// Checks a table against `schema`, an object schema as `schemars` writes it, whose `$ref`s are resolved in
/// `root`. `path` is the dotted path of the table, `span` its place in `text`, the content of `file`.
pub struct Shape<'a> {
    /// Name of the file.
    pub file: &'a str,
    /// Its content.
    pub text: &'a str,
    /// The schema with its `$defs`.
    pub root: &'a Json,
    /// What is wrong, in the order of the keys.
    pub found: Vec<Diagnostic>,
}

impl Shape<'_> {
    /// Checks a table, for which `schema` allows certain keys.
    pub fn table(&mut self, schema: &Json, table: &DeTable<'_>, span: Range<usize>, path: &str) {
        let schema = self.resolved(schema).clone();
        let properties = schema.get("properties").and_then(Json::as_object);
        let others = schema.get("additionalProperties").filter(|others| others.is_object());
        let is_open = schema.get("additionalProperties").and_then(Json::as_bool) == Some(true);
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let below = join(path, name);
            match properties.and_then(|known| known.get(name)).or(others) {
                Some(schema) => self.value(schema, value, key.span(), &below),
                None if is_open => {}
                None => {
                    let known = properties.into_iter().flat_map(|known| known.keys().map(String::as_str));
                    let help =
                        suggestion(name, known.filter(|known| !table.iter().any(|(key, _)| key.get_ref() == known)));
                    self.error(key.span(), &below, format!("unknown key `{name}`"), help);
                }
            }
        }
        for required in schema.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str) {
            if !table.iter().any(|(key, _)| key.get_ref() == required) {
                let about =
                    properties.and_then(|known| known.get(required)).and_then(|schema| schema.get("description"));
                let help = match about.and_then(Json::as_str) {
                    Some(about) => format!("it says: {}", first_sentence(about)),
                    None => String::new(),
                };
                self.error(span.clone(), path, format!("`{required}` is missing"), help);
            }
        }
    }

    /// Checks a value. `name` is the place to name if it lacks something: its key, or itself.
    pub fn value(&mut self, schema: &Json, value: &Spanned<DeValue<'_>>, name: Range<usize>, path: &str) {
        let schema = self.resolved(schema).clone();
        if let Some(options) = choices(&schema) {
            match value.get_ref().as_str() {
                Some(text) if options.iter().any(|option| option == text) => {}
                Some(text) => {
                    let near = crate::diagnostic::nearest(text, options.iter().map(String::as_str));
                    let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
                    let help = format!("{near}it is one of `{}`", options.join("`, `"));
                    self.error(value.span(), path, format!("`{text}` is not known here"), help);
                }
                None => self.wrong_type(value, path, &format!("one of `{}`", options.join("`, `"))),
            }
            return;
        }
        let types = types(&schema);
        match value.get_ref() {
            DeValue::Table(table) if types.contains(&"object") => self.table(&schema, table, name, path),
            DeValue::Array(items) if types.contains(&"array") => {
                if let Some(schema) = schema.get("items") {
                    for (index, item) in items.iter().enumerate() {
                        self.value(schema, item, item.span(), &format!("{path}.{index}"));
                    }
                }
            }
            DeValue::String(text) if types.contains(&"string") => match schema.get("format").and_then(Json::as_str) {
                Some("date-time") => {
                    self.error(
                        value.span(),
                        path,
                        "a moment is written without quotes".into(),
                        format!("write {text}"),
                    );
                }
                Some("address") if text.parse::<alloy_primitives::Address>().is_err() => {
                    let help = "an address is 0x and 40 hexadecimal digits";
                    self.error(value.span(), path, format!("`{text}` is no address"), help.into());
                }
                _ => {}
            },
            DeValue::Datetime(moment) if schema.get("format").is_some_and(|format| format == "date-time") => {
                if let Err(error) = Moment::of(moment) {
                    let (what, how) = error.split_once("; ").unwrap_or((&error, ""));
                    self.error(value.span(), path, what.into(), how.into());
                }
            }
            DeValue::Integer(number) if types.contains(&"integer") || types.contains(&"number") => {
                let digits = number.as_str().replace('_', "");
                let read = i128::from_str_radix(&digits, number.radix()).ok();
                let bound = |name: &str| schema.get(name).and_then(Json::as_f64).map(|bound| bound as i128);
                let (least, most) = (bound("minimum"), bound("maximum").or(width(&schema)));
                let outside = read.is_none_or(|read| least.is_some_and(|least| read < least))
                    || read.zip(most).is_some_and(|(read, most)| read > most);
                if outside {
                    let help = match (least, most) {
                        (Some(least), Some(most)) if most < i128::from(u32::MAX) => {
                            format!("it is a whole number from {least} to {most}")
                        }
                        (Some(least), _) => format!("it is a whole number from {least} up"),
                        _ => "it is a whole number".into(),
                    };
                    self.error(value.span(), path, format!("{digits} is out of range"), help);
                }
            }
            DeValue::Float(_) if types.contains(&"number") => {}
            DeValue::Boolean(_) if types.contains(&"boolean") => {}
            _ if types.is_empty() => {}
            _ => self.wrong_type(value, path, named(&types, &schema)),
        }
    }

    fn wrong_type(&mut self, value: &Spanned<DeValue<'_>>, path: &str, wanted: &str) {
        let message = format!("expected {wanted}, found {}", article(value.get_ref().type_str()));
        let help = match value.get_ref() {
            DeValue::String(_) if wanted == "a list" => "put it in brackets, as [\"…\"]",
            DeValue::String(text) if wanted == "a whole number" && text.parse::<u64>().is_ok() => {
                "take the quotes away"
            }
            _ => "",
        };
        self.error(value.span(), path, message, help.into());
    }

    fn error(&mut self, span: Range<usize>, key: &str, message: String, help: String) {
        self.found.push(Diagnostic::at(Gravity::Error, self.file, self.text, span, key, message).with_help(help));
    }

    /// Follows `$ref`, and of an optional value takes what it is if it is there.
    fn resolved<'s>(&'s self, schema: &'s Json) -> &'s Json {
        let mut schema = schema;
        loop {
            if let Some(name) = schema.get("$ref").and_then(Json::as_str).and_then(|path| path.strip_prefix("#/$defs/"))
            {
                match self.root.get("$defs").and_then(|defs| defs.get(name)) {
                    Some(target) => schema = target,
                    None => return schema,
                }
            } else if let Some(some) = schema
                .get("anyOf")
                .and_then(Json::as_array)
                .and_then(|any| any.iter().find(|option| option.get("type").is_none_or(|kind| kind != "null")))
            {
                schema = some;
            } else {
                return schema;
            }
        }
    }
}

/// Returns the dotted path of a key below another.
pub fn join(path: &str, key: &str) -> String {
    let bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    let key = if bare { key.to_owned() } else { format!("{key:?}") };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

fn choices(schema: &Json) -> Option<Vec<String>> {
    let text = |value: &Json| value.as_str().map(str::to_owned);
    if let Some(options) = schema.get("enum").and_then(Json::as_array) {
        return Some(options.iter().filter_map(text).collect());
    }
    let mut found = Vec::new();
    for option in schema.get("oneOf").and_then(Json::as_array)? {
        match option.get("const") {
            Some(value) => found.extend(text(value)),
            None => found.extend(choices(option)?),
        }
    }
    Some(found)
}

fn types(schema: &Json) -> Vec<&str> {
    match schema.get("type") {
        Some(Json::String(one)) => vec![one],
        Some(Json::Array(several)) => several.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The greatest value of an integer format.
fn width(schema: &Json) -> Option<i128> {
    Some(match schema.get("format")?.as_str()? {
        "uint8" => u8::MAX.into(),
        "uint16" => u16::MAX.into(),
        "uint32" => u32::MAX.into(),
        "int64" | "uint64" | "uint" => i64::MAX.into(),
        _ => return None,
    })
}

fn named<'s>(types: &[&'s str], schema: &Json) -> &'s str {
    match types.iter().find(|kind| **kind != "null").copied() {
        Some("object") => "a table",
        Some("array") => "a list",
        Some("string") if schema.get("format").is_some_and(|format| format == "date-time") => "a date or date-time",
        Some("string") => "text in quotes",
        Some("integer") => "a whole number",
        Some("boolean") => "true or false",
        Some(other) => other,
        None => "something else",
    }
}

fn article(kind: &str) -> String {
    match kind {
        "string" => "text".into(),
        "boolean" => "true or false".into(),
        "array" => "a list".into(),
        "integer" => "an integer".into(),
        other => format!("a {other}"),
    }
}

fn first_sentence(text: &str) -> String {
    let text = text.replace('\n', " ");
    text.split(". ").next().unwrap_or_default().trim_end_matches('.').to_owned()
}
