//! The house rules: imports go down the floors only and in no circle, and files stay small.

#![allow(clippy::unwrap_used)]

mod circles;
mod features;
mod floors;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use source::rust_files;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

#[test]
fn unsafe_is_allowed_in_one_place() {
    // Spelt apart, or this file would be another place.
    let allows = concat!("allow(unsafe", "_code)");
    let mut places = Vec::new();
    for folder in ["host", "response", "sdk/rust", "plugins", "tests", "xtask"] {
        for file in rust_files(&root().join(folder)) {
            let count = fs::read_to_string(&file).unwrap().matches(allows).count();
            places.extend(std::iter::repeat_n(file.strip_prefix(root()).unwrap().display().to_string(), count));
        }
    }
    assert_eq!(places, ["host/src/plugin/compile/artefact.rs"]);
}

#[test]
fn files_stay_small() {
    let mut large = Vec::new();
    for folder in ["host", "response", "sdk/rust", "plugins", "tests", "xtask"] {
        for file in rust_files(&root().join(folder)) {
            let lines = fs::read_to_string(&file).unwrap().lines().count();
            if lines > 600 {
                large.push(format!("{}: {lines} lines", file.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(large.is_empty(), "past 600 lines:\n{}", large.join("\n"));
}
