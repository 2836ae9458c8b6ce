//! One input on its way through the fleet: who sees what of it, who is waited for, and who is late.
//!
//! Outcomes come in the order of level and id, however the work was spread, so that the same inputs give the same
//! journal. A detector with nothing to see is not called.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use alloy::primitives::B256;
use rayon::prelude::*;

use crate::block::ChainId;
use crate::entry::QUARANTINED;
use crate::narrow::{BlockIndex, Selection};
use crate::plugin::Failure;
use crate::plugin::boundary::batch::{Batch, Head, Scene};
use crate::plugin::boundary::chain::Shared;
use crate::plugin::boundary::text;
use crate::plugin::failure::HOST;
use crate::plugin::fleet::crew::Ticket;
use crate::plugin::fleet::detector::{Detector, Ran};
use crate::plugin::fleet::routes::Routes;
use crate::plugin::fleet::view::{Audience, Heard, Look, Shown, View, scene, select, wanted};
use crate::plugin::fleet::{Fleet, Late, Out, Outcome};

/// Batches at once from which on it pays to wake other threads.
const WORTH_SPREADING: usize = 4;
/// How often it is looked whether somebody who is waited for is slow.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// A job that has ended.
pub(in crate::plugin) struct Done {
    job: u64,
    detector: Box<Detector>,
    outcome: Outcome,
    /// Whether the host's own code failed, which may have cost the detector its state.
    is_lost: bool,
}

/// One batch for one detector.
struct Task {
    id: String,
    batch: Batch,
    recorded: Option<Failure>,
    rouse: bool,
}

impl Fleet {
    /// Shows an input level by level. `heard` is what was found in it before.
    pub fn show(&mut self, view: &View, look: &Look<'_>, mut heard: Vec<Heard>) -> Shown {
        let routes = self.routes();
        let mut selected = self.selected(&routes, view, look.audience);
        let shared = Shared::new(look.reader.clone());
        let mut scenes: BTreeMap<Option<ChainId>, Arc<Scene>> = BTreeMap::new();
        let mut shown = Shown::default();
        for level in 0..routes.height {
            let seers = selected.keys().copied();
            let hearers = routes.listeners.iter().copied().filter(|_| !heard.is_empty());
            let ranks: BTreeSet<usize> = seers.chain(hearers).filter(|rank| routes.levels[*rank] == level).collect();
            let mut tasks = Vec::with_capacity(ranks.len());
            for rank in ranks {
                let id = &routes.ids[rank];
                let selection = selected.remove(&rank);
                let Some(slot) = self.slots.get(id) else { continue };
                let profile = &slot.profile;
                let hears = match look.audience {
                    Audience::All | Audience::Listeners => true,
                    Audience::One(one) | Audience::OneHears(one) => one == id,
                };
                let findings = if hears { wanted(profile, view, &heard) } else { Vec::new() };
                if selection.is_none() && findings.is_empty() {
                    continue;
                }
                if slot.detector.is_none() || look.withheld.contains(id) {
                    shown.behind.push(id.clone());
                    continue;
                }
                let home = if matches!(view, View::Observation(_)) { profile.home() } else { None };
                let scene = scenes.entry(home).or_insert_with(|| scene(view, home, &self.heads_of(look))).clone();
                let (selection, findings) = (selection.unwrap_or_default(), Arc::new(findings));
                let recorded = look.recorded.get(id).cloned();
                let batch = Batch { scene, selection, findings };
                tasks.push(Task { id: id.clone(), batch, recorded, rouse: look.rouse });
            }
            let (outcomes, late) = match self.patience {
                None => (self.run_all(tasks, look, &shared), Vec::new()),
                Some(patience) => self.run_for(tasks, look, &shared, patience),
            };
            shown.behind.extend(late);
            for outcome in outcomes {
                if self.slots.get(&outcome.detector).is_none_or(|slot| slot.profile.shadow_of.is_none()) {
                    heard.extend(Heard::of(&outcome, look.input));
                }
                shown.outcomes.push(outcome);
            }
        }
        shown
    }

    /// Whether there is anything for a detector in an input.
    pub fn sees(&self, id: &str, view: &View, audience: Audience<'_>, heard: &[Heard]) -> bool {
        let Some(slot) = self.slots.get(id) else { return false };
        let index = match (view, audience) {
            (View::Block { block, previous_s }, Audience::One(_)) => Some(BlockIndex::new(block, *previous_s)),
            _ => None,
        };
        let sees = matches!(audience, Audience::One(_)) && select(&slot.profile, view, index.as_ref()).is_some();
        sees || !wanted(&slot.profile, view, heard).is_empty()
    }

    /// Has a detector look at an input without waiting for it: it comes back late. Nothing happens where
    /// there is nothing in it for that detector, or it is at work.
    pub fn send(&mut self, id: &str, view: &View, look: &Look<'_>, heard: Vec<Heard>) {
        let _ = self.try_send(id, view, look, &heard);
    }

