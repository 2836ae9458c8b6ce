//! The one loop: turns come in through one channel, and every change of state happens here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use alloy::primitives::B256;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};

use crate::app::deploy::applied::Failing;
use crate::app::deploy::change::Change;
use crate::app::deploy::load::LoadedPlan;
use crate::app::engine::resume::ChainResume;
use crate::app::engine::retention::Retention;
use crate::app::engine::status::{DetectorStatus, Metrics};
use crate::app::engine::{Engine, Given};
use crate::app::live::disk::Disk;
use crate::app::live::output::Output;
use crate::app::live::recorder::Tape;
use crate::app::live::swaps::Swaps;
use crate::block::ChainId;
use crate::deliver::webhook::{Undelivered, Webhook, backoff_ms};
use crate::entry::Entry;
use crate::event::{Coverage, Event, Observation};
use crate::finding::Severity;
use crate::operator::Act;
use crate::source::Delivery;
use crate::stream::{Clock, Reading, Sequencer};
use crate::subscription::Needs;

/// What may happen next.
pub enum Turn {
    /// A source has something.
    Delivery(Delivery),
    /// What runs is to change.
    Change(Change),
    /// What a detector set aside is shown to it in its turn; the answer says how many inputs that are.
    Retry(String, oneshot::Sender<usize>),
    /// What a detector set aside is not shown to it, by somebody's word.
    Waive(String, String, oneshot::Sender<usize>),
    /// How the detectors do.
    Status(oneshot::Sender<Vec<DetectorStatus>>),
    /// What a scrape is told.
    Metrics(oneshot::Sender<Metrics>),
    /// Where a chain's journal ends, for its source to go on from.
    Resume(ChainId, oneshot::Sender<ChainResume>),
    /// The latest observations of a feed, oldest first, for its source to go on from.
    LastSeen(String, oneshot::Sender<Vec<Observation>>),
    /// A webhook's receiver has answered, or not.
    Delivered(String, B256, Result<(), Undelivered>),
    /// A person does something about an incident; the answer has what followed.
    Act(Act, oneshot::Sender<Vec<Entry>>),
    /// A detector has come back from what it was late on.
    CameBack,
    /// The sources are done: finish what is here, then end.
    Stop,
}

impl From<Change> for Turn {
    fn from(change: Change) -> Self {
        Self::Change(change)
    }
}

/// The loop's own part of the state.
pub struct Loop {
    pub(super) engine: Engine,
    sequencer: Sequencer,
    clock: Clock,
    /// What the monotonic clock counts from.
    started: Instant,
    retention: Retention,
    /// When a step of the upkeep was done last, and whether there was more to do.
    upkept: Instant,
    upkeep_left: bool,
    disk: Option<Disk>,
    output: Output,
    tape: Option<Tape>,
    handle: Handle,
    turns: mpsc::Receiver<Turn>,
    /// For deliveries to answer through.
    back: mpsc::Sender<Turn>,
    needs: watch::Sender<BTreeMap<ChainId, Needs>>,
    webhooks: BTreeMap<String, Arc<Webhook>>,
    in_flight: BTreeSet<(String, B256)>,
    post_due: bool,
    /// To be told once what they brought is durable.
    waiting: Vec<oneshot::Sender<()>>,
    /// When the oldest uncommitted input was taken.
    since: Option<Instant>,
    /// Whether the loop was asked to end.
    stopping: bool,
    /// How many blocks are still wanted, where not all are.
    blocks_left: Option<u64>,
    /// Swaps that wait for the old one, and versions that are new.
    pub(super) swaps: Swaps,
}

/// The longest that an input waits for company before it is committed.
const COMMIT_AFTER: Duration = Duration::from_millis(50);
/// How long the loop sleeps with nothing to do before it looks at the outbox again.
const IDLE: Duration = Duration::from_millis(250);
/// How often a step of the upkeep is done while there is other work.
const UPKEEP_EVERY: Duration = Duration::from_millis(50);
/// How far back observations count as recent, milliseconds: longer than any sender's clock may be off.
const RECENT_MS: u64 = 3_600_000;
/// How many deliveries to one webhook are under way at once.
const DELIVERIES_AT_ONCE: usize = 8;

