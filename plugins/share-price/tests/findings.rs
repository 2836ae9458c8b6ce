//! Blocks made by hand in, findings out: attacks, each with a twin that is none.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};
use share_price::SharePrice;
use watchfire_sdk::prelude::*;
use watchfire_sdk::testing::chain::{self as answers, ChainError};
use watchfire_sdk::testing::{Bench, Block};

const VAULT: Address = address!("0x00000000000000000000000000000000000000aa");
const USDX: Address = address!("0x0000000000000000000000000000000000000d01");
const ALICE: Address = address!("0x00000000000000000000000000000000000000a1");
const THIEF: Address = address!("0x00000000000000000000000000000000000000e1");

sol! {
    event Transfer(address indexed from, address indexed to, uint256 value);
    event Deposit(address indexed sender, address indexed owner, uint256 assets, uint256 shares);
    event Mint(address minter, uint256 mintAmount, uint256 mintTokens);
    event Withdraw(address indexed sender, address indexed receiver, address indexed owner, uint256 assets, uint256 shares);
    function convertToAssets(uint256 shares) returns (uint256 assets);
    function exchangeRateStored() returns (uint256 rate);
    function getPricePerFullShare() returns (uint256 price);
    function totalSupply() returns (uint256 shares);
}

fn config() -> Value {
    json!({ "vaults": [{ "address": VAULT, "label": "Vault", "asset": USDX, "share_decimals": 6, "dust": "1000" }] })
}

fn units(whole: u64) -> U256 {
    U256::from(whole) * U256::from(1_000_000)
}

/// The vault has so many shares, each worth so many millionths.
fn answer(shares: U256, millionths: u64) {
    answers::answer(VAULT, &totalSupplyCall {}, &shares);
    answers::answer(VAULT, &convertToAssetsCall { shares: units(1) }, &U256::from(millionths));
}

fn at(number: u64) -> Block {
    Block::at(number, number * 12)
}

/// Puts the rows that were added last into the transaction before them.
fn together(mut block: Block) -> Block {
    let first = block.logs.first().unwrap().transaction_index;
    block.logs.iter_mut().for_each(|log| log.transaction_index = first);
    block
}

fn sent(block: Block, amount: U256) -> Block {
    block.event(USDX, &Transfer { from: THIEF, to: VAULT, value: amount })
}

fn deposited(block: Block, assets: U256, shares: U256) -> Block {
    sent(block, assets).event(VAULT, &Deposit { sender: THIEF, owner: THIEF, assets, shares })
}

fn told(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(|finding| format!("{} {:?} {}", finding.kind, finding.severity, finding.title)).collect()
}

/// A vault of a million shares that are worth one unit each, then a block with another price.
fn from_one_to(millionths: u64, block: Block) -> Vec<String> {
    let mut bench = Bench::<SharePrice>::start(config()).unwrap();
    answer(units(1_000_000), 1_000_000);
    assert!(bench.feed(&at(1)).unwrap().is_empty());
    answer(units(1_000_000), millionths);
    told(&bench.feed(&block).unwrap())
}

#[test]
fn a_price_rises_by_interest_and_not_by_more() {
    assert!(from_one_to(1_001_000, at(2)).is_empty(), "ten basis points are allowed");
    assert_eq!(
        from_one_to(1_001_001, at(2)),
        ["share-price-rose High Vault: a share is worth 10 bps more than before"]
    );
    assert_eq!(
        from_one_to(1_010_001, at(2)),
        ["share-price-rose Critical Vault: a share is worth 100 bps more than before"]
    );
    // Ten blocks in which nobody looked may have ten times the interest.
    assert!(from_one_to(1_010_000, at(11)).is_empty());
    assert_eq!(from_one_to(1_010_001, at(11)).len(), 1);
}

#[test]
fn any_fall_is_told_but_what_rounding_makes() {
    assert!(from_one_to(999_999, at(2)).is_empty());
    assert_eq!(from_one_to(999_998, at(2)), ["share-price-fell High Vault: a share is worth 0 bps less than before"]);
    assert_eq!(
        from_one_to(989_999, at(2)),
        ["share-price-fell Critical Vault: a share is worth 100 bps less than before"]
    );
    assert_eq!(from_one_to(0, at(2)), ["share-price-fell Critical Vault: a share is worth 10000 bps less than before"]);
}

