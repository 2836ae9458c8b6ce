//! Detectors' state under any sequence of changes, reorgs, commits and stops equals a model that keeps snapshots.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use super::*;
use crate::entry::StateChange;

const DETECTORS: [&str; 2] = ["outflow", "prices"];

#[derive(Clone, Debug)]
enum Step {
    /// A detector changes keys on the next input; an empty value is not the same as none.
    Change(usize, Vec<(u8, Option<u8>)>),
    /// A reorg undoes so many of the newest inputs.
    Undo(usize, u64),
    /// All but so many of the newest inputs are final.
    Prune(u64),
    Commit,
    Rollback,
    /// The process stops without committing, and starts again.
    Reopen,
}

/// A detector as it was before each input that changed it, and the keys that were changed then.
#[derive(Clone, Debug, Default)]
struct Model {
    now: Values,
    before: Vec<(u64, Values, BTreeSet<Vec<u8>>)>,
}

impl Model {
    fn undo(&mut self, from: u64) -> Restored {
        let Some(first) = self.before.iter().position(|(input, _, _)| *input >= from) else { return Vec::new() };
        let undone: Vec<_> = self.before.drain(first..).collect();
        self.now = undone[0].1.clone();
        let keys: BTreeSet<Vec<u8>> = undone.into_iter().flat_map(|(_, _, keys)| keys).collect();
        keys.into_iter().map(|key| (key.clone(), self.now.get(&key).cloned())).collect()
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let changes = prop::collection::vec((0..6_u8, prop::option::of(0..3_u8)), 0..5);
    let step = prop_oneof![
        6 => (0..2_usize, changes).prop_map(|(detector, changes)| Step::Change(detector, changes)),
        2 => (0..2_usize, 0..6_u64).prop_map(|(detector, depth)| Step::Undo(detector, depth)),
        1 => (0..8_u64).prop_map(Step::Prune),
        3 => Just(Step::Commit),
        1 => Just(Step::Rollback),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 0..40)
}

fn changes_of(model: &Model, given: &[(u8, Option<u8>)]) -> Vec<StateChange> {
    let mut now = model.now.clone();
    let mut changes = Vec::new();
    for (key, value) in given {
        let key = vec![*key; usize::from(*key)];
        let after = value.map(|value| vec![value; usize::from(value)]);
        let before = match &after {
            Some(after) => now.insert(key.clone(), after.clone()),
            None => now.remove(&key),
        };
        changes.push(StateChange { key, before, after });
    }
    changes
}

fn check(steps: &[Step]) {
    let disk = OnDisk::new();
    let mut journal = disk.open();
    journal.connection.pragma_update(None, "synchronous", "off").unwrap();
    let mut models: [Model; 2] = Default::default();
    let mut durable = models.clone();
    for step in steps {
        match step {
            Step::Change(at, given) => {
                let input = journal.append(&input(1, observation("feed", "1"))).unwrap();
                let model = &mut models[*at];
                let changes = changes_of(model, given);
                journal.save_state(DETECTORS[*at], input, &changes).unwrap();
                let keys: BTreeSet<Vec<u8>> = changes.iter().map(|change| change.key.clone()).collect();
                if !keys.is_empty() {
                    model.before.push((input, model.now.clone(), keys));
                }
                for StateChange { key, after, .. } in changes {
                    match after {
                        Some(after) => drop(model.now.insert(key, after)),
                        None => drop(model.now.remove(&key)),
                    }
                }
            }
            Step::Undo(at, depth) => {
                let from = (journal.head().0 + 1).saturating_sub(*depth);
                let restored = journal.undo_state(DETECTORS[*at], from).unwrap();
                assert_eq!(restored, models[*at].undo(from));
            }
            Step::Prune(kept) => {
                let before = (journal.head().0 + 1).saturating_sub(*kept);
                journal.prune_undo(None, before).unwrap();
                models.iter_mut().for_each(|model| model.before.retain(|(input, _, _)| *input >= before));
            }
            Step::Commit => {
                journal.commit().unwrap();
                durable = models.clone();
            }
            Step::Rollback => {
                journal.rollback().unwrap();
                models = durable.clone();
            }
            Step::Reopen => {
                drop(journal);
                journal = disk.open();
                journal.connection.pragma_update(None, "synchronous", "off").unwrap();
                models = durable.clone();
            }
        }
        for (at, model) in models.iter().enumerate() {
            assert_eq!(journal.load_state(DETECTORS[at]).unwrap(), model.now);
        }
    }
    journal.commit().unwrap();
    journal.verify(Some(journal.head().1), |_, _| {}).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("proptest-regressions"))), ..ProptestConfig::default() })]

    #[test]
    fn state_equals_its_model(steps in steps()) {
        check(&steps);
    }
}

#[test]
fn a_key_goes_back_to_what_it_was_before_the_first_undone_input() {
    let mut journal = Journal::in_memory().unwrap();
    let change = |before: Option<&str>, after: Option<&str>| StateChange {
        key: b"k".to_vec(),
        before: before.map(|text| text.as_bytes().to_vec()),
        after: after.map(|text| text.as_bytes().to_vec()),
    };
    journal.save_state("d", 1, &[change(None, Some("one"))]).unwrap();
    journal.save_state("d", 2, &[change(Some("one"), None), change(None, Some("two"))]).unwrap();
    journal.save_state("d", 3, &[change(Some("two"), Some(""))]).unwrap();
    assert_eq!(journal.load_state("d").unwrap(), BTreeMap::from([(b"k".to_vec(), Vec::new())]));
    assert_eq!(journal.undo_state("d", 2).unwrap(), [(b"k".to_vec(), Some(b"one".to_vec()))]);
    assert_eq!(journal.undo_state("d", 2).unwrap(), []);
    assert_eq!(journal.undo_state("other", 1).unwrap(), []);
    assert_eq!(journal.undo_state("d", 1).unwrap(), [(b"k".to_vec(), None)]);
    assert_eq!(journal.load_state("d").unwrap(), BTreeMap::new());
}
