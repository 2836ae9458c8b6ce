//! A journal as it was before its horizon, without the bodies that were dropped: what a replay starts from.

use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::{Journal, JournalError, Result, schema};

impl Journal {
    /// Makes a journal in temporary storage that holds all of before an input, and the state of then.
    ///
    /// # Errors
    ///
    /// If this journal can't be read, or the temporary storage can't be written.
    pub fn seed(&self, before: u64) -> Result<Journal> {
        let path = Path::new(":temporary:");
        let failure = |error| JournalError::of(path, error);
        // An empty name: in memory for as long as it is small, then in a file that goes with it.
        let connection = Connection::open("").map_err(failure)?;
        schema::migrate(&connection, path)?;
        connection.execute_batch("BEGIN").map_err(failure)?;
        for (from, to) in [
            ("SELECT * FROM entry WHERE seq < ?1", "entry"),
            ("SELECT * FROM canonical_block WHERE seq < ?1", "canonical_block"),
            ("SELECT detector, key, value FROM snapshot_state WHERE seq = ?1", "state"),
        ] {
            self.copy(from, before, &connection, to)?;
        }
        connection
            .execute_batch(
                "INSERT INTO live_finding SELECT finding, cause, seq FROM entry AS made WHERE kind = 'finding' AND NOT \
                 EXISTS (SELECT 1 FROM entry WHERE finding = made.finding AND kind = 'retraction'); \
                 WITH back AS MATERIALIZED \
                 (SELECT chain, max(seq) AS at FROM entry WHERE event = 'unsettled' GROUP BY chain) \
                 INSERT INTO settled SELECT said.chain, \
                 max(coalesce(json_extract(body, '$.event.safe'), json_extract(body, '$.event.above'))), \
                 max(coalesce(json_extract(body, '$.event.finalized'), json_extract(body, '$.event.above'))) \
                 FROM entry AS said LEFT JOIN back ON back.chain = said.chain \
                 WHERE event IN ('finality', 'unsettled') AND said.seq >= coalesce(back.at, 0) GROUP BY said.chain; \
                 COMMIT",
            )
            .map_err(failure)?;
        Self::start(connection, path, None)
    }

    /// Returns the entries that loaded the detectors that ran before an input.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn detectors_before(&self, before: u64) -> Result<Vec<u64>> {
        let sql =
            "SELECT max(seq) FROM entry WHERE event = 'detector' AND seq < ?1 GROUP BY detector ORDER BY detector";
        self.all(sql, [before], |row| row.get(0))
    }

    fn copy(&self, from: &str, before: u64, into: &Connection, table: &str) -> Result<()> {
        let here = |error| self.failure(error);
        let mut statement = self.connection.prepare(from).map_err(here)?;
        let columns = statement.column_count();
        let places = vec!["?"; columns].join(", ");
        let mut insert = into.prepare(&format!("INSERT INTO {table} VALUES ({places})")).map_err(here)?;
        let mut rows = statement.query([before]).map_err(here)?;
        while let Some(row) = rows.next().map_err(here)? {
            let values = (0..columns).map(|at| row.get::<_, Value>(at)).collect::<rusqlite::Result<Vec<_>>>();
            insert.execute(params_from_iter(values.map_err(here)?)).map_err(here)?;
        }
        Ok(())
    }
}
