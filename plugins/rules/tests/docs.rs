//! The examples of the page on rules start.

#![allow(clippy::unwrap_used)]

use rules::RuleDetector;
use serde_json::Value;
use watchfire_sdk::testing::Bench;

/// A list in the place of a file, which the host would read.
fn without_files(value: &mut Value) {
    if value.get("from_file").is_some() {
        *value = serde_json::json!(["0x00000000000000000000000000000000000000aa"]);
        return;
    }
    match value {
        Value::Object(members) => members.values_mut().for_each(without_files),
        Value::Array(members) => members.iter_mut().for_each(without_files),
        _ => {}
    }
}

#[test]
fn every_example_of_the_page_starts() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/rules.md")).unwrap();
    let blocks: Vec<&str> = page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(blocks.len() >= 3);
    for block in blocks {
        let mut config: Value = toml::from_str(block).unwrap();
        if let Some(detectors) = config.get("detector").and_then(Value::as_object) {
            config = detectors.values().next().unwrap()["config"].clone();
        }
        without_files(&mut config);
        let started = Bench::<RuleDetector>::start(config);
        assert!(started.is_ok(), "{block}\n{}", started.err().unwrap());
    }
}
