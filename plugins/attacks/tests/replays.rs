//! Replays of real attacks: each is found by the kinds that it should be.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use attacks::Attacks;
use serde_json::{Value, json};
use watchfire_sdk::prelude::*;
use watchfire_sdk::testing::{Bench, Block};

fn blocks(name: &str) -> Vec<Block> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/replays").join(format!("{name}.jsonl.gz"));
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let read = |line: Value| {
        let mut block = Block::from_json_rpc(&line).unwrap();
        block.chain_id = line["chain_id"].as_u64().unwrap();
        block
    };
    lines.filter(|line| line.get("block").is_some()).map(read).collect()
}

fn found(name: &str, config: Value) -> Vec<Finding> {
    let mut bench = Bench::<Attacks>::start(config).unwrap();
    blocks(name).iter().flat_map(|block| bench.feed(block).unwrap()).collect()
}

fn check(name: &str, expected: &[&str]) {
    let findings = found(name, json!({}));
    let kinds: BTreeSet<&str> = findings.iter().map(|finding| finding.kind.as_str()).collect();
    assert_eq!(kinds, expected.iter().copied().collect(), "{name}");
    for finding in &findings {
        assert_eq!(finding.transactions.len(), 1, "{name}: it stands on its transaction");
        assert_eq!(finding.condition_key, finding.transactions[0].to_string(), "{name}: one condition a transaction");
        assert!(finding.severity >= Severity::Medium, "{name}: {}", finding.kind);
    }
    let conditions: BTreeSet<_> = findings.iter().map(|it| (&it.kind, &it.subject.id, &it.condition_key)).collect();
    assert_eq!(conditions.len(), findings.len(), "{name}: no condition comes twice");
}

#[test]
fn each_replay_is_found_by_what_it_does() {
    check("anyswap-permit-attack", &["large-gain", "spoofed-counterpart", "third-party-pull"]);
    check("furucombo", &["third-party-pull"]);
    check("dfx-finance", &["flash-gain", "loan-as-deposit"]);
    check("hundred-finance", &["read-only-reentered"]);
    check("revest-finance", &["read-only-reentered", "reentered"]);
    check("templedao-spoof-old-staking-contract", &["spoofed-counterpart"]);
    check("dao-maker", &["takeover-drain"]);
    check("nomad-bridge", &["large-gain"]);
}

#[test]
fn a_finding_says_whom_it_is_about_and_what_is_gone() {
    let findings = found("anyswap-permit-attack", json!({}));
    let pull = findings.iter().find(|finding| finding.kind == "third-party-pull").unwrap();
    assert_eq!(pull.subject.id, "0x6b7a87899490EcE95443e979cA9485CBE7E71522");
    assert!(pull.amounts.iter().any(|amount| amount.value.parse::<u128>().is_ok_and(|value| value > 10u128.pow(20))));
    assert!(pull.attributes.iter().any(|(name, value)| name == "detector" && value == "third-party-pull"));
}

#[test]
fn what_is_switched_off_or_ignored_is_silent() {
    let off = ["third-party-pull", "spoofed-counterpart", "unearned-gain"];
    assert!(found("anyswap-permit-attack", json!({ "off": off })).is_empty());
    let multichain = "0x6b7a87899490ece95443e979ca9485cbe7e71522";
    assert!(found("anyswap-permit-attack", json!({ "ignore": [multichain] })).is_empty());
}