    fn try_send(&mut self, id: &str, view: &View, look: &Look<'_>, heard: &[Heard]) -> Option<()> {
        let slot = self.slots.get(id)?;
        let sees = matches!(look.audience, Audience::One(_));
        let index = match view {
            View::Block { block, previous_s } if sees => Some(BlockIndex::new(block, *previous_s)),
            _ => None,
        };
        let selection = if sees { select(&slot.profile, view, index.as_ref()) } else { None };
        let findings = wanted(&slot.profile, view, heard);
        if (selection.is_none() && findings.is_empty()) || slot.detector.is_none() {
            return None;
        }
        let home = if matches!(view, View::Observation(_)) { slot.profile.home() } else { None };
        let (selection, findings) = (selection.unwrap_or_default(), Arc::new(findings));
        let batch = Batch { scene: scene(view, home, &self.heads_of(look)), selection, findings };
        let recorded = look.recorded.get(id).cloned();
        let task = Task { id: id.to_owned(), batch, recorded, rouse: look.rouse };
        self.start(task, look, &Shared::new(look.reader.clone())).map(drop)
    }

    /// Detectors that came back from what they were late on, in the order in which they did.
    pub fn take_late(&mut self) -> Vec<Late> {
        while let Ok(done) = self.done.try_recv() {
            if let Some((late, _)) = self.come_back(done) {
                self.late.push(late);
            }
        }
        std::mem::take(&mut self.late)
    }

    fn heads_of(&self, look: &Look<'_>) -> BTreeMap<ChainId, Head> {
        match look.heads {
            Some(heads) => heads.iter().map(|(chain, head)| (*chain, Head::from(*head))).collect(),
            None => self.heads.clone(),
        }
    }

    fn routes(&mut self) -> Arc<Routes> {
        self.routes.get_or_insert_with(|| Arc::new(Routes::new(&self.slots, &self.levels))).clone()
    }

    /// What of a view its audience sees, by rank.
    fn selected(&self, routes: &Routes, view: &View, audience: Audience<'_>) -> BTreeMap<usize, Selection> {
        match (audience, view) {
            (Audience::OneHears(_) | Audience::Listeners, _) => BTreeMap::new(),
            (Audience::One(id), _) => {
                let index = match view {
                    View::Block { block, previous_s } => Some(BlockIndex::new(block, *previous_s)),
                    View::Observation(_) | View::Pending { .. } => None,
                };
                let Ok(rank) = routes.ids.binary_search_by(|known| known.as_str().cmp(id)) else {
                    return BTreeMap::new();
                };
                let profile = self.slots.get(id).map(|slot| &slot.profile);
                let selection = profile.and_then(|profile| select(profile, view, index.as_ref()));
                selection.map(|selection| (rank, selection)).into_iter().collect()
            }
            (Audience::All, View::Block { block, previous_s }) => {
                routes.of_chain(block.chain).select(&BlockIndex::new(block, *previous_s)).into_iter().collect()
            }
            (Audience::All, View::Pending { chain, transactions }) => {
                let selected = routes.of_chain(*chain).select_pending(transactions).into_iter();
                let of = |transactions| Selection { transactions, ..Selection::default() };
                selected.map(|(rank, transactions)| (rank, of(transactions))).collect()
            }
            (Audience::All, View::Observation(_)) => {
                let seen = self.slots.values().map(|slot| select(&slot.profile, view, None));
                seen.enumerate().filter_map(|(rank, selection)| Some((rank, selection?))).collect()
            }
        }
    }

    /// Waits for all of them.
    fn run_all(&mut self, tasks: Vec<Task>, look: &Look<'_>, shared: &Shared) -> Vec<Outcome> {
        let fresh = self.fresh_each_batch;
        let mut work: Vec<(Box<Detector>, Task)> =
            tasks.into_iter().filter_map(|task| Some((self.slots.get_mut(&task.id)?.detector.take()?, task))).collect();
        let run = |(detector, task): &mut (Box<Detector>, Task)| run(detector, task, shared, look.seed, fresh);
        let outcomes = if work.len() < WORTH_SPREADING {
            work.iter_mut().map(run).collect()
        } else {
            self.pool.install(|| work.par_iter_mut().map(run).collect())
        };
        for (detector, task) in work {
            if let Some(slot) = self.slots.get_mut(&task.id) {
                slot.detector = Some(detector);
            }
        }
        outcomes
    }

