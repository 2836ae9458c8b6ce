//! How long effects are tried before they count as undelivered, and before they are given up.

use schemars::JsonSchema;
use serde::Deserialize;

/// Deadlines of deliveries.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DeliveryConfig {
    /// How long after its order a page, a proposal, its withdrawal or a revert counts as undelivered if no webhook has
    /// accepted it, seconds; the plan then goes to the next channel or person. Default 60.
    #[schemars(range(min = 1))]
    pub urgent_deadline_s: u64,
    /// The same for every other effect, seconds. Default 900.
    #[schemars(range(min = 1))]
    pub deadline_s: u64,
    /// How long after its order an effect is still tried, seconds. Default 86,400.
    #[schemars(range(min = 1))]
    pub give_up_after_s: u64,
}

impl Default for DeliveryConfig {
    fn default() -> Self {
        Self { urgent_deadline_s: 60, deadline_s: 900, give_up_after_s: 86_400 }
    }
}

impl DeliveryConfig {
    /// Returns the deadline of urgent effects, milliseconds.
    pub fn urgent_deadline_ms(&self) -> u64 {
        self.urgent_deadline_s.saturating_mul(1_000)
    }

    /// Returns the deadline of other effects, milliseconds.
    pub fn deadline_ms(&self) -> u64 {
        self.deadline_s.saturating_mul(1_000)
    }

    /// Returns the age after which an effect is no longer tried, milliseconds.
    pub fn give_up_after_ms(&self) -> u64 {
        self.give_up_after_s.saturating_mul(1_000)
    }

    /// Returns the keys whose values can't be, each with what is wrong.
    pub fn mistakes(&self) -> Vec<(&'static str, String)> {
        let keys = [
            ("urgent_deadline_s", self.urgent_deadline_s),
            ("deadline_s", self.deadline_s),
            ("give_up_after_s", self.give_up_after_s),
        ];
        let zero = keys.into_iter().filter(|(_, seconds)| *seconds == 0);
        zero.map(|(key, _)| (key, "it must be more than 0".to_owned())).collect()
    }
}
