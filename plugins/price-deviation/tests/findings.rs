//! Blocks made by hand in, findings out.

// Prices are grouped by their eight decimals.
#![allow(clippy::unwrap_used, clippy::inconsistent_digit_grouping)]

use price_deviation::PriceDeviation;
use serde_json::{Value, json};
use watchfire_sdk::prelude::*;
use watchfire_sdk::testing::{Bench, Block, chain, log};

const ORACLE: Address = address!("0x00000000000000000000000000000000000000aa");
const START_S: u64 = 1_700_000_000;

sol! {
    event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);
    function latestRoundData()
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
}

/// ETH/USD with 8 decimals, 1 % allowed, heartbeats of an hour and a minute.
fn config() -> Value {
    json!({
        "pairs": [{
            "name": "ETH/USD", "aggregator": ORACLE, "decimals": 8, "feed": "eth-usd", "max_deviation_bps": 100,
            "heartbeat_s": 3600, "feed_heartbeat_s": 60,
        }],
        "check_every_blocks": 1,
    })
}

/// What happens, seconds after the start.
enum Step {
    /// A block, and what the oracle answers then: units of 10^-8, and seconds after the start.
    Ask(u64, i64, i64),
    /// A block with an event of that answer; the oracle can't be asked.
    Event(u64, i64),
    /// A block; the oracle can't be asked, for this reason.
    Fail(u64, &'static str),
    /// The feed speaks.
    Feed(u64, &'static str),
}

use Step::{Ask, Event, Fail, Feed};

fn play(bench: &mut Bench<PriceDeviation>, step: &Step) -> Vec<Finding> {
    let call = latestRoundDataCall {};
    let block = |after_s: u64| Block::at(1_000 + after_s, START_S + after_s);
    let fed = match step {
        Ask(after_s, answer, updated_s) => {
            let round = latestRoundDataReturn {
                roundId: Default::default(),
                answer: I256::try_from(*answer).unwrap(),
                startedAt: U256::ZERO,
                updatedAt: U256::from(START_S.saturating_add_signed(*updated_s)),
                answeredInRound: Default::default(),
            };
            chain::answer(ORACLE, &call, &round);
            bench.feed(&block(*after_s))
        }
        Event(after_s, answer) => {
            chain::fail(ORACLE, &call, chain::ChainError::of("unavailable"));
            let current = I256::try_from(*answer).unwrap();
            let updated = U256::from(START_S + after_s);
            bench.feed(
                &block(*after_s).event(ORACLE, &AnswerUpdated { current, roundId: U256::ZERO, updatedAt: updated }),
            )
        }
        Fail(after_s, code) => {
            chain::fail(ORACLE, &call, chain::ChainError::of(code));
            bench.feed(&block(*after_s))
        }
        Feed(after_s, price) => {
            let batch = block(*after_s).observation("eth-usd", (START_S + after_s) * 1_000, price);
            bench.feed(&batch.triggered_by_feed())
        }
    };
    fed.unwrap()
}

fn check(steps: &[Step], expected: &[&str]) {
    let mut bench = Bench::<PriceDeviation>::start(config()).unwrap();
    let mut found = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        for finding in play(&mut bench, step) {
            found.push(format!("{at} {} {:?} {}", finding.kind, finding.severity, finding.title));
        }
    }
    assert_eq!(found, expected);
}

/// Three feeds, of which two must speak.
fn check_three(steps: &[(u64, &str, &str)], answer: i64, expected: &[&str]) {
    let mut config = config();
    config["pairs"][0]["more_feeds"] = json!(["second", "third"]);
    let mut bench = Bench::<PriceDeviation>::start(config).unwrap();
    let mut found = Vec::new();
    for (after_s, feed, price) in steps {
        let block = Block::at(1_000 + after_s, START_S + after_s);
        let batch = block.observation(feed, (START_S + after_s) * 1_000, price).triggered_by_feed();
        found.extend(bench.feed(&batch).unwrap());
    }
    let after_s = steps.last().map_or(0, |step| step.0) + 1;
    found.extend(play(&mut bench, &Ask(after_s, answer, 0)));
    let found: Vec<String> = found.iter().map(|it| format!("{} {:?} {}", it.kind, it.severity, it.title)).collect();
    assert_eq!(found, expected);
}

#[test]
fn one_feed_of_three_may_be_wrong_and_one_silent() {
    let wrong = [(0, "eth-usd", "2000"), (1, "second", "2001"), (2, "third", "1")];
    check_three(&wrong, PRICE, &[]);
    let told = "price-divergence Critical ETH/USD: 1000 on chain, 5000 bps below the feed's 2000";
    check_three(&wrong, 1_000_00000000, &[told]);
    // Of two the nearer one counts: which of them is wrong can't be known.
    check_three(&wrong[1..], PRICE, &[]);
    // One alone is no quorum, and so nothing is held against it.
    check_three(&wrong[2..], PRICE, &[]);
    let late = [(0, "eth-usd", "2000"), (100, "third", "1")];
    let told = "feed-stale Medium ETH/USD: 1 of 3 feeds speak, and 2 are needed, for 101 s";
    check_three(&late, PRICE, &[told]);
}

#[test]
fn a_quorum_that_can_not_be_is_refused() {
    for (key, value, told) in
        [("quorum", json!(3), "pairs.0.quorum"), ("more_feeds", json!(["eth-usd"]), "pairs.0.more_feeds")]
    {
        let mut config = config();
        config["pairs"][0]["more_feeds"] = json!(["second"]);
        config["pairs"][0][key] = value;
        assert_eq!(Bench::<PriceDeviation>::start(config).map(|_| ()).unwrap_err().key, told);
    }
}

const PRICE: i64 = 2_000_00000000;

#[test]
fn the_allowed_deviation_is_allowed_to_the_last_digit() {
    check(&[Feed(0, "2000"), Ask(1, 2_020_00000000, 0)], &[]);
    check(&[Feed(0, "2000"), Ask(1, 1_980_00000000, 0)], &[]);
    check(
        &[Feed(0, "2000"), Ask(1, 2_020_00000001, 0)],
        &["1 price-divergence High ETH/USD: 2020.00000001 on chain, 100 bps above the feed's 2000"],
    );
    check(
        &[Feed(0, "2000.000000000000000001"), Ask(1, 1_980_00000000, 0)],
        &["1 price-divergence High ETH/USD: 1980 on chain, 100 bps below the feed's 2000.000000000000000001"],
    );
    check(
        &[Feed(0, "2000"), Ask(1, 1_000_00000000, 0)],
        &["1 price-divergence Critical ETH/USD: 1000 on chain, 5000 bps below the feed's 2000"],
    );
}

#[test]
fn either_side_may_move() {
    check(
        &[Ask(0, PRICE, 0), Feed(1, "1000")],
        &["1 price-divergence Critical ETH/USD: 2000 on chain, 10000 bps above the feed's 1000"],
    );
    check(
        &[Feed(0, "2000"), Event(1, 3_000_00000000)],
        &["1 price-divergence Critical ETH/USD: 3000 on chain, 5000 bps above the feed's 2000"],
    );
}

#[test]
fn a_price_that_is_there_for_one_block_only_is_seen() {
    let both = |price: i64| {
        let current = I256::try_from(price).unwrap();
        AnswerUpdated { current, roundId: U256::ZERO, updatedAt: U256::from(START_S) }
    };
    let mut bench = Bench::<PriceDeviation>::start(config()).unwrap();
    play(&mut bench, &Feed(0, "2000"));
    let block = Block::at(1_001, START_S + 1).event(ORACLE, &both(9_000_00000000)).event(ORACLE, &both(PRICE));
    let findings = bench.feed(&block).unwrap();
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].title, "ETH/USD: 9000 on chain, 35000 bps above the feed's 2000");
    assert_eq!(findings[0].logs[0].log_index, 0);
}

