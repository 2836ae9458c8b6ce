//! Budgets: how many new conditions of one detector, and how many incidents of one signal, are taken in an hour. What is more is
//! counted and told, so that no storm costs more than it says.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

const HOUR_MS: u64 = 3_600_000;

/// What each maker has made in the hour that runs for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Budgets {
    conditions: BTreeMap<String, Hour>,
    incidents: BTreeMap<String, Hour>,
}

/// An hour of one maker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Hour {
    since_ms: u64,
    count: u64,
    most: u64,
}

impl Hour {
    fn is_over(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.since_ms) >= HOUR_MS
    }
}

/// A detector that made more new conditions in an hour than the plan takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storm<'a> {
    /// Its id; of findings about the watch, what they are about, as `detector/outflow`.
    pub maker: &'a str,
    /// How many it made in this hour.
    pub count: u64,
    /// How many the plan takes.
    pub most: u64,
}

impl Budgets {
    /// Counts a new condition of a maker. Returns whether it is within the budget.
    pub(super) fn may_keep(&mut self, maker: &str, most: u64, now_ms: u64) -> bool {
        Self::take(&mut self.conditions, maker, most, now_ms)
    }

    /// Counts one more of a maker. Returns whether it is within the budget.
    fn take(hours: &mut BTreeMap<String, Hour>, maker: &str, most: u64, now_ms: u64) -> bool {
        let hour = match hours.get_mut(maker) {
            Some(hour) if !hour.is_over(now_ms) => hour,
            _ => {
                hours.retain(|_, hour| !hour.is_over(now_ms));
                hours.entry(maker.to_owned()).or_insert(Hour { since_ms: now_ms, count: 0, most })
            }
        };
        (hour.count, hour.most) = (hour.count.saturating_add(1), most);
        hour.count <= most
    }

    /// Counts an incident of a signal. Returns whether it may be opened.
    pub(super) fn may_open(&mut self, signal: &str, most: u64, now_ms: u64) -> bool {
        Self::take(&mut self.incidents, signal, most, now_ms)
    }

    /// Iterates over those who made too much in an hour that still runs.
    pub(super) fn storms(&self, now_ms: u64) -> impl Iterator<Item = Storm<'_>> {
        let over = self.conditions.iter().filter(move |(_, hour)| hour.count > hour.most && !hour.is_over(now_ms));
        over.map(|(maker, hour)| Storm { maker, count: hour.count, most: hour.most })
    }
}
