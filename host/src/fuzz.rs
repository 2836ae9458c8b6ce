//! What takes in bytes of others, each as one function of some bytes that must not panic, hang or fill the memory,
//! whatever the bytes are. `cargo xtask fuzz` runs them under libFuzzer, the tests below for a moment each.
//!
//! Compiled for tests and fuzzers only.

use std::path::Path;
use std::sync::Arc;

use crate::app::config::Config;
use crate::block::{Block, Verification};
use crate::event::Event;
use crate::narrow::{BlockIndex, Matcher, Router};
use crate::plan::Plan;
use crate::source::parquet::Archive;
use crate::source::recording::{Item, Recording};
use crate::subscription::{FrameFilter, LogFilter, StorageFilter, Subscription, TransactionFilter};

/// A function that is fuzzed, by its name.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 8] = [
    ("config", config),
    ("plan", plan),
    ("rpc", crate::source::evm::fuzz::answers),
    ("webhook", crate::source::feed::fuzz::delivery),
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
        look_at(&Arc::new(block));
    }
}

/// Reads every row of a block, as narrowing and detectors do.
pub(crate) fn look_at(block: &Block) {
    assert!(block.is_even(), "columns of one table have one length");
    let subscriptions = [
        Subscription::Logs(LogFilter { topics: vec![Vec::new(), vec![[1; 32].into()]], ..LogFilter::default() }),
        Subscription::Logs(LogFilter::default()),
        Subscription::Transactions(TransactionFilter { selectors: vec![[1; 4]], ..TransactionFilter::default() }),
        Subscription::Frames(FrameFilter { selectors: vec![[1; 4]], with_value: true, ..FrameFilter::default() }),
        Subscription::Storage(StorageFilter { slots: vec![[1; 32].into()], ..StorageFilter::default() }),
        Subscription::Creations,
        Subscription::EverySeconds(60),
    ];
    let matcher = Matcher::new(&subscriptions);
    let index = BlockIndex::new(block, Some(0));
    let alone = matcher.select(&index);
    let routed = Router::new([(0, &matcher)]).select(&index).pop().map(|(_, selection)| selection).unwrap_or_default();
    assert_eq!(alone, routed, "a router selects what a matcher does");
    for row in 0..block.logs.len() {
        std::hint::black_box(block.logs.data.get(row));
    }
    for row in 0..block.transactions.len() {
        std::hint::black_box(block.transactions.input.get(row));
    }
    if let Some(frames) = &block.frames {
        for row in 0..frames.len() {
            std::hint::black_box(frames.output.get(row));
        }
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
