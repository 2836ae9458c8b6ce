//! What the loop, the replay and the tests ask of the engine's journal and fleet.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::B256;

use crate::app::engine::Engine;
use crate::app::live::main_loop::Known;
use crate::block::ChainId;
use crate::desk::Desks;
use crate::digest::sha256;
use crate::event::Observation;
use crate::journal::Outgoing;
use crate::subscription::Needs;

/// How many blocks back a source is told of: as deep as a reorg is followed.
const TAIL: usize = 1_000_000;

impl Engine {
    /// Keeps a component's bytes in the journal.
    pub fn keep_component(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        Ok(self.journal.keep_component(sha256(bytes), bytes)?)
    }

    /// The newest entry's sequence number.
    pub fn newest_seq(&self) -> u64 {
        self.journal.head().0
    }

    /// From here on inputs wait only so long for a detector; `wake` is called whenever a late one comes back.
    pub fn be_impatient(&mut self, patience: Duration, wake: Arc<dyn Fn() + Send + Sync>) -> anyhow::Result<()> {
        self.fleet.be_impatient(patience, wake)
    }

    /// When the newest input was taken in, milliseconds since the Unix epoch.
    pub fn newest_ms(&self) -> u64 {
        self.journal.newest_ms()
    }

    /// What is known of a chain.
    pub fn known(&self, chain: ChainId) -> anyhow::Result<Known> {
        Ok(Known {
            tail: self.journal.tail(chain, TAIL)?,
            settled: self.journal.settled(chain)?.unwrap_or_default(),
            faults: self.gaps.kinds_of(&format!("chain/{chain}")),
        })
    }

    /// What triage and response stand at.
    pub fn desks(&self) -> &Desks {
        &self.desks
    }

    /// Whether something waits for a commit.
    pub fn has_uncommitted(&self) -> bool {
        self.journal.in_transaction()
    }

    /// The latest observations of a feed, oldest first.
    pub fn recent_observations(&self, feed: &str, since_ms: u64) -> anyhow::Result<Vec<Observation>> {
        Ok(self.journal.recent_observations(feed, since_ms)?)
    }

    /// Hash over everything that was made of the inputs.
    pub fn derived_digest(&self) -> anyhow::Result<B256> {
        Ok(self.journal.derived_digest()?)
    }

    /// What must be fetched of each chain that some detector watches.
    pub fn needs(&self) -> BTreeMap<ChainId, Needs> {
        self.fleet.needs()
    }

    /// Names the channels that new effects are queued for.
    pub fn set_channels(&mut self, names: &[String]) {
        self.journal.set_channels(names);
    }

    /// Effects that are due on a channel.
    pub fn outbox_due(&self, channel: &str, now_ms: u64, at_most: usize) -> anyhow::Result<Vec<Outgoing>> {
        Ok(self.journal.outbox_due(channel, now_ms, at_most)?)
    }

    /// How often an effect was tried on a channel.
    pub fn outbox_attempts(&self, channel: &str, key: B256) -> anyhow::Result<u32> {
        Ok(self.journal.outbox_attempts(channel, key)?)
    }

    /// Notes that an effect arrived.
    pub fn outbox_done(&mut self, channel: &str, key: B256, at_ms: u64) -> anyhow::Result<()> {
        Ok(self.journal.outbox_done(channel, key, at_ms)?)
    }

    /// Notes that an effect did not arrive, and when to try again.
    pub fn outbox_failed(&mut self, channel: &str, key: B256, next_attempt_ms: u64, error: &str) -> anyhow::Result<()> {
        Ok(self.journal.outbox_failed(channel, key, next_attempt_ms, error)?)
    }
}
