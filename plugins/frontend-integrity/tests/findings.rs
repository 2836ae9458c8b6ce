//! Attacks on a frontend, and what only looks like one.

#![allow(clippy::unwrap_used)]

use frontend_integrity::FrontendIntegrity;
use serde_json::{Value, json};
use watchfire_sdk::testing::{Bench, Block, ObservationRow};

/// A digest whose digits are all the same.
fn digest(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

fn said(feed: &str, value: &str) -> Block {
    let mut block = Block::at(1, 1_700_000_000).triggered_by_feed();
    block.observations.push(ObservationRow {
        feed: feed.to_owned(),
        observed_at_ms: 1_700_000_000_000,
        received_at_ms: 1_700_000_000_000,
        kind: "text".to_owned(),
        value: value.to_owned(),
    });
    block
}

/// Kinds and severities that these values make one part find, each with its confidence.
fn found(part: Value, values: &[String]) -> Vec<String> {
    let mut bench = Bench::<FrontendIntegrity>::start(json!({ "parts": [part] })).unwrap();
    let mut all = Vec::new();
    for value in values {
        let findings = bench.feed(&said("app", value)).unwrap();
        all.extend(
            findings
                .iter()
                .map(|finding| format!("{} {:?} {}", finding.kind, finding.severity, finding.confidence_percent)),
        );
    }
    all
}

#[test]
fn a_script_that_was_not_published_is_told_once_and_its_end_too() {
    let part = json!({ "feed": "app", "label": "app.js", "expected": [digest('a'), digest('b').to_uppercase().replace("SHA", "sha")] });
    let values = ["a", "a", "c", "c", "d", "b", "a"].map(|digit| digest(digit.chars().next().unwrap()));
    let told = ["content-changed Critical 90", "content-changed Critical 90", "frontend-restored Info 90"];
    assert_eq!(found(part, &values), told);
}

#[test]
fn one_that_is_wrong_from_the_start_is_told_where_it_is_known_what_was_published() {
    let expected = json!({ "feed": "app", "label": "app.js", "expected": [digest('a')] });
    assert_eq!(found(expected, &[digest('c')]), ["content-changed Critical 90"]);
    let unknown = json!({ "feed": "app", "label": "app.js" });
    assert_eq!(found(unknown.clone(), &[digest('c'), digest('c')]), Vec::<String>::new());
    assert_eq!(found(unknown, &[digest('c'), digest('d')]), ["content-changed Critical 60"]);
}

#[test]
fn a_certificate_is_told_as_one() {
    let part = json!({ "feed": "app", "label": "example.org", "what": "certificate" });
    assert_eq!(found(part, &[digest('a'), digest('b')]), ["certificate-changed High 60"]);
}

#[test]
fn what_a_reverted_block_has_nothing_to_do_with_stays() {
    let part = json!({ "feed": "app", "label": "app.js", "expected": [digest('a')] });
    let mut bench = Bench::<FrontendIntegrity>::start(json!({ "parts": [part] })).unwrap();
    assert!(bench.feed(&said("another", &digest('c'))).unwrap().is_empty());
}

#[test]
fn a_config_that_can_not_be_is_refused_with_its_key() {
    for (config, told) in [
        (json!({ "parts": [] }), "parts"),
        (json!({ "parts": [{ "feed": "a", "label": "a" }, { "feed": "a", "label": "b" }] }), "parts.1.feed"),
        (json!({ "parts": [{ "feed": "a", "label": "a", "expected": ["0x12"] }] }), "parts.0.expected.0"),
    ] {
        let error = Bench::<FrontendIntegrity>::start(config).map(|_| ()).unwrap_err();
        assert_eq!(error.key, told);
    }
}
