//! Releases of the protocol, for which the register of risks is asked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::moment::Moment;

/// A release, so that people can ask where the risks stood when it was made. It is found by its name, its id or its tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// What it is called, as `v1.4`; its id if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it was or will be made.
    pub at: Moment,
    /// Its tag in git.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// What it brought, in a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Release {
    /// Returns the name of the release that has this id.
    pub fn name<'a>(&'a self, id: &'a str) -> &'a str {
        self.name.as_deref().unwrap_or(id)
    }
}
