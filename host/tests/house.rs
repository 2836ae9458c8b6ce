//! The house rules: imports go down the floors only, and files stay small.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const NOUNS: [&str; 23] = [
    "block",
    "chain",
    "chain_read",
    "column",
    "decision",
    "diagnostic",
    "digest",
    "due",
    "effect",
    "entry",
    "event",
    "fact",
    "finding",
    "http",
    "incident",
    "operator",
    "outcome",
    "protocol",
    "secret",
    "signature",
    "subscription",
    "timeline",
    "toml_file",
];
const LOGIC: [&str; 7] = ["drill", "engine", "narrow", "plan", "record", "score", "triage"];
const EDGES: [&str; 5] = ["act", "journal", "plugin", "source", "stream"];
const TOP: [&str; 3] = ["app", "cli", "fuzz"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() && !name.starts_with('.') && name != "target" && name != "node_modules" {
            files.extend(rust_files(&path));
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The module at the top of the crate that a file belongs to.
fn module(file: &Path, source: &Path) -> String {
    let first = file.strip_prefix(source).unwrap().components().next().unwrap();
    first.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

/// The modules at the top of the crate that a text names by `crate::NAME`, alone or in braces.
fn named(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for after in text.split("crate::").skip(1) {
        let list = after.strip_prefix('{').and_then(|rest| rest.split_once("};")).map(|(list, _)| list);
        for part in list.unwrap_or(after).split(',') {
            let name: String = part.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            names.insert(name);
            if list.is_none() {
                break;
            }
        }
    }
    names
}

fn may_name(module: &str) -> Option<BTreeSet<&'static str>> {
    let below: Vec<&'static str> = match module {
        m if NOUNS.contains(&m) => NOUNS.to_vec(),
        m if LOGIC.contains(&m) => [&NOUNS[..], &LOGIC[..]].concat(),
        m if EDGES.contains(&m) => [&NOUNS[..], &LOGIC[..]].concat(),
        m if TOP.contains(&m) => [&NOUNS[..], &LOGIC[..], &EDGES[..], &TOP[..]].concat(),
        _ => return None,
    };
    Some(below.into_iter().collect())
}

/// Each import in `text`, a file of `module`, that goes up or sideways.
fn trespasses(module: &str, text: &str) -> Vec<String> {
    let all: BTreeSet<&str> = [&NOUNS[..], &LOGIC[..], &EDGES[..], &TOP[..]].concat().into_iter().collect();
    let Some(allowed) = may_name(module) else { return vec![format!("`{module}` stands on no floor")] };
    let mut found: Vec<String> = named(text)
        .into_iter()
        .filter(|name| name != module && all.contains(name.as_str()) && !allowed.contains(name.as_str()))
        .collect();
    let forbidden = |word: &str| text.contains(word);
    if !EDGES.contains(&module) && !TOP.contains(&module) && (forbidden("tokio::") || forbidden("SystemTime::now")) {
        found.push("tokio or the wall clock".to_owned());
    }
    if LOGIC.contains(&module) && (forbidden("std::fs") || forbidden("HashMap") || forbidden("rand::")) {
        found.push("files, a hash map's order or randomness".to_owned());
    }
    if module != "plugin" && forbidden("wasmtime") {
        found.push("wasmtime".to_owned());
    }
    found
}

#[test]
fn imports_go_down_the_floors_only() {
    let mut wrong = Vec::new();
    let (host, response) = (root().join("host/src"), root().join("response/src"));
    let files = rust_files(&host).into_iter().map(|file| (file, &host));
    for (file, source) in files.chain(rust_files(&response).into_iter().map(|file| (file, &response))) {
        let module = module(&file, source);
        if module == "lib" || module == "main" {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        // Tests at the end of a file may bring in what they like.
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for name in trespasses(&module, code) {
            wrong.push(format!("{} names {name}", file.strip_prefix(root()).unwrap().display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_trespass_is_seen() {
    let check = |module: &str, text: &str, expected: &[&str]| assert_eq!(trespasses(module, text), expected);
    check("source", "use crate::journal::Journal;", &["journal"]);
    check("source", "use crate::{block::Block, plugin::Fleet};", &["plugin"]);
    check(
        "triage",
        "use crate::finding::Finding; use std::collections::HashMap;",
        &["files, a hash map's order or randomness"],
    );
    check("event", "fn f() { tokio::spawn(async {}); }", &["tokio or the wall clock"]);
    check("app", "use wasmtime::Engine;", &["wasmtime"]);
    check("app", "use crate::{journal::Journal, plugin::Fleet};", &[]);
    check("helpers", "", &["`helpers` stands on no floor"]);
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
