//! What the host looks up equals a model of the chains and findings, through any reorg, commit and stop.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use rusqlite::StatementStatus;

use super::*;
use crate::digest::sha256;

#[derive(Clone, Debug)]
enum Step {
    /// A new block on a chain, with a finding.
    Grow(usize),
    /// So many blocks leave a chain, tip first.
    Reorg(usize, usize),
    /// The block that left a chain last comes back, where it fits.
    Return(usize),
    /// The finding of so many findings ago is taken back.
    Retract(usize),
    Observe(u8),
    Commit,
    Rollback,
    Reopen,
}

#[derive(Clone, Debug, Default)]
struct Model {
    chains: [Vec<(BlockRef, u64)>; 2],
    gone: [Vec<BlockRef>; 2],
    commits: Vec<(B256, u64)>,
    findings: Vec<(Finding, u64)>,
    observed: BTreeMap<u8, u64>,
    made: u64,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..2_usize).prop_map(Step::Grow),
        2 => (0..2_usize, 1..4_usize).prop_map(|(chain, depth)| Step::Reorg(chain, depth)),
        2 => (0..2_usize).prop_map(Step::Return),
        1 => (0..4_usize).prop_map(Step::Retract),
        1 => (0..3_u8).prop_map(Step::Observe),
        3 => Just(Step::Commit),
        1 => Just(Step::Rollback),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 0..40)
}

/// Adds a block of this hash to a chain, with a finding that is live.
fn grow(journal: &mut Journal, model: &mut Model, at: usize, hash: B256) {
    let number = model.chains[at].last().map_or(0, |(block, _)| block.number + 1);
    model.made += 1;
    let block = Block { hash, ..block(at as u64 + 1, number, 0) };
    let reference = block.reference();
    let seq = journal.append(&input(model.made, committed(block))).unwrap();
    model.chains[at].push((reference, seq));
    model.commits.push((hash, seq));
    let found = Finding { id: B256::left_padding_from(&seq.to_be_bytes()), ..finding("d", number, Severity::Low) };
    let at = journal.append(&Entry::Finding(found.clone())).unwrap();
    journal.finding_lives(found.id, at, seq).unwrap();
    model.findings.push((found, seq));
}

fn take(step: &Step, journal: &mut Journal, model: &mut Model) {
    match step {
        Step::Grow(at) => {
            let fresh = B256::left_padding_from(&(journal.head().0 + 1_000 * model.made).to_be_bytes());
            grow(journal, model, *at, fresh);
        }
        Step::Reorg(at, depth) => {
            let kept = model.chains[*at].len().saturating_sub(*depth);
            let left: Vec<(BlockRef, u64)> = model.chains[*at].drain(kept..).rev().collect();
            let blocks: Vec<BlockRef> = left.iter().map(|(block, _)| *block).collect();
            model.gone[*at].extend(blocks.iter().rev());
            journal.append(&input(model.made, Event::Reverted { chain: *at as u64 + 1, blocks })).unwrap();
            for (_, seq) in left {
                for finding in journal.live_findings_of_input(seq).unwrap() {
                    let reason = "left the chain".to_owned();
                    journal.append(&Entry::Retraction { finding: finding.id, reason }).unwrap();
                }
                model.findings.retain(|(_, of)| *of != seq);
            }
        }
        Step::Return(at) => {
            let next = model.chains[*at].last().map_or(0, |(block, _)| block.number + 1);
            if let Some(back) = model.gone[*at].pop_if(|block| block.number == next) {
                grow(journal, model, *at, back.hash);
            }
        }
        Step::Retract(ago) => {
            if let Some(at) = model.findings.len().checked_sub(ago + 1) {
                let (finding, _) = model.findings.remove(at);
                journal.append(&Entry::Retraction { finding: finding.id, reason: "over".to_owned() }).unwrap();
            }
        }
        Step::Observe(feed) => {
            let event = observation(&format!("feed-{feed}"), &model.made.to_string());
            model.observed.insert(*feed, journal.append(&input(model.made, event)).unwrap());
        }
        Step::Commit | Step::Rollback | Step::Reopen => {}
    }
}

