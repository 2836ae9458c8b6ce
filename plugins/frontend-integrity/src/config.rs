//! What the operator writes.

use serde::Deserialize;
use watchfire_sdk::prelude::*;

/// Which parts of a frontend are watched.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Pages, scripts and servers.
    #[schemars(length(min = 1))]
    parts: Vec<Part>,
}

/// A page, a script, or a server.
#[derive(Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    /// The feed that says what is there now: of type `digest` or `certificate`.
    pub(crate) feed: String,
    /// What people call it.
    pub(crate) label: String,
    /// What it is.
    #[serde(default)]
    pub(crate) what: What,
    /// What was published, as the feed says it: `sha256:…`. Several while a release rolls out. Without any, what the feed says first.
    #[serde(default)]
    pub(crate) expected: Vec<String>,
}

/// What a part is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum What {
    /// A page or a script: a change of it may take what users sign.
    #[default]
    Content,
    /// A server's certificate: it changes with each renewal, and when somebody else answers for the domain.
    Certificate,
}

impl Config {
    pub(crate) fn resolve(self) -> Result<Vec<Part>, ConfigError> {
        if self.parts.is_empty() {
            return Err(ConfigError::at("parts", "name at least one page, script or server"));
        }
        for (at, part) in self.parts.iter().enumerate() {
            if self.parts[..at].iter().any(|other| other.feed == part.feed) {
                return Err(ConfigError::at(format!("parts.{at}.feed"), "another part has this feed"));
            }
            for (position, expected) in part.expected.iter().enumerate() {
                let digits = expected.strip_prefix("sha256:").unwrap_or_default();
                if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                    let key = format!("parts.{at}.expected.{position}");
                    return Err(ConfigError::at(key, "a digest is `sha256:` and 64 hexadecimal digits"));
                }
            }
        }
        Ok(self.parts)
    }
}
