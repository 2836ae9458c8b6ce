//! Real answers of Chainlink's aggregators, from real blocks of Ethereum.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use price_deviation::PriceDeviation;
use serde_json::json;
use watchfire_sdk::prelude::*;
use watchfire_sdk::testing::{Bench, Block, LogRow};

sol! {
    event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);
}

/// The real blocks; `None`, with one visible line, where they are not here.
fn mainnet() -> Option<Vec<Block>> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/mainnet"));
    if !folder.is_dir() {
        assert!(std::env::var_os("CI").is_none(), "../shared/data is not here");
        println!("skipped: ../shared/data is not here");
        return None;
    }
    Some(Block::read_folder(folder).unwrap())
}

/// What is found of a real answer where the feed says `per_mille` thousandths of it.
fn found(block: &Block, answer: &LogRow, per_mille: u64) -> Vec<String> {
    let current = I256::from_raw(answer.topics[1].into());
    let price = Decimal::from_signed_units(current, 8).times(U256::from(per_mille)).to_string();
    let price: Decimal = price.parse().unwrap();
    // Thousandths: the same digits, three places further to the right.
    let feed = Decimal::from_units(price.to_units(8).unwrap(), 11).to_string();
    let pair = json!({
        "name": "X", "aggregator": answer.address, "decimals": 8, "feed": "x", "max_deviation_bps": 100,
        "heartbeat_s": 3_600, "feed_heartbeat_s": 3_600,
    });
    let mut bench = Bench::<PriceDeviation>::start(json!({ "pairs": [pair] })).unwrap();
    let spoken = Block::at(block.number - 1, block.timestamp_s - 12);
    bench.feed(&spoken.observation("x", (block.timestamp_s - 12) * 1_000, &feed).triggered_by_feed()).unwrap();
    bench.feed(block).unwrap().into_iter().map(|finding| finding.kind).collect()
}

#[test]
fn real_answers_are_near_themselves_and_far_from_twice_themselves() {
    let Some(blocks) = mainnet() else { return };
    let mut answers = 0;
    for block in &blocks {
        let is_answer = |log: &&LogRow| log.topics.first() == Some(&AnswerUpdated::SIGNATURE_HASH);
        for answer in block.logs.iter().filter(is_answer) {
            answers += 1;
            assert_eq!(found(block, answer, 1_000), [""; 0]);
            assert_eq!(found(block, answer, 1_010), [""; 0], "one percent is allowed");
            assert_eq!(found(block, answer, 1_011), ["price-divergence"]);
            assert_eq!(found(block, answer, 500), ["price-divergence"]);
        }
    }
    assert!(answers > 0, "no block has an answer");
}
