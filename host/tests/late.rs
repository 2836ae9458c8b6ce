//! A detector that is slow slows nobody: it sees what it missed later, in order, once; and a replay gives the same.

#![allow(clippy::unwrap_used)]

#[path = "../../tests/src/guests.rs"]
#[allow(dead_code)]
mod guests;

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::{Duration, Instant};

use watchfire::app::deploy::spec::KeptSpec;
use watchfire::app::engine::{Engine, Given};
use watchfire::app::past::replay;
use watchfire::block::{Assurance, Block, BlockRef, Frames, Parts, Verification};
use watchfire::chain_read::{ChainAnswer, ChainRead, ChainReader};
use watchfire::entry::Entry;
use watchfire::event::{Event, Stamped, Why};
use watchfire::journal::Journal;
use watchfire::plugin::{Compiler, Fleet, Limits, Runtime};

use alloy::primitives::B256;
use guests::{component, module, trick};

/// Long beside what a guest takes that reads nothing, on any machine. It passes once in a test: a detector that is late is
/// not waited for again.
const PATIENCE: Duration = Duration::from_millis(2_000);

/// A chain on which everything is zero, and which answers so many reads; others wait until more are let through.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<u64>, Condvar)>);

impl Gate {
    fn let_through(&self, reads: u64) {
        let (left, changed) = &*self.0;
        let mut left = left.lock().unwrap();
        *left = left.saturating_add(reads);
        changed.notify_all();
    }

    fn open(&self) {
        self.let_through(u64::MAX);
    }
}

impl ChainReader for Gate {
    fn read(&self, _: BlockRef, _: &ChainRead) -> ChainAnswer {
        let (left, changed) = &*self.0;
        let mut left = changed.wait_while(left.lock().unwrap(), |left| *left == 0).unwrap();
        *left -= u64::from(*left < u64::MAX);
        Ok(vec![0; 32].into())
    }
}

/// Reads the chain on each block before it finds what it should: it takes as long as the gate is closed.
const READS: &str = "
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (call $balance (i32.const 16) (i32.const 20) (i32.const 3072))
    (i32.const 768))
";

/// Listens to what others find.
const LISTENS: &str = r#"
  (data (i32.const 176) "findings")
  ;;; describe
  (func $describe (result i32)
    (i32.store (i32.const 320) (i32.const 176))
    (i32.store (i32.const 324) (i32.const 8))
    (i32.store (i32.const 420) (i32.const 1))
    (i32.const 384))
  ;;; start
  (func $start (param i32 i32) (result i32)
    ;; findings of anybody, of any kind
    (i32.store8 (i32.const 512) (i32.const 6))
    (i64.store (i32.const 520) (i64.const 0))
    (i64.store (i32.const 528) (i64.const 0))
    (i32.const 576))
"#;

/// Wants each block, and all call frames.
const TRACED: &str = r#"
  (data (i32.const 176) "traces")
  ;;; describe
  (func $describe (result i32)
    (i32.store (i32.const 336) (i32.const 176))
    (i32.store (i32.const 340) (i32.const 6))
    (i32.store (i32.const 420) (i32.const 3))
    (i32.const 384))
  ;;; start
  (func $start (param i32 i32) (result i32)
    (i32.store8 (i32.const 2048) (i32.const 7))
    (i64.store (i32.const 2056) (i64.const 1))
    (i32.store8 (i32.const 2088) (i32.const 2))
    (i32.store (i32.const 580) (i32.const 2048))
    (i32.store (i32.const 584) (i32.const 2))
    (i32.const 576))
"#;

/// The same, and counts blocks in its state.
fn traced_and_counts() -> String {
    let counter = guests::trick("slow-counter").unwrap().replace("30000000", "3");
    let (imports, parts) = counter.split_once("  ;;; ").unwrap();
    format!("{imports}{TRACED}  ;;; {parts}")
}

/// A block whose call frames are still to come.
fn block_without(number: u64) -> Arc<Block> {
    Arc::new(Block { awaited: Parts { traces: true, storage: false }, ..(*block(number)).clone() })
}

fn completed(number: u64, came: bool) -> Event {
    Event::Completed {
        block: block(number).reference(),
        frames: came.then(|| Arc::new(Frames::default())),
        storage: None,
        given_up: Parts { traces: !came, storage: false },
    }
}

