//! Findings in, findings out.

#![allow(clippy::unwrap_used)]

use attack_combiner::Combiner;
use serde_json::json;
use watchfire_sdk::prelude::*;
use watchfire_sdk::testing::{Bench, Block, FindingRow};

const VAULT: Address = address!("0x00000000000000000000000000000000000000aa");

fn found(block: Block, kind: &str, severity: Severity, sender: &str, transaction: u8) -> Block {
    let finding = Finding::new(kind, severity, Subject::address(VAULT))
        .transaction(B256::with_last_byte(transaction))
        .attribute("sender", sender);
    let mut block = block;
    block.findings.push(FindingRow { detector: "attacks".to_owned(), id: String::new(), finding });
    block
}

fn at(number: u64) -> Block {
    Block::at(number, number * 86_400)
}

fn check(blocks: Vec<Block>, expected: &[&str]) {
    let mut bench = Bench::<Combiner>::start(json!({})).unwrap();
    let findings = blocks.iter().flat_map(|block| bench.feed(block).unwrap());
    let kinds: Vec<String> = findings.map(|finding| finding.kind).collect();
    assert_eq!(kinds, expected);
}

#[test]
fn two_kinds_about_one_transaction_agree() {
    let one = || found(at(1), "round-trip", Severity::High, "0xe1", 1);
    check(vec![one()], &[]);
    check(vec![found(one(), "round-trip", Severity::High, "0xe1", 1)], &[]);
    check(vec![found(one(), "view-jump", Severity::High, "0xe1", 2)], &[]);
    check(vec![found(one(), "view-jump", Severity::Low, "0xe1", 1)], &[]);
    check(vec![found(one(), "view-jump", Severity::High, "0xe1", 1)], &["rules-agree"]);
}

#[test]
fn who_prepared_and_attacks_within_a_week_is_told() {
    let prepares = || found(at(1), "unlimited-approvals", Severity::Medium, "0xe1", 1);
    let attack = |day: u64, sender: &str| {
        let mut block = found(at(day), "reentered", Severity::High, sender, 2);
        block.findings[0].finding.subject = Subject::address(Address::ZERO);
        block
    };
    check(vec![prepares()], &[]);
    check(vec![prepares(), attack(3, "0xe1")], &["prepared-attack"]);
    check(vec![prepares(), attack(3, "0xe2")], &[]);
    check(vec![prepares(), attack(9, "0xe1")], &[]);
}
