//! Indexes: which detectors there are, by what they watch, and what is known against some of them.
//!
//! One file, `index.toml`, in a folder that git keeps or as an artefact of a registry.

use std::cmp::Ordering;

use jiff::Timestamp;
use semver::Version;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::digest::Digest;
use super::package::Watches;
use super::reference::{Reference, folded};
use super::versions::Versions;
use crate::text::line;

/// What the file is called in a folder.
pub const FILE: &str = "index.toml";
/// Artefact type and layer of an index in a registry.
pub const INDEX_TYPE: &str = "application/vnd.watchfire.index.v1+toml";
/// Largest index that is read, bytes.
pub const INDEX_BYTES: u64 = 32 << 20;

/// What an index lists.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// The version of the format: 1.
    pub format: u32,
    /// Its own version, which grows with each change.
    pub version: String,
    /// When whoever keeps it last looked it through, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "moment", serialize_with = "written")]
    pub updated: Option<Timestamp>,
    /// Detectors.
    #[serde(default)]
    pub detector: Vec<Listed>,
    /// What is known against some.
    #[serde(default)]
    pub advisory: Vec<Advisory>,
}

/// A detector in an index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// Where it is, without a version.
    pub reference: Reference,
    /// Its name.
    pub name: String,
    /// What it looks for.
    pub summary: String,
    /// The version that the index stands for.
    pub version: String,
    /// What it watches.
    #[serde(default)]
    pub watches: Watches,
}

/// What is known against versions of a detector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Advisory {
    /// Its name: `HARBOR-2026-001`.
    pub id: String,
    /// Where the detector is: `ghcr.io/harbor/outflow`.
    pub detector: String,
    /// Versions that it is of, as Cargo writes them: `<1.2.0`, with `1.2.0-rc.1`; all if there are neither versions nor digests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versions: Option<String>,
    /// Components that it is of, wherever they were taken from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<Digest>,
    /// What is wrong.
    pub kind: Kind,
    /// In a sentence.
    pub summary: String,
    /// The version to take in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead: Option<String>,
}

/// What is wrong with a detector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Its publisher took it back.
    Yanked,
    /// It can be blinded or misled.
    Vulnerable,
    /// Another one took its place.
    Superseded,
}

impl Kind {
    /// Returns it as a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Yanked => "yanked",
            Self::Vulnerable => "vulnerable",
            Self::Superseded => "superseded",
        }
    }
}

/// Reads a moment, which stands in quotes or without.
fn moment<'de, D: Deserializer<'de>>(read: D) -> Result<Option<Timestamp>, D::Error> {
    let said = match toml::Value::deserialize(read)? {
        toml::Value::String(said) => said,
        other => other.to_string(),
    };
    let read = said.parse().map(Some);
    read.map_err(|_| D::Error::custom(format!("`{}` is no moment; write `2026-11-30T12:00:00Z`", line(&said, 64))))
}

fn written<S: Serializer>(moment: &Option<Timestamp>, write: S) -> Result<S::Ok, S::Error> {
    moment.map(|moment| moment.to_string()).serialize(write)
}

impl Index {
    /// Reads an index.
    ///
    /// # Errors
    ///
    /// If it can't be understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        let index: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        if index.format != 1 {
            return Err(format!("it has the format {}, and this watchfire knows 1", index.format));
        }
        for advisory in &index.advisory {
            if advisory.components.is_empty() && !folded(&advisory.detector).contains('/') {
                let said = line(&advisory.detector, 120);
                return Err(format!(
                    "advisory {}: `{said}` is no place: write `registry/owner/name`",
                    line(&advisory.id, 120)
                ));
            }
            if let Some(Err(why)) = advisory.versions.as_deref().map(Versions::parse) {
                return Err(format!("advisory {}: {why}", advisory.id));
            }
        }
        Ok(index)
    }

    /// True when its version comes before that of another: by number, or as versions of detectors are compared. Of one version, and
    /// of versions that can't be compared, the one is before that was updated before, or that has no moment where the other has one.
    pub fn is_before(&self, other: &Self) -> bool {
        let number = |index: &Self| index.version.parse::<u64>().ok();
        let version = |index: &Self| Version::parse(&index.version).ok();
        let by_number = number(self).zip(number(other)).map(|(own, others)| own.cmp(&others));
        let by_version = || version(self).zip(version(other)).map(|(own, others)| own.cmp_precedence(&others));
        match by_number.or_else(by_version) {
            Some(Ordering::Less) => true,
            Some(Ordering::Greater) => false,
            // What has no moment comes first.
            Some(Ordering::Equal) | None => self.updated < other.updated,
        }
    }

    /// Returns the detectors in which each of the words occurs: in name, summary, place, events, protocols or classes.
    pub fn search(&self, words: &[String]) -> Vec<&Listed> {
        let words: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
        let fits = |listed: &&Listed| {
            let place = listed.reference.place();
            let plain = [&listed.name, &listed.summary, &place].into_iter();
            let watches = &listed.watches;
            let all = plain.chain(&watches.events).chain(&watches.protocols).chain(&watches.classes);
            let text = all.map(|part| part.to_lowercase()).collect::<Vec<_>>().join("\n");
            words.iter().all(|word| text.contains(word.as_str()))
        };
        self.detector.iter().filter(fits).collect()
    }

    /// Returns what is known against a version of a detector.
    pub fn against(&self, place: &str, version: &str, component: Digest) -> Vec<&Advisory> {
        self.advisory.iter().filter(|advisory| advisory.is_of(place, version, component)).collect()
    }
}

