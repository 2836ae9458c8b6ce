//! Real blocks of Ethereum.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;

use privileged_control::PrivilegedControl;
use serde_json::json;
use watchfire_sdk::prelude::*;
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

/// Everybody who emitted anything is watched, and all that is found is known.
#[test]
fn what_happened_to_everybody() {
    let Some(blocks) = mainnet() else { return };
    let emitters: BTreeSet<Address> = blocks.iter().flat_map(|block| &block.logs).map(|log| log.address).collect();
    let callees: BTreeSet<Address> = blocks.iter().flat_map(|block| &block.frames).map(|frame| frame.target).collect();
    let watch: Vec<_> = emitters.union(&callees).map(|address| json!({ "address": address, "label": "X" })).collect();
    let mut bench = Bench::<PrivilegedControl>::start(json!({ "watch": watch, "watch_delegatecalls": true })).unwrap();
    let mut found = Vec::new();
    for block in &blocks {
        for finding in bench.feed(block).unwrap() {
            found.push(format!("{} {} {:?} {}", block.number, finding.kind, finding.severity, finding.title));
        }
    }
    let expected = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mainnet.txt");
    if std::env::var_os("ACCEPT").is_some() {
        std::fs::write(expected, found.join("\n") + "\n").unwrap();
    }
    let expected = std::fs::read_to_string(expected).unwrap();
    assert_eq!(found, expected.lines().collect::<Vec<_>>(), "run with ACCEPT=1 if this is right");
}
