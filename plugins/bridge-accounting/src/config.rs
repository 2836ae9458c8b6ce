//! What the operator writes, and what it comes to.

use std::str::FromStr;

use serde::{Deserialize, Deserializer};
use watchfire_sdk::prelude::*;

/// Which bridges to hold to their accounts.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Bridges, one for each asset.
    bridges: Vec<BridgeConfig>,
    /// How often both sides are read, in blocks of each chain.
    #[serde(default = "default_check_every_blocks")]
    #[schemars(range(min = 1))]
    check_every_blocks: u64,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct BridgeConfig {
    /// What findings call it.
    name: String,
    /// Where the asset is locked.
    locked: Vec<Locked>,
    /// What was issued for it.
    minted: Vec<Minted>,
    /// How much more may be issued than is locked, in whole units, such as `"1000.5"`.
    #[serde(default)]
    #[schemars(with = "Option<schema::Decimal>")]
    tolerance: Option<Decimal>,
    /// How long more must be issued than is locked before it is told, in seconds: as much as the chains' clocks may differ.
    #[serde(default = "default_grace_s")]
    grace_s: u64,
    /// Longest that a side may go unread before nothing holds the bridge to its accounts, in seconds.
    #[serde(default = "default_stale_s")]
    #[schemars(range(min = 1))]
    stale_s: u64,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Locked {
    /// EIP-155 id of the chain.
    chain: u64,
    /// The contract that holds what is locked.
    #[schemars(with = "schema::Address")]
    holder: Address,
    /// The token's address, or `native` for the chain's own coin.
    #[schemars(regex(pattern = "^(native|0x[0-9a-fA-F]{40})$"), with = "String")]
    token: Asset,
    /// Digits behind the point of a whole unit.
    #[serde(default = "default_decimals")]
    #[schemars(range(max = 36))]
    decimals: u8,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Minted {
    /// EIP-155 id of the chain.
    chain: u64,
    /// The token that is issued.
    #[schemars(with = "schema::Address")]
    token: Address,
    /// Digits behind the point of a whole unit.
    #[serde(default = "default_decimals")]
    #[schemars(range(max = 36))]
    decimals: u8,
    /// Accounts of the bridge's own whose tokens are not issued yet.
    #[serde(default)]
    #[schemars(with = "Vec<schema::Address>")]
    unissued: Vec<Address>,
}

fn default_check_every_blocks() -> u64 {
    1
}

fn default_grace_s() -> u64 {
    30
}

fn default_stale_s() -> u64 {
    1_800
}

fn default_decimals() -> u8 {
    18
}

/// The chain's own coin or a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asset {
    Native,
    Token(Address),
}

impl<'de> Deserialize<'de> for Asset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "native" {
            return Ok(Asset::Native);
        }
        let wrong = |_| serde::de::Error::custom(format!("`{text}` is neither `native` nor an address"));
        Address::from_str(&text).map(Asset::Token).map_err(wrong)
    }
}

/// What is counted on a side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    /// A holder's balance.
    Held(Asset, Address),
    /// A token's supply, without what these hold.
    Issued(Address, Vec<Address>),
}

/// One amount on one chain.
pub(crate) struct Side {
    pub(crate) chain: u64,
    pub(crate) count: Count,
    /// Ten to the power of the digits that this side has fewer than the bridge.
    pub(crate) factor: U256,
}

impl Side {
    pub(crate) fn is_locked(&self) -> bool {
        matches!(self.count, Count::Held(..))
    }

    /// Whom findings name.
    pub(crate) fn address(&self) -> Address {
        match &self.count {
            Count::Held(_, holder) => *holder,
            Count::Issued(token, _) => *token,
        }
    }

    /// The token whose transfers change the amount.
    pub(crate) fn token(&self) -> Option<Address> {
        match &self.count {
            Count::Held(Asset::Token(token), _) | Count::Issued(token, _) => Some(*token),
            Count::Held(Asset::Native, _) => None,
        }
    }

