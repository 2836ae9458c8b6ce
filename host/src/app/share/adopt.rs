//! What taking a detector up changes in a deployment: its section in the config, its pin in the lock, its bytes in the store.
//! What is written is read first, as a host would read it, and config and lock are written both or neither.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, ensure};
use jiff::Timestamp;

use crate::app::config::{Config, Sharing};
use crate::app::deploy::load;
use crate::diagnostic::Diagnostic;
use crate::plugin::Runtime;
use crate::share::lock::{Lock, Locked, Pin};
use crate::share::reference::Reference;
use crate::whole_file;

use super::section::{Section, with_own_of, with_section, with_shadow, without_section};

/// What is taken up: a pin, and the bytes that it names.
pub struct Taking<'a> {
    /// What the lock will say.
    pub pin: Pin,
    /// The component.
    pub component: &'a [u8],
    /// Starts it with the config as it would be.
    pub runtime: &'a Runtime,
}

impl Sharing {
    /// Returns why a reference must not be taken as what it is now: it was pinned as other bytes.
    pub fn moved(&self, reference: &Reference, pin: &Pin) -> Option<String> {
        let known =
            self.lock.detector.values().flat_map(|locked| [Some(&locked.pin), locked.before.as_ref()]).flatten();
        let other = known.filter(|known| known.reference == *reference).find(|known| known.manifest != pin.manifest)?;
        Some(format!(
            "`{reference}` was {} when it was pinned on {}, and is {} now. A version that changes is not taken: ask its \
             publisher why, or take it all the same by `--moved`",
            other.manifest, other.taken_at, pin.manifest
        ))
    }

    /// Pins a detector: its bytes go into the store, its pin into the lock, its section into the config, in this order, so
    /// that a host which reads the config finds the rest. Returns what would be wrong with the config; if anything would,
    /// neither config nor lock were written.
    ///
    /// # Errors
    ///
    /// If a file can't be read or written.
    pub fn adopt(&mut self, section: &Section, taking: Taking<'_>) -> anyhow::Result<Vec<Diagnostic>> {
        let _held = self.hold()?;
        let text = self.read()?;
        let edited = with_section(&text, section, &taking.pin.reference)?;
        self.store().put(taking.component)?;
        let mut lock = self.lock.clone();
        lock.pin(&section.id, taking.pin);
        let wrong = self.wrong(&text, &edited, &lock, Some((section.id.as_str(), taking.component, taking.runtime)));
        if wrong.is_empty() {
            self.write(&edited, lock)?;
        }
        Ok(wrong)
    }

    /// Pins a version that runs beside a detector as its shadow, and takes its place at a moment. Returns what [`Self::adopt`]
    /// does.
    ///
    /// # Errors
    ///
    /// As [`Self::adopt`].
    pub fn adopt_shadow(
        &mut self,
        of: &str,
        section: &Section,
        taking: Taking<'_>,
        takes_over_at: Timestamp,
    ) -> anyhow::Result<Vec<Diagnostic>> {
        let _held = self.hold()?;
        let text = self.read()?;
        let edited = with_section(&with_shadow(&text, of, &section.id)?, section, &taking.pin.reference)?;
        self.store().put(taking.component)?;
        let mut lock = self.lock.clone();
        let takes_over_at = Some(takes_over_at.to_string());
        lock.detector.insert(section.id.clone(), Locked { pin: taking.pin, before: None, takes_over_at });
        let wrong = self.wrong(&text, &edited, &lock, Some((section.id.as_str(), taking.component, taking.runtime)));
        if wrong.is_empty() {
            self.write(&edited, lock)?;
        }
        Ok(wrong)
    }

