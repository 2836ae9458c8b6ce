//! Blocks made by hand in, findings out: thefts, each with a twin that is none.

#![allow(clippy::unwrap_used)]

use key_compromise::KeyCompromise;
use serde_json::{Value, json};
use watchfire_sdk::alloy_primitives::keccak256;
use watchfire_sdk::prelude::*;
use watchfire_sdk::testing::chain as answers;
use watchfire_sdk::testing::{Bench, Block, TransactionRow};

const DEPLOYER: Address = address!("0x00000000000000000000000000000000000000d1");
const KEEPER: Address = address!("0x00000000000000000000000000000000000000d2");
const TREASURY: Address = address!("0x00000000000000000000000000000000000000d3");
const THIEF: Address = address!("0x00000000000000000000000000000000000000e1");
const USDC: Address = address!("0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48");
const FAKE: Address = address!("0x0000000000000000000000000000000000000bad");

sol! {
    event Transfer(address indexed from, address indexed to, uint256 value);
    function transfer(address to, uint256 amount) returns (bool done);
    function balanceOf(address account) returns (uint256 balance);
}

fn config() -> Value {
    json!({
        "accounts": [{ "address": DEPLOYER, "label": "Deployer" }, { "address": KEEPER, "label": "Keeper" }],
        "expected": [TREASURY],
        "swept": 0,
    })
}

fn units(whole: u64, decimals: u64) -> U256 {
    U256::from(whole) * U256::from(10).pow(U256::from(decimals))
}

fn at(number: u64) -> Block {
    Block::at(number, number * 12)
}

/// Coins, after which the sender has so much left.
fn coins(block: Block, from: Address, to: Address, sent: U256, left: U256) -> Block {
    answers::fund(from, left);
    transaction(block, from, to, sent, Vec::new())
}

fn transaction(mut block: Block, from: Address, to: Address, value: U256, input: Vec<u8>) -> Block {
    let index = block.transaction_hashes.len() as u32;
    let hash = keccak256([&block.number.to_be_bytes()[..], &index.to_be_bytes()].concat());
    block.transaction_hashes.push(hash);
    let row = TransactionRow { hash, index, sender: from, recipient: Some(to), value, input: input.into(), status: 1 };
    block.transactions.push(row);
    block
}

/// USDC, after which the sender has so much left.
fn dollars(block: Block, from: Address, to: Address, sent: u64, left: u64) -> Block {
    answers::answer(USDC, &balanceOfCall { account: from }, &units(left, 6));
    let amount = units(sent, 6);
    let block = transaction(block, from, USDC, U256::ZERO, transferCall { to, amount }.abi_encode());
    let index = block.transaction_hashes.len() as u32 - 1;
    let mut block = block.event(USDC, &Transfer { from, to, value: amount });
    block.transaction_hashes.pop();
    block.logs.last_mut().unwrap().transaction_index = index;
    block
}

fn ether(tenths: u64) -> U256 {
    units(tenths, 17)
}

struct Watch(Bench<KeyCompromise>, Vec<String>);

impl Watch {
    fn new(config: Value) -> Self {
        Self(Bench::start(config).unwrap(), Vec::new())
    }

    fn feed(mut self, block: &Block) -> Self {
        for finding in self.0.feed(block).unwrap() {
            assert!(!finding.transactions.is_empty(), "each stands on its transactions");
            self.1.push(format!("{} {:?} {}", finding.kind, finding.severity, finding.title));
        }
        self
    }

    fn check(self, expected: &[&str]) {
        assert_eq!(self.1, expected);
    }
}

#[test]
fn an_account_that_is_emptied_is_told_and_one_that_pays_is_not() {
    let told = format!("account-emptied Medium Deployer was emptied of 1 assets into {THIEF}");
    let watch = Watch::new(config());
    watch.feed(&coins(at(1), DEPLOYER, THIEF, ether(90), ether(10))).check(&[&told]);
    let watch = Watch::new(config());
    watch.feed(&coins(at(1), DEPLOYER, THIEF, ether(89), ether(11))).check(&[]);
    // A little is no money, and a failed transaction moves none.
    let watch = Watch::new(config());
    watch.feed(&coins(at(1), DEPLOYER, THIEF, ether(4), U256::ZERO)).check(&[]);
    let mut failed = coins(at(1), DEPLOYER, THIEF, ether(90), U256::ZERO);
    failed.transactions[0].status = 0;
    Watch::new(config()).feed(&failed).check(&[]);
}

