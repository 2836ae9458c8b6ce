//! Files that a running host depends on, watched for changes; SIGHUP asks for the same.
//!
//! Looks at each file a few times a second, which is some dozen calls of `stat`. The system could report changes by itself,
//! but only of whole folders, and the journal, which changes all the time, lies in the config's folder.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::app::config::Config;
use crate::app::share::indexes;
use crate::share::lock::Lock;
use crate::whole_file::{self, Place};

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

    /// Looks at each file, and says by `place` which one it is at.
    fn look(&self, place: Option<&Place>) -> Seen {
        let go_to = |path: &Path| place.iter().for_each(|place| place.go_to(path));
        self.plan_folders.iter().for_each(|folder| go_to(folder));
        let in_folders = self.plan_folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
        let plans = in_folders.filter_map(|entry| Some(entry.ok()?.path()));
        let plans = plans.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
        let paths = plans.chain(self.files.iter().cloned());
        let stamped = |path: PathBuf| {
            go_to(&path);
            Stamp::of(&path).map(|stamp| (path, stamp))
        };
        paths.filter_map(stamped).collect()
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

    /// Goes on with other files: those of them that were there stand as they were taken up.
    fn follow(&mut self, following: &Following) {
        let taken_up = std::mem::take(&mut self.taken_up);
        let as_taken_up = |(path, stamp): (&PathBuf, &Stamp)| {
            let stamp = taken_up.get(path).copied().unwrap_or(*stamp);
            (path.clone(), stamp)
        };
        self.taken_up = following.seen.iter().map(as_taken_up).collect();
    }
}

/// What a config names, and how it was seen before any of that was read.
#[derive(Debug)]
pub struct Following {
    watched: Watched,
    seen: Seen,
}

impl Following {
    /// Looks at what a config names. Whatever changes from here on is a change. Blocks its thread for as long as the disk takes.
    pub fn of(file: &Path, config: &Config) -> Self {
        let watched = Watched::of(file, config);
        let mut seen = watched.look(None);
        // What changed between the reading of the config and this look is a change too.
        if !whole_file::read_text(file, whole_file::TEXT_BYTES).is_ok_and(|text| text == config.text) {
            seen.remove(file);
        }
        Self { watched, seen }
    }
}

/// Watches the config and all that it names, by a thread of its own: a look may hang.
pub struct Watcher {
    orders: std::sync::mpsc::Sender<Following>,
    changes: mpsc::Receiver<()>,
    hang_up: Signal,
    look: Arc<Look>,
}

/// The look that is under way.
#[derive(Debug)]
struct Look {
    began: Mutex<Option<Instant>>,
    place: Place,
}

impl Look {
    fn set(&self, began: Option<Instant>) {
        *self.began.lock().unwrap_or_else(PoisonError::into_inner) = began;
    }
}

impl Watcher {
    /// Begins with the files as they were before the config was read.
    ///
    /// # Errors
    ///
    /// If SIGHUP can't be listened to, or there can be no thread.
    pub fn new(file: &Path, following: Following) -> std::io::Result<Self> {
        let look = Arc::new(Look { began: Mutex::new(None), place: Place::at(file) });
        let (orders, ordered) = std::sync::mpsc::channel();
        // One that nobody took up yet stands for all.
        let (changed, changes) = mpsc::channel(1);
        let of_thread = look.clone();
        let watch = move || look_again_and_again(following, &ordered, &changed, &of_thread);
        std::thread::Builder::new().name("file-watcher".into()).spawn(watch)?;
        Ok(Self { orders, changes, hang_up: signal(SignalKind::hangup())?, look })
    }

    /// Watches what another config names. A file that it names anew is watched as it was before it was read; what changed of the
    /// others since the last change was taken up is another change.
    pub fn follow(&self, following: Following) {
        // The thread ends after this value only.
        let _ = self.orders.send(following);
    }

    /// Waits until something changed, or SIGHUP came. A change that is not waited for is found by the next call.
    pub async fn changed(&mut self) {
        tokio::select! {
            changed = self.changes.recv() => if changed.is_none() { std::future::pending().await },
            _ = self.hang_up.recv() => {}
        }
    }

    /// Returns for how long a look has been under way, and the file that it is at; `None` between two.
    pub fn stands(&self) -> Option<(Duration, PathBuf)> {
        let began = (*self.look.began.lock().unwrap_or_else(PoisonError::into_inner))?;
        Some((began.elapsed(), self.look.place.path()))
    }
}

fn look_again_and_again(
    first: Following,
    ordered: &std::sync::mpsc::Receiver<Following>,
    changed: &mpsc::Sender<()>,
    look: &Look,
) {
    let Following { mut watched, seen } = first;
    let mut changes = Changes { taken_up: seen.clone(), last: seen, quiet_looks: 0 };
    loop {
        match ordered.recv_timeout(EVERY) {
            Ok(following) if following.watched != watched => {
                changes.follow(&following);
                watched = following.watched;
            }
            Ok(_) => continue,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        look.set(Some(Instant::now()));
        let seen = watched.look(Some(&look.place));
        look.set(None);
        if changes.compare(seen) {
            // If there is no room, one waits to be taken up, and this one with it.
            let _ = changed.try_send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether each look in turn takes up a change.
    fn looks(changes: &mut Changes, watched: &Watched, count: usize) -> Vec<bool> {
        (0..count).map(|_| changes.compare(watched.look(None))).collect()
    }

    #[test]
    fn a_change_is_taken_up_once_it_is_quiet() {
        let folder = tempfile::tempdir().unwrap();
        let (config, plan) = (folder.path().join("watchfire.toml"), folder.path().join("plan"));
        std::fs::create_dir(&plan).unwrap();
        std::fs::write(&config, "a").unwrap();
        let watched = Watched { files: [config.clone()].into(), plan_folders: [plan.clone()].into() };
        let seen = watched.look(None);
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
