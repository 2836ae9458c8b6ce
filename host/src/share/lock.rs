//! `watchfire.lock`: which bytes each detector from a registry is, who signed them, and what they may ask for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::reference::Reference;

/// What the file is called, beside the config.
pub const FILE: &str = "watchfire.lock";

/// The version of the format that is written.
const FORMAT: u32 = 1;

/// Largest file that is read, bytes.
const BYTES_AT_MOST: u64 = 16 << 20;

/// Detectors that are pinned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// The version of the format.
    pub format: u32,
    /// Pinned detectors by id in the config.
    #[serde(default)]
    pub detector: BTreeMap<String, Locked>,
}

/// A pinned detector, and what it was before the last update.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Locked {
    /// What is pinned.
    #[serde(flatten)]
    pub pin: Pin,
    /// What was pinned before, to which `plugin update --back` returns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Pin>,
    /// When a shadow takes the place of the detector that it stands beside, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub takes_over_at: Option<String>,
}

/// Bytes of a registry, and what was seen when they were taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pin {
    /// Where it was taken from.
    pub reference: Reference,
    /// The artefact's manifest.
    pub manifest: Digest,
    /// The component.
    pub component: Digest,
    /// The component's size.
    pub size_bytes: u64,
    /// What the component calls itself.
    pub name: String,
    /// The version that the component says it is.
    pub version: String,
    /// What it asks for.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// The schema of its config.
    pub config_schema: Digest,
    /// Who signed it, of those who were trusted then.
    #[serde(default)]
    pub signed_by: Vec<String>,
    /// When it was taken, RFC 3339.
    pub taken_at: String,
    /// Kinds of findings, each with the severity that it says to expect.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kinds: BTreeMap<String, String>,
    /// The response pack that travels with it, if one does; it is in the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Digest>,
    /// The score that travels with it, if one does; it is in the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<Digest>,
    /// Limits that its publisher states, by key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, u64>,
    /// Findings of other detectors that it listens to: kind, and the detector's name if it matters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub listens: BTreeMap<String, String>,
}

impl Lock {
    /// Returns where the file is for a config's folder.
    pub fn path(folder: &Path) -> PathBuf {
        folder.join(FILE)
    }

    /// Reads the file of a config's folder; an empty one if there is none.
    ///
    /// # Errors
    ///
    /// If it can't be read, or this version of watchfire does not understand it.
    pub fn load(folder: &Path) -> anyhow::Result<Self> {
        let path = Self::path(folder);
        let size = match std::fs::metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self { format: FORMAT, detector: BTreeMap::new() });
            }
            other => other.with_context(|| format!("`{}` can't be read", path.display()))?.len(),
        };
        anyhow::ensure!(
            size <= BYTES_AT_MOST,
            "`{}` has {size} bytes, and {BYTES_AT_MOST} are allowed",
            path.display()
        );
        let text = std::fs::read_to_string(&path).with_context(|| format!("`{}` can't be read", path.display()))?;
        let lock: Self = toml::from_str(&text).with_context(|| {
            format!(
                "`{}` can't be understood; bring it back from version control, or add its detectors again",
                path.display()
            )
        })?;
        anyhow::ensure!(
            lock.format == FORMAT,
            "`{}` has the format {}, and this watchfire knows {FORMAT}",
            path.display(),
            lock.format
        );
        Ok(lock)
    }

    /// Writes the file of a config's folder, as a whole.
    ///
    /// # Errors
    ///
    /// If it can't be written.
    pub fn save(&self, folder: &Path) -> anyhow::Result<()> {
        let path = Self::path(folder);
        let head = "# Written by `watchfire plugin add` and `plugin update`. A host runs nothing from a registry that is not here.\n\n";
        let text = format!("{head}{}", toml::to_string(self).context("a lock is plain data")?);
        crate::whole_file::rewrite(&path, text.as_bytes())
            .with_context(|| format!("`{}` can't be written", path.display()))
    }

    /// Pins a detector, and keeps what it was before.
    pub fn pin(&mut self, id: &str, pin: Pin) {
        let before = self.detector.remove(id).map(|locked| locked.pin).filter(|old| old.component != pin.component);
        self.detector.insert(id.to_owned(), Locked { pin, before, takes_over_at: None });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(tag: &str) -> Pin {
        Pin {
            reference: format!("oci://localhost:5000/harbor/outflow:{tag}").parse().unwrap(),
            manifest: Digest::of(tag.as_bytes()),
            component: Digest::of(tag.as_bytes()),
            size_bytes: 7,
            name: "outflow".into(),
            version: tag.into(),
            capabilities: vec!["state".into()],
            config_schema: Digest::of(b"{}"),
            signed_by: vec!["harbor".into()],
            taken_at: "2026-11-30T11:00:00Z".into(),
            kinds: BTreeMap::from([("large-outflow".into(), "high".into())]),
            response: None,
            score: None,
            limits: BTreeMap::from([("batch_deadline_ms".into(), 2_000)]),
            listens: BTreeMap::new(),
        }
    }

    #[test]
    fn a_lock_is_read_as_it_was_written_and_keeps_what_was_before() {
        let folder = tempfile::tempdir().unwrap();
        let mut lock = Lock::load(folder.path()).unwrap();
        lock.pin("outflow", pin("1.0.0"));
        lock.pin("outflow", pin("1.1.0"));
        lock.save(folder.path()).unwrap();
        let read = Lock::load(folder.path()).unwrap();
        assert_eq!(read, lock);
        assert_eq!(read.detector["outflow"].before.as_ref().unwrap().version, "1.0.0");
    }

    #[test]
    fn a_lock_that_was_spoilt_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for (text, why) in [
            ("format = 2", "has the format 2"),
            ("format = 1\n[detector.a]\nreference = 'x'", "can't be understood"),
            ("<<<<<<< HEAD", "can't be understood"),
        ] {
            std::fs::write(Lock::path(folder.path()), text).unwrap();
            assert!(Lock::load(folder.path()).unwrap_err().to_string().contains(why), "{text}");
        }
    }
}
