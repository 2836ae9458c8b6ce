//! Files that a running host depends on, watched for changes; SIGHUP asks for the same.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use notify::{EventKind, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::app::config::Config;

/// How long files must be quiet before a change is taken up: editors and compilers write in steps.
const QUIET: Duration = Duration::from_millis(300);

/// What a change must touch to count: the journal lies in the same folder and changes all the time.
#[derive(Debug, Default)]
struct Matters {
    files: BTreeSet<PathBuf>,
    plan_folders: BTreeSet<PathBuf>,
}

impl Matters {
    fn of(file: &Path, config: &Config) -> Self {
        let mut files = BTreeSet::from([settled(file)]);
        files.extend(config.detectors.values().map(|detector| settled(&config.component_path(detector))));
        let mut plan_folders = BTreeSet::new();
        for plan in config.plan_paths() {
            match plan.is_dir() {
                true => plan_folders.extend(plan.canonicalize()),
                false => files.extend([settled(&plan)]),
            }
        }
        Self { files, plan_folders }
    }

    fn folders(&self) -> BTreeSet<PathBuf> {
        let parents = self.files.iter().filter_map(|file| file.parent()).map(Path::to_owned);
        parents.chain(self.plan_folders.iter().cloned()).filter(|folder| folder.is_dir()).collect()
    }

    fn touched_by(&self, path: &Path) -> bool {
        let is_plan = path.parent().is_some_and(|folder| self.plan_folders.contains(folder))
            && path.extension().is_some_and(|e| e == "toml");
        is_plan || self.files.contains(path)
    }
}

/// Watches folders rather than files, so that a file replaced by a rename is seen too.
pub struct Watcher {
    debouncer: Debouncer<notify::RecommendedWatcher, RecommendedCache>,
    matters: Arc<RwLock<Matters>>,
    folders: BTreeSet<PathBuf>,
    changed: mpsc::Receiver<()>,
    hang_up: Signal,
}

impl Watcher {
    /// Watches all that a config names, and the config itself.
    pub fn new(file: &Path, config: &Config) -> anyhow::Result<Self> {
        let (told, changed) = mpsc::channel(1);
        let matters = Arc::new(RwLock::new(Matters::default()));
        let asked = matters.clone();
        let debouncer = new_debouncer(QUIET, None, move |result: DebounceEventResult| {
            let counts = match &result {
                Ok(events) => {
                    let matters = asked.read().unwrap_or_else(PoisonError::into_inner);
                    events.iter().any(|event| {
                        !matches!(event.kind, EventKind::Access(_))
                            && event.paths.iter().any(|path| matters.touched_by(path))
                    })
                }
                Err(_) => true,
            };
            if counts {
                // A change that waits already stands for this one too.
                let _ = told.try_send(());
            }
        })?;
        let hang_up = signal(SignalKind::hangup())?;
        let mut watcher = Self { debouncer, matters, folders: BTreeSet::new(), changed, hang_up };
        watcher.follow(file, config)?;
        Ok(watcher)
    }

    /// Watches the folders of another config, and no longer those that it does not name.
    pub fn follow(&mut self, file: &Path, config: &Config) -> anyhow::Result<()> {
        let matters = Matters::of(file, config);
        let folders = matters.folders();
        for gone in self.folders.difference(&folders) {
            // A folder that was deleted is not watched any more as it is.
            let _ = self.debouncer.unwatch(gone);
        }
        for new in folders.difference(&self.folders) {
            self.debouncer.watch(new, RecursiveMode::NonRecursive)?;
        }
        self.folders = folders;
        *self.matters.write().unwrap_or_else(PoisonError::into_inner) = matters;
        Ok(())
    }

    /// Waits until something changed.
    pub async fn changed(&mut self) {
        tokio::select! {
            told = self.changed.recv() => {
                if told.is_none() {
                    std::future::pending::<()>().await;
                }
            }
            _ = self.hang_up.recv() => {}
        }
    }
}

/// A file's path as the system reports it, which the file need not yet have.
fn settled(file: &Path) -> PathBuf {
    let parent = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    match (parent.canonicalize(), file.file_name()) {
        (Ok(parent), Some(name)) => parent.join(name),
        _ => file.to_owned(),
    }
}
