//! A detector's settings, from the JSON Schema that it gives: as a table, and as a section to begin with.

use serde_json::{Map, Value};

use super::table::Table;

/// Schemas are a stranger's text: so deep and so many settings are shown.
const DEPTH: usize = 6;
const SETTINGS: usize = 200;
/// So many items of a list are shown at most.
const ITEMS: u64 = 4;

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    /// Its key, as `watch[].address`.
    key: String,
    /// What it takes.
    takes: String,
    is_needed: bool,
    /// What holds where it is left out.
    otherwise: Option<String>,
    /// A number that it takes, or the numbers of a list.
    number: String,
    /// How many items a list has at least.
    items: u64,
    means: String,
}

/// Returns the settings of a schema, in order of key; nothing if it is no schema of a table.
pub(super) fn settings(schema: &str) -> Vec<Setting> {
    let schema: Value = serde_json::from_str(schema).unwrap_or_default();
    let mut settings = Vec::new();
    walk(&schema, &schema, "", 0, &mut settings);
    settings.sort_by(|one, other| one.key.cmp(&other.key));
    settings
}

/// Returns them as a table.
pub(super) fn table(settings: &[Setting]) -> Table {
    let mut table = Table::new(&["setting", "takes", "default", "means"]);
    for one in settings {
        let otherwise = match (&one.otherwise, one.is_needed) {
            (Some(value), _) => value.clone(),
            (None, true) => "needed".to_owned(),
            (None, false) => "–".to_owned(),
        };
        table.row([one.key.clone(), one.takes.clone(), otherwise, one.means.clone()]);
    }
    table
}

/// Returns what a config says of a component that is a file.
pub(super) fn of_file(component: &str, grants: &[String]) -> String {
    let grants: Vec<String> = grants.iter().map(|grant| quoted(grant)).collect();
    format!("component = {}\ngrant = [{}]\n", quoted(component), grants.join(", "))
}

/// Returns what a config says of a detector that ships with the host.
pub(super) fn of_shipped(name: &str) -> String {
    format!("use = {}\n", quoted(name))
}

/// Returns a section of a config to begin with: what is `run`, what is needed, and the rest behind `#`. `asks` is what the detector
/// asks for: one that hears feeds hears those alone that its section names.
pub(super) fn snippet(id: &str, run: &str, asks: &[String], settings: &[Setting]) -> String {
    let mut text = format!("[detector.{id}]\n{run}");
    if asks.iter().any(|one| one == "feeds") {
        let is_needed = settings.iter().any(|one| one.is_needed && names_a_feed(&one.key));
        let mark = if is_needed { "" } else { "# " };
        text.push_str(&format!("{mark}feeds = [\"…\"]  # names of the [feed.NAME] that it may hear\n"));
    }
    let top: Vec<&Setting> = settings.iter().filter(|one| !one.key.contains(['.', '['])).collect();
    if top.is_empty() {
        return text;
    }
    text.push_str(&format!("\n[detector.{id}.config]\n"));
    for one in top {
        let value = match &one.otherwise {
            Some(value) => value.clone(),
            None => example(settings, one),
        };
        let mark = if one.is_needed && one.otherwise.is_none() { "" } else { "# " };
        let means = if one.means.is_empty() { String::new() } else { format!("  # {}", one.means) };
        text.push_str(&format!("{mark}{} = {value}{means}\n", one.key));
    }
    text
}

/// Whether a setting is the name of a feed.
fn names_a_feed(key: &str) -> bool {
    let name = key.trim_end_matches("[]").rsplit('.').next().unwrap_or_default();
    name == "feed" || name == "feeds"
}

/// A value of the right shape, to be replaced.
fn example(settings: &[Setting], setting: &Setting) -> String {
    let Setting { key, takes, .. } = setting;
    let below = |prefix: &str| {
        let fields = settings.iter().filter_map(|one| Some((one.key.strip_prefix(prefix)?, one)));
        let needed = fields.filter(|(name, one)| one.is_needed && !name.contains(['.', '[']));
        let fields: Vec<String> = needed.map(|(name, one)| format!("{name} = {}", example(settings, one))).collect();
        (!fields.is_empty()).then(|| format!("{{ {} }}", fields.join(", ")))
    };
    if let Some(of) = takes.strip_prefix("list") {
        let of = of.strip_prefix(" of ").unwrap_or_default();
        let item = below(&format!("{key}[].")).unwrap_or_else(|| match of.starts_with("list") {
            true => "[]".to_owned(),
            false => plain(of, &setting.number),
        });
        // Of tables one is shown in any case, of values as many as there must be.
        let count = if item.starts_with('{') { setting.items.max(1) } else { setting.items };
        return format!("[{}]", vec![item; count.min(ITEMS) as usize].join(", "));
    }
    match takes.as_str() {
        "table" => below(&format!("{key}.")).unwrap_or_else(|| "{}".to_owned()),
        _ => plain(takes, &setting.number),
    }
}

