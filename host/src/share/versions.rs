//! Which versions an advisory means. They are compared by their precedence: `1.2.0-rc.1` comes before `1.2.0`, so that who
//! publishes an early version is not past what is known against it.

use std::cmp::Ordering;

use semver::{Comparator, Op, Prerelease, Version, VersionReq};

/// Versions of a detector, as Cargo writes them: `<1.2.0`, `>=1.0, <1.2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versions(VersionReq);

impl Versions {
    /// Reads them.
    ///
    /// # Errors
    ///
    /// If the text names no versions.
    pub fn parse(said: &str) -> Result<Self, String> {
        VersionReq::parse(said).map(Self).map_err(|error| format!("`{said}` names no versions: {error}"))
    }

    /// True when a version is among them. Cargo leaves early versions out that are not named; here they count.
    pub fn mean(&self, version: &Version) -> bool {
        self.0.comparators.iter().all(|bound| holds(bound, version))
    }
}

/// True when a version lies within a bound. What the bound leaves open, as the last number of `=1.2`, stands for all of a line
/// with its early versions.
fn holds(bound: &Comparator, version: &Version) -> bool {
    let lowest = lowest(bound);
    let is_lower = version.cmp_precedence(&lowest) == Ordering::Less;
    match bound.op {
        Op::Less => is_lower,
        Op::LessEq => is_before(version, &after(bound)),
        Op::Greater => !is_before(version, &after(bound)),
        Op::GreaterEq => !is_lower,
        Op::Tilde => !is_below_line(bound, version) && is_before(version, &after_line(bound, bound.minor.is_some())),
        Op::Caret => !is_below_line(bound, version) && is_before(version, &after_compatible(bound)),
        // An operator that a later version of the library may know means what is exact: better a word too many.
        _ => !is_below_line(bound, version) && is_before(version, &after(bound)),
    }
}

/// Returns the bound with zeros for what it leaves open.
fn lowest(bound: &Comparator) -> Version {
    let (minor, patch) = (bound.minor.unwrap_or(0), bound.patch.unwrap_or(0));
    Version { pre: bound.pre.clone(), ..Version::new(bound.major, minor, patch) }
}

/// True when a version comes before a line, early versions of the line's first release not being before it.
fn is_below_line(bound: &Comparator, version: &Version) -> bool {
    let first = if bound.patch.is_some() { lowest(bound) } else { earliest(lowest(bound)) };
    is_before(version, &first)
}

/// Returns the first version that comes after all that the bound's numbers name.
fn after(bound: &Comparator) -> Version {
    match bound.patch {
        // Between this version and the next in precedence there is nothing: `.0` is the least that follows an early version.
        Some(_) if !bound.pre.is_empty() => {
            let next = Prerelease::new(&format!("{}.0", bound.pre.as_str()));
            Version { pre: next.unwrap_or_else(|_| bound.pre.clone()), ..lowest(bound) }
        }
        Some(patch) => earliest(Version::new(bound.major, bound.minor.unwrap_or(0), patch.saturating_add(1))),
        None => after_line(bound, bound.minor.is_some()),
    }
}

/// Returns the first version of the next minor line, or of the next major one.
fn after_line(bound: &Comparator, is_minor: bool) -> Version {
    earliest(match is_minor {
        true => Version::new(bound.major, bound.minor.unwrap_or(0).saturating_add(1), 0),
        false => Version::new(bound.major.saturating_add(1), 0, 0),
    })
}

/// Returns the first version that is not compatible any more: the leftmost number that is not 0 is another.
fn after_compatible(bound: &Comparator) -> Version {
    match (bound.major, bound.minor, bound.patch) {
        (0, Some(0), Some(patch)) => earliest(Version::new(0, 0, patch.saturating_add(1))),
        (0, Some(minor), _) => earliest(Version::new(0, minor.saturating_add(1), 0)),
        _ => after_line(bound, false),
    }
}

