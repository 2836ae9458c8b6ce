//! Detectors that are late: what they are owed is shown to them one by one, in order, while the others go on.

use std::collections::{BTreeMap, BTreeSet};

use crate::app::engine::provenance::Scene;
use crate::app::engine::{Engine, Given, Showing};
use crate::block::{BlockRef, ChainId};
use crate::digest::Hasher;
use crate::event::{Event, Stamped, Why};
use crate::finding::Finding;
use crate::journal::Debt;
use crate::plugin::{Audience, Head, Heard, Late, Look, Outcome, View};

/// A detector whose state went back.
pub(super) struct Touched {
    id: String,
    /// The inputs by which what is undone was applied.
    inputs: BTreeSet<u64>,
}

/// An earlier input as it is shown now.
struct Earlier {
    view: View,
    scene: Scene,
    heard: Vec<Heard>,
    /// The chains' newest blocks when it came.
    heads: BTreeMap<ChainId, Head>,
    /// Whether only what was heard is new to whom it is shown.
    only_hears: bool,
}

impl Engine {
    /// Tells whether some detector has yet to see an input, other than those set aside.
    pub fn has_late(&self) -> bool {
        !self.owed.nobody_is_late()
    }

    /// Takes in what late detectors have come back with, and gives each its next input. With endless patience, shows each
    /// detector all that it is owed.
    ///
    /// # Errors
    ///
    /// As [`Engine::take`].
    pub fn catch_up(&mut self, at_ms: u64) -> anyhow::Result<()> {
        self.take_in_late(at_ms)?;
        if self.owed.nobody_is_late() {
            return Ok(());
        }
        if !self.fleet.has_endless_patience() {
            for (detector, input, why) in self.owed.next() {
                let is_ready = self.fleet.get(&detector).is_some() && self.fleet.at_work(&detector).is_none();
                if is_ready && !self.held.contains(&detector) && !self.waits_for_others(&detector, input, why) {
                    self.send(&Debt { detector, input, root: 0, why: Some(why) }, at_ms)?;
                }
            }
            return Ok(());
        }
        loop {
            let next = self.owed.next().into_iter().filter(|(id, ..)| self.fleet.get(id).is_some());
            let Some((detector, input, why)) = next.min_by_key(|(id, input, _)| (*input, self.fleet.level(id))) else {
                return Ok(());
            };
            let debt = Debt { detector, input, root: 0, why: Some(why) };
            if self.is_worth_showing(&debt, at_ms)? {
                let Debt { detector, input, .. } = debt;
                let completed = self.completion_of(input)?;
                let event = Event::Shown { detector, input, why, completed };
                self.take(Stamped { at_ms, event }, &Given::default())?;
            }
        }
    }

    /// Takes in what late detectors have come back with.
    ///
    /// # Errors
    ///
    /// As [`Engine::take`].
    pub fn take_in_late(&mut self, at_ms: u64) -> anyhow::Result<()> {
        // While one is taken in, and those who listen to it look at that, others may come back.
        loop {
            let late = self.fleet.take_late();
            if late.is_empty() {
                return Ok(());
            }
            late.into_iter().try_for_each(|late| self.came_back(late, at_ms))?;
        }
    }

    /// Queues the inputs set aside for this detector, to be shown in order, after those that it is late on. Returns how many.
    ///
    /// # Errors
    ///
    /// If the journal can't be written.
    pub fn retry(&mut self, detector: &str) -> anyhow::Result<usize> {
        self.owed.retry(&mut self.journal, detector)
    }

    /// Tells whether a detector that sees an input again must wait until those that it listens to have seen it.
    fn waits_for_others(&self, detector: &str, input: u64, why: Why) -> bool {
        let is_before = |(other, first, _): &(String, u64, Why)| {
            *first <= input && other != detector && self.fleet.listens(detector, other)
        };
        why == Why::Again && self.owed.next().iter().any(is_before)
    }

