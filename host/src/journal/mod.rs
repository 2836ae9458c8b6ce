//! The journal: every input and everything that was made of it, in one order, in one SQLite file.
//!
//! Entries form a hash chain. What the host must look up fast (detectors' state, canonical blocks, live findings,
//! the outbox) stands in tables of its own and commits in the same transaction. `docs/journal.md` has the schema.

mod body;
mod error;
mod facts;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod lock;
mod lookup;
mod mark;
mod newcomers;
mod notes;
mod outbox;
mod owed;
mod packer;
mod posted;
mod read;
mod schema;
mod seed;
mod show;
mod size;
mod snapshot;
mod state;
mod tables;
#[cfg(test)]
mod tests;
mod thin;
mod verify;

use std::path::{Path, PathBuf};

use alloy::primitives::B256;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, params};

use crate::digest::{Hasher, sha256};
use crate::entry::Entry;

pub use error::{Broken, JournalError};
pub use lookup::Header;
pub use mark::Mark;
pub use newcomers::{Newcomer, Rejected};
pub use outbox::{Channel, Hears, Outgoing, Reported, Urgency, Waiting, scheme};
pub use owed::Debt;
pub use packer::Packing;
pub use posted::Posted;
pub use read::{Cause, Causes, Rows};
pub use show::{Dropped, Filter, Listed, Row, one_line};
pub use size::{Growth, Size};
pub use snapshot::Snapshot;
pub use state::{Restored, Values};
pub use tables::Differs;
pub use thin::Thinning;
pub use verify::Verified;

use body::Body;
use facts::Facts;
use lock::WriterLock;
use packer::Packer;

/// Rows that are read at once, and the bytes of their bodies: what bounds memory on a journal of any length.
const PAGE_ROWS: usize = 256;
const PAGE_BYTES: usize = 4 << 20;

/// Bytes written after which the write-ahead log is moved into the file in a quiet moment, as SQLite does by itself after
/// 1,000 pages in the middle of a commit. It would not report that as an error, and an fsync that failed once must not be taken
/// for done when the next one succeeds.
const LOG_BYTES: usize = 4 << 20;
/// The same if no quiet moment comes.
const LOG_BYTES_AT_MOST: usize = 8 * LOG_BYTES;
const PAGE: usize = 4_096;
/// How much of a temporary journal is kept in memory, in KiB, by the sign that SQLite has for it.
const TEMPORARY_CACHE: i64 = -(64 << 10);

/// Result of everything here.
pub type Result<T> = std::result::Result<T, JournalError>;

/// One journal, open for one writer or for reading.
///
/// If a write or a commit fails, everything since the last commit is gone, as one; what was committed stays, and the
/// journal goes on from there, or says with [`JournalError::Unusable`] that it can't.
pub struct Journal {
    connection: Connection,
    path: PathBuf,
    /// Newest entry and hash of the chain, the open transaction included.
    seq: u64,
    hash: B256,
    /// The newest input, which entries that follow are caused by, and its time.
    cause: u64,
    at_ms: u64,
    /// Newest entry that is durable.
    committed: u64,
    /// Channels that effects are queued for.
    channels: Vec<Channel>,
    in_transaction: bool,
    /// About how many bytes were written since the log was moved into the file.
    log_bytes: usize,
    packer: Packer,
    /// Whether it failed to go back to its last commit.
    unusable: bool,
    /// Whether an error that is not the disk's leaves what was written before it.
    lenient: bool,
    _lock: Option<WriterLock>,
}

impl Journal {
    /// Opens a journal for writing, and makes it if there is none. One process may write at a time.
    ///
    /// # Errors
    ///
    /// If another process writes it, if it is of a later format or no journal, or if it can't be opened or written.
    pub fn open(path: &Path) -> Result<Self> {
        let lock = WriterLock::take(path)?;
        lock::make(path)?;
        let connection = Connection::open(path).map_err(|error| JournalError::of(path, error))?;
        let failure = |error| JournalError::of(path, error);
        schema::expect_ours(&connection, path)?;
        connection.pragma_update(None, "journal_mode", "wal").map_err(failure)?;
        // Full: a commit is on the disk before anything of it is shown or sent, whatever happens to the machine.
        connection.pragma_update(None, "synchronous", "full").map_err(failure)?;
        connection.pragma_update(None, "wal_autocheckpoint", 0).map_err(failure)?;
        schema::migrate(&connection, path)?;
        schema::expect_unaltered(&connection, path)?;
        settle_log(&connection).map_err(failure)?;
        Self::start(connection, path, Some(lock))
    }

