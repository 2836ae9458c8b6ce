//! Files read by a thread of their own each time. Disks of the network hang: that holds up the reading, and neither the loop, nor
//! who takes acts of people, nor a signal to end.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::event::Coverage;
use crate::finding::Severity;
use crate::whole_file::Place;

/// After how long a reading hangs.
pub(super) const HANGS_AFTER: Duration = Duration::from_secs(10);

/// What a config and a plan may take of the stack, nested as deep as they may be.
const STACK_BYTES: usize = 8 << 20;

/// A reading that is under way.
pub(super) struct Reading<T> {
    began: Instant,
    place: Place,
    outcome: oneshot::Receiver<T>,
}

impl<T: Send + 'static> Reading<T> {
    /// Begins to read. `first` is the file that it begins with.
    ///
    /// # Errors
    ///
    /// If there can be no thread.
    pub(super) fn begin(first: &Path, read: impl FnOnce() -> T + Send + 'static) -> anyhow::Result<Self> {
        let (answer, outcome) = oneshot::channel();
        let (place, runtime) = (Place::at(first), Handle::current());
        let followed = place.clone();
        // No thread of the runtime: its end would wait for one that hangs.
        std::thread::Builder::new()
            .name("reading".into())
            .stack_size(STACK_BYTES)
            .spawn(move || {
                followed.follow();
                let _inside = runtime.enter();
                // Nobody may wait any more.
                let _ = answer.send(read());
            })
            .context("files can't be read")?;
        Ok(Self { began: Instant::now(), place, outcome })
    }

    /// Waits for what was read. May be given up and waited for again.
    ///
    /// # Errors
    ///
    /// If the reading ended by a panic.
    pub(super) async fn done(&mut self) -> anyhow::Result<T> {
        (&mut self.outcome)
            .await
            .with_context(|| format!("reading `{}` ended by a panic; please report it", self.place.path().display()))
    }

    /// Waits for what was read, but no longer than a reading may take.
    ///
    /// # Errors
    ///
    /// If it hangs, or ended by a panic.
    pub(super) async fn within(mut self, longest: Duration) -> anyhow::Result<T> {
        match tokio::time::timeout(longest, self.done()).await {
            Ok(read) => read,
            Err(_) => Err(anyhow::anyhow!(hung(&self.place.path(), longest))),
        }
    }

    /// Waits for what was read for as long as it takes, and says in the log that it hangs.
    ///
    /// # Errors
    ///
    /// If the reading ended by a panic.
    pub(super) async fn patiently(mut self) -> anyhow::Result<T> {
        loop {
            match tokio::time::timeout(HANGS_AFTER, self.done()).await {
                Ok(read) => return read,
                Err(_) => tracing::warn!("{}", hung(&self.place.path(), self.began.elapsed())),
            }
        }
    }

    /// Returns for how long it has been under way, and the file that it is at.
    pub(super) fn stands(&self) -> (Duration, PathBuf) {
        (self.began.elapsed(), self.place.path())
    }
}

/// Waits for the reading if there is one, else for ever.
pub(super) async fn done<T: Send + 'static>(reading: &mut Option<Reading<T>>) -> anyhow::Result<T> {
    match reading {
        Some(reading) => reading.done().await,
        None => std::future::pending().await,
    }
}

fn hung(path: &Path, since: Duration) -> String {
    format!(
        "`{}` can't be read: the disk has not answered for {} s. See to what it lies on, a share of the network perhaps",
        path.display(),
        since.as_secs()
    )
}

/// Judges from look to look whether files can be read.
#[derive(Debug, Default)]
pub(super) struct Hangs {
    is_reported: bool,
}

impl Hangs {
    /// Takes for how long readings have been under way, each with its file. Returns what is to be reported, if that is news.
    pub(super) fn look(&mut self, stands: impl IntoIterator<Item = (Duration, PathBuf)>) -> Option<Coverage> {
        let longest = stands.into_iter().filter(|(since, _)| *since >= HANGS_AFTER).max();
        if longest.is_some() == self.is_reported {
            return None;
        }
        self.is_reported = longest.is_some();
        let message = match &longest {
            Some((since, path)) => format!(
                "{}. What was taken up before stays in force, and changes of config, plan and detectors are taken up once \
                 it answers",
                hung(path, *since)
            ),
            None => "config, plan and detectors can be read again".to_owned(),
        };
        let (kind, subject) = ("files-hang".to_owned(), "host/files".to_owned());
        Some(Coverage { chain: None, kind, subject, severity: Severity::High, message, over: longest.is_none() })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;
    use crate::whole_file;

    #[tokio::test]
    async fn a_reading_that_hangs_is_given_up_by_name_and_holds_up_no_other() {
        let (answer, waits) = channel::<()>();
        let stuck = Reading::begin(Path::new("a.toml"), move || {
            // What it is at is known before the disk answers.
            assert!(whole_file::read(Path::new("none-that-is-there/b.toml"), 1).is_err());
            waits.recv()
        });
        let mut stuck = stuck.unwrap();
        let other = Reading::begin(Path::new("c.toml"), || 7).unwrap();
        assert_eq!(other.within(Duration::from_secs(90)).await.unwrap(), 7);
        while stuck.stands().1 == Path::new("a.toml") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(stuck.stands().1, Path::new("none-that-is-there/b.toml"));
        assert!(tokio::time::timeout(Duration::from_millis(20), stuck.done()).await.is_err());
        answer.send(()).unwrap();
        assert!(stuck.done().await.unwrap().is_ok(), "it is waited for again");

        let (_answer, waits) = channel::<()>();
        let stuck = Reading::begin(Path::new("d.toml"), move || waits.recv()).unwrap();
        let said = stuck.within(Duration::from_millis(20)).await.unwrap_err().to_string();
        assert!(said.starts_with("`d.toml` can't be read: the disk has not answered"), "{said}");
    }

    #[tokio::test]
    async fn a_panic_is_an_error_of_the_reading() {
        let reading = Reading::<()>::begin(Path::new("a.toml"), || panic!("as a test")).unwrap();
        let said = format!("{:#}", reading.patiently().await.unwrap_err());
        assert!(said.contains("`a.toml` ended by a panic"), "{said}");
    }

    #[test]
    fn that_files_hang_is_reported_once_and_so_is_its_end() {
        let mut hangs = Hangs::default();
        let at = |since_s: u64, path: &str| (Duration::from_secs(since_s), PathBuf::from(path));
        assert_eq!(hangs.look([]), None);
        assert_eq!(hangs.look([at(9, "a.toml"), at(0, "b.toml")]), None);
        let begun = hangs.look([at(9, "a.toml"), at(12, "b.toml")]).unwrap();
        assert!(!begun.over && begun.message.contains("`b.toml`") && begun.message.contains("12 s"), "{begun:?}");
        assert_eq!(hangs.look([at(13, "a.toml")]), None, "it is known");
        assert!(hangs.look([at(1, "a.toml")]).unwrap().over);
        assert_eq!(hangs.look([]), None);
    }
}
