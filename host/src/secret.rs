//! Secrets: values that the config names, uses, and never shows.

use std::fmt;
use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use crate::whole_file::read_text;

/// Most bytes of a secret's file.
const SECRET_BYTES: u64 = 1 << 20;

/// A value that is never printed: `Debug` and `Display` show [`Secret::label`].
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(String);

impl Secret {
    /// Takes a value into keeping.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What people may see of it: scheme, host and port of a URL, the file name of a socket's path, and
    /// `(secret)` for anything else.
    pub fn label(&self) -> String {
        let value = self.0.trim();
        if let Some((_, rest)) = value.split_once("://") {
            return match reqwest::Url::parse(value) {
                Ok(url) if url.has_host() && !rest.is_empty() => {
                    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
                    format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default())
                }
                _ => "(secret)".into(),
            };
        }
        let is_path = value.starts_with(['/', '.']) || value.ends_with(".ipc");
        match Path::new(value).file_name().filter(|_| is_path) {
            Some(name) => format!("ipc:{}", name.to_string_lossy()),
            None => "(secret)".into(),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label())
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label())
    }
}

/// Where the config says that a secret is: `"value"`, `{ env = "NAME" }` or `{ file = "path" }`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SecretRef {
    /// In the config itself.
    Literal(Secret),
    /// In an environment variable of this name.
    Env(String),
    /// In a file, whose trailing line break is not part of it.
    File(PathBuf),
}

/// Why a secret could not be had. Names the place, never the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The environment variable is not set, or empty.
    #[error("the environment variable `{0}` is not set; export it, or name another one")]
    NoVariable(String),
    /// The environment variable is not text.
    #[error("the environment variable `{0}` is not valid UTF-8")]
    NotText(String),
    /// The file can't be read.
    #[error("the secret file `{path}` can't be read: {reason}")]
    NoFile {
        /// The file.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// The file, or the string in the config, is empty.
    #[error("{0} is empty")]
    Empty(String),
}

impl SecretRef {
    /// Fetches the value; a relative file is looked for in `base`, the folder of the config.
    pub fn resolve(&self, base: &Path) -> Result<Secret, SecretError> {
        let (value, place) = match self {
            Self::Literal(secret) => (secret.0.clone(), "the value".to_owned()),
            Self::Env(name) => match std::env::var(name) {
                Ok(value) if !value.trim().is_empty() => (value, format!("the environment variable `{name}`")),
                Ok(_) | Err(std::env::VarError::NotPresent) => return Err(SecretError::NoVariable(name.clone())),
                Err(std::env::VarError::NotUnicode(_)) => return Err(SecretError::NotText(name.clone())),
            },
            Self::File(path) => {
                let full = base.join(path);
                let text = read_text(&full, SECRET_BYTES).map_err(|error| SecretError::NoFile {
                    path: full.display().to_string(),
                    reason: error.to_string(),
                })?;
                (text, format!("the secret file `{}`", full.display()))
            }
        };
        let value = value.trim_end_matches(['\r', '\n']);
        if value.trim().is_empty() { Err(SecretError::Empty(place)) } else { Ok(Secret::new(value)) }
    }
}

const EXPECTED: &str = "a string, `{ env = \"NAME\" }` or `{ file = \"path\" }`";

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Place;
        impl<'de> Visitor<'de> for Place {
            type Value = SecretRef;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(EXPECTED)
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<SecretRef, E> {
                Ok(SecretRef::Literal(Secret::new(value)))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretRef, A::Error> {
                let mut found = None;
                while let Some(key) = map.next_key::<String>()? {
                    let place = match key.as_str() {
                        "env" => SecretRef::Env(map.next_value()?),
                        "file" => SecretRef::File(map.next_value()?),
                        other => return Err(de::Error::unknown_field(other, &["env", "file"])),
                    };
                    if found.replace(place).is_some() {
                        return Err(de::Error::custom(format!("more than one place is named; expected {EXPECTED}")));
                    }
                }
                found.ok_or_else(|| de::Error::custom(format!("no place is named; expected {EXPECTED}")))
            }
        }
        deserializer.deserialize_any(Place)
    }
}

impl JsonSchema for SecretRef {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let place = |key: &str, what: &str| {
            json_schema!({
                "type": "object",
                "properties": { key: { "type": "string", "description": what } },
                "required": [key],
                "additionalProperties": false,
            })
        };
        json_schema!({
            "description": "A value that is never printed: the value itself, or where it is.",
            "anyOf": [
                { "type": "string" },
                place("env", "Name of the environment variable that holds it."),
                place("file", "File that holds it, relative to the config's folder."),
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: &str) {
        let secret = Secret::new(value);
        assert_eq!(secret.label(), expected);
        assert_eq!(format!("{secret:?} {secret}"), format!("{expected} {expected}"));
    }

    #[test]
    fn labels_hide_all_but_scheme_and_host() {
        check("https://eth.example/v2/KEY?token=KEY", "https://eth.example");
        check("wss://user:KEY@eth.example:8546/KEY", "wss://eth.example:8546");
        check("http://127.0.0.1:8545", "http://127.0.0.1:8545");
        check("/var/lib/geth/geth.ipc", "ipc:geth.ipc");
        check("geth.ipc", "ipc:geth.ipc");
        check("https://", "(secret)");
        check("KEY", "(secret)");
    }

    #[derive(Debug, Deserialize)]
    struct Config {
        url: SecretRef,
    }

    fn parse(text: &str) -> Result<SecretRef, String> {
        toml::from_str::<Config>(text).map(|config| config.url).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_place_is_a_string_or_a_table() {
        assert_eq!(parse("url = 'http://x/KEY'"), Ok(SecretRef::Literal(Secret::new("http://x/KEY"))));
        assert_eq!(parse("url = { env = 'RPC_URL' }"), Ok(SecretRef::Env("RPC_URL".into())));
        assert_eq!(parse("url = { file = 'rpc.url' }"), Ok(SecretRef::File("rpc.url".into())));
        assert_eq!(
            parse("url = { environment = 'RPC_URL' }").unwrap_err(),
            "unknown field `environment`, expected `env` or `file`"
        );
        assert_eq!(
            parse("url = 3").unwrap_err(),
            "invalid type: integer `3`, expected a string, `{ env = \"NAME\" }` or `{ file = \"path\" }`"
        );
        assert!(parse("url = {}").unwrap_err().starts_with("no place is named"));
        assert!(parse("url = { env = 'A', file = 'B' }").unwrap_err().starts_with("more than one place"));
    }

    #[test]
    fn resolution_names_the_place_that_fails() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("url"), "http://x/KEY\n").unwrap();
        std::fs::write(folder.path().join("empty"), "\n").unwrap();
        let resolve = |place: SecretRef| place.resolve(folder.path()).map_err(|error| error.to_string());
        assert_eq!(resolve(SecretRef::File("url".into())).unwrap().expose(), "http://x/KEY");
        assert!(resolve(SecretRef::File("none".into())).unwrap_err().contains("none` can't be read"));
        assert!(resolve(SecretRef::File("empty".into())).unwrap_err().ends_with("empty` is empty"));
        assert_eq!(
            resolve(SecretRef::Env("WATCHFIRE_NO_SUCH_VARIABLE".into())).unwrap_err(),
            "the environment variable `WATCHFIRE_NO_SUCH_VARIABLE` is not set; export it, or name another one"
        );
    }
}