#[test]
fn a_condition_is_told_when_it_starts_worsens_or_lasts() {
    let mut steps = vec![Feed(0, "2000"), Ask(1, 2_021_00000000, 0), Ask(2, 2_021_00000000, 0)];
    steps.extend([Ask(3, 2_100_00000000, 0), Ask(4, 2_021_00000000, 0), Ask(5, PRICE, 0), Ask(6, 2_021_00000000, 0)]);
    let told = |at: u32, what: &str| format!("{at} price-divergence {what} the feed's 2000");
    let high = "High ETH/USD: 2021 on chain, 105 bps above";
    let expected = [told(1, high), told(3, "Critical ETH/USD: 2100 on chain, 500 bps above"), told(6, high)];
    check(&steps, &expected.each_ref().map(String::as_str));
    check(
        &[Ask(3_601, PRICE, 0), Ask(3_700, PRICE, 0), Ask(7_300, PRICE, 0)],
        &[
            "0 price-stale High ETH/USD: no answer for 3601 s",
            "1 feed-stale Medium ETH/USD: feed `eth-usd` is silent for 99 s",
            "2 price-stale High ETH/USD: no answer for 7300 s",
            "2 feed-stale Medium ETH/USD: feed `eth-usd` is silent for 3699 s",
        ],
    );
}