/// How many blocks a counter has counted.
fn counted(path: &Path, detector: &str) -> u64 {
    let state = Journal::open_existing_read_only(path).unwrap().load_state(detector).unwrap();
    u64::from_le_bytes(state.into_values().next().unwrap().try_into().unwrap())
}

/// The same as the one that reads, and counts blocks in its state.
fn reads_and_counts() -> String {
    let counter = guests::trick("slow-counter").unwrap();
    let (before, after) = counter.split_once("    (local $left i32)").unwrap();
    let (_, after) = after.split_once("(i32.const 1)))))\n").unwrap();
    format!("{before}    (call $balance (i32.const 16) (i32.const 20) (i32.const 3072))\n{after}")
}

/// An empty block.
fn block(number: u64) -> Arc<Block> {
    of_fork(number, 0, 0)
}

/// An empty block of another fork, which leaves the first one at height 3.
fn block_of_fork(number: u64) -> Arc<Block> {
    of_fork(number, 1, u8::from(number > 4))
}

fn of_fork(number: u64, fork: u8, parents: u8) -> Arc<Block> {
    let hash = |number: u64, fork: u8| B256::left_padding_from(&[fork, number as u8]);
    Arc::new(Block {
        chain: 1,
        number,
        hash: hash(number, fork),
        parent_hash: hash(number - 1, parents),
        timestamp_s: 1_000 + number,
        beneficiary: Default::default(),
        gas_used: 0,
        base_fee_wei: None,
        assurance: Assurance { verification: Verification::None, exceptions: Vec::new(), source: "test".into() },
        transactions: Default::default(),
        logs: Default::default(),
        frames: None,
        storage: None,
        awaited: Default::default(),
    })
}

/// A host without sources: blocks go in, and whoever is late comes back.
struct Watch {
    runtime: Runtime,
    engine: Engine,
    woken: mpsc::Receiver<()>,
    gate: Gate,
    entries: Vec<Entry>,
    at_ms: u64,
}

impl Watch {
    fn over(path: &Path) -> Self {
        let runtime = Runtime::new(Compiler::in_process()).unwrap();
        let mut fleet = Fleet::new();
        let (wake, woken) = mpsc::channel();
        fleet.set_patience(PATIENCE, Arc::new(move || wake.send(()).unwrap_or_default()));
        let gate = Gate::default();
        let engine = Engine::new(Journal::open(path).unwrap(), fleet, Arc::new(gate.clone())).unwrap();
        let at_ms = engine.newest_ms();
        Self { runtime, engine, woken, gate, entries: Vec::new(), at_ms }
    }

    /// Loads the base with the parts of a trick in place of its own.
    fn load(&mut self, id: &str, trick: &str) {
        let limits = Limits { batch_deadline_ms: 120_000, batches_behind: 5, ..Limits::default() };
        let grants = ["state", "chain", "findings", "traces"].map(str::to_owned).to_vec();
        let spec = KeptSpec {
            chains: Vec::new(),
            feeds: Vec::new(),
            grants,
            shadow_of: None,
            limits,
            config: serde_json::json!({}),
        };
        let bytes = component(&module(trick).unwrap()).unwrap();
        let compiled = Arc::new(self.runtime.compile(&bytes, &spec.limits).unwrap());
        self.engine.keep_component(&bytes).unwrap();
        let detector = spec.start(id, compiled).unwrap();
        self.engine.swap(detector, spec.text(), self.at_ms).unwrap();
    }

    fn take(&mut self, event: Event) {
        self.at_ms += 1;
        self.engine.take(Stamped { at_ms: self.at_ms, event }, &Given::default()).unwrap();
        self.look();
    }

    fn add(&mut self, block: Arc<Block>) {
        self.take(Event::Committed { block });
    }

    fn look(&mut self) {
        self.engine.catch_up(self.at_ms).unwrap();
        self.entries.extend(self.engine.commit().unwrap().into_iter().map(|(_, entry)| entry));
    }