    fn came_back(&mut self, late: Late, at_ms: u64) -> anyhow::Result<()> {
        let Late { detector, seq, outcome } = late;
        let why = self.owed.why_late(&detector, seq);
        let completed = self.sent.remove(&(detector.clone(), seq));
        let is_lost = outcome.as_ref().is_some_and(Outcome::is_lost);
        if let (Some(outcome), Some(why)) = (outcome, why) {
            let root = self.owed.root_of(&detector, seq);
            let debt = Debt { detector: detector.clone(), input: seq, root, why: Some(why) };
            self.take_shown(debt, completed, outcome, at_ms)?;
            if !is_lost {
                return Ok(());
            }
        }
        // What it made does not count any more, and its state with it.
        let state = self.journal.load_state(&detector)?;
        self.fleet.set_state(&detector, state);
        Ok(())
    }

    /// Hands a late detector the input that it is owed next.
    fn send(&mut self, debt: &Debt, at_ms: u64) -> anyhow::Result<()> {
        if !self.is_worth_showing(debt, at_ms)? {
            return Ok(());
        }
        let completed = self.completion_of(debt.input)?;
        let Some(earlier) = self.earlier(debt, debt.input, at_ms, completed)? else { return Ok(()) };
        let sent = (debt.detector.clone(), debt.input);
        match completed {
            Some(completed) => drop(self.sent.insert(sent, completed)),
            None => drop(self.sent.remove(&sent)),
        }
        let look = Look {
            seq: debt.input,
            input: earlier.scene.input,
            seed: earlier.scene.seed,
            reader: &self.reader,
            recorded: &Default::default(),
            withheld: &BTreeSet::new(),
            audience: earlier.audience(&debt.detector),
            rouse: earlier.scene.rouse,
            heads: Some(&earlier.heads),
        };
        self.fleet.send(&debt.detector, &earlier.view, &look, earlier.heard);
        Ok(())
    }

    /// Tells whether there is anything in an owed input for the detector. If there is not, the debt is settled.
    fn is_worth_showing(&mut self, debt: &Debt, at_ms: u64) -> anyhow::Result<bool> {
        let completed = self.completion_of(debt.input)?;
        let earlier = self.earlier(debt, debt.input, at_ms, completed)?;
        let worth = earlier.is_some_and(|earlier| {
            self.fleet.sees(&debt.detector, &earlier.view, earlier.audience(&debt.detector), &earlier.heard)
        });
        if let (false, Some(why)) = (worth, debt.why) {
            let event = Event::Shown { detector: debt.detector.clone(), input: debt.input, why, completed };
            self.take(Stamped { at_ms, event }, &Given::default())?;
        }
        Ok(worth)
    }

    /// Takes in what a detector makes of an earlier input, by the input `seq`. Shows the input to it, unless the outcome is
    /// given.
    pub(super) fn show_late(
        &mut self,
        seq: u64,
        at_ms: u64,
        debt: &Debt,
        completed: Option<u64>,
        given: &Given,
    ) -> anyhow::Result<()> {
        let detector = debt.detector.as_str();
        let earlier = self.earlier(debt, seq, at_ms, completed)?;
        self.owed.remove(&mut self.journal, detector, debt.input)?;
        let Some(Earlier { view, scene, heard, heads, only_hears }) = earlier else {
            return self.mend_gaps(at_ms, detector);
        };
        let audience = if only_hears { Audience::OneHears(detector) } else { Audience::One(detector) };
        let outcome = match &given.outcome {
            Some(outcome) => Some((**outcome).clone()),
            None => {
                let view = &view;
                let showing = Showing { audience, heads: Some(&heads), heard, waiting: BTreeSet::new() };
                self.show(debt.input, &scene, view, showing, given).outcomes.pop()
            }
        };
        let Some(mut outcome) = outcome else { return self.mend_gaps(at_ms, detector) };
        if matches!(debt.why, Some(Why::Again | Why::Retry)) {
            self.keep_what_stands(&scene, &mut outcome)?;
        }
        let heard = if self.is_shadow(detector) { Vec::new() } else { outcome.heard(scene.input) };
        self.outcomes(&scene, vec![outcome], given)?;
        self.mend_gaps(at_ms, detector)?;
        if heard.is_empty() {
            return Ok(());
        }
        // To those who listen, this is an input of its own, which comes after what they have seen since.
        let scene = scene.heard_late(seq);
        let audience = Audience::Listeners;
        let showing = Showing { audience, heads: Some(&heads), heard, waiting: BTreeSet::new() };
        let shown = self.show(seq, &scene, &view, showing, given);
        self.journal_shown(seq, &scene, shown, given)
    }

