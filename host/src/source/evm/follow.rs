//! One chain, followed: every block once, in order, each checked; reorgs as what left and what came.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures::StreamExt;
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;

use super::canon::{Canon, Link, Verdict};
use super::config::{ChainConfig, Finality, Start};
use super::fetch::{self, Fetched, Name, Want};
use super::pool::Pool;
use super::read::Reader;
use super::{heads, pending};
use crate::block::BlockRef;
use crate::event::{Coverage, Event};
use crate::finding::Severity;
use crate::source::Delivery;
use crate::subscription::Needs;

/// How often the nodes are compared with each other, unless stalls are looked for more often.
const SURVEY_EVERY: Duration = Duration::from_secs(15);
/// How often a head that went back without a new block must be seen before it is believed: a node behind a balancer
/// may only be late.
const BACK_BEFORE_BELIEVED: u32 = 3;
/// Names asked for at once on the way back to a common ancestor.
const STEPS_BACK: u64 = 32;

/// How far a chain has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The newest block that was handed over.
    pub cursor: u64,
    /// The newest block that there is.
    pub head: u64,
    /// The node that says so.
    pub endpoint: String,
}

/// A chain's task.
pub struct Follower {
    name: String,
    config: ChainConfig,
    pool: Arc<Pool>,
    canon: Canon,
    needs: watch::Receiver<Needs>,
    keep_raw: bool,
    out: mpsc::Sender<Delivery>,
    progress: watch::Sender<Progress>,
    settled: (u64, u64),
    back_looks: u32,
    /// The highest head so far, and when it came.
    newest: (u64, Instant),
    is_stalled: bool,
    is_unreachable: bool,
    is_unsettled: bool,
}

/// The loop is gone: there is nobody to hand blocks to.
#[derive(Debug)]
struct Closed;

impl From<mpsc::error::SendError<Delivery>> for Closed {
    fn from(_: mpsc::error::SendError<Delivery>) -> Self {
        Closed
    }
}

impl Follower {
    /// A chain that is known up to `tail`, oldest first. `folder` is what relative files of the config start from.
    pub fn new(
        name: String,
        config: ChainConfig,
        folder: &Path,
        tail: Vec<BlockRef>,
        needs: watch::Receiver<Needs>,
        keep_raw: bool,
        out: mpsc::Sender<Delivery>,
    ) -> anyhow::Result<Self> {
        let config = config.resolve(folder)?;
        let canon = Canon::new(config.id, &tail).with_context(|| format!("the journal's blocks of {name}"))?;
        let tip = canon.tip().map_or(0, |tip| tip.number);
        Ok(Self {
            pool: Arc::new(Pool::new(&config)),
            progress: watch::channel(Progress { cursor: tip, head: tip, endpoint: String::new() }).0,
            settled: (0, 0),
            back_looks: 0,
            newest: (0, Instant::now()),
            is_stalled: false,
            is_unreachable: false,
            is_unsettled: false,
            name,
            config,
            canon,
            needs,
            keep_raw,
            out,
        })
    }

    /// Knows already up to which heights the chain is safe and final, and by their kinds which faults are open: those
    /// that are over are told to be.
    pub fn knowing(mut self, settled: (u64, u64), faults: &[String]) -> Self {
        let is_open = |kind: &str| faults.iter().any(|fault| fault == kind);
        self.settled = settled;
        self.is_stalled = is_open("head-stalled");
        self.is_unreachable = is_open("chain-unreachable");
        self.is_unsettled = is_open("finality-missing");
        self
    }

    /// Reads of this chain's state, by the same nodes.
    pub fn reader(&self) -> Reader {
        Reader::new(self.pool.clone(), Handle::current())
    }