impl Advisory {
    fn is_of(&self, place: &str, version: &str, component: Digest) -> bool {
        if self.components.contains(&component) {
            return true;
        }
        if folded(&self.detector) != place {
            return false;
        }
        match &self.versions {
            Some(said) => {
                let meant = Versions::parse(said).ok();
                // What has no version that can be compared may be meant: better a word too many.
                meant.is_none_or(|meant| Version::parse(version).map_or(true, |version| meant.mean(&version)))
            }
            None => self.components.is_empty(),
        }
    }

    /// Returns it as a line.
    pub fn line(&self) -> String {
        let instead = self.instead.as_ref().map(|version| format!("; take {}", line(version, 64))).unwrap_or_default();
        format!("{} {}: {}{instead}", line(&self.id, 120), self.kind.word(), line(&self.summary, 300))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        format = 1
        version = "7"
        [[detector]]
        reference = "oci://ghcr.io/harbor/outflow"
        name = "outflow"
        summary = "Funds that leave faster than usual"
        version = "1.2.0"
        watches = { events = ["Transfer(address,address,uint256)"], classes = ["drain"], protocols = ["ERC-20"] }
        [[advisory]]
        id = "HARBOR-2026-001"
        detector = "ghcr.io/harbor/outflow"
        versions = "<1.2.0"
        kind = "vulnerable"
        summary = "blind to transfers by permit"
        instead = "1.2.0"
        [[advisory]]
        id = "HARBOR-2026-002"
        detector = "ghcr.io/harbor/other"
        components = ["sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"]
        kind = "yanked"
        summary = "built from another source"
    "#;

    #[test]
    fn detectors_are_found_by_all_words() {
        let index = Index::parse(TEXT).unwrap();
        let found = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            index.search(&words).len()
        };
        assert_eq!(
            (found(&["TRANSFER", "drain"]), found(&["harbor"]), found(&["drain", "oracle"]), found(&[])),
            (1, 1, 0, 1)
        );
    }

    #[test]
    fn advisories_are_of_versions_or_of_bytes() {
        let index = Index::parse(TEXT).unwrap();
        let ids = |place: &str, version: &str, bytes: &[u8]| {
            let of = index.against(place, version, Digest::of(bytes));
            of.iter().map(|advisory| advisory.id.as_str()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(ids("ghcr.io/harbor/outflow", "1.1.9", b""), "HARBOR-2026-001");
        assert_eq!(
            ids("ghcr.io/harbor/outflow", "1.1.0-rc.1", b""),
            "HARBOR-2026-001",
            "early versions are none past it"
        );
        assert_eq!(ids("ghcr.io/harbor/outflow", "1.2.0", b""), "");
        let loud = Index::parse(&TEXT.replace("\"ghcr.io/harbor/outflow", "\"GHCR.IO/harbor/outflow")).unwrap();
        assert_eq!(loud.against("ghcr.io/harbor/outflow", "1.1.9", Digest::of(b"")).len(), 1, "hosts have no case");
        assert_eq!(ids("ghcr.io/harbor/outflow", "nightly", b""), "HARBOR-2026-001");
        assert_eq!(ids("mirror.example/outflow", "1.1.0", b""), "");
        // SHA-256 of `x`.
        assert_eq!(ids("mirror.example/copy", "9.0.0", b"x"), "HARBOR-2026-002");
        assert_eq!(ids("ghcr.io/harbor/other", "9.0.0", b"y"), "");
    }

    #[test]
    fn an_index_that_was_rolled_back_is_before_the_newer_one() {
        let index = |version: &str| Index { version: version.into(), ..Index::parse(TEXT).unwrap() };
        for (own, other, expected) in [
            ("7", "8", true),
            ("9", "10", true),
            ("8", "8", false),
            ("10", "9", false),
            ("1.9.0", "1.10.0", true),
            ("1.0.0", "1.0.0-rc.1", false),
            ("monday", "friday", false),
        ] {
            assert_eq!(index(own).is_before(&index(other)), expected, "{own} {other}");
        }
        let dated = |day: &str| Index { updated: format!("{day}T00:00:00Z").parse().ok(), ..index("words") };
        assert!(dated("2026-11-29").is_before(&dated("2026-11-30")));
        let of_nine = |day: &str| Index { version: "9".into(), ..dated(day) };
        assert!(of_nine("2026-11-29").is_before(&of_nine("2026-11-30")), "one version, published again");
        assert!(index("9").is_before(&of_nine("2026-11-30")) && !of_nine("2026-11-30").is_before(&index("9")));
        assert!(!dated("2026-11-30").is_before(&dated("2026-11-29")) && !dated("2026-11-30").is_before(&index("more")));
    }

    #[test]
    fn its_date_is_a_moment() {
        let with = |date: &str| Index::parse(&format!("format = 1\nversion = '1'\nupdated = {date}\n"));
        for date in ["2026-11-30T12:00:00Z", "'2026-11-30T13:00:00+01:00'"] {
            assert_eq!(with(date).unwrap().updated, "2026-11-30T12:00:00Z".parse().ok(), "{date}");
        }
        let why = with("'yesterday'").unwrap_err();
        assert!(why.contains("`yesterday` is no moment; write `2026-11-30T12:00:00Z`"), "{why}");
        assert!(with("7").is_err());
    }

    #[test]
    fn what_is_no_index_says_why() {
        assert!(Index::parse("format = 2\nversion = '1'").unwrap_err().contains("format 2"));
        let wrong = TEXT.replace("<1.2.0", "below 1.2");
        assert!(Index::parse(&wrong).unwrap_err().contains("names no versions"));
        let nowhere = TEXT.replace("detector = \"ghcr.io/harbor/outflow\"", "detector = \"outflow\"");
        assert!(Index::parse(&nowhere).unwrap_err().contains("`outflow` is no place"));
    }
}
