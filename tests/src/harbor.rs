//! Harbor Lending, deployed on a real node: the protocol of `examples/lending`, honest traffic, and the attack.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use alloy_primitives::{Address, U256};
use alloy_sol_types::{SolCall, SolValue, sol};
use anyhow::Context;

use crate::anvil::Anvil;
use crate::peers;

sol! {
    function mint(address to, uint256 value);
    function approve(address spender, uint256 value);
    function transfer(address to, uint256 value);
    function transmit(int256 answer);
    function initialize(address owner, address guardian, address collateral, address asset, address feed);
    function transferOwnership(address newOwner);
    function deposit(uint256 value);
    function withdraw(uint256 value);
    function borrow(uint256 value);
    function repay(uint256 value);
    function changeAdmin(address admin);
    function upgradeTo(address implementation);
    function drain(address token, address to, uint256 value);
}

/// Who plays which part, by anvil's unlocked accounts.
pub mod who {
    /// Deploys, mints, and is the proxy's admin.
    pub const DEPLOYER: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
    /// Owns the vault.
    pub const OWNER: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
    /// May pause the vault.
    pub const GUARDIAN: &str = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";
    /// Posts prices.
    pub const TRANSMITTER: &str = "0x90F79bf6EB2c4f870365E785982E1f101E93b906";
    /// An honest user.
    pub const USER: &str = "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65";
    /// Another honest user.
    pub const OTHER: &str = "0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc";
    /// The attacker.
    pub const ATTACKER: &str = "0x976EA74026E726554dB657fA54763abd0C3a0aa9";
}

/// The deployed protocol.
#[derive(Clone, Debug)]
pub struct Harbor {
    /// hUSD, 6 decimals.
    pub usd: String,
    /// hETH, 18 decimals.
    pub eth: String,
    /// The price feed.
    pub feed: String,
    /// The vault's proxy.
    pub vault: String,
    /// What the attacker upgrades to, not yet deployed.
    drainer_code: String,
}

/// hUSD in its smallest unit.
pub fn usd(whole: u64) -> U256 {
    U256::from(whole) * U256::from(1_000_000)
}

/// hETH in its smallest unit.
pub fn eth(whole: u64) -> U256 {
    U256::from(whole) * U256::from(10_u64.pow(18))
}

/// Calldata as nodes take it.
pub fn data(call: &impl SolCall) -> String {
    format!("0x{}", alloy_primitives::hex::encode(call.abi_encode()))
}

/// The compiled contracts by name; `None` where the compiler is not installed.
pub fn bytecode() -> anyhow::Result<Option<BTreeMap<String, String>>> {
    let modules = peers::root().join(".peers/node_modules");
    if !modules.join("solc").is_dir() {
        return Ok(None);
    }
    let out: PathBuf = tempfile::NamedTempFile::new()?.into_temp_path().to_path_buf();
    let script = peers::root().join("examples/lending/contracts/compile.mjs");
    let status = Command::new("node").arg(script).arg(&modules).arg(&out).status().context("node can't be run")?;
    anyhow::ensure!(status.success(), "the contracts do not compile");
    let text = std::fs::read_to_string(&out)?;
    std::fs::remove_file(&out)?;
    Ok(Some(serde_json::from_str(&text)?))
}

impl Harbor {
    /// Deploys the protocol in one block, with funds for everybody in the next.
    pub async fn deploy(anvil: &Anvil, code: &BTreeMap<String, String>) -> anyhow::Result<Self> {
        let get = |name: &str| code.get(name).cloned().with_context(|| format!("no contract `{name}`"));
        let create = async |name: &str, args: Vec<u8>| {
            let data = format!("{}{}", get(name)?, alloy_primitives::hex::encode(args));
            anvil.send(who::DEPLOYER, None, 0, &data).await
        };
        let usd_hash = create("Token", token_args("Harbor USD", "hUSD", 6)).await?;
        let eth_hash = create("Token", token_args("Harbor Ether", "hETH", 18)).await?;
        let feed_hash = create("PriceFeed", address(who::TRANSMITTER)?.abi_encode()).await?;
        let logic_hash = create("Vault", Vec::new()).await?;
        anvil.mine().await?;
        let made = async |hash: &str| {
            let receipt = anvil.receipt(hash).await?;
            receipt["contractAddress"].as_str().map(str::to_owned).context("no contract was made")
        };
        let (token_usd, token_eth) = (made(&usd_hash).await?, made(&eth_hash).await?);
        let (feed, logic) = (made(&feed_hash).await?, made(&logic_hash).await?);
        let init = initializeCall {
            owner: address(who::OWNER)?,
            guardian: address(who::GUARDIAN)?,
            collateral: address(&token_eth)?,
            asset: address(&token_usd)?,
            feed: address(&feed)?,
        };
        let args = (address(&logic)?, address(who::DEPLOYER)?, init.abi_encode()).abi_encode_params();
        let proxy_hash = create("Proxy", args).await?;
        anvil.mine().await?;
        let vault = made(&proxy_hash).await?;
        let harbor = Self { usd: token_usd, eth: token_eth, feed, vault, drainer_code: get("Drainer")? };
        harbor.fund(anvil).await?;
        Ok(harbor)
    }

