//! From what detectors made of an input to entries: findings, failures, and the gaps that these leave.

use crate::app::engine::awaited::OWED;
use crate::app::engine::coverage_gaps::Gap;
use crate::app::engine::given::BEHIND;
use crate::app::engine::provenance::Scene;
use crate::app::engine::{Engine, Given};
use crate::entry::Entry;
use crate::failure_kind::FailureKind;
use crate::finding::Severity;
use crate::journal::Debt;
use crate::plugin::{Failure, LogLevel, LogLine, Outcome};

/// A detector failed on one batch, which is set aside.
const FAILED: &str = "detector-failed";
/// A detector rests after too many failures.
const RESTS: &str = "detector-quarantined";
/// A detector works again and has batches set aside while it rested.
const BLIND: &str = "detector-blind";
/// For how long the oldest of what waits for a detector must have waited until it counts as behind: a backlog comes faster than its
/// chain does, and whoever keeps pace with it is a moment late.
const BEHIND_FOR_MS: u64 = 5_000;

impl Engine {
    pub(super) fn outcomes(&mut self, scene: &Scene, outcomes: Vec<Outcome>, given: &Given) -> anyhow::Result<()> {
        if given.is_repeated() {
            // All that was read then, by tries too that are not repeated.
            while let Some(answer @ Entry::Answer { .. }) = given.at(self.newest_seq() + 1) {
                self.append(answer.clone())?;
            }
        } else {
            for (at, read, answer) in Outcome::distinct_reads(&outcomes) {
                self.append(Entry::Answer { at, read, answer })?;
            }
        }
        for outcome in outcomes {
            self.at_work_for = Some(outcome.detector.clone());
            self.outcome(scene, outcome, given)?;
        }
        self.at_work_for = None;
        Ok(())
    }

    fn outcome(&mut self, scene: &Scene, mut outcome: Outcome, given: &Given) -> anyhow::Result<()> {
        outcome.log.iter().for_each(|line| log_line(&outcome.detector, line));
        match self.spent.get_mut(&outcome.detector) {
            Some(spent) => spent.add(outcome.elapsed),
            None => self.spent.entry(outcome.detector.clone()).or_default().add(outcome.elapsed),
        }
        let first_failure = outcome.first_failure.take();
        if given.is_repeated() {
            if let Some(retried @ Entry::Retried { detector, .. }) = given.at(self.newest_seq() + 1)
                && *detector == outcome.detector
            {
                self.append(retried.clone())?;
            }
        } else if let Some(Failure { kind, message }) = first_failure {
            let (detector, digest) = (outcome.detector.clone(), outcome.digest);
            self.append(Entry::Retried { detector, digest, kind, message })?;
        }
        outcome.quarantined_for = self.fleet.count(&outcome);
        match std::mem::replace(&mut outcome.result, Ok(Vec::new())) {
            Ok(claims) => {
                self.journal.save_state(&outcome.detector, scene.applied, &outcome.state)?;
                self.works(scene, &outcome.detector)?;
                let is_shadow = self.is_shadow(&outcome.detector);
                for (position, claim) in claims.into_iter().enumerate() {
                    let finding = scene.place(&outcome.detector, outcome.digest, position, claim, &self.settled);
                    if is_shadow {
                        self.shadowed(scene.root, finding)?;
                    } else {
                        self.found(scene.root, finding)?;
                    }
                }
                Ok(())
            }
            Err(failure) => self.failed(scene, &outcome, failure),
        }
    }

    /// A batch failed, or was not shown: it is set aside, and a coverage finding is raised.
    fn failed(&mut self, scene: &Scene, outcome: &Outcome, failure: Failure) -> anyhow::Result<()> {
        let Failure { kind, message } = failure;
        let (detector, digest, at_ms) = (outcome.detector.clone(), outcome.digest, scene.at_ms);
        let missed = format!(
            "{detector} did not see {}: {kind}: {message}. It is set aside; `watchfire plugin retry {detector}` shows it \
             again, best to a mended version",
            scene.place_in_words()
        );
        self.append(Entry::Failed { detector: detector.clone(), digest, kind: kind.clone(), message })?;
        let debt = Debt { detector: detector.clone(), input: scene.seq, root: scene.root, why: None };
        self.owed.add(&mut self.journal, debt)?;
        // What a shadow does not see is no gap in the watch.
        if kind == FailureKind::Quarantined || self.is_shadow(&detector) {
            return Ok(());
        }
        let gap = Gap::of_detector(FAILED, &detector, &scene.place_in_words());
        self.open_gap(scene.seq, scene.root, at_ms, gap, Severity::High, &missed)?;
        let Some(batches) = outcome.quarantined_for else { return Ok(()) };
        let message = format!(
            "{detector} failed too often and rests: its next {batches} batches, from {} on, are set aside unseen",
            scene.place_in_words()
        );
        self.open_gap(scene.seq, 0, at_ms, Gap::of_detector(RESTS, &detector, ""), Severity::High, &message)
    }

