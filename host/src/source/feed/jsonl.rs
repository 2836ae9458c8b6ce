//! A file that grows by a line at a time, followed through truncation and rotation.

use std::io::SeekFrom;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use tokio::fs::File;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, BufReader};
use tokio::sync::watch;
use tokio::time::sleep_until;

use super::config::JsonlSource;
use super::outlet::{Closed, Outlet};
use super::{FeedResume, stopped, until_stopped};

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Where to go on: which file it was, and after which byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    inode: u64,
    offset: u64,
}

impl Place {
    fn text(self) -> String {
        format!("{}:{}", self.inode, self.offset)
    }

    fn parse(text: &str) -> Option<Self> {
        let (inode, offset) = text.split_once(':')?;
        Some(Self { inode: inode.parse().ok()?, offset: offset.parse().ok()? })
    }
}

/// A file that is held open, so that it can be read to its end after it got another name.
struct Followed {
    file: File,
    place: Place,
    /// Within a line that is too long to be taken.
    is_skipping: bool,
}

enum Trouble {
    File(std::io::Error),
    Closed,
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::File(error)
    }
}

impl From<Closed> for Trouble {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

pub(super) async fn run(
    source: JsonlSource,
    resume: FeedResume,
    mut outlet: Outlet,
    mut stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let place = resume.recent.last().and_then(|last| Place::parse(&last.position));
    let mut followed = match place {
        Some(place) => find(&source, place, outlet.name()).await,
        None => None,
    };
    let mut why = String::new();
    while !stopped(&stop) {
        match look(&source, &mut followed, &mut outlet).await {
            Ok(()) => why.clear(),
            Err(Trouble::Closed) => return Ok(()),
            Err(Trouble::File(error)) => why = format!("`{}`: {error}", source.file.display()),
        }
        tokio::select! {
            () = until_stopped(&mut stop) => break,
            () = sleep_until(outlet.silence_due()) => outlet.silent(&why).await?,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
    Ok(())
}

/// The file that was followed when the host stopped, under whatever name in its folder it has now.
async fn find(source: &JsonlSource, place: Place, feed: &str) -> Option<Followed> {
    let mut paths = vec![source.file.clone()];
    let folder = source.file.parent().and_then(|folder| std::fs::read_dir(folder).ok());
    paths.extend(folder.into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())));
    for path in paths {
        let Ok(metadata) = tokio::fs::metadata(&path).await else { continue };
        if metadata.is_file() && metadata.ino() == place.inode {
            let file = File::open(&path).await.ok()?;
            return Some(Followed { file, place, is_skipping: false });
        }
    }
    let file = source.file.display();
    tracing::warn!(feed, "the file that `{file}` was is gone: what was added to it meanwhile is lost");
    None
}

/// Reads all that came since, in the file that is followed and in the one that took its place.
async fn look(source: &JsonlSource, followed: &mut Option<Followed>, outlet: &mut Outlet) -> Result<(), Trouble> {
    loop {
        if let Some(followed) = followed {
            read_on(source, followed, outlet).await?;
        }
        let metadata = tokio::fs::metadata(&source.file).await?;
        if let Some(followed) = followed {
            // Whoever writes goes on in the old file until there is something in the new one.
            if metadata.ino() == followed.place.inode || metadata.len() == 0 {
                return Ok(());
            }
            // The old one may have grown between the look at it and the look at the new one.
            read_on(source, followed, outlet).await?;
            let left = followed.file.metadata().await?.len().saturating_sub(followed.place.offset);
            tracing::info!(feed = outlet.name(), left, "`{}` is another file now", source.file.display());
        }
        let file = File::open(&source.file).await?;
        let inode = file.metadata().await?.ino();
        *followed = Some(Followed { file, place: Place { inode, offset: 0 }, is_skipping: false });
    }
}

/// Reads all whole lines that came since. A last line without its end waits for it.
async fn read_on(source: &JsonlSource, followed: &mut Followed, outlet: &mut Outlet) -> Result<(), Trouble> {
    let Followed { file, place, is_skipping } = followed;
    let length = file.metadata().await?.len();
    if length < place.offset {
        tracing::info!(feed = outlet.name(), "`{}` was cut: it is read from its start", source.file.display());
        (place.offset, *is_skipping) = (0, false);
    }
    if length == place.offset {
        return Ok(());
    }
    file.seek(SeekFrom::Start(place.offset)).await?;
    let mut reader = BufReader::new(file);
    let at_most = source.max_body_bytes;
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut reader).take(at_most as u64 + 1).read_until(b'\n', &mut line).await?;
        let is_whole = line.last() == Some(&b'\n');
        if read == 0 || (!is_whole && read <= at_most && !*is_skipping) {
            return Ok(());
        }
        place.offset += read as u64;
        if !is_whole {
            *is_skipping = true;
        } else if std::mem::take(is_skipping) {
            outlet.malformed(format!("a line of more than {at_most} bytes")).await?;
        } else if let text = String::from_utf8_lossy(&line)
            && !text.trim().is_empty()
        {
            outlet.message(text.trim(), place.text()).await?;
        }
    }
}
