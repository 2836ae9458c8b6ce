//! What takes in bytes of others, each as one function of some bytes that must not panic, hang or fill the memory,
//! whatever the bytes are. `cargo xtask fuzz` runs them under libFuzzer, the tests below for a moment each.
//!
//! Compiled for tests and fuzzers only.

use std::path::Path;

use crate::app::config::Config;
use crate::block::Verification;
use crate::event::Event;
use crate::narrow::fuzz::look_at;
use crate::plan::{Plan, readiness};
use crate::source::parquet::Archive;
use crate::source::recording::{Item, Recording};

/// A function that is fuzzed, by its name.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 9] = [
    ("config", config),
    ("plan", plan),
    ("rpc", crate::source::evm::fuzz::answers),
    ("webhook", crate::source::feed::fuzz::delivery),
    ("answers", crate::deliver::answer::fuzz::answer),
    ("recording", recording),
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