    /// How far it has come, as it goes.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Follows until it is told to stop.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) -> anyhow::Result<()> {
        let woken = Arc::new(Notify::new());
        let listening = tokio::spawn(heads::listen(self.pool.clone(), woken.clone(), stop.clone()));
        let waiting = pending::Watch::new(self.config.id, self.pool.clone(), self.needs.clone(), self.out.clone());
        let waiting = tokio::spawn(waiting.run());
        let mut until = stop.clone();
        tokio::select! {
            _ = until.wait_for(|stopped| *stopped) => {}
            Closed = self.follow(&woken, &mut stop) => {}
        }
        listening.abort();
        waiting.abort();
        Ok(())
    }

    async fn follow(&mut self, woken: &Notify, stop: &mut watch::Receiver<bool>) -> Closed {
        let poll = Duration::from_millis(self.config.poll_interval_ms);
        let survey_every = SURVEY_EVERY.min(Duration::from_secs(self.config.stall_after_s));
        let mut surveyed = Instant::now();
        while !*stop.borrow() {
            let round = async {
                self.round().await?;
                if surveyed.elapsed() >= survey_every {
                    heads::survey(&self.pool, &self.canon).await;
                    surveyed = Instant::now();
                }
                self.tell_notices().await
            };
            if let Err(closed) = round.await {
                return closed;
            }
            let wait = async {
                tokio::select! {
                    () = woken.notified() => {}
                    () = tokio::time::sleep(poll) => {}
                }
                self.pool.rested().await;
            };
            wait.await;
        }
        Closed
    }

    /// Looks at the head once, and takes in all that is new up to it.
    async fn round(&mut self) -> Result<(), Closed> {
        let Some((head, endpoint)) = heads::head(&self.pool).await else {
            return self.unreachable(true).await;
        };
        self.unreachable(false).await?;
        let number = head.number.to::<u64>();
        self.progress.send_modify(|progress| {
            progress.head = number;
            progress.endpoint.clone_from(&endpoint);
        });
        self.watch_stall(number).await?;
        match self.canon.tip() {
            None => {
                let first = match self.config.start {
                    Start::Latest => number,
                    Start::Number(first) => first,
                };
                self.back_looks = 0;
                self.take_to(first, number).await?;
            }
            Some(tip) if number > tip.number => {
                self.back_looks = 0;
                self.take_to(tip.number + 1, number).await?;
            }
            Some(tip) if self.canon.hash_at(number) == Some(head.hash) => {
                if number == tip.number {
                    self.back_looks = 0;
                } else {
                    self.gone_back(number).await?;
                }
            }
            Some(_) => {
                self.back_looks = 0;
                self.turn_to(head).await?;
            }
        }
        self.settle().await
    }

    /// The head is a block below the tip: the blocks above it are gone, or the node is late.
    async fn gone_back(&mut self, number: u64) -> Result<(), Closed> {
        self.back_looks += 1;
        if self.back_looks < BACK_BEFORE_BELIEVED {
            return Ok(());
        }
        self.back_looks = 0;
        if self.below_final(number).await? {
            return Ok(());
        }
        let blocks = self.canon.revert_above(number);
        self.progress.send_modify(|progress| progress.cursor = number);
        self.newest = (number, Instant::now());
        self.send(Event::Reverted { chain: self.config.id, blocks }).await
    }

    /// The head is on another fork: goes back to the common ancestor, and takes in all from there.
    async fn turn_to(&mut self, head: Name) -> Result<(), Closed> {
        let number = head.number.to::<u64>();
        if let Some(ancestor) = self.ancestor(number).await?
            && !self.below_final(ancestor).await?
        {
            self.newest = (number, Instant::now());
            self.take_to(ancestor + 1, number).await?;
        }
        Ok(())
    }

    /// Takes in the blocks of a range, in order, fetching ahead. Ends early where a block does not follow or can't be
    /// had; the next round goes on from there.
    async fn take_to(&mut self, first: u64, last: u64) -> Result<(), Closed> {
        let mut first = first;
        loop {
            match self.take_range(first, last).await? {
                Some(ancestor) => first = ancestor + 1,
                None => return Ok(()),
            }
        }
    }

    /// As [`Self::take_to`]; where the blocks turn out to be on another fork, the ancestor to go on from.
    async fn take_range(&mut self, first: u64, last: u64) -> Result<Option<u64>, Closed> {
        let (pool, config) = (self.pool.clone(), self.config.clone());
        let batch = u64::from(config.batch.max(1));
        let chunks = (first..=last).step_by(batch as usize).map(|from| (from, last.min(from + batch - 1)));
        let needs = self.needs.clone();
        let mut fetching = futures::stream::iter(chunks)
            .map(|(from, to)| {
                let (pool, needs) = (&pool, *needs.borrow());
                let want = Want { chain: config.id, level: config.verify, needs };
                async move {
                    let numbers: Vec<u64> = (from..=to).collect();
                    fetch::blocks(pool, &numbers, want).await
                }
            })
            .buffered((config.prefetch as usize / batch as usize).max(1));
        while let Some(fetched) = fetching.next().await {
            self.tell_notices().await?;
            // Nobody gives these blocks for now: the next round asks again.
            let Some(fetched) = fetched else { return Ok(None) };
            for fetched in fetched {
                if let Some(ancestor) = self.take(fetched).await? {
                    return Ok(Some(ancestor));
                }
            }
            // Tags are the node's at its head, and say nothing of a backlog; confirmations are ours to count.
            if matches!(self.config.finality, Finality::Confirmations(_)) {
                self.settle().await?;
            }
        }
        Ok(None)
    }

    /// Takes a block in. Where it does not stand on the tip, the ancestor to go on from instead.
    async fn take(&mut self, fetched: Fetched) -> Result<Option<u64>, Closed> {
        let Fetched { block, raw } = fetched;
        let link = Link { number: block.number, hash: block.hash, parent_hash: block.parent_hash };
        match self.canon.judge(&link) {
            Verdict::Known => return Ok(None),
            Verdict::Gap => {
                // The fork is older than the block: its ancestor is further down.
                let ancestor = self.ancestor(block.number.saturating_sub(1)).await?;
                return match ancestor {
                    Some(ancestor) if !self.below_final(ancestor).await? => Ok(Some(ancestor)),
                    _ => Ok(None),
                };
            }
            Verdict::Reorg { reverted } => {
                let lowest = reverted.last().map_or(0, |block| block.number);
                if self.below_final(lowest.saturating_sub(1)).await? {
                    return Ok(None);
                }
                self.send(Event::Reverted { chain: self.config.id, blocks: reverted }).await?;
            }
            Verdict::Extends => {}
        }
        self.canon.admit(&link);
        self.progress.send_modify(|progress| progress.cursor = link.number);
        let raw = self.keep_raw.then(|| Box::new(raw));
        let event = Event::Committed { block: Arc::new(block) };
        self.out.send(Delivery { raw, ..Delivery::now(event) }).await?;
        Ok(None)
    }

    /// The highest block at or below a height that both we and the nodes have; `None` where that can't be told now.
    async fn ancestor(&mut self, from: u64) -> Result<Option<u64>, Closed> {
        let tip = self.canon.tip().map_or(0, |tip| tip.number);
        let mut high = from.min(tip);
        loop {
            let lowest = self.canon.lowest();
            let low = high.saturating_sub(STEPS_BACK - 1).max(lowest);
            let numbers: Vec<u64> = (low..=high).rev().collect();
            let Some(names) = heads::names(&self.pool, &numbers).await else { return Ok(None) };
            for (number, name) in numbers.iter().zip(names) {
                if name.is_some_and(|name| self.canon.hash_at(*number) == Some(name.hash)) {
                    return Ok(Some(*number));
                }
            }
            let depth = tip - low;
            let too_deep = self.config.max_reorg_depth.is_some_and(|most| depth > most);
            if low == lowest || too_deep {
                let message = format!(
                    "{}: the nodes' chain has no block in common with ours down to {low}; it is not followed. Compare \
                     with another node; to follow it, start with a new journal",
                    self.name
                );
                self.fault("reorg-too-deep", Severity::Critical, message, false).await?;
                return Ok(None);
            }
            high = low - 1;
        }
    }

    /// Whether going back to a height would undo what is final; told, and not done.
    async fn below_final(&mut self, ancestor: u64) -> Result<bool, Closed> {
        let (_, finalized) = self.settled;
        if ancestor >= finalized {
            return Ok(false);
        }
        let message = format!(
            "{}: the node's chain leaves ours at block {ancestor}, below block {finalized} that is final: it lies, or \
             finality was broken. It is not followed; compare with another node",
            self.name
        );
        if let Some(endpoint) = self.pool.order().first() {
            self.pool.refused(endpoint, message.clone());
        }
        self.fault("finality-broken", Severity::Critical, message, false).await?;
        Ok(true)
    }

    /// Tells of blocks that became settled.
    async fn settle(&mut self) -> Result<(), Closed> {
        let Some(tip) = self.canon.tip() else { return Ok(()) };
        let (safe, finalized) = match self.config.finality {
            Finality::Confirmations(count) => {
                let settled = tip.number.saturating_sub(count);
                (settled, settled)
            }
            Finality::Tags => {
                // A reorg that is not believed can't undo what lies below it.
                let deepest = self.config.max_reorg_depth.map_or(0, |most| tip.number.saturating_sub(most));
                let (safe, finalized) = (self.tag("safe").await, self.tag("finalized").await);
                (safe.unwrap_or(0).max(deepest), finalized.unwrap_or(0).max(deepest))
            }
        };
        let now = (safe.max(self.settled.0), finalized.max(self.settled.1));
        self.watch_finality(tip.number, now.1).await?;
        let known = |number: u64| number > 0 && number >= self.canon.lowest();
        if now == self.settled || !known(now.0) && !known(now.1) {
            return Ok(());
        }
        self.settled = now;
        self.send(Event::Finality { chain: self.config.id, safe: now.0, finalized: now.1 }).await
    }

    /// Told once finality has been missing for long, and once it is back.
    async fn watch_finality(&mut self, tip: u64, finalized: u64) -> Result<(), Closed> {
        let unsettled = tip - finalized.max(self.canon.lowest()).min(tip);
        let is_unsettled = unsettled > self.config.unfinal_after_blocks;
        if is_unsettled == std::mem::replace(&mut self.is_unsettled, is_unsettled) {
            return Ok(());
        }
        let message = match is_unsettled {
            true => format!(
                "none of the newest {unsettled} blocks is known to be final, so all that undoes them is kept, and the \
                 journal drops nothing of before; if the node does not tell what is final, set `finality = {{ \
                 confirmations = … }}` or `max_reorg_depth`"
            ),
            false => format!("blocks up to {finalized} are final"),
        };
        self.fault("finality-missing", Severity::Medium, message, !is_unsettled).await
    }

    /// The height of a tag, where the block there is one of ours.
    async fn tag(&self, tag: &'static str) -> Option<u64> {
        let order = self.pool.order();
        let endpoint = order.first()?;
        if endpoint.lacks(tag) {
            return None;
        }
        match heads::name(endpoint, tag).await {
            Ok(name) => {
                let name = name?;
                let number = name.number.to::<u64>();
                (self.canon.hash_at(number) == Some(name.hash)).then_some(number)
            }
            Err(fault) => {
                if fault.is_unsupported() {
                    endpoint.note_lack(tag);
                }
                None
            }
        }
    }

    async fn watch_stall(&mut self, number: u64) -> Result<(), Closed> {
        if number > self.newest.0 {
            self.newest = (number, Instant::now());
            if std::mem::take(&mut self.is_stalled) {
                self.fault("head-stalled", Severity::High, format!("the head moves again, at {number}"), true).await?;
            }
        } else if !self.is_stalled && self.newest.1.elapsed() >= Duration::from_secs(self.config.stall_after_s) {
            self.is_stalled = true;
            let message = format!("no new block since {number} for {} s", self.config.stall_after_s);
            self.fault("head-stalled", Severity::High, message, false).await?;
        }
        Ok(())
    }

    /// Told once the last node is gone, and once one is back.
    async fn unreachable(&mut self, is_unreachable: bool) -> Result<(), Closed> {
        if self.is_unreachable == is_unreachable {
            return Ok(());
        }
        self.is_unreachable = is_unreachable;
        let message = match is_unreachable {
            true => "no node answers; blocks that come meanwhile are taken in once one does",
            false => "a node answers again",
        };
        self.fault("chain-unreachable", Severity::Critical, message.to_owned(), !is_unreachable).await
    }

    async fn fault(&self, kind: &str, severity: Severity, message: String, over: bool) -> Result<(), Closed> {
        let subject = format!("chain/{}", self.config.id);
        let message = if message.starts_with(&self.name) { message } else { format!("{}: {message}", self.name) };
        self.send(Event::Coverage { coverage: Coverage { kind: kind.into(), subject, severity, message, over } }).await
    }

    async fn tell_notices(&self) -> Result<(), Closed> {
        for coverage in self.pool.take_notices() {
            self.send(Event::Coverage { coverage }).await?;
        }
        Ok(())
    }

    async fn send(&self, event: Event) -> Result<(), Closed> {
        Ok(self.out.send(Delivery::now(event)).await?)
    }
}
