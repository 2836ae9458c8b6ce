//! What the operator writes, and what it comes to.

use serde::Deserialize;
use watchfire_sdk::alloy_primitives::keccak256;
use watchfire_sdk::prelude::*;

use crate::convertToAssetsCall;

/// Which vaults and markets to watch.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Vaults and markets whose shares have a price.
    vaults: Vec<Vault>,
    /// How often each price is read, in blocks. A block in which a vault emits a log or is sent its asset is looked at in any case.
    #[serde(default = "default_check_every_blocks")]
    #[schemars(range(min = 1))]
    check_every_blocks: u64,
    /// Whether prices that answer differently within one transaction are looked for. Needs a node that gives traces.
    #[serde(default = "default_within_transactions")]
    within_transactions: bool,
}

/// A vault or a market.
#[derive(Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vault {
    /// The contract whose shares have a price.
    #[schemars(with = "schema::Address")]
    pub(crate) address: Address,
    /// What findings call it.
    pub(crate) label: String,
    /// EIP-155 id of its chain. Without it, it is looked for on each chain that the detector watches.
    #[serde(default)]
    pub(crate) chain: Option<u64>,
    /// `erc4626` for what `convertToAssets` says of one share, or a function without parameters that returns a number, such as
    /// `exchangeRateStored()` or `getPricePerFullShare()`.
    #[serde(default = "default_price")]
    pub(crate) price: String,
    /// Digits behind the point of a share.
    #[serde(default = "default_share_decimals")]
    #[schemars(range(max = 36))]
    pub(crate) share_decimals: u8,
    /// The token that shares stand for. With it, what is sent to the vault past its functions is told.
    #[serde(default)]
    #[schemars(with = "Option<schema::Address>")]
    pub(crate) asset: Option<Address>,
    /// Largest rise from one look to the next, in basis points.
    #[serde(default = "default_max_rise_bps")]
    pub(crate) max_rise_bps: u32,
    /// Largest fall from one look to the next, in basis points.
    #[serde(default)]
    pub(crate) max_fall_bps: u32,
    /// Fewer whole shares than this make a price that a gift can bend, such as `"1000"`.
    #[serde(default)]
    #[schemars(with = "Option<schema::Decimal>")]
    dust: Option<Decimal>,
}

fn default_check_every_blocks() -> u64 {
    1
}

fn default_within_transactions() -> bool {
    true
}

fn default_price() -> String {
    "erc4626".to_owned()
}

fn default_share_decimals() -> u8 {
    18
}

fn default_max_rise_bps() -> u32 {
    10
}

/// A vault, checked.
pub(crate) struct Watched {
    pub(crate) vault: Vault,
    /// The call that says the price.
    pub(crate) question: Vec<u8>,
    /// In smallest units of the share.
    pub(crate) dust: Option<U256>,
}

/// The config, checked.
pub(crate) struct Rules {
    pub(crate) vaults: Vec<Watched>,
    pub(crate) check_every_blocks: u64,
    pub(crate) within_transactions: bool,
}

impl Config {
    pub(crate) fn resolve(self) -> Result<Rules, ConfigError> {
        if self.check_every_blocks == 0 {
            return Err(ConfigError::at("check_every_blocks", "it must be at least 1"));
        }
        if self.vaults.is_empty() {
            return Err(ConfigError::at("vaults", "name at least one vault"));
        }
        let mut vaults: Vec<Watched> = Vec::new();
        for (at, vault) in self.vaults.into_iter().enumerate() {
            let wrong = |key: &str, message: String| Err(ConfigError::at(format!("vaults.{at}.{key}"), message));
            let is_same = |other: &Watched| other.vault.address == vault.address && other.vault.chain == vault.chain;
            if vaults.iter().any(is_same) {
                return wrong("address", "it is listed twice".to_owned());
            }
            if vault.share_decimals > 36 {
                return wrong("share_decimals", "a share has at most 36".to_owned());
            }
            if vault.max_fall_bps > 10_000 {
                return wrong("max_fall_bps", "a price falls by at most 10000".to_owned());
            }
            let Some(question) = question(&vault) else {
                let message = format!("`{}` is neither `erc4626` nor a function such as `getRate()`", vault.price);
                return wrong("price", message);
            };
            let dust = match vault.dust.map(|dust| dust.to_units(vault.share_decimals)) {
                Some(Err(error)) => return wrong("dust", error.to_string()),
                Some(Ok(dust)) => Some(dust),
                None => None,
            };
            vaults.push(Watched { vault, question, dust });
        }
        let (check_every_blocks, within_transactions) = (self.check_every_blocks, self.within_transactions);
        Ok(Rules { vaults, check_every_blocks, within_transactions })
    }
}

/// The call that says a vault's price; `None` where there is none of that name.
fn question(vault: &Vault) -> Option<Vec<u8>> {
    if vault.price == "erc4626" {
        let shares = U256::from(10).pow(U256::from(vault.share_decimals));
        return Some(convertToAssetsCall { shares }.abi_encode());
    }
    let name = vault.price.strip_suffix("()")?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let starts = name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
    (starts && name.bytes().all(is_name)).then(|| keccak256(&vault.price)[..4].to_vec())
}
