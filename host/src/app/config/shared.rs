//! Detectors from registries: what the lock pins, and whether whoever signed it is trusted still. No registry is asked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use alloy::primitives::B256;
use jiff::Timestamp;

use super::{Config, DetectorConfig, JournalConfig, Part, PlanConfig, folder_of, read_text, section};
use crate::diagnostic::{Diagnostic, Gravity};
use crate::share::lock::{Lock, Pin};
use crate::share::reference::Reference;
use crate::share::store::Store;
use crate::share::trust::TrustConfig;
use crate::toml_file::TomlFile;
use crate::whole_file;

impl DetectorConfig {
    /// True when the component comes from a registry.
    pub fn is_shared(&self) -> bool {
        self.written().is_some()
    }

    /// Returns the reference to a registry as it is written; `None` if the component is a file.
    fn written(&self) -> Option<&str> {
        self.component.as_deref().and_then(Path::to_str).filter(|said| Reference::is_meant(said))
    }

    /// Returns where the component is published; `None` if it is a file.
    ///
    /// # Errors
    ///
    /// If the reference is wrong.
    pub fn reference(&self) -> Result<Option<Reference>, String> {
        match self.written() {
            Some(said) => said.parse().map(Some),
            None => Ok(None),
        }
    }
}

impl Config {
    /// Returns the folder in which components of registries are kept.
    pub fn store(&self) -> Store {
        Store::new(self.folder().join(&self.trust.store))
    }

    /// Returns what the lock pins a detector to.
    pub fn pin(&self, id: &str) -> Option<&Pin> {
        self.lock.detector.get(id).map(|locked| &locked.pin)
    }

    /// True when a version of a detector may run in the place of another: any version of a file; of a registry what the lock pins
    /// or pinned before, if whoever signed it is trusted still.
    pub fn may_go_back_to(&self, id: &str, digest: B256) -> bool {
        let Some(detector) = self.detectors.get(id) else { return false };
        if !detector.is_shared() {
            return true;
        }
        let locked = self.lock.detector.get(id).into_iter();
        let mut pins = locked.flat_map(|locked| [Some(&locked.pin), locked.before.as_ref()]).flatten();
        let is_trusted = |pin: &Pin| self.trust.refusal(&self.folder(), &pin.reference, &pin.signed_by).is_none();
        pins.any(|pin| pin.component.0 == digest && is_trusted(pin))
    }

    /// True when the lock pins this version of a detector, and somebody took it later than a moment, milliseconds since the Unix
    /// epoch.
    pub fn is_pinned_since(&self, id: &str, digest: B256, at_ms: u64) -> bool {
        let pin = self.pin(id).filter(|pin| pin.component.0 == digest);
        let taken: Option<Timestamp> = pin.and_then(|pin| pin.taken_at.parse().ok());
        taken.is_some_and(|taken| u64::try_from(taken.as_millisecond()).is_ok_and(|taken_ms| taken_ms > at_ms))
    }

    /// Returns the component's file of a detector: its own, or the one in the store that the lock names.
    pub fn component_path(&self, id: &str, detector: &DetectorConfig) -> PathBuf {
        match self.pin(id).filter(|_| detector.is_shared()) {
            Some(pin) => self.store().path(pin.component),
            None => self.folder().join(detector.component.as_deref().unwrap_or(Path::new(""))),
        }
    }

    /// Reads the component of a detector. One of a registry is hashed again: what runs is what is locked.
    ///
    /// # Errors
    ///
    /// If it can't be read, or is not what is locked; the message says which, and the help how to mend it.
    pub fn component_bytes(&self, id: &str, detector: &DetectorConfig) -> Result<Vec<u8>, (String, String)> {
        if detector.is_shared() {
            let Some(pin) = self.pin(id) else { return Err(not_locked(id, detector)) };
            return self.store().get(pin.component).map_err(|error| (format!("{error:#}"), fetch_again()));
        }
        let path = self.component_path(id, detector);
        whole_file::read(&path, whole_file::COMPONENT_BYTES).map_err(|error| {
            let message = format!("`{}` can't be read: {error}", path.display());
            (message, "build it with `watchfire plugin build`".to_owned())
        })
    }

    /// Reads a text as if it stood in a config's file, and a lock beside it.
    ///
    /// # Errors
    ///
    /// As [`Config::load`].
    pub fn as_it_would_be(file: &Path, text: &str, lock: &Lock) -> Result<Self, Vec<Diagnostic>> {
        let name = file.display().to_string();
        let parsed = TomlFile::parse(&name, text).map_err(|diagnostic| vec![diagnostic])?;
        Self::read(file, text, parsed, Part::Whole { components: None, lock: Some(lock) })
    }

    /// Reads the lock, if a detector of the config comes from a registry.
    pub(super) fn read_lock(&mut self, part: Part<'_>, toml: &mut TomlFile<'_>) {
        if !self.detectors.values().any(DetectorConfig::is_shared) {
            return;
        }
        if let Part::Whole { lock: Some(lock), .. } = part {
            self.lock = lock.clone();
            return;
        }
        match Lock::load(&self.folder()) {
            Ok(lock) => self.lock = lock,
            Err(wrong) => toml.diagnostics.extend(wrong),
        }
    }

