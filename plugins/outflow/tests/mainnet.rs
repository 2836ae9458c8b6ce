//! Real blocks of Ethereum.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;

use outflow::Outflow;
use serde_json::json;
use watchfire_sdk::prelude::*;
use watchfire_sdk::testing::{Bench, Block};

const USDT: Address = address!("0xdAC17F958D2ee523a2206206994597C13D831ec7");
const WETH: Address = address!("0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2");
const DEPOSIT: B256 = b256!("0xe1fffcc4923d04b559f4d29a8bfc6cda04eb5b0d3c460751c2402c5c5cc9109c");
const WITHDRAWAL: B256 = b256!("0x7fcf532c15f0a6db0bd6d0e038bea71d30d808c7d98cb3bf7268a95bf5081b65");
const TRANSFER: B256 = b256!("0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");

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

/// Net flow of each block's accounts, added up the plain way.
fn plain_sums(block: &Block) -> BTreeMap<(Address, String), I256> {
    let mut sums = BTreeMap::new();
    let mut add = |account: Address, asset: String, amount: I256| {
        *sums.entry((account, asset)).or_insert(I256::ZERO) += amount;
    };
    for log in &block.logs {
        if log.topics.len() == 2 && log.address == WETH && [DEPOSIT, WITHDRAWAL].contains(&log.topics[0]) {
            let amount = I256::try_from(U256::from_be_slice(&log.data)).unwrap();
            let amount = if log.topics[0] == DEPOSIT { amount } else { -amount };
            add(Address::from_word(log.topics[1]), WETH.to_string(), amount);
        }
        if log.topics.len() == 3 && log.topics[0] == TRANSFER && [USDT, WETH].contains(&log.address) {
            let amount = I256::try_from(U256::from_be_slice(&log.data)).unwrap();
            add(Address::from_word(log.topics[1]), log.address.to_string(), -amount);
            add(Address::from_word(log.topics[2]), log.address.to_string(), amount);
        }
    }
    for frame in block.frames.iter().filter(|frame| frame.success && matches!(frame.kind, 0 | 4 | 5 | 6)) {
        let amount = I256::try_from(frame.value).unwrap();
        add(frame.sender, "native".to_owned(), -amount);
        add(frame.target, "native".to_owned(), amount);
    }
    sums
}

/// Everybody is watched with a limit of nothing: whoever lost anything is found, with exactly what was lost.
#[test]
fn everybody_who_lost_anything_is_found() {
    let Some(blocks) = mainnet() else { return };
    let mut findings_in_all = 0;
    for block in &blocks {
        let sums = plain_sums(block);
        let accounts: std::collections::BTreeSet<Address> = sums.keys().map(|(account, _)| *account).collect();
        if accounts.is_empty() {
            continue;
        }
        let watch: Vec<_> = accounts.iter().map(|account| json!({ "address": account, "label": "X" })).collect();
        let asset = |address: &str| json!({ "address": address, "symbol": "X", "decimals": 0, "limit": "0" });
        let assets = json!([asset("native"), asset(&USDT.to_string()), asset(&WETH.to_string())]);
        let config = json!({ "watch": watch, "assets": assets, "window_s": 3_600 });
        let findings = Bench::<Outflow>::start(config).unwrap().feed(block).unwrap();
        let found: BTreeMap<(String, String), String> = findings
            .iter()
            .map(|finding| {
                let amount = &finding.amounts[0];
                ((finding.subject.id.clone(), amount.asset.clone()), amount.value.clone())
            })
            .collect();
        let lost = sums.iter().filter(|(_, sum)| sum.is_negative());
        let expected: BTreeMap<(String, String), String> = lost
            .map(|((account, asset), sum)| ((account.to_string(), asset.clone()), sum.unsigned_abs().to_string()))
            .collect();
        assert_eq!(found, expected, "block {}", block.number);
        findings_in_all += found.len();
    }
    assert!(findings_in_all > 1_000, "{findings_in_all}");
}
