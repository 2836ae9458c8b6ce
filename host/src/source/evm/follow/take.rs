//! Taking blocks in: in order, fetched ahead, as far as they are served.

use std::sync::Arc;

use futures::StreamExt;
use tokio::time::Instant;

use super::{Closed, Follower};
use crate::event::Event;
use crate::source::Delivery;
use crate::source::evm::canon::{Link, Verdict};
use crate::source::evm::config::Finality;
use crate::source::evm::family::{Recover, Rules};
use crate::source::evm::fetch::{self, Fetched, Short, Want};
use crate::source::evm::heads::Head;
use crate::source::evm::pool::Endpoint;

/// So many blocks behind the head, blocks are a backlog.
const BACKLOG_FROM: u64 = 8;

impl Follower {
    /// Takes in the blocks of a range, in order, fetching ahead. Ends early if a block does not follow or can't be
    /// had; a later round goes on from there.
    pub(super) async fn take_to(&mut self, first: u64, last: u64, head: &Head) -> Result<(), Closed> {
        let mut first = first;
        loop {
            match self.take_range(first, last, head).await? {
                Some(ancestor) => first = ancestor.saturating_add(1),
                None => return Ok(()),
            }
        }
    }

    /// As [`Self::take_to`]; returns the ancestor to go on from if the blocks turn out to be on another fork.
    async fn take_range(&mut self, first: u64, last: u64, head: &Head) -> Result<Option<u64>, Closed> {
        let mut first = first;
        while first <= last {
            let width = self.pace.width();
            // Wide ranges in one go, so that fetching never pauses; while the width still grows, as much as it is.
            let length = if width == self.pace.widest() { width.saturating_mul(64) } else { width };
            let to = last.min(first.saturating_add(length - 1));
            match self.take_part(first, to, width, head).await? {
                Took::All => {
                    self.pace.all_came();
                    first = to.saturating_add(1);
                }
                Took::Short => return Ok(None),
                Took::Fork(ancestor) => return Ok(Some(ancestor)),
            }
        }
        Ok(None)
    }

    async fn take_part(&mut self, first: u64, last: u64, width: u64, head: &Head) -> Result<Took, Closed> {
        let (pool, config) = (self.pool.clone(), self.config.clone());
        let batch = u64::from(config.batch.max(1)).min(width);
        let chunks =
            (first..=last).step_by(batch as usize).map(|from| (from, last.min(from.saturating_add(batch - 1))));
        let (needs, patient) = (self.needs.clone(), self.extras.is_patient(Instant::now()));
        let mut fetching = futures::stream::iter(chunks)
            .map(|(from, to)| {
                let (pool, needs) = (&pool, *needs.borrow());
                // A backlog is worked off faster if senders wait until somebody asks for them. At the head there is time.
                let is_behind = head.number.saturating_sub(to) >= BACKLOG_FROM;
                let recover = if is_behind { Recover::Later } else { Recover::Now };
                let rules = Rules { recover, ..config.rules(config.id) };
                let want = Want { chain: config.id, rules, needs, patient, is_late: false };
                async move {
                    let numbers: Vec<u64> = (from..=to).collect();
                    fetch::blocks(pool, &numbers, want).await
                }
            })
            .buffered((width / batch).max(1) as usize);
        while let Some(served) = fetching.next().await {
            self.send_notices().await?;
            for fetched in served.fetched {
                if let Some(took) = self.take(fetched, head).await? {
                    return Ok(took);
                }
            }
            // Tags are the node's at its head, and say nothing of a backlog; confirmations are ours to count.
            if matches!(self.config.finality, Finality::Confirmations(_)) {
                self.settle().await?;
            }
            if let Some(short) = served.short {
                self.short(short, head);
                return Ok(Took::Short);
            }
        }
        Ok(Took::All)
    }

    /// Notes that a block can't be had for now.
    fn short(&mut self, short: Short, head: &Head) {
        let now = Instant::now();
        self.pace.failed(now, short.is_missing);
        if !short.is_missing {
            self.extras.short(short.number, now);
        }
        // Where others are believed, what keeps failing at the head of one must not hold up what they have.
        let is_believed = |other: &&Endpoint| other.index != head.endpoint && !self.pool.is_doubted(other);
        let keeps_failing = !short.is_missing && !self.extras.is_patient(now);
        let is_at_fault = short.is_missing || keeps_failing && self.pool.ready().iter().any(is_believed);
        if let Some(endpoint) = self.pool.at(head.endpoint) {
            self.pool.doubt(endpoint, is_at_fault && head.number >= short.number);
        }
        // Once in a while, not at each attempt.
        if self.pace.failures().is_power_of_two() && self.pace.failures() > 1 {
            tracing::info!(chain = self.name, "block {} can't be had: {}", short.number, short.reason);
        }
        self.stand(format!("block {}: {}", short.number, short.reason));
    }

    /// Takes a block in. Returns what else is to be done if it does not stand on the tip.
    async fn take(&mut self, fetched: Fetched, head: &Head) -> Result<Option<Took>, Closed> {
        let Fetched { mut block, raw, endpoint, without } = fetched;
        let link = Link { number: block.number, hash: block.hash, parent_hash: block.parent_hash };
        if self.skips_heights {
            self.canon.skip_to(&link);
        }
        match self.canon.judge(&link) {
            Verdict::Known => return Ok(None),
            Verdict::Gap => {
                // The fork is older than the block: its ancestor is further down.
                let below = block.number.saturating_sub(1);
                return Ok(Some(match self.ancestor(below, Some(endpoint)).await? {
                    Some(ancestor) => Took::Fork(ancestor),
                    None => {
                        self.found_no_way();
                        Took::Short
                    }
                }));
            }
            Verdict::Reorg { reverted } => {
                let lowest = reverted.last().map_or(0, |block| block.number);
                if self.below_final(lowest.saturating_sub(1), endpoint).await? {
                    return Ok(Some(Took::Short));
                }
                self.revert(reverted).await?;
            }
            Verdict::Extends => {}
        }
        self.contest.extends(link.number, head.number, head.endpoint);
        block.awaited = self.note_extras(&block, &without).await?;
        block.transactions.sender.tell(self.false_senders.clone(), endpoint, link.number);
        let (reference, awaited, time_s) = (block.reference(), block.awaited, block.timestamp_s);
        self.canon.admit(&link);
        self.pace.progressed();
        self.quiet.moved(Instant::now());
        self.moved();
        let raw = self.keep_raw.then(|| Box::new(raw));
        let event = Event::Committed { block: Arc::new(block) };
        self.out.send(Delivery { raw, ..Delivery::now(event) }).await?;
        self.look_at_time(link.number, time_s).await?;
        if !awaited.is_empty() {
            self.owing.add(reference, awaited);
        }
        Ok(None)
    }
}

/// What came of a range of blocks.
pub(super) enum Took {
    /// All of it was taken in.
    All,
    /// It ends early.
    Short,
    /// It is on another fork, from this height on.
    Fork(u64),
}
