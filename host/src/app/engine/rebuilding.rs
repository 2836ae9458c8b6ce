//! Makes what the engine keeps in memory alone anew from the journal. Going back after an input that failed reads what came since an
//! earlier commit, and not the whole journal.

use crate::app::engine::Engine;
use crate::app::engine::desk_inputs::step_again;
use crate::app::engine::remembered::Remembered;
use crate::entry::Entry;

/// After how many entries it is noted anew: a copy costs what there is, and is to be rare beside what it is made of.
const EVERY_ENTRIES: u64 = 4_096;

impl Engine {
    /// Notes what is in memory, once enough came since the last time. All of it must be committed: nothing goes back before it.
    pub(super) fn remember(&mut self) {
        let seq = self.newest_seq();
        if seq >= self.remembered.seq.saturating_add(EVERY_ENTRIES) {
            let (desks, gaps, settled) = (self.desks.clone(), self.gaps.clone(), self.settled.clone());
            self.remembered = Remembered { seq, desks, gaps, settled };
        }
    }

    /// Makes what is in memory anew from the journal: from its beginning, or from what was noted.
    pub(super) fn rebuild(&mut self) -> anyhow::Result<()> {
        let Remembered { seq, desks, gaps, settled } = self.remembered.clone();
        (self.desks, self.gaps, self.settled) = (desks, gaps, settled);
        self.fleet.set_heads(self.heads(u64::MAX)?);
        for (chain, safe, finalized) in self.journal.all_settled()? {
            self.settled.settle(chain, safe, finalized);
        }
        let mut rows = self.journal.desk_entries_after(seq)?;
        while let Some(row) = rows.next()? {
            match &row.entry {
                Entry::Finding(finding) => {
                    self.gaps.remember(finding);
                    self.settled.watch(finding);
                }
                Entry::Retraction { finding, .. } => {
                    self.gaps.forget(*finding);
                    self.settled.forget(*finding);
                }
                _ => {}
            }
            step_again(&mut self.desks, &row)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use alloy::primitives::B256;

    use super::*;
    use crate::app::engine::Given;
    use crate::app::engine::answers::Answers;
    use crate::desk::Desks;
    use crate::event::{Coverage, Event, Stamped};
    use crate::finding::Severity;
    use crate::journal::Journal;
    use crate::plugin::Fleet;
    use crate::protocol::Protocol;

    fn engine(path: &std::path::Path) -> Engine {
        Engine::new(Journal::open(path).unwrap(), Fleet::new(), Arc::new(Answers::default())).unwrap()
    }

    fn in_memory(engine: &Engine) -> (Desks, Vec<(String, String)>) {
        (engine.desks.clone(), engine.gaps.all())
    }

    #[test]
    fn an_input_that_fails_goes_back_to_what_a_restart_would_have() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        let mut engine = engine(&path);
        let mut at_ms = 0;
        let mut take = |engine: &mut Engine, event: Event| {
            at_ms += 1;
            engine.take(Stamped { at_ms, event }, &Given::default()).unwrap();
        };
        let fault = |number: u64, over: bool| {
            let (kind, subject) = ("endpoint-down".to_owned(), format!("endpoint/{number}"));
            Event::Coverage {
                coverage: Coverage {
                    chain: None,
                    kind,
                    subject,
                    severity: Severity::Low,
                    message: String::new(),
                    over,
                },
            }
        };
        for number in 0..2_000 {
            take(&mut engine, fault(number, false));
            if number % 3 == 0 {
                take(&mut engine, fault(number, true));
            }
            if number % 100 == 0 {
                engine.commit().unwrap();
            }
        }
        engine.commit().unwrap();
        assert!(engine.remembered.seq > 0, "{} entries", engine.newest_seq());
        take(&mut engine, fault(5_000, false));
        let files = vec![("plan.toml".to_owned(), "this is no plan".to_owned())];
        take(
            &mut engine,
            Event::Plan { protocol: Protocol::default(), hash: B256::ZERO, files, defaults: Default::default() },
        );
        engine.commit().unwrap();
        let came = in_memory(&engine);
        assert!(came.1.iter().any(|(kind, _)| kind == "input-refused"), "it was refused");
        drop(engine);
        assert_eq!(came, in_memory(&self::engine(&path)));
    }
}
