//! How large a journal is, what is in it, and how fast it grows.

use super::{Journal, Result};

const DAY_MS: u64 = 86_400_000;

/// How large a journal is, and what is in it.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Size {
    /// Bytes of the file, without its write-ahead log.
    pub bytes: u64,
    /// Bytes of the file that are free for new entries.
    pub free_bytes: u64,
    /// Entries by kind.
    pub entries: Vec<(String, u64)>,
    /// Bytes of entries' bodies by kind.
    pub body_bytes: Vec<(String, u64)>,
    /// Entries whose bodies were dropped.
    pub thinned: u64,
    /// Growth in the last day.
    pub last_day: Growth,
    /// Growth in the last seven days.
    pub last_week: Growth,
}

/// What came in a span of time that ends with the newest entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Growth {
    /// The span in milliseconds: shorter than asked for if the journal is younger.
    pub span_ms: u64,
    /// Entries.
    pub entries: u64,
    /// Bytes of the file that they take, with their share of tables and indexes.
    pub bytes: u64,
}

impl Growth {
    /// Bytes a day at this rate; `None` if the span is too short for it.
    pub fn bytes_per_day(&self) -> Option<u64> {
        // What came within a minute, a first catch-up say, is no rate.
        (self.span_ms >= 60_000).then(|| (self.bytes as f64 * DAY_MS as f64 / self.span_ms as f64) as u64)
    }
}

impl Journal {
    /// Measures the journal and what is in it.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn size(&self) -> Result<Size> {
        let sql = "SELECT kind, count(*), sum(octet_length(body)), sum(octet_length(body) = 0) FROM entry \
                   GROUP BY kind ORDER BY kind";
        let rows: Vec<(String, u64, u64, u64)> =
            self.all(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
        let (bytes, free_bytes) = self.file_bytes()?;
        let entries: u64 = rows.iter().map(|(_, count, _, _)| count).sum();
        let bodies: u64 = rows.iter().map(|(_, _, bytes, _)| bytes).sum();
        let beside = u64::saturating_sub(bytes - free_bytes, bodies).checked_div(entries).unwrap_or(0);
        Ok(Size {
            bytes,
            free_bytes,
            thinned: rows.iter().map(|(_, _, _, thinned)| thinned).sum(),
            last_day: self.growth(DAY_MS, beside)?,
            last_week: self.growth(7 * DAY_MS, beside)?,
            entries: rows.iter().map(|(kind, count, _, _)| (kind.clone(), *count)).collect(),
            body_bytes: rows.into_iter().map(|(kind, _, bytes, _)| (kind, bytes)).collect(),
        })
    }

    /// Returns the bytes of the file, and how many of them are free for new entries.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn file_bytes(&self) -> Result<(u64, u64)> {
        let sql = "SELECT page_count * page_size, freelist_count * page_size \
                   FROM pragma_page_count(), pragma_page_size(), pragma_freelist_count()";
        Ok(self.one(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?.unwrap_or((0, 0)))
    }

    /// What came within a span before the newest entry. Each entry takes `beside` bytes besides its body.
    fn growth(&self, span_ms: u64, beside: u64) -> Result<Growth> {
        let since_ms = self.at_ms.saturating_sub(span_ms);
        let first = self.first_since(since_ms)?;
        let first_ms = self.one("SELECT at_ms FROM entry WHERE seq = 1", [], |row| row.get(0))?.unwrap_or(self.at_ms);
        let sql = "SELECT count(*), coalesce(sum(octet_length(body)), 0) FROM entry WHERE seq >= ?1";
        let (entries, bytes) = self.one(sql, [first], |row| Ok((row.get(0)?, row.get(1)?)))?.unwrap_or((0_u64, 0_u64));
        let span_ms = self.at_ms - since_ms.max(first_ms).min(self.at_ms);
        Ok(Growth { span_ms, entries, bytes: bytes + entries * beside })
    }

    /// Returns the first entry of a time or later, milliseconds since the Unix epoch, or the next one to come. Times
    /// never go back, so halving finds it.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn first_since(&self, at_ms: u64) -> Result<u64> {
        let (mut low, mut high) = (1, self.seq + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            let found = self.one("SELECT at_ms FROM entry WHERE seq = ?1", [middle], |row| row.get::<_, u64>(0))?;
            if found.is_some_and(|found| found < at_ms) { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    }
}
