//! What the operator writes.

use serde::Deserialize;
use watchfire_sdk::prelude::*;

/// Which outflow to find.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The token that counts.
    #[schemars(with = "schema::Address")]
    pub token: Address,
    /// What findings call it.
    pub symbol: String,
    /// Digits behind the point of a whole token.
    pub decimals: u8,
    /// Accounts whose outflow counts.
    pub watch: Vec<Watch>,
    /// Length of the window, in seconds of chain time.
    pub window_s: u64,
    /// Largest outflow within the window: in the oracle's currency, or in whole tokens where there is no oracle.
    #[schemars(with = "schema::Decimal")]
    pub limit: Decimal,
    /// What the token is worth.
    pub oracle: Option<Oracle>,
}

/// An account.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Watch {
    /// The account.
    #[schemars(with = "schema::Address")]
    pub address: Address,
    /// What findings call it.
    pub label: String,
}

/// A price on the chain, and a feed that it is held against.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Oracle {
    /// A Chainlink aggregator.
    #[schemars(with = "schema::Address")]
    pub address: Address,
    /// Digits behind the point of its answer.
    pub decimals: u8,
    /// Name of the feed that says the same off the chain.
    pub feed: String,
    /// How far the two may be apart, in hundredths of a percent of the oracle's price.
    pub max_gap_bps: u32,
    /// How often they are compared.
    pub every_blocks: u64,
}

impl Config {
    pub(crate) fn limit_units(&self) -> Result<U256, ConfigError> {
        let wrong = |key: &str, message: &str| Err(ConfigError::at(key, message));
        if self.window_s == 0 {
            return wrong("window_s", "a window has at least one second");
        }
        if self.watch.is_empty() {
            return wrong("watch", "name at least one account");
        }
        if self.decimals > 36 {
            return wrong("decimals", "at most 36");
        }
        match &self.oracle {
            Some(oracle) if oracle.decimals > 18 => return wrong("oracle.decimals", "at most 18"),
            Some(oracle) if oracle.every_blocks == 0 => return wrong("oracle.every_blocks", "at least 1"),
            _ => {}
        }
        let decimals = self.oracle.as_ref().map_or(self.decimals, |oracle| oracle.decimals);
        self.limit.to_units(decimals).map_err(|error| ConfigError::at("limit", error.to_string()))
    }
}
