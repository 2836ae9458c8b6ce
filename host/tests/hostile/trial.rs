//! A new version on the last inputs: it is shown what the watch shows, with the same randomness.

use std::sync::Arc;

use watchfire::app::deploy::spec::KeptSpec;
use watchfire::app::deploy::trial::{INPUTS, Rehearsal, Version, rehearse};
use watchfire::app::engine::{Engine, Given};
use watchfire::chain_read::ChainReader;
use watchfire::entry::Entry;
use watchfire::event::{Event, Observation, Stamped, Value};
use watchfire::journal::Journal;
use watchfire::plugin::{Fleet, Runtime};

use crate::kit::{Chain, Trick, block, limits, runtime};

/// Listens to the feed `guest`; its title is eight letters by chance.
const BY_CHANCE: &str = r#"
  (import "wasi:random/random@0.2.0" "get-random-bytes" (func $random (param i64 i32)))
  (data (i32.const 904) "feeds")
  ;;; describe
  (func $describe (result i32)
    (i32.store (i32.const 320) (i32.const 904))
    (i32.store (i32.const 324) (i32.const 5))
    (i32.store (i32.const 420) (i32.const 1))
    (i32.const 384))
  ;;; start
  (func $start (param i32 i32) (result i32)
    (i32.store8 (i32.const 512) (i32.const 5))
    (i32.store (i32.const 520) (i32.const 16))
    (i32.store (i32.const 524) (i32.const 5))
    (i32.const 576))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (local $at i32)
    (call $random (i64.const 8) (i32.const 3072))
    (loop $more
      (i32.store8 (i32.add (i32.const 4096) (local.get $at))
        (i32.add (i32.const 97) (i32.and (i32.const 15)
          (i32.load8_u (i32.add (i32.load (i32.const 3072)) (local.get $at))))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $more (i32.lt_u (local.get $at) (i32.const 8))))
    (i32.store (i32.const 652) (i32.const 4096))
    (i32.store (i32.const 656) (i32.const 8))
    (i32.const 768))
"#;

/// Asks for transactions that wait for a block; does with them what comes after it.
const OF_MEMPOOL: &str = r#"
  (data (i32.const 176) "mempool")
  ;;; describe
  (func $describe (result i32)
    (i32.store (i32.const 320) (i32.const 176))
    (i32.store (i32.const 324) (i32.const 7))
    (i32.store (i32.const 420) (i32.const 1))
    (i32.const 384))
  ;;; start
  (func $start (param i32 i32) (result i32)
    (i32.store8 (i32.const 512) (i32.const 9))
    (i64.store (i32.const 520) (i64.const 0))
    (i32.const 576))
"#;

const TRAPS: &str = "  ;;; on-batch\n  (func $on-batch (param i32) (result i32) unreachable)\n";

fn version(runtime: &Runtime, text: &str, grant: &str) -> Version {
    let trick = Trick { name: "tried".into(), expected: String::new(), at_last: None, text: text.to_owned() };
    let component = Arc::new(runtime.compile(&trick.component(), &limits()).unwrap());
    let spec = KeptSpec {
        chains: vec![1],
        feeds: vec!["*".into()],
        grants: vec![grant.into()],
        shadow_of: None,
        hears: None,
        limits: limits(),
        config: serde_json::json!({}),
    };
    Version { component, spec }
}

fn observation(at_ms: u64) -> Event {
    let value = Value::Boolean(true);
    let (feed, position) = ("guest".to_owned(), String::new());
    Event::Observed { observation: Observation { feed, observed_at_ms: at_ms, received_at_ms: at_ms, value, position } }
}

/// What a watch with a version found in some inputs, and what a trial of the new one beside the old makes of the same.
fn tried(runs: &Version, old: Option<&Version>, new: &Version, events: Vec<Event>) -> (Vec<String>, Rehearsal) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let reader: Arc<dyn ChainReader> = Arc::new(Chain);
    let mut engine = Engine::new(Journal::open(&path).unwrap(), Fleet::new(), reader.clone()).unwrap();
    let detector = runs.spec.start("odd", runs.component.clone()).unwrap();
    engine.swap(detector, runs.spec.text(), 1).unwrap();
    let mut titles = Vec::new();
    for (at_ms, event) in (10..).zip(events) {
        engine.take(Stamped { at_ms, event }, &Given::default()).unwrap();
        for (_, entry) in engine.commit().unwrap() {
            if let Entry::Finding(finding) = entry {
                titles.push(finding.claim.title);
            }
        }
    }
    (titles, rehearse(&path, "odd", old, new, reader, INPUTS).unwrap())
}

#[test]
fn what_goes_by_chance_finds_in_its_trial_what_it_finds_in_the_watch() {
    let version = version(&runtime(), BY_CHANCE, "feeds");
    let (live, alone) = tried(&version, None, &version, vec![observation(10), observation(11)]);
    assert_eq!(live.len(), 2, "{live:?}");
    assert_ne!(live[0], live[1]);
    assert_eq!(alone.only_new, live.iter().map(|title| format!("feed guest: {title}")).collect::<Vec<_>>());
}

#[test]
fn a_version_for_the_mempool_is_tried_on_it() {
    let runtime = runtime();
    let good = version(&runtime, OF_MEMPOOL, "mempool");
    let bad = version(&runtime, &format!("{OF_MEMPOOL}{TRAPS}"), "mempool");
    let transactions = Arc::new(block(1).transactions.clone());
    let events =
        || vec![Event::Committed { block: block(1) }, Event::Pending { chain: 1, transactions: transactions.clone() }];
    let (found, rehearsal) = tried(&good, Some(&good), &good, events());
    assert_eq!(found, ["guest"]);
    assert_eq!((rehearsal.inputs, rehearsal.same, rehearsal.failures.len()), (2, 1, 0), "{rehearsal:?}");
    let (_, rehearsal) = tried(&good, Some(&good), &bad, events());
    assert_eq!((rehearsal.failures.len(), rehearsal.old_failures), (1, 0), "{rehearsal:?}");
    assert!(rehearsal.failures[0].starts_with("pending transactions of chain 1, input 3: trap"), "{rehearsal:?}");
}

#[test]
fn a_busy_mempool_does_not_crowd_out_blocks() {
    let runtime = runtime();
    let good = version(&runtime, OF_MEMPOOL, "mempool");
    let transactions = Arc::new(block(1).transactions.clone());
    let mut events = vec![Event::Committed { block: block(1) }, observation(2)];
    events.extend((0..40).map(|_| Event::Pending { chain: 1, transactions: transactions.clone() }));
    let (_, rehearsal) = tried(&good, Some(&good), &good, events);
    assert_eq!((rehearsal.inputs, rehearsal.same), (34, 32), "a block, an observation, and 32 from the mempool");
}
