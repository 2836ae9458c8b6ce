//! Calls and logs as people read them, by the signatures of the plan's calls and by those that everybody knows.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, I256, U256, hex, keccak256};

use super::{Asset, AssetKind, Plan, grouped};

/// Functions of tokens, vaults, access control, proxies and Safes.
const FUNCTIONS: [&str; 23] = [
    "transfer(address to,uint256 amount)",
    "transferFrom(address from,address to,uint256 amount)",
    "approve(address spender,uint256 amount)",
    "mint(address to,uint256 amount)",
    "burn(address from,uint256 amount)",
    "deposit(uint256 assets,address receiver)",
    "withdraw(uint256 assets,address receiver,address owner)",
    "redeem(uint256 shares,address receiver,address owner)",
    "transferOwnership(address owner)",
    "acceptOwnership()",
    "renounceOwnership()",
    "grantRole(bytes32 role,address account)",
    "revokeRole(bytes32 role,address account)",
    "renounceRole(bytes32 role,address account)",
    "pause()",
    "unpause()",
    "upgradeTo(address implementation)",
    "upgradeToAndCall(address implementation,bytes data)",
    "changeAdmin(address admin)",
    "addOwnerWithThreshold(address owner,uint256 threshold)",
    "swapOwner(address before,address from,address to)",
    "changeThreshold(uint256 threshold)",
    "enableModule(address module)",
];

/// Events of the same.
const EVENTS: [&str; 12] = [
    "Transfer(address indexed from,address indexed to,uint256 amount)",
    "Approval(address indexed owner,address indexed spender,uint256 amount)",
    "Deposit(address indexed sender,address indexed owner,uint256 assets,uint256 shares)",
    "Withdraw(address indexed sender,address indexed receiver,address indexed owner,uint256 assets,uint256 shares)",
    "OwnershipTransferred(address indexed from,address indexed to)",
    "OwnershipTransferStarted(address indexed from,address indexed to)",
    "RoleGranted(bytes32 indexed role,address indexed account,address indexed sender)",
    "RoleRevoked(bytes32 indexed role,address indexed account,address indexed sender)",
    "Paused(address by)",
    "Unpaused(address by)",
    "Upgraded(address indexed implementation)",
    "AdminChanged(address from,address to)",
];

/// The signatures that are known, and the tokens of a plan, in whose units amounts are read.
#[derive(Clone, Debug)]
pub struct Abis<'p> {
    plan: &'p Plan,
    functions: BTreeMap<[u8; 4], Signature>,
    events: BTreeMap<B256, Signature>,
}

#[derive(Clone, Debug)]
struct Signature {
    name: String,
    params: Vec<Param>,
}

#[derive(Clone, Debug)]
struct Param {
    kind: String,
    name: String,
    is_indexed: bool,
}

impl<'p> Abis<'p> {
    /// Returns what is known under a plan.
    pub fn of(plan: &'p Plan) -> Self {
        let calls = plan.tables().intervention.values().flat_map(|one| &one.calls).map(|call| call.function.as_str());
        let mut functions = BTreeMap::new();
        for signature in FUNCTIONS.into_iter().chain(calls).filter_map(Signature::read) {
            let hash = signature.hash();
            functions.entry([hash[0], hash[1], hash[2], hash[3]]).or_insert(signature);
        }
        let events = EVENTS.into_iter().filter_map(Signature::read).map(|signature| (signature.hash(), signature));
        Self { plan, functions, events: events.collect() }
    }

    /// Returns a call, as `USDC.transfer(to=0x…, amount=1,250 USDC)`; `None` if its function is not known.
    pub fn call(&self, target: Address, input: &[u8]) -> Option<String> {
        let signature = self.functions.get(input.get(..4)?)?;
        let mut words = input[4..].chunks_exact(32).map(B256::from_slice);
        let values: Option<Vec<B256>> = signature.params.iter().map(|_| words.next()).collect();
        Some(self.said(target, signature, &values?))
    }

    /// Returns a log in the same way; `None` if its event is not known, or not of that shape.
    pub fn log(&self, emitter: Address, topics: &[B256], data: &[u8]) -> Option<String> {
        let (first, rest) = topics.split_first()?;
        let signature = self.events.get(first)?;
        if signature.params.iter().filter(|param| param.is_indexed).count() != rest.len() {
            return None;
        }
        let (mut indexed, mut words) = (rest.iter().copied(), data.chunks_exact(32).map(B256::from_slice));
        let value = |param: &Param| if param.is_indexed { indexed.next() } else { words.next() };
        let values: Option<Vec<B256>> = signature.params.iter().map(value).collect();
        Some(self.said(emitter, signature, &values?))
    }

    fn said(&self, contract: Address, signature: &Signature, values: &[B256]) -> String {
        let token = self.token(contract);
        let arg = |(param, word): (&Param, &B256)| {
            let value = self.value(param, *word, token);
            if param.name.is_empty() { value } else { format!("{}={value}", param.name) }
        };
        let args: Vec<String> = signature.params.iter().zip(values).map(arg).collect();
        format!("{}.{}({})", self.named(contract), signature.name, args.join(", "))
    }