/// What the loop needs besides the engine.
pub struct Wiring {
    /// Where people and machines are told.
    pub output: Output,
    /// Where the run is recorded, if it is.
    pub record: Option<PathBuf>,
    /// The newest stamp of the journal, milliseconds since the Unix epoch.
    pub newest_ms: u64,
    /// Turns in.
    pub turns: mpsc::Receiver<Turn>,
    /// Turns that the loop gives itself.
    pub back: mpsc::Sender<Turn>,
    /// What the sources must fetch.
    pub needs: watch::Sender<BTreeMap<ChainId, Needs>>,
    /// How long an input waits for a detector; one that takes longer is late, and sees it while the others go on.
    pub patience: Duration,
    /// Who is told of versions that fail soon after they were swapped in.
    pub failing: mpsc::UnboundedSender<Failing>,
    /// After how many blocks the loop ends by itself.
    pub stop_after_blocks: Option<u64>,
}

impl Loop {
    /// Makes the loop; `handle` carries its deliveries.
    pub fn new(mut engine: Engine, wiring: Wiring, handle: Handle) -> anyhow::Result<Self> {
        let back = wiring.back.clone();
        // Where there is no room, the loop is awake.
        engine.set_patience(wiring.patience, Arc::new(move || drop(back.try_send(Turn::CameBack))));
        let tape = wiring.record.as_deref().map(Tape::create).transpose()?;
        Ok(Self {
            engine,
            sequencer: Sequencer::new(wiring.newest_ms),
            clock: Clock::new(wiring.newest_ms, wall_clock_ms(), 0),
            started: Instant::now(),
            retention: Retention::default(),
            upkept: Instant::now(),
            upkeep_left: false,
            disk: None,
            output: wiring.output,
            tape,
            handle,
            turns: wiring.turns,
            back: wiring.back,
            needs: wiring.needs,
            webhooks: BTreeMap::new(),
            in_flight: BTreeSet::new(),
            post_due: false,
            waiting: Vec::new(),
            since: None,
            stopping: false,
            blocks_left: wiring.stop_after_blocks,
            swaps: Swaps::new(wiring.failing),
        })
    }

    /// Runs until it is told to stop and has nothing left to do. Blocks its thread.
    pub fn run(mut self) -> anyhow::Result<()> {
        loop {
            let due = self.since.is_some_and(|since| since.elapsed() >= COMMIT_AFTER);
            if due || (self.since.is_some() && self.turns.is_empty()) {
                self.commit()?;
            }
            if self.blocks_left == Some(0) || (self.stopping && self.turns.is_empty()) {
                break;
            }
            let rest = if self.upkeep_left && self.turns.is_empty() { Duration::ZERO } else { UPKEEP_EVERY };
            if self.since.is_none() && self.upkept.elapsed() >= rest {
                self.upkeep_left = self.upkeep()?;
                self.upkept = Instant::now();
                continue;
            }
            if self.since.is_none() && self.turns.is_empty() {
                self.engine.tidy()?;
            }
            let next = self.handle.block_on(async { tokio::time::timeout(IDLE, self.turns.recv()).await });
            match next {
                Ok(Some(turn)) => self.turn(turn)?,
                Ok(None) => break,
                Err(_) => self.post()?,
            }
            self.catch_up()?;
            self.tick()?;
            self.look_at_disk()?;
        }
        self.commit()?;
        if let Some(tape) = self.tape {
            tape.finish()?;
        }
        self.output.finish();
        Ok(())
    }

    fn turn(&mut self, turn: Turn) -> anyhow::Result<()> {
        match turn {
            Turn::Delivery(delivery) => self.delivery(delivery),
            Turn::Change(change) => self.change(change),
            Turn::Retry(id, reply) => {
                let count = self.engine.retry(&id)?;
                self.answer(Some(reply), count)
            }
            Turn::Waive(id, by, reply) => {
                let count = self.engine.set_aside(&id).len();
                self.take(Event::Waived { detector: id, by }, None)?;
                self.answer(Some(reply), count)
            }
            Turn::Metrics(reply) => {
                // Whoever asked may have gone.
                let _ = reply.send(self.engine.metrics()?);
                Ok(())
            }
            Turn::Status(reply) => {
                let status = self.engine.status()?;
                self.answer(Some(reply), status)
            }
            Turn::Resume(chain, reply) => {
                self.commit()?;
                let _ = reply.send(self.engine.chain_resume(chain)?);
                Ok(())
            }
            Turn::LastSeen(feed, reply) => {
                self.commit()?;
                let since_ms = self.now_ms()?.saturating_sub(RECENT_MS);
                let _ = reply.send(self.engine.recent_observations(&feed, since_ms)?);
                Ok(())
            }
            Turn::Delivered(channel, key, result) => self.delivered(&channel, key, result),
            // All turns end with a look at who is late.
            Turn::CameBack => Ok(()),
            Turn::Act(act, reply) => {
                // What follows from it alone is the answer, and is durable before it is told.
                self.commit()?;
                self.take(Event::Act { act }, None)?;
                let followed = self.engine.uncommitted().iter().map(|(_, entry)| entry.clone()).collect();
                self.commit()?;
                self.answer(Some(reply), followed)
            }
            Turn::Stop => {
                self.stopping = true;
                Ok(())
            }
        }
    }

