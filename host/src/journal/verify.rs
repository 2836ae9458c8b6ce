//! Whether the chain of hashes holds, and what stands in columns is what the entries say.

use alloy::primitives::B256;
use rusqlite::params;

use super::body::{self, Body};
use super::{Broken, Facts, Journal, Result, chain_hash};

/// A chain that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many entries there are.
    pub entries: u64,
    /// The hash that it ends with.
    pub head: B256,
}

struct Stored {
    seq: u64,
    kind: String,
    cause: u64,
    at_ms: u64,
    body: Body,
    hash: B256,
    detector: Option<String>,
    finding: Option<[u8; 32]>,
    incident: Option<u64>,
}

const PAGE: u64 = 256;

impl Journal {
    /// Recomputes the chain from its first entry. `expected_head` is what it must end with, where that is known
    /// from elsewhere: without it, entries that were cut off the end are not missed. `progress` is told how many
    /// entries are done, of how many.
    pub fn verify(&self, expected_head: Option<B256>, mut progress: impl FnMut(u64, u64)) -> Result<Verified> {
        let of = self.one("SELECT count(*) FROM entry", [], |row| row.get(0))?.unwrap_or(0);
        let (mut seq, mut hash) = (0_u64, B256::ZERO);
        loop {
            let page = self.page(seq)?;
            if page.is_empty() {
                break;
            }
            for stored in page {
                hash = check(seq + 1, hash, &stored)?;
                seq += 1;
            }
            progress(seq, of);
        }
        if let Some(expected) = expected_head.filter(|expected| *expected != hash) {
            return Err(Broken::hash(seq, "the chain does not end as expected", expected, hash).into());
        }
        Ok(Verified { entries: seq, head: hash })
    }

    fn page(&self, after: u64) -> Result<Vec<Stored>> {
        let sql = "SELECT seq, kind, cause, at_ms, body, hash, detector, finding, incident FROM entry \
                   WHERE seq > ?1 ORDER BY seq LIMIT ?2";
        self.all(sql, params![after, PAGE], |row| {
            Ok(Stored {
                seq: row.get(0)?,
                kind: row.get(1)?,
                cause: row.get(2)?,
                at_ms: row.get(3)?,
                body: Body::read(row.get_ref(4)?)?,
                hash: row.get::<_, [u8; 32]>(5)?.into(),
                detector: row.get(6)?,
                finding: row.get(7)?,
                incident: row.get(8)?,
            })
        })
    }
}

fn check(expected_seq: u64, before: B256, stored: &Stored) -> Result<B256> {
    let broken = |what: &str, expected: String, found: String| {
        Broken { seq: expected_seq, what: what.to_owned(), expected, found }.into()
    };
    if stored.seq != expected_seq {
        return Err(broken("an entry is missing", format!("entry {expected_seq}"), format!("entry {}", stored.seq)));
    }
    let hash = chain_hash(before, stored.seq, stored.cause, stored.at_ms, &stored.kind, stored.body.bytes());
    if hash != stored.hash {
        return Err(Broken::hash(stored.seq, "it was changed, or what came before it", stored.hash, hash).into());
    }
    let entry = body::decode(&stored.body)?;
    let facts = Facts::of(&entry);
    let said = (facts.detector.map(str::to_owned), facts.finding.map(|finding| finding.0), facts.incident);
    let found = (stored.detector.clone(), stored.finding, stored.incident);
    if said != found || entry.kind() != stored.kind {
        return Err(broken("its columns are not what it says", format!("{said:?}"), format!("{found:?}")));
    }
    Ok(hash)
}
