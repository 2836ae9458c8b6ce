//! One writer: a lock beside the journal that the system releases however its holder ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::{JournalError, Result};

/// Held for as long as a process may write.
pub(super) struct WriterLock {
    _file: File,
}

impl WriterLock {
    pub(super) fn take(journal: &Path) -> Result<Self> {
        // A journal has one lock, whatever links lead to it.
        let path = beside(&journal.canonicalize().unwrap_or_else(|_| journal.to_owned()));
        let told = |error: std::io::Error| match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => JournalError::Full { path: path.clone() },
            _ => JournalError::ReadOnly { path: path.clone(), reason: error.to_string() },
        };
        let mut file =
            OpenOptions::new().create(true).read(true).write(true).truncate(false).open(&path).map_err(told)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                file.read_to_string(&mut pid).map_err(told)?;
                return Err(JournalError::Locked { path: journal.to_owned(), pid: pid.trim().to_owned() });
            }
            Err(TryLockError::Error(error)) => return Err(told(error)),
        }
        file.set_len(0).and_then(|()| file.rewind()).map_err(told)?;
        writeln!(file, "{}", std::process::id()).map_err(told)?;
        Ok(Self { _file: file })
    }
}

fn beside(journal: &Path) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}
