//! Imports go down the floors only: of each crate, and of the rooms of `app` and `plugin`.

use std::collections::BTreeSet;

use crate::source::{Source, crate_sources};
use crate::{root, source};

const NOUNS: &[&str] = &[
    "block",
    "brief",
    "chain",
    "chain_read",
    "column",
    "decision",
    "defaults",
    "diagnostic",
    "digest",
    "due",
    "effect",
    "entry",
    "event",
    "fact",
    "failure_kind",
    "finding",
    "foreign",
    "http",
    "incident",
    "note",
    "operator",
    "outcome",
    "proof",
    "protocol",
    "secret",
    "signature",
    "staged",
    "subscription",
    "text",
    "timeline",
    "toml_file",
    "whole_file",
];
const LOGIC: &[&str] = &["desk", "drill", "narrow", "plan", "record", "score", "triage"];
const EDGES: &[&str] = &["deliver", "journal", "plugin", "share", "source", "stream"];
const TOP: &[&str] = &["app", "cli", "fuzz"];

/// The rooms of a module, each with the rooms that it may import.
type Rooms = &'static [(&'static str, &'static [&'static str])];

/// `live` and `author` stand on top, beside each other.
const APP: Rooms = &[
    ("import", &[]),
    ("config", &[]),
    ("engine", &[]),
    ("deploy", &["config", "engine"]),
    ("plan", &["config", "deploy"]),
    ("past", &["config", "engine", "deploy"]),
    ("author", &["config", "engine", "deploy", "past"]),
    ("live", &["config", "engine", "deploy", "past", "plan", "share"]),
    ("share", &["config", "engine", "deploy", "past", "plan"]),
];

/// What runs guests stands on what compiles them, and that on the boundary that they are linked to.
const PLUGIN: Rooms = &[
    ("limits", &[]),
    ("text", &[]),
    ("build", &[]),
    ("failure", &["limits", "text"]),
    ("boundary", &["limits", "text", "failure"]),
    ("compile", &["limits", "text", "failure", "boundary"]),
    ("measure", &["limits", "text", "failure", "boundary", "compile"]),
    ("fleet", &["limits", "text", "failure", "boundary", "compile", "measure"]),
    ("fuzz", &["limits", "text", "failure", "boundary"]),
];

/// What must not decide anything: what differs from run to run.
const OF_THE_MOMENT: [&str; 4] = ["Instant", "SystemTime", "Utc", "Local"];
const OUTSIDE: [&str; 5] = ["tokio", "std::env", "std::net", "std::process", "std::thread"];

/// Nouns that read what lies outside, each with its reason.
const MAY_LOOK_OUTSIDE: [(&str, &str); 2] = [
    ("secret", "it reads a secret from the environment or a file, once, at the start"),
    ("http", "it makes the client and the server that edges share"),
];

/// Logic that hashes, each with its reason.
const MAY_HASH: [(&str, &str); 1] = [("narrow::table", "it asks whether a key is in a set, and never goes over one")];

fn may_name(module: &str) -> Option<BTreeSet<&'static str>> {
    let below: Vec<&'static str> = match module {
        m if NOUNS.contains(&m) => NOUNS.to_vec(),
        m if LOGIC.contains(&m) => [NOUNS, LOGIC].concat(),
        m if EDGES.contains(&m) => [NOUNS, LOGIC].concat(),
        m if TOP.contains(&m) => [NOUNS, LOGIC, EDGES, TOP].concat(),
        _ => return None,
    };
    Some(below.into_iter().collect())
}

