//! What the detectors that ship cost an average block, each and all of them together, on one core.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};

use crate::report::{Report, median};
use crate::{Bench, Nobody};
use watchfire::app::deploy::spec::KeptSpec;
use watchfire::chain_read::ChainReader;
use watchfire::plugin::{Compiler, Fleet, Limits, Recorded, Runtime, describe};

/// All of them together, for an average block, milliseconds.
const AIM_MS: f64 = 3.0;

const USDC: &str = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48";
const DAI: &str = "0x6b175474e89094c44da98b954eedeac495271d0f";
const BINANCE: &str = "0x28c6c06298d514db089934071355e5743bf21d60";
/// The aggregator behind ETH/USD.
const ORACLE: &str = "0x5f4ec3df9cbd43714fe2740f5e3616155c5b8419";
/// The vault of sDAI.
const VAULT: &str = "0x83f20f44975d03b1b09e64809b757c47f942beea";

/// Each detector with a config that is usual for it: nothing for those that need none, else what a protocol has of one kind.
fn shipped() -> Vec<(&'static str, Value)> {
    let watch = json!([{ "address": BINANCE, "label": "Wallet" }]);
    let rule = json!({
        "on": "event Transfer(address indexed from, address indexed to, uint256 value)",
        "when": "value > 1_000_000 * 10^18", "severity": "low", "title": "{value}",
    });
    vec![
        ("attacks", json!({})),
        ("attack-combiner", json!({})),
        ("key-compromise", json!({})),
        ("rules", json!({ "rule": [rule] })),
        (
            "outflow",
            json!({ "watch": watch, "window_s": 3600, "assets": [
                { "address": USDC, "symbol": "USDC", "decimals": 6, "limit": "1000000000000" },
                { "address": "native", "symbol": "ETH", "decimals": 18, "limit": "1000000000000" },
            ] }),
        ),
        ("privileged-control", json!({ "watch": [{ "address": USDC, "label": "USDC" }] })),
        ("share-price", json!({ "vaults": [{ "address": VAULT, "label": "Vault", "asset": DAI }] })),
        (
            "bridge-accounting",
            json!({ "bridges": [{
                "name": "Bridge",
                "locked": [{ "chain": 1, "holder": BINANCE, "token": USDC }],
                "minted": [{ "chain": 1, "token": DAI }],
            }] }),
        ),
        (
            "price-deviation",
            json!({ "pairs": [{
                "name": "ETH/USD", "aggregator": ORACLE, "decimals": 8, "feed": "eth-usd", "max_deviation_bps": 100,
                "heartbeat_s": 3600, "feed_heartbeat_s": 60,
            }] }),
        ),
    ]
}

pub(super) fn measure(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    report.section("the detectors that ship, an average block, one core");
    let runtime = Runtime::new(Compiler::in_process())?;
    let mut fleet = Fleet::new();
    for (name, config) in shipped() {
        let path = bench.components.join(format!("{name}.wasm"));
        let bytes = std::fs::read(&path)
            .with_context(|| format!("`{}`: build the detectors with `cargo xtask plugins`", path.display()))?;
        let component = Arc::new(runtime.compile(&bytes, &Limits::default())?);
        let spec = KeptSpec::alone(&describe(&component, &Limits::default())?, config);
        fleet.swap(spec.start(name, component).with_context(|| name.to_owned())?)?;
    }
    let reader: Arc<dyn ChainReader> = Arc::new(Nobody);
    let mut rounds: Vec<BTreeMap<String, Duration>> = Vec::new();
    for blocks in &bench.loops {
        let mut spent: BTreeMap<String, Duration> = BTreeMap::new();
        for block in blocks.iter().filter(|block| !block.transactions.is_empty()) {
            for outcome in fleet.on_block(block.hash, block, &reader, &Recorded::new()) {
                outcome.result.map_err(anyhow::Error::from).with_context(|| outcome.detector.clone())?;
                *spent.entry(outcome.detector).or_default() += outcome.elapsed;
            }
        }
        rounds.push(spent);
    }
    // The first rounds fill windows and take memory.
    let counted = &rounds[rounds.len() / 2..];
    let blocks = bench.blocks.all.iter().filter(|block| !block.transactions.is_empty()).count().max(1) as u32;
    let spent =
        |of: &dyn Fn(&BTreeMap<String, Duration>) -> Duration| median(counted.iter().map(of).collect()) / blocks;
    for (name, _) in shipped() {
        report.us(name, spent(&|round| round.get(name).copied().unwrap_or_default()));
    }
    report.ms("all of them", spent(&|round| round.values().sum()), AIM_MS);
    Ok(())
}