    /// From whom a transfer makes the accounts worse: the holder pays out, or the token is issued.
    pub(crate) fn payer(&self) -> Address {
        match &self.count {
            Count::Held(_, holder) => *holder,
            Count::Issued(..) => Address::ZERO,
        }
    }
}

/// A bridge, checked.
pub(crate) struct Bridge {
    pub(crate) name: String,
    pub(crate) sides: Vec<Side>,
    /// Digits behind the point: the most that any side has.
    pub(crate) decimals: u8,
    /// In units of those digits.
    pub(crate) tolerance: U256,
    pub(crate) grace_s: u64,
    pub(crate) stale_s: u64,
}

/// The config, checked.
pub(crate) struct Rules {
    pub(crate) bridges: Vec<Bridge>,
    pub(crate) check_every_blocks: u64,
}

impl Config {
    pub(crate) fn resolve(self) -> Result<Rules, ConfigError> {
        if self.check_every_blocks == 0 {
            return Err(ConfigError::at("check_every_blocks", "it must be at least 1"));
        }
        if self.bridges.is_empty() {
            return Err(ConfigError::at("bridges", "name at least one bridge"));
        }
        let mut bridges: Vec<Bridge> = Vec::new();
        for (at, bridge) in self.bridges.into_iter().enumerate() {
            if bridges.iter().any(|other| other.name == bridge.name) {
                return Err(ConfigError::at(format!("bridges.{at}.name"), "another bridge has this name"));
            }
            let wrong = |(key, message): (&str, String)| ConfigError::at(format!("bridges.{at}.{key}"), message);
            bridges.push(bridge.resolve().map_err(wrong)?);
        }
        Ok(Rules { bridges, check_every_blocks: self.check_every_blocks })
    }
}

impl BridgeConfig {
    fn resolve(self) -> Result<Bridge, (&'static str, String)> {
        if self.locked.is_empty() {
            return Err(("locked", "name at least one holder of what is locked".to_owned()));
        }
        if self.minted.is_empty() {
            return Err(("minted", "name at least one token that is issued".to_owned()));
        }
        if self.stale_s == 0 {
            return Err(("stale_s", "it must be at least 1".to_owned()));
        }
        let of_locked = |it: Locked| (it.chain, it.decimals, Count::Held(it.token, it.holder));
        let of_minted = |it: Minted| (it.chain, it.decimals, Count::Issued(it.token, it.unissued));
        let locked: Vec<_> = self.locked.into_iter().map(of_locked).collect();
        let minted: Vec<_> = self.minted.into_iter().map(of_minted).collect();
        let is_fine = |side: &(u64, u8, Count)| side.1 <= 36;
        for (key, sides) in [("locked", &locked), ("minted", &minted)] {
            if !sides.iter().all(is_fine) {
                return Err((key, "an asset has at most 36 decimals".to_owned()));
            }
            let is_twice =
                |(at, side): (usize, &(u64, u8, Count))| sides[..at].iter().any(|it| it.0 == side.0 && it.2 == side.2);
            if sides.iter().enumerate().any(is_twice) {
                return Err((key, "one of them is listed twice".to_owned()));
            }
        }
        let decimals = locked.iter().chain(&minted).map(|side| side.1).max().unwrap_or_default();
        let side = |(chain, own, count): (u64, u8, Count)| {
            let factor = U256::from(10).pow(U256::from(decimals - own));
            Side { chain, count, factor }
        };
        let sides = locked.into_iter().chain(minted).map(side).collect();
        let tolerance = match self.tolerance.map(|tolerance| tolerance.to_units(decimals)) {
            Some(Err(error)) => return Err(("tolerance", error.to_string())),
            Some(Ok(tolerance)) => tolerance,
            None => U256::ZERO,
        };
        Ok(Bridge { name: self.name, sides, decimals, tolerance, grace_s: self.grace_s, stale_s: self.stale_s })
    }
}
