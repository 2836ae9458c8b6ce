//! `[cache]`: where compiled components are kept.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

/// Where compiled components are kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CacheConfig {
    /// Whether they are kept at all.
    pub enabled: bool,
    /// The folder, relative to the config's folder; `watchfire/compiled` in the user's cache folder where absent.
    pub path: Option<PathBuf>,
    /// Largest size of the folder, bytes; what was not used for longest goes first.
    pub max_bytes: u64,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self { enabled: true, path: None, max_bytes: 2 << 30 }
    }
}
