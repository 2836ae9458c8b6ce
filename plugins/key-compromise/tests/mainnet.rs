//! Real blocks of Ethereum, none of which is a theft.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use key_compromise::KeyCompromise;
use serde_json::json;
use watchfire_sdk::prelude::*;
use watchfire_sdk::testing::chain as answers;
use watchfire_sdk::testing::{Bench, Block};

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

/// Recordings hold no reads, so everybody is taken for emptied and for new: no more can be found than this.
fn worst_case(swept: usize) -> Vec<String> {
    let Some(blocks) = mainnet() else { return Vec::new() };
    let mut found = Vec::new();
    for block in &blocks {
        let mut bench = Bench::<KeyCompromise>::start(json!({ "swept": swept })).unwrap();
        for transaction in &block.transactions {
            answers::fund(transaction.sender, U256::ZERO);
            let Some(recipient) = transaction.recipient else { continue };
            answers::fund(recipient, U256::ZERO);
            answers::deploy(recipient, &[]);
        }
        found.extend(
            bench.feed(block).unwrap().into_iter().map(|finding| format!("{} {}", block.number, finding.title)),
        );
    }
    found
}

/// Exchanges gather the deposits of their customers in the same way. What tells them apart is what their wallets held before, and that is
/// a read.
#[test]
fn only_the_reads_tell_a_theft_from_an_exchange_that_gathers() {
    if mainnet().is_none() {
        return;
    }
    let mut bench = Vec::new();
    for block in mainnet().unwrap() {
        bench.extend(with_full_wallets(&block));
    }
    assert!(bench.is_empty(), "{bench:#?}");
    let found = worst_case(10);
    assert!((1..=9).contains(&found.len()), "{found:#?}");
}

/// The same with wallets that hold a thousand coins of each kind, as those of exchanges do.
fn with_full_wallets(block: &Block) -> Vec<String> {
    let mut bench = Bench::<KeyCompromise>::start(json!({})).unwrap();
    for transaction in &block.transactions {
        answers::fund(transaction.sender, U256::ZERO);
    }
    for recipient in block.transactions.iter().filter_map(|transaction| transaction.recipient) {
        answers::fund(recipient, U256::from(10).pow(U256::from(24)));
        answers::deploy(recipient, &[]);
    }
    bench.feed(block).unwrap().into_iter().map(|finding| finding.title).collect()
}
