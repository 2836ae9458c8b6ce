//! Blocks made by hand in, findings out.

#![allow(clippy::unwrap_used)]

use outflow::Outflow;
use serde_json::{Value, json};
use watchfire_sdk::prelude::*;
use watchfire_sdk::testing::{Bench, Block};

const VAULT: Address = address!("0x00000000000000000000000000000000000000aa");
const ALICE: Address = address!("0x00000000000000000000000000000000000000a1");
const USDX: Address = address!("0x0000000000000000000000000000000000000d01");
const OTHER: Address = address!("0x0000000000000000000000000000000000000d02");

sol! {
    event Transfer(address indexed from, address indexed to, uint256 value);
    event Deposit(address indexed account, uint256 value);
    event Withdrawal(address indexed account, uint256 value);
}

/// Limit of 1,000 USDX and 10 ether in ten minutes.
fn config() -> Value {
    json!({
        "watch": [{ "address": VAULT, "label": "Vault" }],
        "assets": [
            { "address": USDX, "symbol": "USDX", "decimals": 6, "limit": "1000" },
            { "address": "native", "symbol": "ETH", "decimals": 18, "limit": "10" },
        ],
        "window_s": 600,
    })
}

/// By history alone: five times the mean of up to four past windows.
fn by_history(assets: Value) -> Value {
    let watch = json!([{ "address": VAULT, "label": "Vault" }]);
    json!({ "watch": watch, "assets": assets, "window_s": 600, "history_multiple": 5, "history_windows": 4 })
}

fn units(whole: u64) -> U256 {
    U256::from(whole) * U256::from(1_000_000)
}

fn ether(whole: u64) -> U256 {
    U256::from(whole) * U256::from(10).pow(U256::from(18))
}

trait Moves {
    fn out(self, token: Address, whole: u64) -> Self;
    fn back(self, token: Address, whole: u64) -> Self;
}

impl Moves for Block {
    fn out(self, token: Address, whole: u64) -> Self {
        self.event(token, &Transfer { from: VAULT, to: ALICE, value: units(whole) })
    }

    fn back(self, token: Address, whole: u64) -> Self {
        self.event(token, &Transfer { from: ALICE, to: VAULT, value: units(whole) })
    }
}

fn at(time_s: u64) -> Block {
    Block::at(time_s / 12, time_s)
}

/// Findings of all blocks as `time kind severity title`.
fn check(config: Value, blocks: Vec<Block>, expected: &[&str]) {
    let mut bench = Bench::<Outflow>::start(config).unwrap();
    let mut found = Vec::new();
    for block in blocks {
        for finding in bench.feed(&block).unwrap() {
            assert!(!finding.transactions.is_empty(), "each stands on its transactions");
            found.push(format!("{} {} {:?} {}", block.timestamp_s, finding.kind, finding.severity, finding.title));
        }
    }
    assert_eq!(found, expected);
}

#[test]
fn the_limit_itself_is_allowed_and_one_more_is_not() {
    check(config(), vec![at(6_000).out(USDX, 1_000)], &[]);
    check(
        config(),
        vec![at(6_000).out(USDX, 1_001)],
        &["6000 outflow-limit High Vault: 1001 USDX out, over the limit of 1000 USDX"],
    );
    check(
        config(),
        vec![at(6_000).out(USDX, 2_000)],
        &["6000 outflow-limit Critical Vault: 2000 USDX out, over the limit of 1000 USDX"],
    );
}

#[test]
fn a_finding_says_who_got_most_and_what_its_sum_covers() {
    let to = |to: Address, whole: u64| Transfer { from: VAULT, to, value: units(whole) };
    let block = at(6_000)
        .event(USDX, &to(ALICE, 400))
        .event(USDX, &to(OTHER, 700))
        .event(USDX, &to(ALICE, 500))
        .event(USDX, &to(VAULT, 5_000));
    let mut bench = Bench::<Outflow>::start(config()).unwrap();
    let found = bench.feed(&block).unwrap().remove(0);
    let said = |name: &str| found.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    assert_eq!(said("recipient"), Some(ALICE.to_string()));
    assert_eq!(said("other-recipients").as_deref(), Some("1"));
    // The oldest sixtieth of ten minutes counts whole.
    assert_eq!((said("window-s").as_deref(), said("covers-s").as_deref()), (Some("600"), Some("610")));
}

