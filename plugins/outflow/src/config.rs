//! What the operator writes, and what it comes to.

use std::str::FromStr;

use hashbrown::{HashMap, HashSet};
use serde::{Deserialize, Deserializer};
use watchfire_sdk::Key;
use watchfire_sdk::prelude::*;

/// Which outflows to find.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Accounts and contracts whose outflow is watched.
    watch: Vec<Watch>,
    /// Assets that count. Without any, every ERC-20 token counts, by `history_multiple` alone.
    #[serde(default)]
    assets: Vec<Asset>,
    /// Length of the sliding window, in seconds of chain time.
    #[schemars(range(min = 1))]
    window_s: u64,
    /// How many times the mean outflow of past windows is unusual, such as `5` or `"2.5"`. Without it, only limits
    /// are checked.
    #[serde(default)]
    #[schemars(with = "Option<schema::Decimal>")]
    history_multiple: Option<Decimal>,
    /// How many past windows with an outflow make the mean. Fewer than three so far are no history yet.
    #[serde(default = "default_history_windows")]
    #[schemars(range(min = 3, max = 1000))]
    history_windows: u32,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Watch {
    /// The account or contract.
    #[schemars(with = "schema::Address")]
    address: Address,
    /// What findings call it.
    label: String,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Asset {
    /// The token's address, or `native` for the chain's own coin, which is watched by traces.
    #[schemars(regex(pattern = "^(native|0x[0-9a-fA-F]{40})$"), with = "String")]
    address: AssetId,
    /// What findings call it.
    symbol: String,
    /// Digits behind the point of a whole unit.
    #[schemars(range(max = 36))]
    decimals: u8,
    /// Largest net outflow within the window, in whole units, such as `"250000.5"`. Without it, the asset is watched
    /// by `history_multiple` alone.
    #[serde(default)]
    #[schemars(with = "Option<schema::Decimal>")]
    limit: Option<Decimal>,
    /// Whether the token wraps the chain's coin, so that its `Deposit` and `Withdrawal` are flows. Known of the wrapped coins of
    /// many chains.
    #[serde(default)]
    wraps_native: bool,
}

fn default_history_windows() -> u32 {
    24
}

/// An asset: the chain's own coin or a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AssetId {
    /// The chain's own coin.
    Native,
    /// A token's contract.
    Token(Address),
}

impl AssetId {
    /// The token's address; no token is at the address of zeros.
    fn key(self) -> Key<20> {
        match self {
            AssetId::Native => Key([0; 20]),
            AssetId::Token(address) => Key(address.into_array()),
        }
    }
}

impl AssetId {
    /// Whether it is known to wrap its chain's coin.
    fn wraps_native(self) -> bool {
        matches!(self, AssetId::Token(token) if watchfire_sdk::flow::Prices::wraps_native(&token))
    }
}

impl std::fmt::Display for AssetId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            AssetId::Native => f.write_str("native"),
            AssetId::Token(address) => write!(f, "{address}"),
        }
    }
}

impl<'de> Deserialize<'de> for AssetId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "native" {
            return Ok(AssetId::Native);
        }
        Address::from_str(&text)
            .map(AssetId::Token)
            .map_err(|_| serde::de::Error::custom(format!("`{text}` is neither `native` nor an address")))
    }
}

/// A watched address.
pub(crate) struct Watched {
    pub(crate) address: Address,
    pub(crate) label: String,
}

/// An asset that counts.
pub(crate) struct Tracked {
    pub(crate) id: AssetId,
    pub(crate) symbol: String,
    pub(crate) decimals: u8,
    /// In smallest units.
    pub(crate) limit: Option<U256>,
    pub(crate) wraps_native: bool,
}

/// When an outflow is unusual.
pub(crate) struct HistoryRule {
    pub(crate) multiple: Decimal,
    pub(crate) windows: usize,
    pub(crate) window_s: u64,
}

/// The config, checked.
pub(crate) struct Rules {
    pub(crate) watched: Vec<Watched>,
    positions: HashMap<Key<20>, u32>,
    /// Empty where every token counts.
    assets: HashMap<Key<20>, Tracked>,
    pub(crate) window_s: u64,
    pub(crate) history: Option<HistoryRule>,
}

