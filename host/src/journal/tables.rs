//! Whether what stands beside the log follows from it: the tables that the host looks things up in are no part of the chain of
//! hashes.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::types::Value;

use super::outbox::Reported;
use super::{Journal, Result};
use crate::digest::{Hasher, sha256};
use crate::entry::Entry;
use crate::event::{Event, Stamped};

/// A table that says something else than the entries.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Differs {
    /// Its name.
    pub table: String,
    /// What does not fit.
    pub what: String,
}

/// What only a replay can make again, and how each row is told.
const OF_A_REPLAY: [(&str, &str); 4] = [
    ("state", "SELECT detector, key, value FROM state ORDER BY detector, key"),
    ("undo", "SELECT detector, input, key, before FROM undo ORDER BY id"),
    // Why is left out: that somebody asked for a second try is no input.
    ("owed", "SELECT detector, input, root FROM owed ORDER BY detector, input"),
    ("live_finding", "SELECT id, input, seq FROM live_finding ORDER BY id"),
];

/// What a horizon leaves to compare.
const OF_A_HORIZON: [&str; 2] = ["state", "owed"];

type Blocks = BTreeMap<(u64, u64), (Vec<u8>, u64)>;

/// The tables as the entries say that they are.
#[derive(Default)]
struct Rebuilt {
    blocks: Blocks,
    settled: BTreeMap<u64, (u64, u64)>,
    feeds: BTreeMap<String, u64>,
    live: BTreeMap<Vec<u8>, u64>,
    components: BTreeSet<Vec<u8>>,
    effects: BTreeMap<Vec<u8>, u64>,
    /// What an input said last of an effect's delivery, as the `reported` column has it.
    reported: BTreeMap<Vec<u8>, &'static str>,
}

