//! A place within the open transaction to go back to, so that an input which can't be kept takes nothing else with it.

use alloy::primitives::B256;

use super::{Journal, JournalError, Result};

/// Where the journal stood when the mark was set.
#[derive(Debug)]
pub struct Mark {
    seq: u64,
    hash: B256,
    cause: u64,
    at_ms: u64,
}

impl Journal {
    /// Leaves what was written before, from here on, where a write fails for a reason that is not the disk's: the writer goes back
    /// to a mark instead.
    pub fn be_lenient(&mut self) {
        self.lenient = true;
    }

    /// Marks where the journal stands, and begins a transaction if there is none. There is one mark at a time.
    ///
    /// # Errors
    ///
    /// If the journal can't be written.
    pub fn mark(&mut self) -> Result<Mark> {
        self.begin()?;
        self.savepoint("SAVEPOINT input")?;
        Ok(Mark { seq: self.seq, hash: self.hash, cause: self.cause, at_ms: self.at_ms })
    }

    /// Keeps what was written since the mark, for the commit.
    ///
    /// # Errors
    ///
    /// If the journal can't be written; everything since the last commit is then undone.
    pub fn keep(&mut self, _mark: Mark) -> Result<()> {
        self.savepoint("RELEASE input")
    }

    /// Undoes what was written since the mark.
    ///
    /// # Errors
    ///
    /// If SQLite has undone more than that by itself, or can't go back; everything since the last commit is then undone.
    pub fn go_back(&mut self, mark: Mark) -> Result<()> {
        if self.connection.is_autocommit() {
            let unusable = JournalError::Unusable { path: self.path.clone() };
            return Err(self.gone_back(unusable));
        }
        self.savepoint("ROLLBACK TO input")?;
        self.savepoint("RELEASE input")?;
        (self.seq, self.hash, self.cause, self.at_ms) = (mark.seq, mark.hash, mark.cause, mark.at_ms);
        Ok(())
    }

    fn savepoint(&mut self, sql: &str) -> Result<()> {
        let done = self.connection.prepare_cached(sql).and_then(|mut statement| statement.execute([]));
        done.map(drop).map_err(|error| {
            let failure = self.failure(error);
            self.gone_back(failure)
        })
    }
}
