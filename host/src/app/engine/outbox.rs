//! Effects on their way to channels, in the journal's outbox.

use alloy::primitives::B256;

use crate::app::engine::Engine;
use crate::journal::Outgoing;

impl Engine {
    /// Names the channels that new effects are queued for.
    pub fn set_channels(&mut self, names: &[String]) {
        self.journal.set_channels(names);
    }

    /// Returns effects that are due on a channel.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn outbox_due(&self, channel: &str, now_ms: u64, at_most: usize) -> anyhow::Result<Vec<Outgoing>> {
        Ok(self.journal.outbox_due(channel, now_ms, at_most)?)
    }

    /// Returns how often an effect was tried on a channel.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn outbox_attempts(&self, channel: &str, key: B256) -> anyhow::Result<u32> {
        Ok(self.journal.outbox_attempts(channel, key)?)
    }

    /// Notes that an effect arrived.
    ///
    /// # Errors
    ///
    /// If the journal can't be written.
    pub fn outbox_done(&mut self, channel: &str, key: B256, at_ms: u64) -> anyhow::Result<()> {
        Ok(self.journal.outbox_done(channel, key, at_ms)?)
    }

    /// Notes that an effect did not arrive, and when to try again.
    ///
    /// # Errors
    ///
    /// If the journal can't be written.
    pub fn outbox_failed(&mut self, channel: &str, key: B256, next_attempt_ms: u64, error: &str) -> anyhow::Result<()> {
        Ok(self.journal.outbox_failed(channel, key, next_attempt_ms, error)?)
    }
}
