//! What indexes say of a detector that somebody thinks of taking.

use jiff::Timestamp;
use serde::Serialize;

use crate::app::share::indexes::Known;
use crate::share::digest::Digest;
use crate::share::index::{Advisory, Kind};
use crate::text::line;

/// What indexes say of a detector that somebody thinks of taking.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Repute {
    /// Indexes that list it, each with the version that it stands for.
    pub listed_by: Vec<(String, String)>,
    /// What is known against it, each with the index that says so.
    pub against: Vec<(String, Advisory)>,
    /// Indexes that could not be read, and those that were read as they were kept, with why.
    pub not_current: Vec<String>,
    /// Each index that was read, with its version and dates in words.
    pub dates: Vec<(String, String)>,
    /// Indexes that are too old to go by, each with why.
    pub too_old: Vec<(String, String)>,
    /// How many indexes were read.
    pub read: usize,
}

/// How old indexes may be.
#[derive(Clone, Copy, Debug)]
pub struct Ages {
    /// Now.
    pub now: Timestamp,
    /// Days from which on one is too old.
    pub at_most_days: u32,
}

impl Repute {
    /// Gathers what indexes say of a version at a place.
    pub fn of(indexes: &[Result<Known, String>], place: &str, version: &str, component: Digest, ages: Ages) -> Self {
        let mut repute = Self::default();
        for known in indexes {
            let known = match known {
                Ok(known) => known,
                Err(why) => {
                    repute.not_current.push(why.clone());
                    continue;
                }
            };
            repute.read += 1;
            repute.dates.push((known.source.clone(), known.dated(ages.now)));
            repute.too_old.extend(known.too_old(ages.now, ages.at_most_days).map(|why| (known.source.clone(), why)));
            repute
                .not_current
                .extend(known.kept_since.iter().map(|why| format!("{}: as it was kept; {why}", known.source)));
            let listed = known.index.detector.iter().filter(|listed| listed.reference.place() == place);
            repute.listed_by.extend(listed.map(|listed| (known.source.clone(), line(&listed.version, 64))));
            let against = known.index.against(place, version, component).into_iter();
            repute.against.extend(against.map(|advisory| (known.source.clone(), advisory.clone())));
        }
        repute
    }

    /// Returns why it is not taken: it was taken back or is vulnerable, and nobody said that it be taken despite that.
    pub fn refusal(&self, despite: &[String]) -> Option<String> {
        let weighs = |advisory: &Advisory| advisory.kind != Kind::Superseded && !despite.contains(&advisory.id);
        let (index, advisory) = self.against.iter().find(|(_, advisory)| weighs(advisory))?;
        Some(format!("{}, says {index}; take it all the same by `--despite {}`", advisory.line(), advisory.id))
    }

    /// Returns lines for a person.
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.not_current.iter().map(|why| format!("index     {why}")).collect();
        lines.extend(self.dates.iter().map(|(index, dated)| format!("index     {index}: {dated}")));
        lines.extend(self.too_old.iter().map(|(index, why)| format!("warning   {index}: {why}")));
        let listed =
            self.listed_by.iter().map(|(index, version)| format!("listed by {index}, which stands for {version}"));
        lines.extend(listed);
        if self.listed_by.is_empty() {
            lines.push(match self.read {
                0 => "listed by nobody: `[trust] index` names no index that can be read".to_owned(),
                read => format!("listed by none of {read} indexes"),
            });
        }
        lines.extend(
            self.against.iter().map(|(index, advisory)| format!("against   {}, says {index}", advisory.line())),
        );
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::share::index::Index;

    #[test]
    fn what_is_vulnerable_is_taken_only_despite_its_advisory() {
        let text = r#"
            format = 1
            version = "7"
            updated = 2026-10-01T00:00:00Z
            [[detector]]
            reference = "oci://ghcr.io/harbor/outflow"
            name = "outflow"
            summary = "Funds that leave"
            version = "1.2.0"
            [[advisory]]
            id = "H-1"
            detector = "ghcr.io/harbor/outflow"
            versions = "<1.2.0"
            kind = "vulnerable"
            summary = "blind to permits"
            [[advisory]]
            id = "H-2"
            detector = "ghcr.io/harbor/outflow"
            versions = "<2.0.0"
            kind = "superseded"
            summary = "another one took its place"
        "#;
        let index = Index::parse(text).unwrap();
        let known = [
            Ok(Known { source: "ours".into(), index, kept_since: None, taken_at: None }),
            Err("theirs: gone".to_owned()),
        ];
        let ages = Ages { now: "2026-12-01T00:00:00Z".parse().unwrap(), at_most_days: 30 };
        let repute = |version: &str| Repute::of(&known, "ghcr.io/harbor/outflow", version, Digest::of(b""), ages);
        let old = repute("1.1.0");
        assert_eq!(
            old.lines(),
            [
                "index     theirs: gone",
                "index     ours: version 7, updated 61 days ago",
                "warning   ours: it was updated 61 days ago, and `[trust] index_max_age_days` is 30: what is known since is not \
                 in it. Ask who keeps it",
                "listed by ours, which stands for 1.2.0",
                "against   H-1 vulnerable: blind to permits, says ours",
                "against   H-2 superseded: another one took its place, says ours",
            ]
        );
        assert!(old.refusal(&[]).unwrap().ends_with("take it all the same by `--despite H-1`"));
        assert_eq!(old.refusal(&["H-1".to_owned()]), None);
        assert_eq!(repute("1.2.0").refusal(&[]), None, "what another one took the place of still runs");
        let other = Repute::of(&known, "ghcr.io/harbor/other", "1.0.0", Digest::of(b""), ages);
        assert_eq!(other.lines()[3], "listed by none of 1 indexes");
    }
}
