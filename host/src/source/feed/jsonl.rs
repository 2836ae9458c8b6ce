//! A file that grows by a line at a time, followed through truncation and rotation.

use std::io::SeekFrom;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use tokio::fs::File;
use tokio::io::{AsyncBufReadExt, AsyncSeekExt, BufReader};
use tokio::sync::watch;
use tokio::time::sleep_until;

use super::config::JsonlSource;
use super::outlet::Outlet;
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

pub(super) async fn run(
    source: JsonlSource,
    resume: FeedResume,
    mut outlet: Outlet,
    mut stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let mut place = resume.recent.last().and_then(|last| Place::parse(&last.position)).unwrap_or_default();
    let mut why = String::new();
    while !stopped(&stop) {
        match read_on(&source, &mut place, &mut outlet).await {
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

enum Trouble {
    File(std::io::Error),
    Closed,
}

/// Reads all whole lines that came since. A last line without its end waits for it.
async fn read_on(source: &JsonlSource, place: &mut Place, outlet: &mut Outlet) -> Result<(), Trouble> {
    let mut file = File::open(&source.file).await.map_err(Trouble::File)?;
    let metadata = file.metadata().await.map_err(Trouble::File)?;
    if metadata.ino() != place.inode || metadata.len() < place.offset {
        if place.offset > 0 {
            tracing::info!(feed = outlet.name(), "`{}` starts anew", source.file.display());
        }
        *place = Place { inode: metadata.ino(), offset: 0 };
    }
    if metadata.len() == place.offset {
        return Ok(());
    }
    file.seek(SeekFrom::Start(place.offset)).await.map_err(Trouble::File)?;
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line).await.map_err(Trouble::File)?;
        if read == 0 || line.last() != Some(&b'\n') {
            return Ok(());
        }
        place.offset += read as u64;
        let text = String::from_utf8_lossy(&line);
        let told = if line.len() > source.max_body_bytes {
            outlet.malformed(format!("a line of {} bytes, {} are allowed", line.len(), source.max_body_bytes)).await
        } else if text.trim().is_empty() {
            Ok(())
        } else {
            outlet.message(text.trim(), place.text()).await
        };
        told.map_err(|_| Trouble::Closed)?;
    }
}
