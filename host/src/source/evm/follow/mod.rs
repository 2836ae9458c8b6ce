//! One chain, followed: every block once, in order, each checked; reorgs as what left and what came.

mod agreement;
mod course;
mod extras;
mod finality;
mod findings;
mod fork;
mod owing;
mod pace;
mod quiet;
mod round;
mod take;
#[cfg(test)]
mod tests;
mod time;
mod watchdog;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::canon::Canon;
use super::config::ChainConfig;
use super::pool::Pool;
use super::read::Reader;
use super::refusal::{Check, Refusal};
use super::{heads, pending};
use crate::block::{BlockRef, FalseSender, FalseSenders, Parts};
use crate::event::Event;
use crate::source::Delivery;
use crate::subscription::Needs;
use agreement::Asker;
use extras::Extras;
use findings::Findings;
use fork::Contest;
use owing::{Collector, Owing};
use pace::Pace;
use quiet::Quiet;
use watchdog::Watchdog;

/// How often the nodes are compared with each other, unless stalls are looked for more often.
const SURVEY_EVERY: Duration = Duration::from_secs(15);
/// After how long nodes that name different blocks are compared again: the newest ones may differ for a moment.
const SURVEY_AGAIN: Duration = Duration::from_secs(5);
/// Waits for a task that ends by a panic, and goes on with it.
async fn failed(tasks: &mut JoinSet<()>) {
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended
            && let Ok(panic) = error.try_into_panic()
        {
            std::panic::resume_unwind(panic);
        }
    }
    std::future::pending().await
}

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

/// The heights up to which a chain is settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// The newest block that is safe.
    pub safe: u64,
    /// The newest block that is final.
    pub finalized: u64,
}

