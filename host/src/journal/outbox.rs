//! Effects that wait to be delivered: durable with the decision that ordered them, one row for each channel.

use alloy::primitives::B256;
use rusqlite::params;

use super::{Journal, Result};
use crate::effect::Ordered;
use crate::entry::Entry;

/// An effect that is due on a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The effect's key.
    pub key: B256,
    /// The entry that has it.
    pub seq: u64,
    /// The effect.
    pub effect: Ordered,
    /// How often it was tried.
    pub attempts: u32,
}

impl Journal {
    /// Names the channels that new effects are queued for.
    pub fn set_channels(&mut self, names: &[String]) {
        self.channels = names.to_vec();
    }

    pub(super) fn queue(&mut self, seq: u64, key: B256) -> Result<()> {
        for channel in self.channels.clone() {
            // The same effect, ordered again, was delivered or is on its way.
            self.run(
                "INSERT OR IGNORE INTO outbox (channel, key, seq) VALUES (?1, ?2, ?3)",
                params![channel, key.0, seq],
            )?;
        }
        Ok(())
    }

    /// Effects that are due on a channel, in the order in which they were ordered.
    pub fn outbox_due(&self, channel: &str, now_ms: u64, at_most: usize) -> Result<Vec<Outgoing>> {
        let sql = "SELECT key, seq, attempts FROM outbox WHERE channel = ?1 AND delivered_at_ms IS NULL \
                   AND next_attempt_ms <= ?2 ORDER BY seq LIMIT ?3";
        let rows: Vec<([u8; 32], u64, u32)> =
            self.all(sql, params![channel, now_ms, at_most as u64], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let mut due = Vec::new();
        for (key, seq, attempts) in rows {
            if let Some(Entry::Effect(effect)) = self.entry(seq)? {
                due.push(Outgoing { key: key.into(), seq, effect, attempts });
            }
        }
        Ok(due)
    }

    /// How often an effect was tried on a channel.
    pub fn outbox_attempts(&self, channel: &str, key: B256) -> Result<u32> {
        let sql = "SELECT attempts FROM outbox WHERE channel = ?1 AND key = ?2";
        Ok(self.one(sql, params![channel, key.0], |row| row.get(0))?.unwrap_or(0))
    }

    /// Notes that an effect arrived.
    pub fn outbox_done(&mut self, channel: &str, key: B256, at_ms: u64) -> Result<()> {
        let sql = "UPDATE outbox SET delivered_at_ms = ?3, attempts = attempts + 1, error = NULL \
                   WHERE channel = ?1 AND key = ?2";
        self.run(sql, params![channel, key.0, at_ms])?;
        Ok(())
    }

    /// Notes that an effect did not arrive, and when to try again.
    pub fn outbox_failed(&mut self, channel: &str, key: B256, next_attempt_ms: u64, error: &str) -> Result<()> {
        let sql = "UPDATE outbox SET next_attempt_ms = ?3, attempts = attempts + 1, error = ?4 \
                   WHERE channel = ?1 AND key = ?2";
        self.run(sql, params![channel, key.0, next_attempt_ms, error])?;
        Ok(())
    }

    /// How many effects wait on a channel.
    pub fn outbox_waiting(&self, channel: &str) -> Result<u64> {
        let sql = "SELECT count(*) FROM outbox WHERE channel = ?1 AND delivered_at_ms IS NULL";
        Ok(self.one(sql, [channel], |row| row.get(0))?.unwrap_or(0))
    }
}
