//! What takes in bytes of others, each as one function of some bytes that must not panic, hang or fill the memory,
//! whatever the bytes are. `cargo xtask fuzz` runs them under libFuzzer, the tests below for a moment each.
//!
//! Compiled for tests and fuzzers only.

use std::path::Path;
use std::sync::Arc;

use crate::app::config::Config;
use crate::app::engine::answers::Answers;
use crate::app::engine::{Engine, Given};
use crate::app::past::replay::event_time_ms;
use crate::block::Verification;
use crate::event::{Event, Stamped};
use crate::journal::Journal;
use crate::narrow::fuzz::look_at;
use crate::plan::{Plan, readiness};
use crate::plugin::Fleet;
use crate::source::parquet::Archive;
use crate::source::recording::{Item, Recording};

/// A function that is fuzzed, by its name.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 10] = [
    ("config", config),
    ("plan", plan),
    ("rpc", crate::source::evm::fuzz::answers),
    ("webhook", crate::source::feed::fuzz::delivery),
    ("answers", crate::deliver::answer::fuzz::answer),
    ("recording", recording),
    ("engine", engine),
    ("archive", archive),
    ("guest", crate::plugin::fuzz::said),
    ("journal", crate::journal::fuzz::row),
];

/// Runs a target by its name.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("no target `{name}`"));
    target.1(data);
}

/// `watchfire.toml`.
fn config(data: &[u8]) {
    in_file("watchfire.toml", data, |path| drop(Config::load(path)));
}

/// The plan: files that follow each other, with a line of `%%` between them.
fn plan(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let named = text.split("%%\n").take(8).zip(0..).map(|(text, at)| (format!("{at}.toml"), text.to_owned()));
    let files: Vec<(String, String)> = named.collect();
    // On a day of 2026: what is found is looked at by the checks' own tests.
    readiness(&files, 1_795_608_000_000);
    if let Ok(plan) = Plan::load(&files) {
        assert_eq!(Plan::load(&files).map(|again| again.hash()).ok(), Some(plan.hash()), "a plan has one hash");
    }
}

/// A recording, plain or compressed.
fn recording(data: &[u8]) {
    in_file("recording.jsonl", data, |path| {
        let Ok(mut recording) = Recording::open(path, &[(0, Verification::Links)].into()) else { return };
        while let Ok(Some(item)) = recording.next_item() {
            if let Item::Delivery(delivery) = item
                && let Event::Committed { block } = delivery.event
            {
                look_at(&block);
            }
        }
    });
}

/// A recording, taken in by an engine: what follows is journaled, found again after a restart, and made again from the log.
fn engine(data: &[u8]) {
    in_file("recording.jsonl", data, |path| {
        let Ok(mut recording) = Recording::open(path, &[(0, Verification::Links)].into()) else { return };
        let file = path.with_file_name("journal.db");
        let open = || {
            let journal = Journal::open(&file).expect("what was written is opened");
            Engine::new(journal, Fleet::new(), Arc::new(Answers::default())).expect("what was written is read")
        };
        let mut engine = open();
        let mut left = 128;
        while let (Ok(Some(item)), 1..) = (recording.next_item(), left) {
            let Item::Delivery(delivery) = item else { continue };
            let at_ms = delivery.at_ms.unwrap_or_else(|| event_time_ms(&delivery.event));
            engine.take(Stamped { at_ms, event: delivery.event }, &Given::default()).expect("no input ends the host");
            left -= 1;
        }
        engine.commit().expect("the disk takes it");
        let (seq, desks) = (engine.newest_seq(), engine.desks().clone());
        drop(engine);
        let again = open();
        assert!(again.newest_seq() == seq && *again.desks() == desks, "a restart goes on elsewhere");
        drop(again);
        let journal = Journal::open_existing_read_only(&file).expect("what was written is opened");
        journal.verify(None, |_, _| {}).expect("the chain holds");
        assert_eq!(journal.verify_tables(|_| {}).expect("tables are read"), [], "tables are what the entries say");
    });
}

/// An archive of which one file is others' bytes: the first byte says which.
fn archive(data: &[u8]) {
    const GOOD: [(&str, &[u8]); 4] = [
        ("blocks", include_bytes!("../../fuzz/seeds/archive/blocks").as_slice()),
        ("transactions", include_bytes!("../../fuzz/seeds/archive/transactions").as_slice()),
        ("logs", include_bytes!("../../fuzz/seeds/archive/logs").as_slice()),
        ("traces", include_bytes!("../../fuzz/seeds/archive/traces").as_slice()),
    ];
    let Some((which, bytes)) = data.split_first() else { return };
    let folder = tempfile::tempdir().expect("a folder for files");
    for (at, (dataset, good)) in GOOD.into_iter().enumerate() {
        let bytes = if at == usize::from(which % 4) { bytes } else { &good[1..] };
        let path = folder.path().join(format!("ethereum__{dataset}__00000100_to_00000104.parquet"));
        std::fs::write(path, bytes).expect("a file");
    }
    let Ok(mut archive) = Archive::open(folder.path(), 0..=u64::MAX) else { return };
    while let Ok(Some(block)) = archive.next_block() {
        look_at(&block);
    }
}

fn in_file(name: &str, data: &[u8], read: impl FnOnce(&Path)) {
    let folder = tempfile::tempdir().expect("a folder for a file");
    let path = folder.path().join(name);
    std::fs::write(&path, data).expect("a file");
    read(&path);
}

#[cfg(test)]
mod tests;
