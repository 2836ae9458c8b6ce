//! Transactions made by hand: an attack, and its benign twin.

#![allow(clippy::unwrap_used)]

use attacks::Attacks;
use serde_json::{Value, json};
use tree::{ALICE, Bench, Check, OWN, THIEF, Tree, VAULT, WETH, weth, word};
use watchfire_sdk::prelude::*;

mod tree;

#[test]
fn coins_that_call_back_into_a_withdrawal() {
    let begin = || Tree::new().call(0, THIEF, OWN, "attack()", &[]);
    let once = || begin().call(1, OWN, VAULT, "take(uint256)", &[weth(10)]).call(2, VAULT, OWN, "", &[]).value(10);
    once()
        .call(3, OWN, VAULT, "take(uint256)", &[weth(10)])
        .call(4, VAULT, OWN, "", &[])
        .value(10)
        .check(&["reentered"]);
    // The same again, one after the other.
    once().call(1, OWN, VAULT, "take(uint256)", &[weth(10)]).call(2, VAULT, OWN, "", &[]).value(10).check(&[]);
}

#[test]
fn tokens_of_somebody_who_takes_no_part() {
    let pull = || {
        Tree::new().call(0, THIEF, OWN, "attack()", &[]).call(1, OWN, VAULT, "run(bytes)", &[]).call(
            2,
            VAULT,
            WETH,
            "transferFrom(address,address,uint256)",
            &[word(ALICE), word(OWN), weth(50)],
        )
    };
    pull().check(&["third-party-pull"]);
    // Paid in the same transaction: a settlement.
    pull().call(1, OWN, ALICE, "", &[]).value(50).check(&[]);
}

#[test]
fn a_vault_that_asks_a_contract_of_the_callers() {
    let mint = |target| {
        Tree::new()
            .call(0, THIEF, OWN, "attack()", &[])
            .call(1, OWN, VAULT, "deposit(address,uint256)", &[word(target), weth(9)])
            .call(2, VAULT, target, "transferFrom(address,address,uint256)", &[word(OWN), word(VAULT), weth(9)])
            .call(2, VAULT, ALICE, "mint(address,uint256)", &[word(OWN), weth(9)])
    };
    mint(OWN).check(&["spoofed-counterpart"]);
    mint(WETH).check(&[]);
}

#[test]
fn amounts_that_overflow() {
    let half = B256::from(U256::from(1) << 255);
    let batch = |amount| {
        let words = [B256::from(U256::from(64)), amount, B256::from(U256::from(2)), word(THIEF), word(OWN)];
        Tree::new().call(0, THIEF, VAULT, "batchTransfer(address[],uint256)", &words)
    };
    batch(half).check(&["absurd-amount"]);
    batch(weth(1)).check(&[]);
}

#[test]
fn what_was_reverted_is_no_attack() {
    let tree = Tree::new().call(0, THIEF, OWN, "attack()", &[]).call(1, OWN, VAULT, "run(bytes)", &[]).call(
        2,
        VAULT,
        WETH,
        "transferFrom(address,address,uint256)",
        &[word(ALICE), word(OWN), weth(50)],
    );
    tree.reverted().check(&[]);
}

/// A vault pays ten ether to an actor; what it has left is read.
#[test]
fn a_large_share_of_what_a_contract_held() {
    let drain = |left: u64| {
        let tree = Tree::new().call(0, THIEF, OWN, "attack()", &[]).call(1, OWN, VAULT, "take(uint256)", &[weth(60)]);
        let tree = tree.call(2, VAULT, OWN, "", &[]).value(60);
        let mut bench = Bench::<Attacks>::start(json!({ "off": ["unearned-gain"] })).unwrap();
        watchfire_sdk::testing::chain::fund(VAULT, U256::from(left) * U256::from(10).pow(U256::from(18)));
        tree.feed(&mut bench).unwrap().iter().map(|it| (it.kind.clone(), it.severity)).collect::<Vec<_>>()
    };
    assert_eq!(drain(10), [("balance-drain".to_owned(), Severity::Critical)]);
    assert_eq!(drain(100), [("balance-drain".to_owned(), Severity::High)]);
    assert!(drain(1_000).is_empty());
}

#[test]
fn config_errors_name_their_key() {
    let check = |config: Value, expected: &str| {
        let error = Bench::<Attacks>::start(config).err().unwrap();
        assert!(error.to_string().starts_with(expected), "{error}");
    };
    check(json!({ "off": ["reentrance"] }), "`off.0`: there is no detector `reentrance`; there are reentrancy,");
    check(json!({ "flash_floors": 0.0 }), "`flash_floors`: it must be above zero");
    check(json!({ "share_percent": 101 }), "`share_percent`: it must be from 1 to 100");
    let asset = json!({ "chain": 1, "address": WETH, "symbol": "X", "decimals": 37, "floor": 1.0, "money": "coin" });
    check(json!({ "assets": [asset] }), "`assets.0.decimals`: an asset has at most 36");
}
