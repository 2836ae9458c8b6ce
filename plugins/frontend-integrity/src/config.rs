//! What the operator writes.

use serde::Deserialize;
use watchfire_sdk::prelude::*;

/// Which parts of a frontend are watched.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Pages, scripts, servers, names, and what is said of them.
    #[schemars(length(min = 1))]
    parts: Vec<Part>,
}

/// A page, a script, a server, a name, or what is said of them.
#[derive(Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    /// The feed that says what is there now: of type `digest`, `certificate`, `dns`, `registrar`, `advisories`, or `text` for a status.
    pub(crate) feed: String,
    /// What people call it.
    pub(crate) label: String,
    /// What it is.
    #[serde(default)]
    pub(crate) what: What,
    /// What is expected, as the feed says it: digests `sha256:…`, records `A 192.0.2.1`, words of a status page, ids of advisories that
    /// are known. Several while a release rolls out. Without any, what the feed says first; of a status, that all is well.
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
    /// Records of a name: whoever changes them answers in its place.
    Dns,
    /// A registrar's entry of a domain: whoever changes it owns the name.
    Registrar,
    /// What a status page says of whom the frontend depends on.
    Status,
    /// Advisories about what the frontend is built of, or about one's own repository.
    Advisories,
}

impl What {
    /// Whether the feed says a digest.
    pub(crate) fn is_digest(self) -> bool {
        matches!(self, Self::Content | Self::Certificate)
    }
}

impl Config {
    pub(crate) fn resolve(self) -> Result<Vec<Part>, ConfigError> {
        if self.parts.is_empty() {
            return Err(ConfigError::at("parts", "name at least one page, script, server or name"));
        }
        for (at, part) in self.parts.iter().enumerate() {
            if self.parts[..at].iter().any(|other| other.feed == part.feed) {
                return Err(ConfigError::at(format!("parts.{at}.feed"), "another part has this feed"));
            }
            for (position, expected) in part.expected.iter().enumerate() {
                let digits = expected.strip_prefix("sha256:").unwrap_or_default();
                let is_digest = digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
                let wrong = match part.what.is_digest() {
                    true if !is_digest => "a digest is `sha256:` and 64 hexadecimal digits",
                    false if expected.trim().is_empty() || expected.contains('\n') => {
                        "write one item as the feed says it, such as `A 192.0.2.1`, `nameserver a.example.net` or `GHSA-…`"
                    }
                    _ => continue,
                };
                return Err(ConfigError::at(format!("parts.{at}.expected.{position}"), wrong));
            }
        }
        Ok(self.parts)
    }
}
