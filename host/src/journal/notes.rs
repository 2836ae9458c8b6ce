//! Notes of the host: who was called out, who was reminded, what was watched.

use rusqlite::params;

use super::{Journal, Result};
use crate::event::{Event, Stamped};
use crate::note::Note;

impl Journal {
    /// Returns notes that were taken in since a moment, oldest first, each with when, both milliseconds since the Unix epoch.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn notes(&self, since_ms: u64) -> Result<Vec<(u64, Note)>> {
        let sql = "SELECT seq FROM entry WHERE event = 'noted' AND at_ms >= ?1 ORDER BY seq";
        let seqs: Vec<u64> = self.all(sql, params![since_ms], |row| row.get(0))?;
        let mut notes = Vec::new();
        for seq in seqs {
            if let Some(Stamped { at_ms, event: Event::Noted { note } }) = self.input(seq)? {
                notes.push((at_ms, note));
            }
        }
        Ok(notes)
    }
}
