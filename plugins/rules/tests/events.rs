//! Rules on events, natively.

#![allow(clippy::unwrap_used)]

use rules::RuleDetector;
use serde_json::{Value, json};
use watchfire_sdk::prelude::*;
use watchfire_sdk::testing::{Bench, Block};

const USDC: Address = address!("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48");
const OTHER: Address = address!("0x00000000000000000000000000000000000000d2");
const VAULT: Address = address!("0x00000000000000000000000000000000000000aa");
const ALICE: Address = address!("0x00000000000000000000000000000000000000a1");

sol! {
    function drain(address to, uint256 amount);
    event Transfer(address indexed from, address indexed to, uint256 value);
}

const TRANSFER: &str = "event Transfer(address indexed from, address indexed to, uint256 value)";

fn moved(from: Address, value: u128) -> Transfer {
    Transfer { from, to: ALICE, value: U256::from(value) }
}

fn config(rule: Value) -> Value {
    json!({
        "addresses": { "vault": VAULT, "usdc": USDC },
        "lists": { "watched": ["vault", "0x00000000000000000000000000000000000000bb"] },
        "rule": [rule],
    })
}

fn titles(config: Value, block: &Block) -> Vec<String> {
    let mut bench = Bench::<RuleDetector>::start(config).unwrap();
    bench.feed(block).unwrap().into_iter().map(|finding| format!("{} {}", finding.kind, finding.title)).collect()
}

#[test]
fn the_rule_of_the_readme_finds_what_it_says() {
    let rule = json!({
        "name": "big-exit", "on": TRANSFER, "contract": "usdc", "severity": "high",
        "when": "from in watched && value > 1_000_000 * 10^6", "title": "{value / 10^6} USDC left {from}",
    });
    let block = Block::at(1, 12)
        .event(USDC, &moved(VAULT, 1_000_000_000_000))
        .event(USDC, &moved(VAULT, 1_000_000_500_000))
        .event(OTHER, &moved(VAULT, 2_000_000_000_000))
        .event(USDC, &moved(ALICE, 2_000_000_000_000));
    assert_eq!(titles(config(rule), &block), ["big-exit 1000000.5 USDC left vault"]);
}

#[test]
fn mistakes_have_a_place_and_say_what_is_known() {
    let check = |rule: Value, key: &str, message: &str| {
        let error = Bench::<RuleDetector>::start(config(rule)).err().unwrap();
        assert_eq!(error.key, key);
        assert!(error.message.contains(message), "{}", error.message);
    };
    let when = |when: &str| json!({ "on": TRANSFER, "when": when });
    check(when("form == vault"), "rule.0.when", "line 1, column 1: there is no `form`; did you mean `from`? Known are");
    check(
        when("value > 1 && from > 3"),
        "rule.0.when",
        "column 14: what is compared by size is a number, and this is an address",
    );
    check(when("value"), "rule.0.when", "a condition is a bool, and this is a number");
    check(when("value >"), "rule.0.when", "line 1, column ");
    check(when("value > 10x"), "rule.0.when", "column 9: `10x` is no number");
    check(when("from == 0x00000000000000000000000000000000000000aa && to == 0x1234"), "rule.0.when", "column 55");
    check(when("watched"), "rule.0.when", "this is a list of addresses");
    check(json!({ "on": "event Transfer(address from" }), "rule.0.on", "no event as Solidity has it");
    check(json!({ "on": "evnt X()" }), "rule.0.on", "`evnt X()` is nothing that a rule looks at");
    check(json!({ "on": TRANSFER, "contract": "usdt" }), "rule.0.contract", "did you mean `usdc`?");
    check(json!({ "on": TRANSFER, "title": "{vale}" }), "rule.0.title", "column 2: there is no `vale`");
    check(json!({ "on": TRANSFER, "title": "{value" }), "rule.0.title", "column 1: this brace is not closed");
    check(json!({ "on": TRANSFER, "name": "Big Exit" }), "rule.0.name", "kebab-case");
}

#[test]
fn a_window_counts_apart_and_lives_in_the_state() {
    let rule = json!({
        "name": "many", "on": TRANSFER, "window": "10 m", "by": ["from"], "sum": "value", "having": "count >= 3 && sum > 10",
        "title": "{count} by {from}, {sum} in all", "amount": "sum",
    });
    let mut bench = Bench::<RuleDetector>::start(config(rule)).unwrap();
    let mut feed = |number: u64, at_s: u64, from: Address| {
        let found = bench.feed(&Block::at(number, at_s).event(USDC, &moved(from, 5))).unwrap();
        found.into_iter().map(|finding| finding.title).collect::<Vec<_>>()
    };
    assert!(feed(1, 1_000, VAULT).is_empty());
    assert!(feed(2, 1_100, VAULT).is_empty());
    assert!(feed(3, 1_200, ALICE).is_empty());
    assert_eq!(feed(4, 1_300, VAULT), ["3 by vault, 15 in all"]);
    assert!(feed(5, 9_000, VAULT).is_empty());
}

