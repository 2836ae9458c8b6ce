//! Blocks that were taken in without a part that may still come: it is asked for again beside the chain, which goes on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;

use super::Closed;
use super::course::Course;
use super::findings::Findings;
use crate::block::{BlockRef, Frames, Parts, StorageChanges};
use crate::event::Event;
use crate::finding::Severity;
use crate::source::Delivery;
use crate::source::evm::config::ChainConfig;
use crate::source::evm::family::{Recover, Rules};
use crate::source::evm::fetch::{self, Want};
use crate::source::evm::pool::Pool;
use crate::source::evm::rest::rest;
use crate::subscription::Needs;

/// Blocks that are waited for at once. Those beyond are shown without the part.
const MOST: usize = 64;
/// How long to wait before a part is asked for again, at first and at most.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
const GIVEN_UP: &str = "traces-given-up";

/// A block, and what of it is still to come.
#[derive(Clone, Debug)]
struct Owed {
    block: BlockRef,
    parts: Parts,
    since: Instant,
    next: Instant,
    tries: u32,
    frames: Option<Arc<Frames>>,
    storage: Option<Arc<StorageChanges>>,
    /// What came of it and was not given on yet.
    news: Option<News>,
}

/// What is to be told of a block.
#[derive(Clone, Debug)]
struct News {
    since: Instant,
    /// Parts that it is not waited for any more.
    given_up: Parts,
    /// Why a part that is wanted is given up.
    gives_up: Option<String>,
    /// Whether it is waited for no longer.
    is_done: bool,
}

impl Owed {
    fn has(&self) -> Parts {
        Parts { traces: self.frames.is_some(), storage: self.storage.is_some() }
    }
}

/// The blocks of one chain whose parts are still to come, by height.
#[derive(Clone, Default)]
pub(super) struct Owing {
    blocks: Arc<Mutex<BTreeMap<u64, Owed>>>,
    changed: Arc<Notify>,
}

impl Owing {
    /// True if one more block may be waited for.
    pub(super) fn has_room(&self) -> bool {
        self.locked().len() < MOST
    }

    /// Has parts of a block asked for, from a first rest on.
    pub(super) fn add(&self, block: BlockRef, parts: Parts) {
        let now = Instant::now();
        let next = now + rest(AGAIN.0, AGAIN.1, 1);
        let owed = Owed { block, parts, since: now, next, tries: 0, frames: None, storage: None, news: None };
        self.locked().insert(block.number, owed);
        self.changed.notify_one();
    }

    /// Forgets blocks that left the chain.
    pub(super) fn forget(&self, blocks: &[BlockRef]) {
        let mut owed = self.locked();
        for block in blocks {
            if owed.get(&block.number).is_some_and(|owed| owed.block == *block) {
                owed.remove(&block.number);
            }
        }
    }

    /// Returns the block that is to be asked about first, and when.
    fn first(&self) -> Option<Owed> {
        let blocks = self.locked();
        let open = blocks.values().filter(|owed| !owed.news.as_ref().is_some_and(|news| news.is_done));
        open.min_by_key(|owed| (owed.next, owed.block.number)).cloned()
    }

    /// Puts a block back for its next turn, unless it left the chain meanwhile.
    fn put_back(&self, owed: Owed) {
        let mut blocks = self.locked();
        if let Some(known) = blocks.get_mut(&owed.block.number).filter(|known| known.block == owed.block) {
            *known = owed;
        }
    }

    /// Has all blocks asked about at once: whoever gave one may give the others too.
    fn hurry(&self, now: Instant) {
        self.locked().values_mut().for_each(|owed| owed.next = owed.next.min(now));
    }

    /// Returns since when something waits to be given on.
    fn news_since(&self) -> Option<Instant> {
        self.locked().values().filter_map(|owed| owed.news.as_ref()).map(|news| news.since).min()
    }

    /// Takes out what is to be given on, oldest block first. Blocks that are still waited for stay.
    fn take_news(&self) -> Vec<(Owed, News)> {
        let mut blocks = self.locked();
        let mut all = Vec::new();
        blocks.retain(|_, owed| {
            let Some(news) = owed.news.take() else { return true };
            let is_done = news.is_done;
            all.push((owed.clone(), news));
            !is_done
        });
        all
    }

