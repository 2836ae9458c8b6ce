//! The one loop: messages come in through one channel, and every change of state happens here.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};

use crate::app::deploy::applied::{Failing, Ran};
use crate::app::engine::retention::Retention;
use crate::app::engine::taking::in_words;
use crate::app::engine::{Engine, Given};
use crate::app::live::absence::Absence;
use crate::app::live::deliveries::{Attempt, Deliveries};
use crate::app::live::disk::Disk;
use crate::app::live::fatal::ends_the_host;
use crate::app::live::jobs::Paces;
use crate::app::live::messages::Message;
use crate::app::live::output::Output;
use crate::app::live::pulse::Pulse;
use crate::app::live::recorder::Tape;
use crate::app::live::swaps::Swaps;
use crate::block::ChainId;
use crate::deliver::answer::Asks;
use crate::deliver::channel::Made;
use crate::entry::Entry;
use crate::event::{Coverage, Event};
use crate::finding::Severity;
use crate::stream::{Clock, Reading, Sequencer};
use crate::subscription::Needs;
use crate::text;

/// The loop's own part of the state.
pub struct Loop {
    pub(super) engine: Engine,
    sequencer: Sequencer,
    clock: Clock,
    /// What the monotonic clock counts from.
    started: Instant,
    pub(super) retention: Retention,
    /// When a step of the upkeep was done last.
    upkept: Instant,
    /// Whether that step left more to do.
    upkeep_left: bool,
    pub(super) disk: Option<Disk>,
    output: Output,
    pub(super) tape: Option<Tape>,
    /// Carries the deliveries.
    pub(super) handle: Handle,
    messages: mpsc::Receiver<Message>,
    /// What came of deliveries. It does not queue behind blocks: a receiver that keeps pace is not held up by a chain that is
    /// caught up with. There are no more than deliveries under way.
    pub(super) answers: mpsc::UnboundedReceiver<Attempt>,
    /// For deliveries to report through.
    pub(super) back: mpsc::UnboundedSender<Attempt>,
    needs: watch::Sender<BTreeMap<ChainId, Needs>>,
    /// Webhooks and channels by name.
    pub(super) services: BTreeMap<String, Made>,
    pub(super) paces: Paces,
    /// What links and buttons are made of, if answers are taken.
    pub(super) asks: Option<Asks>,
    /// When each channel last sent again what stands.
    pub(super) said_again: BTreeMap<String, Instant>,
    pub(super) deliveries: Deliveries,
    /// When the outbox was looked at last.
    pub(super) outbox_looked: Instant,
    /// Sources to notify once what they delivered is durable.
    pub(super) waiting: Vec<oneshot::Sender<()>>,
    /// When the oldest uncommitted input was taken.
    since: Option<Instant>,
    /// Whether something waits for the commit: a source, a person, or an effect that is to go out. What came of deliveries waits
    /// for company instead, since a receiver that keeps pace would make each of its answers a commit.
    is_awaited: bool,
    /// Since when the loop has been asked to end.
    pub(super) stopping_since: Option<Instant>,
    /// How many blocks are still wanted; `None` if there is no limit.
    blocks_left: Option<u64>,
    /// Swaps that wait for the old one, and versions that are new.
    pub(super) swaps: Swaps,
    pub(super) pulse: Arc<Pulse>,
    /// Turns in a row that failed.
    pub(super) failed_turns: u32,
    /// Whether the run is for its recording alone.
    pub(super) must_record: bool,
    /// The time before the start in which nobody watched, until it is caught up with.
    absence: Option<Absence>,
}

/// The longest that an input waits for company before it is committed.
const COMMIT_AFTER: Duration = Duration::from_millis(50);
/// How long the loop sleeps with nothing to do before it looks at the outbox and the clock again.
const IDLE: Duration = Duration::from_millis(250);
/// How often a step of the upkeep is done while there is other work.
const UPKEEP_EVERY: Duration = Duration::from_millis(50);
/// How long a loop that is asked to end waits for deliveries that are under way.
const DELIVERIES_END_WITHIN: Duration = Duration::from_secs(1);

/// What the loop needs besides the engine.
pub struct Wiring {
    /// Prints what was committed.
    pub output: Output,
    /// The file that the run is recorded to, if it is.
    pub record: Option<PathBuf>,
    /// Whether the run is for its recording alone, and ends where that can't be written.
    pub must_record: bool,
    /// The newest stamp of the journal, milliseconds since the Unix epoch.
    pub newest_ms: u64,
    /// Messages in.
    pub messages: mpsc::Receiver<Message>,
    /// Messages that the loop's own tasks send to it.
    pub back: mpsc::Sender<Message>,
    /// Publishes what the sources must fetch.
    pub needs: watch::Sender<BTreeMap<ChainId, Needs>>,
    /// How long an input waits for a detector; one that takes longer is late, and sees it while the others go on.
    pub patience: Duration,
    /// Takes versions that fail soon after they were swapped in.
    pub failing: mpsc::UnboundedSender<Failing>,
    /// Detectors that ran when the host before this one ended.
    pub ran: Ran,
    /// After how many blocks the loop ends by itself.
    pub stop_after_blocks: Option<u64>,
    /// Shows whether the loop turns.
    pub pulse: Arc<Pulse>,
    /// The time before the start in which nobody watched, if it was long.
    pub absence: Option<Absence>,
}

