//! What the operator may write, and what it comes to. Nothing of it is needed.

use std::collections::BTreeMap;

use hashbrown::HashSet;
use serde::Deserialize;
use watchfire_sdk::Key;
use watchfire_sdk::flow::{Money, Party, Prices, Transaction};
use watchfire_sdk::prelude::*;

use crate::rules::ALL;

/// Which detectors run, and what is no surprise. Everything has a default.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Detectors that are switched off, by name, such as `unearned-gain`.
    #[serde(default)]
    off: Vec<String>,
    /// Contracts that no finding is about: hubs that call back by design, tokens that rebase.
    #[serde(default)]
    #[schemars(with = "Vec<schema::Address>")]
    ignore: Vec<Address>,
    /// Own bots, keepers and treasuries, as sender or recipient: what these gain is theirs.
    #[serde(default)]
    #[schemars(with = "Vec<schema::Address>")]
    known: Vec<Address>,
    /// More assets that are money, beside those that are shipped.
    #[serde(default)]
    assets: Vec<AssetConfig>,
    /// By how many basis points a price must jump within a transaction.
    #[serde(default = "default_price_jump_bps")]
    price_jump_bps: u32,
    /// By how many basis points any other view of one word must jump.
    #[serde(default = "default_view_jump_bps")]
    view_jump_bps: u32,
    /// Least sum that is pulled from third parties, in floors of 10,000 dollars.
    #[serde(default = "default_pull_floors")]
    pull_floors: f64,
    /// Least gain after a loan, with nothing but trades, in floors: medium from here.
    #[serde(default = "default_flash_floors")]
    flash_floors: f64,
    /// And high from here.
    #[serde(default = "default_flash_high_floors")]
    flash_high_floors: f64,
    /// Least gain through a contract of one's own that spends nothing, in floors.
    #[serde(default = "default_large_floors")]
    large_floors: f64,
    /// Least share of what a contract holds that must leave at once, in percent. Needs `chain`.
    #[serde(default = "default_share_percent")]
    #[schemars(range(min = 1, max = 100))]
    share_percent: u32,
    /// Least value that must leave at once before its share is asked for, in floors.
    #[serde(default = "default_share_floors")]
    share_floors: f64,
    /// Least share of a token's supply that must be minted at once, in percent. Needs `chain`.
    #[serde(default = "default_mint_percent")]
    #[schemars(range(min = 1, max = 100))]
    mint_percent: u32,
    /// Addresses that are watched for in the code of new contracts: an attack names its victim.
    #[serde(default)]
    #[schemars(with = "Vec<schema::Address>")]
    protect: Vec<Address>,
    /// More mixers, beside those that are shipped: who is paid by one is fresh money.
    #[serde(default)]
    #[schemars(with = "Vec<schema::Address>")]
    mixers: Vec<Address>,
    /// Share of the product of a pair's reserves, in percent, that must be left.
    #[serde(default = "default_reserves_left_percent")]
    #[schemars(range(min = 1, max = 100))]
    reserves_left_percent: u32,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct AssetConfig {
    /// EIP-155 id of the chain.
    chain: u64,
    /// The token.
    #[schemars(with = "schema::Address")]
    address: Address,
    /// What findings call it.
    symbol: String,
    /// Digits behind the point of a whole unit.
    #[schemars(range(max = 36))]
    decimals: u8,
    /// How many whole units are worth 10,000 dollars.
    floor: f64,
    /// What kind of money it is.
    money: Money,
}

fn default_price_jump_bps() -> u32 {
    700
}
fn default_view_jump_bps() -> u32 {
    3_000
}
fn default_pull_floors() -> f64 {
    0.3
}
fn default_flash_floors() -> f64 {
    3.0
}
fn default_flash_high_floors() -> f64 {
    7.0
}
fn default_large_floors() -> f64 {
    5.0
}
fn default_mint_percent() -> u32 {
    10
}
fn default_share_percent() -> u32 {
    30
}
fn default_share_floors() -> f64 {
    10.0
}
fn default_reserves_left_percent() -> u32 {
    95
}

/// Pools of Tornado Cash for 0.1, 1, 10 and 100 ether.
const MIXERS: [Address; 4] = [
    address!("0x12d66f87a04a9e220743712ce6d9bb1b5616b8fc"),
    address!("0x47ce0c6ed5b0ce3d3a51fdb1c52dc66a7c3c2936"),
    address!("0x910cbd523d972eb0a6f4cae4618ad62622b39dbf"),
    address!("0xa160cdab225685da1d56aa342ad8841c3b53f291"),
];

