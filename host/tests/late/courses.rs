//! A replay is identical whatever the course: detectors that are late, that fail by their deadline once or twice, that rest,
//! that hear of each other late, over reorgs, swaps, retries and restarts, in any mixture.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use watchfire::block::{Block, BlockRef};
use watchfire::chain_read::{ChainAnswer, ChainRead, ChainReader};
use watchfire::entry::Entry;
use watchfire::event::Event;
use watchfire::failure_kind::FailureKind;
use watchfire::plugin::Limits;

use crate::guests::trick;
use crate::kit::{LISTENS, READS, Watch, expect_the_same_again, of_fork, reads_and_counts};

/// How long an input waits for a detector here, and how long a detector may take.
const PATIENCE: Duration = Duration::from_millis(3);
const DEADLINE_MS: u64 = 10;

/// A chain that takes its time over a read now and then: past patience, or past the deadline.
#[derive(Default)]
struct Moody {
    /// Of a hundred reads, how many are slow, and how many of a hundred take longer than the deadline.
    slow: AtomicU64,
    stuck: AtomicU64,
    reads: AtomicU64,
}

impl Moody {
    fn set(&self, slow: u64, stuck: u64) {
        self.slow.store(slow, Ordering::SeqCst);
        self.stuck.store(stuck, Ordering::SeqCst);
    }
}

impl ChainReader for Moody {
    fn read(&self, _: BlockRef, _: &ChainRead) -> ChainAnswer {
        let read = self.reads.fetch_add(1, Ordering::SeqCst);
        let chance = read.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let (stuck, slow) = (self.stuck.load(Ordering::SeqCst), self.slow.load(Ordering::SeqCst));
        if chance % 100 < stuck {
            // Whoever waits takes no time of the processor, and has ten times the deadline by the clock.
            std::thread::sleep(Duration::from_millis(DEADLINE_MS * 10 + 35));
        } else if chance / 100 % 100 < slow {
            std::thread::sleep(PATIENCE * 3);
        }
        Ok(vec![0; 32].into())
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// So many blocks come.
    Grow(u64),
    /// So many blocks leave the chain.
    Reorg(u64),
    /// The chain answers otherwise from here on.
    Mood(u64, u64),
    /// A detector is put in the place of one of the same id.
    Swap(usize, bool),
    /// What a detector set aside is shown to it.
    Retry(usize),
    /// Time passes.
    Wait(u64),
    /// The host ends in the middle of it, and starts again.
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (1..4_u64).prop_map(Step::Grow),
        3 => (1..4_u64).prop_map(Step::Reorg),
        3 => (0..60_u64, prop_oneof![Just(0), 0..70_u64]).prop_map(|(slow, stuck)| Step::Mood(slow, stuck)),
        1 => (0..IDS.len(), any::<bool>()).prop_map(|(at, traps)| Step::Swap(at, traps)),
        2 => (0..IDS.len()).prop_map(Step::Retry),
        3 => (0..30_u64).prop_map(Step::Wait),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..40)
}

/// Ids of the detectors: a level above another where it listens.
const IDS: [&str; 5] = ["a-reads", "b-counts", "c-plain", "l-listens", "z-reads"];

/// Reads on: an answer that took too long is there at the second try, and the next one takes too long as well. What passes a
/// deadline is found out at the call after it.
const READS_ON: &str = "
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (call $balance (i32.const 16) (i32.const 20) (i32.const 3072))
    (call $balance (i32.const 32) (i32.const 20) (i32.const 3072))
    (call $balance (i32.const 48) (i32.const 20) (i32.const 3072))
    (i32.const 768))
";

fn load(watch: &mut Watch, id: &str, traps: bool) {
    let code = match id {
        _ if traps => trick("trap").unwrap(),
        "a-reads" => READS.to_owned(),
        "z-reads" => READS_ON.to_owned(),
        "b-counts" => reads_and_counts(),
        "l-listens" => LISTENS.to_owned(),
        _ => String::new(),
    };
    let limits = Limits { batch_deadline_ms: DEADLINE_MS, batches_behind: 3, ..Limits::default() };
    watch.load_within(id, &code, limits);
}

/// What a course came to: entries by kind, so that it is known to have tried something.
#[derive(Debug, Default)]
struct Seen {
    deadlines: usize,
    retried: usize,
    behind: usize,
    rested: usize,
    heard_late: usize,
}

