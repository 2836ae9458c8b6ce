//! What a detector made of an input.

use std::collections::BTreeMap;
use std::time::Duration;

use alloy::primitives::B256;

use crate::block::BlockRef;
use crate::chain_read::{ChainAnswer, ChainRead};
use crate::entry::StateChange;
use crate::failure_kind::FailureKind;
use crate::finding::{Claim, Finding};
use crate::plugin::boundary::batch::Heard;
use crate::plugin::boundary::guest::LogLine;
use crate::plugin::failure::Failure;
use crate::plugin::measure::allocations::Allocated;

/// How batches went in a run that is repeated, by detector: what depended on the machine is not run into again.
pub type Recorded = BTreeMap<String, Went>;

/// How a batch went then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Went {
    /// It failed for a reason that lay with the machine.
    Failed(Failure),
    /// It failed once, and what counted is what a fresh instance made of it.
    Retried,
}

/// What one detector made of one input.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its id.
    pub detector: String,
    /// SHA-256 of its component.
    pub digest: B256,
    /// What it claims, or how it failed, the second time if it was tried twice.
    pub result: Result<Vec<Claim>, Failure>,
    /// How it failed the first time, if it was tried twice.
    pub first_failure: Option<Failure>,
    /// For how many batches it rests, if this failure was one too many: known once it counts.
    pub quarantined_for: Option<u64>,
    /// What it changed in its state; nothing if it failed.
    pub state: Vec<StateChange>,
    /// Its reads of the chain, with their answers.
    pub reads: Vec<(BlockRef, ChainRead, ChainAnswer)>,
    /// Lines that it wrote to its log.
    pub log: Vec<LogLine>,
    /// How long it took.
    pub elapsed: Duration,
    /// Fuel that it used, if fuel is counted.
    pub fuel: Option<u64>,
    /// What it allocated, if that is counted.
    pub allocated: Option<Allocated>,
}

/// A detector that has come back from an input that it was late on.
#[derive(Debug)]
pub struct Late {
    /// Its id.
    pub detector: String,
    /// The input's sequence number.
    pub seq: u64,
    /// What it made of the input; `None` if that does not count any more, and its state must be given to it anew.
    pub outcome: Option<Outcome>,
}

/// What came of an input.
#[derive(Debug, Default)]
pub struct Shown {
    /// Outcomes in the order of level and id.
    pub outcomes: Vec<Outcome>,
    /// Detectors that have something to see in the input and have not seen it to its end, in the order of level and id.
    pub behind: Vec<String>,
}

impl Outcome {
    /// Tells whether the host's own code failed, which may have cost the detector its state.
    pub fn is_lost(&self) -> bool {
        self.result.as_ref().is_err_and(|failure| failure.kind == FailureKind::Host)
    }

    /// Returns its claims as findings of an input that others may listen to.
    pub fn heard(&self, input: B256) -> Vec<Heard> {
        let claims = self.result.iter().flatten().enumerate();
        claims
            .map(|(position, claim)| {
                let id = Finding::id_of(&self.detector, self.digest, input, position);
                Heard { detector: self.detector.clone(), id, claim: claim.clone() }
            })
            .collect()
    }

    /// Returns each distinct read of some outcomes once, in the order of their questions.
    pub fn distinct_reads(outcomes: &[Outcome]) -> Vec<(BlockRef, ChainRead, ChainAnswer)> {
        let mut distinct = BTreeMap::new();
        for (at, read, answer) in outcomes.iter().flat_map(|outcome| &outcome.reads) {
            distinct.entry((*at, read.clone())).or_insert_with(|| answer.clone());
        }
        distinct.into_iter().map(|((at, read), answer)| (at, read, answer)).collect()
    }
}
