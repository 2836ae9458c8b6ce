//! Blocks of two chains made by hand in, findings out: attacks, each with a twin that is none.

#![allow(clippy::unwrap_used)]

use bridge_accounting::BridgeAccounting;
use serde_json::{Value, json};
use watchfire_sdk::prelude::*;
use watchfire_sdk::testing::chain as answers;
use watchfire_sdk::testing::{Bench, Block};

const HERE: u64 = 1;
const THERE: u64 = 10;
const ESCROW: Address = address!("0x00000000000000000000000000000000000000ec");
const USDX: Address = address!("0x0000000000000000000000000000000000000d01");
const BRIDGED: Address = address!("0x0000000000000000000000000000000000000d10");
const POOL: Address = address!("0x0000000000000000000000000000000000000d11");
const THIEF: Address = address!("0x00000000000000000000000000000000000000e1");

sol! {
    event Transfer(address indexed from, address indexed to, uint256 value);
    function balanceOf(address account) returns (uint256 balance);
    function totalSupply() returns (uint256 supply);
}

/// Six digits here, eighteen there.
fn config() -> Value {
    json!({ "bridges": [{
        "name": "USDX",
        "locked": [{ "chain": HERE, "holder": ESCROW, "token": USDX, "decimals": 6 }],
        "minted": [{ "chain": THERE, "token": BRIDGED }],
        "tolerance": "5",
    }] })
}

fn units(whole: u64, decimals: u64) -> U256 {
    U256::from(whole) * U256::from(10).pow(U256::from(decimals))
}

/// The two chains, as a host shows them.
struct Bridge(Bench<BridgeAccounting>, Vec<String>);

impl Bridge {
    fn new(config: Value) -> Self {
        Self(Bench::start(config).unwrap(), Vec::new())
    }

    fn feed(mut self, block: &Block) -> Self {
        for finding in self.0.feed(block).unwrap() {
            self.1.push(format!("{} {} {:?} {}", block.timestamp_s, finding.kind, finding.severity, finding.title));
        }
        self
    }

    /// A block here, after which so much is locked.
    fn here(self, time_s: u64, locked: u64) -> Self {
        answers::answer(USDX, &balanceOfCall { account: ESCROW }, &units(locked, 6));
        self.feed(&Block::at(time_s, time_s))
    }

    /// A block there, after which so much is issued.
    fn there(self, time_s: u64, issued: u64) -> Self {
        answers::answer(BRIDGED, &totalSupplyCall {}, &units(issued, 18));
        let mut block = Block::at(time_s, time_s);
        block.chain_id = THERE;
        self.feed(&block)
    }

    /// Both chains stand still until a moment, beginning with another.
    fn both(mut self, from_s: u64, until_s: u64, locked: u64, issued: u64) -> Self {
        for time_s in (from_s..=until_s).step_by(10) {
            self = self.here(time_s, locked).there(time_s, issued);
        }
        self
    }

    fn check(self, expected: &[&str]) {
        assert_eq!(self.1, expected);
    }
}

fn quiet() -> Bridge {
    Bridge::new(config()).both(1_000, 1_050, 1_000, 1_000)
}

#[test]
fn what_is_issued_for_nothing_is_told_once_the_grace_is_over() {
    quiet()
        .both(1_060, 1_200, 1_000, 5_000)
        .check(&["1090 unbacked-mint Critical USDX: 4000 were issued for nothing (4000 more than before)"]);
    // The same after a deposit.
    quiet().here(1_060, 5_000).both(1_070, 1_200, 5_000, 5_000).check(&[]);
}

#[test]
fn what_is_released_without_a_burn_is_told() {
    quiet().both(1_060, 1_200, 200, 1_000).check(&[
        "1090 unbacked-release Critical USDX: 800 left with their tokens still out (800 less is locked than before)",
    ]);
    // The same after a burn.
    quiet().there(1_060, 200).both(1_070, 1_200, 200, 200).check(&[]);
}

#[test]
fn whichever_chain_is_read_late_no_transfer_in_flight_is_a_loss() {
    // A deposit, of which the chain that it was made on is shown minutes late.
    let mut bridge = quiet();
    for time_s in (1_060..=1_400).step_by(10) {
        bridge = bridge.there(time_s, 3_000);
    }
    bridge.both(1_060, 1_400, 3_000, 3_000).check(&[]);
    // A withdrawal, of which the burn is shown minutes late.
    let mut bridge = quiet();
    for time_s in (1_060..=1_400).step_by(10) {
        bridge = bridge.here(time_s, 100);
    }
    bridge.both(1_060, 1_400, 100, 100).check(&[]);
    // Clocks that differ by less than the grace.
    quiet().there(1_055, 3_000).both(1_070, 1_400, 3_000, 3_000).check(&[]);
}

