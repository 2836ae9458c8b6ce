//! Why an act of a person is refused, and how to mend that.

use std::fmt;

use crate::diagnostic::suggestion;
use crate::incident::IncidentId;

/// What came of an act: nothing if it was taken, or why it was refused.
pub(super) type Taken = Result<(), Refusal>;

/// Why an act is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No plan is loaded.
    NoPlan,
    /// The act is about an incident, and names none.
    NoneMeant,
    /// No open incident has this number.
    NoIncident(IncidentId),
    /// The plan has no entity of that id.
    Unknown {
        /// What it would be, as `signal`.
        kind: &'static str,
        /// The id that was given.
        id: String,
        /// What may have been meant; may be empty.
        help: String,
    },
    /// The plan that an incident follows has no longer what the incident stands on, since another plan was adopted.
    Dropped {
        /// The incident.
        incident: IncidentId,
        /// What is missing, as `intervention`.
        kind: &'static str,
        /// Its id.
        id: String,
        /// How to mend it, in a clause.
        mend: String,
    },
    /// The incident has no ruling of that number.
    NoRuling {
        /// The incident.
        incident: IncidentId,
        /// The number that was given.
        number: u32,
        /// How many rulings it has.
        count: usize,
    },
    /// Another person acted since the timeline was read.
    Outdated {
        /// Number of the entry that was seen last.
        seen: u64,
        /// Number of the entry at which a person last acted.
        newer: u64,
    },
    /// The person may not do this.
    NotTheirs {
        /// What is so, in a clause: `Ana is not of …`.
        why: String,
        /// Names of those who may.
        may: Vec<String>,
    },
    /// The act does not fit how the incident stands. Says what would, or how to mend it.
    Unfit(String),
    /// Each thing that stands in the way, or is missing.
    Because(Vec<String>),
}

impl Refusal {
    /// Makes the refusal of an id that the plan does not have, with what may have been meant among the `known`.
    pub(super) fn unknown<'k>(kind: &'static str, id: &str, known: impl Iterator<Item = &'k str>) -> Self {
        Self::Unknown { kind, id: id.to_owned(), help: suggestion(id, known) }
    }

    /// Returns each reason, for [`crate::outcome::Outcome::Refused`].
    pub(super) fn reasons(self) -> Vec<String> {
        match self {
            Self::Because(reasons) => reasons,
            other => vec![other.to_string()],
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPlan => f.write_str("no plan is loaded"),
            Self::NoneMeant => f.write_str("say which incident"),
            Self::NoIncident(id) => write!(f, "incident {id} is over, or never was"),
            Self::Unknown { kind, id, help } if help.is_empty() => write!(f, "the plan has no {kind} `{id}`"),
            Self::Unknown { kind, id, help } => write!(f, "the plan has no {kind} `{id}`; {help}"),
            Self::Dropped { incident, kind, id, mend } => {
                write!(f, "the plan that incident {incident} follows now has no {kind} `{id}`: {mend}")
            }
            Self::NoRuling { incident, number, count } => {
                write!(f, "incident {incident} has no ruling {number}; it has {count}")
            }
            Self::Outdated { seen, newer } => write!(
                f,
                "somebody else acted since: you have seen entry {seen} of the timeline, and an act stands at {newer}; look again"
            ),
            Self::NotTheirs { why, may } if may.is_empty() => write!(f, "{why}; nobody may"),
            Self::NotTheirs { why, may } => write!(f, "{why}; {} may", may.join(", ")),
            Self::Unfit(why) => f.write_str(why),
            Self::Because(reasons) => f.write_str(&reasons.join("; ")),
        }
    }
}
