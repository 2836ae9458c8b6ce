//! Detectors that are late: what they are owed is shown to them one by one, in order, while the others go on.

use std::collections::{BTreeMap, BTreeSet};

use crate::app::engine::provenance::Scene;
use crate::app::engine::{Engine, Given};
use crate::block::{BlockRef, ChainId};
use crate::digest::Hasher;
use crate::entry::Entry;
use crate::event::{Event, Stamped, Why};
use crate::finding::Finding;
use crate::journal::{Debt, JournalError};
use crate::plugin::{Audience, Head, Heard, Late, Look, Outcome, View};

/// A detector whose state went back.
struct Touched {
    id: String,
    /// The inputs by which what is undone was applied.
    inputs: BTreeSet<u64>,
}

/// An input as it is shown another time.
struct Retold {
    view: View,
    scene: Scene,
    heard: Vec<Heard>,
    /// The chains' newest blocks when it came.
    heads: BTreeMap<ChainId, Head>,
    /// Whether only what was heard is new to whom it is shown.
    only_hears: bool,
}

impl Engine {
    /// Whether some detector has yet to see something, other than what was set aside.
    pub fn has_late(&self) -> bool {
        !self.owed.is_nobody_late()
    }

    /// Takes in what late detectors have come back with, and gives each its next. Where detectors are waited for, shows
    /// them all that they are owed.
    pub fn catch_up(&mut self, at_ms: u64) -> anyhow::Result<()> {
        self.take_in_late(at_ms)?;
        if self.owed.is_nobody_late() {
            return Ok(());
        }
        if self.fleet.is_impatient() {
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
                self.take(Stamped { at_ms, event: Event::Shown { detector, input, why } }, &Given::default())?;
            }
        }
    }

    /// Takes in what late detectors have come back with.
    pub fn take_in_late(&mut self, at_ms: u64) -> anyhow::Result<()> {
        self.fleet.take_late().into_iter().try_for_each(|late| self.came_back(late, at_ms))
    }

    /// Has what a detector set aside shown to it in its turn, after what it is late on; how many inputs that are.
    pub fn retry(&mut self, detector: &str) -> anyhow::Result<usize> {
        self.owed.retry(&mut self.journal, detector)
    }

    /// Whether a detector that sees an input again must wait until those that it listens to have.
    fn waits_for_others(&self, detector: &str, input: u64, why: Why) -> bool {
        let is_before = |(other, first, _): &(String, u64, Why)| {
            *first <= input && other != detector && self.fleet.listens(detector, other)
        };
        why == Why::Again && self.owed.next().iter().any(is_before)
    }

    fn came_back(&mut self, late: Late, at_ms: u64) -> anyhow::Result<()> {
        let Late { detector, seq, outcome } = late;
        let why = self.owed.why_late(&detector, seq);
        let is_lost = outcome.as_ref().is_some_and(Outcome::is_lost);
        if let (Some(outcome), Some(why)) = (outcome, why) {
            let event = Event::Shown { detector: detector.clone(), input: seq, why };
            let at = self.append(Entry::Input(Stamped { at_ms, event }))?;
            let debt = Debt { detector: detector.clone(), input: seq, root: 0, why: Some(why) };
            self.show_late(at, at_ms, &debt, Some(outcome), &Given::default())?;
            if !is_lost {
                return Ok(());
            }
        }
        // What it made does not count any more, and its state with it.
        let state = self.journal.load_state(&detector)?;
        self.fleet.set_state(&detector, state);
        Ok(())
    }

    /// Gives a late detector what it is owed next.
    fn send(&mut self, debt: &Debt, at_ms: u64) -> anyhow::Result<()> {
        if !self.is_worth_showing(debt, at_ms)? {
            return Ok(());
        }
        let Some(retold) = self.retold(debt, debt.input, at_ms)? else { return Ok(()) };
        let look = Look {
            seq: debt.input,
            input: retold.scene.input,
            seed: retold.scene.seed,
            reader: &self.reader,
            recorded: &Default::default(),
            withheld: &BTreeSet::new(),
            audience: retold.audience(&debt.detector),
            rouse: retold.scene.rouse,
            heads: Some(&retold.heads),
        };
        self.fleet.send(&debt.detector, &retold.view, &look, retold.heard);
        Ok(())
    }

    /// Whether there is anything in it for the detector. Where there is not, nothing is owed any more.
    fn is_worth_showing(&mut self, debt: &Debt, at_ms: u64) -> anyhow::Result<bool> {
        let retold = self.retold(debt, debt.input, at_ms)?;
        let worth = retold.is_some_and(|retold| {
            self.fleet.sees(&debt.detector, &retold.view, retold.audience(&debt.detector), &retold.heard)
        });
        if let (false, Some(why)) = (worth, debt.why) {
            let event = Event::Shown { detector: debt.detector.clone(), input: debt.input, why };
            self.take(Stamped { at_ms, event }, &Given::default())?;
        }
        Ok(worth)
    }

    /// Takes in what a detector makes of an earlier input, by the input `seq`: shows it, where that has not been done.
    pub(super) fn show_late(
        &mut self,
        seq: u64,
        at_ms: u64,
        debt: &Debt,
        outcome: Option<Outcome>,
        given: &Given,
    ) -> anyhow::Result<()> {
        let detector = debt.detector.as_str();
        let retold = self.retold(debt, seq, at_ms)?;
        self.owed.remove(&mut self.journal, detector, debt.input)?;
        let Some(Retold { view, scene, heard, heads, only_hears }) = retold else {
            return self.mend_gaps(at_ms, detector);
        };
        let audience = if only_hears { Audience::OneHears(detector) } else { Audience::One(detector) };
        let outcome = match outcome {
            Some(outcome) => Some(outcome),
            None => {
                let view = &view;
                self.show(debt.input, &scene, view, audience, (Some(&heads), heard), given).outcomes.pop()
            }
        };
        let Some(mut outcome) = outcome else { return self.mend_gaps(at_ms, detector) };
        if debt.why == Some(Why::Again) {
            self.keep_what_stands(&scene, &mut outcome)?;
        }
        let heard = if self.is_shadow(detector) { Vec::new() } else { Heard::of(&outcome, scene.input) };
        self.outcomes(&scene, vec![outcome])?;
        self.mend_gaps(at_ms, detector)?;
        if heard.is_empty() {
            return Ok(());
        }
        let shown = self.show(seq, &scene, &view, Audience::Listeners, (Some(&heads), heard), given);
        // To those who listen, this is an input of its own, which comes after what they have seen since.
        let scene = Scene { seq, applied: seq, rouse: false, ..scene };
        self.came(seq, &scene, shown)
    }

    /// An input as it is shown to a detector by the input `by`; `None` where the journal no longer has it.
    fn retold(&self, debt: &Debt, by: u64, at_ms: u64) -> anyhow::Result<Option<Retold>> {
        let Some(mut retold) = self.retold_plainly(debt.input, at_ms, 0)? else { return Ok(None) };
        retold.scene.seq = debt.input;
        match debt.why {
            Some(Why::Again) => {
                // What it finds this time must not be taken for what it found the first time.
                let hash = Hasher::new("seen again").number(debt.input).number(by);
                retold.scene.input = hash.finish();
                if !retold.only_hears {
                    // Others may have seen it again before, by inputs of their own.
                    retold.heard = told(self.journal.live_findings_of_input(debt.input)?);
                }
            }
            Some(Why::Retry) => (retold.scene.applied, retold.scene.rouse) = (by, true),
            Some(Why::Behind) | None => {}
        }
        retold.heard.retain(|heard| self.fleet.is_below(&heard.detector, &debt.detector));
        retold.heard.sort_by_key(|heard| (self.fleet.level(&heard.detector), heard.detector.clone()));
        Ok(Some(retold))
    }

    fn retold_plainly(&self, seq: u64, at_ms: u64, depth: u32) -> anyhow::Result<Option<Retold>> {
        let Some(stamped) = self.kept(seq)? else { return Ok(None) };
        let (view, scene) = match stamped.event {
            Event::Committed { block } => {
                let below = block.number.checked_sub(1);
                let previous = below.map(|below| self.journal.header(block.chain, below, seq)).transpose()?;
                let previous_s = previous.flatten().map(|previous| previous.timestamp_s);
                let scene = self.block_scene(seq, at_ms, &block)?;
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
            Event::Shown { input, .. } if depth < 64 => {
                let Some(inner) = self.retold_plainly(input, at_ms, depth + 1)? else { return Ok(None) };
                let heard = told(self.journal.live_findings_caused_by(seq)?);
                return Ok(Some(Retold {
                    only_hears: true,
                    heard,
                    scene: Scene { applied: seq, ..inner.scene },
                    ..inner
                }));
            }
            _ => return Ok(None),
        };
        let (heard, heads) = (told(self.journal.live_findings_caused_by(seq)?), self.heads(seq)?);
        Ok(Some(Retold { view, scene, heard, heads, only_hears: false }))
    }

    /// Of what a detector finds again, leaves what is new, and takes back what it no longer finds.
    fn keep_what_stands(&mut self, scene: &Scene, outcome: &mut Outcome) -> anyhow::Result<()> {
        let Ok(claims) = &mut outcome.result else { return Ok(()) };
        let told: Vec<Finding> = self
            .journal
            .live_findings_of_input(scene.root)?
            .into_iter()
            .filter(|finding| finding.detector == outcome.detector)
            .collect();
        // As far as they are the same: those who listen hear findings in the order in which they were made.
        let same = told.iter().zip(claims.iter()).take_while(|(finding, claim)| finding.claim == **claim).count();
        for finding in &told[same..] {
            self.retract(finding.id, "no longer so after a reorg".to_owned(), scene.at_ms)?;
        }
        claims.drain(..same);
        Ok(())
    }

    /// Undoes what the blocks that left the chain have done; the detectors whose state went back are to see again what
    /// came in since and still stands.
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

    /// Takes back what the detectors that watch a chain changed on an input and later, and those with them that they
    /// hear of or are heard by: who sees an input again needs the same findings of others. Who must see again.
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

    /// What detectors whose state went back are owed: all that they saw from `first` on and that still stands.
    fn owe_again(&mut self, seq: u64, first: u64, touched: &[Touched]) -> anyhow::Result<()> {
        if touched.is_empty() {
            return Ok(());
        }
        let surviving = self.journal.surviving_inputs(first, seq)?;
        let shown = self.journal.shown_between(first, seq)?;
        for Touched { id, inputs } in touched {
            let mut again: Vec<(u64, Why)> = surviving.iter().map(|input| (*input, Why::Again)).collect();
            // What came to it late, and so after inputs that it had seen: its own retries, and what others found late.
            for (by, detector, input, _) in shown.iter().filter(|(by, ..)| inputs.contains(by)) {
                again.push(if detector == id { (*input, Why::Retry) } else { (*by, Why::Again) });
            }
            for (input, why) in again {
                let Some(root) = self.root_of(input)? else { continue };
                if !self.owed.has(id, input) && self.may_see(id, input)? {
                    let debt = Debt { detector: id.clone(), input, root, why: Some(why) };
                    self.owed.add(&mut self.journal, debt)?;
                }
            }
        }
        Ok(())
    }

    /// Whether a detector sees something in an input, or may hear of something that others find in it.
    fn may_see(&self, detector: &str, input: u64) -> anyhow::Result<bool> {
        let Some(retold) = self.retold_plainly(input, 0, 0)? else { return Ok(false) };
        let hears = self.fleet.get(detector).is_some_and(|profile| profile.listens());
        Ok(hears || self.fleet.sees(detector, &retold.view, retold.audience(detector), &retold.heard))
    }

    /// An input, unless its body was dropped, which happens only to what a chain that was not followed for long goes back
    /// to.
    fn kept(&self, seq: u64) -> anyhow::Result<Option<Stamped>> {
        match self.journal.input(seq) {
            Err(JournalError::Thinned { .. }) => Ok(None),
            other => Ok(other?),
        }
    }

    /// The block or observation that an input comes down to, where it still stands.
    fn root_of(&self, input: u64) -> anyhow::Result<Option<u64>> {
        let mut at = input;
        for _ in 0..64 {
            match self.kept(at)?.map(|stamped| stamped.event) {
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

fn told(findings: Vec<Finding>) -> Vec<Heard> {
    let heard = |finding: Finding| Heard { detector: finding.detector, id: finding.id, claim: finding.claim };
    findings.into_iter().map(heard).collect()
}

impl Retold {
    fn audience<'a>(&self, detector: &'a str) -> Audience<'a> {
        if self.only_hears { Audience::OneHears(detector) } else { Audience::One(detector) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use super::*;
    use crate::event::{Observation, Value};
    use crate::journal::Journal;
    use crate::plugin::Fleet;

    struct Nobody;

    impl crate::chain_read::ChainReader for Nobody {
        fn read(&self, _: BlockRef, read: &crate::chain_read::ChainRead) -> crate::chain_read::ChainAnswer {
            panic!("nobody answers {read:?}")
        }
    }

    /// A run shows an input again before it is known by which entry, a replay when that is known: randomness must not tell.
    #[test]
    fn an_input_has_one_seed_however_it_is_shown() {
        let fleet = Fleet::new().unwrap();
        let mut engine = Engine::new(Journal::in_memory().unwrap(), fleet, Arc::new(Nobody)).unwrap();
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
            engine.retold(&debt, by, 8).unwrap().unwrap().scene
        };
        let first = scene(Some(Why::Behind), 1);
        for (why, by) in [(Why::Again, 1), (Why::Again, 9), (Why::Retry, 9), (Why::Behind, 9)] {
            assert_eq!(scene(Some(why), by).seed, first.seed, "{why:?} by {by}");
        }
        assert_ne!(scene(Some(Why::Again), 1).input, scene(Some(Why::Again), 9).input, "findings are told apart");
    }
}
