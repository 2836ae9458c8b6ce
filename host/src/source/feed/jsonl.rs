//! A file that grows by a line at a time, followed through truncation and rotation.

use std::io::SeekFrom;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use tokio::fs::File;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, BufReader};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::config::JsonlSource;
use super::outlet::Outlet;
use super::{FeedResume, until_stopped};

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// After how long without a look that came back the disk hangs.
const HANGS_AFTER: Duration = Duration::from_secs(2);
/// Lines that are read ahead of whoever takes them in.
const AHEAD: usize = 64;

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

/// What whoever reads the file has of it.
enum Heard {
    /// A line, and the position after it.
    Line(String, String),
    /// A line of too many bytes.
    TooLong,
    /// All that came since was read.
    All,
    /// The file can't be read, and why.
    Failed(String),
}

enum Trouble {
    File(std::io::Error),
    /// Nobody takes lines in any more.
    Closed,
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::File(error)
    }
}

impl<T> From<mpsc::error::SendError<T>> for Trouble {
    fn from(_: mpsc::error::SendError<T>) -> Self {
        Self::Closed
    }
}

pub(super) async fn run(
    source: JsonlSource,
    resume: FeedResume,
    mut outlet: Outlet,
    mut stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let (file, at_most) = (source.file.display().to_string(), source.max_body_bytes);
    let place = resume.recent.last().and_then(|last| Place::parse(&last.position));
    let (out, mut heard) = mpsc::channel(AHEAD);
    // Beside all else: a disk that hangs holds up neither what is said of it nor the end.
    let reading = tokio::spawn(read_again_and_again(source, place, outlet.name().to_owned(), out));
    let (mut why, mut heard_at) = (String::new(), Instant::now());
    loop {
        tokio::select! {
            () = until_stopped(&mut stop) => break,
            () = sleep_until(outlet.silence_due()) => {
                if heard_at.elapsed() >= HANGS_AFTER {
                    why = format!("`{file}` can't be read: the disk does not answer");
                }
                outlet.silent(&why).await?;
            }
            next = heard.recv() => {
                heard_at = Instant::now();
                let taken = match next {
                    Some(Heard::Line(text, position)) => outlet.message(&text, position).await,
                    Some(Heard::TooLong) => outlet.malformed(format!("a line of more than {at_most} bytes")).await,
                    Some(Heard::All) => {
                        why.clear();
                        Ok(())
                    }
                    Some(Heard::Failed(what)) => {
                        why = what;
                        Ok(())
                    }
                    None => anyhow::bail!("reading `{file}` ended by a panic; please report it"),
                };
                if taken.is_err() {
                    // The loop is gone.
                    break;
                }
            }
        }
    }
    reading.abort();
    Ok(())
}

/// Reads what comes, for as long as somebody takes it in.
async fn read_again_and_again(source: JsonlSource, place: Option<Place>, feed: String, out: mpsc::Sender<Heard>) {
    let mut followed = match place {
        Some(place) => find(&source, place, &feed).await,
        None => None,
    };
    loop {
        let heard = match look(&source, &mut followed, &feed, &out).await {
            Ok(()) => Heard::All,
            Err(Trouble::Closed) => return,
            Err(Trouble::File(error)) => Heard::Failed(format!("`{}`: {error}", source.file.display())),
        };
        if out.send(heard).await.is_err() {
            return;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
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
async fn look(
    source: &JsonlSource,
    followed: &mut Option<Followed>,
    feed: &str,
    out: &mpsc::Sender<Heard>,
) -> Result<(), Trouble> {
    loop {
        if let Some(followed) = followed {
            read_on(source, followed, feed, out).await?;
        }
        let metadata = tokio::fs::metadata(&source.file).await?;
        if let Some(followed) = followed {
            // Whoever writes goes on in the old file until there is something in the new one.
            if metadata.ino() == followed.place.inode || metadata.len() == 0 {
                return Ok(());
            }
            // The old one may have grown between the look at it and the look at the new one.
            read_on(source, followed, feed, out).await?;
            let left = followed.file.metadata().await?.len().saturating_sub(followed.place.offset);
            tracing::info!(feed, left, "`{}` is another file now", source.file.display());
        }
        let file = File::open(&source.file).await?;
        let inode = file.metadata().await?.ino();
        *followed = Some(Followed { file, place: Place { inode, offset: 0 }, is_skipping: false });
    }
}

/// Reads all whole lines that came since. A last line without its end waits for it.
async fn read_on(
    source: &JsonlSource,
    followed: &mut Followed,
    feed: &str,
    out: &mpsc::Sender<Heard>,
) -> Result<(), Trouble> {
    let Followed { file, place, is_skipping } = followed;
    let length = file.metadata().await?.len();
    if length < place.offset {
        tracing::info!(feed, "`{}` was cut: it is read from its start", source.file.display());
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
            out.send(Heard::TooLong).await?;
        } else if let text = String::from_utf8_lossy(&line)
            && !text.trim().is_empty()
        {
            out.send(Heard::Line(text.trim().to_owned(), place.text())).await?;
        }
    }
}
