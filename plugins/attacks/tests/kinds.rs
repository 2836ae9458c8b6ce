//! More kinds, each by a transaction made by hand and its benign twin.

#![allow(clippy::unwrap_used)]

use serde_json::json;
use tree::{ALICE, Bench, Check, OWN, THIEF, Tree, VAULT, WETH, weth, word};
use watchfire_sdk::prelude::*;
use watchfire_sdk::testing::{calldata, twins};

mod tree;

const PAIR: Address = address!("0x00000000000000000000000000000000000000bb");
const TOKEN: Address = address!("0x00000000000000000000000000000000000000cc");
const HELPER: Address = address!("0x00000000000000000000000000000000000000e3");
const BOB: Address = address!("0x00000000000000000000000000000000000000b0");
const CAROL: Address = address!("0x00000000000000000000000000000000000000c0");
const TRANSFER: &str = "transfer(address,uint256)";
const TRANSFER_FROM: &str = "transferFrom(address,address,uint256)";

/// Calldata of `run(bytes)` around other calldata.
fn run(inner: &[u8]) -> Vec<u8> {
    let mut input = calldata("run(bytes)", &[weth(0), weth(0)]);
    input.extend_from_slice(inner);
    input
}

fn begin() -> Tree {
    Tree::new().call(0, THIEF, OWN, "attack()", &[])
}

#[test]
fn calldata_that_a_contract_passes_on() {
    let pull = calldata(TRANSFER_FROM, &[word(ALICE), word(THIEF), weth(9)]);
    // The sender asks a router itself, of a token that has no price.
    let by = |input: Vec<u8>| Tree::new().call_with(0, THIEF, VAULT, input).call_with(1, VAULT, TOKEN, pull.clone());
    by(run(&pull)).check(&["dictated-call"]);
    // The router makes it up of what it knows: an order that Alice signed, say.
    by(calldata("fill(uint256)", &[weth(1)])).check(&[]);
    // Alice permits it in the same transaction.
    let permit = calldata("permit(address,address,uint256,uint256,uint8,bytes32,bytes32)", &[word(ALICE), word(VAULT)]);
    Tree::new()
        .call_with(0, THIEF, VAULT, run(&pull))
        .call_with(1, VAULT, TOKEN, permit)
        .call_with(1, VAULT, TOKEN, pull.clone())
        .check(&[]);
    // A wallet pays what its owner may.
    let wallet = calldata("execute(address,bytes)", &[word(TOKEN)]).into_iter().chain(pull.clone()).collect();
    by(wallet).check(&[]);
}

#[test]
fn an_approval_that_a_contract_is_told_to_give() {
    let approve = calldata("approve(address,uint256)", &[word(OWN), weth(9)]);
    let taken = |input: Vec<u8>| {
        begin().call_with(1, OWN, VAULT, input).call_with(2, VAULT, TOKEN, approve.clone()).call(
            1,
            OWN,
            TOKEN,
            TRANSFER_FROM,
            &[word(VAULT), word(OWN), weth(9)],
        )
    };
    taken(run(&approve)).check(&["dictated-call"]);
    taken(calldata("claim(uint256)", &[weth(9)])).check(&[]);
}

#[test]
fn a_callback_that_nobody_asked_for() {
    let callback = "uniswapV3SwapCallback(int256,int256,bytes)";
    let paid = |tree: Tree| tree.call(2, VAULT, TOKEN, TRANSFER, &[word(OWN), weth(9)]);
    paid(begin().call(1, OWN, VAULT, callback, &[weth(9), weth(0)])).check(&["forged-callback"]);
    // A pool of one's own hands something out first, and is paid for it.
    let lent = begin().call(1, OWN, WETH, TRANSFER, &[word(VAULT), weth(9)]);
    paid(lent.call(1, OWN, VAULT, callback, &[weth(9), weth(0)])).check(&[]);
}

#[test]
fn code_of_the_attackers_in_a_vault() {
    let runs = |code: Address| {
        begin()
            .call(1, OWN, VAULT, "run(address)", &[word(code)])
            .call(2, VAULT, code, "pay()", &[])
            .kind(2)
            .call(3, VAULT, OWN, "", &[])
            .value(50)
    };
    let by = json!({ "off": ["balance-drain", "reentrancy", "unearned-gain"] });
    runs(OWN).check_by(by.clone(), &["foreign-code"]);
    runs(TOKEN).check_by(by, &[]);
}

#[test]
fn priced_tokens_of_three_accounts_to_one_stranger() {
    let pull = |tree: Tree, from: Address| tree.call(2, VAULT, WETH, TRANSFER_FROM, &[word(from), word(PAIR), weth(1)]);
    let two = || pull(pull(begin().call(1, OWN, VAULT, "go(uint256)", &[weth(1)]), ALICE), BOB);
    two().check(&[]);
    pull(two(), CAROL).check(&["third-party-pull"]);
}

#[test]
fn a_token_that_grows_by_being_sent_to_oneself() {
    let trade = |to: Address| {
        begin()
            .call(1, OWN, TOKEN, TRANSFER, &[word(to), weth(9)])
            .call(1, OWN, TOKEN, TRANSFER, &[word(PAIR), weth(18)])
            .call(1, OWN, PAIR, "sell(uint256)", &[weth(9)])
            .call(2, PAIR, OWN, "", &[])
            .value(3)
    };
    trade(OWN).check(&["self-transfer"]);
    trade(PAIR).check(&[]);
}

