//! Reorgs and swaps: what rules remember goes back with the blocks, and belongs to a rule by what it says.

#![allow(clippy::unwrap_used)]

use rules::RuleDetector;
use serde_json::{Value, json};
use watchfire_sdk::prelude::*;
use watchfire_sdk::testing::{Bench, Block, chain, state};

const USDC: Address = address!("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48");
const VAULT: Address = address!("0x00000000000000000000000000000000000000aa");
const ALICE: Address = address!("0x00000000000000000000000000000000000000a1");

sol! {
    event Transfer(address indexed from, address indexed to, uint256 value);
}

const TRANSFER: &str = "event Transfer(address indexed from, address indexed to, uint256 value)";

/// One rule of each kind that remembers something.
fn rules() -> Value {
    json!([
        { "name": "many", "on": TRANSFER, "window": "10 m", "by": ["from"], "sum": "value", "having": "count >= 3",
          "title": "{count} and {sum}" },
        { "name": "new", "on": TRANSFER, "first": "to", "title": "new {to}" },
        { "name": "low", "on": "balance", "contract": "vault", "when": "value < 100", "title": "{value} after {before}" },
        { "name": "quiet", "on": format!("no {TRANSFER}"), "within": "5 m", "title": "{silent_s} s" },
    ])
}

fn config(rules: Value) -> Value {
    json!({ "addresses": { "vault": VAULT }, "rule": rules })
}

fn block(number: u64, from: Address, to: Address, value: u64) -> Block {
    Block::at(number, number * 12).event(USDC, &Transfer { from, to, value: U256::from(value) })
}

fn feed(bench: &mut Bench<RuleDetector>, block: &Block) -> Vec<String> {
    bench.feed(block).unwrap().into_iter().map(|finding| format!("{} {}", finding.kind, finding.title)).collect()
}

/// What was seen on blocks that left the chain is as if it had never been: findings and state are those of a run without them.
#[test]
fn a_reorg_leaves_nothing_of_the_blocks_that_it_takes_back() {
    let canonical =
        [block(1, VAULT, ALICE, 5), block(2, VAULT, ALICE, 5), block(3, ALICE, VAULT, 1), Block::at(30, 360)];
    let orphans = [block(3, VAULT, USDC, 90), block(4, VAULT, USDC, 90), Block::at(40, 480)];
    let balances = [500_u64, 400, 90, 80];
    let straight = {
        let mut bench = Bench::<RuleDetector>::start(config(rules())).unwrap();
        let mut found = Vec::new();
        for (block, balance) in canonical.iter().zip(balances) {
            chain::fund(VAULT, U256::from(balance));
            found.push(feed(&mut bench, block));
        }
        (found, state::entries())
    };
    assert!(straight.0.iter().flatten().count() >= 4, "{:?}", straight.0);
    // After each block of the canonical chain, the orphans come and go.
    for fork in 1..canonical.len() {
        let mut bench = Bench::<RuleDetector>::start(config(rules())).unwrap();
        let mut found = Vec::new();
        for (at, (block, balance)) in canonical.iter().zip(balances).enumerate() {
            if at == fork {
                chain::fund(VAULT, U256::from(1));
                let orphaned: usize = orphans.iter().map(|block| feed(&mut bench, block).len()).sum();
                assert!(orphaned > 0, "the orphans are seen while they stand");
                bench.revert(orphans.len());
            }
            chain::fund(VAULT, U256::from(balance));
            found.push(feed(&mut bench, block));
        }
        assert_eq!((found, state::entries()), straight, "forked after block {fork}");
    }
}

#[test]
fn an_unchanged_rule_goes_on_through_a_swap_and_a_changed_one_starts_anew() {
    let many = |having: &str, when: &str| {
        config(json!([{
            "name": "many", "on": TRANSFER, "when": when, "window": "10 m", "by": ["from"], "having": having, "title": "{count}",
        }]))
    };
    let after = |swapped: Value| {
        let mut bench = Bench::<RuleDetector>::start(many("count >= 3", "value > 1")).unwrap();
        for number in 1..=2 {
            assert!(feed(&mut bench, &block(number, VAULT, ALICE, 5)).is_empty());
        }
        bench.swap(swapped).unwrap();
        feed(&mut bench, &block(3, VAULT, ALICE, 5))
    };
    assert_eq!(after(many("count >= 3", "value > 1")), ["many 3"]);
    assert_eq!(after(many("count >= 2", "value > 1")), ["many 3"], "another threshold counts what was counted");
    assert!(after(many("count >= 3", "value > 2")).is_empty(), "another condition counts something else");
    // Beside another rule, and in another place.
    let mut two = many("count >= 3", "value > 1");
    two["rule"].as_array_mut().unwrap().insert(0, json!({ "name": "other", "on": TRANSFER, "when": "value > 100" }));
    assert_eq!(after(two), ["many 3"]);
    // A config that is wrong changes nothing.
    let mut bench = Bench::<RuleDetector>::start(many("count >= 2", "value > 1")).unwrap();
    feed(&mut bench, &block(1, VAULT, ALICE, 5));
    assert!(bench.swap(many("count >= 2", "valu > 1")).is_err());
    assert_eq!(feed(&mut bench, &block(2, VAULT, ALICE, 5)), ["many 2"]);
}
