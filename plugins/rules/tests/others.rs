//! Rules on feeds and on findings of others, natively.

#![allow(clippy::unwrap_used)]

use rules::RuleDetector;
use serde_json::{Value, json};
use watchfire_sdk::prelude::*;
use watchfire_sdk::testing::{Bench, Block, FindingRow};

const VAULT: Address = address!("0x00000000000000000000000000000000000000aa");

fn bench(rules: Value) -> Bench<RuleDetector> {
    Bench::start(json!({ "addresses": { "vault": VAULT }, "rule": rules })).unwrap()
}

fn said(at_s: u64, feed: &str, value: &str) -> Block {
    Block::at(at_s / 12, at_s).triggered_by_feed().observation(feed, at_s * 1_000, value)
}

fn titles(bench: &mut Bench<RuleDetector>, block: &Block) -> Vec<String> {
    let found = bench.feed(block).unwrap();
    found.into_iter().map(|finding| format!("{} {:?} {}", finding.kind, finding.severity, finding.title)).collect()
}

#[test]
fn a_feed_is_compared_with_what_it_said_before() {
    let mut bench = bench(json!([{
        "name": "depeg", "on": "feed usdc", "severity": "high", "when": "value < 0.99 || abs(change_percent) > 2",
        "title": "{value}, {fixed(change_percent, 1)} % from {before}",
    }]));
    assert!(titles(&mut bench, &said(1_000, "usdc", "1.0001")).is_empty());
    assert!(titles(&mut bench, &said(1_010, "dai", "0.5")).is_empty(), "another feed");
    assert_eq!(titles(&mut bench, &said(1_020, "usdc", "1.0301")), ["depeg High 1.0301, 2.9 % from 1.0001"]);
    assert!(titles(&mut bench, &said(1_030, "usdc", "1.03")).is_empty());
    assert_eq!(titles(&mut bench, &said(1_040, "usdc", "0.98999")), ["depeg High 0.98999, -3.8 % from 1.03"]);
    // What is no number is 0 and no price to compare the next with.
    assert_eq!(titles(&mut bench, &said(1_050, "usdc", "down")).len(), 1);
    assert_eq!(titles(&mut bench, &said(1_060, "usdc", "0.98999")), ["depeg High 0.98999, 0.0 % from 0.98999"]);
}

#[test]
fn a_feed_has_text_and_age() {
    let mut bench = bench(json!([
        { "name": "status", "on": "feed page", "when": "text != \"operational\"", "title": "the page says {text}" },
        { "name": "late", "on": "feed page", "when": "age_s > 60", "title": "{age_s} s old" },
    ]));
    assert!(titles(&mut bench, &said(1_000, "page", "operational")).is_empty());
    let mut late = said(1_010, "page", "major outage");
    late.observations[0].received_at_ms += 61_500;
    let told = ["status Medium the page says major outage", "late Medium 61 s old"];
    assert_eq!(titles(&mut bench, &late), told);
}

#[test]
fn a_silent_feed_is_told_with_the_next_block() {
    let mut bench =
        bench(json!([{ "name": "quiet", "on": "no feed usdc", "within": "10 m", "title": "{silent_s} s" }]));
    assert!(titles(&mut bench, &Block::at(1, 1_000)).is_empty());
    assert!(titles(&mut bench, &said(1_300, "usdc", "1")).is_empty());
    assert!(titles(&mut bench, &Block::at(2, 1_900)).is_empty());
    assert_eq!(titles(&mut bench, &Block::at(3, 1_901)), ["quiet Medium 601 s"]);
    assert!(titles(&mut bench, &Block::at(4, 2_500)).is_empty(), "once");
}

fn found(number: u64, detector: &str, kind: &str, severity: Severity, subject: Address, amount: u64) -> Block {
    let finding = Finding::new(kind, severity, Subject::address(subject))
        .title(format!("{kind} of the vault"))
        .confidence(80)
        .transaction(B256::with_last_byte(7))
        .amount("native", U256::from(amount));
    let mut block = Block::at(number, number * 12);
    block.findings.push(FindingRow { detector: detector.to_owned(), id: format!("f{number}"), finding });
    block
}

#[test]
fn another_detectors_finding_is_a_candidate() {
    let mut bench = bench(json!([{
        "name": "worse", "on": "finding attacks/round-trip", "severity": "critical", "contract": "vault",
        "when": "severity_level >= 3 && confidence >= 80 && amount > 5",
        "title": "{detector} at {contract}: {title} ({severity}, {amount} {asset})",
    }]));
    let told = "worse Critical attacks at vault: round-trip of the vault (high, 6 native)".to_owned();
    assert_eq!(titles(&mut bench, &found(1, "attacks", "round-trip", Severity::High, VAULT, 6)), [told]);
    assert!(titles(&mut bench, &found(2, "attacks", "round-trip", Severity::Medium, VAULT, 6)).is_empty());
    assert!(titles(&mut bench, &found(3, "attacks", "round-trip", Severity::High, VAULT, 5)).is_empty());
    assert!(titles(&mut bench, &found(4, "attacks", "view-jump", Severity::High, VAULT, 6)).is_empty());
    assert!(titles(&mut bench, &found(5, "outflow", "round-trip", Severity::High, VAULT, 6)).is_empty());
    assert!(titles(&mut bench, &found(6, "attacks", "round-trip", Severity::High, Address::ZERO, 6)).is_empty());
}

#[test]
fn findings_of_any_detector_are_counted_together() {
    let mut bench = bench(json!([{
        "name": "storm", "on": "finding */*", "window": "10 m", "by": ["subject"], "having": "count >= 3",
        "title": "{count} findings about {subject}",
    }]));
    let block = |number, detector, subject| found(number, detector, "x", Severity::Low, subject, 0);
    assert!(titles(&mut bench, &block(1, "a", VAULT)).is_empty());
    assert!(titles(&mut bench, &block(2, "b", VAULT)).is_empty());
    assert!(titles(&mut bench, &block(3, "c", Address::ZERO)).is_empty());
    let finding = bench.feed(&block(4, "c", VAULT)).unwrap().remove(0);
    assert_eq!(finding.title, format!("3 findings about {VAULT}"));
    assert_eq!(finding.transactions, [B256::with_last_byte(7)]);
    assert!(finding.attributes.contains(&("finding".to_owned(), "f4".to_owned())));
}