impl Journal {
    /// Makes anew from the entries what the tables beside them hold, and compares. State, what undoes it and what detectors are
    /// owed are made by a replay only. `progress` is given how many entries are done.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn verify_tables(&self, mut progress: impl FnMut(u64)) -> Result<Vec<Differs>> {
        let mut rebuilt = Rebuilt::default();
        let mut after = 0_u64;
        loop {
            let sql = "SELECT seq, kind, event, chain, block_number, block_hash, detector, finding FROM entry \
                       WHERE seq > ?1 ORDER BY seq LIMIT 1024";
            let rows = self.all(sql, [after], |row| {
                let (kind, event): (String, Option<String>) = (row.get(1)?, row.get(2)?);
                let block: (Option<u64>, Option<u64>, Option<Vec<u8>>) = (row.get(3)?, row.get(4)?, row.get(5)?);
                Ok((row.get::<_, u64>(0)?, kind, event, block, row.get(6)?, row.get(7)?))
            })?;
            let Some((last, ..)) = rows.last() else { break };
            after = *last;
            for (seq, kind, event, block, detector, finding) in rows {
                self.rebuild(&mut rebuilt, seq, &kind, event.as_deref(), block, detector, finding)?;
            }
            progress(after);
        }
        self.compare(&rebuilt)
    }

    #[allow(clippy::too_many_arguments)]
    fn rebuild(
        &self,
        rebuilt: &mut Rebuilt,
        seq: u64,
        kind: &str,
        event: Option<&str>,
        block: (Option<u64>, Option<u64>, Option<Vec<u8>>),
        detector: Option<String>,
        finding: Option<Vec<u8>>,
    ) -> Result<()> {
        match (kind, event) {
            ("input", Some("committed")) => {
                if let (Some(chain), Some(number), Some(hash)) = block {
                    rebuilt.blocks.insert((chain, number), (hash, seq));
                }
            }
            ("input", Some("observed")) => {
                if let Some(feed) = detector {
                    rebuilt.feeds.insert(feed, seq);
                }
            }
            ("input", Some("reverted" | "finality" | "unsettled" | "detector" | "delivered")) => {
                match self.input(seq)? {
                    Some(Stamped { event: Event::Reverted { chain, blocks }, .. }) => {
                        for block in blocks {
                            let key = (chain, block.number);
                            if rebuilt.blocks.get(&key).is_some_and(|(hash, _)| *hash == block.hash.0) {
                                rebuilt.blocks.remove(&key);
                            }
                        }
                    }
                    Some(Stamped { event: Event::Finality { chain, safe, finalized }, .. }) => {
                        let known = rebuilt.settled.entry(chain).or_default();
                        *known = (known.0.max(safe), known.1.max(finalized));
                    }
                    Some(Stamped { event: Event::Unsettled { chain, above, .. }, .. }) => {
                        if let Some(known) = rebuilt.settled.get_mut(&chain) {
                            *known = (known.0.min(above), known.1.min(above));
                        }
                    }
                    Some(Stamped { event: Event::Detector { digest: Some(digest), .. }, .. }) => {
                        rebuilt.components.insert(digest.0.to_vec());
                    }
                    Some(Stamped { event: Event::Delivered { delivery }, .. }) if delivery.stopped.is_none() => {
                        rebuilt.reported.insert(delivery.key.0.to_vec(), Reported::name(&delivery));
                    }
                    _ => {}
                }
            }
            ("finding" | "shadow", _) => {
                if let Some(id) = finding {
                    rebuilt.live.insert(id, seq);
                }
            }
            ("retraction", _) => {
                if let Some(id) = finding {
                    rebuilt.live.remove(&id);
                }
            }
            ("effect", _) => {
                if let Some(Entry::Effect(ordered)) = self.entry(seq)?
                    && ordered.goes_out()
                {
                    rebuilt.effects.insert(ordered.key.0.to_vec(), seq);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn compare(&self, rebuilt: &Rebuilt) -> Result<Vec<Differs>> {
        let mut differs = Vec::new();
        let mut expect = |table: &str, what: Option<String>| {
            differs.extend(what.map(|what| Differs { table: table.to_owned(), what }));
        };
        let blocks: Blocks = self
            .all("SELECT chain, number, hash, seq FROM canonical_block", [], |row| {
                Ok(((row.get(0)?, row.get(1)?), (row.get(2)?, row.get(3)?)))
            })?
            .into_iter()
            .collect();
        let at = |(chain, number): &(u64, u64)| format!("block {number} of chain {chain}");
        expect("canonical_block", first_difference(&rebuilt.blocks, &blocks, at));
        expect("canonical_block", self.altered_header(&blocks)?);
        let settled =
            self.all_settled()?.into_iter().map(|(chain, safe, finalized)| (chain, (safe, finalized))).collect();
        expect("settled", first_difference(&rebuilt.settled, &settled, |chain| format!("chain {chain}")));
        let feeds = self.all("SELECT feed, seq FROM feed_position", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        expect(
            "feed_position",
            first_difference(&rebuilt.feeds, &feeds.into_iter().collect(), |feed| format!("feed {feed}")),
        );
        let live = self.all("SELECT id, seq FROM live_finding", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        expect("live_finding", first_difference(&rebuilt.live, &live.into_iter().collect(), |id| hex(id)));
        for digest in self.all("SELECT digest FROM component", [], |row| row.get::<_, Vec<u8>>(0))? {
            let bytes: Option<Vec<u8>> =
                self.one("SELECT bytes FROM component WHERE digest = ?1", [&digest], |row| row.get(0))?;
            if bytes.is_some_and(|bytes| sha256(&bytes).0.as_slice() != digest) {
                expect("component", Some(format!("other bytes stand under {}", hex(&digest))));
            }
        }
        for digest in &rebuilt.components {
            let there = self.one("SELECT 1 FROM component WHERE digest = ?1", [digest], |_| Ok(()))?;
            expect("component", there.is_none().then(|| format!("{} is missing", hex(digest))));
        }
        for table in ["outbox", "delivery"] {
            let rows = self.all(&format!("SELECT key, seq FROM {table}"), [], |row| {
                Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, u64>(1)?))
            })?;
            let foreign = rows.iter().find(|(key, seq)| rebuilt.effects.get(key) != Some(seq));
            expect(
                table,
                foreign.map(|(key, seq)| format!("{} of entry {seq} is no effect that was ordered", hex(key))),
            );
        }
        let sql = "SELECT DISTINCT key FROM outbox JOIN delivery USING (key) WHERE delivered_at_ms IS NOT NULL";
        let delivered = self.all(sql, [], |row| row.get::<_, Vec<u8>>(0))?;
        let unheard = delivered.iter().find(|key| !rebuilt.reported.contains_key(*key));
        expect("outbox", unheard.map(|key| format!("{} counts as delivered, and no input says so", hex(key))));
        // Whether one channel of several gave up is in no entry; that all of them did is.
        let sql = "SELECT key FROM outbox JOIN delivery USING (key) GROUP BY key \
                   HAVING count(given_up_at_ms) = count(*) AND count(delivered_at_ms) = 0";
        let given_up = self.all(sql, [], |row| row.get::<_, Vec<u8>>(0))?;
        let unheard = given_up.iter().find(|key| rebuilt.reported.get(*key) != Some(&"given-up"));
        expect("outbox", unheard.map(|key| format!("{} counts as given up, and no input says so", hex(key))));
        let told = self.all("SELECT key, reported FROM delivery WHERE reported IS NOT NULL", [], |row| {
            Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, String>(1)?))
        })?;
        let untold = told.iter().find(|(key, reported)| rebuilt.reported.get(key) != Some(&reported.as_str()));
        expect(
            "delivery",
            untold.map(|(key, reported)| format!("{} counts as {reported}, and no input says so", hex(key))),
        );
        Ok(differs)
    }

    /// Compares what stands beside the newest blocks with the blocks themselves, where they have their bodies.
    fn altered_header(&self, blocks: &Blocks) -> Result<Option<String>> {
        for ((chain, number), (_, seq)) in blocks.iter().rev().take(4_096) {
            let beside = self.one(
                "SELECT parent_hash, timestamp_s FROM canonical_block WHERE chain = ?1 AND number = ?2",
                [chain, number],
                |row| Ok((row.get::<_, Option<Vec<u8>>>(0)?, row.get::<_, Option<u64>>(1)?)),
            )?;
            let Ok(Some(Stamped { event: Event::Committed { block }, .. })) = self.input(*seq) else { continue };
            if let Some((Some(parent), Some(time))) = beside
                && (parent != block.parent_hash.0 || time != block.timestamp_s)
            {
                return Ok(Some(format!("block {number} of chain {chain} has another parent or time")));
            }
        }
        Ok(None)
    }

    /// Returns the newest entry that is in the file now, which another process may write; 0 if there is none.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn newest(&self) -> Result<u64> {
        Ok(self.one("SELECT coalesce(max(seq), 0) FROM entry", [], |row| row.get(0))?.unwrap_or(0))
    }

    /// Returns the entry up to which the chain of hashes comes to a hash, if there is one.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn entry_of_hash(&self, hash: alloy::primitives::B256) -> Result<Option<u64>> {
        self.one("SELECT seq FROM entry WHERE hash = ?1", [hash.0], |row| row.get(0))
    }

    /// Compares what a replay made with what stands here. From a horizon on, what came before it is not made again.
    ///
    /// # Errors
    ///
    /// If either can't be read.
    pub fn compare_replayed(&self, replayed: &Journal, from_horizon: bool) -> Result<Vec<Differs>> {
        let mut differs = Vec::new();
        for (table, sql) in OF_A_REPLAY {
            if from_horizon && !OF_A_HORIZON.contains(&table) {
                continue;
            }
            let (then, now) = (self.hash_of(sql)?, replayed.hash_of(sql)?);
            if then != now {
                let what = format!("it has {} rows, and {} come of the entries, or others", then.0, now.0);
                differs.push(Differs { table: table.to_owned(), what });
            }
        }
        Ok(differs)
    }

    fn hash_of(&self, sql: &str) -> Result<(u64, alloy::primitives::B256)> {
        let (mut count, mut hash) = (0_u64, alloy::primitives::B256::ZERO);
        let mut statement = self.connection.prepare_cached(sql).map_err(|error| self.failure(error))?;
        let columns = statement.column_count();
        let mut rows = statement.query([]).map_err(|error| self.failure(error))?;
        while let Some(row) = rows.next().map_err(|error| self.failure(error))? {
            let mut hasher = Hasher::new("row").bytes(hash.as_slice());
            for column in 0..columns {
                let value: Value = row.get(column).map_err(|error| self.failure(error))?;
                hasher = match value {
                    Value::Null => hasher.optional(None),
                    Value::Integer(number) => hasher.bytes(&number.to_be_bytes()),
                    Value::Real(number) => hasher.bytes(&number.to_be_bytes()),
                    Value::Text(text) => hasher.text(&text),
                    Value::Blob(bytes) => hasher.optional(Some(&bytes)),
                };
            }
            (count, hash) = (count + 1, hasher.finish());
        }
        Ok((count, hash))
    }
}

fn first_difference<K: Ord, V: PartialEq>(
    wanted: &BTreeMap<K, V>,
    found: &BTreeMap<K, V>,
    in_words: impl Fn(&K) -> String,
) -> Option<String> {
    let changed = wanted.iter().find(|(key, value)| found.get(key) != Some(*value));
    let missing = changed.map(|(key, _)| format!("{} is missing, or is another", in_words(key)));
    missing.or_else(|| {
        let extra = found.keys().find(|key| !wanted.contains_key(key))?;
        Some(format!("{} should not be there", in_words(extra)))
    })
}

fn hex(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}
