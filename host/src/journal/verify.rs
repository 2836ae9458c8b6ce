//! Whether the chain of hashes holds, and what stands in columns is what the entries say.

use alloy::primitives::B256;
use rusqlite::params;

use super::body::{self, Body};
use super::{Broken, Facts, Journal, JournalError, PAGE_ROWS, Result, chain_hash};

/// A chain that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many entries there are.
    pub entries: u64,
    /// The hash that it ends with.
    pub head: B256,
}

struct Stored {
    kind: String,
    cause: u64,
    at_ms: u64,
    body: Body,
    hash: B256,
    event: Option<String>,
    chain: Option<u64>,
    block: (Option<u64>, Option<[u8; 32]>),
    detector: Option<String>,
    finding: Option<[u8; 32]>,
    incident: Option<u64>,
}

impl Journal {
    /// Recomputes the chain from its first entry. `expected_head` is what it must end with, where that is known
    /// from elsewhere: without it, entries that were cut off the end are not missed. `progress` is told how many
    /// entries are done, of how many.
    pub fn verify(&self, expected_head: Option<B256>, mut progress: impl FnMut(u64, u64)) -> Result<Verified> {
        let of = self.one("SELECT count(*) FROM entry", [], |row| row.get(0))?.unwrap_or(0);
        let before_first = "SELECT seq FROM entry WHERE seq < 1 LIMIT 1";
        if let Some(found) = self.one(before_first, [], |row| row.get::<_, i64>(0))? {
            return Err(broken(1, "there is an entry before the first", "entry 1".into(), format!("entry {found}")));
        }
        let (mut seq, mut hash, mut more) = (0_u64, B256::ZERO, true);
        while more {
            let page;
            (page, more) = self.stored(seq)?;
            for (found, stored) in page {
                hash = check(seq + 1, hash, found, stored)?;
                seq += 1;
            }
            progress(seq, of.max(seq));
        }
        if let Some(expected) = expected_head.filter(|expected| *expected != hash) {
            return Err(Broken::hash(seq, "the chain does not end as expected", expected, hash).into());
        }
        Ok(Verified { entries: seq, head: hash })
    }

    /// Rows with their number; a row that is not of the right types is told apart from one that can't be had.
    #[allow(clippy::type_complexity)]
    fn stored(&self, after: u64) -> Result<(Vec<(u64, rusqlite::Result<Stored>)>, bool)> {
        let sql = "SELECT seq, kind, cause, at_ms, body, hash, event, chain, block_number, block_hash, detector, \
                   finding, incident FROM entry WHERE seq > ?1 ORDER BY seq LIMIT ?2";
        self.page(sql, params![after, PAGE_ROWS as u64], |row| {
            let stored = Stored::read(row);
            let size = stored.as_ref().map_or(0, |stored| stored.body.bytes().len());
            Ok((size, (row.get(0)?, stored)))
        })
    }
}

impl Stored {
    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            kind: row.get(1)?,
            cause: row.get(2)?,
            at_ms: row.get(3)?,
            body: Body::read(row.get_ref(4)?)?,
            hash: row.get::<_, [u8; 32]>(5)?.into(),
            event: row.get(6)?,
            chain: row.get(7)?,
            block: (row.get(8)?, row.get(9)?),
            detector: row.get(10)?,
            finding: row.get(11)?,
            incident: row.get(12)?,
        })
    }

    fn facts(&self) -> Option<Facts<'_>> {
        Some(Facts {
            event: self.event.as_deref(),
            chain: self.chain,
            block: match self.block {
                (Some(number), Some(hash)) => Some((number, hash.into())),
                (None, None) => None,
                _ => return None,
            },
            detector: self.detector.as_deref(),
            finding: self.finding.map(B256::from),
            incident: self.incident,
        })
    }
}

fn broken(seq: u64, what: &str, expected: String, found: String) -> JournalError {
    Broken { seq, what: what.to_owned(), expected, found }.into()
}

fn check(seq: u64, before: B256, found: u64, stored: rusqlite::Result<Stored>) -> Result<B256> {
    if found != seq {
        return Err(broken(seq, "an entry is missing", format!("entry {seq}"), format!("entry {found}")));
    }
    let unlike = |found: String| broken(seq, "it is not what a journal holds", "an entry".into(), found);
    let stored = stored.map_err(|error| unlike(error.to_string()))?;
    let hash = chain_hash(before, seq, stored.cause, stored.at_ms, &stored.kind, stored.body.bytes());
    if hash != stored.hash {
        return Err(Broken::hash(seq, "it was changed, or what came before it", stored.hash, hash).into());
    }
    let entry = body::decode(&stored.body).map_err(|error| unlike(error.to_string()))?;
    let (said, found) = (Facts::of(&entry), stored.facts());
    if Some(&said) != found.as_ref() || entry.kind() != stored.kind {
        return Err(broken(seq, "its columns are not what it says", format!("{said:?}"), format!("{found:?}")));
    }
    Ok(hash)
}
