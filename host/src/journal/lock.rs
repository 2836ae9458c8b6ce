//! One writer: a lock beside the journal that the system releases however its holder ends.

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::{JournalError, Result};

/// Held for as long as a process may write.
pub(super) struct WriterLock {
    file: File,
}

impl WriterLock {
    pub(super) fn take(journal: &Path) -> Result<Self> {
        // A journal has one lock, whatever links lead to it.
        let path = beside(&journal.canonicalize().unwrap_or_else(|_| journal.to_owned()));
        let failure = |error: std::io::Error| match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => JournalError::Full { path: path.clone() },
            _ => JournalError::ReadOnly { path: path.clone(), reason: error.to_string() },
        };
        // Nobody else may take the lock, and what a link leads to is not emptied.
        let flags = (OFlags::NOFOLLOW | OFlags::CLOEXEC).bits() as i32;
        let mut options = OpenOptions::new();
        options.create(true).read(true).write(true).truncate(false).mode(0o600).custom_flags(flags);
        let mut file = options.open(&path).map_err(failure)?;
        let held = file.metadata().map_err(failure)?;
        if !held.is_file() {
            let reason = "it is no file of its own; remove it".to_owned();
            return Err(JournalError::ReadOnly { path, reason });
        }
        if held.permissions().mode() & 0o077 != 0 {
            // Of an earlier version, or made under another mask; of another user's it can't be changed, nor need it be.
            let _ = file.set_permissions(Permissions::from_mode(0o600));
        }
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                file.read_to_string(&mut pid).map_err(failure)?;
                return Err(JournalError::Locked { path: journal.to_owned(), pid: pid.trim().to_owned() });
            }
            Err(TryLockError::Error(error)) => return Err(failure(error)),
        }
        file.set_len(0).and_then(|()| file.rewind()).map_err(failure)?;
        writeln!(file, "{}", std::process::id()).map_err(failure)?;
        Ok(Self { file })
    }
}

impl Drop for WriterLock {
    fn drop(&mut self) {
        // Closing the file would leave the lock to a child that is between its fork and its exec.
        let _ = self.file.unlock();
    }
}

/// Makes the file of a journal where there is none, its user's alone. What can't be made so is left to SQLite, which says why.
///
/// # Errors
///
/// If a link stands there that leads to no file: whoever made it would choose where the journal comes to lie.
pub(super) fn make(journal: &Path) -> Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(journal) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && !journal.exists() => {
            let reason =
                "it is a link to a file that is not there, and no journal is made where a link leads; remove it, or \
                          name the file itself"
                    .to_owned();
            Err(JournalError::ReadOnly { path: journal.to_owned(), reason })
        }
        _ => Ok(()),
    }
}

fn beside(journal: &Path) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_private_and_follows_no_link() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, other) = (folder.path().join("journal.db"), folder.path().join("authorized_keys"));
        std::fs::write(&other, "keys").unwrap();
        std::os::unix::fs::symlink(&other, beside(&journal)).unwrap();
        assert!(matches!(WriterLock::take(&journal), Err(JournalError::ReadOnly { .. })));
        assert_eq!(std::fs::read_to_string(&other).unwrap(), "keys");
        std::fs::remove_file(beside(&journal)).unwrap();
        let _lock = WriterLock::take(&journal).unwrap();
        assert_eq!(std::fs::metadata(beside(&journal)).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_lock_goes_though_a_child_still_has_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("journal.db");
        let lock = WriterLock::take(&journal).unwrap();
        let of_a_child = lock.file.try_clone().unwrap();
        assert!(matches!(WriterLock::take(&journal), Err(JournalError::Locked { .. })));
        drop(lock);
        WriterLock::take(&journal).unwrap();
        drop(of_a_child);
    }
}