/// Each import of a source that goes up or sideways, and each thing that its floor must not touch.
fn trespasses(source: &Source) -> Vec<String> {
    let Some(module) = source.module.first().map(String::as_str) else { return Vec::new() };
    let Some(allowed) = may_name(module) else { return vec![format!("`{module}`, which stands on no floor")] };
    let all: BTreeSet<&str> = [NOUNS, LOGIC, EDGES, TOP].concat().into_iter().collect();
    let own = source.own_paths();
    let named: BTreeSet<&str> = own.iter().filter_map(|path| path.first()).map(String::as_str).collect();
    let mut found: Vec<String> = named
        .into_iter()
        .filter(|name| *name != module && all.contains(name) && !allowed.contains(name))
        .map(str::to_owned)
        .collect();
    for (of, rooms) in [("app", APP), ("plugin", PLUGIN)] {
        if module == of {
            found.extend(trespasses_of_rooms(source, of, rooms));
        }
    }
    let is_pure = NOUNS.contains(&module) || LOGIC.contains(&module);
    if is_pure && !MAY_LOOK_OUTSIDE.iter().any(|(excepted, _)| *excepted == module) {
        found.extend(OF_THE_MOMENT.into_iter().filter(|word| source.words.contains(*word)).map(str::to_owned));
        found.extend(OUTSIDE.into_iter().filter(|path| source.names_path(path)).map(str::to_owned));
    }
    if LOGIC.contains(&module) {
        let path = source.module.join("::");
        if !MAY_HASH.iter().any(|(excepted, _)| *excepted == path) {
            let words = ["HashMap", "HashSet", "RandomState"];
            found.extend(words.into_iter().filter(|word| source.words.contains(*word)).map(str::to_owned));
        }
        found.extend(["rand"].into_iter().filter(|word| source.words.contains(*word)).map(str::to_owned));
        found.extend(["std::fs"].into_iter().filter(|path| source.names_path(path)).map(str::to_owned));
    }
    if module != "plugin" && source.words.contains("wasmtime") {
        found.push("wasmtime".to_owned());
    }
    found
}

fn trespasses_of_rooms(source: &Source, of: &str, rooms: Rooms) -> Vec<String> {
    // What stands in the folder itself lists the rooms.
    let Some(room) = source.module.get(1) else { return Vec::new() };
    let Some((_, allowed)) = rooms.iter().find(|(name, _)| name == room) else {
        return vec![format!("`{of}::{room}`, which is no room of `{of}`")];
    };
    let named: BTreeSet<String> =
        source.own_paths().into_iter().filter(|path| path[0] == of).filter_map(|path| path.get(1).cloned()).collect();
    let is_room = |name: &&String| rooms.iter().any(|(known, _)| known == name);
    let up = |name: &&String| *name != room && !allowed.contains(&name.as_str());
    let facade = named.iter().filter(|name| !is_room(name)).map(|name| format!("{of}::{name} by the facade"));
    named.iter().filter(is_room).filter(up).map(|name| format!("{of}::{name}")).chain(facade).collect()
}

#[test]
fn imports_go_down_the_floors_only() {
    let mut wrong = Vec::new();
    for folder in ["host/src", "response/src"] {
        for source in crate_sources(&root().join(folder)) {
            for name in trespasses(&source) {
                wrong.push(format!("{folder}: {} names {name}", source.module.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_trespass_is_seen() {
    let check = |module: &str, text: &str, expected: &[&str]| {
        let module = module.split("::").map(str::to_owned).collect();
        assert_eq!(trespasses(&source::Source::read(module, text)), expected, "{text}");
    };
    check("source", "use crate::journal::Journal;", &["journal"]);
    check("source", "use crate::{block::Block, plugin::Fleet};", &["plugin"]);
    check("source::evm::follow", "use super::super::super::journal::Journal;", &["journal"]);
    check("source::evm", "use super::super::{journal::{self, Row}, block::Block};", &["journal"]);
    check("source", "fn f(j: &super::journal::Journal) {}", &["journal"]);
    check("source", "// use crate::journal::Journal;\nconst A: &str = \"crate::journal::Journal\";", &[]);
    check("source", "#[cfg(test)]\nmod tests {\n    use crate::journal::Journal;\n}", &[]);
    check("triage", "use crate::finding::Finding; use std::collections::HashMap;", &["HashMap"]);
    check("triage", "use std::collections::{BTreeMap, HashSet as Set};", &["HashSet"]);
    check("desk", "let now = std::time::Instant::now();", &["Instant"]);
    check("plan", "let home = std::env::var(\"HOME\");", &["std::env"]);
    check("plan", "use std::{env, fs};", &["std::env", "std::fs"]);
    check("event", "fn f() { tokio::spawn(async {}); }", &["tokio"]);
    check("app::live", "use wasmtime::Engine;", &["wasmtime"]);
    check("app::live", "use crate::{journal::Journal, plugin::Fleet};", &[]);
    check("helpers", "", &["`helpers`, which stands on no floor"]);
    check("app::engine::late", "use crate::app::live::run;", &["app::live"]);
    check("app::engine::late", "use super::super::past::replay;", &["app::past"]);
    check("app::author::bench", "use crate::app::past::replay;", &[]);
    check("app::helpers", "", &["`app::helpers`, which is no room of `app`"]);
    check("plugin::boundary::rows", "use crate::plugin::fleet::view::Heard;", &["plugin::fleet"]);
    check("plugin::boundary::rows", "use crate::plugin::Fleet;", &["plugin::Fleet by the facade"]);
}
