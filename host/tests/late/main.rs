//! A detector that is slow slows nobody: it sees what it missed later, in order, once; and a replay gives the same.

#![allow(clippy::unwrap_used)]

mod courses;
mod failing;
#[path = "../../../tests/src/guests.rs"]
#[allow(dead_code)]
mod guests;
mod kit;

use std::sync::Arc;

use watchfire::app::engine::Given;
use watchfire::block::{Block, BlockRef, Frames, Parts};
use watchfire::entry::Entry;
use watchfire::event::{Event, Stamped, Why};
use watchfire::journal::Journal;

use guests::trick;
use kit::{
    LISTENS, READS, Watch, block, block_of_fork, block_without, completed, counted, expect_the_same_again, of_fork,
    reads_and_counts, traced_and_counts,
};

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
        watch.at_ms += 400;
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
fn a_backlog_that_comes_at_once_makes_nobody_fall_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let mut watch = Watch::over(&path);
    watch.load("slow", READS);
    (1..=20).for_each(|number| watch.add(block(number)));
    assert_eq!(watch.heights("slow"), [0; 0], "twenty blocks wait, none of them for long");
    watch.gate.open();
    watch.settle();
    assert_eq!((watch.heights("slow").len(), watch.gaps("detector-behind")), (20, 0));
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
    let status = watch.engine.status().unwrap().remove(0);
    assert_eq!((status.rests_for_batches, status.set_aside), (8, 20));
    assert_eq!(status.gaps, ["detector-failed", "detector-quarantined"], "each kind once");
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

/// A combiner hears twice of one block where one of those that it listens to is late: what it finds then is another finding.
#[test]
fn a_combiner_that_hears_late_finds_something_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let mut watch = Watch::over(&path);
    watch.load("quick", "");
    watch.load("slow", READS);
    watch.load("zz-combiner", LISTENS);
    (1..=4).for_each(|number| watch.add(block(number)));
    assert_eq!(watch.heights("zz-combiner"), [1, 2, 3, 4], "it hears of the quick one at once");
    watch.gate.open();
    watch.settle();
    let mut heights = watch.heights("zz-combiner");
    heights.sort_unstable();
    assert_eq!(heights, [1, 1, 2, 2, 3, 3, 4, 4], "and of the slow one once it has come back");
    assert_eq!(watch.gaps("input-refused"), 0);
    // The same over a reorg and a restart.
    watch.take(Event::Reverted { chain: 1, blocks: vec![block(4).reference()] });
    watch.add(block_of_fork(4));
    watch.settle();
    drop(watch);
    let mut watch = Watch::over(&path);
    watch.gate.open();
    for (id, trick) in [("quick", ""), ("slow", READS), ("zz-combiner", LISTENS)] {
        watch.load(id, trick);
    }
    watch.add(block_of_fork(5));
    watch.settle();
    assert_eq!(watch.gaps("input-refused"), 0);
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
fn blocks_that_are_completed_together_show_what_came_since_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let mut watch = Watch::over(&path);
    watch.load("traced", &traced_and_counts());
    (1..=3).for_each(|number| watch.add(block(number)));
    (4..=6).for_each(|number| watch.add(block_without(number)));
    (7..=20).for_each(|number| watch.add(block(number)));
    watch.settle();
    let status = watch.engine.status().unwrap();
    assert_eq!((status[0].owed_blocks, status[0].behind), (3, 0));
    let decoded = watch.engine.inputs_decoded();
    for number in 4..=6 {
        watch.at_ms += 1;
        let stamped = Stamped { at_ms: watch.at_ms, event: completed(number, true) };
        watch.engine.take(stamped, &Given::default()).unwrap();
    }
    watch.look();
    watch.settle();
    assert_eq!(watch.shown_again(), 14, "blocks 7 to 20, each once");
    let decoded = watch.engine.inputs_decoded() - decoded;
    assert!(decoded < 100, "{decoded} inputs were read back");
    assert_eq!(watch.heights("traced"), [1, 2, 3].into_iter().chain(7..=20).chain(4..=6).collect::<Vec<_>>());
    assert_eq!((counted(&path, "traced"), watch.engine.status().unwrap()[0].owed_blocks), (20, 0));
    drop(watch);
    expect_the_same_again(&path);
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