    fn is_empty(&self) -> bool {
        self.locked().is_empty()
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<u64, Owed>> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks for what is owed.
pub(super) struct Collector {
    pub(super) pool: Arc<Pool>,
    pub(super) config: ChainConfig,
    pub(super) needs: watch::Receiver<Needs>,
    pub(super) owing: Owing,
    pub(super) findings: Arc<Mutex<Findings>>,
    pub(super) out: mpsc::Sender<Delivery>,
}

impl Collector {
    /// Runs until nobody takes what it brings.
    pub(super) async fn run(self) {
        let within = Duration::from_secs(self.config.traces_within_s);
        let is_open = self.findings.lock().unwrap_or_else(PoisonError::into_inner).is_open(GIVEN_UP);
        let mut course = Course::new(is_open.then(|| Instant::now() + within));
        loop {
            let now = Instant::now();
            let asked = self.owing.first().map(|owed| owed.next);
            let given = self.owing.news_since().map(|since| course.given_from(since, asked, now));
            let next = asked.into_iter().chain(given).chain(course.until).min();
            let due = async {
                match next {
                    Some(next) => tokio::time::sleep_until(next).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => {}
                () = self.owing.changed.notified() => continue,
                () = self.out.closed() => return,
            }
            if self.turn(&mut course, within).await.is_err() {
                return;
            }
        }
    }

    /// Does what is due.
    async fn turn(&self, course: &mut Course, within: Duration) -> Result<(), Closed> {
        let now = Instant::now();
        if course.until.is_some_and(|until| until <= now) {
            course.until = None;
            let message = format!("no block was given up for {} s", within.as_secs());
            self.finding(&message, true).await?;
        }
        let first = self.owing.first();
        let asked = first.as_ref().map(|owed| owed.next);
        if self.owing.news_since().is_some_and(|since| course.given_from(since, asked, now) <= now) {
            if self.give_on(within).await? {
                course.until = Some(Instant::now() + within);
            }
            course.given(self.owing.is_empty(), Instant::now());
        } else if let Some(owed) = first.filter(|owed| owed.next <= now)
            && self.collect(owed, within).await
            && course.hurries(now)
        {
            self.owing.hurry(now);
        }
        Ok(())
    }

    /// Asks for the parts of one block. Returns true if some came.
    async fn collect(&self, mut owed: Owed, within: Duration) -> bool {
        let wanted = owed.parts.both(self.needs.borrow().parts());
        let open = wanted.without(owed.has());
        let mut reason = String::new();
        if !open.is_empty() {
            reason = self.ask(&mut owed, open).await;
        }
        let now = Instant::now();
        owed.tries = owed.tries.saturating_add(1);
        owed.next = now + rest(AGAIN.0, AGAIN.1, owed.tries.saturating_add(1));
        let left = wanted.without(owed.has());
        let gives_up = !left.is_empty() && owed.since.elapsed() >= within;
        let is_done = left.is_empty() || gives_up;
        let came = left != open;
        if is_done || came {
            // What nobody wants any more is given up, too, and no finding.
            let given_up = if is_done { owed.parts.without(owed.has()) } else { Parts::default() };
            let since = owed.news.as_ref().map_or(now, |news| news.since);
            owed.news = Some(News { since, given_up, gives_up: gives_up.then_some(reason), is_done });
        }
        self.owing.put_back(owed);
        came
    }

    /// Gives on what came, oldest block first: so detectors see once what came since, however many blocks it is. Returns true if
    /// one was given up.
    async fn give_on(&self, within: Duration) -> Result<bool, Closed> {
        let mut is_given_up = false;
        for (owed, news) in self.owing.take_news() {
            let number = owed.block.number;
            let (frames, storage, given_up) = (owed.frames, owed.storage, news.given_up);
            let event = Event::Completed { block: owed.block, frames, storage, given_up };
            self.out.send(Delivery::now(event)).await?;
            if let Some(reason) = news.gives_up {
                let message = format!(
                    "block {number} did not come with all that detectors want of it within {} s, and they see it without: \
                     {reason}. Name a node that traces such blocks, and look at the block yourself",
                    within.as_secs()
                );
                self.finding(&message, false).await?;
                is_given_up = true;
            }
        }
        Ok(is_given_up)
    }

    /// Asks the nodes once. Returns why something is still missing.
    async fn ask(&self, owed: &mut Owed, open: Parts) -> String {
        let needs = Needs { traces: open.traces, storage: open.storage, ..Needs::KEPT };
        let want = Want {
            chain: self.config.id,
            rules: Rules { recover: Recover::Later, ..self.config.rules(self.config.id) },
            needs,
            patient: false,
            is_late: true,
        };
        let served = fetch::blocks(&self.pool, &[owed.block.number], want).await;
        let Some(fetched) = served.fetched.into_iter().next() else {
            return served.short.map(|short| short.reason).unwrap_or_default();
        };
        if fetched.block.hash != owed.block.hash {
            return format!("the nodes have another block there, {}", fetched.block.hash);
        }
        owed.frames = owed.frames.take().or(fetched.block.frames.map(Arc::new));
        owed.storage = owed.storage.take().or(fetched.block.storage.map(Arc::new));
        let reasons: Vec<String> = fetched.without.into_iter().map(|without| without.reason).collect();
        reasons.join("; ")
    }

    async fn finding(&self, message: &str, over: bool) -> Result<(), Closed> {
        let sending = {
            let mut findings = self.findings.lock().unwrap_or_else(PoisonError::into_inner);
            findings.turn(GIVEN_UP, Severity::High, message, over)
        };
        if let Some((out, delivery)) = sending {
            out.send(delivery).await?;
        }
        Ok(())
    }
}
