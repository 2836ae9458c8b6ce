//! Files that are written as a whole or not at all: after a crash of the machine a file says the old or the new. And files that are
//! read as a whole, up to a size: one that never ends fills no memory.

use std::cell::RefCell;
use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Writes a file beside `path`, puts it on the disk, and gives it the name `path`. `mode` is its Unix mode. The name of the
/// file beside begins with a dot and ends in `.new`.
///
/// # Errors
///
/// If the file or its folder can't be written; `path` is then as it was.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    replace_of(path, bytes, mode, None)
}

/// Replaces a file as [`replace`] does, and leaves it to its owner and group where this process may give files away.
fn replace_of(path: &Path, bytes: &[u8], mode: u32, owner: Option<(u32, u32)>) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let name = path.file_name().ok_or_else(|| io::Error::other("it has no name"))?.to_string_lossy();
    let prefix = format!(".{name}.");
    let mut new = tempfile::Builder::new();
    let mut new = new.prefix(&prefix).suffix(".new").permissions(Permissions::from_mode(mode)).tempfile_in(folder)?;
    new.write_all(bytes)?;
    if let Some((user, group)) = owner {
        // Who may not give it away writes it as their own, as an editor would.
        let _ = std::os::unix::fs::fchown(new.as_file(), Some(user), Some(group));
    }
    new.as_file().sync_all()?;
    new.persist(path)?;
    // The new name is on the disk once its folder is.
    File::open(folder)?.sync_all()
}

/// Writes a file that people own, as [`replace`] does: behind a link it is the file that the link names, and mode, owner and
/// group stay.
///
/// # Errors
///
/// As [`replace`].
pub fn rewrite(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match path.canonicalize() {
        Ok(real) => {
            let now = std::fs::metadata(&real)?;
            replace_of(&real, bytes, now.permissions().mode() & 0o7777, Some((now.uid(), now.gid())))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => replace(path, bytes, 0o644),
        Err(error) => Err(error),
    }
}

/// Most bytes of a config, or of a file of a plan.
pub const TEXT_BYTES: u64 = 16 << 20;
/// Most bytes of a component's file: what a detector's `limits` permit is less.
pub const COMPONENT_BYTES: u64 = 256 << 20;

/// The file that a thread is at. Whoever waits for that thread says by it which file hangs.
#[derive(Clone, Debug)]
pub struct Place(Arc<Mutex<PathBuf>>);

thread_local! {
    static PLACE: RefCell<Option<Place>> = const { RefCell::new(None) };
}

impl Place {
    /// Begins at a file.
    pub fn at(path: &Path) -> Self {
        Self(Arc::new(Mutex::new(path.to_owned())))
    }

    /// Returns the file.
    pub fn path(&self) -> PathBuf {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Goes on to another file.
    pub fn go_to(&self, path: &Path) {
        path.clone_into(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Follows what [`read`] reads on this thread from here on.
    pub fn follow(&self) {
        PLACE.set(Some(self.clone()));
    }
}

/// Reads a file that has at most so many bytes. A pipe or device is none: whoever reads one may wait for ever.
///
/// # Errors
///
/// If it can't be read, is no regular file, or has more.
pub fn read(path: &Path, at_most: u64) -> io::Result<Vec<u8>> {
    PLACE.with_borrow(|place| place.iter().for_each(|place| place.go_to(path)));
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(at_most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > at_most {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {at_most} bytes")));
    }
    Ok(bytes)
}

/// Reads a text that has at most so many bytes.
///
/// # Errors
///
/// If it can't be read, is no regular file, has more, or is not UTF-8.
pub fn read_text(path: &Path, at_most: u64) -> io::Result<String> {
    String::from_utf8(read(path, at_most)?).map_err(|error| {
        let line =
            1 + error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        io::Error::new(io::ErrorKind::InvalidData, format!("line {line} is not UTF-8; save it as UTF-8"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_never_ends_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let (path, pipe) = (folder.path().join("a"), folder.path().join("pipe"));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for endless in [Path::new("/dev/zero"), &pipe, folder.path()] {
            assert_eq!(read(endless, 1 << 20).unwrap_err().to_string(), "it is no regular file", "{endless:?}");
        }
        std::fs::write(&path, "1234").unwrap();
        assert_eq!(read_text(&path, 4).unwrap(), "1234");
        assert_eq!(read(&path, 3).unwrap_err().to_string(), "it has more than 3 bytes");
        std::fs::write(&path, b"a\nb\xff\n").unwrap();
        assert_eq!(read_text(&path, 9).unwrap_err().to_string(), "line 2 is not UTF-8; save it as UTF-8");
    }

    #[test]
    fn a_thread_says_which_file_it_is_at() {
        let place = Place::at(Path::new("first"));
        assert!(read(Path::new("none-that-is-there"), 1).is_err());
        assert_eq!(place.path(), Path::new("first"), "nobody follows yet");
        let of_thread = place.clone();
        let reading = std::thread::spawn(move || {
            of_thread.follow();
            read(Path::new("none-that-is-there"), 1).unwrap_err()
        });
        reading.join().unwrap();
        assert_eq!(place.path(), Path::new("none-that-is-there"));
        assert!(read(Path::new("another"), 1).is_err());
        assert_eq!(place.path(), Path::new("none-that-is-there"), "another thread reads for itself");
    }

    #[test]
    fn what_people_own_keeps_its_mode_and_its_links() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("watchfire.toml"), folder.path().join("link.toml"));
        rewrite(&path, b"new").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        rewrite(&link, b"newer").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"newer");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(link.is_symlink());
        // Only root may give a file away.
        if std::os::unix::fs::chown(&path, Some(12_345), Some(12_346)).is_ok() {
            rewrite(&link, b"newest").unwrap();
            let now = std::fs::metadata(&path).unwrap();
            assert_eq!((now.uid(), now.gid(), now.mode() & 0o777), (12_345, 12_346, 0o600));
        }
    }

    #[test]
    fn a_file_is_replaced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wasm");
        replace(&path, b"old", 0o600).unwrap();
        replace(&path, b"new", 0o644).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        assert!(replace(&folder.path().join("none/a"), b"x", 0o600).is_err());
    }
}
