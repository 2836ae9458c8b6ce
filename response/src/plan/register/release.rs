//! Releases that a plan names, and how each is found.

use crate::diagnostic::suggestion;
use crate::plan::entity::{Release, Tables};

/// Returns releases with their ids, oldest first.
pub fn releases(tables: &Tables) -> Vec<(&str, &Release)> {
    let mut releases: Vec<(&str, &Release)> =
        tables.release.iter().map(|(id, release)| (id.as_str(), release)).collect();
    releases.sort_by_key(|(id, release)| (release.at, *id));
    releases
}

/// Returns the release that goes by a name: its name, its id or its tag.
///
/// # Errors
///
/// If no release goes by it. The error says which may have been meant.
pub fn find<'a>(tables: &'a Tables, name: &str) -> Result<(&'a str, &'a Release), String> {
    let found = tables.release.iter().find(|(id, release)| {
        release.name(id) == name || *id == name || release.tag.as_deref().is_some_and(|tag| tag == name)
    });
    found.map(|(id, release)| (id.as_str(), release)).ok_or_else(|| {
        let known = releases(tables).into_iter().map(|(id, release)| release.name(id));
        suggestion(name, known)
    })
}
