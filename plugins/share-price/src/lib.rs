//! Finds vaults and markets whose share price moves as it should not.

mod case;
mod config;
mod gift;
mod memory;
mod within;

use watchfire_sdk::batch::Log;
use watchfire_sdk::prelude::*;

use case::Case;
pub use config::Config;
use config::{Rules, Watched};
use memory::Memory;

sol! {
    event Transfer(address indexed from, address indexed to, uint256 value);
    event Deposit(address indexed sender, address indexed owner, uint256 assets, uint256 shares);
    event Mint(address minter, uint256 mintAmount, uint256 mintTokens);
    function convertToAssets(uint256 shares) returns (uint256 assets);
    function totalSupply() returns (uint256 shares);
}

/// The detector.
pub struct SharePrice {
    rules: Rules,
}

impl Detector for SharePrice {
    type Config = Config;

    fn manifest() -> Manifest {
        let summary =
            "Share prices of vaults and markets: jumps, falls, gifts, dust, and prices bent within a transaction.";
        Manifest::new("share-price", env!("CARGO_PKG_VERSION"), summary)
            .kind("share-price-rose", Severity::High, "A share is worth more than the vault can have earned.")
            .kind("share-price-fell", Severity::High, "A share is worth less than before.")
            .kind("share-price-bent", Severity::High, "A vault says different prices within one transaction.")
            .kind("share-price-unreadable", Severity::High, "A vault does not say what a share is worth.")
            .kind("gift-moves-price", Severity::High, "What was sent to a vault past its functions moved its price.")
            .kind("deposit-for-nothing", Severity::Critical, "A deposit was taken and no share was given for it.")
            .kind("supply-dust", Severity::Medium, "So few shares are left that a gift can bend their price.")
            .asks_for(Capability::Chain)
            .asks_for(Capability::State)
            .asks_for(Capability::Traces)
    }

    fn start(config: Config) -> Result<(Self, Vec<Subscription>), ConfigError> {
        let rules = config.resolve()?;
        let vaults = || rules.vaults.iter().map(|watched| watched.vault.address);
        let assets: Vec<Address> = rules.vaults.iter().filter_map(|watched| watched.vault.asset).collect();
        let mut subscriptions: Vec<Subscription> =
            vec![Subscription::EveryBlocks(rules.check_every_blocks), LogFilter::default().addresses(vaults()).into()];
        if !assets.is_empty() {
            let gifts = LogFilter::default().addresses(assets).event::<Transfer>();
            subscriptions.push(gifts.topic(2, vaults().map(|vault| vault.into_word())).into());
        }
        if rules.within_transactions {
            subscriptions.push(within::questions(&rules));
        }
        Ok((Self { rules }, subscriptions))
    }

    fn on_batch(&mut self, batch: &Batch<'_>) -> Result<Vec<Finding>, Error> {
        let is_due = !batch.due_ticks().is_empty();
        let chain_id = batch.chain_id();
        let mut findings = Vec::new();
        for watched in &self.rules.vaults {
            if watched.vault.chain.is_some_and(|chain| chain != chain_id) {
                continue;
            }
            let own: Vec<Log<'_>> = batch.logs().filter(|log| log.address() == watched.vault.address).collect();
            let gifts = gift::find(watched, batch, &own);
            findings.extend(within::find(watched, batch));
            findings.extend(for_nothing(watched, &own));
            if !is_due && own.is_empty() && gifts.is_empty() {
                continue;
            }
            let mut memory = Memory::load(watched, chain_id)?;
            let every_blocks = self.rules.check_every_blocks;
            let block = batch.block_number();
            let mut case = Case {
                watched,
                memory: &mut memory,
                block,
                every_blocks,
                own: &own,
                gifts: &gifts,
                findings: Vec::new(),
            };
            case.look();
            findings.append(&mut case.findings);
            memory.save(watched, chain_id)?;
        }
        Ok(findings)
    }
}

/// Deposits that gave no share: the price was bent so far that they were rounded away.
fn for_nothing<'a>(watched: &'a Watched, own: &'a [Log<'_>]) -> impl Iterator<Item = Finding> + 'a {
    own.iter().filter_map(move |log| {
        let (who, assets) = match (log.decode::<Deposit>(), log.decode::<Mint>()) {
            (Some(deposit), _) if deposit.shares.is_zero() => (deposit.owner, deposit.assets),
            (_, Some(mint)) if mint.mintTokens.is_zero() => (mint.minter, mint.mintAmount),
            _ => return None,
        };
        let asset = watched.vault.asset.map_or_else(|| "asset".to_owned(), |asset| asset.to_string());
        (!assets.is_zero()).then(|| {
            Finding::new("deposit-for-nothing", Severity::Critical, Subject::address(watched.vault.address))
                .title(format!("{}: {who} deposits {assets} units and gets no share", watched.vault.label))
                .description(
                    "Rounding took the whole deposit: a share costs more than was paid in. Whoever holds the shares owns it now."
                        .to_owned(),
                )
                .condition_key(log.transaction_hash())
                .amount(asset, assets)
                .attribute("label", &watched.vault.label)
                .attribute("depositor", who)
                .evidence(log)
        })
    })
}

watchfire_sdk::export!(SharePrice);