#[test]
fn answers_that_cant_be() {
    let check = |step: Step, expected: &str| check(&[Feed(0, "2000"), step], &[expected]);
    check(Ask(1, 0, 0), "1 price-invalid Critical ETH/USD: it answers 0, which is no price");
    check(Ask(1, -1, 0), "1 price-invalid Critical ETH/USD: it answers -0.00000001, which is no price");
    check(Ask(1, PRICE, -(START_S as i64)), "1 price-invalid Critical ETH/USD: its round is not complete");
    check(Ask(1, PRICE, 100), "1 price-invalid High ETH/USD: its answer is dated 99 s into the future");
    check(Fail(1, "reverted"), "1 price-invalid Critical ETH/USD: it does not answer");
}

#[test]
fn a_silent_oracle_is_stale_even_if_nobody_can_ask_it() {
    check(
        &[Event(0, PRICE), Feed(3_590, "2000"), Fail(3_600, "unavailable"), Fail(3_601, "unavailable")],
        &["3 price-stale High ETH/USD: no answer for 3601 s"],
    );
    assert!(log::lines().iter().any(|(_, line)| line == "ETH/USD: unavailable: laid down by the test"));
}

#[test]
fn a_silent_feed_compares_nothing() {
    check(
        &[Feed(0, "2000"), Ask(60, PRICE, 0), Ask(61, 9_000_00000000, 0)],
        &["2 feed-stale Medium ETH/USD: feed `eth-usd` is silent for 61 s"],
    );
    check(&[Ask(0, PRICE, 0), Ask(61, PRICE, 0)], &["1 feed-stale Medium ETH/USD: feed `eth-usd` is silent for 61 s"]);
    check(
        &[Feed(0, "2000"), Feed(50, "n/a"), Feed(51, "-2000"), Feed(52, "0"), Ask(61, PRICE, 0)],
        &["4 feed-stale Medium ETH/USD: feed `eth-usd` is silent for 61 s"],
    );
}

#[test]
fn config_errors_name_their_key() {
    let check = |key: &str, value: Value, expected: &str| {
        let mut config = config();
        *config.pointer_mut(key).unwrap() = value;
        let error = Bench::<PriceDeviation>::start(config).err().unwrap();
        assert_eq!(error.to_string(), expected);
    };
    check("/pairs", json!([]), "`pairs`: name at least one pair");
    check("/check_every_blocks", json!(0), "`check_every_blocks`: it must be at least 1");
    check("/pairs/0/decimals", json!(37), "`pairs.0.decimals`: an answer has at most 36");
    check("/pairs/0/heartbeat_s", json!(0), "`pairs.0.heartbeat_s`: it must be at least 1");
    check(
        "/pairs/0/max_deviation_bps",
        json!(-1),
        "`pairs.0.max_deviation_bps`: invalid value: integer `-1`, expected u32",
    );
    let pair = config()["pairs"][0].clone();
    check("/pairs", json!([pair, pair]), "`pairs.1.name`: another pair has this name");
}

#[test]
fn the_test_kits_attack_is_found_and_its_twin_is_not() {
    let all = watchfire_sdk::testing::twins::watched();
    let twins = all.into_iter().find(|twins| twins.detector == "price-deviation").unwrap();
    let found = |blocks: &[Block]| {
        let mut bench = Bench::<PriceDeviation>::start(twins.config.clone()).unwrap();
        let found = blocks.iter().flat_map(|block| bench.feed(block).unwrap());
        found.map(|finding| finding.kind).collect::<Vec<_>>()
    };
    assert_eq!(found(&twins.attack), ["price-divergence"]);
    assert_eq!(found(&twins.benign), [""; 0]);
}