    /// A batch went well: what it was blind for may be over.
    fn works(&mut self, scene: &Scene, detector: &str) -> anyhow::Result<()> {
        if self.gaps.of_detector(detector).is_empty() {
            return Ok(());
        }
        let seen = Gap::of_detector(FAILED, detector, &scene.place_in_words());
        self.close_gap(&seen, &format!("{detector} has seen {}", scene.place_in_words()), scene.at_ms)?;
        let rests = Gap::of_detector(RESTS, detector, "");
        if self.gaps.has(&rests) {
            self.close_gap(&rests, &format!("{detector} works again"), scene.at_ms)?;
            let aside = self.owed.set_aside(detector).len();
            if aside > 0 {
                let message = format!(
                    "{detector} works again and has not seen {aside} inputs that were set aside; `watchfire plugin retry \
                     {detector}` shows them to it, with `--waive` it goes on without"
                );
                let gap = Gap::of_detector(BLIND, detector, "");
                self.open_gap(scene.seq, 0, scene.at_ms, gap, Severity::Medium, &message)?;
            }
        }
        self.mend_gaps(scene.at_ms, detector)
    }

    /// Ends the gaps of a detector that nothing stands behind any more.
    pub(super) fn mend_gaps(&mut self, at_ms: u64, detector: &str) -> anyhow::Result<()> {
        let gaps = self.gaps.of_detector(detector);
        if gaps.is_empty() {
            return Ok(());
        }
        let is_here = self.fleet.get(detector).is_some();
        let aside = self.owed.set_aside(detector);
        let (late, awaited) = (self.owed.behind_on(detector), self.owed.awaited(detector));
        for gap in gaps {
            let why = match gap.kind.as_str() {
                _ if !is_here => "the detector was removed",
                BLIND | FAILED if aside.is_empty() => "nothing is set aside for it any more",
                BEHIND if late.is_empty() => "it has caught up",
                OWED if awaited.is_empty() => "it is owed no block any more",
                _ => continue,
            };
            self.close_gap(&gap, &format!("{detector}: {why}"), at_ms)?;
        }
        Ok(())
    }

    /// A detector that has too much waiting for it, and for too long, is behind.
    pub(super) fn fall_behind(&mut self, seq: u64, at_ms: u64, detector: &str, given: &Given) -> anyhow::Result<()> {
        let Some(profile) = self.fleet.get(detector).filter(|profile| profile.shadow_of().is_none()) else {
            return Ok(());
        };
        let most = profile.limits().batches_behind;
        let late = self.owed.behind_on(detector);
        let Some(first) = late.first().copied().filter(|_| late.len() as u64 >= most) else { return Ok(()) };
        let is_behind = match given.is_repeated() {
            // When that was so is the rule of the version that ran.
            true => {
                matches!(given.at(self.newest_seq() + 1), Some(Entry::Finding(told)) if told.claim.subject.id == detector)
            }
            false => at_ms.saturating_sub(self.journal.made_at_ms(first)?.unwrap_or(at_ms)) >= BEHIND_FOR_MS,
        };
        if !is_behind {
            return Ok(());
        }
        let message = format!(
            "{detector} is {} batches behind, since input {}: what it finds comes late. It takes too long for this chain; \
             make it faster, or narrow what it subscribes to",
            late.len(),
            first
        );
        self.open_gap(seq, 0, at_ms, Gap::of_detector(BEHIND, detector, ""), Severity::High, &message)
    }

    pub(super) fn is_shadow(&self, detector: &str) -> bool {
        self.fleet.get(detector).is_some_and(|profile| profile.shadow_of().is_some())
    }

    /// Somebody takes the gap upon themselves: what a detector set aside is not shown to it.
    pub(super) fn waived(&mut self, at_ms: u64, detector: &str) -> anyhow::Result<()> {
        for input in self.owed.set_aside(detector).into_iter().chain(self.owed.awaited(detector)) {
            self.owed.remove(&mut self.journal, detector, input)?;
        }
        self.mend_gaps(at_ms, detector)
    }
}

/// Logs a line that a detector wrote.
fn log_line(detector: &str, line: &LogLine) {
    match line.level {
        LogLevel::Debug => tracing::debug!(detector, "{}", line.message),
        LogLevel::Info => tracing::info!(detector, "{}", line.message),
        LogLevel::Warn => tracing::warn!(detector, "{}", line.message),
        LogLevel::Error => tracing::error!(detector, "{}", line.message),
    }
}
