//! Whether the chain of hashes holds, and what stands in columns is what the entries say.

use alloy::primitives::B256;
use rusqlite::params;

use super::body::{self, Body};
use super::thin;
use super::{Broken, Facts, Journal, JournalError, Link, PAGE_ROWS, Result};
use crate::digest::sha256;
use crate::entry::Entry;
use crate::event::{Event, Stamped};

/// A chain that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many entries there are.
    pub entries: u64,
    /// The hash that it ends with.
    pub head: B256,
    /// Entries without a body. What their columns say holds, and that nothing else stood there.
    pub dropped: u64,
}

/// How far the check of a chain has come.
#[derive(Default)]
struct Checked {
    seq: u64,
    hash: B256,
    /// Whether an entry of the second format came: from there on there is none of the first.
    has_digests: bool,
    dropped: u64,
    /// The newest entry without a body.
    last_dropped: u64,
    /// Before which entry bodies may be missing, by what the chain itself says.
    may_lack: u64,
}

struct Stored {
    kind: String,
    cause: u64,
    at_ms: u64,
    body: Body,
    hash: B256,
    digest: Option<B256>,
    event: Option<String>,
    chain: Option<u64>,
    block: (Option<u64>, Option<[u8; 32]>),
    detector: Option<String>,
    finding: Option<[u8; 32]>,
    incident: Option<u64>,
}

impl Journal {
    /// Recomputes the chain from its first entry. `expected_head` is what it must end with, if that is known from
    /// elsewhere: without it, entries that were cut off the end are not missed. `progress` is given how many entries
    /// are done, and of how many.
    ///
    /// # Errors
    ///
    /// If an entry was changed, removed, moved or put in, or if the journal can't be read.
    pub fn verify(&self, expected_head: Option<B256>, mut progress: impl FnMut(u64, u64)) -> Result<Verified> {
        let of = self.one("SELECT count(*) FROM entry", [], |row| row.get(0))?.unwrap_or(0);
        let before_first = "SELECT seq FROM entry WHERE seq < 1 LIMIT 1";
        if let Some(found) = self.one(before_first, [], |row| row.get::<_, i64>(0))? {
            return Err(broken(1, "there is an entry before the first", "entry 1".into(), format!("entry {found}")));
        }
        let (mut checked, mut more) = (Checked::default(), true);
        while more {
            let page;
            (page, more) = self.stored(checked.seq)?;
            for (found, stored) in page {
                checked.entry(found, stored)?;
            }
            progress(checked.seq, of.max(checked.seq));
        }
        let Checked { seq, hash, dropped, last_dropped, may_lack, .. } = checked;
        if last_dropped >= may_lack && dropped > 0 {
            return Err(broken(last_dropped, "its body is missing", "a body".into(), "none".into()));
        }
        if let Some(expected) = expected_head.filter(|expected| *expected != hash) {
            return Err(Broken::hash(seq, "the chain does not end as expected", expected, hash).into());
        }
        Ok(Verified { entries: seq, head: hash, dropped })
    }

    /// Rows with their number; a row that is not of the right types is distinguished from one that can't be read.
    #[allow(clippy::type_complexity)]
    fn stored(&self, after: u64) -> Result<(Vec<(u64, rusqlite::Result<Stored>)>, bool)> {
        let sql = "SELECT seq, kind, cause, at_ms, body, hash, event, chain, block_number, block_hash, detector, \
                   finding, incident, digest FROM entry WHERE seq > ?1 ORDER BY seq LIMIT ?2";
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
            digest: row.get::<_, Option<[u8; 32]>>(13)?.map(B256::from),
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

impl Checked {
    fn entry(&mut self, found: u64, stored: rusqlite::Result<Stored>) -> Result<()> {
        let seq = self.seq + 1;
        if found != seq {
            return Err(broken(seq, "an entry is missing", format!("entry {seq}"), format!("entry {found}")));
        }
        let unlike = |found: String| broken(seq, "it is not what a journal holds", "an entry".into(), found);
        let stored = stored.map_err(|error| unlike(error.to_string()))?;
        let facts = stored.facts().ok_or_else(|| unlike("half a block".to_owned()))?;
        let Stored { kind, cause, at_ms, body, .. } = &stored;
        let link = Link { before: self.hash, seq, cause: *cause, at_ms: *at_ms, kind };
        let hash = match stored.digest {
            Some(digest) => link.hash(&facts, digest),
            None if self.has_digests => return Err(unlike("no digest".to_owned())),
            None => link.hash_of_format_1(body),
        };
        if hash != stored.hash {
            return Err(Broken::hash(seq, "it was changed, or what came before it", stored.hash, hash).into());
        }
        (self.seq, self.hash, self.has_digests) = (seq, hash, stored.digest.is_some());
        if body.is_dropped() && stored.digest.is_some() {
            if !thin::may_drop(kind, stored.event.as_deref()) {
                return Err(broken(seq, "its body is missing", "a body".into(), "none".into()));
            }
            self.dropped += 1;
            self.last_dropped = seq;
            return Ok(());
        }
        if let Some(digest) = stored.digest.filter(|digest| *digest != sha256(body.bytes())) {
            return Err(Broken::hash(seq, "its body was changed", digest, sha256(body.bytes())).into());
        }
        let entry = body::decode(body).map_err(|error| unlike(error.to_string()))?;
        let said = Facts::of(&entry);
        if said != facts || entry.kind() != kind {
            let (said, facts) = (format!("{said:?}"), format!("{facts:?}"));
            return Err(broken(seq, "its columns are not what it says", said, facts));
        }
        if let Entry::Input(Stamped { event: Event::Thinned { before }, .. }) = entry {
            self.may_lack = self.may_lack.max(before);
        }
        Ok(())
    }
}
