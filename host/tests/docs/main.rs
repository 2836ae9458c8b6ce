//! The book in `docs/`, and the pages beside it: links lead somewhere, commands exist, tables are complete.

#![allow(clippy::unwrap_used)]

mod commands;
mod decides;
mod limits;
mod links;
mod operations;
mod schemas;
mod security;

use std::fs;
use std::path::{Path, PathBuf};

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// All files below a folder whose names end so, in order of their paths. Leaves out what is built or installed.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let is_built =
            name.starts_with('.') || ["build", "target", "node_modules", "templates"].contains(&name.as_str());
        if path.is_dir() && !is_built {
            found.extend(files(&path, ending));
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A page's lines, each with whether it stands in a fenced block and in which language.
fn lines(text: &str) -> Vec<(&str, Option<&str>)> {
    let mut block = None;
    let mut all = Vec::new();
    for line in text.lines() {
        match (line.trim_start().strip_prefix("```"), block) {
            (Some(language), None) => block = Some(language),
            (Some(_), Some(_)) => block = None,
            (None, _) => all.push((line, block)),
        }
    }
    all
}

#[test]
fn lines_know_their_block() {
    let text = "a\n```sh\nb\n```\nc";
    assert_eq!(lines(text), [("a", None), ("b", Some("sh")), ("c", None)]);
}