#[test]
fn a_thief_takes_each_asset() {
    let watch = Watch::new(config());
    let watch = watch.feed(&dollars(at(1), DEPLOYER, THIEF, 50_000, 0)).feed(&coins(
        at(2),
        DEPLOYER,
        THIEF,
        ether(30),
        ether(0),
    ));
    watch.check(&[
        &format!("account-emptied Medium Deployer was emptied of 1 assets into {THIEF}"),
        &format!("account-emptied High Deployer was emptied of 2 assets into {THIEF}"),
    ]);
}

#[test]
fn several_accounts_into_one_are_a_leak() {
    let watch = |later: u64| {
        let watch = Watch::new(config()).feed(&coins(at(1), DEPLOYER, THIEF, ether(30), ether(0)));
        watch.feed(&dollars(at(later), KEEPER, THIEF, 20_000, 5))
    };
    assert_eq!(
        watch(300).1[1],
        format!("emptied-together Critical 2 accounts were emptied into {THIEF}: Deployer, Keeper"),
        "within the hour"
    );
    assert!(
        watch(303).1[1].starts_with("account-emptied Medium Keeper"),
        "an hour later they have nothing to do with each other"
    );
}

#[test]
fn what_is_expected_is_none() {
    let watch = Watch::new(config());
    let watch = watch.feed(&coins(at(1), DEPLOYER, TREASURY, ether(90), U256::ZERO));
    let watch = watch.feed(&dollars(at(1), KEEPER, TREASURY, 90_000, 0));
    // Between own accounts.
    watch.feed(&coins(at(2), DEPLOYER, KEEPER, ether(90), U256::ZERO)).check(&[]);
}

#[test]
fn tokens_that_anybody_can_make_do_not_count() {
    answers::clear();
    let block = at(1).event(FAKE, &Transfer { from: DEPLOYER, to: THIEF, value: U256::MAX });
    Watch::new(config()).feed(&block).check(&[]);
    let mut known = config();
    known["assets"] = json!([{ "chain": 1, "address": FAKE, "symbol": "XYZ", "decimals": 18, "floor": 10_000.0 }]);
    let watch = Watch::new(known);
    answers::answer(FAKE, &balanceOfCall { account: DEPLOYER }, &U256::ZERO);
    assert_eq!(watch.feed(&block).1.len(), 1);
}

#[test]
fn what_is_left_and_cannot_be_read_is_told_rather_than_not() {
    let block = transaction(at(1), DEPLOYER, THIEF, ether(90), Vec::new());
    assert_eq!(Watch::new(config()).feed(&block).1.len(), 1);
    assert!(watchfire_sdk::testing::log::lines().iter().any(|(_, line)| line.contains("can't be read")));
}

fn somebody(number: u64) -> Address {
    Address::from_word(B256::from(U256::from(0xabc_0000 + number)))
}

/// Accounts pay one receiver, so many in each block; what they have left and what the receiver holds are given.
fn sweep(config: Value, count: u64, in_block: u64, left: U256, held: U256, code: &[u8]) -> Vec<String> {
    let mut watch = Watch::new(config);
    answers::fund(THIEF, held);
    answers::deploy(THIEF, code);
    for (number, first) in (1..).zip((0..count).step_by(in_block as usize)) {
        let mut block = at(number);
        for sender in first..(first + in_block).min(count) {
            block = coins(block, somebody(sender), THIEF, ether(10), left);
        }
        watch = watch.feed(&block);
    }
    watch.1
}