/// The config, checked.
pub(crate) struct Rules {
    pub(crate) on: Vec<usize>,
    ignore: HashSet<Key<20>>,
    known: HashSet<Key<20>>,
    pub(crate) price_jump: f64,
    pub(crate) view_jump: f64,
    pub(crate) pull_floors: f64,
    pub(crate) flash_floors: f64,
    pub(crate) flash_high_floors: f64,
    pub(crate) large_floors: f64,
    pub(crate) share: f64,
    pub(crate) share_floors: f64,
    pub(crate) mint_share: f64,
    pub(crate) protect: Vec<Address>,
    pub(crate) mixers: HashSet<Key<20>>,
    pub(crate) reserves_left: f64,
}

impl Config {
    pub(crate) fn resolve(self) -> Result<(Rules, Prices), ConfigError> {
        for (at, name) in self.off.iter().enumerate() {
            if !ALL.iter().any(|rule| rule.name == name) {
                let names: Vec<&str> = ALL.iter().map(|rule| rule.name).collect();
                let message = format!("there is no detector `{name}`; there are {}", names.join(", "));
                return Err(ConfigError::at(format!("off.{at}"), message));
            }
        }
        let positive = [
            ("pull_floors", self.pull_floors),
            ("flash_floors", self.flash_floors),
            ("flash_high_floors", self.flash_high_floors),
            ("large_floors", self.large_floors),
            ("share_floors", self.share_floors),
        ];
        for (key, value) in positive {
            if !(value > 0.0 && value.is_finite()) {
                return Err(ConfigError::at(key, "it must be above zero"));
            }
        }
        if !(1..=100).contains(&self.share_percent) {
            return Err(ConfigError::at("share_percent", "it must be from 1 to 100"));
        }
        if !(1..=100).contains(&self.reserves_left_percent) {
            return Err(ConfigError::at("reserves_left_percent", "it must be from 1 to 100"));
        }
        let mut prices = Prices::shipped();
        let mut seen = BTreeMap::new();
        for (at, asset) in self.assets.iter().enumerate() {
            if asset.decimals > 36 {
                return Err(ConfigError::at(format!("assets.{at}.decimals"), "an asset has at most 36"));
            }
            if !(asset.floor > 0.0 && asset.floor.is_finite()) {
                return Err(ConfigError::at(format!("assets.{at}.floor"), "it must be above zero"));
            }
            if seen.insert((asset.chain, asset.address), at).is_some() {
                return Err(ConfigError::at(format!("assets.{at}.address"), "it is listed twice"));
            }
            prices.set(asset.chain, asset.address, &asset.symbol, asset.decimals, asset.floor, asset.money);
        }
        let is_on = |at: &usize| !self.off.iter().any(|name| name == ALL[*at].name);
        let keys = |addresses: Vec<Address>| addresses.into_iter().map(|it| Key(it.into_array())).collect();
        let rules = Rules {
            on: (0..ALL.len()).filter(is_on).collect(),
            ignore: keys(self.ignore),
            known: keys(self.known),
            price_jump: 1.0 + f64::from(self.price_jump_bps) / 10_000.0,
            view_jump: 1.0 + f64::from(self.view_jump_bps) / 10_000.0,
            pull_floors: self.pull_floors,
            flash_floors: self.flash_floors,
            flash_high_floors: self.flash_high_floors,
            large_floors: self.large_floors,
            share: f64::from(self.share_percent) / 100.0,
            share_floors: self.share_floors,
            mint_share: f64::from(self.mint_percent) / 100.0,
            protect: self.protect,
            mixers: self.mixers.into_iter().chain(MIXERS).map(|it| Key(it.into_array())).collect(),
            reserves_left: f64::from(self.reserves_left_percent) / 100.0,
        };
        Ok((rules, prices))
    }
}

impl Rules {
    /// Whether no finding is about this contract.
    pub(crate) fn ignores(&self, tx: &Transaction<'_>, party: Party) -> bool {
        !self.ignore.is_empty() && self.ignore.contains(&Key(tx.parties.address(party).into_array()))
    }

    /// Whether it is a mixer.
    pub(crate) fn is_mixer(&self, tx: &Transaction<'_>, party: Party) -> bool {
        self.mixers.contains(&Key(tx.parties.address(party).into_array()))
    }

    /// Whether sender or recipient are the operator's own.
    pub(crate) fn knows(&self, tx: &Transaction<'_>) -> bool {
        let is_known = |party| self.known.contains(&Key(tx.parties.address(party).into_array()));
        !self.known.is_empty() && (is_known(tx.sender()) || is_known(tx.root().target))
    }
}
