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
    /// When it began, milliseconds since the Unix epoch; 0 if an older host noted it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub began_ms: u64,
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
    /// Whether it is one that they read when they are awake, and that wakes nobody.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub normal: bool,
    /// The channel that carries it; empty if none does.
    pub channel: String,
    /// What the service said if it did not accept it.
    pub refused: Option<String>,
    /// After how many seconds they answered by this channel; `None` if they have not.
    pub answered_s: Option<u64>,
}

impl CalledOut {
    /// Returns the people who were called, in order, each with whether they were reached by what wakes them, or by anything if
    /// nothing does: they answered there, or if nobody waited for answers, a service took the page.
    pub fn reached(&self) -> BTreeMap<&str, bool> {
        let mut reached: BTreeMap<&str, bool> = BTreeMap::new();
        for call in &self.calls {
            *reached.entry(&call.person).or_default() |= self.counts(call) && self.is_taken(call);
        }
        reached
    }

    /// Whether a page of it was answered, or if nobody waited for answers, was taken by a service.
    pub fn is_taken(&self, call: &Called) -> bool {
        call.refused.is_none() && (self.wait_s == 0 || call.answered_s.is_some())
    }

    /// Returns when somebody first answered by what counts, milliseconds since the Unix epoch; `None` if that is not known.
    pub fn reached_at_ms(&self, person: &str) -> Option<u64> {
        let of = self.calls.iter().filter(|call| call.person == person && self.counts(call));
        let after_s = of.filter_map(|call| call.answered_s).min()?;
        (self.began_ms > 0).then(|| self.began_ms.saturating_add(after_s.saturating_mul(1_000)))
    }

    /// Whether an answer by this call shows that its person is woken: somebody who reads a chat by day sleeps through it at night.
    fn counts(&self, call: &Called) -> bool {
        !call.normal || !self.calls.iter().any(|other| other.person == call.person && !other.normal)
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

fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_answers_by_day_alone_is_not_reached() {
        let call = |person: &str, normal: bool, answered_s: Option<u64>| Called {
            person: person.into(),
            address: "sms:1".into(),
            normal,
            channel: "texts".into(),
            refused: None,
            answered_s,
        };
        let (callout, protocol) = (String::new(), String::new());
        let calls = vec![
            call("ana", false, None),
            call("ana", true, Some(5)),
            call("bo", false, Some(7)),
            call("bo", true, None),
            call("eve", true, Some(9)),
        ];
        let mut called = CalledOut { callout, protocol, wait_s: 60, began_ms: 1_000, calls };
        let reached: Vec<(&str, bool)> = called.reached().into_iter().collect();
        assert_eq!(reached, [("ana", false), ("bo", true), ("eve", true)], "nothing wakes eve");
        assert_eq!((called.reached_at_ms("bo"), called.reached_at_ms("ana")), (Some(8_000), None));
        // What an older host noted says neither, and counts as it did.
        called.calls.iter_mut().for_each(|call| call.normal = false);
        called.began_ms = 0;
        assert!(called.reached()["ana"] && called.reached_at_ms("bo").is_none());
        assert!(!serde_json::to_string(&called).unwrap().contains("normal"));
    }
}
