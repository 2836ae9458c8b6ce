//! What travels with a component, and what it says of itself: its companion.
//!
//! The artefact's manifest names the digest of [`Contents`], and [`Contents`] the digest of each file. So who signs the
//! manifest has signed all of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::artefact::Descriptor;

/// Media type of [`Contents`], the config of a companion.
pub const CONTENTS: &str = "application/vnd.watchfire.contents.v1+json";
/// Artefact type of a companion.
pub const COMPANION: &str = "application/vnd.watchfire.companion.v1+json";
/// Largest [`Contents`], bytes.
pub const CONTENTS_BYTES: u64 = 1 << 20;
/// Largest component that is taken, bytes.
pub const COMPONENT_BYTES: u64 = 64 << 20;
/// Largest file of a companion, bytes.
pub const FILE_BYTES: u64 = 64 << 20;

/// What a file of a companion is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// What the component says of itself, its config's schema included.
    Manifest,
    /// For people.
    Readme,
    /// Terms of use.
    Licence,
    /// What a backtest made of it.
    Score,
    /// Recordings with the findings that are expected.
    Cases,
    /// Signals, risks, playbook and drill.
    Response,
    /// What it is made of.
    Sbom,
    /// How it was built.
    Provenance,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 8] = [
        Self::Manifest,
        Self::Readme,
        Self::Licence,
        Self::Score,
        Self::Cases,
        Self::Response,
        Self::Sbom,
        Self::Provenance,
    ];

    /// Returns the media type of such a file.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Manifest => "application/vnd.watchfire.manifest.v1+json",
            Self::Readme => "application/vnd.watchfire.readme.v1+markdown",
            Self::Licence => "application/vnd.watchfire.licence.v1+text",
            Self::Score => "application/vnd.watchfire.score.v1+json",
            Self::Cases => "application/vnd.watchfire.cases.v1.tar+gzip",
            Self::Response => "application/vnd.watchfire.response.v1.tar+gzip",
            Self::Sbom => "application/vnd.cyclonedx+json",
            Self::Provenance => "application/vnd.in-toto+json",
        }
    }

    /// Returns the name under which such a file is written.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Manifest => "manifest.json",
            Self::Readme => "README.md",
            Self::Licence => "LICENCE",
            Self::Score => "score.json",
            Self::Cases => "tests",
            Self::Response => "response",
            Self::Sbom => "sbom.json",
            Self::Provenance => "provenance.json",
        }
    }

    /// True for a folder, which travels as an archive.
    pub fn is_folder(self) -> bool {
        matches!(self, Self::Cases | Self::Response)
    }
}

/// What a publisher says of a detector.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// The version of the format: 1.
    pub format: u32,
    /// The detector's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it says to others, beside the component.
    #[serde(flatten)]
    pub said: Said,
    /// Where its source is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Its files.
    #[serde(default)]
    pub files: BTreeMap<Role, Descriptor>,
}

/// What stands in `publish.toml` of a project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Said {
    /// Terms of use, as SPDX writes them: `MIT OR Apache-2.0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// What each capability that it asks for is needed for.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub why: BTreeMap<String, String>,
    /// What it watches, for those who search.
    pub watches: Watches,
    /// Findings of other detectors that it listens to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub listens: Vec<Listens>,
    /// Limits that it needs in place of the host's defaults, by their keys in a config.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, u64>,
}

/// What a detector watches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Watches {
    /// Events by signature: `Transfer(address,address,uint256)`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// Protocols by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub protocols: Vec<String>,
    /// What kind of attack: `oracle`, `governance`, `reentrancy`, …
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
}

/// A kind of finding of another detector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listens {
    /// The kind.
    pub kind: String,
    /// The name of the detector that makes it; any that does if it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detector: Option<String>,
}

/// Where a source is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Its repository.
    pub repository: String,
    /// The commit.
    pub revision: String,
    /// The project's folder in the repository; empty for the repository itself.
    #[serde(default)]
    pub folder: String,
    /// Whether files differed from the commit.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_changed: bool,
}
