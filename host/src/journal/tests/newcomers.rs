//! Which versions of detectors are new in their place where a host starts again, and which were rejected.

use super::*;
use crate::failure_kind::FailureKind;

/// A journal of versions of `guest`, told by their first byte.
struct History {
    journal: Journal,
    at_ms: u64,
}

impl History {
    fn new() -> Self {
        Self { journal: Journal::temporary().unwrap(), at_ms: 0 }
    }

    fn input(&mut self, event: Event) {
        self.at_ms += 1;
        self.journal.append(&Entry::Input(Stamped { at_ms: self.at_ms, event })).unwrap();
    }

    fn runs(&mut self, version: Option<u8>) {
        let digest = version.map(B256::repeat_byte);
        self.input(Event::Detector { detector: "guest".into(), digest, spec: String::new() });
    }

    fn blocks(&mut self, count: u64) {
        for _ in 0..count {
            let block = block(1, self.at_ms, 0);
            self.input(Event::Committed { block: Arc::new(block) });
        }
    }

    fn fails(&mut self, version: u8, kind: FailureKind) {
        let digest = B256::repeat_byte(version);
        let failed = Entry::Failed { detector: "guest".into(), digest, kind, message: "no".into() };
        self.journal.append(&failed).unwrap();
    }

    fn is_rejected(&mut self, version: u8) {
        let digest = B256::repeat_byte(version);
        self.input(Event::Rejected { detector: "guest".into(), digest, reason: "trap: no".into() });
    }

    /// The first byte of the version that is new, its blocks, how it failed.
    fn newcomer(&self) -> Option<(u8, u32, Option<String>)> {
        let found = self.journal.newcomers(16).unwrap();
        assert!(found.len() < 2, "{found:?}");
        found.into_iter().next().map(|one| (one.digest[0], one.blocks, one.failed))
    }

    fn rejected(&self) -> Vec<u8> {
        self.journal.rejected().unwrap().into_iter().map(|one| one.digest[0]).collect()
    }
}

#[test]
fn what_took_the_place_of_another_is_new_for_some_blocks() {
    let mut history = History::new();
    history.runs(Some(1));
    history.blocks(3);
    assert_eq!(history.newcomer(), None, "the first one took nobody's place");
    history.runs(Some(2));
    history.blocks(2);
    assert_eq!(history.newcomer(), Some((2, 2, None)));
    history.fails(2, FailureKind::Quarantined);
    history.fails(1, FailureKind::Trap);
    assert_eq!(history.newcomer(), Some((2, 2, None)), "neither rest nor another version's failure is its own");
    history.fails(2, FailureKind::Trap);
    history.fails(2, FailureKind::Memory);
    // A host that starts again says what runs once more.
    history.runs(Some(2));
    assert_eq!(history.newcomer(), Some((2, 2, Some("trap: no".into()))));
    history.blocks(14);
    assert_eq!(history.newcomer(), None);
    history.runs(None);
    history.runs(Some(3));
    assert_eq!(history.newcomer(), None, "what was taken out before is nobody's predecessor");
}

#[test]
fn what_was_rejected_stays_so_until_somebody_takes_it_up_again() {
    let mut history = History::new();
    history.runs(Some(1));
    history.runs(Some(2));
    history.fails(2, FailureKind::Trap);
    history.is_rejected(2);
    assert_eq!(history.rejected(), [2]);
    history.runs(Some(1));
    assert_eq!((history.rejected(), history.newcomer()), (vec![2], Some((1, 0, None))));
    history.runs(Some(2));
    assert_eq!(history.rejected(), [0; 0]);
    history.is_rejected(2);
    assert_eq!(history.rejected(), [2]);
}
