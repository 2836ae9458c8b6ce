//! What a drill shows.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use serde::Serialize;

use super::scenario::Milestone;

/// One line of a drill's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Seconds from the start.
    pub at_s: u64,
    /// The incident that it is about.
    pub incident: Option<u64>,
    /// What kind of line it is: `script`, `timeline`, `page`, `decision`, `refused`, …
    pub what: String,
    /// What happened.
    pub text: String,
}

/// What the plan lacked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Lack {
    /// Seconds from the start when it first showed.
    pub at_s: u64,
    /// What.
    pub text: String,
}

/// A loss and whether something stopped it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// Seconds from the start.
    pub at_s: u64,
    /// In US dollars.
    pub usd: u64,
    /// What was lost.
    pub what: String,
    /// The intervention that stopped it; `None` if it was lost.
    pub averted_by: Option<String>,
}

/// What opened the first incident, and how it is known that it came then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Detection {
    /// Id of the detector.
    pub detector: String,
    /// How it is known that it finds that then; `None` if the script assumes it.
    pub known_by: Option<String>,
}

impl Detection {
    /// Returns it for people, as a clause.
    pub fn in_words(&self) -> String {
        match &self.known_by {
            Some(how) => format!("by `{}`: {how}", self.detector),
            None => format!("assumed: no `{}` was run over what happened", self.detector),
        }
    }
}

/// When each point was first reached, in seconds from the start.
pub type Times = BTreeMap<Milestone, u64>;

/// What came of one expectation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Expected {
    /// What was expected.
    pub what: String,
    /// Whether it was so.
    pub met: bool,
    /// What was seen.
    pub seen: String,
}

/// What a drill shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Its name.
    pub name: String,
    /// Name of the protocol; empty if the plan names none.
    pub protocol: String,
    /// Hash of the plan.
    pub plan: B256,
    /// Whether all that was expected was so.
    pub held: bool,
    /// When each point was first reached.
    pub times_s: Times,
    /// What the time to detect stands on; `None` if nothing was detected, or somebody opened an incident by hand.
    pub detection: Option<Detection>,
    /// All losses, in order.
    pub losses: Vec<Loss>,
    /// Lost, in US dollars.
    pub lost_usd: u64,
    /// Averted, in US dollars.
    pub averted_usd: u64,
    /// What was expected.
    pub expected: Vec<Expected>,
    /// What the plan lacked.
    pub lacks: Vec<Lack>,
    /// All that happened.
    pub log: Vec<Line>,
}

impl Report {
    /// Returns the averted part of all losses, in percent; 100 if nothing would be lost.
    pub fn averted_percent(&self) -> u8 {
        let all = self.lost_usd.saturating_add(self.averted_usd);
        if all == 0 { 100 } else { (u128::from(self.averted_usd) * 100 / u128::from(all)) as u8 }
    }
}