#[test]
fn many_accounts_into_one_that_held_nothing() {
    let sweep = |count, in_block, left, held, code: &[u8]| sweep(json!({}), count, in_block, left, held, code);
    let told = |count| format!("swept-accounts Medium {count} accounts were emptied into {THIEF}, which held nothing");
    assert_eq!(sweep(10, 2, U256::ZERO, ether(100), &[]), [told(10)]);
    assert_eq!(sweep(10, 10, U256::ZERO, ether(100), &[]), [told(10)]);
    assert_eq!(
        sweep(15, 2, U256::ZERO, ether(150), &[]),
        [told(10), told(15)],
        "again when there are half as many more"
    );
    assert_eq!(sweep(9, 2, U256::ZERO, ether(90), &[]), [""; 0]);
    // Little money.
    assert_eq!(little(), [""; 0]);
    // An exchange's wallet: it held much before. A sale: its buyers keep the rest. A contract: it is called for something.
    assert_eq!(sweep(30, 10, U256::ZERO, ether(90_000), &[]), [""; 0]);
    assert_eq!(sweep(30, 10, ether(10), ether(300), &[]), [""; 0]);
    assert_eq!(sweep(30, 10, U256::ZERO, ether(300), &[0xfe]), [""; 0]);
}

/// Ten accounts with a tenth of a coin each.
fn little() -> Vec<String> {
    let mut watch = Watch::new(json!({}));
    answers::fund(THIEF, ether(10));
    answers::deploy(THIEF, &[]);
    let block = (0..10).fold(at(1), |block, sender| coins(block, somebody(sender), THIEF, ether(1), U256::ZERO));
    watch = watch.feed(&block);
    watch.1
}

#[test]
fn a_sweep_is_one_only_within_its_window() {
    let slow = |apart: u64| {
        let mut watch = Watch::new(json!({ "swept": 4 }));
        answers::fund(THIEF, ether(80));
        answers::deploy(THIEF, &[]);
        for step in 0..2 {
            let mut block = at(1 + step * apart);
            for sender in 0..2 {
                block = coins(block, somebody(step * 2 + sender), THIEF, ether(20), U256::ZERO);
            }
            watch = watch.feed(&block);
        }
        watch.1.len()
    };
    assert_eq!([slow(1), slow(49), slow(50)], [1, 1, 0]);
}

#[test]
fn tokens_are_swept_too_and_what_was_forgotten_leaves_nothing_behind() {
    let mut watch = Watch::new(json!({ "swept": 3 }));
    // It has coins to pay for its transactions: what counts is what it held of what it is sent.
    answers::fund(THIEF, ether(5));
    answers::answer(USDC, &balanceOfCall { account: THIEF }, &units(150_000, 6));
    answers::deploy(THIEF, &[]);
    let mut block = at(1);
    for sender in 0..3 {
        block = dollars(block, somebody(sender), THIEF, 50_000, 0);
    }
    watch = watch.feed(&block);
    assert_eq!(watch.1, [format!("swept-accounts Medium 3 accounts were emptied into {THIEF}, which held nothing")]);
    assert_eq!(watchfire_sdk::testing::state::entries().len(), 2);
    drop(watch.feed(&coins(at(100), DEPLOYER, KEEPER, ether(1), U256::ZERO)));
    assert!(watchfire_sdk::testing::state::entries().is_empty());
}

#[test]
fn config_errors_name_their_key() {
    let check = |config: Value, expected: &str| {
        assert_eq!(Bench::<KeyCompromise>::start(config).err().unwrap().to_string(), expected);
    };
    check(json!({ "swept": 1 }), "`swept`: from 2 to 64 accounts are a sweep, and 0 turns it off");
    check(json!({ "swept": 0 }), "`accounts`: without any, only `swept` can find something: set one of them");
    check(json!({ "share_percent": 0 }), "`share_percent`: it must be from 1 to 100");
    check(json!({ "min_floors": -1.0 }), "`min_floors`: it must be above zero");
    check(json!({ "window_s": 0 }), "`window_s`: a window has at least one second");
    let twice = json!([{ "address": DEPLOYER, "label": "A" }, { "address": DEPLOYER, "label": "B" }]);
    check(json!({ "accounts": twice }), "`accounts.1.address`: it is watched twice");
}
