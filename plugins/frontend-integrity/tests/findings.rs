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
fn records_of_a_name_that_are_others() {
    let part =
        json!({ "feed": "app", "label": "app.example.org", "what": "dns", "expected": ["A 192.0.2.1", "a 192.0.2.2"] });
    // A resolver that takes turns says a part of them.
    let said = ["A 192.0.2.1\nA 192.0.2.2", "A 192.0.2.2", "A 192.0.2.1\nA 203.0.113.9", "A 192.0.2.1", "NXDOMAIN"];
    let told = ["dns-changed High 90", "frontend-restored Info 90", "dns-changed High 90"];
    assert_eq!(found(part.clone(), &said.map(str::to_owned)), told);
    let mut bench = Bench::<FrontendIntegrity>::start(json!({ "parts": [part] })).unwrap();
    let findings = bench.feed(&self::said("app", said[2])).unwrap();
    assert_eq!(findings[0].title, "app.example.org has other records: A 203.0.113.9");
}

#[test]
fn a_domain_that_is_another_registrars() {
    let part = json!({ "feed": "app", "label": "example.org", "what": "registrar" });
    let entry =
        |registrar: u32, status: &str| format!("nameserver a.example.net\nregistrar {registrar}\nstatus {status}");
    let said = [entry(376, "locked"), entry(376, "locked"), entry(9, "locked"), entry(376, "locked")];
    assert_eq!(found(part.clone(), &said), ["registrar-changed Critical 60", "frontend-restored Info 60"]);
    let unlocked = ["a\nstatus locked".to_owned(), "a".to_owned()];
    assert_eq!(found(part, &unlocked), ["registrar-changed Critical 60"]);
}

#[test]
fn a_status_page_that_says_that_all_is_not_well() {
    let part = json!({ "feed": "app", "label": "the CDN", "what": "status" });
    let said = ["none", "major", "major", "none"].map(str::to_owned);
    assert_eq!(found(part, &said), ["status-degraded Medium 90", "frontend-restored Info 90"]);
    let own = json!({ "feed": "app", "label": "the CDN", "what": "status", "expected": ["none", "maintenance"] });
    assert_eq!(found(own, &["maintenance", "critical"].map(str::to_owned)), ["status-degraded Medium 90"]);
}

#[test]
fn an_advisory_that_was_not_there_before() {
    let part = json!({ "feed": "app", "label": "our repository", "what": "advisories" });
    let said = ["GHSA-1 low", "GHSA-1 low\nGHSA-2 critical", "GHSA-2 critical", "GHSA-2 critical\nGHSA-3 low", "none"]
        .map(str::to_owned);
    assert_eq!(found(part, &said), ["advisory-published High 90", "advisory-published Medium 90"]);
    // What is known is not told, and what is there from the start is.
    let known = json!({ "feed": "app", "label": "our repository", "what": "advisories", "expected": ["GHSA-1"] });
    assert_eq!(found(known.clone(), &["GHSA-1 low".to_owned()]), Vec::<String>::new());
    assert_eq!(found(known, &["GHSA-1 low\nGHSA-2 high".to_owned()]), ["advisory-published High 90"]);
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
        (json!({ "parts": [{ "feed": "a", "label": "a", "what": "dns", "expected": [" "] }] }), "parts.0.expected.0"),
    ] {
        let error = Bench::<FrontendIntegrity>::start(config).map(|_| ()).unwrap_err();
        assert_eq!(error.key, told);
    }
}

#[test]
fn the_test_kits_attack_is_found_and_its_twin_is_not() {
    let all = watchfire_sdk::testing::twins::watched();
    let twins = all.into_iter().find(|twins| twins.detector == "frontend-integrity").unwrap();
    let found = |blocks: &[Block]| {
        let mut bench = Bench::<FrontendIntegrity>::start(twins.config.clone()).unwrap();
        let found = blocks.iter().flat_map(|block| bench.feed(block).unwrap());
        found.map(|finding| finding.kind).collect::<Vec<_>>()
    };
    assert_eq!(found(&twins.attack), ["content-changed"]);
    assert_eq!(found(&twins.benign), [""; 0]);
}
