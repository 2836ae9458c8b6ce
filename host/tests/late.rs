//! A detector that is slow slows nobody: it sees what it missed later, in order, once; and a replay gives the same.

#![allow(clippy::unwrap_used)]

#[path = "../../tests/src/guests.rs"]
#[allow(dead_code)]
mod guests;

use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use watchfire::app::deploy::load::KeptSpec;
use watchfire::app::engine::{Engine, Given};
use watchfire::app::live::output::Output;
use watchfire::app::past::replay;
use watchfire::block::{Assurance, Block, BlockRef, Verification};
use watchfire::chain_read::{ChainAnswer, ChainRead, ChainReader};
use watchfire::entry::Entry;
use watchfire::event::{Event, Stamped};
use watchfire::journal::Journal;
use watchfire::plugin::{Compiler, Fleet, Limits, Runtime};

use alloy::primitives::B256;
use guests::guest;

const PATIENCE: Duration = Duration::from_millis(2);

/// A chain on which everything is zero.
struct Zeroes;

impl ChainReader for Zeroes {
    fn read(&self, _: BlockRef, _: &ChainRead) -> ChainAnswer {
        Ok(vec![0; 32].into())
    }
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
    })
}

/// A host without sources: blocks go in, and whoever is late comes back.
struct Watch {
    runtime: Runtime,
    engine: Engine,
    woken: mpsc::Receiver<()>,
    entries: Vec<Entry>,
    at_ms: u64,
}

impl Watch {
    fn over(path: &Path) -> Self {
        let runtime = Runtime::new(Compiler::in_process()).unwrap();
        let mut fleet = Fleet::new().unwrap();
        let (wake, woken) = mpsc::channel();
        fleet.be_impatient(PATIENCE, Arc::new(move || wake.send(()).unwrap_or_default())).unwrap();
        let engine = Engine::new(Journal::open(path).unwrap(), fleet, Arc::new(Zeroes)).unwrap();
        let at_ms = engine.newest_ms();
        Self { runtime, engine, woken, entries: Vec::new(), at_ms }
    }

    fn load(&mut self, id: &str, trick: &str) {
        let limits = Limits { batch_deadline_ms: 2_000, batches_behind: 5, ..Limits::default() };
        let grants = vec!["state".into(), "chain".into()];
        let spec = KeptSpec {
            chains: Vec::new(),
            feeds: Vec::new(),
            grants,
            shadow_of: None,
            limits,
            config: serde_json::json!({}),
        };
        let bytes = guest(trick).unwrap();
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
    let replayed =
        replay::journal(path, &Runtime::new(Compiler::in_process()).unwrap(), &mut Output::silent(), |_| {}).unwrap();
    assert_eq!(replayed.difference, None);
    assert_eq!(replayed.derived, Journal::open_existing_read_only(path).unwrap().derived_digest().unwrap());
}

#[test]
fn a_slow_detector_sees_every_block_late_and_slows_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let mut watch = Watch::over(&path);
    watch.load("quick", "");
    watch.load("slow", "slow");
    let numbers: Vec<u64> = (1..=20).collect();
    let started = Instant::now();
    let mut slow_by_then = 0;
    for number in &numbers {
        watch.add(block(*number));
        assert_eq!(watch.heights("quick").len() as u64, *number, "the quick one is not held up");
        slow_by_then = watch.heights("slow").len();
    }
    let took = started.elapsed();
    assert!(slow_by_then < 20, "the slow one is late");
    watch.settle();
    assert_eq!(watch.heights("quick"), numbers);
    assert_eq!(watch.heights("slow"), numbers, "each block once, in order");
    assert!(started.elapsed() > took, "it took longer than the others");
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
    let mut watch = Watch::over(&path);
    watch.load("counter", "slow-counter");
    watch.load("quick", "");
    (1..=6).for_each(|number| watch.add(block(number)));
    let reverted = [6, 5, 4].map(|number| block(number).reference()).to_vec();
    watch.take(Event::Reverted { chain: 1, blocks: reverted });
    (4..=8).for_each(|number| watch.add(block_of_fork(number)));
    watch.settle();
    let state = Journal::open_existing_read_only(&path).unwrap().load_state("counter").unwrap();
    assert_eq!(state.into_values().collect::<Vec<_>>(), [8_u64.to_le_bytes().to_vec()], "eight canonical blocks");
    drop(watch);
    expect_the_same_again(&path);
}

#[test]
fn a_host_that_ends_while_a_detector_is_late_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let mut watch = Watch::over(&path);
    watch.load("counter", "slow-counter");
    (1..=10).for_each(|number| watch.add(block(number)));
    assert!(watch.engine.has_late());
    let before = watch.heights("counter");
    drop(watch);
    let mut watch = Watch::over(&path);
    watch.load("counter", "slow-counter");
    watch.settle();
    let all: Vec<u64> = before.into_iter().chain(watch.heights("counter")).collect();
    assert_eq!(all, (1..=10).collect::<Vec<u64>>());
    drop(watch);
    expect_the_same_again(&path);
}

#[test]
fn what_fails_twice_is_set_aside_and_shown_to_a_mended_version() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let mut watch = Watch::over(&path);
    let entries = |watch: &Watch, kind: &str| watch.entries.iter().filter(|entry| entry.kind() == kind).count();
    watch.load("guest", "trap");
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
    let live = Journal::open_existing_read_only(&path).unwrap();
    let live = live.live_findings_caused_by(0).unwrap().len();
    assert_eq!(live, 0);
    let retracted = entries(&watch, "retraction");
    assert_eq!(retracted, 6, "four failures, the quarantine and the blindness are over");
    drop(watch);
    expect_the_same_again(&path);
}
