//! One batch for one detector, on whichever thread.

use std::panic::{AssertUnwindSafe, catch_unwind};

use alloy::primitives::B256;

use crate::failure_kind::FailureKind;
use crate::plugin::boundary::batch::Batch;
use crate::plugin::boundary::chain::Shared;
use crate::plugin::failure::Failure;
use crate::plugin::fleet::detector::{Detector, Ran};
use crate::plugin::fleet::outcome::{Outcome, Went};
use crate::plugin::text;

/// One batch for one detector.
pub(super) struct Task {
    pub(super) id: String,
    pub(super) batch: Batch,
    /// How it went in a run that is repeated.
    pub(super) recorded: Option<Went>,
    /// How many more batches are set aside for the detector, if it rests.
    pub(super) rests: Option<u64>,
}

/// A job that has ended.
pub(super) struct Done {
    /// Tells this job from every other.
    pub(super) job: u64,
    pub(super) detector: Box<Detector>,
    pub(super) outcome: Outcome,
    /// Whether the host's own code failed, which may have cost the detector its state.
    pub(super) is_lost: bool,
}

impl Task {
    /// Runs the batch as a job. A panic of the host's own code is a failure of this batch.
    pub(super) fn run(
        mut self,
        job: u64,
        mut detector: Box<Detector>,
        shared: &Shared,
        seed: B256,
        fresh: bool,
    ) -> Done {
        let ran = catch_unwind(AssertUnwindSafe(|| run(&mut detector, &mut self, shared, seed, fresh)));
        let is_lost = ran.is_err();
        let outcome = ran.unwrap_or_else(|panic| {
            detector.drop_instance();
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or(panic.downcast_ref::<&str>().copied()).unwrap_or_default();
            let message = format!("the host's own code failed, please report it: {}", text::line(said, 1_000));
            outcome_of(&detector, Ran::failed(Failure::new(FailureKind::Host, message)))
        });
        Done { job, detector, outcome, is_lost }
    }
}

/// Runs one batch, twice if it fails, unless the detector rests.
fn run(detector: &mut Detector, task: &mut Task, shared: &Shared, seed: B256, fresh_each_batch: bool) -> Outcome {
    if let Some(left) = task.rests {
        let message = format!("it rests; {left} more batches are set aside for it");
        return outcome_of(detector, Ran::failed(Failure::new(FailureKind::Quarantined, message)));
    }
    let outcome = match task.recorded.take() {
        Some(Went::Failed(failure)) => {
            detector.drop_instance();
            outcome_of(detector, Ran::failed(failure))
        }
        Some(Went::Retried) => {
            detector.drop_instance();
            let second = detector.on_batch(task.batch.clone(), shared, seed);
            outcome_of(detector, second)
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
