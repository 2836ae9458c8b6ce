//! Each file of the library is a config that starts.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use rules::RuleDetector;
use watchfire_sdk::testing::Bench;

#[test]
fn every_file_of_the_library_loads() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/library"));
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let config: serde_json::Value = toml::from_str(&text).unwrap();
        let bench = Bench::<RuleDetector>::start(config.clone());
        let bench = bench.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(!bench.subscriptions().is_empty());
        for rule in config["rule"].as_array().unwrap() {
            assert!(rule["name"].is_string(), "{}: each rule of the library has a name", path.display());
        }
        count += 1;
    }
    assert!(count >= 8, "{count} files");
}
