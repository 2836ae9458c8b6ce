//! Going back by the host's own decision: where a version that was taken up failed, config and lock name again what was pinned
//! before it, so that what runs is what is locked.

use std::path::Path;

use alloy::primitives::B256;
use anyhow::{Context, ensure};

use crate::app::config::Sharing;
use crate::journal::Journal;
use crate::share::digest::Digest;
use crate::share::lock::Locked;
use crate::text::line;

use super::adopt::listed;
use super::section::{Section, with_section};

impl Sharing {
    /// Pins again what was pinned before a version that failed; that one is nothing to go back to. Returns the reference that is
    /// pinned then; `None` if the lock does not pin what failed any more.
    ///
    /// # Errors
    ///
    /// If nothing was pinned before, the config would be wrong, or a file can't be written.
    pub fn go_back(&mut self, id: &str, failed: Digest) -> anyhow::Result<Option<String>> {
        let _held = self.hold()?;
        let locked = self.lock.detector.get(id).filter(|locked| locked.pin.component == failed);
        let Some(locked) = locked else { return Ok(None) };
        let before = locked.before.clone().with_context(|| format!("`{id}` was never another version"))?;
        let granted = self.detectors.get(id).and_then(|wanted| wanted.grant.clone()).unwrap_or_default();
        let grant = granted.into_iter().filter(|name| before.capabilities.contains(name)).collect();
        let section = Section { id: id.to_owned(), grant, ..Section::default() };
        let text = self.read()?;
        let edited = with_section(&text, &section, &before.reference)?;
        let reference = before.reference.to_string();
        let mut lock = self.lock.clone();
        lock.detector.insert(id.to_owned(), Locked { pin: before, before: None, takes_over_at: None });
        let wrong = self.wrong(&text, &edited, &lock, None);
        ensure!(wrong.is_empty(), "the config would be wrong, so nothing was written: {}", listed(&wrong));
        self.write(&edited, lock)?;
        Ok(Some(reference))
    }

    /// Returns why a version is not taken up again: it failed soon after it was taken up, by the journal of this deployment.
    pub fn failed_before(&self, id: &str, component: Digest) -> Option<String> {
        // Without a journal nothing ran yet; one that can't be read is reported where versions are tried on it.
        let rejected = Journal::open_existing_read_only(&self.journal).and_then(|journal| journal.rejected()).ok()?;
        let failed = rejected.into_iter().find(|one| one.detector == id && one.digest == component.0)?;
        let reason = line(&failed.reason, 300);
        Some(format!("it failed soon after it was taken up here before ({reason}); take it all the same by `--force`"))
    }
}

/// Has config and lock go back beside the running host, and says in the log what came of it. The host goes on by what it keeps
/// in its journal where they can't be written.
pub fn begin(config: &Path, failed: Vec<(String, B256)>) {
    let file = config.to_owned();
    if !failed.is_empty() {
        drop(tokio::task::spawn_blocking(move || go_back(&file, &failed)));
    }
}

fn go_back(file: &Path, failed: &[(String, B256)]) {
    for (id, digest) in failed {
        // A config that is wrong is reported by who takes it up.
        let Ok(mut sharing) = Sharing::of(file) else { return };
        match sharing.go_back(id, Digest(*digest)) {
            Ok(Some(reference)) => {
                tracing::warn!(
                    "detector {id}: config and lock are back at `{reference}`, as what was pinned after it failed"
                );
            }
            Ok(None) => {}
            Err(error) => tracing::error!(
                "detector {id}: what is locked failed, and the version before it runs; config and lock could not go back to it, \
                 do it by `watchfire plugin update {id} --back`: {error:#}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::share::adopt::sample::sharing;
    use crate::share::lock::{Lock, Pin, sample};

    #[test]
    fn config_and_lock_go_back_to_what_was_pinned_before_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut sharing = sharing(folder.path(), str::to_owned);
        let new = Pin {
            reference: "oci://localhost:5000/harbor/outflow:1.1.0".parse().unwrap(),
            component: Digest::of(b"new"),
            capabilities: vec!["state".into()],
            version: "1.1.0".into(),
            ..sample::pin()
        };
        sharing.store().put(b"component").unwrap();
        sharing.store().put(b"new").unwrap();
        let mut lock = Lock::default();
        lock.pin("outflow", sample::pin());
        lock.pin("outflow", new.clone());
        let section = Section { id: "outflow".into(), grant: vec!["state".into()], ..Section::default() };
        let text = with_section(&sharing.read().unwrap(), &section, &new.reference).unwrap();
        sharing.write(&text, lock).unwrap();

        let mut sharing = Sharing::of(&sharing.file).unwrap();
        assert_eq!(sharing.go_back("outflow", Digest::of(b"component")).unwrap(), None, "another one failed");
        let back = sharing.go_back("outflow", Digest::of(b"new")).unwrap();
        assert_eq!(back.as_deref(), Some("oci://localhost:5000/harbor/outflow:1.0.0"));
        let sharing = Sharing::of(&sharing.file).unwrap();
        assert_eq!(sharing.lock.detector["outflow"].pin, sample::pin());
        assert_eq!(sharing.lock.detector["outflow"].before, None, "what failed is nothing to go back to");
        assert_eq!(sharing.detectors["outflow"].grant, None, "what it does not ask for is granted no more");
    }
}