    /// Opens an existing journal for reading, while another process may write.
    ///
    /// # Errors
    ///
    /// If there is none, if it is of another format or no journal, or if it can't be read.
    pub fn open_existing_read_only(path: &Path) -> Result<Self> {
        if !path.is_file() {
            return Err(JournalError::Missing { path: path.to_owned() });
        }
        let connection = open_to_read(path)?;
        schema::expect_version(&connection, path)?;
        schema::expect_unaltered(&connection, path)?;
        Self::start(connection, path, None)
    }

    /// Makes a journal in memory, which goes with the value.
    ///
    /// # Errors
    ///
    /// If SQLite refuses, which it has no reason to.
    pub fn in_memory() -> Result<Self> {
        let path = Path::new(":memory:");
        let connection = Connection::open_in_memory().map_err(|error| JournalError::of(path, error))?;
        schema::migrate(&connection, path)?;
        Self::start(connection, path, None)
    }

    /// Makes a journal that goes with the value, in a file of SQLite's own: of a long one little is in memory at a time.
    ///
    /// # Errors
    ///
    /// If SQLite can't write its temporary files, which lie where `SQLITE_TMPDIR` says.
    pub fn temporary() -> Result<Self> {
        let path = Path::new("");
        let failure = |error| JournalError::of(path, error);
        let connection = Connection::open(path).map_err(failure)?;
        connection.pragma_update(None, "cache_size", TEMPORARY_CACHE).map_err(failure)?;
        schema::migrate(&connection, path)?;
        Self::start(connection, path, None)
    }

    fn start(connection: Connection, path: &Path, lock: Option<WriterLock>) -> Result<Self> {
        connection.set_prepared_statement_cache_capacity(256);
        let failure = |error| JournalError::of(path, error);
        connection.busy_timeout(std::time::Duration::from_secs(5)).map_err(failure)?;
        distrust_schema(&connection).map_err(failure)?;
        let mut journal = Self {
            connection,
            path: path.to_owned(),
            seq: 0,
            hash: B256::ZERO,
            cause: 0,
            at_ms: 0,
            committed: 0,
            channels: Vec::new(),
            in_transaction: false,
            log_bytes: 0,
            packer: Packer::default(),
            unusable: false,
            lenient: false,
            _lock: lock,
        };
        journal.find_end()?;
        Ok(journal)
    }

    fn find_end(&mut self) -> Result<()> {
        let newest = self.one("SELECT seq, hash, cause, at_ms FROM entry ORDER BY seq DESC LIMIT 1", [], |row| {
            Ok((row.get(0)?, row.get::<_, [u8; 32]>(1)?, row.get(2)?, row.get(3)?))
        })?;
        (self.seq, self.hash, self.cause, self.at_ms) =
            newest.map_or((0, B256::ZERO, 0, 0), |(seq, hash, cause, at_ms)| (seq, hash.into(), cause, at_ms));
        self.committed = self.seq;
        Ok(())
    }

    /// Returns the journal's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the newest sequence number, 0 if there is none, and the hash that the chain ends with.
    pub fn head(&self) -> (u64, B256) {
        (self.seq, self.hash)
    }

    /// Returns when the newest input was taken in, milliseconds since the Unix epoch; 0 if there is none.
    pub fn newest_ms(&self) -> u64 {
        self.at_ms
    }

    /// Appends an entry in the open transaction, and begins one if there is none. Returns the entry's sequence number.
    ///
    /// # Errors
    ///
    /// If the journal can't be written; everything since the last commit is then undone.
    pub fn append(&mut self, entry: &Entry) -> Result<u64> {
        let body = body::encode(entry);
        self.append_body(entry, body)
    }

    /// Begins to make an entry's body, on another thread if that pays.
    pub fn pack(&mut self, entry: &Entry) -> Packing {
        self.packer.pack(entry)
    }

    /// Appends an entry as [`Self::append`] does, once its body is made.
    ///
    /// # Errors
    ///
    /// If the journal can't be written; everything since the last commit is then undone.
    pub fn append_packed(&mut self, entry: &Entry, packing: Packing) -> Result<u64> {
        let body = packing.finish(entry);
        self.append_body(entry, body)
    }