#[test]
fn a_gift_moves_a_price_and_a_deposit_does_not() {
    let gift = sent(at(2), units(50_000));
    assert_eq!(
        from_one_to(1_050_000, gift.clone()),
        ["gift-moves-price Critical Vault: a share is worth 500 bps more than before"]
    );
    // A gift that moves nothing is dust that anybody can send.
    assert!(from_one_to(1_000_000, gift).is_empty());
    let deposit = together(deposited(at(2), units(50_000), units(50_000)));
    assert!(from_one_to(1_000_000, deposit.clone()).is_empty());
    // The deposit tells of one transfer; a second one of the same amount in its transaction is a gift.
    let twice = together(sent(deposit, units(50_000)));
    assert_eq!(from_one_to(1_050_000, twice)[0].split(' ').next(), Some("gift-moves-price"));
}

/// One share of the smallest kind, a gift, and a deposit that is rounded away.
#[test]
fn the_first_depositor_takes_the_second_ones_money() {
    let mut bench = Bench::<SharePrice>::start(config()).unwrap();
    let one = U256::from(1);
    answer(U256::ZERO, 1_000_000);
    assert!(bench.feed(&at(1)).unwrap().is_empty());
    answer(one, 1_000_000);
    let found = told(&bench.feed(&together(deposited(at(2), one, one))).unwrap());
    assert_eq!(found, ["supply-dust Medium Vault: 0.000001 shares are left, fewer than 1000"]);
    answers::answer(VAULT, &convertToAssetsCall { shares: units(1) }, &(units(10_000) * units(1)));
    let found = told(&bench.feed(&sent(at(3), units(10_000))).unwrap());
    assert!(found[0].starts_with("gift-moves-price Critical"), "{found:?}");
    let found = told(&bench.feed(&together(deposited(at(4), units(9_999), U256::ZERO))).unwrap());
    assert!(found[0].starts_with("deposit-for-nothing Critical"), "{found:?}");
}

#[test]
fn a_vault_that_fills_from_nothing_is_no_attack() {
    let mut bench = Bench::<SharePrice>::start(config()).unwrap();
    answer(U256::ZERO, 1_000_000);
    assert!(bench.feed(&at(1)).unwrap().is_empty());
    // Its first price is another than what it said without a share.
    answer(units(5_000), 1_040_000);
    assert!(bench.feed(&together(deposited(at(2), units(5_200), units(5_000)))).unwrap().is_empty());
    // Everybody leaves, and it says one again.
    answer(U256::ZERO, 1_000_000);
    assert!(bench.feed(&at(3)).unwrap().is_empty());
}

#[test]
fn dust_is_told_once_until_it_is_over() {
    let mut bench = Bench::<SharePrice>::start(config()).unwrap();
    let mut look = |number, shares| {
        answer(shares, 1_000_000);
        told(&bench.feed(&at(number)).unwrap()).len()
    };
    let counts =
        [look(1, units(1_000)), look(2, units(999)), look(3, units(5)), look(4, units(1_000)), look(5, units(999))];
    assert_eq!(counts, [0, 1, 0, 0, 1]);
}

#[test]
fn a_vault_without_an_answer_is_told_and_a_silent_node_is_not() {
    let mut bench = Bench::<SharePrice>::start(config()).unwrap();
    answer(units(1_000_000), 1_000_000);
    bench.feed(&at(1)).unwrap();
    let fail = |code| answers::fail(VAULT, &convertToAssetsCall { shares: units(1) }, ChainError::of(code));
    fail("unavailable");
    assert!(bench.feed(&at(2)).unwrap().is_empty());
    fail("reverted");
    let found = told(&bench.feed(&at(3)).unwrap());
    assert_eq!(found, ["share-price-unreadable High Vault: it does not say what a share is worth"]);
    assert!(bench.feed(&at(4)).unwrap().is_empty(), "once");
    // It is compared with the last price that there was.
    answer(units(1_000_000), 900_000);
    assert_eq!(told(&bench.feed(&at(5)).unwrap()).len(), 1);
}