    /// Returns a warning for each entry of the lock that is no detector's.
    pub fn idle_pins(&self) -> Vec<Diagnostic> {
        let folder = self.folder();
        // A lock that can't be read is reported where something runs by it.
        let lock = Lock::load(&folder).unwrap_or_default();
        let is_used = |id: &str| self.detectors.get(id).is_some_and(DetectorConfig::is_shared);
        let idle = lock.detector.iter().filter(|(id, _)| !is_used(id));
        idle.map(|(id, locked)| {
            let message =
                format!("it pins `{}`, and the config has no such detector of a registry", locked.pin.reference);
            let help = format!("take `[detector.{id}]` out of the lock, or put it into the config");
            Lock::at(&folder, Gravity::Warning, &["detector", id], message, &help)
        })
        .collect()
    }

    pub(super) fn check_trust(&self, toml: &mut TomlFile<'_>) {
        tell_mistakes(&self.trust, &self.folder(), toml);
        for (id, detector) in &self.detectors {
            let place = ["detector", id, "component"];
            let reference = match detector.reference() {
                Ok(Some(reference)) => reference,
                Ok(None) => continue,
                Err(message) => {
                    toml.tell_at(&place, message, "");
                    continue;
                }
            };
            let Some(pin) = self.pin(id).filter(|pin| pin.reference == reference) else {
                let (message, help) = not_locked(id, detector);
                toml.tell_at(&place, message, help);
                continue;
            };
            if let Some(why) = self.trust.refusal(&self.folder(), &reference, &pin.signed_by) {
                let help = "mend `[trust]`, or take the detector out";
                toml.tell_at(&place, format!("`{reference}`: {why}"), help);
            }
            if !self.store().path(pin.component).is_file() {
                let message = format!("{} of `{reference}` is not in `{}`", pin.component, self.trust.store.display());
                toml.tell_at(&place, message, fetch_again());
            }
        }
    }
}

fn not_locked(id: &str, detector: &DetectorConfig) -> (String, String) {
    let reference = detector.written().unwrap_or_default();
    let message = format!("`{reference}` is not in `watchfire.lock`, and nothing else from a registry is run");
    (message, format!("see what it is and pin it by `watchfire plugin add {reference} --as {id}`"))
}

fn fetch_again() -> String {
    "bring it back by `watchfire plugin fetch`, which takes what the lock names and nothing else".to_owned()
}

/// What commands about sharing read of a config: it may name detectors that are not locked yet.
#[derive(Clone, Debug)]
pub struct Sharing {
    /// The config's file.
    pub file: PathBuf,
    /// Its text.
    text: String,
    /// The config's folder.
    pub folder: PathBuf,
    /// Whom the operator trusts.
    pub trust: TrustConfig,
    /// What is pinned.
    pub lock: Lock,
    /// The journal's file, which need not be there.
    pub journal: PathBuf,
    /// The plan's folder or file, if there is one.
    pub plan: Option<PathBuf>,
    /// Detectors by id, as they are written.
    pub detectors: BTreeMap<String, DetectorConfig>,
}

impl Sharing {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// If the file can't be read, these parts of it are wrong, or the lock can't be read.
    pub fn of(file: &Path) -> Result<Self, Vec<Diagnostic>> {
        let name = file.display().to_string();
        let text = read_text(file)?;
        let mut toml = TomlFile::parse(&name, &text).map_err(|diagnostic| vec![diagnostic])?;
        let folder = folder_of(file);
        let trust: TrustConfig = toml.read(&["trust"]).unwrap_or_default();
        tell_mistakes(&trust, &folder, &mut toml);
        let detectors = section(&mut toml, "detector");
        let plan = toml.read::<PlanConfig>(&["plan"]).map(|plan| folder.join(plan.path));
        let journal = folder.join(toml.read::<JournalConfig>(&["journal"]).unwrap_or_default().path);
        let lock = Lock::load(&folder).unwrap_or_else(|wrong| {
            toml.diagnostics.extend(wrong);
            Lock::default()
        });
        let file = file.to_owned();
        if toml.diagnostics.iter().any(Diagnostic::is_error) {
            return Err(toml.diagnostics);
        }
        let text = text.clone();
        Ok(Self { file, text, folder, trust, lock, journal, plan, detectors })
    }

    /// Says that something is wrong at a key of the config's file, at its line.
    pub fn at(&self, key: &[&str], message: String, help: &str) -> Diagnostic {
        let name = self.file.display().to_string();
        let span = TomlFile::parse(&name, &self.text).map(|toml| toml.span(key)).unwrap_or(0..0);
        Diagnostic::at(Gravity::Error, &name, &self.text, span, &key.join("."), message).with_help(help)
    }

    /// Returns an error for each detector of a registry that the lock does not pin.
    pub fn not_locked(&self) -> Vec<Diagnostic> {
        let mut missing = Vec::new();
        for (id, detector) in &self.detectors {
            let pin = self.lock.detector.get(id).map(|locked| &locked.pin);
            // A reference that is wrong is reported by `check`.
            let Ok(Some(reference)) = detector.reference() else { continue };
            if pin.is_none_or(|pin| pin.reference != reference) {
                let (message, help) = not_locked(id, detector);
                let help = format!("bring watchfire.lock from version control, or {help}");
                missing.push(self.at(&["detector", id, "component"], message, &help));
            }
        }
        missing
    }

    /// Returns the folder in which components of registries are kept.
    pub fn store(&self) -> Store {
        Store::new(self.folder.join(&self.trust.store))
    }
}

/// Tells of each mistake in `[trust]`.
fn tell_mistakes(trust: &TrustConfig, folder: &Path, toml: &mut TomlFile<'_>) {
    for (key, message) in trust.mistakes(folder) {
        let key = key.iter().map(String::as_str).filter(|part| !part.is_empty());
        let path: Vec<&str> = ["trust"].into_iter().chain(key).collect();
        toml.tell_at(&path, message, "");
    }
}