fn check(steps: &[Step]) -> Seen {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let chain = Arc::new(Moody::default());
    let start = || {
        let mut watch = Watch::with(&path, chain.clone(), PATIENCE);
        IDS.iter().for_each(|id| load(&mut watch, id, false));
        watch
    };
    let mut watch = start();
    let mut blocks: Vec<Arc<Block>> = Vec::new();
    let (mut salt, mut entries) = (0_u64, Vec::new());
    for step in steps {
        match step {
            Step::Grow(count) => {
                for _ in 0..*count {
                    salt += 1;
                    let number = blocks.last().map_or(1, |block| block.number + 1);
                    let parent_hash = blocks.last().map_or_else(Default::default, |block| block.hash);
                    let hash = alloy::primitives::B256::left_padding_from(&salt.to_be_bytes());
                    let block = Arc::new(Block { hash, parent_hash, ..(*of_fork(number, 0, 0)).clone() });
                    blocks.push(block.clone());
                    // Now and then a detector has been behind for long.
                    watch.at_ms += salt % 7 * 900;
                    watch.add(block);
                }
            }
            Step::Reorg(depth) => {
                let gone = blocks.split_off(blocks.len().saturating_sub(*depth as usize));
                if !gone.is_empty() {
                    let blocks = gone.iter().rev().map(|block| block.reference()).collect();
                    watch.take(Event::Reverted { chain: 1, blocks });
                }
            }
            Step::Mood(slow, stuck) => chain.set(*slow, *stuck),
            Step::Swap(at, traps) => load(&mut watch, IDS[*at], *traps),
            Step::Retry(at) => {
                watch.engine.retry(IDS[*at]).unwrap();
            }
            Step::Wait(ms) => {
                std::thread::sleep(Duration::from_millis(*ms));
                watch.look();
            }
            Step::Restart => {
                entries.append(&mut watch.entries);
                drop(watch);
                watch = start();
            }
        }
    }
    chain.set(0, 0);
    watch.settle();
    entries.append(&mut watch.entries);
    drop(watch);
    expect_the_same_again(&path);
    let mut seen = Seen::default();
    for entry in &entries {
        match entry {
            Entry::Failed { kind: FailureKind::Deadline, .. } => seen.deadlines += 1,
            Entry::Failed { kind: FailureKind::Quarantined, .. } => seen.rested += 1,
            Entry::Retried { .. } => seen.retried += 1,
            Entry::Behind { .. } => seen.behind += 1,
            Entry::Finding(finding) if finding.claim.kind == "input-refused" => panic!("{}", finding.claim.description),
            Entry::Finding(finding) if finding.detector == "l-listens" => seen.heard_late += 1,
            _ => {}
        }
    }
    seen
}

/// As many as `PROPTEST_CASES` says; as a rule, as many as take half a minute.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(24)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 60, failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("proptest-regressions"))), ..ProptestConfig::default() })]

    #[test]
    fn a_replay_of_any_course_is_identical(steps in steps()) {
        check(&steps);
    }
}

/// One deadline that passes, and something that is shown late after it.
#[test]
fn a_deadline_that_passed_shifts_nothing_that_is_shown_later() {
    let stuck = [Step::Mood(0, 100), Step::Grow(2), Step::Wait(900), Step::Mood(60, 0), Step::Grow(4), Step::Wait(60)];
    let more =
        [Step::Reorg(2), Step::Grow(3), Step::Retry(0), Step::Retry(1), Step::Wait(30), Step::Restart, Step::Grow(2)];
    let seen = check(&[&stuck[..], &more].concat());
    assert!(seen.deadlines > 0 && seen.retried > 0 && seen.behind > 0 && seen.heard_late > 0, "{seen:?}");
}

/// Courses for as long as `WATCHFIRE_SOAK_S` says, ten minutes otherwise: descriptors and memory stay where they are. `cargo xtask
/// soak courses`.
#[test]
#[ignore = "takes minutes"]
fn a_soak_leaves_descriptors_and_memory_flat() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let seconds = std::env::var("WATCHFIRE_SOAK_S").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(600);
    let (began, mut runner, mut courses) = (std::time::Instant::now(), TestRunner::default(), 0_u32);
    let open_files = || std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    let resident_kib = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default().to_owned();
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0)
    };
    let mut settled = None;
    while began.elapsed() < Duration::from_secs(seconds) {
        check(&steps().new_tree(&mut runner).unwrap().current());
        courses += 1;
        // What is made once, as compiled components are, is there after a few.
        if courses == 5 {
            settled = Some((open_files(), resident_kib()));
        }
    }
    let (files, kib) = settled.expect("time for more than five courses");
    assert!(
        open_files() <= files + 4,
        "{files} files were open after five courses, and are {} after {courses}",
        open_files()
    );
    assert!(resident_kib() <= kib * 3 / 2 + 65_536, "{kib} KiB after five courses, {} after {courses}", resident_kib());
}
