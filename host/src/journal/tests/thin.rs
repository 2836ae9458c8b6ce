//! Bodies go where the policy lets them, a snapshot is the state of its moment, and the chain holds.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use super::*;
use crate::entry::StateChange;

/// Rows of each block: more than fit on a page.
const ROWS: usize = 30;

/// A journal of so many blocks, each with an answer, a finding and a change of state.
fn grown(blocks: u64) -> OnDisk {
    let disk = OnDisk::new();
    let mut journal = disk.open();
    for number in 0..blocks {
        let block = block(1, number, ROWS);
        let at = block.reference();
        let seq = journal.append(&input(1_000 * number, committed(block))).unwrap();
        let read = crate::chain_read::ChainRead::Balance { address: Address::ZERO };
        journal.append(&Entry::Answer { at, read, answer: Ok(vec![1].into()) }).unwrap();
        let found = Finding { id: B256::left_padding_from(&seq.to_be_bytes()), ..finding("d", number, Severity::Low) };
        let at = journal.append(&Entry::Finding(found.clone())).unwrap();
        journal.finding_lives(found.id, at, seq).unwrap();
        let (key, before) = (b"n".to_vec(), number.checked_sub(1).map(|before| before.to_be_bytes().to_vec()));
        let after = Some(number.to_be_bytes().to_vec());
        journal.save_state("d", seq, &[StateChange { key, before, after }]).unwrap();
    }
    journal.commit().unwrap();
    disk
}

fn verify(journal: &Journal) -> Result<Verified> {
    journal.verify(Some(journal.head().1), |_, _| {})
}

/// The input by which the block of a height came in [`grown`].
fn seq_of(number: u64) -> u64 {
    3 * number + 1
}

#[test]
fn bodies_go_in_steps_and_the_chain_holds() {
    let disk = grown(40);
    let mut journal = disk.open();
    let (entries, horizon) = (journal.head().0, seq_of(30));
    let (bodies, bytes) = journal.droppable_before(horizon).unwrap();
    assert_eq!(bodies, 60, "a block and an answer each");
    let before = journal.size().unwrap();
    journal.append(&input(40_000, Event::Thinned { before: horizon })).unwrap();
    journal.commit().unwrap();
    let mut steps = 0;
    while journal.drop_bodies(16).unwrap() {
        journal.commit().unwrap();
        assert_eq!(verify(&journal).unwrap().entries, entries + 1, "at each step");
        steps += 1;
    }
    journal.commit().unwrap();
    assert_eq!(steps, 5);
    let thinning = journal.thinning().unwrap().unwrap();
    assert_eq!(thinning, Thinning { before: horizon, bodies, bytes, done: true });
    assert_eq!(verify(&journal).unwrap().dropped, 60);
    let after = journal.size().unwrap();
    let kept = |size: &Size| size.body_bytes.iter().map(|(_, bytes)| bytes).sum::<u64>();
    let told = r#"{"entry":"input","at_ms":40000,"event":{"type":"thinned","before":91}}"#.len() as u64;
    assert_eq!((after.thinned, kept(&after)), (60, kept(&before) - bytes + told));
    assert!(after.free_bytes > before.free_bytes);
    journal.give_back_room().unwrap();
    assert!(journal.size().unwrap().bytes < before.bytes);
    drop(journal);

    let reader = Journal::open_existing_read_only(&disk.path()).unwrap();
    assert_eq!(verify(&reader).unwrap().dropped, 60);
    assert!(matches!(reader.entry(1), Err(JournalError::Thinned { seq: 1 })));
    assert!(matches!(reader.entry(3), Ok(Some(Entry::Finding(_)))));
    assert_eq!(reader.causes().unwrap().next().unwrap().unwrap().seq, horizon, "a replay starts there");
    // What is looked up of old blocks is still there.
    let header = reader.header(1, 12, u64::MAX).unwrap().unwrap();
    let twelfth = block(1, 12, ROWS);
    assert_eq!((header.block, header.parent_hash), (twelfth.reference(), twelfth.parent_hash));
    let mut rows = reader.entries(&Filter::default()).unwrap();
    let Some(Listed::Dropped(dropped)) = rows.next_listed().unwrap() else { panic!("the first has no body") };
    let told =
        format!("       1  1970-01-01T00:00:00.000Z  input       committed chain 1 block 0 {}", block(1, 0, ROWS).hash);
    assert_eq!(dropped.one_line(), format!("{told}: its body was dropped"));
}

#[test]
fn a_body_that_no_policy_dropped_is_missed() {
    let disk = grown(10);
    let mut journal = disk.open();
    journal.append(&input(10_000, Event::Thinned { before: seq_of(5) })).unwrap();
    while journal.drop_bodies(100).unwrap() {}
    journal.commit().unwrap();
    drop(journal);
    let check = |sql: &str, expected: u64| {
        let raw = disk.raw();
        raw.execute_batch(&format!("BEGIN; {sql}")).unwrap();
        raw.execute_batch("COMMIT").unwrap();
        match Journal::open_existing_read_only(&disk.path()).unwrap().verify(None, |_, _| {}) {
            Err(JournalError::Broken(broken)) => assert_eq!(broken.seq, expected, "{sql}"),
            other => panic!("{sql}: {other:?}"),
        }
    };
    // A finding may never go; a block only before the horizon; and what is left of a dropped one can't be changed.
    let seq = seq_of(6);
    check(&format!("UPDATE entry SET body = x'' WHERE seq = {seq}"), seq);
    check("UPDATE entry SET body = x'' WHERE seq = 3", 3);
    check("UPDATE entry SET block_number = 7 WHERE seq = 1", 1);
}

