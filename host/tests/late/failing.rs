//! What can't be kept is a failure of the input or of the detector that it is of: the host goes on, says so, and a replay agrees.

use alloy::primitives::B256;
use watchfire::digest::sha256;
use watchfire::entry::Entry;
use watchfire::event::{Event, Stamped};
use watchfire::failure_kind::FailureKind;
use watchfire::finding::Finding;
use watchfire::protocol::Protocol;

use crate::guests::{component, module};
use crate::kit::{LISTENS, READS, Watch, block, expect_the_same_again};

#[test]
fn an_input_that_cannot_be_taken_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let mut watch = Watch::over(&path);
    watch.load("quick", "");
    watch.add(block(1));
    let files = vec![("plan.toml".to_owned(), "this is no plan".to_owned())];
    watch.take(Event::Plan { protocol: Protocol::default(), hash: B256::ZERO, files, defaults: Default::default() });
    watch.add(block(2));
    assert_eq!(watch.heights("quick"), [1, 2]);
    assert_eq!(watch.gaps("input-refused"), 1);
    let is_plan = |entry: &Entry| matches!(entry, Entry::Input(Stamped { event: Event::Plan { .. }, .. }));
    assert!(!watch.entries.iter().any(is_plan), "nothing of it stays");
    drop(watch);
    expect_the_same_again(&path);
}

#[test]
fn a_finding_that_cannot_be_kept_is_a_failure_of_its_detector() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let mut watch = Watch::over(&path);
    watch.load("quick", "");
    watch.load("slow", READS);
    watch.load("zz-other", "");
    watch.load("zzz-listens", LISTENS);
    watch.add(block(1));
    // As a fault of the host's would make it: a finding of this id is there already.
    for (detector, trick, number) in [("quick", "", 2), ("slow", READS, 1)] {
        let digest = sha256(&component(&module(trick).unwrap()).unwrap());
        let id = Finding::id_of(detector, digest, block(number).hash, 0);
        let raw = rusqlite::Connection::open(&path).unwrap();
        raw.execute("INSERT INTO live_finding (id, input, seq) VALUES (?1, 1, 1)", [id.0]).unwrap();
    }
    watch.add(block(2));
    watch.gate.open();
    watch.settle();
    watch.add(block(3));
    watch.settle();
    let failed: Vec<&str> = watch
        .entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::Failed { detector, kind: FailureKind::Host, .. } => Some(detector.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(failed, ["quick", "slow"], "one in step, one late");
    assert_eq!(watch.heights("quick"), [1, 3]);
    assert_eq!(watch.heights("slow"), [2, 3]);
    assert_eq!(watch.heights("zz-other"), [1, 2, 3], "nobody else is touched");
    assert_eq!(watch.gaps("input-refused"), 0);
    drop(watch);
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.execute("DELETE FROM live_finding WHERE input = 1 AND seq = 1", []).unwrap();
    drop(raw);
    expect_the_same_again(&path);
}
