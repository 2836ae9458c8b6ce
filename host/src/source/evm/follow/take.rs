//! Taking blocks in: in order, fetched ahead, as far as they are served.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio::time::Instant;

use super::{Closed, Follower};
use crate::event::Event;
use crate::finding::Severity;
use crate::source::Delivery;
use crate::source::evm::canon::{Link, Verdict};
use crate::source::evm::config::Finality;
use crate::source::evm::fetch::{self, Fetched, Part, Short, Want};
use crate::source::evm::heads::Head;

/// How long a block waits for call frames and storage changes that may come in a moment.
const PATIENCE: Duration = Duration::from_secs(10);
/// Blocks in a row that must have a part again before its finding ends; doubles each time that it opens anew.
const MOST_BEFORE_OVER: u32 = 64;

/// Call frames and storage changes: for how long a block waits for them, and which are missing.
pub(super) struct Extras {
    patience: Duration,
    /// The block that waits, and since when.
    waits: Option<(u64, Instant)>,
    missing: BTreeMap<Part, Missing>,
}

#[derive(Default)]
struct Missing {
    is_open: bool,
    /// Blocks in a row that had it.
    came: u32,
    /// How many that must be.
    needed: u32,
}

impl Extras {
    pub(super) fn new(stall_after: Duration) -> Self {
        Self { patience: PATIENCE.min(stall_after / 2), waits: None, missing: BTreeMap::new() }
    }

    pub(super) fn know(&mut self, open: &[String]) {
        for part in [Part::Traces, Part::Storage] {
            if open.iter().any(|kind| kind == part.kind()) {
                self.missing.insert(part, Missing { is_open: true, came: 0, needed: 1 });
            }
        }
    }

    /// True if blocks are to wait for what may come in a moment. Not while it has been missing for a while.
    fn is_patient(&self, now: Instant) -> bool {
        let is_spent = self.waits.is_some_and(|(_, since)| now.duration_since(since) >= self.patience);
        !is_spent && !self.missing.values().any(|missing| missing.is_open)
    }

    /// Notes that a block could not be had: it may be waiting for a part.
    fn short(&mut self, number: u64, now: Instant) {
        if self.waits.is_none_or(|(waiting, _)| waiting != number) {
            self.waits = Some((number, now));
        }
    }

    /// Notes a block that came without a part. Returns true if that is news.
    fn is_without(&mut self, part: Part) -> bool {
        let missing = self.missing.entry(part).or_default();
        missing.came = 0;
        let is_news = !std::mem::replace(&mut missing.is_open, true);
        if is_news {
            missing.needed = (missing.needed * 2).clamp(1, MOST_BEFORE_OVER);
        }
        is_news
    }

    /// Notes a block that came with a part. Returns true if that ends its finding.
    fn is_with(&mut self, part: Part) -> bool {
        let Some(missing) = self.missing.get_mut(&part).filter(|missing| missing.is_open) else { return false };
        missing.came += 1;
        missing.is_open = missing.came < missing.needed;
        !missing.is_open
    }
}

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
                let want = Want { chain: config.id, level: config.verify, needs, patient };
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
        let claims_more = short.is_missing && head.number >= short.number;
        if let Some(endpoint) = self.pool.all().iter().find(|endpoint| endpoint.index == head.endpoint) {
            self.pool.doubt(endpoint, claims_more);
        }
        // Once in a while, not at each attempt.
        if self.pace.failures().is_power_of_two() && self.pace.failures() > 1 {
            tracing::info!(chain = self.name, "block {} can't be had: {}", short.number, short.reason);
        }
        self.stand(format!("block {}: {}", short.number, short.reason));
    }

    /// Takes a block in. Returns what else is to be done if it does not stand on the tip.
    async fn take(&mut self, fetched: Fetched, head: &Head) -> Result<Option<Took>, Closed> {
        let Fetched { block, raw, endpoint, without } = fetched;
        let link = Link { number: block.number, hash: block.hash, parent_hash: block.parent_hash };
        match self.canon.judge(&link) {
            Verdict::Known => return Ok(None),
            Verdict::Gap => {
                // The fork is older than the block: its ancestor is further down.
                let below = block.number.saturating_sub(1);
                return Ok(Some(match self.ancestor(below, Some(endpoint)).await? {
                    Some(ancestor) => Took::Fork(ancestor),
                    None => {
                        self.pace.failed(Instant::now(), false);
                        Took::Short
                    }
                }));
            }
            Verdict::Reorg { reverted } => {
                let lowest = reverted.last().map_or(0, |block| block.number);
                if self.below_final(lowest.saturating_sub(1), endpoint).await? {
                    self.pace.failed(Instant::now(), false);
                    return Ok(Some(Took::Short));
                }
                self.send(Event::Reverted { chain: self.config.id, blocks: reverted }).await?;
            }
            Verdict::Extends => {}
        }
        self.contest.extends(link.number, head.number, head.endpoint);
        self.tell_extras(&block, &without).await?;
        self.canon.admit(&link);
        self.pace.progressed();
        self.moved();
        let raw = self.keep_raw.then(|| Box::new(raw));
        let event = Event::Committed { block: Arc::new(block) };
        self.out.send(Delivery { raw, ..Delivery::now(event) }).await?;
        Ok(None)
    }

    /// Opens a finding for a part that a block comes without, and ends it once blocks have it again.
    async fn tell_extras(&mut self, block: &crate::block::Block, without: &[(Part, String)]) -> Result<(), Closed> {
        if block.transactions.is_empty() {
            return Ok(());
        }
        for (part, reason) in without {
            if self.extras.is_without(*part) {
                let message = format!(
                    "no {name} of block {}: {reason}. The block is taken in without them, and so are those after it until \
                     they come again; detectors that need {name} do not see them. Name a node that offers them",
                    block.number,
                    name = part.name(),
                );
                self.open(part.kind(), Severity::High, message).await?;
            }
        }
        let had = [(Part::Traces, block.frames.is_some()), (Part::Storage, block.storage.is_some())];
        for (part, _) in had.into_iter().filter(|(_, is_there)| *is_there) {
            if self.extras.is_with(part) {
                let message = format!("{} come again, from block {} on", part.name(), block.number);
                self.end(part.kind(), Severity::High, message).await?;
            }
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_waits_for_its_frames_for_a_while_and_those_after_it_no_longer() {
        let (mut extras, start) = (Extras::new(Duration::from_secs(120)), Instant::now());
        assert!(extras.is_patient(start));
        extras.short(7, start);
        extras.short(7, start + Duration::from_secs(9));
        assert!(extras.is_patient(start + Duration::from_secs(9)));
        assert!(!extras.is_patient(start + Duration::from_secs(10)));
        assert!(extras.is_without(Part::Traces) && !extras.is_without(Part::Traces), "once");
        extras.short(8, start + Duration::from_secs(11));
        assert!(!extras.is_patient(start + Duration::from_secs(11)), "not again for each block");
        assert!(extras.is_with(Part::Traces), "over with the first that has them");
        assert!(extras.is_patient(start + Duration::from_secs(12)));
        assert!(extras.is_without(Part::Traces));
        assert_eq!(
            [extras.is_with(Part::Traces), extras.is_with(Part::Traces)],
            [false, true],
            "what comes and goes ends later"
        );
    }
}
