//! One input on its way through the fleet: who sees what of it, who is waited for, and who is late.
//!
//! Outcomes come in the order of level and id, however the work was spread, so that the same inputs give the same
//! journal. A detector with nothing to see is not called.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use crate::block::ChainId;
use crate::narrow::{BlockIndex, Selection};
use crate::plugin::boundary::batch::{Batch, Head, Heard, Scene};
use crate::plugin::boundary::chain::Shared;
use crate::plugin::fleet::Fleet;
use crate::plugin::fleet::crew::Ticket;
use crate::plugin::fleet::outcome::{Late, Outcome, Shown};
use crate::plugin::fleet::routes::Routes;
use crate::plugin::fleet::slot::Out;
use crate::plugin::fleet::task::{Done, Task};
use crate::plugin::fleet::view::{Audience, Look, View, scene, select, wanted};

/// Batches at once from which on it pays to wake other threads.
const WORTH_SPREADING: usize = 4;
/// How often it is looked whether somebody who is waited for is slow.
const LOOK_EVERY: Duration = Duration::from_millis(1);

impl Fleet {
    /// Shows an input level by level. `heard` is what was found in it before. Returns what came of it.
    pub fn show(&mut self, view: &View, look: &Look<'_>, mut heard: Vec<Heard>) -> Shown {
        let routes = self.routes();
        let mut selected = self.selected(&routes, view, look.audience);
        if let View::Block { block, .. } = view {
            // Before anybody is waited for: many senders take longer to recover than a detector has.
            let transactions = &block.transactions;
            for selection in selected.values() {
                transactions.sender.recover(selection.transactions.iter(transactions.len()));
            }
        }
        let shared = Shared::new(look.reader.clone());
        let mut scenes: BTreeMap<Option<ChainId>, Arc<Scene>> = BTreeMap::new();
        let mut shown = Shown::default();
        for level in 0..routes.height {
            let behind_below = shown.behind.len();
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
                let rests = if look.rouse { None } else { slot.record.rests() };
                tasks.push(Task { id: id.clone(), batch, recorded, rests });
            }
            let (outcomes, late) = self.run(tasks, look, &shared);
            shown.behind.extend(late);
            // Who was withheld and who took too long is one order, as a replay has it, which withholds them all.
            shown.behind[behind_below..].sort_unstable();
            for outcome in outcomes {
                if self.slots.get(&outcome.detector).is_none_or(|slot| slot.profile.shadow_of.is_none()) {
                    heard.extend(outcome.heard(look.input));
                }
                shown.outcomes.push(outcome);
            }
        }
        shown
    }

    /// Tells whether there is anything for a detector in an input.
    pub fn sees(&self, id: &str, view: &View, audience: Audience<'_>, heard: &[Heard]) -> bool {
        let Some(slot) = self.slots.get(id) else { return false };
        let index = match (view, audience) {
            (View::Block { block, previous_s }, Audience::One(_)) => Some(BlockIndex::new(block, *previous_s)),
            _ => None,
        };
        let sees = matches!(audience, Audience::One(_)) && select(&slot.profile, view, index.as_ref()).is_some();
        sees || !wanted(&slot.profile, view, heard).is_empty()
    }

    /// Has a detector look at an input without waiting for it: it comes back late. Does nothing if there is nothing in it for
    /// that detector, or it is at work.
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
        let rests = if look.rouse { None } else { slot.record.rests() };
        let task = Task { id: id.to_owned(), batch, recorded, rests };
        self.start(task, look, &Shared::new(look.reader.clone()))?;
        self.hand_over(1);
        Some(())
    }

    /// Leaves queued jobs to other threads; on a machine that gives none, does them here.
    fn hand_over(&self, jobs: usize) {
        if jobs > 0 && !self.crew.call(jobs) {
            self.crew.help();
        }
    }

    /// Returns the detectors that came back from inputs that they were late on, in the order in which they did.
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
            Some(heads) => heads.clone(),
            None => self.heads.clone(),
        }
    }

    fn routes(&mut self) -> Arc<Routes> {
        self.routes.get_or_insert_with(|| Arc::new(Routes::new(&self.slots, &self.levels))).clone()
    }

    /// Returns what of a view its audience sees, by rank.
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

    /// Runs one batch of each of some detectors, and waits for each as long as patience lasts from when it began. Returns
    /// the outcomes, and who is late.
    fn run(&mut self, tasks: Vec<Task>, look: &Look<'_>, shared: &Shared) -> (Vec<Outcome>, Vec<String>) {
        let first = self.jobs + 1;
        let ids: Vec<String> = tasks.iter().map(|task| task.id.clone()).collect();
        let mut waited: Vec<Option<Ticket>> = tasks.into_iter().map(|task| self.start(task, look, shared)).collect();
        let mut outcomes: Vec<Option<Outcome>> = Vec::new();
        outcomes.resize_with(ids.len(), || None);
        let mut left = waited.iter().flatten().count();
        match self.patience {
            // Nobody waits for this thread meanwhile, so it does its share.
            None => {
                if left >= WORTH_SPREADING {
                    self.crew.call(left - 1);
                }
                self.crew.help();
            }
            Some(_) => self.hand_over(left),
        }
        while left > 0 {
            let done = match self.patience {
                None => self.done.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(patience) => self.done.recv_timeout(LOOK_EVERY.min(patience)),
            };
            match (done, self.patience) {
                (Ok(done), _) => {
                    let at = done.job.checked_sub(first).and_then(|at| usize::try_from(at).ok());
                    let ticket = at.and_then(|at| waited.get_mut(at)).and_then(Option::take);
                    left -= usize::from(ticket.is_some());
                    let Some((late, is_lost)) = self.come_back(done) else { continue };
                    match (late.outcome, at) {
                        (Some(outcome), Some(at)) if ticket.is_some() && !is_lost => outcomes[at] = Some(outcome),
                        (outcome, _) => self.late.push(Late { outcome, ..late }),
                    }
                }
                (Err(RecvTimeoutError::Timeout), Some(patience)) => {
                    for ticket in waited.iter_mut() {
                        left -= usize::from(ticket.take_if(|ticket| ticket.is_slow(patience)).is_some());
                    }
                }
                (Err(_), _) => break,
            }
        }
        let late =
            ids.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_none()).map(|(id, _)| id.clone()).collect();
        (outcomes.into_iter().flatten().collect(), late)
    }

    /// Queues a batch for its detector, which is at work from here on.
    fn start(&mut self, task: Task, look: &Look<'_>, shared: &Shared) -> Option<Ticket> {
        self.jobs += 1;
        let (job, seed, shared, fresh) = (self.jobs, look.seed, shared.clone(), self.fresh_each_batch);
        let (done, wake) = (self.tell_done.clone(), self.wake.clone());
        let slot = self.slots.get_mut(&task.id)?;
        let detector = slot.detector.take()?;
        slot.out = Some(Out { seq: look.seq, job, is_void: false });
        Some(self.crew.submit(Box::new(move || {
            // Nobody waits any more if the fleet is gone.
            let _ = done.send(task.run(job, detector, &shared, seed, fresh));
            if let Some(wake) = wake {
                wake();
            }
        })))
    }

    /// Puts a detector back in its place. Returns `None` if that is another's now.
    fn come_back(&mut self, done: Done) -> Option<(Late, bool)> {
        let Done { job, detector, outcome, is_lost } = done;
        let id = outcome.detector.clone();
        let slot = self.slots.get_mut(&id)?;
        let out = slot.out.take_if(|out| out.job == job)?;
        slot.detector = Some(detector);
        Some((Late { detector: id, seq: out.seq, outcome: (!out.is_void).then_some(outcome) }, is_lost))
    }
}
