//! What can go wrong with a journal, and what to do about it.

use std::path::{Path, PathBuf};

use alloy::primitives::B256;
use rusqlite::{ErrorCode, ffi};

/// Why the journal can't be used, or what is wrong in it.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process writes it.
    #[error("`{path}` is being written by process {pid}; stop it, or use another journal")]
    Locked {
        /// The journal.
        path: PathBuf,
        /// Who writes it.
        pid: String,
    },
    /// There is none.
    #[error("there is no journal `{path}`; name one with `--journal`, or make one with `watchfire run`")]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("`{path}` is not a Watchfire journal; name another file, nothing in this one was changed")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// It was written by a later version.
    #[error(
        "`{path}` has format {found}, this version knows up to {known}; run the version that wrote it, or a later one"
    )]
    Newer {
        /// The journal.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest format that is known here.
        known: i64,
    },
    /// It was written by an earlier version and can't be migrated by a reader.
    #[error("`{path}` has format {found}, this version reads {known}; `watchfire run` migrates it")]
    Older {
        /// The journal.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The format that is known here.
        known: i64,
    },
    /// Another program holds it.
    #[error("`{path}` is held by another program, as `sqlite3` does in a transaction; end that, and start again")]
    Busy {
        /// The journal.
        path: PathBuf,
    },
    /// The disk is full.
    #[error("the disk of `{path}` is full; what was committed is kept, free some space and start again")]
    Full {
        /// The journal.
        path: PathBuf,
    },
    /// The file can't be written.
    #[error(
        "`{path}` can't be opened or written: {reason}; see that its folder is there and that this user may write both"
    )]
    ReadOnly {
        /// The journal.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The disk does not do what it is asked.
    #[error("the disk of `{path}` failed: {reason}; what was committed before is kept, check the disk and start again")]
    Disk {
        /// The journal.
        path: PathBuf,
        /// What SQLite says.
        reason: String,
    },
    /// It could not go back to its last commit after an error that was returned then.
    #[error("`{path}` takes no more entries after the error before; start again, what was committed is kept")]
    Unusable {
        /// The journal.
        path: PathBuf,
    },
    /// The file is damaged.
    #[error("`{path}` is damaged: {reason}; restore it from a backup, or move it away and start a new one")]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// What SQLite says.
        reason: String,
    },
    /// Somebody put something into the file, or took something out, that SQLite acts on.
    #[error(
        "`{path}`: {what}, which no version of Watchfire makes so. Somebody who can write the file changed it: nothing that it says \
         of now is to be trusted. Take a backup of before, or start a new journal; `watchfire journal verify` says how far the log holds"
    )]
    Altered {
        /// The journal.
        path: PathBuf,
        /// What is there, or is not.
        what: String,
    },
    /// A component was replaced in the journal.
    #[error(
        "the journal has other bytes under the digest {digest}: they are {found}; somebody changed them. Take the component from elsewhere"
    )]
    OtherComponent {
        /// What was asked for.
        digest: B256,
        /// What stands there.
        found: B256,
    },
    /// The hash chain does not hold.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// An entry is not what this version writes.
    #[error("an entry can't be read: {0}")]
    Unreadable(String),
    /// The body of an entry was dropped by the policy of retention.
    #[error("the body of entry {seq} was dropped by the journal's policy; take a copy of the journal from before that")]
    Thinned {
        /// The entry.
        seq: u64,
    },
    /// Anything else that SQLite says.
    #[error("`{path}`: {source}")]
    Sqlite {
        /// The journal.
        path: PathBuf,
        /// What it says.
        source: rusqlite::Error,
    },
}

/// Where the hash chain breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {seq}: {what}: expected {expected}, found {found}")]
pub struct Broken {
    /// The first entry that does not fit.
    pub seq: u64,
    /// What does not fit.
    pub what: String,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

impl Broken {
    pub(super) fn hash(seq: u64, what: &str, expected: B256, found: B256) -> Self {
        Self { seq, what: what.to_owned(), expected: expected.to_string(), found: found.to_string() }
    }
}

impl JournalError {
    /// Tells whether the file or its disk is at fault, so that nothing more can be kept; otherwise it is what was to be kept.
    pub fn is_of_the_disk(&self) -> bool {
        match self {
            Self::Locked { .. }
            | Self::Missing { .. }
            | Self::Foreign { .. }
            | Self::Newer { .. }
            | Self::Older { .. }
            | Self::Busy { .. }
            | Self::Full { .. }
            | Self::ReadOnly { .. }
            | Self::Disk { .. }
            | Self::Unusable { .. }
            | Self::Altered { .. }
            | Self::Damaged { .. } => true,
            Self::OtherComponent { .. }
            | Self::Broken(_)
            | Self::Unreadable(_)
            | Self::Thinned { .. }
            | Self::Sqlite { .. } => false,
        }
    }

    pub(super) fn of(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        let reason = source.to_string();
        // The file by which readers and the writer meet is made larger: that fails for want of room only.
        let is_full = source.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_SHMSIZE);
        match source.sqlite_error_code() {
            _ if is_full => Self::Full { path },
            Some(ErrorCode::DiskFull) => Self::Full { path },
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::ReadOnly { path, reason }
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { path },
            Some(ErrorCode::SystemIoFailure) => Self::Disk { path, reason },
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged { path, reason },
            Some(ErrorCode::NotADatabase) => Self::Foreign { path },
            _ => Self::Sqlite { path, source },
        }
    }
}