impl Loop {
    /// Makes the loop; `handle` carries its deliveries.
    ///
    /// # Errors
    ///
    /// If the recording can't be made.
    pub fn new(mut engine: Engine, wiring: Wiring, handle: Handle) -> anyhow::Result<Self> {
        let back = wiring.back.clone();
        // If there is no room, the loop is awake.
        engine.set_patience(wiring.patience, Arc::new(move || drop(back.try_send(Message::CameBack))));
        let (answered, answers) = mpsc::unbounded_channel();
        let tape = wiring.record.as_deref().map(Tape::create).transpose()?;
        let began_ms = wiring.newest_ms.max(wall_clock_ms());
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
            messages: wiring.messages,
            answers,
            back: answered,
            needs: wiring.needs,
            services: BTreeMap::new(),
            paces: Paces::default(),
            asks: None,
            said_again: BTreeMap::new(),
            deliveries: Deliveries::new(began_ms),
            outbox_looked: Instant::now(),
            waiting: Vec::new(),
            since: None,
            is_awaited: false,
            stopping_since: None,
            blocks_left: wiring.stop_after_blocks,
            swaps: Swaps::new(wiring.failing, &wiring.ran),
            pulse: wiring.pulse,
            failed_turns: 0,
            must_record: wiring.must_record,
            absence: wiring.absence,
        })
    }

    /// Runs until it is asked to stop and has nothing left to do. Blocks its thread.
    ///
    /// # Errors
    ///
    /// If the journal can't be written: a host that can't keep its record does not decide. Or if the recording can't, where
    /// that is all that is wanted.
    pub fn run(mut self) -> anyhow::Result<()> {
        self.pulse.committed(self.engine.journal_head());
        loop {
            match catch_unwind(AssertUnwindSafe(|| self.turn())) {
                Ok(Ok(true)) => self.failed_turns = 0,
                Ok(Ok(false)) => break,
                Ok(Err(error)) if ends_the_host(&error) => return Err(error),
                Ok(Err(error)) => self.go_on_after(&format!("{error:#}"))?,
                Err(panic) => self.go_on_after(&in_words(panic.as_ref()))?,
            }
        }
        self.commit()?;
        if let Some(tape) = self.tape {
            tape.finish()?;
        }
        self.output.finish();
        Ok(())
    }

    /// Does what is due and takes one message, if one comes. Returns whether there is a next turn.
    fn turn(&mut self) -> anyhow::Result<bool> {
        self.pulse.turn("what is due: commits, upkeep, deliveries".to_owned());
        let due = self.since.is_some_and(|since| since.elapsed() >= COMMIT_AFTER);
        if due || (self.is_awaited && self.messages.is_empty()) {
            self.commit()?;
        }
        if self.blocks_left == Some(0) || self.has_drained() {
            return Ok(false);
        }
        let rest = if self.upkeep_left && self.messages.is_empty() { Duration::ZERO } else { UPKEEP_EVERY };
        if self.since.is_none() && self.upkept.elapsed() >= rest {
            self.upkeep_left = self.upkeep()?;
            self.upkept = Instant::now();
            return Ok(true);
        }
        if self.since.is_none() && self.messages.is_empty() {
            self.engine.tidy()?;
        }
        let wait = self.since.map_or(IDLE, |since| COMMIT_AFTER.saturating_sub(since.elapsed()));
        let next = self.handle.block_on(async {
            // Neither has to wait for the other to run dry.
            tokio::time::timeout(wait, async {
                tokio::select! {
                    Some(attempt) = self.answers.recv() => Some(Message::Attempted(attempt)),
                    message = self.messages.recv() => message,
                }
            })
            .await
        });
        match next {
            Ok(Some(message)) => {
                self.pulse.turn(message.in_words());
                self.handle(message)?;
            }
            Ok(None) => return Ok(false),
            Err(_) => {}
        }
        // A message may take as long as a block does: what ended meanwhile is taken before the next one.
        self.hear()?;
        self.catch_up()?;
        self.tick()?;
        self.look_at_disk()?;
        if self.outbox_looked.elapsed() >= IDLE {
            self.look_at_outbox()?;
        }
        Ok(true)
    }

    /// Whether the loop was asked to end and has nothing left to do.
    fn has_drained(&self) -> bool {
        let Some(since) = self.stopping_since else { return false };
        self.messages.is_empty() && (self.deliveries.is_idle() || since.elapsed() >= DELIVERIES_END_WITHIN)
    }

    /// Takes an input in, stamped with `at_ms` or with the time now.
    pub(super) fn take(&mut self, event: Event, at_ms: Option<u64>) -> anyhow::Result<()> {
        self.take_later(event, at_ms)?;
        self.commit_soon();
        Ok(())
    }

    /// Takes an input in that nobody waits for: it is committed with what comes within the next moment.
    pub(super) fn take_later(&mut self, event: Event, at_ms: Option<u64>) -> anyhow::Result<()> {
        if let (Event::Committed { .. }, Some(left)) = (&event, &mut self.blocks_left) {
            *left = left.saturating_sub(1);
        }
        let at_ms = match at_ms {
            Some(at_ms) => at_ms,
            None => self.now_ms()?,
        };
        let event = refuse_what_cannot_be_kept(event);
        let caught_up = self.absence.as_mut().and_then(|absence| absence.saw(&event));
        let stamped = self.sequencer.stamp(event, at_ms);
        self.engine.take(stamped, &Given::default())?;
        if let Some(coverage) = caught_up {
            self.absence = None;
            tracing::info!("{}", coverage.message);
            let stamped = self.sequencer.stamp(Event::Coverage { coverage }, at_ms);
            self.engine.take(stamped, &Given::default())?;
        }
        self.commit_later();
        Ok(())
    }

    /// Returns the time that inputs are stamped with, milliseconds since the Unix epoch. A jump of the wall clock is an
    /// input of its own.
    pub(super) fn now_ms(&mut self) -> anyhow::Result<u64> {
        let monotonic_ms = self.started.elapsed().as_millis() as u64;
        let Reading { now_ms, jump_ms } = self.clock.read(wall_clock_ms(), monotonic_ms);
        if let Some(jump_ms) = jump_ms {
            let event = Event::Coverage { coverage: clock_jumped(jump_ms) };
            let stamped = self.sequencer.stamp(event, now_ms);
            self.engine.take(stamped, &Given::default())?;
            self.commit_soon();
        }
        Ok(self.sequencer.now(now_ms))
    }

    /// Sees to it that what was taken or written is committed once nothing else is to be taken.
    pub(super) fn commit_soon(&mut self) {
        self.is_awaited = true;
        self.commit_later();
    }

    /// Sees to it that what was written is committed with what comes within the next moment.
    pub(super) fn commit_later(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    /// Does a small step of what keeps the journal small. Returns whether there is more to do at once.
    fn upkeep(&mut self) -> anyhow::Result<bool> {
        let retention = std::mem::take(&mut self.retention);
        let now_ms = self.now_ms()?;
        let more = self.engine.upkeep(&retention, now_ms);
        self.retention = retention;
        if self.engine.has_uncommitted() {
            self.commit_soon();
        }
        more
    }

    /// Takes in that a deadline of the desk has come, if one has.
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
            self.commit_soon();
        }
        Ok(())
    }

    /// Publishes what the detectors need of their chains, which another detector may have changed.
    pub(super) fn engine_changed(&mut self) {
        self.commit_soon();
        self.needs.send_replace(self.engine.needs());
    }

    /// Makes everything durable that was taken, then prints it, notifies the sources, and starts the deliveries.
    pub(super) fn commit(&mut self) -> anyhow::Result<()> {
        (self.since, self.is_awaited) = (None, false);
        let placed = self.engine.commit()?;
        self.pulse.committed(self.engine.journal_head());
        if let Some((entry, hash)) = self.engine.anchor_each_hour() {
            tracing::info!(entry, %hash, "the journal's head, for `watchfire journal verify --anchor`");
        }
        for (seq, entry) in &placed {
            self.output.print(*seq, entry);
            self.swaps.look(entry);
        }
        for done in self.waiting.drain(..) {
            // A source that has ended no longer waits.
            let _ = done.send(());
        }
        let has_effects = placed.iter().any(|(_, entry)| matches!(entry, Entry::Effect(_)));
        if let Some(tape) = &mut self.tape
            && let Err(error) = tape.write(placed, self.engine.has_late())
        {
            self.stop_recording(error)?;
        }
        if has_effects { self.post_all() } else { Ok(()) }
    }
}