    /// Waits for each of them so long from when it began; the outcomes, and who is late.
    fn run_for(
        &mut self,
        tasks: Vec<Task>,
        look: &Look<'_>,
        shared: &Shared,
        patience: Duration,
    ) -> (Vec<Outcome>, Vec<String>) {
        let order: Vec<String> = tasks.iter().map(|task| task.id.clone()).collect();
        let mut waited: BTreeMap<u64, (String, Ticket)> = BTreeMap::new();
        for task in tasks {
            let id = task.id.clone();
            if let Some((job, ticket)) = self.start(task, look, shared) {
                waited.insert(job, (id, ticket));
            }
        }
        let mut came: BTreeMap<String, Outcome> = BTreeMap::new();
        while !waited.is_empty() {
            match self.done.recv_timeout(LOOK_EVERY.min(patience)) {
                Ok(done) => {
                    let is_waited = waited.remove(&done.job).is_some();
                    if let Some((late, is_lost)) = self.come_back(done) {
                        match late.outcome {
                            Some(outcome) if is_waited && !is_lost => {
                                came.insert(late.detector, outcome);
                            }
                            outcome => self.late.push(Late { outcome, ..late }),
                        }
                    }
                }
                Err(mpsc::RecvTimeoutError::Timeout) => waited.retain(|_, (_, ticket)| !ticket.is_slow(patience)),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
        }
        let late = order.iter().filter(|id| !came.contains_key(*id)).cloned().collect();
        (order.iter().filter_map(|id| came.remove(id)).collect(), late)
    }

    /// Gives a detector to a thread.
    fn start(&mut self, task: Task, look: &Look<'_>, shared: &Shared) -> Option<(u64, Ticket)> {
        let (seed, shared, fresh) = (look.seed, shared.clone(), self.fresh_each_batch);
        let (tell, wake) = (self.tell_done.clone(), self.wake.clone());
        let slot = self.slots.get_mut(&task.id)?;
        let mut detector = slot.detector.take()?;
        self.jobs += 1;
        let job = self.jobs;
        slot.out = Some(Out { seq: look.seq, job, is_void: false });
        let crew = self.crew.as_ref()?;
        let mut task = task;
        let ticket = crew.submit(Box::new(move || {
            let ran =
                std::panic::catch_unwind(AssertUnwindSafe(|| run(&mut detector, &mut task, &shared, seed, fresh)));
            let is_lost = ran.is_err();
            let outcome = ran.unwrap_or_else(|panic| {
                detector.drop_instance();
                let said = panic.downcast_ref::<String>().map(String::as_str);
                let said = said.or(panic.downcast_ref::<&str>().copied()).unwrap_or_default();
                let told = format!("the host's own code failed, please report it: {}", text::line(said, 1_000));
                outcome_of(&detector, Ran::failed(Failure::new(HOST, told)))
            });
            // Nobody waits any more where the fleet is gone.
            let _ = tell.send(Done { job, detector, outcome, is_lost });
            if let Some(wake) = wake {
                wake();
            }
        }));
        Some((job, ticket))
    }

    /// Puts a detector back in its place; `None` where that is another's now.
    fn come_back(&mut self, done: Done) -> Option<(Late, bool)> {
        let Done { job, detector, outcome, is_lost } = done;
        let id = outcome.detector.clone();
        let slot = self.slots.get_mut(&id)?;
        let out = slot.out.take_if(|out| out.job == job)?;
        slot.detector = Some(detector);
        Some((Late { detector: id, seq: out.seq, outcome: (!out.is_void).then_some(outcome) }, is_lost))
    }
}

/// Runs one batch, twice where it fails, unless the detector rests.
fn run(detector: &mut Detector, task: &mut Task, shared: &Shared, seed: B256, fresh_each_batch: bool) -> Outcome {
    if !task.rouse
        && let Some(left) = detector.record.skip()
    {
        let told = format!("it rests; {left} more batches are set aside for it");
        return outcome_of(detector, Ran::failed(Failure::new(QUARANTINED, told)));
    }
    let mut outcome = match task.recorded.take() {
        Some(failure) => {
            detector.drop_instance();
            outcome_of(detector, Ran::failed(failure))
        }
        None => {
            let first = detector.on_batch(task.batch.clone(), shared, seed);
            match first.result {
                Ok(_) => outcome_of(detector, first),
                Err(failure) => {
                    // A fresh instance over the same state: what went wrong with the old one may be gone.
                    let mut second = detector.on_batch(task.batch.clone(), shared, seed);
                    second.reads.extend(first.reads);
                    second.elapsed += first.elapsed;
                    if second.log.is_empty() {
                        second.log = first.log;
                    }
                    Outcome { first_failure: Some(failure), ..outcome_of(detector, second) }
                }
            }
        }
    };
    if fresh_each_batch {
        detector.drop_instance();
    }
    match &outcome.result {
        Ok(_) => detector.record.good(),
        Err(_) => outcome.quarantined_for = detector.record.bad(),
    }
    outcome
}

fn outcome_of(detector: &Detector, ran: Ran) -> Outcome {
    Outcome {
        detector: detector.profile().id().to_owned(),
        digest: detector.profile().digest(),
        result: ran.result,
        first_failure: None,
        quarantined_for: None,
        state: ran.state,
        reads: ran.reads,
        log: ran.log,
        elapsed: ran.elapsed,
        fuel: ran.fuel,
        allocated: ran.allocated,
    }
}
