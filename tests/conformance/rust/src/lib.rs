//! The detector that is written in every language: `../README.md` says what it does, to the byte.

use watchfire_sdk::alloy_primitives::{U512, keccak256};
use watchfire_sdk::prelude::*;
use watchfire_sdk::state::{self, Rolling};

mod config;

pub use config::{Config, Oracle, Watch};

sol! {
    event Transfer(address indexed from, address indexed to, uint256 value);

    function latestRoundData() external view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
}

/// Where the feed's newest price is kept, as the feed wrote it.
const PRICE: &[u8] = b"price";

/// The detector.
pub struct Conformance {
    config: Config,
    limit: U256,
}

/// What left one account in a block.
#[derive(Default)]
struct Out<'a> {
    value: U256,
    transfers: Vec<watchfire_sdk::batch::Log<'a>>,
}

impl Detector for Conformance {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new("conformance", "0.1.0", "Finds a token leaving watched accounts, and a price that is off.")
            .kind("outflow", Severity::High, "More of a token left an account within the window than its limit.")
            .kind("price-gap", Severity::Medium, "The oracle and the feed are apart.")
            .asks_for(Capability::Chain)
            .asks_for(Capability::State)
            .asks_for(Capability::Feeds)
    }

    fn start(config: Config) -> Result<(Self, Vec<Subscription>), ConfigError> {
        let limit = config.limit_units()?;
        let from = config.watch.iter().map(|watch| watch.address.into_word());
        let logs = LogFilter::default().addresses([config.token]).event::<Transfer>().topic(1, from);
        let mut subscriptions = vec![logs.into()];
        if let Some(oracle) = &config.oracle {
            subscriptions.push(Subscription::Feed(oracle.feed.clone()));
            subscriptions.push(Subscription::EveryBlocks(oracle.every_blocks));
        }
        Ok((Self { config, limit }, subscriptions))
    }

    fn on_batch(&mut self, batch: &Batch) -> Result<Vec<Finding>, Error> {
        if let (Some(oracle), Trigger::Feed) = (&self.config.oracle, batch.trigger()) {
            for seen in batch.observations().iter().filter(|seen| seen.feed == oracle.feed) {
                state::put_raw(PRICE, seen.value.as_bytes())?;
            }
            return Ok(Vec::new());
        }
        let mut findings = Vec::new();
        for watch in &self.config.watch {
            let mut out = Out::default();
            for log in batch.logs() {
                if let Some(transfer) = log.decode::<Transfer>().filter(|transfer| transfer.from == watch.address) {
                    out.value = out.value.saturating_add(transfer.value);
                    out.transfers.push(log);
                }
            }
            if !out.value.is_zero() {
                findings.extend(self.outflow(batch, watch, &out)?);
            }
        }
        if let Some(oracle) = self.config.oracle.as_ref().filter(|_| !batch.due_ticks().is_empty()) {
            findings.extend(gap(oracle)?);
        }
        Ok(findings)
    }
}

impl Conformance {
    fn outflow(&self, batch: &Batch, watch: &Watch, out: &Out) -> Result<Option<Finding>, Error> {
        let key = |name: &str| [name.as_bytes(), watch.address.as_slice()].concat();
        let sum = Rolling::at(key("out"), self.config.window_s).add(batch.timestamp_s(), out.value)?;
        let price = self.config.oracle.as_ref().map(|oracle| Ok::<_, Error>((oracle, price(oracle)?))).transpose()?;
        let worth = match &price {
            Some((_, price)) => sum.saturating_mul(*price) / U256::from(10).pow(U256::from(self.config.decimals)),
            None => sum,
        };
        if worth <= self.limit {
            return Ok(None);
        }
        let told =
            state::get_raw(&key("told")).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes) + 1;
        state::put_raw(&key("told"), &told.to_be_bytes())?;
        log::debug(&format!("{} units left {}", sum, watch.address));
        let is_double = worth / U256::from(2) >= self.limit;
        let severity = if is_double { Severity::Critical } else { Severity::High };
        let amount = Decimal::from_units(sum, self.config.decimals);
        let mut finding = Finding::new("outflow", severity, Subject::address(watch.address))
            .confidence(if price.is_some() { 95 } else { 80 })
            .title(format!("{}: {amount} {} left within {} s", watch.label, self.config.symbol, self.config.window_s))
            .description(match &price {
                Some((oracle, price)) => format!(
                    "Worth {} at {} each, over the limit of {}.",
                    Decimal::from_units(worth, oracle.decimals),
                    Decimal::from_units(*price, oracle.decimals),
                    self.config.limit,
                ),
                None => format!("Over the limit of {}.", self.config.limit),
            })
            .amount(self.config.token, sum)
            .attribute("transfers", out.transfers.len())
            .attribute("told", told)
            .attribute("code", &keccak256(watch.label.as_bytes()).to_string()[..10])
            .condition_key(watch.address);
        for log in &out.transfers {
            finding = finding.evidence(log);
        }
        Ok(Some(finding))
    }
}

/// The oracle's price, in its units.
fn price(oracle: &Oracle) -> Result<U256, Error> {
    let answer = chain::call(oracle.address, &latestRoundDataCall {})?.answer;
    let price = U256::try_from(answer).ok().filter(|price| !price.is_zero() && price.bit_len() <= 128);
    price.ok_or_else(|| Error::new(format!("the oracle's price {answer} is not plausible")))
}

/// Whether oracle and feed are apart.
fn gap(oracle: &Oracle) -> Result<Option<Finding>, Error> {
    let Some(text) = state::get_raw(PRICE).and_then(|bytes| String::from_utf8(bytes).ok()) else { return Ok(None) };
    let told: Decimal = text.parse().map_err(|error| Error::new(format!("the feed's price {text}: {error}")))?;
    let units = told.to_units(18).map_err(|error| Error::new(error.to_string()))?;
    let price = price(oracle)?;
    let scaled = price * U256::from(10).pow(U256::from(18 - oracle.decimals));
    let apart = if units > scaled { units - scaled } else { scaled - units };
    let gap_bps = U512::from(apart) * U512::from(10_000) / U512::from(scaled);
    if gap_bps <= U512::from(oracle.max_gap_bps) {
        return Ok(None);
    }
    let finding = Finding::new("price-gap", Severity::Medium, Subject::new("feed", &oracle.feed))
        .title(format!("{}: {gap_bps} bps apart", oracle.feed))
        .description(format!("The oracle says {}, the feed {told}.", Decimal::from_units(price, oracle.decimals)))
        .attribute("gap_bps", gap_bps);
    Ok(Some(finding))
}

watchfire_sdk::export!(Conformance);