#[test]
fn a_drain_in_small_steps_adds_up() {
    let blocks = vec![at(6_000).out(USDX, 400), at(6_120).out(USDX, 400), at(6_240).out(USDX, 400)];
    check(config(), blocks, &["6240 outflow-limit High Vault: 1200 USDX out, over the limit of 1000 USDX"]);
}

#[test]
fn what_the_window_has_left_does_not_count() {
    let blocks = vec![at(6_000).out(USDX, 900), at(6_611).out(USDX, 900), at(6_612).out(USDX, 200)];
    check(config(), blocks, &["6612 outflow-limit High Vault: 1100 USDX out, over the limit of 1000 USDX"]);
}

#[test]
fn what_comes_back_counts_against_it() {
    let round_trip = at(6_000).out(USDX, 5_000).back(USDX, 5_001);
    check(config(), vec![round_trip, at(6_012).out(USDX, 1_001)], &[]);
}

#[test]
fn a_quiet_window_over_its_limit_is_not_told_again() {
    let blocks = vec![at(6_000).out(USDX, 3_000), at(6_012), at(6_024).back(USDX, 1), at(6_036).out(USDX, 1)];
    check(
        config(),
        blocks,
        &[
            "6000 outflow-limit Critical Vault: 3000 USDX out, over the limit of 1000 USDX",
            "6036 outflow-limit Critical Vault: 3000 USDX out, over the limit of 1000 USDX",
        ],
    );
}

#[test]
fn other_assets_and_other_events_do_not_count() {
    let mut collectible = at(6_000).out(USDX, 5_000);
    collectible.logs[0].topics.push(B256::with_last_byte(7));
    let short = at(6_000).log(USDX, vec![Transfer::SIGNATURE_HASH, VAULT.into_word(), ALICE.into_word()], vec![0; 31]);
    check(config(), vec![at(6_000).out(OTHER, 5_000), collectible, short], &[]);
}

#[test]
fn native_value_counts_where_it_moves() {
    let send = |kind| at(6_000).frame(kind, VAULT, ALICE, ether(11), &[]);
    let told = "6000 outflow-limit High Vault: 11 ETH out, over the limit of 10 ETH";
    check(config(), vec![send(FrameKind::Call)], &[told]);
    check(config(), vec![send(FrameKind::SelfDestruct)], &[told]);
    check(config(), vec![send(FrameKind::DelegateCall)], &[]);
    let mut reverted = send(FrameKind::Call);
    reverted.frames[0].success = false;
    check(config(), vec![reverted], &[]);
}

#[test]
fn hostile_amounts_neither_wrap_nor_trap() {
    let huge = |from, to| Transfer { from, to, value: U256::MAX };
    let block = at(6_000).event(USDX, &huge(VAULT, ALICE)).event(USDX, &huge(VAULT, ALICE));
    let mut bench = Bench::<Outflow>::start(config()).unwrap();
    let findings = bench.feed(&block).unwrap();
    assert_eq!(findings[0].severity, Severity::Critical);
    assert_eq!(findings[0].amounts[0].value, I256::MIN.unsigned_abs().to_string());
    assert_eq!(findings[0].transactions.len(), 2);
    check(config(), vec![at(6_000).event(USDX, &huge(VAULT, VAULT))], &[]);
}

#[test]
fn five_times_the_usual_is_unusual_once_there_is_a_usual() {
    let usdx = json!([{ "address": USDX, "symbol": "USDX", "decimals": 6 }]);
    let usual = |count: u64| (0..count).map(|window| at(6_000 + window * 600).out(USDX, 10));
    check(by_history(usdx.clone()), usual(2).chain([at(7_200).out(USDX, 9_000)]).collect(), &[]);
    check(by_history(usdx.clone()), usual(3).chain([at(8_400).out(USDX, 50)]).collect(), &[]);
    check(
        by_history(usdx.clone()),
        usual(3).chain([at(8_400).out(USDX, 51)]).collect(),
        &["8400 outflow-unusual Medium Vault: 51 USDX out, usually 10 USDX"],
    );
    check(
        by_history(usdx),
        usual(3).chain([at(8_400).out(USDX, 151)]).collect(),
        &["8400 outflow-unusual High Vault: 151 USDX out, usually 10 USDX"],
    );
}

