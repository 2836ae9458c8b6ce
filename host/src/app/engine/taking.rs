//! The rule for errors. What fails on one input is a failure of that input, or of the detector whose work could not be kept; the
//! engine goes back to before it and goes on. Only the journal's own disk ends the engine.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::app::engine::owed::Owed;
use crate::app::engine::{Engine, Given};
use crate::event::{Coverage, Event, Stamped, Why};
use crate::failure_kind::FailureKind;
use crate::finding::Severity;
use crate::journal::{Debt, JournalError, Mark};
use crate::plugin::{Failure, Outcome, Went};

/// Detectors that may fail one after the other on what they made of an input, before the input itself is refused.
const FAILING_AT_MOST: usize = 16;

/// Where the engine stood before an input.
struct Before {
    mark: Mark,
    fresh: usize,
}

impl Engine {
    /// Takes one input in. Nothing of it is durable, or may be shown, before [`Engine::commit`].
    ///
    /// If it can't be taken, nothing of it stays, and that it came is a coverage finding, `input-refused`. If what a detector
    /// made of it can't be kept, that is a failure of the detector.
    ///
    /// # Errors
    ///
    /// If the journal's disk fails; the engine is to be dropped then.
    pub fn take(&mut self, stamped: Stamped, given: &Given) -> anyhow::Result<()> {
        let (at_ms, name) = (stamped.at_ms, stamped.event.name());
        match self.attempt(&stamped, given)? {
            Ok(()) => Ok(()),
            Err(why) => self.refuse(at_ms, name, &stamped.event, &why),
        }
    }

    /// Takes one input in, or nothing of it: then it says why.
    pub(super) fn attempt(&mut self, stamped: &Stamped, given: &Given) -> anyhow::Result<Result<(), String>> {
        let mut given = Cow::Borrowed(given);
        for _ in 0..FAILING_AT_MOST {
            let before = Before { mark: self.journal.mark()?, fresh: self.fresh.len() };
            self.fleet.begin_to_count();
            self.at_work_for = None;
            let taken = catch_unwind(AssertUnwindSafe(|| self.take_all(stamped.clone(), &given)));
            let why = match taken {
                Ok(Ok(())) => {
                    self.journal.keep(before.mark)?;
                    return Ok(Ok(()));
                }
                Ok(Err(error)) if is_of_the_disk(&error) => return Err(error),
                Ok(Err(error)) => format!("{error:#}"),
                Err(panic) => in_words(panic.as_ref()),
            };
            self.go_back(before)?;
            let Some(detector) = self.at_work_for.take() else { return Ok(Err(why)) };
            tracing::error!(detector, "what it made of an input can't be kept: {why}");
            let failure = Failure::new(FailureKind::Host, format!("what it made can't be kept: {why}"));
            let changed = given.to_mut();
            if changed.outcome.as_ref().is_some_and(|outcome| outcome.detector == detector) {
                changed.outcome = None;
            }
            let went = changed.failures.insert(detector, Went::Failed(failure));
            if matches!(went, Some(Went::Failed(_))) {
                return Ok(Err(why));
            }
        }
        Ok(Err("what too many detectors made of it can't be kept".to_owned()))
    }

    /// Takes in what a late detector made of an input.
    pub(super) fn take_shown(
        &mut self,
        debt: Debt,
        completed: Option<u64>,
        outcome: Outcome,
        at_ms: u64,
    ) -> anyhow::Result<()> {
        let Debt { detector, input, root, why } = debt;
        let event = Event::Shown { detector: detector.clone(), input, why: why.unwrap_or(Why::Behind), completed };
        let given = Given::made(outcome);
        match self.attempt(&Stamped { at_ms, event: event.clone() }, &given)? {
            Ok(()) => Ok(()),
            Err(why) => {
                // Not shown again and again: somebody has to ask for it.
                self.owed.add(&mut self.journal, Debt { detector, input, root, why: None })?;
                self.refuse(at_ms, event.name(), &event, &why)
            }
        }
    }

    /// Makes what is not kept in tables anew from the journal, after an error that left it half changed.
    ///
    /// # Errors
    ///
    /// If the journal can't be read.
    pub fn recover(&mut self) -> anyhow::Result<()> {
        self.owed = Owed::load(&self.journal)?;
        self.decoded.clear();
        for id in self.fleet.ids() {
            let state = self.journal.load_state(&id)?;
            self.fleet.set_state(&id, state);
        }
        self.rebuild()
    }

    fn go_back(&mut self, before: Before) -> anyhow::Result<()> {
        self.journal.go_back(before.mark)?;
        self.fresh.truncate(before.fresh);
        self.fleet.take_back_counts();
        self.recover()
    }

    /// Says that an input could not be taken in.
    fn refuse(&mut self, at_ms: u64, name: &str, event: &Event, why: &str) -> anyhow::Result<()> {
        let what = match event {
            Event::Committed { block } => format!("block {} of chain {}", block.number, block.chain),
            Event::Observed { observation } => format!("an observation of feed {}", observation.feed),
            Event::Shown { detector, input, .. } => format!("input {input}, shown to {detector}"),
            _ => format!("an input (`{name}`)"),
        };
        let message = format!(
            "{what} could not be taken in, and the watch goes on without it: {why}. Please report it; `watchfire journal verify` \
             says whether the journal is whole"
        );
        tracing::error!("{message}");
        let at_ms = at_ms.min(i64::MAX as u64);
        let (kind, subject) = ("input-refused".into(), "host/inputs".into());
        let coverage = Coverage { chain: None, kind, subject, severity: Severity::Critical, message, over: false };
        let refused = self.attempt(&Stamped { at_ms, event: Event::Coverage { coverage } }, &Given::default())?;
        if let Err(why) = refused {
            tracing::error!("that it was refused could not be taken in either: {why}");
        }
        Ok(())
    }
}

/// Tells whether an error means that the journal can't be kept any more.
pub fn is_of_the_disk(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<JournalError>().is_some_and(JournalError::is_of_the_disk))
}

/// What a panic of the host's own code said.
pub fn in_words(panic: &(dyn std::any::Any + Send)) -> String {
    let said = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    let said: String = said.unwrap_or("no reason is known").chars().take(300).collect();
    format!("the host's own code failed: {said}")
}
