//! How the loop goes on after a failure: what concerns one request, channel, input or recording ends nothing else.

use std::time::Duration;

use crate::app::live::fatal::{Lost, ends_the_host};
use crate::app::live::main_loop::Loop;
use crate::event::{Coverage, Event};
use crate::finding::Severity;

impl Loop {
    /// Goes on after something else than the journal's disk failed: a request, a channel, a step of the upkeep. What was
    /// half done is made anew from the journal, and that it failed is reported.
    pub(super) fn go_on_after(&mut self, why: &str) -> anyhow::Result<()> {
        let doing = self.pulse.doing();
        tracing::error!("{doing}: {why}. The host goes on; please report it");
        self.failed_turns = self.failed_turns.saturating_add(1);
        // Whatever fails at once, and again, must not keep the machine busy.
        std::thread::sleep(Duration::from_millis(1 << self.failed_turns.min(6)));
        self.engine.recover()?;
        if self.failed_turns > 1 {
            return Ok(());
        }
        let message = format!("{doing}: it failed, and the host goes on: {why}. Please report it");
        let (kind, subject) = ("loop-failed".into(), "host/loop".into());
        let coverage = Coverage { chain: None, kind, subject, severity: Severity::High, message, over: false };
        match self.take(Event::Coverage { coverage }, None) {
            Err(error) if ends_the_host(&error) => Err(error),
            _ => Ok(()),
        }
    }

    /// A recording that can't be written ends, and the watch does not.
    pub(super) fn stop_recording(&mut self, error: anyhow::Error) -> anyhow::Result<()> {
        if self.must_record {
            // Nothing else is wanted of this run.
            return Err(Lost(error).into());
        }
        self.tape = None;
        let message = format!("the recording ended, for it can't be written any more: {error:#}. The watch goes on");
        tracing::error!("{message}");
        let (kind, subject) = ("recording-ended".into(), "host/recording".into());
        let coverage = Coverage { chain: None, kind, subject, severity: Severity::Low, message, over: false };
        self.take(Event::Coverage { coverage }, None)
    }
}
