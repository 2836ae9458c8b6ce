//! A host without sources over a chain that answers when it is let.

use std::path::Path;
use std::sync::{Arc, Condvar, LazyLock, Mutex, mpsc};
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

use crate::guests::{self, component, module};
use alloy::primitives::B256;

/// Long beside what a guest takes that reads nothing, on any machine. It passes once in a test: a detector that is late is
/// not waited for again.
pub const PATIENCE: Duration = Duration::from_millis(2_000);

/// A chain on which everything is zero, and which answers so many reads; others wait until more are let through.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<u64>, Condvar)>);

impl Gate {
    pub fn let_through(&self, reads: u64) {
        let (left, changed) = &*self.0;
        let mut left = left.lock().unwrap();
        *left = left.saturating_add(reads);
        changed.notify_all();
    }

    pub fn open(&self) {
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

static RUNTIME: LazyLock<Arc<Runtime>> = LazyLock::new(|| Arc::new(Runtime::new(Compiler::in_process()).unwrap()));

/// Reads the chain on each block before it finds what it should: it takes as long as the gate is closed.
pub const READS: &str = "
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (call $balance (i32.const 16) (i32.const 20) (i32.const 3072))
    (i32.const 768))
";

/// Listens to what others find.
pub const LISTENS: &str = r#"
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
pub fn traced_and_counts() -> String {
    let counter = guests::trick("slow-counter").unwrap().replace("30000000", "3");
    let (imports, parts) = counter.split_once("  ;;; ").unwrap();
    format!("{imports}{TRACED}  ;;; {parts}")
}

/// A block whose call frames are still to come.
pub fn block_without(number: u64) -> Arc<Block> {
    Arc::new(Block { awaited: Parts { traces: true, storage: false }, ..(*block(number)).clone() })
}

pub fn completed(number: u64, came: bool) -> Event {
    Event::Completed {
        block: block(number).reference(),
        frames: came.then(|| Arc::new(Frames::default())),
        storage: None,
        given_up: Parts { traces: !came, storage: false },
    }
}

/// How many blocks a counter has counted.
pub fn counted(path: &Path, detector: &str) -> u64 {
    let state = Journal::open_existing_read_only(path).unwrap().load_state(detector).unwrap();
    u64::from_le_bytes(state.into_values().next().unwrap().try_into().unwrap())
}

/// The same as the one that reads, and counts blocks in its state.
pub fn reads_and_counts() -> String {
    let counter = guests::trick("slow-counter").unwrap();
    let (before, after) = counter.split_once("    (local $left i32)").unwrap();
    let (_, after) = after.split_once("(i32.const 1)))))\n").unwrap();
    format!("{before}    (call $balance (i32.const 16) (i32.const 20) (i32.const 3072))\n{after}")
}

/// An empty block.
pub fn block(number: u64) -> Arc<Block> {
    of_fork(number, 0, 0)
}

/// An empty block of another fork, which leaves the first one at height 3.
pub fn block_of_fork(number: u64) -> Arc<Block> {
    of_fork(number, 1, u8::from(number > 4))
}

pub fn of_fork(number: u64, fork: u8, parents: u8) -> Arc<Block> {
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
pub struct Watch {
    runtime: Arc<Runtime>,
    pub engine: Engine,
    woken: mpsc::Receiver<()>,
    pub gate: Gate,
    pub entries: Vec<Entry>,
    pub at_ms: u64,
}

impl Watch {
    pub fn over(path: &Path) -> Self {
        let gate = Gate::default();
        Self { gate: gate.clone(), ..Self::with(path, Arc::new(gate), PATIENCE) }
    }

    pub fn with(path: &Path, reader: Arc<dyn ChainReader>, patience: Duration) -> Self {
        let mut fleet = Fleet::new();
        let (wake, woken) = mpsc::channel();
        fleet.set_patience(patience, Arc::new(move || wake.send(()).unwrap_or_default()));
        let engine = Engine::new(Journal::open(path).unwrap(), fleet, reader).unwrap();
        let at_ms = engine.newest_ms();
        Self { runtime: RUNTIME.clone(), engine, woken, gate: Gate::default(), entries: Vec::new(), at_ms }
    }

    /// Loads the base with the parts of a trick in place of its own.
    pub fn load(&mut self, id: &str, trick: &str) {
        let limits = Limits { batch_deadline_ms: 120_000, batches_behind: 5, ..Limits::default() };
        self.load_within(id, trick, limits);
    }

    pub fn load_within(&mut self, id: &str, trick: &str, limits: Limits) {
        let grants = ["state", "chain", "findings", "traces"].map(str::to_owned).to_vec();
        let spec = KeptSpec {
            chains: Vec::new(),
            feeds: Vec::new(),
            grants,
            shadow_of: None,
            hears: None,
            limits,
            config: serde_json::json!({}),
        };
        let bytes = component(&module(trick).unwrap()).unwrap();
        let compiled = Arc::new(self.runtime.compile(&bytes, &spec.limits).unwrap());
        self.engine.keep_component(&bytes).unwrap();
        let detector = spec.start(id, compiled).unwrap();
        self.engine.swap(detector, spec.text(), self.at_ms).unwrap();
    }

    pub fn take(&mut self, event: Event) {
        self.at_ms += 1;
        self.engine.take(Stamped { at_ms: self.at_ms, event }, &Given::default()).unwrap();
        self.look();
    }

    pub fn add(&mut self, block: Arc<Block>) {
        self.take(Event::Committed { block });
    }

    pub fn look(&mut self) {
        self.engine.catch_up(self.at_ms).unwrap();
        self.entries.extend(self.engine.commit().unwrap().into_iter().map(|(_, entry)| entry));
    }

    /// Waits until nobody is late.
    pub fn settle(&mut self) {
        let started = Instant::now();
        while self.engine.has_late() {
            // Woken or not, it is looked.
            let _ = self.woken.recv_timeout(Duration::from_millis(20));
            self.look();
            assert!(started.elapsed() < Duration::from_secs(60), "still late");
        }
    }

    /// Waits until a detector has found something in so many blocks.
    pub fn until(&mut self, detector: &str, blocks: u64) {
        let started = Instant::now();
        while (self.heights(detector).len() as u64) < blocks {
            let _ = self.woken.recv_timeout(Duration::from_millis(20));
            self.look();
            assert!(started.elapsed() < Duration::from_secs(60), "it never got there");
        }
    }

    /// How often a detector was shown an input again after a reorg.
    pub fn shown_again(&self) -> usize {
        let is =
            |entry: &&Entry| matches!(entry, Entry::Input(Stamped { event: Event::Shown { why: Why::Again, .. }, .. }));
        self.entries.iter().filter(is).count()
    }

    /// Heights of a detector's findings, in the order in which they were made.
    pub fn heights(&self, detector: &str) -> Vec<u64> {
        let findings = self.entries.iter().filter_map(|entry| match entry {
            Entry::Finding(finding) if finding.detector == detector => finding.block.map(|block| block.number),
            _ => None,
        });
        findings.collect()
    }

    pub fn gaps(&self, kind: &str) -> usize {
        let is = |entry: &&Entry| matches!(entry, Entry::Finding(finding) if finding.claim.kind == kind);
        self.entries.iter().filter(is).count()
    }
}

pub fn expect_the_same_again(path: &Path) {
    let then = Journal::open_existing_read_only(path).unwrap();
    then.verify(None, |_, _| {}).unwrap();
    let replayed = replay::journal(path, &RUNTIME, |_, _| {}).unwrap();
    assert_eq!(replayed.difference, None);
    assert_eq!(replayed.tables, [], "state, and what undoes it, are those of the run");
    assert_eq!(then.verify_tables(|_| {}).unwrap(), []);
    assert_eq!(replayed.derived, then.derived_digest().unwrap());
}
