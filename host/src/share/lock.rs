//! `watchfire.lock`: which bytes each detector from a registry is, who signed them, and what they may ask for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::reference::Reference;
use super::signed_by::SignedBy;
use crate::diagnostic::{Diagnostic, Gravity};
use crate::toml_file::TomlFile;
use crate::whole_file;

/// What the file is called, beside the config.
pub const FILE: &str = "watchfire.lock";

/// The version of the format that is written.
const FORMAT: u32 = 1;

/// What mends a file that nobody but watchfire writes.
const RESTORE: &str = "bring it back from version control, or add its detectors again by `watchfire plugin add`";

/// Largest file that is read, bytes.
const BYTES_AT_MOST: u64 = 16 << 20;

/// Detectors that are pinned.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Lock {
    /// The version of the format.
    pub format: u32,
    /// Pinned detectors by id in the config.
    pub detector: BTreeMap<String, Locked>,
}

/// A pinned detector, and what it was before the last update.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Locked {
    /// What is pinned.
    #[serde(flatten)]
    pub pin: Pin,
    /// What was pinned before, to which `plugin update --back` returns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Pin>,
    /// When a shadow takes the place of the detector that it stands beside, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
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
    /// Who signed it, of those who were trusted then: names with accounts or keys.
    #[serde(default)]
    pub signed_by: SignedBy,
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
    /// Findings of other detectors that it listens to: kind, and the detectors' names, with commas, if these matter.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub listens: BTreeMap<String, String>,
}

impl Default for Lock {
    fn default() -> Self {
        Self { format: FORMAT, detector: BTreeMap::new() }
    }
}

impl Lock {
    /// Returns where the file is for a config's folder.
    pub fn path(folder: &Path) -> PathBuf {
        if folder == Path::new(".") { PathBuf::from(FILE) } else { folder.join(FILE) }
    }

    /// Reads the file of a config's folder; an empty one if there is none.
    ///
    /// # Errors
    ///
    /// If it can't be read, or this version of watchfire does not understand it: what is wrong, each at its line and key.
    pub fn load(folder: &Path) -> Result<Self, Vec<Diagnostic>> {
        let path = Self::path(folder);
        let name = path.display().to_string();
        match whole_file::read_text(&path, BYTES_AT_MOST) {
            Ok(text) => Self::parse(&name, &text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => {
                let message = format!("it can't be read: {error}");
                Err(vec![Diagnostic::at(Gravity::Error, &name, "", 0..0, "", message).with_help(RESTORE)])
            }
        }
    }

    fn parse(name: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let mut toml = TomlFile::parse(name, text).map_err(|found| vec![found.with_help(RESTORE)])?;
        toml.expect_sections(&["format", "detector"]);
        match toml.read::<u32>(&["format"]) {
            Some(FORMAT) => {}
            Some(other) => {
                let message = format!("it has the format {other}, and this watchfire knows {FORMAT}");
                toml.tell_at(&["format"], message, "use the watchfire that wrote it, or a later one");
            }
            None if toml.has("format") => {}
            None => toml.tell(0..0, "format", "`format` is missing", RESTORE),
        }
        let mut detector = BTreeMap::new();
        for (id, _) in toml.names("detector") {
            let pin = toml.read::<Pin>(&["detector", &id]);
            let before = toml.read::<Pin>(&["detector", &id, "before"]);
            let takes_over_at = toml.read::<String>(&["detector", &id, "takes_over_at"]);
            if let Some(pin) = pin {
                detector.insert(id, Locked { pin, before, takes_over_at });
            }
        }
        let wrong = std::mem::take(&mut toml.diagnostics);
        if wrong.is_empty() {
            return Ok(Self { format: FORMAT, detector });
        }
        let helped = |found: Diagnostic| if found.help.is_empty() { found.with_help(RESTORE) } else { found };
        Err(wrong.into_iter().map(helped).collect())
    }

    /// Says something of a key of the file of a config's folder, at its line.
    pub fn at(folder: &Path, gravity: Gravity, key: &[&str], message: String, help: &str) -> Diagnostic {
        let path = Self::path(folder);
        let name = path.display().to_string();
        let text = whole_file::read_text(&path, BYTES_AT_MOST).unwrap_or_default();
        let span = TomlFile::parse(&name, &text).map(|toml| toml.span(key)).unwrap_or(0..0);
        Diagnostic::at(gravity, &name, &text, span, &key.join("."), message).with_help(help)
    }

    /// Writes the file of a config's folder, as a whole.
    ///
    /// # Errors
    ///
    /// If it can't be written.
    pub fn save(&self, folder: &Path) -> anyhow::Result<()> {
        let path = Self::path(folder);
        let text = self.text()?;
        whole_file::rewrite(&path, text.as_bytes()).with_context(|| format!("`{}` can't be written", path.display()))
    }

    fn text(&self) -> anyhow::Result<String> {
        let head = "# Written by `watchfire plugin add` and `plugin update`. A host runs nothing from a registry that is not here.\n\n";
        Ok(format!("{head}{}", toml::to_string(self).context("a lock is plain data")?))
    }

    /// Returns what would keep the file from being read as it is meant, were it written to a config's folder.
    ///
    /// # Errors
    ///
    /// If it can't be put into words.
    pub fn read_back(&self, folder: &Path) -> anyhow::Result<Vec<Diagnostic>> {
        let name = Self::path(folder).display().to_string();
        Ok(match Self::parse(&name, &self.text()?) {
            Ok(read) => {
                anyhow::ensure!(read == *self, "`{name}` would be read otherwise than it is meant");
                Vec::new()
            }
            Err(wrong) => wrong,
        })
    }

    /// Pins a detector, and keeps what it was before.
    pub fn pin(&mut self, id: &str, pin: Pin) {
        let before = self.detector.remove(id).map(|locked| locked.pin).filter(|old| old.component != pin.component);
        self.detector.insert(id.to_owned(), Locked { pin, before, takes_over_at: None });
    }
}

#[cfg(test)]
pub(crate) mod sample {
    use super::*;