    fn change(&mut self, change: Change) -> anyhow::Result<()> {
        match change {
            Change::Swap(ready, reply) => self.swap_soon(ready, reply),
            Change::Remove(id) => {
                let at_ms = self.now_ms()?;
                self.engine.remove(&id, at_ms)?;
                self.engine_changed();
                Ok(())
            }
            Change::Retry(id) => {
                self.engine.retry(&id)?;
                self.since.get_or_insert_with(Instant::now);
                Ok(())
            }
            Change::Reject { detector, digest, reason } => {
                self.take(Event::Rejected { detector, digest, reason }, None)
            }
            Change::Plan(loaded) => self.take(loaded.event(), None),
            Change::Protocols(names) => {
                let known = self.engine.desks().protocols();
                let gone = known.filter(|(known, _)| !names.contains(&known.name) && !known.is_retired());
                let gone: Vec<Event> = gone.map(|(known, _)| LoadedPlan::retired(&known.name).event()).collect();
                gone.into_iter().try_for_each(|event| self.take(event, None))
            }
            Change::Webhooks(webhooks) => {
                self.engine.set_channels(&webhooks.keys().cloned().collect::<Vec<_>>());
                self.webhooks = webhooks.into_iter().map(|(name, webhook)| (name, Arc::new(webhook))).collect();
                self.post_once_durable();
                Ok(())
            }
            Change::Retain(retention, floor) => {
                self.engine.retain(&retention)?;
                self.since.get_or_insert_with(Instant::now);
                self.retention = retention;
                self.disk = Some(Disk::new(floor));
                Ok(())
            }
        }
    }

    fn delivery(&mut self, delivery: Delivery) -> anyhow::Result<()> {
        if let (Some(tape), Some(raw)) = (&mut self.tape, delivery.raw) {
            tape.keep(*raw);
        }
        self.waiting.extend(delivery.done);
        self.take(delivery.event, delivery.at_ms)
    }

    fn take(&mut self, event: Event, at_ms: Option<u64>) -> anyhow::Result<()> {
        if let (Event::Committed { .. }, Some(left)) = (&event, &mut self.blocks_left) {
            *left = left.saturating_sub(1);
        }
        let at_ms = match at_ms {
            Some(at_ms) => at_ms,
            None => self.now_ms()?,
        };
        let sequenced = self.sequencer.stamp(event, at_ms);
        self.engine.take(sequenced.stamped, &Given::default())?;
        self.since.get_or_insert_with(Instant::now);
        Ok(())
    }

    /// Answers whoever asked; nobody waits any more where the run has ended meanwhile.
    fn answer<T>(&mut self, reply: Option<oneshot::Sender<T>>, answer: T) -> anyhow::Result<()> {
        self.since.get_or_insert_with(Instant::now);
        reply.map(|reply| reply.send(answer));
        Ok(())
    }

    /// The time that inputs are stamped with. That the wall clock has jumped is an input of its own.
    pub(super) fn now_ms(&mut self) -> anyhow::Result<u64> {
        let monotonic_ms = self.started.elapsed().as_millis() as u64;
        let Reading { now_ms, jump_ms } = self.clock.read(wall_clock_ms(), monotonic_ms);
        if let Some(jump_ms) = jump_ms {
            let event = Event::Coverage { coverage: clock_jumped(jump_ms) };
            let stamped = self.sequencer.stamp(event, now_ms).stamped;
            self.engine.take(stamped, &Given::default())?;
            self.since.get_or_insert_with(Instant::now);
        }
        Ok(self.sequencer.now(now_ms))
    }

    /// A small step of what keeps the journal small; whether there is more to do at once.
    fn upkeep(&mut self) -> anyhow::Result<bool> {
        let retention = std::mem::take(&mut self.retention);
        let now_ms = self.now_ms()?;
        let more = self.engine.upkeep(&retention, now_ms);
        self.retention = retention;
        if self.engine.has_uncommitted() {
            self.since.get_or_insert_with(Instant::now);
        }
        more
    }

