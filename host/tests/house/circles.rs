//! No circles: within a room, files import each other in one direction.

use std::collections::{BTreeMap, BTreeSet};

use crate::root;
use crate::source::{Named, Source, crate_sources};

/// Rooms in which there is no circle: a crate's `src`, and a module of it.
const ROOMS: [(&str, &str); 3] = [("host/src", "app"), ("host/src", "plugin"), ("response/src", "desk")];

/// Circles that may be, each with its reason.
const ALLOWED: [(&[&str], &str); 3] = [
    (&["app::live::main_loop", "app::live::swaps"], "the loop keeps its swaps, and a swap is one of the loop's steps"),
    (
        &[
            "plugin::build",
            "plugin::build::cargo",
            "plugin::build::go",
            "plugin::build::javascript",
            "plugin::build::parts",
            "plugin::build::project",
            "plugin::build::python",
            "plugin::build::tool",
            "plugin::build::wrap",
            "plugin::build::zig",
        ],
        "the errors of all languages are one type beside the function that builds",
    ),
    (
        &[
            "desk",
            "desk::chronicle",
            "desk::decide",
            "desk::intake",
            "desk::judge",
            "desk::ladder",
            "desk::permit",
            "desk::reach",
            "desk::rulings",
            "desk::talk",
            "desk::words",
        ],
        "the desk's steps are methods of one type",
    ),
];

/// Which file imports which, by their modules, following what modules hand on by `pub use`.
fn imports(sources: &[Source]) -> BTreeMap<Named, BTreeSet<Named>> {
    let by_module: BTreeMap<&Named, &Source> = sources.iter().map(|source| (&source.module, source)).collect();
    let mut imports: BTreeMap<Named, BTreeSet<Named>> = BTreeMap::new();
    for source in sources {
        let paths: Vec<Named> = source.own_paths().into_iter().collect();
        let handed_on: BTreeSet<Named> = source.exports.values().filter_map(|path| source.absolute(path)).collect();
        let of = imports.entry(source.module.clone()).or_default();
        for path in paths.iter().filter(|path| !handed_on.contains(*path)) {
            of.extend(file_of(&by_module, path, 0).filter(|to| *to != source.module));
        }
    }
    imports
}

/// The file in which a path's item stands.
fn file_of(by_module: &BTreeMap<&Named, &Source>, path: &Named, depth: usize) -> Option<Named> {
    let longest =
        (0..=path.len()).rev().map(|end| path[..end].to_vec()).find(|module| by_module.contains_key(module))?;
    let source = by_module[&longest];
    let rest = &path[longest.len()..];
    let export = rest.first().and_then(|name| source.exports.get(name)).and_then(|to| source.absolute(to));
    match export {
        Some(to) if depth < 8 => file_of(by_module, &[&to[..], &rest[1..]].concat(), depth + 1),
        _ => Some(longest),
    }
}

/// Sets of files of which each imports each other, if by way of others.
fn circles(imports: &BTreeMap<Named, BTreeSet<Named>>) -> BTreeSet<BTreeSet<Named>> {
    let reached = |from: &Named| {
        let (mut reached, mut left) = (BTreeSet::new(), vec![from]);
        while let Some(at) = left.pop() {
            for to in imports.get(at).into_iter().flatten() {
                if reached.insert(to) {
                    left.push(to);
                }
            }
        }
        reached
    };
    let all: BTreeMap<&Named, BTreeSet<&Named>> = imports.keys().map(|from| (from, reached(from))).collect();
    let with = |one: &Named| {
        let both = all[one].iter().filter(|other| all.get(**other).is_some_and(|back| back.contains(one)));
        both.map(|other| (*other).clone()).collect::<BTreeSet<Named>>()
    };
    all.keys().map(|one| with(one)).filter(|circle| circle.len() > 1).collect()
}

fn within(sources: Vec<Source>, room: &str) -> Vec<Source> {
    sources.into_iter().filter(|source| source.module.first().is_some_and(|first| first == room)).collect()
}

#[test]
fn files_of_a_room_import_each_other_in_one_direction() {
    let mut wrong = Vec::new();
    for (src, room) in ROOMS {
        let sources = within(crate_sources(&root().join(src)), room);
        assert!(sources.len() > 5, "{src} has a module `{room}`");
        for circle in circles(&imports(&sources)) {
            let names: BTreeSet<String> = circle.iter().map(|module| module.join("::")).collect();
            let is_allowed = |(allowed, _): &(&[&str], &str)| names.iter().all(|name| allowed.contains(&name.as_str()));
            if !ALLOWED.iter().any(is_allowed) {
                wrong.push(names.into_iter().collect::<Vec<_>>().join("\n  "));
            }
        }
    }
    assert!(wrong.is_empty(), "in a circle:\n  {}", wrong.join("\nand in another:\n  "));
}

#[test]
fn a_circle_is_seen() {
    let check = |files: &[(&str, &str)], expected: &[&str]| {
        let read = |(module, text): &(&str, &str)| Source::read(module.split("::").map(str::to_owned).collect(), text);
        let sources: Vec<Source> = files.iter().map(read).collect();
        let found: Vec<String> = circles(&imports(&sources))
            .into_iter()
            .map(|circle| circle.iter().map(|module| module.join("::")).collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(found, expected, "{files:?}");
    };
    check(&[("a::b", "use crate::a::c::C;"), ("a::c", "struct C;")], &[]);
    check(&[("a::b", "use crate::a::c::C;"), ("a::c", "use super::b::B;")], &["a::b a::c"]);
    check(
        &[("a::b", "use super::{c::C};"), ("a::c", "fn f(d: super::d::D) {}"), ("a::d", "use crate::a::b::{self, B};")],
        &["a::b a::c a::d"],
    );
    // What a folder hands on stands where it is made, and handing it on is no import.
    let folder = ("a", "mod b;\nmod c;\npub use b::B;\npub use c::C;");
    check(&[folder, ("a::b", "use crate::a::C;"), ("a::c", "struct C;")], &[]);
    check(&[folder, ("a::b", "use crate::a::C;"), ("a::c", "use crate::a::B;")], &["a::b a::c"]);
    check(&[("a", "mod b;\nuse b::B;\nstruct A;"), ("a::b", "use crate::a::A;")], &["a a::b"]);
}
