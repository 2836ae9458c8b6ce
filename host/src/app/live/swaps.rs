//! Swaps between two batches: the old version ends what it is at, up to a deadline; the new one is watched for a while.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use alloy::primitives::B256;
use tokio::sync::{mpsc, oneshot};

use crate::app::deploy::applied::{Failing, PROBATION_BLOCKS, Ran};
use crate::app::deploy::load::Ready;
use crate::app::engine::Engine;
use crate::app::live::main_loop::Loop;
use crate::entry::Entry;
use crate::event::{Event, Stamped};
use crate::failure_kind::FailureKind;
use crate::journal::Newcomer;

/// How long the old version may take to end the batch that it is at; past that the new one is shown it instead.
const DRAIN: Duration = Duration::from_millis(1_000);

/// Who is told whether a swap was done.
pub(super) type Reply = oneshot::Sender<Result<(), String>>;

/// Swaps that wait, and versions that are new.
pub(super) struct Swaps {
    waiting: Vec<(Box<Ready>, Reply, Instant)>,
    /// Versions in their first blocks, with how many are left.
    new: BTreeMap<String, (B256, u32)>,
    /// What runs, by what the journal says.
    running: BTreeMap<String, B256>,
    failing: mpsc::UnboundedSender<Failing>,
}

impl Swaps {
    /// Makes the swaps of a host that starts: what ran when the one before it ended is what a new version takes the place of,
    /// and versions that were new then are watched for the rest of their time.
    pub(super) fn new(failing: mpsc::UnboundedSender<Failing>, earlier: &Ran) -> Self {
        let left = |newcomer: &Newcomer| PROBATION_BLOCKS.saturating_sub(newcomer.blocks);
        let new = earlier.newcomers.iter().map(|one| (one.detector.clone(), (one.digest, left(one))));
        Self { waiting: Vec::new(), new: new.collect(), running: earlier.running.clone(), failing }
    }

    /// Looks at what was committed: who is new, and who fails.
    pub(super) fn look(&mut self, entry: &Entry) {
        match entry {
            Entry::Input(Stamped { event: Event::Detector { detector, digest: Some(digest), .. }, .. }) => {
                let before = self.running.insert(detector.clone(), *digest);
                if before.is_some_and(|before| before != *digest) {
                    self.new.insert(detector.clone(), (*digest, PROBATION_BLOCKS));
                }
            }
            // What was taken out is nobody's predecessor.
            Entry::Input(Stamped { event: Event::Detector { detector, digest: None, .. }, .. }) => {
                self.running.remove(detector);
                self.new.remove(detector);
            }
            Entry::Input(Stamped { event: Event::Committed { .. }, .. }) if !self.new.is_empty() => {
                self.new.retain(|_, (_, left)| {
                    *left -= 1;
                    *left > 0
                });
            }
            Entry::Failed { detector, digest, kind, message }
                if *kind != FailureKind::Quarantined
                    && self.new.get(detector).is_some_and(|(new, _)| new == digest) =>
            {
                self.new.remove(detector);
                let (detector, digest, reason) = (detector.clone(), *digest, format!("{kind}: {message}"));
                // Nobody listens any more where the run is ending.
                let _ = self.failing.send(Failing { detector, digest, reason });
            }
            _ => {}
        }
    }
}

impl Loop {
    /// Puts a detector in its place once the old one is not at work.
    pub(super) fn swap_soon(&mut self, ready: Box<Ready>, reply: Reply) -> anyhow::Result<()> {
        self.engine.hold(ready.detector.profile().id());
        self.swaps.waiting.push((ready, reply, Instant::now() + DRAIN));
        self.swap_those_due()
    }

    pub(super) fn swap_those_due(&mut self) -> anyhow::Result<()> {
        if self.swaps.waiting.is_empty() {
            return Ok(());
        }
        let at_ms = self.now_ms()?;
        self.engine.take_in_late(at_ms)?;
        let engine: &Engine = &self.engine;
        let is_due = |(ready, _, deadline): &mut (Box<Ready>, Reply, Instant)| {
            engine.at_work(ready.detector.profile().id()).is_none() || *deadline <= Instant::now()
        };
        let due: Vec<_> = self.swaps.waiting.extract_if(.., is_due).collect();
        for (ready, reply, _) in due {
            let (id, text) = (ready.detector.profile().id().to_owned(), ready.spec.text());
            self.engine.keep_component(&ready.bytes)?;
            let swapped = self.engine.swap(ready.detector, text, at_ms);
            self.engine.release(&id);
            self.engine_changed();
            // Nobody waits any more where the run has ended meanwhile.
            let _ = reply.send(swapped.map_err(|error| format!("{error:#}")));
        }
        Ok(())
    }
}