    /// A pin of `outflow` 1.0.0, which asks for nothing and nobody signed.
    pub(crate) fn pin() -> Pin {
        Pin {
            reference: "oci://localhost:5000/harbor/outflow:1.0.0".parse().unwrap(),
            manifest: Digest::of(b"manifest"),
            component: Digest::of(b"component"),
            size_bytes: 9,
            name: "outflow".into(),
            version: "1.0.0".into(),
            capabilities: Vec::new(),
            config_schema: Digest::of(b"{}"),
            signed_by: SignedBy::default(),
            taken_at: "2026-11-30T11:00:00Z".into(),
            kinds: BTreeMap::new(),
            response: None,
            score: None,
            limits: BTreeMap::new(),
            listens: BTreeMap::new(),
        }
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
            version: tag.into(),
            capabilities: vec!["state".into()],
            signed_by: SignedBy::Known(BTreeMap::from([("harbor".into(), "0x7099".into())])),
            kinds: BTreeMap::from([("large-outflow".into(), "high".into())]),
            limits: BTreeMap::from([("batch_deadline_ms".into(), 2_000)]),
            ..sample::pin()
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
    fn a_lock_of_an_older_version_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let mut lock = Lock::default();
        lock.pin("outflow", Pin { signed_by: SignedBy::Named(vec!["harbor".into()]), ..pin("1.0.0") });
        lock.save(folder.path()).unwrap();
        let text = std::fs::read_to_string(Lock::path(folder.path())).unwrap();
        assert!(text.contains("signed_by = [\"harbor\"]"), "{text}");
        assert_eq!(Lock::load(folder.path()).unwrap(), lock);
    }

    fn refused(text: &str, expected: &[&str]) {
        let found = Lock::parse("watchfire.lock", text).unwrap_err();
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{expected}: {found}");
        }
    }

    #[test]
    fn a_lock_that_was_spoilt_is_refused_at_its_own_line_and_key() {
        refused("format = 2\n", &["watchfire.lock:1:10: error: format: it has the format 2"]);
        refused("[detector]\n", &["watchfire.lock:1:1: error: format: `format` is missing; bring it back"]);
        refused("format = 1\n[[[\n", &["watchfire.lock:2:"]);
        refused("<<<<<<< HEAD\n", &["watchfire.lock:1:"]);
        let folder = tempfile::tempdir().unwrap();
        let mut lock = Lock::default();
        lock.pin("outflow", pin("1.0.0"));
        lock.pin("outflow", pin("1.1.0"));
        lock.save(folder.path()).unwrap();
        let text = std::fs::read_to_string(Lock::path(folder.path())).unwrap();
        let line = 1 + text.lines().position(|line| line.starts_with("component = ")).unwrap();
        let component = |bytes: &[u8]| format!("component = \"{}\"", Digest::of(bytes));
        let spoilt = text.replacen(&component(b"1.1.0"), "component = \"sha256:../../etc/passwd\"", 1);
        refused(
            &spoilt,
            &[&format!("watchfire.lock:{line}:13: error: detector.outflow.component: `sha256:../../etc/passwd` is no")],
        );
        let spoilt = text.replace(&component(b"1.0.0"), "component = 5");
        assert_eq!(Lock::parse("watchfire.lock", &spoilt).unwrap_err()[0].key, "detector.outflow.before.component");
    }
}