impl Config {
    pub(crate) fn resolve(self) -> Result<Rules, ConfigError> {
        if self.window_s == 0 {
            return Err(ConfigError::at("window_s", "a window has at least one second"));
        }
        if self.watch.is_empty() {
            return Err(ConfigError::at("watch", "name at least one address"));
        }
        if self.history_multiple.is_some_and(|multiple| multiple.is_negative() || multiple.is_zero()) {
            return Err(ConfigError::at("history_multiple", "it must be above zero"));
        }
        if !(3..=1_000).contains(&self.history_windows) {
            return Err(ConfigError::at("history_windows", "between 3 and 1000 windows make a history"));
        }
        if self.assets.is_empty() && self.history_multiple.is_none() {
            return Err(ConfigError::at(
                "assets",
                "without any asset only `history_multiple` can find something: set one of them",
            ));
        }
        let (mut watched, mut seen) = (Vec::new(), HashSet::new());
        for (at, watch) in self.watch.into_iter().enumerate() {
            if !seen.insert(watch.address) {
                return Err(ConfigError::at(format!("watch.{at}.address"), "it is watched twice"));
            }
            watched.push(Watched { address: watch.address, label: watch.label });
        }
        let positions = watched.iter().zip(0..).map(|(watched, at)| (Key(watched.address.into_array()), at)).collect();
        let mut assets: Vec<Tracked> = Vec::new();
        for (at, asset) in self.assets.into_iter().enumerate() {
            let wrong = |key: &str, message: String| Err(ConfigError::at(format!("assets.{at}.{key}"), message));
            if assets.iter().any(|known: &Tracked| known.id == asset.address) {
                return wrong("address", "it is listed twice".to_owned());
            }
            if asset.decimals > 36 {
                return wrong("decimals", "an asset has at most 36".to_owned());
            }
            if asset.limit.is_none() && self.history_multiple.is_none() {
                return wrong("limit", "without a limit only `history_multiple` can find something".to_owned());
            }
            let limit = match asset.limit.map(|limit| limit.to_units(asset.decimals)) {
                Some(Err(error)) => return wrong("limit", error.to_string()),
                Some(Ok(limit)) => Some(limit),
                None => None,
            };
            let wraps_native = asset.wraps_native || asset.address.wraps_native();
            let Asset { address: id, symbol, decimals, .. } = asset;
            assets.push(Tracked { id, symbol, decimals, limit, wraps_native });
        }
        let assets = assets.into_iter().map(|asset| (asset.id.key(), asset)).collect();
        let (windows, window_s) = (self.history_windows as usize, self.window_s);
        let history = self.history_multiple.map(|multiple| HistoryRule { multiple, windows, window_s });
        Ok(Rules { watched, positions, assets, window_s, history })
    }
}

impl Rules {
    /// The tokens that count; `None` where all do.
    pub(crate) fn tokens(&self) -> Option<Vec<Address>> {
        let token = |asset: &Tracked| match asset.id {
            AssetId::Token(address) => Some(address),
            AssetId::Native => None,
        };
        let sorted = || {
            let mut tokens: Vec<Address> = self.assets.values().filter_map(token).collect();
            tokens.sort_unstable();
            tokens
        };
        (!self.counts_any()).then(sorted)
    }

    /// Of these, those whose `Deposit` and `Withdrawal` are flows.
    pub(crate) fn wrapped(&self) -> Vec<Address> {
        let token = |asset: &Tracked| match asset.id {
            AssetId::Token(address) if asset.wraps_native => Some(address),
            _ => None,
        };
        let mut tokens: Vec<Address> = self.assets.values().filter_map(token).collect();
        tokens.sort_unstable();
        tokens
    }

    pub(crate) fn watches_native(&self) -> bool {
        self.tracked(AssetId::Native).is_some()
    }

    pub(crate) fn counts_any(&self) -> bool {
        self.assets.is_empty()
    }

    pub(crate) fn tracked(&self, id: AssetId) -> Option<&Tracked> {
        self.assets.get(&id.key())
    }

    /// The position of a watched address.
    pub(crate) fn position(&self, address: &Address) -> Option<u32> {
        self.positions.get(&Key(address.into_array())).copied()
    }
}
