//! Files that a running host depends on, watched for changes; SIGHUP asks for the same.
//!
//! Looks at each file a few times a second, which is some dozen calls of `stat`. The system could report changes by itself,
//! but only of whole folders, and the journal, which changes all the time, lies in the config's folder.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Interval, MissedTickBehavior};

use crate::app::config::Config;
use crate::app::share::indexes;
use crate::share::lock::Lock;
use crate::whole_file;

/// How often files are looked at.
const EVERY: Duration = Duration::from_millis(100);
/// How many looks must find files unchanged before a change is taken up: editors and compilers write in steps.
const QUIET_LOOKS: u32 = 3;

/// The paths whose change counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Watched {
    files: BTreeSet<PathBuf>,
    /// Folders of which every `.toml` file counts.
    plan_folders: BTreeSet<PathBuf>,
}

/// What differs from one state of a file to another, without reading it: a write, a replacement by a rename, a removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified_ns: i128,
    changed_ns: i128,
}

/// The files that there are, by path.
type Seen = BTreeMap<PathBuf, Stamp>;

impl Watched {
    fn of(file: &Path, config: &Config) -> Self {
        let mut files = BTreeSet::from([file.to_owned()]);
        files.extend(config.detectors.iter().map(|(id, detector)| config.component_path(id, detector)));
        if config.detectors.values().any(|detector| detector.is_shared()) {
            files.insert(Lock::path(&config.folder()));
            files.extend(indexes::files(config));
        }
        files.extend(config.included.iter().cloned());
        let (plan_folders, plan_files) =
            config.plan_paths().into_iter().partition::<BTreeSet<_>, _>(|path| path.is_dir());
        files.extend(plan_files);
        Self { files, plan_folders }
    }

    fn look(&self) -> Seen {
        let in_folders = self.plan_folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
        let plans = in_folders.filter_map(|entry| Some(entry.ok()?.path()));
        let plans = plans.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
        let paths = plans.chain(self.files.iter().cloned());
        paths.filter_map(|path| Stamp::of(&path).map(|stamp| (path, stamp))).collect()
    }
}

impl Stamp {
    /// Reads the stamp of a file, behind all links; `None` if there is no such file.
    fn of(path: &Path) -> Option<Self> {
        let of = std::fs::metadata(path).ok()?;
        let nanos = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        Some(Self {
            device: of.dev(),
            inode: of.ino(),
            bytes: of.size(),
            modified_ns: nanos(of.mtime(), of.mtime_nsec()),
            changed_ns: nanos(of.ctime(), of.ctime_nsec()),
        })
    }
}

/// What was seen at the last looks.
#[derive(Debug, Default)]
struct Changes {
    /// What was seen when the last change was taken up.
    taken_up: Seen,
    last: Seen,
    quiet_looks: u32,
}

impl Changes {
    /// Compares a look with those before. Returns true when something changed and has been quiet for long enough since.
    fn compare(&mut self, seen: Seen) -> bool {
        if seen != self.last {
            (self.last, self.quiet_looks) = (seen, 0);
            return false;
        }
        self.quiet_looks = self.quiet_looks.saturating_add(1);
        if self.quiet_looks < QUIET_LOOKS || self.last == self.taken_up {
            return false;
        }
        self.taken_up.clone_from(&self.last);
        true
    }
}

/// Watches the config and all that it names.
pub struct Watcher {
    watched: Watched,
    changes: Changes,
    looks: Interval,
    hang_up: Signal,
}

impl Watcher {
    /// Begins with the files as they are now.
    ///
    /// # Errors
    ///
    /// If SIGHUP can't be listened to.
    pub fn new(file: &Path, config: &Config) -> std::io::Result<Self> {
        let watched = Watched::of(file, config);
        let seen = watched.look();
        let mut looks = tokio::time::interval(EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // What changed between the reading of the config and this look is a change too.
        let is_read = whole_file::read_text(file, whole_file::TEXT_BYTES).is_ok_and(|text| text == config.text);
        let taken_up = if is_read { seen.clone() } else { Seen::new() };
        let changes = Changes { taken_up, last: seen, quiet_looks: 0 };
        Ok(Self { watched, changes, looks, hang_up: signal(SignalKind::hangup())? })
    }

    /// Watches what another config names. A file that it names anew is watched as it is now; what changed of the others since
    /// the last change was taken up is another change.
    pub fn follow(&mut self, file: &Path, config: &Config) {
        let watched = Watched::of(file, config);
        if watched != self.watched {
            self.watched = watched;
            let seen = self.watched.look();
            let taken_up = std::mem::take(&mut self.changes.taken_up);
            let as_taken_up = |(path, stamp): (PathBuf, Stamp)| {
                let stamp = taken_up.get(&path).copied().unwrap_or(stamp);
                (path, stamp)
            };
            self.changes.taken_up = seen.into_iter().map(as_taken_up).collect();
        }
    }

    /// Waits until something changed, or SIGHUP came. A change that is not waited for is found by the next call.
    pub async fn changed(&mut self) {
        loop {
            tokio::select! {
                _ = self.looks.tick() => {
                    if self.changes.compare(self.watched.look()) {
                        return;
                    }
                }
                _ = self.hang_up.recv() => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether each look in turn takes up a change.
    fn looks(changes: &mut Changes, watched: &Watched, count: usize) -> Vec<bool> {
        (0..count).map(|_| changes.compare(watched.look())).collect()
    }

    #[test]
    fn a_change_is_taken_up_once_it_is_quiet() {
        let folder = tempfile::tempdir().unwrap();
        let (config, plan) = (folder.path().join("watchfire.toml"), folder.path().join("plan"));
        std::fs::create_dir(&plan).unwrap();
        std::fs::write(&config, "a").unwrap();
        let watched = Watched { files: [config.clone()].into(), plan_folders: [plan.clone()].into() };
        let seen = watched.look();
        let mut changes = Changes { taken_up: seen.clone(), last: seen, quiet_looks: 0 };
        assert_eq!(looks(&mut changes, &watched, 5), [false; 5], "nothing changed");
        std::fs::write(folder.path().join("watchfire.db"), "the journal").unwrap();
        std::fs::write(plan.join("notes.md"), "no plan").unwrap();
        assert_eq!(looks(&mut changes, &watched, 5), [false; 5], "nothing that counts changed");

        std::fs::write(&config, "ab").unwrap();
        assert_eq!(looks(&mut changes, &watched, 3), [false; 3]);
        std::fs::write(plan.join("plan.toml"), "x").unwrap();
        assert_eq!(looks(&mut changes, &watched, 6), [false, false, false, true, false, false], "once for both");

        // Replaced by a rename, with as many bytes as before; then removed.
        std::fs::write(folder.path().join("new"), "cd").unwrap();
        std::fs::rename(folder.path().join("new"), &config).unwrap();
        assert_eq!(looks(&mut changes, &watched, 5), [false, false, false, true, false]);
        std::fs::remove_file(plan.join("plan.toml")).unwrap();
        assert_eq!(looks(&mut changes, &watched, 5), [false, false, false, true, false]);
    }

    #[test]
    fn a_change_that_was_undone_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("watchfire.toml");
        let watched = Watched { files: [file.clone()].into(), plan_folders: BTreeSet::new() };
        let mut changes = Changes::default();
        std::fs::write(&file, "a").unwrap();
        assert_eq!(looks(&mut changes, &watched, 2), [false, false]);
        std::fs::remove_file(&file).unwrap();
        assert_eq!(looks(&mut changes, &watched, 5), [false; 5]);
    }
}
