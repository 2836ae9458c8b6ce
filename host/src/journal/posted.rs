//! What was posted about an incident, and what the service at the other end calls it: by this it is resolved or edited.

use alloy::primitives::B256;
use rusqlite::params;

use super::{Journal, Result};
use crate::entry::Entry;
use crate::incident::IncidentId;

/// The newest message about an incident at one address of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// The address, with its scheme.
    pub address: String,
    /// Key of the effect that it was posted for.
    pub key: B256,
    /// What the service calls the message; empty if it has no name there.
    pub receipt: String,
}

impl Journal {
    /// Notes that a message about an incident stands at an address, in place of any earlier one.
    ///
    /// # Errors
    ///
    /// If the journal can't be written.
    pub fn note_posted(&mut self, channel: &str, incident: IncidentId, posted: &Posted, at_ms: u64) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO posted (channel, incident, address, key, receipt, at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        self.run(sql, params![channel, incident, posted.address, posted.key.0, posted.receipt, at_ms])?;
        Ok(())
    }

    /// Returns the messages about an incident that stand on a channel, in order of address.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn posted(&self, channel: &str, incident: IncidentId) -> Result<Vec<Posted>> {
        let sql = "SELECT address, key, receipt FROM posted WHERE channel = ?1 AND incident = ?2 ORDER BY address";
        self.all(sql, params![channel, incident], |row| {
            let key: [u8; 32] = row.get(1)?;
            Ok(Posted { address: row.get(0)?, key: B256::from(key), receipt: row.get(2)? })
        })
    }

    /// True when an act stands in the journal whose proof begins with an id, followed by a space. The id must be plain: letters,
    /// digits and `./-_:`.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn has_act_proved_by(&self, id: &str) -> Result<bool> {
        let sql = "SELECT 1 FROM entry WHERE event = 'act' AND instr(body, ?1) > 0 LIMIT 1";
        Ok(self.one(sql, params![format!("\"proof\":\"{id} ")], |_| Ok(()))?.is_some())
    }

    /// Returns the newest entry of a kind about an incident.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn newest_about(&self, incident: IncidentId, kind: &str) -> Result<Option<Entry>> {
        let sql = "SELECT seq FROM entry WHERE incident = ?1 AND kind = ?2 ORDER BY seq DESC LIMIT 1";
        match self.one(sql, params![incident, kind], |row| row.get(0))? {
            Some(seq) => self.entry(seq),
            None => Ok(None),
        }
    }

    /// Returns how often people were paged anew about an incident after whoever had it was not heard of, or a service stopped
    /// paging by a word that does not count.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn rounds(&self, incident: IncidentId) -> Result<u32> {
        let sql = "SELECT json_extract(body, '$.told') FROM entry WHERE incident = ?1 AND kind = 'timeline' \
                   AND json_extract(body, '$.told') IN ('acked', 'unacked', 'stopped') ORDER BY seq";
        let said: Vec<String> = self.all(sql, params![incident], |row| row.get(0))?;
        let (mut rounds, mut is_acked) = (0, false);
        for kind in said {
            rounds += u32::from(kind == "stopped" || (kind == "unacked" && is_acked));
            is_acked = kind == "acked";
        }
        Ok(rounds)
    }
}
