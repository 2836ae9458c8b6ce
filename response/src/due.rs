//! Deadlines: absolute, kept in the state, and put out when they are set, fire or fall away, so that an audit which knows
//! nothing of the desk can compare what was due with what fired.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::incident::IncidentId;

/// What is due.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "due", rename_all = "kebab-case")]
pub enum Due {
    /// An answer to a page.
    Ack,
    /// A sign of life from the person who answered.
    Unack,
    /// A ruling is to be carried out.
    Ruling {
        /// Its number.
        number: u32,
    },
    /// What was carried out is to be over.
    End {
        /// Number of the ruling.
        number: u32,
    },
    /// It has lasted as long as its signal wants, and people hear of it.
    Hold,
    /// All its findings were taken back so long ago that it is over.
    Keep,
    /// People are told how far it has grown.
    Growth,
    /// A drill is over.
    Drill,
    /// A word to an audience.
    Word {
        /// Id of the plan's communication.
        communication: String,
    },
    /// A part of a drill's script happens.
    Script {
        /// Which, counted from 0.
        number: u32,
    },
}

impl std::fmt::Display for Due {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Due::Ack => f.write_str("an answer to a page"),
            Due::Unack => f.write_str("a sign of life"),
            Due::Ruling { number } => write!(f, "carrying out ruling {number}"),
            Due::End { number } => write!(f, "the end of ruling {number}"),
            Due::Hold => f.write_str("that people hear of it, if it lasts"),
            Due::Keep => f.write_str("its end, if nothing comes back"),
            Due::Drill => f.write_str("the end of the drill"),
            Due::Growth => f.write_str("telling how far it has grown"),
            Due::Word { communication } => write!(f, "the next word of {communication}"),
            Due::Script { number } => write!(f, "part {} of the drill's script", u64::from(*number) + 1),
        }
    }
}

/// What became of a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// It was set, in place of any earlier one for the same.
    Set,
    /// It fired.
    Fired,
    /// What was due came in time, or is due no longer.
    Dropped,
}

/// A change of one deadline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// The incident.
    pub incident: IncidentId,
    /// What is due.
    #[serde(flatten)]
    pub due: Due,
    /// When it is due, milliseconds since the Unix epoch.
    pub due_at_ms: u64,
    /// What became of it.
    pub mark: Mark,
    /// When that was, milliseconds since the Unix epoch.
    pub at_ms: u64,
}

/// What an audit finds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Deadlines that fired later than they were due, with how late, in milliseconds.
    pub late: Vec<(Clock, u64)>,
    /// Deadlines that are past and neither fired nor fell away.
    pub missed: Vec<Clock>,
    /// Deadlines that fired or fell away and were never set, or fired before they were due.
    pub odd: Vec<Clock>,
}

/// Compares what was due with what fired, by nothing but the changes of deadlines, in order. `now_ms` is the moment of the
/// audit, milliseconds since the Unix epoch; what fires within `grace_ms` is not late. Returns what is wrong.
pub fn audit<'a>(clocks: impl IntoIterator<Item = &'a Clock>, now_ms: u64, grace_ms: u64) -> Audit {
    let mut audit = Audit::default();
    let mut set: BTreeMap<(IncidentId, Due), Clock> = BTreeMap::new();
    for clock in clocks {
        let key = (clock.incident, clock.due.clone());
        match clock.mark {
            Mark::Set => {
                set.insert(key, clock.clone());
            }
            Mark::Fired | Mark::Dropped => match set.remove(&key) {
                Some(was) if was.due_at_ms == clock.due_at_ms => {
                    let late_ms = clock.at_ms.saturating_sub(was.due_at_ms);
                    match clock.mark {
                        Mark::Fired if clock.at_ms < was.due_at_ms => audit.odd.push(clock.clone()),
                        Mark::Fired if late_ms > grace_ms => audit.late.push((clock.clone(), late_ms)),
                        Mark::Dropped if late_ms > grace_ms => audit.missed.push(was),
                        _ => {}
                    }
                }
                _ => audit.odd.push(clock.clone()),
            },
        }
    }
    audit.missed.extend(set.into_values().filter(|clock| clock.due_at_ms.saturating_add(grace_ms) < now_ms));
    audit
}