    /// Returns an input as it is shown to a detector by the input `by`; `None` if the journal no longer has it.
    fn earlier(&self, debt: &Debt, by: u64, at_ms: u64, completed: Option<u64>) -> anyhow::Result<Option<Earlier>> {
        let Some(mut earlier) = self.earlier_as_it_stands(debt.input, at_ms, completed, 0)? else { return Ok(None) };
        earlier.scene.seq = debt.input;
        match debt.why {
            Some(Why::Again) => {
                // What it finds this time must not be taken for what it found the first time.
                let hash = Hasher::new("seen again").number(debt.input).number(by);
                earlier.scene.input = hash.finish();
                if !earlier.only_hears {
                    // Others may have seen it again before, by inputs of their own.
                    earlier.heard = heard_in(self.journal.live_findings_of_input(debt.input)?);
                }
            }
            Some(Why::Retry) => {
                // It may have seen it before, and then again after a reorg, which is what it failed on.
                earlier.scene.input = Hasher::new("tried again").number(debt.input).number(by).finish();
                (earlier.scene.applied, earlier.scene.rouse) = (by, true);
            }
            Some(Why::Behind | Why::Awaited | Why::Completed) | None => {}
        }
        earlier.heard.retain(|heard| self.fleet.is_below(&heard.detector, &debt.detector));
        earlier.heard.sort_by_key(|heard| (self.fleet.level(&heard.detector), heard.detector.clone()));
        Ok(Some(earlier))
    }

    fn earlier_as_it_stands(
        &self,
        seq: u64,
        at_ms: u64,
        completed: Option<u64>,
        depth: u32,
    ) -> anyhow::Result<Option<Earlier>> {
        let Some(stamped) = self.decoded.input(&self.journal, seq)? else { return Ok(None) };
        let (view, scene) = match stamped.event {
            Event::Committed { block } => {
                let below = block.number.checked_sub(1);
                let previous = below.map(|below| self.journal.header(block.chain, below, seq)).transpose()?;
                let previous_s = previous.flatten().map(|previous| previous.timestamp_s);
                let scene = self.block_scene(seq, at_ms, &block)?;
                let block = self.whole(block, completed)?;
                (View::Block { block, previous_s }, scene)
            }
            Event::Observed { observation } => {
                let scene = Scene::off_chain(seq, observation.observed_at_ms, at_ms);
                (View::Observation(observation), scene)
            }
            Event::Pending { chain, transactions } => {
                (View::Pending { chain, transactions }, Scene::off_chain(seq, stamped.at_ms, at_ms))
            }
            // Whoever listens to listeners that were late: each step is one more input, and levels bound their number.
            Event::Shown { input, completed, .. } if depth < 64 => {
                let Some(inner) = self.earlier_as_it_stands(input, at_ms, completed, depth + 1)? else {
                    return Ok(None);
                };
                let heard = heard_in(self.journal.live_findings_caused_by(seq)?);
                return Ok(Some(Earlier { only_hears: true, heard, scene: inner.scene.heard_late(seq), ..inner }));
            }
            _ => return Ok(None),
        };
        let (heard, heads) = (heard_in(self.journal.live_findings_caused_by(seq)?), self.heads(seq)?);
        Ok(Some(Earlier { view, scene, heard, heads, only_hears: false }))
    }