#[test]
fn markets_and_older_vaults_answer_by_functions_of_their_own() {
    let mut config = config();
    config["vaults"][0]["price"] = json!("exchangeRateStored()");
    let mut bench = Bench::<SharePrice>::start(config.clone()).unwrap();
    let rate = |value: u64| answers::answer(VAULT, &exchangeRateStoredCall {}, &(U256::from(value) * units(1_000_000)));
    answers::answer(VAULT, &totalSupplyCall {}, &units(1_000_000));
    rate(200_000);
    bench.feed(&at(1)).unwrap();
    let minted =
        sent(at(2), units(7)).event(VAULT, &Mint { minter: ALICE, mintAmount: units(7), mintTokens: units(350) });
    assert!(bench.feed(&together(minted)).unwrap().is_empty());
    rate(300_000);
    assert!(told(&bench.feed(&sent(at(3), units(70))).unwrap())[0].starts_with("gift-moves-price Critical"));
    let nothing =
        sent(at(4), units(7)).event(VAULT, &Mint { minter: ALICE, mintAmount: units(7), mintTokens: U256::ZERO });
    assert!(told(&bench.feed(&together(nothing)).unwrap())[0].starts_with("deposit-for-nothing Critical"));

    // A rate that is no token: it has no supply.
    config["vaults"][0] = json!({ "address": VAULT, "label": "Vault", "price": "getPricePerFullShare()" });
    let mut bench = Bench::<SharePrice>::start(config).unwrap();
    answers::answer(VAULT, &getPricePerFullShareCall {}, &units(1));
    bench.feed(&at(1)).unwrap();
    answers::answer(VAULT, &getPricePerFullShareCall {}, &units(2));
    assert!(told(&bench.feed(&at(2)).unwrap())[0].starts_with("share-price-rose Critical"));
}

#[test]
fn the_same_question_is_answered_differently_within_one_transaction() {
    let ask = |block: Block, answer: u64| {
        let mut block = block.frame(
            FrameKind::StaticCall,
            THIEF,
            VAULT,
            U256::ZERO,
            &convertToAssetsCall { shares: units(1_000) }.abi_encode(),
        );
        let frame = block.frames.last_mut().unwrap();
        frame.output = units(answer).to_be_bytes_vec().into();
        block
    };
    let one = |mut block: Block| {
        block.frames.iter_mut().for_each(|frame| frame.transaction_index = 0);
        block
    };
    let feed = |block: Block| {
        let mut bench = Bench::<SharePrice>::start(config()).unwrap();
        answer(units(1_000_000), 1_000_000);
        told(&bench.feed(&block).unwrap())
    };
    let twice = |second| ask(ask(at(2), 1_000), second);
    assert_eq!(
        feed(one(twice(1_100))),
        ["share-price-bent Critical Vault: its price differs by 1000 bps within one transaction"]
    );
    assert_eq!(feed(one(twice(900))).len(), 1, "either way");
    assert!(feed(one(twice(1_001))).is_empty(), "what a harvest brings");
    assert!(feed(twice(1_100)).is_empty(), "in two transactions");
    let mut reverted = one(twice(1_100));
    reverted.frames[1].success = false;
    assert!(feed(reverted).is_empty());
}

#[test]
fn a_vault_of_another_chain_is_not_asked() {
    let mut config = config();
    config["vaults"][0]["chain"] = json!(10);
    let mut bench = Bench::<SharePrice>::start(config).unwrap();
    answer(units(1), 1_000_000);
    assert!(bench.feed(&at(1)).unwrap().is_empty());
    let mut there = at(1);
    there.chain_id = 10;
    assert_eq!(bench.feed(&there).unwrap()[0].kind, "supply-dust");
}

#[test]
fn config_errors_name_their_key() {
    let check = |change: &dyn Fn(&mut Value), expected: &str| {
        let mut config = config();
        change(&mut config);
        assert_eq!(Bench::<SharePrice>::start(config).err().unwrap().to_string(), expected);
    };
    check(&|config| config["vaults"] = json!([]), "`vaults`: name at least one vault");
    check(
        &|config| config["vaults"][0]["price"] = json!("getRate"),
        "`vaults.0.price`: `getRate` is neither `erc4626` nor a function such as `getRate()`",
    );
    check(
        &|config| config["vaults"][0]["dust"] = json!("0.0000001"),
        "`vaults.0.dust`: 0.0000001 has more than 6 digits behind the point",
    );
    check(
        &|config| config["vaults"][0]["max_fall_bps"] = json!(10_001),
        "`vaults.0.max_fall_bps`: a price falls by at most 10000",
    );
    check(&|config| config["check_every_blocks"] = json!(0), "`check_every_blocks`: it must be at least 1");
    check(
        &|config| {
            let vault = config["vaults"][0].clone();
            config["vaults"].as_array_mut().unwrap().push(vault);
        },
        "`vaults.1.address`: it is listed twice",
    );
}