fn expect_same(journal: &Journal, model: &Model) {
    let mut heads = Vec::new();
    for (at, chain) in model.chains.iter().enumerate() {
        let id = at as u64 + 1;
        let blocks: Vec<BlockRef> = chain.iter().map(|(block, _)| *block).collect();
        assert_eq!(journal.tail(id, 1_000).unwrap(), blocks);
        assert_eq!(journal.tail(id, 2).unwrap(), blocks[blocks.len().saturating_sub(2)..]);
        heads.extend(blocks.last());
        for (block, seq) in chain {
            assert_eq!(journal.seq_of_block(block.hash).unwrap(), Some(*seq));
            assert_eq!(journal.canonical(id, block.number).unwrap(), Some((*block, *seq)));
        }
        assert_eq!(journal.canonical(id, 1_000).unwrap(), chain.last().copied());
        for gone in &model.gone[at] {
            if !blocks.contains(gone) {
                assert_eq!(journal.seq_of_block(gone.hash).unwrap(), None);
            }
        }
    }
    assert_eq!(journal.heads().unwrap(), heads);
    for (hash, _) in &model.commits {
        let all: Vec<u64> = model.commits.iter().filter(|(of, _)| of == hash).map(|(_, seq)| *seq).collect();
        assert_eq!(journal.seq_of_first_commit(*hash).unwrap(), all.first().copied());
        for (at, seq) in all.iter().enumerate() {
            assert_eq!(journal.seq_of_reverted(*hash, *seq).unwrap(), at.checked_sub(1).map(|before| all[before]));
        }
    }
    for (_, input) in &model.commits {
        let live: Vec<Finding> =
            model.findings.iter().filter(|(_, of)| of == input).map(|(finding, _)| finding.clone()).collect();
        assert_eq!(journal.live_findings_of_input(*input).unwrap(), live);
    }
    for (feed, seq) in &model.observed {
        let Some(Stamped { event: Event::Observed { observation }, .. }) = journal.input(*seq).unwrap() else {
            panic!("entry {seq} is no observation")
        };
        assert_eq!(journal.last_observation(&format!("feed-{feed}")).unwrap(), Some(observation));
    }
    let (after, before) = (2, journal.head().0);
    let blocks = model.chains.iter().flatten().map(|(_, seq)| *seq);
    let mut surviving: Vec<u64> = blocks.filter(|seq| (after + 1..before).contains(seq)).collect();
    let observed = |seq: &u64| matches!(journal.input(*seq), Ok(Some(Stamped { event: Event::Observed { .. }, .. })));
    surviving.extend((after + 1..before).filter(observed));
    surviving.sort_unstable();
    assert_eq!(journal.surviving_inputs(after, before).unwrap(), surviving);
}

fn check(steps: &[Step]) {
    let disk = OnDisk::new();
    let open = || {
        let journal = disk.open();
        journal.connection.pragma_update(None, "synchronous", "off").unwrap();
        journal
    };
    let mut journal = open();
    let mut model = Model::default();
    let mut durable = model.clone();
    for step in steps {
        match step {
            Step::Commit => {
                journal.commit().unwrap();
                durable = model.clone();
            }
            Step::Rollback => {
                journal.rollback().unwrap();
                model = durable.clone();
            }
            Step::Reopen => {
                drop(journal);
                journal = open();
                model = durable.clone();
            }
            other => take(other, &mut journal, &mut model),
        }
        expect_same(&journal, &model);
    }
    journal.commit().unwrap();
    journal.verify(Some(journal.head().1), |_, _| {}).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("proptest-regressions"))), ..ProptestConfig::default() })]

    #[test]
    fn lookups_equal_their_model(steps in steps()) {
        check(&steps);
    }
}

#[test]
fn detectors_and_components_are_found_as_the_journal_ends_with_them() {
    let mut journal = Journal::in_memory().unwrap();
    let mut swap = |detector: &str, digest: Option<u8>| {
        let digest = digest.map(B256::repeat_byte);
        let event = Event::Detector { detector: detector.into(), digest, spec: "{}".into() };
        journal.append(&input(1, event)).unwrap();
    };
    for (id, to) in [("b", Some(1)), ("a", Some(2)), ("c", Some(3)), ("a", Some(4)), ("c", None)] {
        swap(id, to);
    }
    let live = [("a".to_owned(), B256::repeat_byte(4)), ("b".to_owned(), B256::repeat_byte(1))];
    assert_eq!(journal.live_detectors().unwrap(), live);
    let digest = sha256(b"wasm");
    journal.keep_component(digest, b"wasm").unwrap();
    journal.keep_component(digest, b"wasm").unwrap();
    assert_eq!(journal.component(digest).unwrap(), Some(b"wasm".to_vec()));
    assert_eq!(journal.component(B256::ZERO).unwrap(), None);
}

#[test]
fn recent_observations_are_those_since_a_time_and_at_least_the_newest() {
    let mut journal = Journal::in_memory().unwrap();
    for (at_ms, feed, digits) in [(10, "a", "1"), (20, "b", "2"), (30, "a", "3"), (40, "a", "4")] {
        journal.append(&input(at_ms, observation(feed, digits))).unwrap();
    }
    let check = |feed: &str, since_ms: u64, expected: &[&str]| {
        let recent = journal.recent_observations(feed, since_ms).unwrap();
        let values: Vec<String> = recent.into_iter().map(|observation| observation.value.text()).collect();
        assert_eq!(values, expected, "{feed} since {since_ms}");
    };
    check("a", 0, &["1", "3", "4"]);
    check("a", 30, &["3", "4"]);
    check("a", 41, &["4"]);
    check("b", 21, &["2"]);
    check("c", 0, &[]);
}

#[test]
fn the_heads_of_a_long_journal_are_found_without_reading_it() {
    let journal = Journal::in_memory().unwrap();
    let sql = "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) \
               INSERT INTO canonical_block (chain, number, hash, seq) \
               SELECT chain.column1, i, zeroblob(32), i FROM n, (VALUES (1), (5), (10)) chain";
    journal.connection.execute_batch(sql).unwrap();
    let heads: Vec<(u64, u64)> = journal.heads().unwrap().iter().map(|head| (head.chain, head.number)).collect();
    assert_eq!(heads, [(1, 20_000), (5, 20_000), (10, 20_000)]);
    // The statement is cached, and with it what it has done.
    let steps =
        journal.connection.prepare_cached(crate::journal::lookup::HEADS).unwrap().get_status(StatementStatus::VmStep);
    assert!((1..1_000).contains(&steps), "{steps} steps");
}
