//! What the operator writes, and what it comes to.

use serde::Deserialize;
use watchfire_sdk::prelude::*;

/// Which contracts to watch, and what is expected.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Contracts whose control is watched.
    watch: Vec<Watch>,
    /// Owners, role holders, implementations, modules and delegatecall targets that are expected: a change to one of
    /// them is told with severity `info`.
    #[serde(default)]
    #[schemars(with = "Vec<schema::Address>")]
    expected: Vec<Address>,
    /// Whether to watch the storage slots of proxies too, which finds upgrades that emit no event. Needs a node that
    /// gives storage changes.
    #[serde(default)]
    watch_slots: bool,
    /// Whether to watch for delegatecalls that Safes make. Needs a node that gives traces.
    #[serde(default)]
    watch_delegatecalls: bool,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Watch {
    /// The contract.
    #[schemars(with = "schema::Address")]
    address: Address,
    /// What findings call it.
    label: String,
    /// What it is. All events are watched whatever it is; `safe` and `unitroller` also watch the
    /// slots of their own code and admin, which have low numbers.
    #[serde(default)]
    kind: Kind,
}

/// What a watched contract is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Anything.
    #[default]
    Contract,
    /// It has an owner.
    Ownable,
    /// It has roles.
    AccessControl,
    /// It runs another contract's code.
    Proxy,
    /// Compound's Comptroller, and those modelled on it.
    Unitroller,
    /// A multi-signature account by Safe.
    Safe,
    /// It acts after a delay.
    Timelock,
    /// It can be paused.
    Pausable,
}

/// A watched contract.
pub(crate) struct Watched {
    pub(crate) address: Address,
    pub(crate) label: String,
    pub(crate) kind: Kind,
}

/// The config, checked.
pub(crate) struct Rules {
    /// In order of address.
    pub(crate) watched: Vec<Watched>,
    expected: Vec<Address>,
    pub(crate) watch_slots: bool,
    pub(crate) watch_delegatecalls: bool,
}

impl Config {
    pub(crate) fn resolve(self) -> Result<Rules, ConfigError> {
        if self.watch.is_empty() {
            return Err(ConfigError::at("watch", "name at least one contract"));
        }
        let mut watched: Vec<Watched> = Vec::with_capacity(self.watch.len());
        for (at, watch) in self.watch.into_iter().enumerate() {
            if watched.iter().any(|known| known.address == watch.address) {
                return Err(ConfigError::at(format!("watch.{at}.address"), "it is watched twice"));
            }
            watched.push(Watched { address: watch.address, label: watch.label, kind: watch.kind });
        }
        watched.sort_by_key(|watched| watched.address);
        let (watch_slots, watch_delegatecalls) = (self.watch_slots, self.watch_delegatecalls);
        Ok(Rules { watched, expected: self.expected, watch_slots, watch_delegatecalls })
    }
}

impl Rules {
    pub(crate) fn watched(&self, address: Address) -> Option<&Watched> {
        self.watched.binary_search_by_key(&address, |watched| watched.address).ok().map(|at| &self.watched[at])
    }

    pub(crate) fn is_expected(&self, address: Address) -> bool {
        self.expected.contains(&address)
    }
}