    /// Waits until nobody is late.
    fn settle(&mut self) {
        let started = Instant::now();
        while self.engine.has_late() {
            // Woken or not, it is looked.
            let _ = self.woken.recv_timeout(Duration::from_millis(20));
            self.look();
            assert!(started.elapsed() < Duration::from_secs(60), "still late");
        }
    }

    /// Waits until a detector has found something in so many blocks.
    fn until(&mut self, detector: &str, blocks: u64) {
        let started = Instant::now();
        while (self.heights(detector).len() as u64) < blocks {
            let _ = self.woken.recv_timeout(Duration::from_millis(20));
            self.look();
            assert!(started.elapsed() < Duration::from_secs(60), "it never got there");
        }
    }

    /// How often a detector was shown an input again after a reorg.
    fn shown_again(&self) -> usize {
        let is =
            |entry: &&Entry| matches!(entry, Entry::Input(Stamped { event: Event::Shown { why: Why::Again, .. }, .. }));
        self.entries.iter().filter(is).count()
    }

    /// Heights of a detector's findings, in the order in which they were made.
    fn heights(&self, detector: &str) -> Vec<u64> {
        let findings = self.entries.iter().filter_map(|entry| match entry {
            Entry::Finding(finding) if finding.detector == detector => finding.block.map(|block| block.number),
            _ => None,
        });
        findings.collect()
    }

    fn gaps(&self, kind: &str) -> usize {
        let is = |entry: &&Entry| matches!(entry, Entry::Finding(finding) if finding.claim.kind == kind);
        self.entries.iter().filter(is).count()
    }
}

fn expect_the_same_again(path: &Path) {
    let replayed = replay::journal(path, &Runtime::new(Compiler::in_process()).unwrap(), |_, _| {}).unwrap();
    assert_eq!(replayed.difference, None);
    assert_eq!(replayed.derived, Journal::open_existing_read_only(path).unwrap().derived_digest().unwrap());
}

/// How often a detector was shown an input late.
fn shown_late(entries: &[Entry], id: &str) -> usize {
    let is = |entry: &&Entry| matches!(entry, Entry::Input(Stamped { event: Event::Shown { detector, why: Why::Behind, .. }, .. }) if detector == id);
    entries.iter().filter(is).count()
}

#[test]
fn a_slow_detector_sees_every_block_late_and_slows_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let mut watch = Watch::over(&path);
    watch.load("quick", "");
    watch.load("slow", READS);
    let numbers: Vec<u64> = (1..=20).collect();
    for number in &numbers {
        watch.add(block(*number));
        assert_eq!(watch.heights("quick").len() as u64, *number, "the quick one is not held up");
    }
    assert_eq!(watch.heights("slow"), [0; 0], "the slow one is late");
    assert_eq!(watch.engine.at_work("slow"), Some(3), "it is still at the first block");
    watch.gate.open();
    watch.settle();
    assert_eq!(watch.heights("quick"), numbers);
    assert_eq!(watch.heights("slow"), numbers, "each block once, in order");
    assert_eq!((shown_late(&watch.entries, "slow"), shown_late(&watch.entries, "quick")), (20, 0));
    assert_eq!(watch.gaps("detector-behind"), 1, "that it is far behind is told once");
    let over = watch
        .entries
        .iter()
        .any(|entry| matches!(entry, Entry::Retraction { reason, .. } if reason.contains("caught up")));
    assert!(over, "and that it is over");
    drop(watch);
    expect_the_same_again(&path);
}

#[test]
fn a_reorg_while_a_detector_is_late_leaves_what_a_clean_run_would() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    // The detector has seen so many blocks when the reorg comes.
    for seen in [0, 2, 5] {
        let path = path.with_extension(seen.to_string());
        let mut watch = Watch::over(&path);
        watch.load("counter", &reads_and_counts());
        watch.load("quick", "");
        watch.gate.let_through(seen);
        (1..=6).for_each(|number| watch.add(block(number)));
        watch.until("counter", seen);
        let reverted = [6, 5, 4].map(|number| block(number).reference()).to_vec();
        watch.take(Event::Reverted { chain: 1, blocks: reverted });
        (4..=8).for_each(|number| watch.add(block_of_fork(number)));
        watch.gate.open();
        watch.settle();
        let state = Journal::open_existing_read_only(&path).unwrap().load_state("counter").unwrap();
        let eight = 8_u64.to_le_bytes().to_vec();
        assert_eq!(state.into_values().collect::<Vec<_>>(), [eight], "eight canonical blocks, {seen} seen before");
        drop(watch);
        expect_the_same_again(&path);
    }
}

