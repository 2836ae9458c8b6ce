//! What keys mean that a plan leaves out, and what the desk makes of acts under it. That changes from version to version of the host,
//! and a plan of a journal keeps what it was followed by: so that a replay decides as was decided then.

use serde::{Deserialize, Serialize};

/// Which values keys have that a plan leaves out, by what was changed last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Defaults {
    /// Those of before any was changed. A journal of then names none.
    #[default]
    First,
    /// Acts that cost trust are proved by whoever has a `signer`, and what is to be typed says so. Whoever has an incident already and
    /// says so again is noted, and nobody is told.
    Proofs,
    /// Words that must not be said are found in whatever letters and spaces they are written. What ended or was taken back is named by
    /// its title, figures of long ago say as of when, and changes of the watch are linked with what they are about.
    Folded,
}

impl Defaults {
    /// Those of a plan that is put forward now.
    pub const NOW: Self = Self::Folded;

    /// Whether they are those of before any was changed.
    pub fn is_first(&self) -> bool {
        *self == Self::First
    }
}