    /// An argument of one word. What takes more, as `bytes`, is not shown: it has its offset in the word's place.
    fn value(&self, param: &Param, word: B256, token: Option<&Asset>) -> String {
        let kind = param.kind.as_str();
        if kind.ends_with(']') || ["bytes", "string"].contains(&kind) {
            return "…".to_owned();
        }
        if kind == "address" {
            return self.named(Address::from_word(word));
        }
        if kind == "bool" {
            return (!word.is_zero()).to_string();
        }
        if kind.starts_with("uint") {
            let value = U256::from_be_bytes(word.0);
            return match (token, u128::try_from(value)) {
                (Some(token), Ok(amount)) if param.name == "amount" => token.text(amount),
                _ if value == U256::MAX => "all there is".to_owned(),
                _ => grouped(&value.to_string()),
            };
        }
        if kind.starts_with("int") {
            return I256::from_be_bytes(word.0).to_string();
        }
        let length = kind.strip_prefix("bytes").and_then(|length| length.parse().ok()).unwrap_or(32_usize);
        hex::encode_prefixed(&word[..length.min(32)])
    }

    fn named(&self, address: Address) -> String {
        self.token(address).and_then(|token| token.symbol.clone()).unwrap_or_else(|| address.to_string())
    }

    fn token(&self, address: Address) -> Option<&'p Asset> {
        let is_it = |asset: &&Asset| {
            asset.kind == AssetKind::Token
                && asset.names.iter().any(|name| name.parse::<Address>().is_ok_and(|known| known == address))
        };
        self.plan.tables().asset.values().find(is_it)
    }
}

impl Signature {
    /// Reads `name(type [indexed] [name],…)`; `None` of those with tuples, whose arguments are no row of words.
    fn read(text: &str) -> Option<Self> {
        let (name, params) = text.strip_suffix(')')?.split_once('(')?;
        if params.contains('(') {
            return None;
        }
        let param = |text: &str| {
            let mut parts = text.split_whitespace();
            let kind = parts.next()?.to_owned();
            let rest: Vec<&str> = parts.collect();
            // An array of a fixed length stands in the row by itself.
            let is_fixed = kind.ends_with(']') && !kind.ends_with("[]");
            let name = rest.last().filter(|last| **last != "indexed").map(|last| (*last).to_owned());
            (!is_fixed).then(|| Param { kind, name: name.unwrap_or_default(), is_indexed: rest.contains(&"indexed") })
        };
        let params = params.split(',').filter(|param| !param.trim().is_empty()).map(param).collect::<Option<_>>()?;
        Some(Self { name: name.trim().to_owned(), params })
    }

    fn hash(&self) -> B256 {
        let kinds: Vec<&str> = self.params.iter().map(|param| param.kind.as_str()).collect();
        keccak256(format!("{}({})", self.name, kinds.join(",")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Call;

    const TOKEN: Address = Address::repeat_byte(0xaa);

    fn plan() -> Plan {
        let text = format!(
            "{}\n[asset.usdc]\nnames = [\"{TOKEN}\"]\nsymbol = \"USDC\"\ndecimals = 6\n",
            include_str!("../drill/tests/harbor.toml")
        );
        let files = [("plan.toml".to_owned(), text)];
        Plan::load(&files).unwrap_or_else(|found| panic!("{found:?}"))
    }

    fn data(function: &str, args: &[&str]) -> Vec<u8> {
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        let call = Call { target: TOKEN, function: function.to_owned(), args };
        call.data().unwrap_or_default().to_vec()
    }

    #[test]
    fn calls_and_logs_are_said_in_units_and_names() {
        let plan = plan();
        let abis = Abis::of(&plan);
        let to = Address::repeat_byte(0xbb);
        let transfer = data("transfer(address,uint256)", &[&to.to_string(), "1250000000"]);
        assert_eq!(abis.call(TOKEN, &transfer), Some(format!("USDC.transfer(to={to}, amount=1,250 USDC)")));
        let elsewhere = abis.call(to, &transfer).unwrap_or_default();
        assert!(elsewhere.ends_with("amount=1,250,000,000)"), "of another token the units are not known: {elsewhere}");
        let approve = data("approve(address,uint256)", &[&to.to_string(), &U256::MAX.to_string()]);
        assert_eq!(abis.call(TOKEN, &approve), Some(format!("USDC.approve(spender={to}, amount=all there is)")));
        assert_eq!(abis.call(to, &data("pause()", &[])), Some(format!("{to}.pause()")));
        let topics = [keccak256("Transfer(address,address,uint256)"), to.into_word(), TOKEN.into_word()];
        let amount = U256::from(20_500_000_u64).to_be_bytes::<32>();
        assert_eq!(
            abis.log(TOKEN, &topics, &amount),
            Some(format!("USDC.Transfer(from={to}, to=USDC, amount=20.5 USDC)"))
        );
    }

    #[test]
    fn what_is_not_known_or_cut_off_is_not_guessed() {
        let plan = plan();
        let abis = Abis::of(&plan);
        let transfer = data("transfer(address,uint256)", &[&TOKEN.to_string(), "1"]);
        for input in [&[][..], &[1, 2, 3], &[1, 2, 3, 4], &transfer[..60]] {
            assert_eq!(abis.call(TOKEN, input), None, "{input:?}");
        }
        let transfer = keccak256("Transfer(address,address,uint256)");
        assert_eq!(abis.log(TOKEN, &[], &[]), None);
        assert_eq!(abis.log(TOKEN, &[transfer, B256::ZERO, B256::ZERO, B256::ZERO], &[]), None, "an ERC-721's");
        assert_eq!(abis.log(TOKEN, &[transfer, B256::ZERO, B256::ZERO], &[]), None);
    }
}
