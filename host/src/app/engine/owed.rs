//! Inputs that detectors are owed: those they are behind on, those a reorg makes them see again, those they set aside, and
//! blocks whose parts have not come.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::Why;
use crate::journal::{Debt, Journal};

/// Debts by detector and input, in step with the journal's.
#[derive(Debug, Default)]
pub(super) struct Owed {
    /// What is shown before anything new: the input that each comes down to, and why.
    late: BTreeMap<String, BTreeMap<u64, (u64, Why)>>,
    /// What waits until somebody asks for it.
    aside: BTreeMap<String, BTreeMap<u64, u64>>,
    /// Blocks that wait for a part of theirs.
    awaited: BTreeMap<String, BTreeMap<u64, u64>>,
}

impl Owed {
    pub(super) fn load(journal: &Journal) -> anyhow::Result<Self> {
        let mut owed = Self::default();
        journal.owed()?.into_iter().for_each(|debt| owed.put(debt));
        Ok(owed)
    }

    fn put(&mut self, debt: Debt) {
        let Debt { detector, input, root, why } = debt;
        match why {
            Some(Why::Awaited) => drop(self.awaited.entry(detector).or_default().insert(input, root)),
            Some(why) => drop(self.late.entry(detector).or_default().insert(input, (root, why))),
            None => drop(self.aside.entry(detector).or_default().insert(input, root)),
        }
    }

    pub(super) fn add(&mut self, journal: &mut Journal, debt: Debt) -> anyhow::Result<()> {
        journal.owe(&debt)?;
        self.put(debt);
        Ok(())
    }

    pub(super) fn remove(&mut self, journal: &mut Journal, detector: &str, input: u64) -> anyhow::Result<()> {
        let was_late = take(&mut self.late, detector, input);
        let was_awaited = take(&mut self.awaited, detector, input);
        if take(&mut self.aside, detector, input) || was_late || was_awaited {
            journal.owe_no_more(detector, input)?;
        }
        Ok(())
    }

    /// Drops all debts that come down to one of these inputs. Returns the detectors that had some.
    pub(super) fn revert(&mut self, journal: &mut Journal, roots: &BTreeSet<u64>) -> anyhow::Result<BTreeSet<String>> {
        let late = self.late.iter().flat_map(|(id, of)| of.iter().map(move |(input, debt)| (id, *input, debt.0)));
        let aside = self.aside.iter().chain(&self.awaited);
        let aside = aside.flat_map(|(id, of)| of.iter().map(move |(input, root)| (id, *input, *root)));
        let gone: Vec<(String, u64)> = late
            .chain(aside)
            .filter(|(_, _, root)| roots.contains(root))
            .map(|(id, input, _)| (id.clone(), input))
            .collect();
        for (id, input) in &gone {
            self.remove(journal, id, *input)?;
        }
        Ok(gone.into_iter().map(|(id, _)| id).collect())
    }

    /// Drops all debts to a detector.
    pub(super) fn forget(&mut self, journal: &mut Journal, detector: &str) -> anyhow::Result<()> {
        let late = self.late.get(detector).into_iter().flatten().map(|(input, _)| *input);
        let aside = self.aside.get(detector).into_iter().chain(self.awaited.get(detector));
        let aside = aside.flatten().map(|(input, _)| *input);
        for input in late.chain(aside).collect::<Vec<_>>() {
            self.remove(journal, detector, input)?;
        }
        Ok(())
    }

    /// Queues the inputs set aside for this detector, to be shown in order, and with them the blocks that wait for a part, as
    /// they are. Returns how many.
    pub(super) fn retry(&mut self, journal: &mut Journal, detector: &str) -> anyhow::Result<usize> {
        let mut aside = self.aside.remove(detector).unwrap_or_default();
        aside.extend(self.awaited.remove(detector).unwrap_or_default());
        let count = aside.len();
        for (input, root) in aside {
            self.add(journal, Debt { detector: detector.to_owned(), input, root, why: Some(Why::Retry) })?;
        }
        Ok(count)
    }

    pub(super) fn why_late(&self, detector: &str, input: u64) -> Option<Why> {
        self.late.get(detector)?.get(&input).map(|(_, why)| *why)
    }