    /// Takes a shadow out; puts it in the place of the detector that it stands beside, if it is to take over.
    ///
    /// # Errors
    ///
    /// If there is no such shadow, the config would be wrong, or a file can't be written.
    pub fn end_shadow(&mut self, id: &str, takes_over: bool) -> anyhow::Result<()> {
        let shadow = self.detectors.get(id).with_context(|| format!("the config has no detector `{id}`"))?.clone();
        let of = shadow.shadow_of.with_context(|| format!("`{id}` is nobody's shadow"))?;
        let _held = self.hold()?;
        let mut lock = self.lock.clone();
        let locked = lock.detector.remove(id).with_context(|| format!("`{id}` is not locked"))?;
        let text = self.read()?;
        let mut edited = text.clone();
        if takes_over {
            let grant = shadow.grant.unwrap_or_default();
            let section = Section { id: of.clone(), grant, ..Section::default() };
            edited = with_section(&text, &section, &locked.pin.reference)?;
            // What it ran with is what it was tried with.
            edited = with_own_of(&edited, &of, id)?;
            lock.pin(&of, locked.pin);
        }
        edited = without_section(&edited, id)?;
        let wrong = self.wrong(&text, &edited, &lock, None);
        ensure!(wrong.is_empty(), "the config would be wrong, so nothing was written: {}", listed(&wrong));
        self.write(&edited, lock)
    }

    /// Keeps other processes from changing what is pinned, and reads the lock as they left it.
    pub(super) fn hold(&mut self) -> anyhow::Result<File> {
        let held = self.store().hold()?;
        self.lock = Lock::load(&self.folder).map_err(|wrong| anyhow::anyhow!("{}", listed(&wrong)))?;
        Ok(held)
    }

    pub(super) fn read(&self) -> anyhow::Result<String> {
        whole_file::read_text(&self.file, whole_file::TEXT_BYTES)
            .with_context(|| format!("`{}` can't be read", self.file.display()))
    }

    /// Returns what would be wrong with config and lock, and is not wrong now: who mends a config step by step is not kept from
    /// it, and a secret that only the host has is none of this command's. A detector that is given is started as well.
    pub(super) fn wrong(
        &self,
        now: &str,
        then: &str,
        lock: &Lock,
        started: Option<(&str, &[u8], &Runtime)>,
    ) -> Vec<Diagnostic> {
        match Config::as_it_would_be(&self.file, then, lock) {
            Ok(config) => {
                let Some((id, component, runtime)) = started else { return Vec::new() };
                let tried = load::detector_of(runtime, &config, id, component.to_vec());
                tried.err().unwrap_or_default().into_iter().filter(Diagnostic::is_error).collect()
            }
            Err(wrong) => {
                let known = Config::as_it_would_be(&self.file, now, &self.lock).err().unwrap_or_default();
                let is_new =
                    |one: &Diagnostic| !known.iter().any(|old| (&old.key, &old.message) == (&one.key, &one.message));
                wrong.into_iter().filter(|one| one.is_error() && is_new(one)).collect()
            }
        }
    }

    /// Writes the lock, then the config; the lock is as it was where the config can't be written.
    pub(super) fn write(&mut self, config: &str, lock: Lock) -> anyhow::Result<()> {
        let path = Lock::path(&self.folder);
        let before = match std::fs::read(&path) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(error).with_context(|| format!("`{}` can't be read", path.display())),
        };
        let wrong = lock.read_back(&self.folder)?;
        ensure!(wrong.is_empty(), "the lock would be wrong, so nothing was written: {}", listed(&wrong));
        lock.save(&self.folder)?;
        if let Err(error) = whole_file::rewrite(&self.file, config.as_bytes()) {
            let restored = restore(&path, before.as_deref());
            restored.with_context(|| {
                format!("`{}` could not be put back: bring it from version control", path.display())
            })?;
            return Err(error)
                .with_context(|| format!("`{}` can't be written; nothing was changed", self.file.display()));
        }
        self.lock = lock;
        Ok(())
    }
}

fn restore(path: &Path, before: Option<&[u8]>) -> std::io::Result<()> {
    match before {
        Some(bytes) => whole_file::rewrite(path, bytes),
        None => std::fs::remove_file(path),
    }
}

