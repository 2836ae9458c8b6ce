//! What a person must have looked at before it is taken: where `[trust] review` names it, `--yes` alone is not enough.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A part of what is shown before something is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Review {
    /// What it is granted: all of it at the first time, and what is new in an update.
    Capabilities,
    /// Limits of its publisher that go into the config.
    Limits,
    /// Kinds of findings with their severities: all at the first time, and those that differ in an update.
    Severities,
    /// The schema of its config, where an update changes it.
    Schema,
    /// The response pack, before it goes into the plan.
    Pack,
}

impl Review {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Capabilities, Self::Limits, Self::Severities, Self::Schema, Self::Pack];

    /// Returns it as the config and `--reviewed` name it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Capabilities => "capabilities",
            Self::Limits => "limits",
            Self::Severities => "severities",
            Self::Schema => "schema",
            Self::Pack => "pack",
        }
    }
}

impl fmt::Display for Review {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Review {
    type Err = String;

    fn from_str(said: &str) -> Result<Self, String> {
        let known = || Self::ALL.map(Self::word).join(", ");
        Self::ALL.into_iter().find(|one| one.word() == said).ok_or_else(|| format!("name one of {}", known()))
    }
}

/// Returns what the config wants reviewed of what there is, and nobody said that they reviewed, as a list for `--reviewed`.
pub fn left(wanted: &[Review], there: &[Review], reviewed: &[Review]) -> Option<String> {
    let left =
        Review::ALL.into_iter().filter(|one| wanted.contains(one) && there.contains(one) && !reviewed.contains(one));
    let left: Vec<&str> = left.map(Review::word).collect();
    (!left.is_empty()).then(|| left.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_and_there_is_left_until_it_was_reviewed() {
        use Review::{Capabilities, Limits, Pack};
        let wanted = [Limits, Capabilities];
        assert_eq!(left(&wanted, &[Limits, Capabilities, Pack], &[]).as_deref(), Some("capabilities,limits"));
        assert_eq!(left(&wanted, &[Limits], &[Capabilities]).as_deref(), Some("limits"));
        assert_eq!(left(&wanted, &[Pack], &[]), None);
        assert_eq!(left(&wanted, &[Limits, Capabilities], &wanted), None);
        assert_eq!("pack".parse(), Ok(Pack));
        assert!("packs".parse::<Review>().unwrap_err().contains("capabilities, limits, severities, schema, pack"));
    }
}