#[test]
fn a_bridge_in_steady_use_is_no_loss_and_its_robbery_is_one() {
    // Each step locks, issues, burns, releases.
    let mut bridge = quiet();
    for step in 0..100u64 {
        let time_s = 1_060 + step * 40;
        let more = 1_000 + step * 7;
        bridge = bridge
            .here(time_s, more + 50)
            .there(time_s + 10, more + 50)
            .there(time_s + 20, more)
            .here(time_s + 30, more);
    }
    assert_eq!(bridge.1, [""; 0]);
    let end_s = 1_060 + 100 * 40;
    let robbed = bridge.both(end_s, end_s + 200, 3, 1_693);
    assert_eq!(robbed.1.len(), 1);
    assert!(robbed.1[0].contains("unbacked-release Critical"), "{:?}", robbed.1);
}

#[test]
fn a_shortfall_is_told_again_when_it_grows_and_when_it_is_new() {
    let bridge = quiet().both(1_060, 1_200, 900, 1_000).both(1_210, 1_300, 899, 1_000).both(1_310, 1_400, 700, 1_000);
    let bridge = bridge.both(1_410, 1_500, 1_000, 1_000).both(1_510, 1_600, 900, 1_000);
    let at: Vec<&str> = bridge.1.iter().map(|told| told.split(" Critical").next().unwrap()).collect();
    assert_eq!(at, ["1090 unbacked-release", "1340 unbacked-release", "1540 unbacked-release"]);
}

#[test]
fn the_tolerance_is_allowed_and_one_more_is_not() {
    quiet().both(1_060, 1_200, 1_000, 1_005).check(&[]);
    assert_eq!(quiet().both(1_060, 1_200, 1_000, 1_006).1.len(), 1);
}

#[test]
fn what_was_short_before_the_first_look_is_told_as_that() {
    let bridge = Bridge::new(config()).both(1_000, 1_200, 10, 1_000);
    bridge.check(&["1030 backing-short High USDX: 990 are issued and not locked"]);
}

#[test]
fn several_sides_add_up() {
    let mut config = config();
    config["bridges"][0]["locked"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "chain": HERE, "holder": ESCROW, "token": "native" }));
    config["bridges"][0]["minted"][0]["unissued"] = json!([POOL]);
    let begin = |coins: u64, pool: u64| {
        let bridge = Bridge::new(config.clone());
        answers::fund(ESCROW, units(coins, 18));
        answers::answer(BRIDGED, &balanceOfCall { account: POOL }, &units(pool, 18));
        bridge.both(1_000, 1_200, 1_000, 2_000)
    };
    begin(1_000, 0).check(&[]);
    begin(0, 1_000).check(&[]);
    begin(500, 400).check(&["1030 backing-short High USDX: 100 are issued and not locked"]);
}

#[test]
fn a_side_that_nobody_reads_is_told_once() {
    let mut bridge = quiet();
    for time_s in (1_060..=4_000).step_by(10) {
        bridge = bridge.here(time_s, 1_000);
    }
    bridge.check(&[&format!("2860 side-unread Medium USDX: {BRIDGED} on chain 10 is unread for 1810 s")]);
}

#[test]
fn the_transactions_are_named_by_their_chain() {
    let mut bridge = quiet();
    let mut block =
        Block::at(1_060, 1_060).event(BRIDGED, &Transfer { from: Address::ZERO, to: THIEF, value: units(4_000, 18) });
    block = block.event(BRIDGED, &Transfer { from: THIEF, to: POOL, value: units(9_000, 18) });
    block.chain_id = THERE;
    answers::answer(BRIDGED, &totalSupplyCall {}, &units(5_000, 18));
    bridge = bridge.feed(&block);
    let hash = block.transaction_hashes[0];
    let mut attributes = Vec::new();
    for time_s in (1_060..=1_100).step_by(10) {
        for (chain, block) in [(HERE, Block::at(time_s, time_s)), (THERE, Block::at(time_s, time_s + 1))] {
            let block = Block { chain_id: chain, ..block };
            attributes.extend(bridge.0.feed(&block).unwrap().into_iter().flat_map(|finding| finding.attributes));
        }
    }
    let mints: Vec<&String> = attributes.iter().filter(|(key, _)| key == "mint").map(|(_, value)| value).collect();
    assert_eq!(mints, [&format!("10:{hash} 4000")]);
}

#[test]
fn config_errors_name_their_key() {
    let check = |change: &dyn Fn(&mut Value), expected: &str| {
        let mut config = config();
        change(&mut config);
        assert_eq!(Bench::<BridgeAccounting>::start(config).err().unwrap().to_string(), expected);
    };
    check(&|config| config["bridges"] = json!([]), "`bridges`: name at least one bridge");
    check(
        &|config| config["bridges"][0]["minted"] = json!([]),
        "`bridges.0.minted`: name at least one token that is issued",
    );
    check(
        &|config| config["bridges"][0]["locked"][0]["token"] = json!("eth"),
        "`bridges.0.locked.0.token`: `eth` is neither `native` nor an address",
    );
    check(
        &|config| config["bridges"][0]["tolerance"] = json!("0.0000000000000000001"),
        "`bridges.0.tolerance`: 0.0000000000000000001 has more than 18 digits behind the point",
    );
    check(
        &|config| {
            let side = config["bridges"][0]["minted"][0].clone();
            config["bridges"][0]["minted"].as_array_mut().unwrap().push(side);
        },
        "`bridges.0.minted`: one of them is listed twice",
    );
}
