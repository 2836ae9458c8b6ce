//! What the operator writes, and what it comes to.

use hashbrown::HashMap;
use serde::Deserialize;
use watchfire_sdk::Key;
use watchfire_sdk::flow::{Money, Prices};
use watchfire_sdk::prelude::*;

/// Whose keys are watched. Everything has a default.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Accounts whose keys are in good hands: deployers, keepers, hot wallets, signers.
    #[serde(default)]
    accounts: Vec<Account>,
    /// Accounts that may be sent everything: treasuries, cold wallets, addresses of exchanges.
    #[serde(default)]
    #[schemars(with = "Vec<schema::Address>")]
    expected: Vec<Address>,
    /// Tokens that are money beside those that are known.
    #[serde(default)]
    assets: Vec<AssetConfig>,
    /// Which part of an asset must leave an account for it to be emptied, in percent.
    #[serde(default = "default_share_percent")]
    #[schemars(range(min = 1, max = 100))]
    share_percent: u64,
    /// Smallest amount that counts as money of a watched account, in multiples of about 10,000 dollars.
    #[serde(default = "default_min_floors")]
    min_floors: f64,
    /// How long emptied accounts of the config's belong together, in seconds of chain time.
    #[serde(default = "default_window_s")]
    #[schemars(range(min = 1))]
    window_s: u64,
    /// How many accounts of anybody's, emptied into one that held nothing, are told; 0 turns it off.
    #[serde(default = "default_swept")]
    #[schemars(range(max = 64))]
    swept: usize,
    /// How long these belong together, in seconds of chain time.
    #[serde(default = "default_swept_window_s")]
    #[schemars(range(min = 1))]
    swept_window_s: u64,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Account {
    /// The account.
    #[schemars(with = "schema::Address")]
    address: Address,
    /// What findings call it.
    label: String,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct AssetConfig {
    /// EIP-155 id of its chain.
    chain: u64,
    /// The token.
    #[schemars(with = "schema::Address")]
    address: Address,
    /// What people call it.
    symbol: String,
    /// Digits behind the point of a whole unit.
    #[schemars(range(max = 36))]
    decimals: u8,
    /// How many whole units are worth about 10,000 dollars.
    floor: f64,
}

fn default_share_percent() -> u64 {
    90
}

fn default_min_floors() -> f64 {
    0.1
}

fn default_window_s() -> u64 {
    3_600
}

fn default_swept() -> usize {
    10
}

fn default_swept_window_s() -> u64 {
    600
}

/// The config, checked.
pub(crate) struct Rules {
    pub(crate) prices: Prices,
    labels: HashMap<Key<20>, String>,
    /// Watched accounts, in the order of the config.
    pub(crate) accounts: Vec<Address>,
    expected: Vec<Address>,
    pub(crate) share_percent: u64,
    pub(crate) min_floors: f64,
    pub(crate) window_s: u64,
    pub(crate) swept: usize,
    pub(crate) swept_window_s: u64,
}

impl Config {
    pub(crate) fn resolve(self) -> Result<Rules, ConfigError> {
        if !(1..=100).contains(&self.share_percent) {
            return Err(ConfigError::at("share_percent", "it must be from 1 to 100"));
        }
        if !(self.min_floors > 0.0 && self.min_floors.is_finite()) {
            return Err(ConfigError::at("min_floors", "it must be above zero"));
        }
        for (key, span_s) in [("window_s", self.window_s), ("swept_window_s", self.swept_window_s)] {
            if span_s == 0 {
                return Err(ConfigError::at(key, "a window has at least one second"));
            }
        }
        if self.swept == 1 || self.swept > 64 {
            return Err(ConfigError::at("swept", "from 2 to 64 accounts are a sweep, and 0 turns it off"));
        }
        if self.swept == 0 && self.accounts.is_empty() {
            return Err(ConfigError::at("accounts", "without any, only `swept` can find something: set one of them"));
        }
        let mut prices = Prices::shipped();
        for (at, asset) in self.assets.iter().enumerate() {
            let wrong = |key: &str, message: &str| Err(ConfigError::at(format!("assets.{at}.{key}"), message));
            if asset.decimals > 36 {
                return wrong("decimals", "an asset has at most 36");
            }
            if !(asset.floor > 0.0 && asset.floor.is_finite()) {
                return wrong("floor", "it must be above zero");
            }
            prices.set(asset.chain, asset.address, &asset.symbol, asset.decimals, asset.floor, Money::Other);
        }
        let (mut labels, mut accounts) = (HashMap::new(), Vec::new());
        for (at, account) in self.accounts.into_iter().enumerate() {
            if labels.insert(Key(account.address.into_array()), account.label).is_some() {
                return Err(ConfigError::at(format!("accounts.{at}.address"), "it is watched twice"));
            }
            accounts.push(account.address);
        }
        Ok(Rules {
            prices,
            labels,
            accounts,
            expected: self.expected,
            share_percent: self.share_percent,
            min_floors: self.min_floors,
            window_s: self.window_s,
            swept: self.swept,
            swept_window_s: self.swept_window_s,
        })
    }
}

impl Rules {
    /// What a watched account is called; `None` where it is not watched.
    pub(crate) fn label(&self, account: &Address) -> Option<&str> {
        self.labels.get(&Key(account.into_array())).map(String::as_str)
    }

    /// Whether an account may be sent everything.
    pub(crate) fn is_expected(&self, account: &Address) -> bool {
        account.is_zero() || self.expected.contains(account) || self.label(account).is_some()
    }

    /// Whether what is left beside what was sent means that an account was emptied.
    pub(crate) fn is_emptied(&self, sent: U256, left: U256) -> bool {
        let held = sent.saturating_add(left);
        sent.saturating_mul(U256::from(100)) >= held.saturating_mul(U256::from(self.share_percent))
    }
}
