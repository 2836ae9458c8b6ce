//! Files that are written as a whole or not at all: after a crash of the machine a file says the old or the new.

use std::fs::{File, Permissions};
use std::io::{self, Write};
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

#[cfg(test)]
mod tests {
    use super::*;

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