/// Longest message of a source's fault, bytes: nodes and feeds have a say in it.
const MESSAGE_BYTES: usize = 2_000;

/// An input with a number that the journal can't hold would be refused by it: that it came is taken in instead. Text of strangers
/// is cut and cleaned before anybody keeps or sees it.
fn refuse_what_cannot_be_kept(event: Event) -> Event {
    if let Event::Coverage { coverage } = event {
        let (kind, subject) = (text::line(&coverage.kind, 100), text::line(&coverage.subject, 300));
        let message = text::line(&coverage.message, MESSAGE_BYTES);
        return Event::Coverage { coverage: Coverage { kind, subject, message, ..coverage } };
    }
    let Some(what) = event.beyond_the_journal() else { return event };
    let message = format!(
        "an input (`{}`) was refused: {what} is more than the journal can hold, {}. See to where it came from",
        event.name(),
        i64::MAX
    );
    tracing::error!("{message}");
    let (kind, subject) = ("input-refused".into(), "host/inputs".into());
    Event::Coverage {
        coverage: Coverage { chain: None, kind, subject, severity: Severity::High, message, over: false },
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
    Coverage {
        chain: None,
        kind: "clock-jumped".into(),
        subject: "host/clock".into(),
        severity: Severity::Medium,
        message,
        over,
    }
}

/// Reads the wall clock, milliseconds since the Unix epoch. Only the edge does.
pub fn wall_clock_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

#[cfg(test)]
mod tests;