#[test]
fn without_assets_every_token_counts_by_its_own_history() {
    let usual = (0..3).map(|window| at(6_000 + window * 600).out(USDX, 10).out(OTHER, 1_000));
    let blocks = usual.chain([at(8_400).out(USDX, 900).out(OTHER, 900)]).collect();
    let title = format!("Vault: 900000000 units of {USDX} out, usually 10000000 units of {USDX}");
    check(by_history(json!([])), blocks, &[&format!("8400 outflow-unusual High {title}")]);
}

#[test]
fn made_up_tokens_do_not_fill_the_state() {
    let mut bench = Bench::<Outflow>::start(by_history(json!([]))).unwrap();
    for number in 0..110u64 {
        let mut block = Block::at(number, 6_000 + number);
        for token in 0..10 {
            block = block.out(Address::from_word(B256::from(U256::from(number * 10 + token + 1))), 1);
        }
        bench.feed(&block).unwrap();
    }
    // A history of each, one count, and what each of the batches moved.
    assert_eq!(watchfire_sdk::testing::state::entries().len(), 1_000 + 1 + 100);
    assert!(watchfire_sdk::testing::log::lines().iter().any(|(_, line)| line.contains("too many assets")));
}

#[test]
fn config_errors_name_their_key() {
    let check = |change: &dyn Fn(&mut Value), expected: &str| {
        let mut config = config();
        change(&mut config);
        let error = Bench::<Outflow>::start(config).err().unwrap();
        assert_eq!(error.to_string(), expected);
    };
    check(&|config| config["window_s"] = json!(0), "`window_s`: a window has at least one second");
    check(&|config| config["watch"] = json!([]), "`watch`: name at least one address");
    check(
        &|config| config["assets"][0]["limit"] = json!("0.0000001"),
        "`assets.0.limit`: 0.0000001 has more than 6 \
         digits behind the point",
    );
    check(
        &|config| config["assets"][0]["limit"] = json!(0.5),
        "`assets.0.limit`: invalid type: floating point `0.5`, \
         expected a decimal number as text, such as \"1234.5\", so that no digit is lost",
    );
    check(
        &|config| config["assets"][1]["address"] = json!("eth"),
        "`assets.1.address`: `eth` is neither `native` nor \
         an address",
    );
    check(&|config| config["assets"][1]["address"] = json!(USDX), "`assets.1.address`: it is listed twice");
    check(
        &|config| drop(config["assets"][0].as_object_mut().unwrap().remove("limit")),
        "`assets.0.limit`: without a \
         limit only `history_multiple` can find something",
    );
    check(
        &|config| config["assets"] = json!([]),
        "`assets`: without any asset only `history_multiple` can find \
         something: set one of them",
    );
}

#[test]
fn wrapped_coins_are_flows_once() {
    let weth = address!("0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2");
    let asset = json!({ "address": weth, "symbol": "WETH", "decimals": 18, "limit": "10" });
    let wraps = || json!({ "watch": [{ "address": VAULT, "label": "Vault" }], "assets": [asset], "window_s": 600 });
    let unwraps = |whole| at(6_000).event(weth, &Withdrawal { account: VAULT, value: ether(whole) });
    check(wraps(), vec![unwraps(11)], &["6000 outflow-limit High Vault: 11 WETH out, over the limit of 10 WETH"]);
    check(wraps(), vec![unwraps(11).event(weth, &Deposit { account: VAULT, value: ether(1) })], &[]);
    // A token that tells of it by a transfer too.
    let burnt = Transfer { from: VAULT, to: Address::ZERO, value: ether(7) };
    let mut twice = unwraps(7).event(weth, &burnt);
    twice.logs[1].transaction_index = 0;
    check(wraps(), vec![twice], &[]);
    // Of another token, the same events mean nothing.
    check(config(), vec![at(6_000).event(USDX, &Withdrawal { account: VAULT, value: units(9_000) })], &[]);
}

#[test]
fn the_test_kits_attack_is_found_and_its_twin_is_not() {
    let all = watchfire_sdk::testing::twins::watched();
    let twins = all.into_iter().find(|twins| twins.detector == "outflow").unwrap();
    let found = |blocks: &[Block]| {
        let mut bench = Bench::<Outflow>::start(twins.config.clone()).unwrap();
        let found = blocks.iter().flat_map(|block| bench.feed(block).unwrap());
        found.map(|finding| finding.kind).collect::<Vec<_>>()
    };
    assert_eq!(found(&twins.attack), ["outflow-limit"]);
    assert_eq!(found(&twins.benign), [""; 0]);
}
