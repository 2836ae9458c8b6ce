//! What a deployment says of the chain: each address with what is to be there, and where that is written.

use alloy::primitives::{Address, Bytes};
use toml::Value;

use crate::app::config::Config;
use crate::block::ChainId;
use crate::plan::{AssetKind, AuthorityKind, Plan};

/// One thing that a deployment says of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stated {
    /// Where it is written.
    pub(super) place: Place,
    /// Chains on which it is to hold: on one of them, if there are several.
    pub(super) chains: Vec<ChainId>,
    /// The address that it is about.
    pub(super) address: Address,
    /// What is said of it.
    pub(super) says: Says,
}

/// A key of the config or of a plan's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Whether it stands in the config, and not in the plan.
    pub(super) in_config: bool,
    /// The path to the key.
    pub(super) path: Vec<String>,
}

/// What is said of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// It is watched. Most that is watched is a contract, and an account may be watched too.
    Watched,
    /// It is a contract.
    Contract,
    /// It is a contract whose amounts have so many decimals.
    Decimals(u8),
    /// It is a Safe of these owners, of whom so many must sign. No owner is named if they are not to be compared.
    Safe { owners: Vec<Address>, threshold: u32 },
    /// It is a timelock of this delay, seconds.
    Timelock { delay_s: u64 },
    /// It takes this call of `from`.
    Takes { from: Option<Address>, function: String, data: Bytes },
}

/// Keys whose tables list accounts: nobody expects code there.
const ACCOUNTS: [&str; 5] = ["accounts", "holders", "owners", "signers", "wallets"];
/// Keys that name an account beside the contract that a table is about.
const PEOPLE: [&str; 8] = ["account", "from", "guardian", "holder", "owner", "recipient", "sender", "signer"];

/// Returns what detectors' configs say of chains.
pub(super) fn by_config(config: &Config) -> Vec<Stated> {
    let mut all = Vec::new();
    for (id, detector) in &config.detectors {
        let mut reader = Reader { chains: config.chain_ids(detector), all: &mut all };
        let path = ["detector", id, "config"].map(str::to_owned).to_vec();
        reader.table(&detector.config, &path);
    }
    all
}

struct Reader<'a> {
    chains: Vec<ChainId>,
    all: &'a mut Vec<Stated>,
}

impl Reader<'_> {
    fn table(&mut self, table: &toml::Table, path: &[String]) {
        let decimals = table.get("decimals").and_then(Value::as_integer).and_then(|digits| u8::try_from(digits).ok());
        for (key, value) in table {
            let path = [path, std::slice::from_ref(key)].concat();
            match value {
                Value::String(text) if !PEOPLE.contains(&key.as_str()) => {
                    if let Some(address) = address(text) {
                        let says = decimals.map_or(Says::Watched, Says::Decimals);
                        let place = Place { in_config: true, path };
                        self.all.push(Stated { place, chains: self.chains.clone(), address, says });
                    }
                }
                other if !ACCOUNTS.contains(&key.as_str()) => self.inner(other, &path),
                _ => {}
            }
        }
    }

    fn inner(&mut self, value: &Value, path: &[String]) {
        match value {
            Value::Table(table) => self.table(table, path),
            Value::Array(all) => {
                for (index, one) in all.iter().enumerate() {
                    self.inner(one, &[path, &[index.to_string()]].concat());
                }
            }
            // A list of bare addresses says who is expected, not what is watched.
            _ => {}
        }
    }
}

/// Returns what a plan says of chains. `watched` are those that the config has.
pub(super) fn by_plan(plan: &Plan, watched: &[ChainId]) -> Vec<Stated> {
    let place = |path: &[&str]| Place { in_config: false, path: path.iter().map(|part| (*part).to_owned()).collect() };
    let mut all = Vec::new();
    let tables = plan.tables();
    for (id, authority) in &tables.authority {
        let (Some(chain), Some(address)) = (authority.chain, authority.address) else { continue };
        let says = match authority.kind {
            AuthorityKind::Safe => Says::Safe { owners: authority.owners.clone(), threshold: authority.threshold },
            AuthorityKind::Timelock => Says::Timelock { delay_s: authority.delay_s },
            AuthorityKind::Governor | AuthorityKind::AccessManager | AuthorityKind::OneShotSeal => Says::Contract,
            // A key has no code, and who can stop may be a key or a contract.
            AuthorityKind::Eoa | AuthorityKind::Guardian | AuthorityKind::OffChain => continue,
        };
        all.push(Stated { place: place(&["authority", id, "address"]), chains: vec![chain], address, says });
    }
    for (id, intervention) in &tables.intervention {
        let authority = tables.authority.get(&intervention.authority);
        let chains: Vec<ChainId> = match intervention.scope.chains.as_slice() {
            [] => authority.and_then(|authority| authority.chain).into_iter().collect(),
            some => some.to_vec(),
        };
        for (index, call) in intervention.calls.iter().enumerate() {
            let place = place(&["intervention", id, "calls", &index.to_string()]);
            let says = match call.data() {
                Some(data) => {
                    let from = authority.and_then(|authority| authority.address);
                    Says::Takes { from, function: call.function.clone(), data }
                }
                None => Says::Contract,
            };
            all.push(Stated { place, chains: chains.clone(), address: call.target, says });
        }
    }
    for (id, asset) in tables.asset.iter().filter(|(_, asset)| asset.kind == AssetKind::Token) {
        let Some(decimals) = asset.decimals else { continue };
        for address in asset.names.iter().filter_map(|name| address(name)) {
            let (place, says) = (place(&["asset", id, "decimals"]), Says::Decimals(decimals));
            all.push(Stated { place, chains: watched.to_vec(), address, says });
        }
    }
    all
}

fn address(text: &str) -> Option<Address> {
    text.strip_prefix("0x").filter(|digits| digits.len() == 40)?;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detectors_config_says_what_is_watched_and_with_which_decimals() {
        let of = |byte: u8| Address::repeat_byte(byte);
        let text = format!(
            "expected = ['{0}']\naccounts = [{{ address = '{0}' }}]\n\
             watch = [{{ address = '{1}', label = 'Vault', owner = '{0}' }}]\n\
             assets = [{{ address = '{2}', decimals = 6 }}, {{ address = 'native', decimals = 18 }}]\n",
            of(1),
            of(2),
            of(3),
        );
        let mut all = Vec::new();
        Reader { chains: vec![7], all: &mut all }.table(&text.parse().unwrap(), &["config".to_owned()]);
        let mut said: Vec<_> =
            all.iter().map(|one| (one.place.path.join("."), one.address, one.says.clone())).collect();
        said.sort_by(|(a, ..), (b, ..)| a.cmp(b));
        assert_eq!(
            said,
            [
                ("config.assets.0.address".to_owned(), of(3), Says::Decimals(6)),
                ("config.watch.0.address".to_owned(), of(2), Says::Watched),
            ]
        );
        assert!(all.iter().all(|one| one.chains == [7]));
    }
}