    async fn fund(&self, anvil: &Anvil) -> anyhow::Result<()> {
        let vault = address(&self.vault)?;
        self.call(anvil, who::DEPLOYER, &self.usd, &mintCall { to: vault, value: usd(4_000_000) }).await?;
        for account in [who::USER, who::OTHER, who::ATTACKER] {
            let to = address(account)?;
            self.call(anvil, who::DEPLOYER, &self.eth, &mintCall { to, value: eth(1_000) }).await?;
            self.call(anvil, account, &self.eth, &approveCall { spender: vault, value: U256::MAX }).await?;
            self.call(anvil, account, &self.usd, &approveCall { spender: vault, value: U256::MAX }).await?;
        }
        self.post_price(anvil, 200_000_000_000).await?;
        anvil.mine().await
    }

    /// Sends a call into the pool; its hash.
    pub async fn call(&self, anvil: &Anvil, from: &str, to: &str, call: &impl SolCall) -> anyhow::Result<String> {
        anvil.send(from, Some(to), 0, &data(call)).await
    }

    /// Posts a price with 8 decimals.
    pub async fn post_price(&self, anvil: &Anvil, price: i64) -> anyhow::Result<String> {
        let answer = price.try_into().context("a price")?;
        self.call(anvil, who::TRANSMITTER, &self.feed, &transmitCall { answer }).await
    }

    /// A user deposits hETH.
    pub async fn deposit(&self, anvil: &Anvil, from: &str, value: U256) -> anyhow::Result<String> {
        self.call(anvil, from, &self.vault, &depositCall { value }).await
    }

    /// A user borrows hUSD.
    pub async fn borrow(&self, anvil: &Anvil, from: &str, value: U256) -> anyhow::Result<String> {
        self.call(anvil, from, &self.vault, &borrowCall { value }).await
    }

    /// A user repays hUSD.
    pub async fn repay(&self, anvil: &Anvil, from: &str, value: U256) -> anyhow::Result<String> {
        self.call(anvil, from, &self.vault, &repayCall { value }).await
    }

    /// The vault's owner hands it over.
    pub async fn hand_over(&self, anvil: &Anvil, to: &str) -> anyhow::Result<String> {
        let new_owner = transferOwnershipCall { newOwner: address(to)? };
        self.call(anvil, who::OWNER, &self.vault, &new_owner).await
    }

    /// The attacker, with the admin's key, takes the proxy and points it at a contract that gives everything away.
    /// Mines one block.
    pub async fn take_over(&self, anvil: &Anvil) -> anyhow::Result<()> {
        let drainer = anvil.send(who::ATTACKER, None, 0, &self.drainer_code).await?;
        let admin = changeAdminCall { admin: address(who::ATTACKER)? };
        self.call(anvil, who::DEPLOYER, &self.vault, &admin).await?;
        anvil.mine().await?;
        let receipt = anvil.receipt(&drainer).await?;
        let implementation = address(receipt["contractAddress"].as_str().unwrap_or_default())?;
        self.call(anvil, who::ATTACKER, &self.vault, &upgradeToCall { implementation }).await.map(drop)
    }

    /// The attacker takes hUSD out of the vault that was taken over.
    pub async fn drain(&self, anvil: &Anvil, value: U256) -> anyhow::Result<String> {
        let drain = drainCall { token: address(&self.usd)?, to: address(who::ATTACKER)?, value };
        self.call(anvil, who::ATTACKER, &self.vault, &drain).await
    }
}

fn token_args(name: &str, symbol: &str, decimals: u8) -> Vec<u8> {
    (name.to_owned(), symbol.to_owned(), U256::from(decimals)).abi_encode_params()
}

fn address(text: &str) -> anyhow::Result<Address> {
    text.parse().with_context(|| format!("`{text}` is no address"))
}