    /// Compares new claims with live findings: keeps the common prefix, retracts the rest, leaves only new claims in `outcome`.
    fn keep_what_stands(&mut self, scene: &Scene, outcome: &mut Outcome) -> anyhow::Result<()> {
        let Ok(claims) = &mut outcome.result else { return Ok(()) };
        let live: Vec<Finding> = self
            .journal
            .live_findings_of_input(scene.root)?
            .into_iter()
            .filter(|finding| finding.detector == outcome.detector)
            .collect();
        // As far as they are the same: those who listen hear findings in the order in which they were made.
        let same = live.iter().zip(claims.iter()).take_while(|(finding, claim)| finding.claim == **claim).count();
        for finding in &live[same..] {
            self.retract(finding.id, "no longer so after a reorg".to_owned(), scene.at_ms)?;
        }
        claims.drain(..same);
        Ok(())
    }

    /// Undoes what the blocks that left the chain have done. Detectors whose state went back are to see again the inputs that
    /// came since and still stand.
    pub(super) fn reverted(&mut self, seq: u64, at_ms: u64, chain: ChainId, blocks: &[BlockRef]) -> anyhow::Result<()> {
        let mut seqs = Vec::new();
        for block in blocks {
            seqs.extend(self.journal.seq_of_reverted(block.hash, seq)?.map(|at| (at, block)));
        }
        let Some(first) = seqs.iter().map(|(at, _)| *at).min() else { return Ok(()) };
        let roots: BTreeSet<u64> = seqs.iter().map(|(at, _)| *at).collect();
        let relieved = self.owed.revert(&mut self.journal, &roots)?;
        let touched = self.undo(chain, first)?;
        for (at, block) in &seqs {
            for finding in self.journal.live_findings_of_input(*at)? {
                let reason = format!("block {} {} left the chain", block.number, block.hash);
                self.retract(finding.id, reason, at_ms)?;
            }
        }
        for detector in relieved {
            self.mend_gaps(at_ms, &detector)?;
        }
        let head = self.head(chain, u64::MAX)?;
        self.fleet.set_head(chain, head);
        self.owe_again(seq, first, &touched)
    }

    /// Restores the state before input `first` of every detector that watches `chain`, and of all that exchange findings with
    /// them: who sees an input again needs the same findings of others. Returns those that must see inputs again.
    fn undo(&mut self, chain: ChainId, first: u64) -> anyhow::Result<Vec<Touched>> {
        let changed = self.journal.changed_since(first)?;
        let watches = |id: &String| self.fleet.get(id).is_none_or(|profile| profile.watches(chain));
        let changed: Vec<String> = changed.into_iter().filter(watches).collect();
        let together = self.fleet.heard_together(&changed);
        let all = self.fleet.ids().into_iter().filter(watches).chain(together.clone()).chain(changed);
        let mut touched = Vec::new();
        for id in all.collect::<BTreeSet<String>>() {
            let inputs = self.journal.changed_on(&id, first)?;
            let restored = self.journal.undo_state(&id, first)?;
            self.fleet.restore(&id, restored);
            if together.contains(&id) {
                touched.push(Touched { id, inputs });
            }
        }
        Ok(touched)
    }

    /// Restores the state before input `first` of these detectors, and of all that exchange findings with them. Returns those
    /// that must see inputs again.
    pub(super) fn undo_of(&mut self, detectors: &[String], first: u64) -> anyhow::Result<Vec<Touched>> {
        let mut touched = Vec::new();
        for id in
            self.fleet.heard_together(detectors).into_iter().chain(detectors.iter().cloned()).collect::<BTreeSet<_>>()
        {
            let inputs = self.journal.changed_on(&id, first)?;
            let restored = self.journal.undo_state(&id, first)?;
            self.fleet.restore(&id, restored);
            touched.push(Touched { id, inputs });
        }
        Ok(touched)
    }

