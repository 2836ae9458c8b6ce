//! Rules that are not asked because a number says that they can't match: leaving them out changes nothing.

#![allow(clippy::unwrap_used)]

use rules::RuleDetector;
use serde_json::{Value, json};
use watchfire_sdk::prelude::*;
use watchfire_sdk::testing::{Bench, Block};

const USDC: Address = address!("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48");
const ALICE: Address = address!("0x00000000000000000000000000000000000000a1");

sol! {
    event Transfer(address indexed from, address indexed to, uint256 value);
}

const TRANSFER: &str = "event Transfer(address indexed from, address indexed to, uint256 value)";

fn rule(at: usize, when: String) -> Value {
    json!({ "name": format!("rule-{at}"), "on": TRANSFER, "when": when, "title": "{value}" })
}

fn kinds(rules: Vec<Value>, explain: bool, values: &[i64]) -> Vec<Vec<String>> {
    let mut bench = Bench::<RuleDetector>::start(json!({ "rule": rules, "explain": explain })).unwrap();
    let mut found = Vec::new();
    for (number, value) in (1..).zip(values) {
        let value = if *value < 0 { U256::MAX } else { U256::from(*value as u64) };
        let block = Block::at(number, number * 12).event(USDC, &Transfer { from: ALICE, to: ALICE, value });
        let findings = bench.feed(&block).unwrap();
        let mut kinds: Vec<String> = findings.into_iter().map(|finding| finding.kind).collect();
        kinds.retain(|kind| kind != "rule-explained");
        kinds.sort();
        found.push(kinds);
    }
    found
}

/// With `explain` each rule is asked about each candidate; without it, only those whose number fits. Both find the same.
#[test]
fn numbers_rule_out_only_what_can_not_match() {
    let conditions = [
        "value > 10",
        "value >= 10",
        "value < 10",
        "value <= 10",
        "10 < value",
        "10 >= value",
        "value > 9.5",
        "value < 10.5",
        "value > 3 && value < 12",
        "value < 12 && value > 3",
        "value > 5 || value < 2",
        "!(value > 10)",
        "value > 2^255",
        "value <= 2^256 - 1",
        "value > -1",
        "value % 2 == 0 && value > 8",
        "10 / (value - 10) > 0 && value > 20",
    ];
    let rules: Vec<Value> = conditions.iter().enumerate().map(|(at, when)| rule(at, (*when).to_owned())).collect();
    let values = [0, 1, 2, 3, 4, 5, 9, 10, 11, 12, 13, 21, i64::MAX, -1];
    let asked = kinds(rules.clone(), true, &values);
    let mut ruled_out = kinds(rules, false, &values);
    // As CEL has it, a part that can't be judged beside one that is false is false: the last rule divides by zero at 10.
    let at_ten = &mut ruled_out[7];
    assert!(!at_ten.contains(&"rule-failed".to_owned()));
    at_ten.push("rule-failed".to_owned());
    at_ten.sort();
    assert_eq!(asked, ruled_out);
}