    /// Returns what an input that a detector is late on comes down to; 0 if it is not late on it.
    pub(super) fn root_of(&self, detector: &str, input: u64) -> u64 {
        self.late.get(detector).and_then(|of| of.get(&input)).map_or(0, |(root, _)| *root)
    }

    /// Tells whether a detector is owed an input, for whatever reason.
    pub(super) fn has(&self, detector: &str, input: u64) -> bool {
        self.why_late(detector, input).is_some()
            || self.aside.get(detector).is_some_and(|aside| aside.contains_key(&input))
            || self.awaited.get(detector).is_some_and(|awaited| awaited.contains_key(&input))
    }

    /// Returns the oldest input that each detector is owed, for whatever reason.
    pub(super) fn oldest(&self) -> Vec<(String, u64)> {
        let late = self.late.iter().filter_map(|(id, of)| Some((id.clone(), *of.first_key_value()?.0)));
        let aside = self.aside.iter().chain(&self.awaited);
        let aside = aside.filter_map(|(id, of)| Some((id.clone(), *of.first_key_value()?.0)));
        late.chain(aside).collect()
    }

    /// Tells whether no detector is owed an older input.
    pub(super) fn nobody_is_late(&self) -> bool {
        self.late.is_empty()
    }

    /// Returns the detectors that have something to see before anything new.
    pub(super) fn late(&self) -> BTreeSet<String> {
        self.late.keys().cloned().collect()
    }

    /// Returns what each late detector is to be shown next.
    pub(super) fn next(&self) -> Vec<(String, u64, Why)> {
        let first = |(id, of): (&String, &BTreeMap<u64, (u64, Why)>)| {
            of.first_key_value().map(|(input, (_, why))| (id.clone(), *input, *why))
        };
        self.late.iter().filter_map(first).collect()
    }

    /// Returns the inputs that came while a detector was at work, oldest first.
    pub(super) fn behind_on(&self, detector: &str) -> Vec<u64> {
        let late = self.late.get(detector).into_iter().flatten();
        late.filter(|(_, (_, why))| *why == Why::Behind).map(|(input, _)| *input).collect()
    }

    /// Returns the inputs that a detector is blind to: it failed on them, or rested, and has not seen them since.
    pub(super) fn set_aside(&self, detector: &str) -> Vec<u64> {
        let late = self.late.get(detector).into_iter().flatten();
        let retried = late.filter(|(_, (_, why))| *why == Why::Retry).map(|(input, _)| *input);
        let mut all: Vec<u64> =
            self.aside.get(detector).into_iter().flatten().map(|(input, _)| *input).chain(retried).collect();
        all.sort_unstable();
        all
    }

    /// Returns the blocks that a detector has not seen because a part of them was missing.
    pub(super) fn awaited(&self, detector: &str) -> Vec<u64> {
        let late = self.late.get(detector).into_iter().flatten();
        let came = late.filter(|(_, (_, why))| *why == Why::Completed).map(|(input, _)| *input);
        self.awaited.get(detector).into_iter().flatten().map(|(input, _)| *input).chain(came).collect()
    }

    /// Returns the oldest block that some detector has not seen because a part of it was missing.
    pub(super) fn oldest_awaited(&self) -> Option<u64> {
        let late = self.late.values().flatten().filter(|(_, (_, why))| *why == Why::Completed).map(|(input, _)| *input);
        self.awaited.values().flat_map(|of| of.keys().copied()).chain(late).min()
    }

    /// Returns the blocks that wait for a part of theirs, for whichever detector.
    pub(super) fn awaited_inputs(&self) -> BTreeSet<u64> {
        self.awaited.values().flat_map(|of| of.keys().copied()).collect()
    }

    /// Returns the detectors that a block waits for a part for.
    pub(super) fn waiting_for(&self, input: u64) -> Vec<String> {
        self.awaited.iter().filter(|(_, of)| of.contains_key(&input)).map(|(id, _)| id.clone()).collect()
    }
}

fn take<T>(debts: &mut BTreeMap<String, BTreeMap<u64, T>>, detector: &str, input: u64) -> bool {
    let Some(of) = debts.get_mut(detector) else { return false };
    let had = of.remove(&input).is_some();
    if of.is_empty() {
        debts.remove(detector);
    }
    had
}