/// Returns the earliest of the early versions of a release.
fn earliest(release: Version) -> Version {
    Version { pre: Prerelease::new("0").unwrap_or_default(), ..release }
}

fn is_before(version: &Version, other: &Version) -> bool {
    version.cmp_precedence(other) == Ordering::Less
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(said: &str, among: &[&str], not: &[&str]) {
        let versions = Versions::parse(said).unwrap();
        for (named, expected) in [(among, true), (not, false)] {
            for version in named {
                assert_eq!(versions.mean(&version.parse().unwrap()), expected, "{version} in {said}");
            }
        }
    }

    #[test]
    fn early_versions_count_by_their_precedence() {
        check(
            "<1.2.0",
            &["1.1.9", "1.1.0-rc.1", "1.2.0-rc.1", "0.0.1-0", "1.1.9+later"],
            &["1.2.0", "1.2.1-rc.1", "1.2.0+a"],
        );
        check(">=1.0.0, <1.2.0", &["1.0.0", "1.1.0-rc.1", "1.0.1-0"], &["1.0.0-rc.1", "1.2.0", "0.9.9"]);
        check("<=1.2.0", &["1.2.0", "1.2.0-rc.1", "1.2.0+a"], &["1.2.1-rc.1", "1.2.1"]);
        check(">1.2.0", &["1.2.1-rc.1", "1.2.1", "2.0.0-a"], &["1.2.0", "1.2.0-rc.1", "1.2.0+a"]);
        check("=1.2.0", &["1.2.0", "1.2.0+a"], &["1.2.0-rc.1", "1.2.1-rc.1", "1.2.1"]);
        check("=1.2.0-rc.1", &["1.2.0-rc.1", "1.2.0-rc.1+a"], &["1.2.0-rc.2", "1.2.0", "1.2.0-rc.0", "1.2.0-rc.1.0"]);
        check("<=1.2.0-rc.1", &["1.2.0-rc.1", "1.2.0-beta", "1.1.0"], &["1.2.0-rc.2", "1.2.0"]);
    }

    #[test]
    fn what_is_left_open_is_a_line_with_its_early_versions() {
        for said in ["=1.2", "1.2.*", "~1.2"] {
            check(said, &["1.2.0", "1.2.9", "1.2.0-rc.1", "1.2.5-rc.1"], &["1.3.0-rc.1", "1.3.0", "1.1.9"]);
        }
        check("1.*", &["1.0.0-rc.1", "1.9.0"], &["2.0.0-rc.1", "0.9.0"]);
        check("*", &["0.0.1-a", "9.9.9"], &[]);
        check("<1.2", &["1.1.9", "1.2.0-rc.1"], &["1.2.0", "1.2.1-rc.1"]);
        check("<=1.2", &["1.2.9", "1.2.9-rc.1"], &["1.3.0-rc.1", "1.3.0"]);
        check(">1.2", &["1.3.0-rc.1", "1.3.0"], &["1.2.9", "1.2.10-rc.1"]);
    }

    #[test]
    fn what_is_compatible_ends_before_the_next_line() {
        check("^1.2.3", &["1.2.3", "1.9.0-rc.1", "1.2.4-0"], &["2.0.0-rc.1", "2.0.0", "1.2.3-rc.1"]);
        check("1.2.3", &["1.9.0-rc.1"], &["2.0.0-rc.1"]);
        check("^0.2.3", &["0.2.4-rc.1"], &["0.3.0-rc.1"]);
        check("^0.0.3", &["0.0.3"], &["0.0.4-rc.1", "0.0.4"]);
        check("^0", &["0.9.0", "0.0.1-rc.1"], &["1.0.0-rc.1"]);
        check("~1.2.3", &["1.2.4-rc.1"], &["1.3.0-rc.1", "1.2.3-rc.1"]);
        check(">=18446744073709551615.0.0", &["18446744073709551615.0.0"], &["1.0.0"]);
        assert!(Versions::parse("below 1.2").unwrap_err().contains("names no versions"));
    }
}