    /// Says that a deadline has come, where one has.
    fn tick(&mut self) -> anyhow::Result<()> {
        let Some(due_ms) = self.engine.next_due_ms() else { return Ok(()) };
        let now_ms = self.now_ms()?;
        if due_ms <= now_ms { self.take(Event::Tick, Some(now_ms)) } else { Ok(()) }
    }

    fn look_at_disk(&mut self) -> anyhow::Result<()> {
        let Some(coverage) = self.disk.as_mut().and_then(Disk::look) else { return Ok(()) };
        self.take(Event::Coverage { coverage }, None)
    }

    fn catch_up(&mut self) -> anyhow::Result<()> {
        self.swap_those_due()?;
        let before = self.engine.newest_seq();
        let at_ms = self.now_ms()?;
        self.engine.catch_up(at_ms)?;
        if self.engine.newest_seq() != before {
            self.since.get_or_insert_with(Instant::now);
        }
        Ok(())
    }

    pub(super) fn engine_changed(&mut self) {
        self.since.get_or_insert_with(Instant::now);
        self.needs.send_replace(self.engine.needs());
    }

    fn commit(&mut self) -> anyhow::Result<()> {
        self.since = None;
        let placed = self.engine.commit()?;
        for (seq, entry) in &placed {
            self.output.tell(*seq, entry);
            self.swaps.look(entry);
        }
        for done in self.waiting.drain(..) {
            // A source that has ended no longer waits.
            let _ = done.send(());
        }
        let is_due =
            std::mem::take(&mut self.post_due) || placed.iter().any(|(_, entry)| matches!(entry, Entry::Effect(_)));
        if let Some(tape) = &mut self.tape {
            tape.write(placed, self.engine.has_late())?;
        }
        if is_due {
            self.post()?;
        }
        Ok(())
    }

    /// Starts the deliveries that are due with the next commit: what the outbox has before that may yet be undone.
    fn post_once_durable(&mut self) {
        self.post_due = true;
        self.since.get_or_insert_with(Instant::now);
    }

    /// Starts the deliveries that are due. Only ever between two transactions.
    fn post(&mut self) -> anyhow::Result<()> {
        // Receivers compare what is signed with a clock of their own; waiting times go by ours.
        let (now_ms, wall_ms) = (self.now_ms()?, wall_clock_ms());
        for (channel, webhook) in &self.webhooks {
            let under_way = self.in_flight.iter().filter(|(name, _)| name == channel).count();
            for outgoing in self.engine.outbox_due(channel, now_ms, DELIVERIES_AT_ONCE.saturating_sub(under_way))? {
                if !self.in_flight.insert((channel.clone(), outgoing.key)) {
                    continue;
                }
                let (webhook, back, channel) = (webhook.clone(), self.back.clone(), channel.clone());
                self.handle.spawn(async move {
                    let result = webhook.deliver(&outgoing.effect, wall_ms).await;
                    // Where the loop has ended, the outbox still has the effect.
                    let _ = back.send(Turn::Delivered(channel, outgoing.key, result)).await;
                });
            }
        }
        Ok(())
    }

    fn delivered(&mut self, channel: &str, key: B256, result: Result<(), Undelivered>) -> anyhow::Result<()> {
        self.in_flight.remove(&(channel.to_owned(), key));
        let now_ms = self.now_ms()?;
        match result {
            Ok(()) => self.engine.outbox_done(channel, key, now_ms)?,
            Err(error) => {
                let attempts = self.engine.outbox_attempts(channel, key)?;
                let wait_ms = backoff_ms(attempts, error.retry_after_ms);
                tracing::warn!(webhook = channel, attempts = attempts + 1, wait_ms, "not delivered: {error}");
                self.engine.outbox_failed(channel, key, now_ms + wait_ms, &error.message)?;
            }
        }
        self.post_once_durable();
        Ok(())
    }
}

fn clock_jumped(jump_ms: i64) -> Coverage {
    let over = jump_ms == 0;
    let message = match over {
        true => "the wall clock is followed again".to_owned(),
        false => format!(
            "the wall clock has jumped by {jump_ms} ms; entries are stamped by a clock of the host's own until it is near \
             that again, or has stayed ahead for a minute. See what sets the clock of this machine"
        ),
    };
    Coverage { kind: "clock-jumped".into(), subject: "host/clock".into(), severity: Severity::Medium, message, over }
}

/// Milliseconds since the Unix epoch, by the wall clock: read at the edge only.
pub fn wall_clock_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
