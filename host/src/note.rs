//! What the host writes down for people and for its next start: who was reached, who was reminded, what was watched. Detectors and
//! desks don't hear of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "note", rename_all = "kebab-case")]
pub enum Note {
    /// People were called out.
    CalledOut(CalledOut),
    /// Somebody was reminded of what is to be done.
    Reminded(Reminded),
    /// From here on this is watched, and by this people are reached.
    Watched(Watched),
}

/// A callout that is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalledOut {
    /// The plan's id of it; empty if somebody asked for it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub callout: String,
    /// Name of the protocol; empty if the host has one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub protocol: String,
    /// How long answers were waited for, seconds; not at all if zero.
    pub wait_s: u64,
    /// Each page.
    pub calls: Vec<Called>,
}

/// One page of a callout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Called {
    /// Id of the person.
    pub person: String,
    /// Their address, as the plan has it.
    pub address: String,
    /// The channel that carries it; empty if none does.
    pub channel: String,
    /// What the service said if it did not accept it.
    pub refused: Option<String>,
    /// After how many seconds they answered by this channel; `None` if they have not.
    pub answered_s: Option<u64>,
}

impl CalledOut {
    /// Returns the people who were called, in order, each with whether they were reached: they answered, or if nobody waited for
    /// answers, a service took the page.
    pub fn reached(&self) -> BTreeMap<&str, bool> {
        let mut reached: BTreeMap<&str, bool> = BTreeMap::new();
        for call in &self.calls {
            let is_reached = call.refused.is_none() && (self.wait_s == 0 || call.answered_s.is_some());
            *reached.entry(&call.person).or_default() |= is_reached;
        }
        reached
    }
}

/// A reminder of what is to be done about a risk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reminded {
    /// Name of the protocol; empty if the host has one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub protocol: String,
    /// Id of the risk.
    pub risk: String,
    /// Until when it is to be done, milliseconds since the Unix epoch.
    pub due_ms: u64,
    /// Which reminder it was: 0 a week before the day, 1 on it, and one more for each week after it.
    pub stage: u64,
    /// Ids of the people who were written to.
    pub whom: Vec<String>,
}

/// What a host watches, as its config has it: each entry as text, in which what may be a secret is a mark.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watched {
    /// By section and name, as `chain/mainnet`, or by section alone, as `answers`.
    pub entries: BTreeMap<String, String>,
}