    fn append_body(&mut self, entry: &Entry, body: Result<Body>) -> Result<u64> {
        self.begin()?;
        let seq = self.seq + 1;
        let (cause, at_ms) = match entry {
            Entry::Input(stamped) => (seq, stamped.at_ms),
            _ => (self.cause, self.at_ms),
        };
        let body = body.map_err(|error| self.gone_back(error))?;
        let digest = sha256(body.bytes());
        self.log_bytes += body.bytes().len();
        let facts = Facts::of(entry);
        let hash = Link { before: self.hash, seq, cause, at_ms, kind: entry.kind() }.hash(&facts, digest);
        self.run(
            "INSERT INTO entry (seq, kind, event, cause, at_ms, chain, block_number, block_hash, detector, finding, \
             incident, body, hash, digest) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
            params![
                seq,
                entry.kind(),
                facts.event,
                cause,
                at_ms,
                facts.chain,
                facts.block.map(|(number, _)| number),
                facts.block.map(|(_, hash)| hash.0),
                facts.detector,
                facts.finding.map(|finding| finding.0),
                facts.incident,
                body,
                hash.0,
                digest.0,
            ],
        )?;
        (self.seq, self.hash, self.cause, self.at_ms) = (seq, hash, cause, at_ms);
        self.look_up_later(seq, entry)?;
        Ok(seq)
    }

    /// True when something waits for a commit.
    pub fn in_transaction(&self) -> bool {
        self.in_transaction
    }

    /// Makes everything since the last commit durable, as one.
    ///
    /// # Errors
    ///
    /// If the disk refuses; everything since the last commit is then undone.
    pub fn commit(&mut self) -> Result<()> {
        if self.in_transaction {
            if let Err(error) = self.connection.execute_batch("COMMIT") {
                // Whatever SQLite calls it: what was to be durable is not.
                let failure = match self.failure(error) {
                    JournalError::Sqlite { path, source } => JournalError::Disk { path, reason: source.to_string() },
                    other => other,
                };
                return Err(self.gone_back(failure));
            }
            self.in_transaction = false;
            self.committed = self.seq;
            if self.log_bytes >= LOG_BYTES_AT_MOST {
                self.tidy()?;
            }
        }
        Ok(())
    }

    /// Moves the write-ahead log into the file if it has grown enough. It takes several of the disk's syncs, so call it
    /// between two commits when nobody waits.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    pub fn tidy(&mut self) -> Result<()> {
        if self.in_transaction || self.log_bytes < LOG_BYTES {
            return Ok(());
        }
        self.log_bytes = 0;
        let moved = self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        moved.map_err(|error| self.failure(error))
    }

    /// Undoes everything since the last commit.
    ///
    /// # Errors
    ///
    /// If SQLite can't go back; the journal then takes no more entries.
    pub fn rollback(&mut self) -> Result<()> {
        if self.in_transaction {
            self.in_transaction = false;
            // SQLite has rolled back by itself already after some errors.
            let back = match self.connection.is_autocommit() {
                true => Ok(()),
                false => self.connection.execute_batch("ROLLBACK").map_err(|error| self.failure(error)),
            };
            let back = back.and_then(|()| self.find_end());
            self.unusable = back.is_err();
            back?;
        }
        Ok(())
    }

    /// After an error nothing of the open transaction may stay, or a part of it would become durable without the rest: unless the
    /// writer goes back to a mark.
    fn gone_back(&mut self, error: JournalError) -> JournalError {
        if self.lenient && !error.is_of_the_disk() && !self.connection.is_autocommit() {
            return error;
        }
        // The caller needs the first error; the next write returns what else went wrong.
        let _ = self.rollback();
        error
    }

    fn begin(&mut self) -> Result<()> {
        if self.unusable {
            return Err(JournalError::Unusable { path: self.path.clone() });
        }
        if !self.in_transaction {
            self.connection.execute_batch("BEGIN IMMEDIATE").map_err(|error| self.failure(error))?;
            self.in_transaction = true;
        }
        Ok(())
    }

    fn failure(&self, error: rusqlite::Error) -> JournalError {
        JournalError::of(&self.path, error)
    }

    fn one<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        read: impl FnOnce(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        use rusqlite::OptionalExtension;
        let mut statement = self.connection.prepare_cached(sql).map_err(|error| self.failure(error))?;
        statement.query_row(params, read).optional().map_err(|error| self.failure(error))
    }

    fn all<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let mut statement = self.connection.prepare_cached(sql).map_err(|error| self.failure(error))?;
        let rows = statement.query_map(params, read).map_err(|error| self.failure(error))?;
        rows.collect::<rusqlite::Result<_>>().map_err(|error| self.failure(error))
    }

    /// Returns up to [`PAGE_ROWS`] rows, fewer if their bodies come to [`PAGE_BYTES`], and whether there may be more.
    fn page<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        mut read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<(usize, T)>,
    ) -> Result<(Vec<T>, bool)> {
        let failure = |error| self.failure(error);
        let mut statement = self.connection.prepare_cached(sql).map_err(failure)?;
        let mut rows = statement.query(params).map_err(failure)?;
        let (mut page, mut bytes) = (Vec::new(), 0);
        while let Some(row) = rows.next().map_err(failure)? {
            let (size, item) = read(row).map_err(failure)?;
            page.push(item);
            bytes += size;
            if page.len() >= PAGE_ROWS || bytes >= PAGE_BYTES {
                return Ok((page, true));
            }
        }
        Ok((page, false))
    }

    /// Writes in the open transaction, and begins one if there is none.
    fn run(&mut self, sql: &str, params: impl rusqlite::Params) -> Result<usize> {
        self.begin()?;
        self.log_bytes += PAGE;
        let done = self.connection.prepare_cached(sql).and_then(|mut statement| statement.execute(params));
        done.map_err(|error| {
            let failure = self.failure(error);
            self.gone_back(failure)
        })
    }
}