#[test]
fn tokens_that_come_from_nothing_and_are_sold() {
    let sold = |bought: u64| {
        begin()
            .call(1, PAIR, TOKEN, TRANSFER, &[word(OWN), weth(bought)])
            .call(1, OWN, TOKEN, "issue(address,uint256)", &[word(OWN), weth(900)])
            .call(1, OWN, TOKEN, TRANSFER, &[word(PAIR), weth(900)])
            .call(1, OWN, PAIR, "sell(uint256)", &[weth(900)])
            .call(2, PAIR, OWN, "", &[])
            .value(3)
    };
    sold(1).check(&["issued-gain"]);
    sold(900).check(&[]);
}

#[test]
fn a_position_of_ones_own_is_liquidated() {
    let liquidates = |whose: Address| {
        begin()
            .call(1, OWN, HELPER, "", &[])
            .kind(4)
            .call(1, OWN, VAULT, "liquidateBorrow(address,uint256,address)", &[word(whose), weth(1), word(TOKEN)])
            .call(2, VAULT, OWN, "", &[])
            .value(3)
    };
    let by = json!({ "off": ["price-manipulation"] });
    liquidates(HELPER).check_by(by.clone(), &["own-liquidation", "born-gain"]);
    liquidates(ALICE).check_by(by, &["born-gain"]);
}

#[test]
fn a_loan_of_which_much_is_kept() {
    let keeps = |lent: u64, whole: u64| {
        begin()
            .call(1, OWN, VAULT, "flashLoan(address,uint256,bytes)", &[word(WETH), weth(lent)])
            .call(2, VAULT, WETH, TRANSFER, &[word(OWN), weth(lent)])
            .call(2, VAULT, OWN, "onLoan()", &[])
            .call(3, OWN, PAIR, "swap(uint256,uint256,address,bytes)", &[weth(whole), weth(0), word(OWN)])
            .call(4, PAIR, WETH, TRANSFER, &[word(OWN), weth(whole)])
            .call(3, OWN, WETH, TRANSFER, &[word(VAULT), weth(lent)])
    };
    keeps(20, 3).check(&["flash-margin"]);
    keeps(100, 3).check(&[]);
}

#[test]
fn another_owner_and_money_from_elsewhere() {
    let sets = |setter: &str| {
        begin()
            .call(1, OWN, TOKEN, setter, &[word(OWN)])
            .call(1, OWN, VAULT, "take(uint256)", &[weth(3)])
            .call(2, VAULT, OWN, "", &[])
            .value(3)
    };
    sets("setOracle(address)").check(&["takeover-gain"]);
    sets("look(address)").check(&[]);
}

#[test]
fn a_contract_that_is_named_and_called_by_whatever_function() {
    let calls = |named: Address, target: Address| {
        begin()
            .call(1, OWN, VAULT, "join(address,uint256)", &[word(named), weth(1)])
            .call(2, VAULT, target, "settle(uint256)", &[weth(1)])
            .call(2, VAULT, OWN, "", &[])
            .value(9)
    };
    calls(OWN, OWN).check(&["spoofed-counterpart"]);
    calls(ALICE, OWN).check(&[]);
    calls(ALICE, ALICE).check(&[]);
}

#[test]
fn a_pair_that_is_emptied_between_two_trades() {
    let trades = |back: u64| {
        begin()
            .call(1, OWN, WETH, TRANSFER, &[word(PAIR), weth(10)])
            .call(1, OWN, PAIR, "swap(uint256,uint256,address,bytes)", &[weth(900), weth(0), word(OWN)])
            .call(2, PAIR, TOKEN, TRANSFER, &[word(OWN), weth(900)])
            .call(1, OWN, TOKEN, TRANSFER, &[word(PAIR), weth(1)])
            .call(1, OWN, PAIR, "swap(uint256,uint256,address,bytes)", &[weth(0), weth(back), word(OWN)])
            .call(2, PAIR, WETH, TRANSFER, &[word(OWN), weth(back)])
    };
    trades(12).check(&["round-trip"]);
    trades(9).check(&[]);
}

/// The kit's attacks are found, each by a kind of its own, and its twins are not.
#[test]
fn twins_of_the_kit_are_told_apart() {
    let kinds = twins::all().into_iter().map(|twins| {
        let mut bench = Bench::<attacks::Attacks>::start(json!({})).unwrap();
        let benign = bench.feed(&twins.benign).unwrap();
        assert!(benign.is_empty(), "{}: {}", twins.name, benign[0].kind);
        let found = bench.feed(&twins.attack).unwrap();
        found.first().map(|finding| finding.kind.clone()).unwrap_or_default()
    });
    let expected = [
        "reentered",
        "third-party-pull",
        "dictated-call",
        "forged-callback",
        "spoofed-counterpart",
        "round-trip",
        "self-transfer",
        "takeover-drain",
        "absurd-amount",
    ];
    assert_eq!(kinds.collect::<Vec<_>>(), expected);
}
