//! Callouts by the calendar: whether people are reached, found out before the night on which it is needed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::moment::{Moment, TimeOfDay};

/// A test page to people on each of their channels, again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Callout {
    /// Ids of the roles and people who are called.
    pub who: Vec<String>,
    /// The day of the first one.
    pub starts: Moment,
    /// From one to the next, in days.
    #[serde(default = "quarter_days")]
    #[schemars(range(min = 1))]
    pub every_days: u32,
    /// IANA time zone in which its days and its time of day are meant.
    pub time_zone: String,
    /// Local time at which people are called, as `10:00`.
    pub at: TimeOfDay,
    /// How long their answers are waited for, in seconds.
    #[serde(default = "half_hour_s")]
    #[schemars(range(min = 1, max = 86_400))]
    pub wait_s: u64,
}

fn quarter_days() -> u32 {
    90
}

fn half_hour_s() -> u64 {
    1_800
}
