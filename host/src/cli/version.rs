//! `watchfire --version`: what a report of a fault must name.

/// The interface that this host runs detectors by, from the file that the SDKs carry.
const WORLD: &str = include_str!("../../../wit/detector/world.wit");

/// Returns the version of the product, its commit, and the versions of the interface that detectors may be built against.
pub(super) fn long(commit: Option<&str>) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let commit = commit.unwrap_or("unknown: not built by `cargo xtask dist`");
    format!("{version}\ncommit: {commit}\nwit: {}", wit_package())
}

/// Returns the interface's package with its version, as `watchfire:detector@0.1.0`.
fn wit_package() -> &'static str {
    let declared = WORLD.lines().find_map(|line| line.strip_prefix("package "));
    declared.map_or("unknown", |package| package.trim_end_matches(';'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_version_names_the_commit_and_the_interface() {
        let (version, wit) = (env!("CARGO_PKG_VERSION"), "watchfire:detector@0.1.0");
        assert_eq!(long(Some("v0.1.0-3-gabc")), format!("{version}\ncommit: v0.1.0-3-gabc\nwit: {wit}"));
        assert!(long(None).contains("\ncommit: unknown"));
    }
}