#[test]
fn a_value_is_first_once() {
    let rule = json!({ "on": TRANSFER, "first": "from", "title": "first from {from}" });
    let mut bench = Bench::<RuleDetector>::start(config(rule)).unwrap();
    let block = |number| Block::at(number, number * 12).event(USDC, &moved(VAULT, 5)).event(USDC, &moved(VAULT, 6));
    assert_eq!(bench.feed(&block(1)).unwrap().len(), 1);
    assert_eq!(bench.feed(&block(2)).unwrap().len(), 0);
}

#[test]
fn silence_is_told_once_until_it_is_broken() {
    let rule = json!({ "on": format!("no {TRANSFER}"), "contract": "usdc", "within": "1 h", "title": "{silent_s} s" });
    let mut bench = Bench::<RuleDetector>::start(config(rule)).unwrap();
    let mut feed = |block: Block| bench.feed(&block).unwrap().into_iter().map(|f| f.title).collect::<Vec<_>>();
    assert!(feed(Block::at(1, 1_000)).is_empty());
    assert!(feed(Block::at(2, 4_600)).is_empty());
    assert_eq!(feed(Block::at(3, 4_601)), ["3601 s"]);
    assert!(feed(Block::at(4, 9_000)).is_empty());
    assert!(feed(Block::at(5, 9_100).event(USDC, &moved(VAULT, 1))).is_empty());
    assert_eq!(feed(Block::at(6, 20_000)), ["10900 s"]);
}

#[test]
fn levels_are_told_when_they_begin_to_hold() {
    let rule = json!({
        "name": "low", "on": "balance", "contract": "vault", "when": "value < 10^18 || change_percent < -20",
        "title": "{fixed(value / 10^18, 2)} left, {change_percent} %",
    });
    let mut bench = Bench::<RuleDetector>::start(config(rule)).unwrap();
    let mut at = |number: u64, milli: u64| {
        watchfire_sdk::testing::chain::fund(VAULT, U256::from(milli) * U256::from(10).pow(U256::from(15)));
        bench.feed(&Block::at(number, number * 12)).unwrap().into_iter().map(|f| f.title).collect::<Vec<_>>()
    };
    assert!(at(1, 4_000).is_empty());
    assert_eq!(at(2, 3_000), ["3.00 left, -25 %"]);
    assert!(at(3, 2_900).is_empty());
    assert_eq!(at(4, 500), ["0.50 left, -82.758620 %"]);
    assert!(at(5, 400).is_empty());
}

#[test]
fn calls_transfers_slots_and_creations_are_candidates() {
    let config = json!({ "addresses": { "vault": VAULT }, "rule": [
        { "name": "call", "on": "call drain(address to, uint256 amount)", "contract": "vault", "when": "amount >= 7", "title": "{caller} {amount}" },
        { "name": "native", "on": "native transfer", "when": "from == vault && value > 5", "title": "{value} out" },
        { "name": "slot", "on": "storage", "contract": "vault", "slot": "3", "title": "{before} to {after}" },
    ] });
    let input = drainCall { to: ALICE, amount: U256::from(9) }.abi_encode();
    let word = |value: u8| B256::with_last_byte(value);
    use watchfire_sdk::batch::FrameKind;
    let block = Block::at(1, 12)
        .frame(FrameKind::Call, ALICE, VAULT, U256::ZERO, &input)
        .frame(FrameKind::Call, VAULT, ALICE, U256::from(6), &[])
        .frame(FrameKind::DelegateCall, VAULT, ALICE, U256::from(6), &[])
        .storage_change(VAULT, word(3), word(1), word(2))
        .storage_change(VAULT, word(4), word(1), word(2));
    assert_eq!(
        titles(config, &block),
        [format!("call {ALICE} 9"), "native 6 out".to_owned(), "slot 1 to 2".to_owned()]
    );
}

#[test]
fn what_can_not_be_judged_is_told() {
    let rule = json!({ "name": "odd", "on": TRANSFER, "when": "10 / (value - 5) > 1" });
    let found = titles(config(rule), &Block::at(1, 12).event(USDC, &moved(VAULT, 5)));
    assert_eq!(found, ["rule-failed The rule odd could not be judged"]);
}