/// Runs no trigger and reads no view that somebody put into the file: they would change what the host writes or reads, behind
/// the chain of hashes.
fn distrust_schema(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    let refused = [
        DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER,
        DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW,
        DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA,
    ];
    refused.into_iter().try_for_each(|of| connection.set_db_config(of, false).map(drop))
}

/// Moves what the write-ahead log holds into the file. After a failed fsync the system may believe to have written pages
/// of the log that it has not: they are written again from memory, before anything stands on them.
fn settle_log(connection: &Connection) -> rusqlite::Result<()> {
    // If a reader holds the log, SQLite moves it later by itself.
    connection.busy_timeout(std::time::Duration::from_millis(100))?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

fn open_to_read(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let failure = |error| JournalError::of(path, error);
    let connection = Connection::open_with_flags(path, flags).map_err(failure)?;
    match schema::expect_ours(&connection, path) {
        // If nothing can be written, SQLite can't make the file by which a reader and a writer meet. It need not if
        // nobody writes, and nobody does if there is no write-ahead log.
        Err(JournalError::ReadOnly { .. }) if !log_of(path).exists() => {
            let escape = |byte: &u8| match byte {
                b'/' | b'-' | b'.' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => char::from(*byte).to_string(),
                other => format!("%{other:02X}"),
            };
            let escaped: String = path.as_os_str().as_encoded_bytes().iter().map(escape).collect();
            let flags = flags | OpenFlags::SQLITE_OPEN_URI;
            let connection =
                Connection::open_with_flags(format!("file:{escaped}?immutable=1"), flags).map_err(failure)?;
            schema::expect_ours(&connection, path).map(|()| connection)
        }
        other => other.map(|()| connection),
    }
}

fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// What places an entry in the chain.
struct Link<'a> {
    /// The hash of the entry before.
    before: B256,
    seq: u64,
    cause: u64,
    at_ms: u64,
    kind: &'a str,
}

impl Link<'_> {
    /// The hash of an entry in the chain: over its columns and a digest of its body, so that it can be computed when the
    /// body is gone.
    fn hash(&self, facts: &Facts<'_>, digest: B256) -> B256 {
        let number = |number: Option<u64>| number.map(u64::to_be_bytes);
        let (chain, incident) = (number(facts.chain), number(facts.incident));
        let height = number(facts.block.map(|(height, _)| height));
        self.fields("entry.2")
            .optional(facts.event.map(str::as_bytes))
            .optional(chain.as_ref().map(<[u8; 8]>::as_slice))
            .optional(height.as_ref().map(<[u8; 8]>::as_slice))
            .optional(facts.block.as_ref().map(|(_, hash)| hash.as_slice()))
            .optional(facts.detector.map(str::as_bytes))
            .optional(facts.finding.as_ref().map(|finding| finding.as_slice()))
            .optional(incident.as_ref().map(<[u8; 8]>::as_slice))
            .bytes(digest.as_slice())
            .finish()
    }

    /// The same of an entry of the first format, which went over the body itself and over no column beside it.
    fn hash_of_format_1(&self, body: &Body) -> B256 {
        self.fields("entry").bytes(body.bytes()).finish()
    }

    fn fields(&self, domain: &str) -> Hasher {
        Hasher::new(domain)
            .bytes(self.before.as_slice())
            .number(self.seq)
            .number(self.cause)
            .number(self.at_ms)
            .text(self.kind)
    }
}