/// A value that is neither list nor table; an empty table where only a table would do.
fn plain(takes: &str, number: &str) -> String {
    match takes.split([' ', ',']).next().unwrap_or_default() {
        "table" => "{}".to_owned(),
        "number" | "integer" => number.to_owned(),
        "yes" => "false".to_owned(),
        "one" => takes.trim_start_matches("one of ").split(", ").next().unwrap_or("\"\"").to_owned(),
        _ => "\"…\"".to_owned(),
    }
}

/// The number nearest to 0 that a schema takes.
fn number_of(schema: &Value) -> String {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    let least = bound("minimum").or(bound("exclusiveMinimum").map(|least| least + 1.0));
    let most = bound("maximum").or(bound("exclusiveMaximum").map(|most| most - 1.0));
    match (least, most) {
        (Some(least), Some(most)) if least > 0.0 => least.min(most),
        (Some(least), None) if least > 0.0 => least,
        (_, Some(most)) if most < 0.0 => most,
        _ => 0.0,
    }
    .to_string()
}

fn walk(root: &Value, schema: &Value, path: &str, depth: usize, settings: &mut Vec<Setting>) {
    let schema = resolved(root, schema);
    let Some(properties) = schema.get("properties").and_then(Value::as_object).filter(|_| depth < DEPTH) else {
        return;
    };
    let needed = schema.get("required").and_then(Value::as_array);
    for (name, of) in properties {
        if settings.len() >= SETTINGS {
            return;
        }
        let key = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let shape = resolved(root, of);
        let means = of.get("description").or_else(|| shape.get("description")).and_then(Value::as_str);
        settings.push(Setting {
            takes: takes(root, shape),
            is_needed: needed.is_some_and(|needed| needed.iter().any(|one| one == name)),
            otherwise: of.get("default").or_else(|| shape.get("default")).filter(|value| !value.is_null()).map(toml_of),
            number: number_of(match shape.get("items") {
                Some(items) => resolved(root, items),
                None => shape,
            }),
            items: shape.get("minItems").and_then(Value::as_u64).unwrap_or_default(),
            means: means.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" "),
            key: key.clone(),
        });
        match shape.get("items") {
            Some(items) => walk(root, items, &format!("{key}[]"), depth + 1, settings),
            None => walk(root, shape, &key, depth + 1, settings),
        }
    }
}

/// The schema that is meant: behind a reference, or the one of several that is not null.
fn resolved<'v>(root: &'v Value, schema: &'v Value) -> &'v Value {
    let mut schema = schema;
    for _ in 0..DEPTH {
        let behind = schema.get("$ref").and_then(Value::as_str).and_then(|at| root.pointer(at.strip_prefix('#')?));
        let choices = ["anyOf", "oneOf", "allOf"].iter().find_map(|name| schema.get(*name)?.as_array());
        let only = choices.and_then(|choices| {
            let mut real = choices.iter().filter(|one| one.get("type") != Some(&"null".into()));
            real.next().filter(|_| real.next().is_none())
        });
        match behind.or(only) {
            Some(next) => schema = next,
            None => return schema,
        }
    }
    schema
}

fn takes(root: &Value, schema: &Value) -> String {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return format!("one of {}", values.iter().map(toml_of).collect::<Vec<_>>().join(", "));
    }
    let kinds: Vec<&str> = match schema.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null").collect(),
        _ => Vec::new(),
    };
    let name = match kinds.as_slice() {
        ["array"] => match schema.get("items") {
            Some(items) => format!("list of {}", takes(root, resolved(root, items))),
            None => "list".to_owned(),
        },
        ["object"] => "table".to_owned(),
        ["boolean"] => "yes or no".to_owned(),
        ["string"] => "text".to_owned(),
        [] if schema.get("properties").is_some() => "table".to_owned(),
        [] => "anything".to_owned(),
        kinds => kinds.join(" or "),
    };
    let bound = |key: &str, word: &str| schema.get(key).map(|value| format!(", {word} {value}")).unwrap_or_default();
    let format = schema.get("format").and_then(Value::as_str).filter(|_| name == "text");
    let format = format.map(|format| format!(" ({format})")).unwrap_or_default();
    let least = bound("minimum", "at least") + &bound("exclusiveMinimum", "more than");
    let most = bound("maximum", "at most") + &bound("exclusiveMaximum", "less than");
    format!("{name}{format}{least}{most}")
}

