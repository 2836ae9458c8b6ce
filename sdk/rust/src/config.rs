//! Config: JSON text to the author's type, each error with its key.

use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

/// Config that the detector can't work with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Dotted path of the offending key, as `pools.0.limit`; empty for the whole.
    pub key: String,
    /// What is wrong and how to mend it.
    pub message: String,
}

impl ConfigError {
    /// What is wrong at a key.
    pub fn at(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { key: key.into(), message: message.into() }
    }
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.key.is_empty() { f.write_str(&self.message) } else { write!(f, "`{}`: {}", self.key, self.message) }
    }
}

impl std::error::Error for ConfigError {}

/// Reads a config from JSON text.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, ConfigError> {
    let mut json = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let mut key = dotted(error.path());
        let message = plain(&error.into_inner().to_string());
        // serde tells of a field that is missing or unknown at the table around it.
        if let Some(field) = ["unknown field `", "missing field `"]
            .iter()
            .find_map(|start| message.strip_prefix(start))
            .and_then(|rest| rest.split('`').next())
            && key.rsplit('.').next() != Some(field)
        {
            key = if key.is_empty() { field.to_owned() } else { format!("{key}.{field}") };
        }
        ConfigError { key, message }
    })
}

fn dotted(path: &Path) -> String {
    let mut key = String::new();
    for segment in path {
        let part = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.clone(),
            Segment::Enum { variant } => variant.clone(),
            Segment::Unknown => continue,
        };
        if !key.is_empty() {
            key.push('.');
        }
        key.push_str(&part);
    }
    key
}

/// The message without the place in the JSON text, which the operator never wrote.
fn plain(message: &str) -> String {
    match message.rfind(" at line ") {
        Some(end) => message[..end].to_owned(),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Inner {
        limit: u64,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Outer {
        pools: Vec<Inner>,
    }

    #[test]
    fn each_error_names_its_key() {
        let check = |text: &str, key: &str, message: &str| {
            let error = parse::<Outer>(text).unwrap_err();
            assert_eq!((error.key.as_str(), error.message.as_str()), (key, message));
        };
        check(r#"{"pools":[{"limit":"x"}]}"#, "pools.0.limit", "invalid type: string \"x\", expected u64");
        check(r#"{"pools":[{"limit":1},{}]}"#, "pools.1.limit", "missing field `limit`");
        check(r#"{"pools":[], "pool":1}"#, "pool", "unknown field `pool`, expected `pools`");
        check(r#"{"pools":[{"limit":1,"limits":2}]}"#, "pools.0.limits", "unknown field `limits`, expected `limit`");
        check("{}", "pools", "missing field `pools`");
    }
}
