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
    check(when("value > 1 && from > 3"), "rule.0.when", "column 14: what is compared by size is a number, and this is an address");
    check(when("value"), "rule.0.when", "a condition is a bool, and this is a number");
    check(when("value >"), "rule.0.when", "line 1, column ");
    check(when("value > 10x"), "rule.0.when", "column 9: `10x` is no number");
    check(when("from == 0x00000000000000000000000000000000000000aA && to == 0x1234"), "rule.0.when", "column 55");
    check(when("watched"), "rule.0.when", "this is a list of addresses");
    check(json!({ "on": "event Transfer(address from" }), "rule.0.on", "no event as Solidity has it");
    check(json!({ "on": "evnt X()" }), "rule.0.on", "`evnt` is nothing that a rule looks at");
    check(json!({ "on": TRANSFER, "contract": "usdt" }), "rule.0.contract", "did you mean `usdc`?");
    check(json!({ "on": TRANSFER, "title": "{vale}" }), "rule.0.title", "column 2: there is no `vale`");
    check(json!({ "on": TRANSFER, "title": "{value" }), "rule.0.title", "column 1: this brace is not closed");
    check(json!({ "on": TRANSFER, "name": "Big Exit" }), "rule.0.name", "kebab-case");
}
