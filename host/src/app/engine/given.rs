//! What an input brings along that does not follow from the inputs before it: how it went in a run that is repeated, and what a late
//! detector came back with.

use std::collections::{BTreeMap, BTreeSet};

use crate::entry::Entry;
use crate::finding::COVERAGE;
use crate::journal::Cause;
use crate::plugin::{Failure, Heard, Outcome, Recorded, Went};

/// The kind of the finding that a detector has more waiting for it than it should, for longer than it should.
pub(super) const BEHIND: &str = "detector-behind";

/// What is added to an input because it depended on the machine.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// How batches went that depended on the machine, by detector: the engine repeats that rather than runs into it.
    pub failures: Recorded,
    /// Detectors that were late, and so did not see the input then; `None` if the engine is to find that out.
    pub behind: Option<BTreeSet<String>>,
    /// Findings of detectors that are not here: detectors that listen to them hear of these.
    pub heard: Vec<Heard>,
    /// What the detector that the input is shown to has made of it already.
    pub(super) outcome: Option<Box<Outcome>>,
    /// Answers, second tries, and what told that a detector is behind, of the run that is repeated, by their place in the journal;
    /// `None` if this is the run itself.
    follow: Option<BTreeMap<u64, Entry>>,
}

impl Given {
    /// Gives findings of detectors that are not here.
    pub fn hearing(heard: Vec<Heard>) -> Self {
        Self { heard, ..Self::default() }
    }

    /// Gives what the detector that an input is shown to has made of it already.
    pub(super) fn made(outcome: Outcome) -> Self {
        Self { outcome: Some(Box::new(outcome)), ..Self::default() }
    }

    /// Takes from the journal what an input is to be repeated with.
    pub fn of(cause: &Cause) -> Self {
        let mut given = Self { behind: Some(BTreeSet::new()), ..Self::default() };
        let mut follow = BTreeMap::new();
        for (seq, entry) in (cause.seq + 1..).zip(&cause.entries) {
            match entry {
                Entry::Answer { .. } => drop(follow.insert(seq, entry.clone())),
                Entry::Finding(told) if told.detector == COVERAGE && told.claim.kind == BEHIND => {
                    follow.insert(seq, entry.clone());
                }
                Entry::Retried { detector, .. } => {
                    given.failures.entry(detector.clone()).or_insert(Went::Retried);
                    follow.insert(seq, entry.clone());
                }
                Entry::Failed { detector, kind, message, .. } if kind.is_environmental() => {
                    let failure = Failure::new(kind.clone(), message.clone());
                    given.failures.insert(detector.clone(), Went::Failed(failure));
                }
                Entry::Behind { detectors } => given.behind.get_or_insert_default().extend(detectors.iter().cloned()),
                _ => {}
            }
        }
        given.follow = Some(follow);
        given
    }

    /// Tells whether a run is repeated, so that what depended on the machine is given.
    pub(super) fn is_repeated(&self) -> bool {
        self.follow.is_some()
    }

    /// Returns the entry that the run had at a place, if it did not follow from the inputs before.
    pub(super) fn at(&self, seq: u64) -> Option<&Entry> {
        self.follow.as_ref()?.get(&seq)
    }
}
