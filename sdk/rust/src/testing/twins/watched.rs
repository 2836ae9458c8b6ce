//! Twins of detectors that must be told what to watch: a config, and blocks one after the other.

use alloy_primitives::{Address, I256, U256, address};
use alloy_sol_types::sol;
use serde_json::{Value, json};

use super::super::{Block, ObservationRow};
use super::{ALICE, SENDER, TOKEN, VICTIM};

sol! {
    event Transfer(address indexed from, address indexed to, uint256 value);
    event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);
    event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);
}

const ORACLE: Address = address!("0x00000000000000000000000000000000000000dd");
const START_S: u64 = 1_700_000_000;

/// An attack on what a config names, and its benign twin, each block by block.
#[derive(Clone, Debug)]
pub struct WatchedTwins {
    /// The first-party detector that is for it.
    pub detector: &'static str,
    /// What the attack does.
    pub name: &'static str,
    /// That detector's config. A detector of your own has another, of the same addresses and feeds.
    pub config: Value,
    /// Blocks, of which the last completes the attack.
    pub attack: Vec<Block>,
    /// Blocks that look like it.
    pub benign: Vec<Block>,
}

/// Those of detectors that must be told what to watch.
pub fn watched() -> Vec<WatchedTwins> {
    vec![outflow(), privileged_control(), price_deviation(), frontend_integrity()]
}

fn at(after_s: u64) -> Block {
    Block::at(1_000 + after_s / 12, START_S + after_s)
}

fn outflow() -> WatchedTwins {
    let moves = |after_s: u64, from: Address, to: Address, whole: u64| {
        let value = U256::from(whole) * U256::from(1_000_000);
        at(after_s).event(TOKEN, &Transfer { from, to, value })
    };
    let out = |after_s| moves(after_s, VICTIM, SENDER, 400);
    WatchedTwins {
        detector: "outflow",
        name: "empties a vault in steps, each below the limit",
        config: json!({
            "watch": [{ "address": VICTIM, "label": "Vault" }],
            "assets": [{ "address": TOKEN, "symbol": "USDX", "decimals": 6, "limit": "1000" }],
            "window_s": 600,
        }),
        attack: vec![out(0), out(12), out(24)],
        benign: vec![out(0), out(12), moves(24, ALICE, VICTIM, 300), out(36)],
    }
}

fn privileged_control() -> WatchedTwins {
    let named = |by: Address| {
        let event = OwnershipTransferred { previousOwner: ALICE, newOwner: SENDER };
        vec![at(0).event(by, &event)]
    };
    WatchedTwins {
        detector: "privileged-control",
        name: "makes itself the owner of a vault",
        config: json!({ "watch": [{ "address": VICTIM, "label": "Vault" }], "expected": [ALICE] }),
        attack: named(VICTIM),
        // Any contract can emit the same event.
        benign: named(TOKEN),
    }
}

fn price_deviation() -> WatchedTwins {
    let answers = |dollars: i64| {
        let updated = U256::from(START_S + 12);
        let event = AnswerUpdated {
            current: I256::try_from(dollars * 100_000_000).unwrap_or_default(),
            roundId: U256::from(1),
            updatedAt: updated,
        };
        let feed = at(0).observation("eth-usd", START_S * 1_000, "1500").triggered_by_feed();
        vec![feed, at(12).event(ORACLE, &event)]
    };
    WatchedTwins {
        detector: "price-deviation",
        name: "bends what an oracle answers",
        config: json!({
            "pairs": [{
                "name": "ETH/USD", "aggregator": ORACLE, "decimals": 8, "feed": "eth-usd", "max_deviation_bps": 100,
                "heartbeat_s": 3600, "feed_heartbeat_s": 60,
            }],
            "check_every_blocks": 1,
        }),
        attack: answers(1_000),
        benign: answers(1_490),
    }
}

fn frontend_integrity() -> WatchedTwins {
    let digest = |digit: &str| format!("sha256:{}", digit.repeat(64));
    let said = |value: String| {
        let (observed_at_ms, received_at_ms) = (START_S * 1_000, START_S * 1_000);
        let (feed, kind) = ("app".to_owned(), "text".to_owned());
        let mut block = at(0).triggered_by_feed();
        block.observations.push(ObservationRow { feed, observed_at_ms, received_at_ms, kind, value });
        block
    };
    WatchedTwins {
        detector: "frontend-integrity",
        name: "serves a script that nobody published",
        config: json!({ "parts": [{ "feed": "app", "label": "app.js", "expected": [digest("a"), digest("b")] }] }),
        attack: vec![said(digest("a")), said(digest("c"))],
        // The release that was announced.
        benign: vec![said(digest("a")), said(digest("b"))],
    }
}