/// A value of JSON as TOML.
fn toml_of(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("[{}]", items.iter().map(toml_of).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => table_of(fields),
        other => other.to_string(),
    }
}

fn table_of(fields: &Map<String, Value>) -> String {
    let fields: Vec<String> = fields.iter().map(|(key, value)| format!("{key} = {}", toml_of(value))).collect();
    if fields.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", fields.join(", ")) }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r##"{
        "type": "object", "required": ["watch", "window_s"],
        "properties": {
            "watch": { "description": "What is\n watched.", "type": "array", "items": { "$ref": "#/$defs/Watched" } },
            "window_s": { "type": "integer", "minimum": 1 },
            "mode": { "anyOf": [{ "enum": ["fast", "exact"] }, { "type": "null" }], "default": "exact" },
            "is_strict": { "type": ["boolean", "null"] }
        },
        "$defs": { "Watched": { "type": "object", "required": ["address"], "properties": {
            "address": { "type": "string", "format": "address" }, "label": { "type": "string" } } } }
    }"##;

    #[test]
    fn a_schema_is_a_table_of_its_settings() {
        let settings = settings(SCHEMA);
        let said: Vec<String> =
            settings.iter().map(|one| format!("{}: {}, {}", one.key, one.takes, one.is_needed)).collect();
        assert_eq!(
            said,
            [
                "is_strict: yes or no, false",
                "mode: one of \"fast\", \"exact\", false",
                "watch: list of table, true",
                "watch[].address: text (address), true",
                "watch[].label: text, false",
                "window_s: integer, at least 1, true",
            ]
        );
        assert!(table(&settings).pretty().contains("What is watched."));
    }

    #[test]
    fn a_section_to_begin_with_is_toml() {
        let text = snippet("outflow", &of_file("outflow.wasm", &["state".into()]), &[], &settings(SCHEMA));
        let read: toml::Table = text.parse().unwrap_or_else(|error| panic!("{error}\n{text}"));
        let config = &read["detector"]["outflow"]["config"];
        assert_eq!(config["watch"][0]["address"].as_str(), Some("…"));
        assert_eq!(config.as_table().map(toml::Table::len), Some(2), "what is not needed is left out\n{text}");
        assert!(text.contains("# mode = \"exact\""));
        assert_eq!(config["window_s"].as_integer(), Some(1), "0 would be refused\n{text}");
        assert!(!text.contains("feeds"), "it hears none\n{text}");
    }

    #[test]
    fn a_section_to_begin_with_names_the_feeds_that_are_needed_and_values_that_are_taken() {
        let schema = r##"{ "type": "object", "required": ["pairs", "share", "below", "tokens"], "properties": {
            "pairs": { "type": "array", "items": { "type": "object", "required": ["feed", "most_bps"], "properties": {
                "feed": { "type": "string" }, "most_bps": { "type": "integer", "minimum": 10, "maximum": 5000 } } } },
            "share": { "type": "number", "exclusiveMinimum": 0, "maximum": 0.5 },
            "below": { "type": "integer", "maximum": -3 },
            "tokens": { "type": "array", "minItems": 1, "items": { "type": "integer", "minimum": 7 } } } }"##;
        let asks = ["feeds".to_owned()];
        let text = snippet("price", &of_shipped("price"), &asks, &settings(schema));
        let read: toml::Table = text.parse().unwrap_or_else(|error| panic!("{error}\n{text}"));
        let (section, config) = (&read["detector"]["price"], &read["detector"]["price"]["config"]);
        assert_eq!(section["feeds"][0].as_str(), config["pairs"][0]["feed"].as_str(), "{text}");
        assert_eq!(config["pairs"][0]["most_bps"].as_integer(), Some(10), "{text}");
        let share = &config["share"];
        assert_eq!((share.as_float(), config["below"].as_integer()), (Some(0.5), Some(-3)), "{text}");
        assert_eq!(config["tokens"].as_array().map(Vec::len), Some(1), "{text}");
        assert_eq!(config["tokens"][0].as_integer(), Some(7), "{text}");
        // Whose settings name none may do without.
        assert!(snippet("outflow", "", &asks, &settings(SCHEMA)).contains("\n# feeds = "));
    }

    #[test]
    fn what_is_no_schema_shows_nothing_and_ends() {
        assert!(settings("[1, 2]").is_empty() && settings("nonsense").is_empty());
        let round = r##"{ "properties": { "a": { "$ref": "#" } } }"##;
        assert!(settings(round).len() <= DEPTH);
    }
}