/// What the watchdog sees of the follower.
#[derive(Clone, Debug, Default)]
struct Standing {
    tip: Option<BlockRef>,
    /// Why the last attempt at the next block failed; empty if it did not.
    why: String,
    /// When a node named its head last.
    heard: Option<Instant>,
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
    standing: watch::Sender<Standing>,
    findings: Arc<Mutex<Findings>>,
    settled: Settled,
    back_looks: u32,
    pace: Pace,
    quiet: Quiet,
    extras: Extras,
    owing: Owing,
    /// Whether the chain has heights without a block.
    skips_heights: bool,
    contest: Contest,
    said: agreement::Shared,
    /// Senders of blocks that were handed over, of which the node said something else than the signature.
    false_senders: Arc<FalseSenders>,
    /// The height up to which enough operators name our blocks.
    agreed: Option<u64>,
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
    /// Makes the follower of a chain that is known up to `tail`, oldest first. `folder` is what relative files of the
    /// config start from.
    ///
    /// # Errors
    /// If the config does not resolve, or `tail` has a hole.
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
        let tip = canon.tip();
        let height = tip.map_or(0, |tip| tip.number);
        let findings = Findings::new(&name, config.id, out.clone());
        Ok(Self {
            pool: Arc::new(Pool::new(&config)),
            progress: watch::channel(Progress { cursor: height, head: height, endpoint: String::new() }).0,
            standing: watch::channel(Standing { tip, why: String::new(), heard: None }).0,
            findings: Arc::new(Mutex::new(findings)),
            settled: Settled::default(),
            back_looks: 0,
            pace: Pace::new(&config),
            quiet: Quiet::new(Duration::from_secs(config.stall_after_s), Instant::now()),
            extras: Extras::new(Duration::from_secs(config.stall_after_s), Duration::from_secs(config.traces_within_s)),
            owing: Owing::default(),
            skips_heights: config.rules(config.id).family_of(config.id).skips_heights(),
            contest: Contest::default(),
            said: agreement::Shared::default(),
            false_senders: Arc::default(),
            agreed: None,
            name,
            config,
            canon,
            needs,
            keep_raw,
            out,
        })
    }

    /// Goes on from what the journal knows: how far the chain is settled, by their kinds which findings about it are open,
    /// so that they end when they are over, and of which blocks which parts are still to come.
    pub fn knowing(mut self, settled: Settled, open: &[String], awaited: &[(BlockRef, Parts)]) -> Self {
        awaited.iter().for_each(|(block, parts)| self.owing.add(*block, *parts));
        self.settled = settled;
        self.extras.know(open);
        self.contest.know(open);
        self.findings.lock().unwrap_or_else(PoisonError::into_inner).know(open);
        self
    }

    /// Returns a reader of this chain's state, by the same nodes.
    pub fn reader(&self) -> Reader {
        Reader::new(self.pool.clone(), Handle::current())
    }

    /// Returns how far it has come, as it goes.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Follows the chain until `stop` is true or nobody takes its blocks any more.
    ///
    /// # Errors
    /// None; it ends by a panic if itself, or what runs beside it, does.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) -> anyhow::Result<()> {
        let woken = Arc::new(Notify::new());
        // Whatever ends this ends them too.
        let mut beside = JoinSet::new();
        beside.spawn(heads::listen(self.pool.clone(), woken.clone(), stop.clone()));
        let waiting = pending::Watch::new(self.config.id, self.pool.clone(), self.needs.clone(), self.out.clone());
        beside.spawn(waiting.run());
        let stall_after = Duration::from_secs(self.config.stall_after_s);
        let watchdog = Watchdog::new(self.pool.clone(), self.findings.clone(), self.standing.subscribe(), stall_after);
        beside.spawn(watchdog.run());
        let collector = Collector {
            pool: self.pool.clone(),
            config: self.config.clone(),
            needs: self.needs.clone(),
            owing: self.owing.clone(),
            findings: self.findings.clone(),
            out: self.out.clone(),
        };
        beside.spawn(collector.run());
        if self.wants_agreement() {
            let asker = Asker {
                pool: self.pool.clone(),
                standing: self.standing.subscribe(),
                said: self.said.clone(),
                woken: woken.clone(),
                least: self.config.agree as usize,
                every: Duration::from_millis(self.config.poll_interval_ms),
            };
            beside.spawn(asker.run());
        }
        let mut until = stop.clone();
        tokio::select! {
            _ = until.wait_for(|stopped| *stopped) => {}
            Closed = self.follow(&woken, &mut stop) => {}
            () = failed(&mut beside) => {}
        }
        Ok(())
    }

    async fn follow(&mut self, woken: &Notify, stop: &mut watch::Receiver<bool>) -> Closed {
        let poll = Duration::from_millis(self.config.poll_interval_ms);
        let survey_every = SURVEY_EVERY.min(Duration::from_secs(self.config.stall_after_s));
        let mut surveyed = Instant::now();
        let mut differed = false;
        while !*stop.borrow() {
            let round = async {
                self.round().await?;
                if surveyed.elapsed() >= survey_every || differed && surveyed.elapsed() >= SURVEY_AGAIN {
                    let differs = heads::survey(&self.pool, &self.canon).await;
                    surveyed = Instant::now();
                    self.compare(differs, &mut differed).await?;
                }
                self.send_notices().await
            };
            if let Err(closed) = round.await {
                return closed;
            }
            tokio::select! {
                () = woken.notified() => {}
                () = tokio::time::sleep(poll) => {}
            }
            self.pool.rested().await;
        }
        Closed
    }

    /// Hands over that blocks left the chain.
    async fn revert(&mut self, blocks: Vec<BlockRef>) -> Result<(), Closed> {
        self.owing.forget(&blocks);
        self.disagree_above(blocks.iter().map(|block| block.number).min().unwrap_or(u64::MAX).saturating_sub(1));
        self.send(Event::Reverted { chain: self.config.id, blocks }).await
    }

    /// Publishes the tip as it is now.
    fn moved(&self) {
        let tip = self.canon.tip();
        self.progress.send_modify(|progress| progress.cursor = tip.map_or(0, |tip| tip.number));
        self.standing.send_modify(|standing| {
            standing.tip = tip;
            standing.why.clear();
        });
    }

    /// Notes why the tip stands; empty if it stands at the head.
    fn stand(&self, why: String) {
        self.standing.send_if_modified(|standing| {
            standing.why = why;
            false
        });
    }

    async fn send_notices(&self) -> Result<(), Closed> {
        self.hear_of_senders();
        for coverage in self.pool.take_notices() {
            self.send(Event::Coverage { coverage }).await?;
        }
        Ok(())
    }

    /// Blames the nodes whose word of a sender turned out to be false. The block was handed over with the sender that signed.
    fn hear_of_senders(&self) {
        for FalseSender { source, block, row, stated, signed } in self.false_senders.take() {
            let Some(endpoint) = self.pool.at(source) else { continue };
            let refusal = Refusal::new(Check::Sender, format!("another sender in transaction {row}"), signed, stated)
                .advise("the block was taken in with whoever signed");
            self.pool.refused(endpoint, Refusal { subject: format!("block {block}"), ..refusal }.to_string());
        }
    }

    async fn send(&self, event: Event) -> Result<(), Closed> {
        Ok(self.out.send(Delivery::now(event)).await?)
    }
}