#[test]
fn a_seed_is_the_journal_as_it_was_at_its_horizon() {
    let disk = grown(20);
    let mut journal = disk.open();
    let horizon = seq_of(12);
    let head = journal.head();
    let retracted = B256::left_padding_from(&seq_of(3).to_be_bytes());
    journal.append(&input(20_000, Event::Finality { chain: 1, safe: 19, finalized: 15 })).unwrap();
    journal.append(&Entry::Retraction { finding: retracted, reason: "later".into() }).unwrap();
    journal.begin_snapshot(horizon).unwrap();
    while journal.snapshot_step().unwrap() {}
    journal.append(&input(20_000, Event::Thinned { before: horizon })).unwrap();
    while journal.drop_bodies(100).unwrap() {}
    journal.commit().unwrap();
    let seed = journal.seed(horizon).unwrap();
    assert_eq!(seed.head().0, horizon - 1);
    assert_ne!(seed.head().1, head.1);
    assert_eq!(seed.load_state("d").unwrap()[b"n".as_slice()], 11_u64.to_be_bytes());
    assert_eq!(seed.heads().unwrap(), [block(1, 11, ROWS).reference()]);
    assert_eq!(seed.live_findings_of_input(seq_of(3)).unwrap().len(), 1, "it was taken back later");
    assert_eq!(seed.settled(1).unwrap(), None, "it was final later");
    assert_eq!(journal.live_findings_of_input(seq_of(3)).unwrap().len(), 0);
}

#[test]
fn a_snapshot_that_is_not_wanted_any_more_holds_nothing_back() {
    let mut journal = Journal::in_memory().unwrap();
    let changed = [(1, Some(1)), (2, Some(1)), (3, Some(1))];
    let seq = change(&mut journal, "d", &changed);
    journal.begin_snapshot(seq).unwrap();
    assert!(journal.snapshot_step().unwrap(), "more keys than a step copies");
    journal.prune_undo(None, seq + 1).unwrap();
    assert_eq!(journal.changed_since(0).unwrap(), ["d"], "held for the snapshot");
    journal.forget_unfinished_snapshots().unwrap();
    assert!(journal.snapshots().unwrap().is_empty());
    journal.prune_undo(None, seq + 1).unwrap();
    assert!(journal.changed_since(0).unwrap().is_empty());
}

#[test]
fn a_detector_that_does_not_work_is_known_for_as_long_as_it_does_not() {
    let mut journal = Journal::in_memory().unwrap();
    let told = |id: u8, kind: &str| {
        let mut found = Finding { id: B256::repeat_byte(id), ..finding(crate::finding::COVERAGE, 1, Severity::High) };
        found.claim.subject = crate::finding::Subject { kind: kind.into(), id: "outflow".into() };
        Entry::Finding(found)
    };
    let retracted = |id: u8| Entry::Retraction { finding: B256::repeat_byte(id), reason: "it works again".into() };
    for entry in [
        input(1, observation("feed", "1")),
        told(1, "chain"),
        input(2, observation("feed", "2")),
        told(2, "detector"),
        input(3, observation("feed", "3")),
        retracted(2),
        input(4, observation("feed", "4")),
    ] {
        journal.append(&entry).unwrap();
    }
    let failing = [1, 3, 5, 7].map(|seq| journal.failing_before(seq).unwrap().map(|(_, since)| since));
    // Before entry 5 it had failed, on the input 3; by entry 7 it works again.
    assert_eq!(failing, [None, None, Some(3), None]);
}

#[derive(Clone, Debug)]
enum Step {
    /// A detector changes keys on the next input.
    Change(usize, Vec<(u8, Option<u8>)>),
    /// A reorg undoes so many of the inputs since the snapshot.
    Undo(usize, u64),
    /// All before an input is final.
    Prune(u64),
    /// The snapshot goes on.
    Copy,
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let changes = prop::collection::vec((0..7_u8, prop::option::of(0..3_u8)), 1..5);
    let step = prop_oneof![
        5 => (0..2_usize, changes).prop_map(|(detector, changes)| Step::Change(detector, changes)),
        2 => (0..2_usize, 0..5_u64).prop_map(|(detector, depth)| Step::Undo(detector, depth)),
        1 => (0..4_u64).prop_map(Step::Prune),
        4 => Just(Step::Copy),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 0..30)
}