#[test]
fn a_host_that_ends_while_a_detector_is_late_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let mut watch = Watch::over(&path);
    watch.load("counter", &reads_and_counts());
    watch.gate.let_through(3);
    (1..=10).for_each(|number| watch.add(block(number)));
    watch.until("counter", 3);
    assert!(watch.engine.has_late());
    let before = watch.heights("counter");
    let gate = watch.gate.clone();
    drop(watch);
    // Whoever is still at work ends with nobody to tell.
    gate.open();
    let mut watch = Watch::over(&path);
    watch.gate.open();
    watch.load("counter", &reads_and_counts());
    watch.settle();
    let all: Vec<u64> = before.into_iter().chain(watch.heights("counter")).collect();
    assert_eq!(all, (1..=10).collect::<Vec<u64>>());
    drop(watch);
    expect_the_same_again(&path);
}

/// A reorg goes back over many blocks with many detectors: each input is decoded once for all of them.
#[test]
fn a_reorg_decodes_each_input_once_for_all_detectors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let mut watch = Watch::over(&path);
    watch.gate.open();
    watch.load("counter", &reads_and_counts());
    (0..4).for_each(|number| watch.load(&format!("listener-{number}"), LISTENS));
    // Blocks of another chain stand, and are seen again: the counter's state goes back, and all that listen to it with it.
    const BLOCKS: u64 = 20;
    watch.add(block(1));
    for number in 1..=BLOCKS {
        watch.add(Arc::new(Block { chain: 2, ..(*of_fork(number, 2, 2)).clone() }));
    }
    assert_eq!(watch.engine.inputs_decoded(), 0, "nothing is read back as long as blocks come one after the other");
    watch.take(Event::Reverted { chain: 1, blocks: vec![block(1).reference()] });
    watch.settle();
    assert_eq!(watch.shown_again() as u64, 5 * BLOCKS, "each detector sees each block again");
    // Once to find out who must see it again, and once to show it; some more where detectors are far apart.
    let decoded = watch.engine.inputs_decoded();
    assert!((BLOCKS..3 * BLOCKS).contains(&decoded), "{decoded} decoded");
    drop(watch);
    expect_the_same_again(&path);
}

#[test]
fn what_fails_twice_is_set_aside_and_shown_to_a_mended_version() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let mut watch = Watch::over(&path);
    let entries = |watch: &Watch, kind: &str| watch.entries.iter().filter(|entry| entry.kind() == kind).count();
    watch.load("guest", &trick("trap").unwrap());
    (1..=20).for_each(|number| watch.add(block(number)));
    watch.settle();
    assert_eq!(watch.heights("guest"), [0; 0]);
    assert_eq!(entries(&watch, "failed"), 20, "each block that it is blind to is told");
    // It fails three times and rests for eight blocks, then once and rests for sixteen.
    assert_eq!((entries(&watch, "retried"), watch.gaps("detector-failed")), (4, 4));
    assert_eq!(watch.gaps("detector-quarantined"), 1);
    watch.load("guest", "");
    watch.add(block(21));
    assert_eq!(watch.heights("guest"), [21]);
    assert_eq!(watch.gaps("detector-blind"), 1, "it works again, and is still blind to what was set aside");
    assert_eq!(watch.engine.retry("guest").unwrap(), 20);
    watch.look();
    watch.settle();
    let mut heights = watch.heights("guest");
    heights.sort_unstable();
    assert_eq!(heights, (1..=21).collect::<Vec<u64>>());
    assert_eq!(watch.engine.metrics().unwrap().gaps, [], "no gap is left open");
    let retracted = entries(&watch, "retraction");
    assert_eq!(retracted, 6, "four failures, the quarantine and the blindness are over");
    drop(watch);
    expect_the_same_again(&path);
}

