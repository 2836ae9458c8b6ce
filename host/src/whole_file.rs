//! Files that are written as a whole or not at all: after a crash of the machine a file says the old or the new. And files that are
//! read as a whole, up to a size: one that never ends fills no memory.

use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Writes a file beside `path`, puts it on the disk, and gives it the name `path`. `mode` is its Unix mode. The name of the
/// file beside begins with a dot and ends in `.new`.
///
/// # Errors
///
/// If the file or its folder can't be written; `path` is then as it was.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let name = path.file_name().ok_or_else(|| io::Error::other("it has no name"))?.to_string_lossy();
    let prefix = format!(".{name}.");
    let mut new = tempfile::Builder::new();
    let mut new = new.prefix(&prefix).suffix(".new").permissions(Permissions::from_mode(mode)).tempfile_in(folder)?;
    new.write_all(bytes)?;
    new.as_file().sync_all()?;
    new.persist(path)?;
    // The new name is on the disk once its folder is.
    File::open(folder)?.sync_all()
}

/// Writes a file that people own, as [`replace`] does: behind a link it is the file that the link names, and its mode stays.
///
/// # Errors
///
/// As [`replace`].
pub fn rewrite(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match path.canonicalize() {
        Ok(real) => {
            let mode = std::fs::metadata(&real)?.permissions().mode() & 0o7777;
            replace(&real, bytes, mode)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => replace(path, bytes, 0o644),
        Err(error) => Err(error),
    }
}

/// Most bytes of a config, or of a file of a plan.
pub const TEXT_BYTES: u64 = 16 << 20;
/// Most bytes of a component's file: what a detector's `limits` permit is less.
pub const COMPONENT_BYTES: u64 = 256 << 20;

/// Reads a file that has at most so many bytes.
///
/// # Errors
///
/// If it can't be read, or has more.
pub fn read(path: &Path, at_most: u64) -> io::Result<Vec<u8>> {
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
/// If it can't be read, has more, or is not UTF-8.
pub fn read_text(path: &Path, at_most: u64) -> io::Result<String> {
    String::from_utf8(read(path, at_most)?).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_never_ends_is_not_read() {
        let endless = read(Path::new("/dev/zero"), 1 << 20).unwrap_err();
        assert_eq!(endless.to_string(), "it has more than 1048576 bytes");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "1234").unwrap();
        assert_eq!(read_text(&path, 4).unwrap(), "1234");
        assert!(read(&path, 3).is_err());
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