pub(super) fn listed(wrong: &[Diagnostic]) -> String {
    wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
pub(crate) mod sample {
    use super::*;

    pub(crate) const CONFIG: &str =
        "[chain.a]\nid = 1\nendpoints = [\"http://127.0.0.1:1\"]\n\n[trust]\nunsigned = [\"localhost:5000\"]\n";

    /// A deployment of which `edit` changes the text.
    pub(crate) fn sharing(folder: &Path, edit: impl Fn(&str) -> String) -> Sharing {
        let file = folder.join("watchfire.toml");
        std::fs::write(&file, edit(CONFIG)).unwrap();
        Sharing::of(&file).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::sample::{CONFIG, sharing};
    use super::*;
    use crate::share::digest::Digest;
    use crate::share::lock::sample::pin;

    /// Returns what would be wrong if `section` were taken up, without a start.
    fn wrong(sharing: &Sharing, section: &Section) -> Vec<String> {
        sharing.store().put(b"component").unwrap();
        let text = sharing.read().unwrap();
        let edited = with_section(&text, section, &pin().reference).unwrap();
        let mut lock = sharing.lock.clone();
        lock.pin(&section.id, pin());
        sharing.wrong(&text, &edited, &lock, None).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_would_not_load_is_told_before_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let good = sharing(folder.path(), str::to_owned);
        let section = |id: &str| Section { id: id.into(), ..Section::default() };
        assert_eq!(wrong(&good, &section("outflow")), [""; 0]);
        for id in ["a b", "", "a.b", "ä"] {
            let told = wrong(&good, &section(id));
            assert!(told.len() == 1 && told[0].contains("is no name; use letters, digits"), "{id}: {told:?}");
        }
        let limits = BTreeMap::from([("batch_deadline_s".to_owned(), 5)]);
        let told = wrong(&good, &Section { limits, ..section("outflow") });
        assert!(told[0].contains("detector.outflow.limits.batch_deadline_s"), "{told:?}");
        let told = wrong(&good, &Section { grant: vec!["root".into()], ..section("outflow") });
        assert!(told[0].contains("there is no capability `root`"), "{told:?}");
    }

    #[test]
    fn what_was_wrong_before_keeps_nobody_from_mending_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let another = "[detector.other]\ncomponent = \"oci://localhost:5000/harbor/other:1.0.0\"\n";
        let sharing = sharing(folder.path(), |text| format!("{text}{another}"));
        assert_eq!(wrong(&sharing, &Section { id: "outflow".into(), ..Section::default() }), [""; 0]);
    }

    #[test]
    fn a_lock_that_could_not_be_read_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut sharing = sharing(folder.path(), str::to_owned);
        let reference = pin().reference.with_tag(&Digest::of(b"manifest").to_string());
        let mut lock = Lock::default();
        lock.pin("outflow", Pin { reference, ..pin() });
        let error = sharing.write(CONFIG, lock).unwrap_err().to_string();
        assert!(error.contains("nothing was written: ") && error.contains("detector.outflow.reference"), "{error}");
        assert!(!Lock::path(folder.path()).exists());
    }

    #[test]
    fn config_and_lock_are_written_both_or_neither() {
        let folder = tempfile::tempdir().unwrap();
        let mut sharing = sharing(folder.path(), str::to_owned);
        let mut lock = Lock::default();
        lock.pin("outflow", pin());
        // A folder in the config's place can't be replaced by a file.
        let file = std::mem::replace(&mut sharing.file, folder.path().join("taken"));
        std::fs::create_dir_all(sharing.file.join("by")).unwrap();
        let error = sharing.write("", lock.clone()).unwrap_err();
        assert!(format!("{error:#}").contains("nothing was changed"), "{error:#}");
        assert!(!Lock::path(folder.path()).exists() && sharing.lock == Lock::default());
        std::fs::write(Lock::path(folder.path()), "# ours\nformat = 1\n").unwrap();
        sharing.write("", lock.clone()).unwrap_err();
        assert_eq!(std::fs::read_to_string(Lock::path(folder.path())).unwrap(), "# ours\nformat = 1\n");
        sharing.file = file;
        sharing.write(CONFIG, lock.clone()).unwrap();
        assert_eq!(Lock::load(folder.path()).unwrap(), lock);
    }
}
