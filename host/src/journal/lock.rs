//! One writer: a lock beside the journal that the system releases however its holder ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

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
        let mut file =
            OpenOptions::new().create(true).read(true).write(true).truncate(false).open(&path).map_err(failure)?;
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

fn beside(journal: &Path) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

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