#[test]
fn a_block_whose_frames_come_later_is_owed_to_who_wants_them_and_to_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    for (name, came) in [("come", true), ("given-up", false)] {
        let path = folder.path().join(name);
        let mut watch = Watch::over(&path);
        watch.load("plain", "");
        watch.load("traced", &traced_and_counts());
        (1..=2).for_each(|number| watch.add(block(number)));
        watch.add(block_without(3));
        watch.add(block(4));
        watch.add(block_without(5));
        watch.add(block(6));
        watch.settle();
        assert_eq!(watch.heights("plain"), [1, 2, 3, 4, 5, 6]);
        assert_eq!(watch.heights("traced"), [1, 2, 4, 6]);
        assert_eq!(watch.gaps("detector-owed"), 1, "once for all that it is owed");
        assert_eq!(watch.engine.awaited_blocks(1).unwrap().len(), 2);
        watch.take(completed(5, came));
        watch.settle();
        assert_eq!(watch.heights("traced"), [1, 2, 4, 6, 5], "what it found since stands");
        assert_eq!(watch.engine.metrics().unwrap().gaps.len(), 1, "it is owed one more");
        watch.take(completed(3, came));
        watch.settle();
        assert_eq!(watch.heights("traced"), [1, 2, 4, 6, 5, 3]);
        assert_eq!(counted(&path, "traced"), 6, "each block once, in order");
        assert_eq!(watch.engine.metrics().unwrap().gaps, [], "no gap is left open");
        assert!(watch.engine.awaited_blocks(1).unwrap().is_empty());
        drop(watch);
        expect_the_same_again(&path);
    }
}

#[test]
fn a_block_that_leaves_the_chain_is_owed_to_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let mut watch = Watch::over(&path);
    watch.load("traced", &traced_and_counts());
    (1..=3).for_each(|number| watch.add(block(number)));
    watch.add(block_without(4));
    watch.add(block(5));
    watch.take(Event::Reverted { chain: 1, blocks: [5, 4].map(|number| block(number).reference()).to_vec() });
    watch.settle();
    assert_eq!(watch.engine.metrics().unwrap().gaps, []);
    (4..=6).for_each(|number| watch.add(block_of_fork(number)));
    watch.take(completed(4, true));
    watch.settle();
    assert_eq!(counted(&path, "traced"), 6);
    assert_eq!(watch.heights("traced"), [1, 2, 3, 5, 4, 5, 6]);
    drop(watch);
    expect_the_same_again(&path);
}

#[test]
fn a_reorg_below_a_completed_block_shows_it_whole_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let mut watch = Watch::over(&path);
    watch.load("traced", &traced_and_counts());
    watch.add(block(1));
    // Blocks of another chain stand when the first one is reverted.
    let other = |block: Arc<Block>| Arc::new(Block { chain: 2, ..(*block).clone() });
    watch
        .add(other(Arc::new(Block { awaited: Parts { traces: true, storage: false }, ..(*of_fork(1, 2, 2)).clone() })));
    watch.add(other(of_fork(2, 2, 2)));
    let reference = BlockRef { chain: 2, ..of_fork(1, 2, 2).reference() };
    let frames = Some(Arc::new(Frames::default()));
    watch.take(Event::Completed { block: reference, frames, storage: None, given_up: Parts::default() });
    watch.settle();
    assert_eq!(counted(&path, "traced"), 3);
    watch.take(Event::Reverted { chain: 1, blocks: vec![block(1).reference()] });
    watch.settle();
    assert_eq!(counted(&path, "traced"), 2, "both of the other chain");
    assert_eq!(watch.engine.metrics().unwrap().gaps, []);
    drop(watch);
    expect_the_same_again(&path);
}

#[test]
fn who_is_owed_a_block_can_be_shown_it_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let mut watch = Watch::over(&path);
    watch.load("traced", &traced_and_counts());
    watch.add(block(1));
    watch.add(block_without(2));
    watch.add(block(3));
    assert_eq!(watch.engine.retry("traced").unwrap(), 1);
    watch.look();
    watch.settle();
    assert_eq!(watch.heights("traced"), [1, 3, 2]);
    assert_eq!(watch.engine.metrics().unwrap().gaps, []);
    watch.take(completed(2, true));
    watch.settle();
    assert_eq!(counted(&path, "traced"), 3, "what comes after all is not shown again");
    drop(watch);
    expect_the_same_again(&path);
}