fn change(journal: &mut Journal, detector: &str, given: &[(u8, Option<u8>)]) -> u64 {
    let seq = journal.append(&input(1, observation("feed", "1"))).unwrap();
    let mut now = journal.load_state(detector).unwrap();
    let mut changes = Vec::new();
    for (key, value) in given {
        let (key, after) = (vec![*key; usize::from(*key)], value.map(|value| vec![value]));
        let before = match &after {
            Some(after) => now.insert(key.clone(), after.clone()),
            None => now.remove(&key),
        };
        changes.push(StateChange { key, before, after });
    }
    journal.save_state(detector, seq, &changes).unwrap();
    seq
}

/// A snapshot that is taken while the state changes, goes back and comes again is the state of its moment.
fn check(before: &[Step], after: &[Step]) {
    const DETECTORS: [&str; 2] = ["outflow", "prices"];
    let disk = OnDisk::new();
    let mut journal = disk.open();
    journal.connection.pragma_update(None, "synchronous", "off").unwrap();
    for step in before {
        if let Step::Change(at, given) = step {
            change(&mut journal, DETECTORS[*at], given);
        }
    }
    let then = DETECTORS.map(|id| journal.load_state(id).unwrap());
    let seq = journal.append(&input(1, observation("feed", "1"))).unwrap();
    journal.begin_snapshot(seq).unwrap();
    for step in after {
        match step {
            Step::Change(at, given) => drop(change(&mut journal, DETECTORS[*at], given)),
            Step::Undo(at, depth) => {
                let from = (journal.head().0 + 1).saturating_sub(*depth).max(seq);
                journal.undo_state(DETECTORS[*at], from).unwrap();
            }
            Step::Prune(kept) => {
                let before = (journal.head().0 + 1).saturating_sub(*kept);
                journal.prune_undo(None, before).unwrap();
            }
            Step::Copy => drop(journal.snapshot_step().unwrap()),
            Step::Reopen => {
                journal.commit().unwrap();
                drop(journal);
                journal = disk.open();
                journal.connection.pragma_update(None, "synchronous", "off").unwrap();
            }
        }
    }
    while journal.snapshot_step().unwrap() {}
    journal.commit().unwrap();
    assert!(journal.snapshots().unwrap()[0].complete);
    let seed = journal.seed(seq).unwrap();
    assert_eq!(DETECTORS.map(|id| seed.load_state(id).unwrap()), then);
    let kept: BTreeMap<String, Values> =
        seed.states().unwrap().into_iter().filter(|(_, values)| !values.is_empty()).collect();
    assert!(kept.keys().all(|id| DETECTORS.contains(&id.as_str())));
    // From here on what is final is forgotten again.
    journal.prune_undo(None, u64::MAX >> 1).unwrap();
    assert!(journal.changed_since(0).unwrap().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("proptest-regressions"))), ..ProptestConfig::default() })]

    #[test]
    fn a_snapshot_is_the_state_of_its_moment(before in steps(), after in steps()) {
        check(&before, &after);
    }
}

#[test]
fn observations_go_too_and_each_feeds_newest_stays() {
    use crate::event::{Observation, Value};
    const DAY_MS: u64 = 24 * 3_600_000;
    let disk = OnDisk::new();
    let mut journal = disk.open();
    let observed = |feed: &str, at_ms: u64| {
        let (value, position) = (Value::Number("1".into()), String::new());
        let observation =
            Observation { feed: feed.into(), observed_at_ms: at_ms, received_at_ms: at_ms, value, position };
        input(at_ms, Event::Observed { observation })
    };
    for at_ms in 0..10 {
        journal.append(&observed("quick", at_ms)).unwrap();
    }
    journal.append(&observed("silent", 10)).unwrap();
    journal.append(&observed("quick", 3 * DAY_MS - 1)).unwrap();
    let horizon = journal.append(&observed("quick", 3 * DAY_MS)).unwrap();
    journal.append(&input(3 * DAY_MS, Event::Thinned { before: horizon })).unwrap();
    while journal.drop_bodies(100).unwrap() {}
    journal.commit().unwrap();
    assert_eq!(verify(&journal).unwrap().dropped, 10);
    assert!(journal.last_observation("silent").unwrap().is_some(), "a feed goes on from it");
    assert_eq!(journal.recent_observations("quick", 0).unwrap().len(), 2, "those of the last day");
}

#[test]
fn a_seed_knows_of_a_finality_that_was_taken_back() {
    let mut journal = Journal::in_memory().unwrap();
    let finality = |safe, finalized| input(1, Event::Finality { chain: 1, safe, finalized });
    let back = Event::Unsettled { chain: 1, above: 5, by: "ana".into(), why: "it was a lie".into() };
    journal.append(&finality(20, 15)).unwrap();
    let other = journal.append(&input(1, back)).unwrap();
    assert_eq!(journal.settled(1).unwrap(), Some((5, 5)));
    assert_eq!(journal.seed(other + 1).unwrap().settled(1).unwrap(), Some((5, 5)));
    let later = journal.append(&finality(8, 7)).unwrap();
    assert_eq!(journal.settled(1).unwrap(), Some((8, 7)));
    assert_eq!(journal.seed(later + 1).unwrap().settled(1).unwrap(), Some((8, 7)));
    assert_eq!(journal.seed(other).unwrap().settled(1).unwrap(), Some((20, 15)));
    assert!(journal.verify_tables(|_| {}).unwrap().is_empty());
}