    /// Notes what detectors whose state went back are owed: all inputs that they saw from `first` on and that still stand.
    pub(super) fn owe_again(&mut self, seq: u64, first: u64, touched: &[Touched]) -> anyhow::Result<()> {
        if touched.is_empty() {
            return Ok(());
        }
        let surviving = self.journal.surviving_inputs(first, seq)?;
        let shown = self.journal.shown_between(first, seq)?;
        // By input, so that each is decoded once for all detectors.
        let mut again: BTreeSet<(u64, &str, Why)> = BTreeSet::new();
        for Touched { id, inputs } in touched {
            again.extend(surviving.iter().map(|input| (*input, id.as_str(), Why::Again)));
            // What came to it late, and so after inputs that it had seen: its own retries, and what others found late.
            for (by, detector, input, _) in shown.iter().filter(|(by, ..)| inputs.contains(by)) {
                let (input, why) = if detector == id { (*input, Why::Retry) } else { (*by, Why::Again) };
                again.insert((input, id, why));
            }
        }
        for (input, id, why) in again {
            // First of all: after many blocks at once, most are owed already, and to read them back takes a while.
            if self.owed.has(id, input) {
                continue;
            }
            let Some(root) = self.root_of(input)? else { continue };
            if self.may_see(id, input)? {
                let debt = Debt { detector: id.to_owned(), input, root, why: Some(why) };
                self.owed.add(&mut self.journal, debt)?;
            }
        }
        Ok(())
    }

    /// Tells whether a detector sees something in an input, or may hear of something that others find in it.
    fn may_see(&self, detector: &str, input: u64) -> anyhow::Result<bool> {
        let completed = self.completion_of(input)?;
        let Some(earlier) = self.earlier_as_it_stands(input, 0, completed, 0)? else { return Ok(false) };
        let hears = self.fleet.get(detector).is_some_and(|profile| profile.listens());
        Ok(hears || self.fleet.sees(detector, &earlier.view, earlier.audience(detector), &earlier.heard))
    }

    /// Returns the block or observation that an input comes down to, if it still stands.
    fn root_of(&self, input: u64) -> anyhow::Result<Option<u64>> {
        let mut at = input;
        for _ in 0..64 {
            match self.decoded.input(&self.journal, at)?.map(|stamped| stamped.event) {
                Some(Event::Shown { input, .. }) => at = input,
                Some(Event::Committed { block }) => {
                    return Ok(self.journal.seq_of_block(block.hash)?.filter(|seq| *seq == at));
                }
                Some(_) => return Ok(Some(at)),
                None => return Ok(None),
            }
        }
        Ok(None)
    }
}

fn heard_in(findings: Vec<Finding>) -> Vec<Heard> {
    let heard = |finding: Finding| Heard { detector: finding.detector, id: finding.id, claim: finding.claim };
    findings.into_iter().map(heard).collect()
}

impl Earlier {
    fn audience<'a>(&self, detector: &'a str) -> Audience<'a> {
        if self.only_hears { Audience::OneHears(detector) } else { Audience::One(detector) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::app::engine::kit::engine;
    use crate::event::{Observation, Value};

    /// A run shows an input again before it is known by which entry, a replay when that is known: randomness must not tell.
    #[test]
    fn an_input_has_one_seed_however_it_is_shown() {
        let mut engine = engine();
        let observation = Observation {
            feed: "price".into(),
            observed_at_ms: 5,
            received_at_ms: 6,
            value: Value::Boolean(true),
            position: String::new(),
        };
        engine.take(Stamped { at_ms: 7, event: Event::Observed { observation } }, &Given::default()).unwrap();
        let scene = |why, by| {
            let debt = Debt { detector: "d".into(), input: 1, root: 0, why };
            engine.earlier(&debt, by, 8, None).unwrap().unwrap().scene
        };
        let first = scene(Some(Why::Behind), 1);
        for (why, by) in [(Why::Again, 1), (Why::Again, 9), (Why::Retry, 9), (Why::Behind, 9)] {
            assert_eq!(scene(Some(why), by).seed, first.seed, "{why:?} by {by}");
        }
        assert_ne!(scene(Some(Why::Again), 1).input, scene(Some(Why::Again), 9).input, "findings differ");
    }
}
