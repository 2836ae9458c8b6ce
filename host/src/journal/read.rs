//! Reading in order, so that a journal of any length is read in bounded memory.

use std::collections::VecDeque;

use alloy::primitives::B256;
use rusqlite::types::Value;
use rusqlite::{params, params_from_iter};

use super::body::{self, Body};
use super::show::{Dropped, Filter, Listed, Row};
use super::{Journal, JournalError, PAGE_ROWS, Result};
use crate::digest::Hasher;
use crate::entry::Entry;
use crate::event::Stamped;

/// Sequence numbers that are found at once; entries themselves are read one by one.
const FOUND_AT_ONCE: u64 = 1 << 16;

/// Rows of a filter, in order.
pub struct Rows<'a> {
    journal: &'a Journal,
    filter: Filter,
    after: u64,
    found: VecDeque<u64>,
    done: bool,
}

/// An input with everything that followed from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    /// The input's sequence number.
    pub seq: u64,
    /// The input.
    pub stamped: Stamped,
    /// What followed, in order, answers among it.
    pub entries: Vec<Entry>,
}

/// Inputs in order.
pub struct Causes<'a> {
    rows: Rows<'a>,
    ahead: Option<Row>,
}

impl Journal {
    /// Returns an entry by its sequence number.
    ///
    /// # Errors
    ///
    /// If the journal can't be read, or if the entry's body was dropped.
    pub fn entry(&self, seq: u64) -> Result<Option<Entry>> {
        let body = self.one("SELECT body FROM entry WHERE seq = ?1", [seq], |row| Body::read(row.get_ref(0)?))?;
        body.as_ref().map(|body| decode(seq, body)).transpose()
    }

    /// Returns the entries that a filter lets through, oldest first.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn entries(&self, filter: &Filter) -> Result<Rows<'_>> {
        let mut rows = Rows { journal: self, filter: filter.clone(), after: 0, found: VecDeque::new(), done: false };
        if let Some(last) = filter.last {
            let (clause, mut values) = filter.sql();
            let sql = format!("SELECT seq FROM entry WHERE {clause} ORDER BY seq DESC LIMIT 1 OFFSET ?");
            values.push(Value::Integer(last as i64));
            let before = self.one(&sql, params_from_iter(values), |row| row.get(0))?;
            rows.after = before.unwrap_or(0);
        }
        Ok(rows)
    }

    /// Returns the inputs in order, each with what followed from it, from the first that has its body.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn causes(&self) -> Result<Causes<'_>> {
        let mut rows = self.entries(&Filter::default())?;
        rows.after = self.thinned_before()?.map_or(0, |before| before - 1);
        Ok(Causes { rows, ahead: None })
    }

    /// Returns what triage and response were made of, in order: findings, retractions, and inputs of the desk, each
    /// with its time.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn desk_entries(&self) -> Result<Rows<'_>> {
        self.entries(&Filter { desk_only: true, ..Filter::default() })
    }

    /// Returns the same as [`Self::desk_entries`], of what came after an entry.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn desk_entries_after(&self, seq: u64) -> Result<Rows<'_>> {
        let rows = self.desk_entries()?;
        Ok(Rows { after: seq, ..rows })
    }

    /// Returns a hash over everything that was made of the inputs: the same for every replay.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn derived_digest(&self) -> Result<B256> {
        let mut hash = B256::ZERO;
        let mut after = 0_u64;
        loop {
            let sql = "SELECT seq, kind, body FROM entry WHERE seq > ?1 AND kind NOT IN ('input', 'answer', 'behind', 'retried') \
                       ORDER BY seq LIMIT ?2";
            let page = self.all(sql, params![after, PAGE_ROWS as u64], |row| {
                Ok((row.get::<_, u64>(0)?, row.get::<_, String>(1)?, Body::read(row.get_ref(2)?)?))
            })?;
            let Some((seq, _, _)) = page.last() else { return Ok(hash) };
            after = *seq;
            for (_, kind, body) in page {
                hash = Hasher::new("derived").bytes(hash.as_slice()).text(&kind).bytes(body.bytes()).finish();
            }
        }
    }
}

impl Rows<'_> {
    /// The next row; `None` at the end. A row whose body was dropped is an error: [`Self::next_listed`] gives it too.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Row>> {
        match self.next_listed()? {
            None => Ok(None),
            Some(Listed::Whole(row)) => Ok(Some(row)),
            Some(Listed::Dropped(Dropped { seq, .. })) => Err(JournalError::Thinned { seq }),
        }
    }

    /// The next row, with its body or without; `None` at the end.
    pub fn next_listed(&mut self) -> Result<Option<Listed>> {
        if self.found.is_empty() && !self.done {
            self.find()?;
        }
        let Some(seq) = self.found.pop_front() else { return Ok(None) };
        let sql = "SELECT cause, at_ms, hash, body, kind, event, chain, block_number, block_hash FROM entry \
                   WHERE seq = ?1";
        let row = self.journal.one(sql, [seq], |row| {
            let (cause, at_ms, hash) = (row.get(0)?, row.get(1)?, row.get::<_, [u8; 32]>(2)?.into());
            let body = Body::read(row.get_ref(3)?)?;
            if !body.is_dropped() {
                return Ok(Ok((cause, at_ms, hash, body)));
            }
            let hash: Option<[u8; 32]> = row.get(8)?;
            let (kind, event, chain, number) = (row.get(4)?, row.get(5)?, row.get(6)?, row.get(7)?);
            Ok(Err(Dropped { seq, at_ms, kind, event, chain, number, hash: hash.map(B256::from) }))
        })?;
        match row {
            None => Err(JournalError::Unreadable(format!("entry {seq} was here and is gone"))),
            Some(Err(dropped)) => Ok(Some(Listed::Dropped(dropped))),
            Some(Ok((cause, at_ms, hash, body))) => {
                Ok(Some(Listed::Whole(Row { seq, cause, at_ms, hash, entry: body::decode(&body)? })))
            }
        }
    }

    /// Finds many at once, as an index that does not come in order is sorted each time.
    fn find(&mut self) -> Result<()> {
        let (clause, mut values) = self.filter.sql();
        let sql = format!("SELECT seq FROM entry WHERE {clause} AND seq > ? ORDER BY seq LIMIT ?");
        values.extend([Value::Integer(self.after as i64), Value::Integer(FOUND_AT_ONCE as i64)]);
        let found = self.journal.all(&sql, params_from_iter(values), |row| row.get(0))?;
        self.done = (found.len() as u64) < FOUND_AT_ONCE;
        self.after = found.last().copied().unwrap_or(self.after);
        self.found = found.into();
        Ok(())
    }
}

impl Causes<'_> {
    /// The next input; `None` at the end.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Cause>> {
        let first = match self.ahead.take() {
            Some(row) => Some(row),
            None => self.rows.next()?,
        };
        let Some(Row { seq, entry: Entry::Input(stamped), .. }) = first else { return Ok(None) };
        let mut entries = Vec::new();
        while let Some(row) = self.rows.next()? {
            if matches!(row.entry, Entry::Input(_)) {
                self.ahead = Some(row);
                break;
            }
            entries.push(row.entry);
        }
        Ok(Some(Cause { seq, stamped, entries }))
    }
}

fn decode(seq: u64, body: &Body) -> Result<Entry> {
    if body.is_dropped() { Err(JournalError::Thinned { seq }) } else { body::decode(body) }
}
