//! What an input costs must not grow with the journal.

use std::time::{Duration, Instant};

use super::*;
use crate::entry::StateChange;

/// Appends a block as the engine does, with its look-ups, a finding in ten, and changes of state that become final.
fn take(journal: &mut Journal, number: u64) {
    let block = Block { hash: B256::new(Seeded(number).array()), ..block(1, number, 2) };
    let hash = block.hash;
    let seq = journal.append(&input(1_000 * number, committed(block))).unwrap();
    assert_eq!(journal.seq_of_first_commit(hash).unwrap(), Some(seq));
    let (key, value) = ((number % 1_000).to_be_bytes().to_vec(), number.to_be_bytes().to_vec());
    journal.save_state("d", seq, &[StateChange { key, before: None, after: Some(value) }]).unwrap();
    if number.is_multiple_of(10) {
        let found = Finding { id: B256::new(Seeded(!number).array()), ..finding("d", number, Severity::Low) };
        let at = journal.append(&Entry::Finding(found.clone())).unwrap();
        journal.finding_lives(found.id, at, seq).unwrap();
    }
    if number.is_multiple_of(32) {
        let finalized = number.saturating_sub(64);
        journal.append(&input(1_000 * number, Event::Finality { chain: 1, safe: number, finalized })).unwrap();
        journal.heads().unwrap();
        let before = journal.final_input(1).unwrap().unwrap();
        journal.prune_undo(None, before).unwrap();
    }
}

/// Returns the processor time that this thread has used: what others do on the machine, and the disk, count for nothing.
/// Where the system does not say under `/proc`, that is the time on the clock.
fn used(since: Instant) -> Duration {
    let ticks = || {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").ok()?;
        let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
        let in_user: u64 = fields.nth(11)?.parse().ok()?;
        Some(in_user + fields.next()?.parse::<u64>().ok()?)
    };
    // Linux counts in hundredths of a second for programs.
    ticks().map_or_else(|| since.elapsed(), |ticks| Duration::from_millis(10 * ticks))
}

/// What a block costs at each length of the journal, microseconds: a commit each, and eight in a commit.
fn costs(lengths: &[u64]) -> Vec<(u64, u64, u64)> {
    let disk = OnDisk::new();
    let mut journal = disk.open();
    let (mut number, mut costs) = (0, Vec::new());
    for length in lengths {
        while number < *length {
            take(&mut journal, number);
            number += 1;
            if number.is_multiple_of(512) {
                journal.commit().unwrap();
            }
        }
        journal.commit().unwrap();
        let mut timed = |blocks: u64, each: u64| {
            let started = Instant::now();
            let before = used(started);
            for _ in 0..blocks {
                take(&mut journal, number);
                number += 1;
                if number.is_multiple_of(each) {
                    journal.commit().unwrap();
                }
            }
            (used(started).saturating_sub(before) / blocks as u32).as_micros() as u64
        };
        costs.push((*length, timed(1_024, 1), timed(4_096, 8)));
    }
    costs
}

#[test]
fn a_long_journal_costs_what_a_short_one_does() {
    let costs = costs(&[1_000, 15_000]);
    let [(_, _, short), (_, _, long)] = costs[..] else { panic!("two lengths") };
    assert!(short > 0, "it costs something: {costs:?}");
    // Fifteen times the length: this sees what grows with it and nothing less.
    assert!(long < 4 * short, "{costs:?}");
}

/// `cargo nextest run -p watchfire --run-ignored only what_a_block_costs --no-capture`
#[test]
#[ignore = "takes minutes"]
fn what_a_block_costs_by_length_of_the_journal() {
    for (length, alone, shared) in costs(&[1_000, 25_000, 50_000, 100_000, 200_000]) {
        println!("{length:>8} blocks: {alone:>6} µs with a commit each, {shared:>6} µs with eight in a commit");
    }
}

/// `cargo nextest run -p watchfire --run-ignored only how_long_a_step --no-capture`
#[test]
#[ignore = "takes minutes"]
fn how_long_a_step_of_dropping_takes() {
    let disk = OnDisk::new();
    let mut journal = disk.open();
    for number in 0..2_000 {
        journal.append(&input(number, committed(block(1, number, 300)))).unwrap();
        if number.is_multiple_of(16) {
            journal.commit().unwrap();
        }
    }
    journal.append(&input(2_000, Event::Thinned { before: 2_000 })).unwrap();
    journal.commit().unwrap();
    let bytes = journal.droppable_before(2_000).unwrap().1;
    let mut steps = Vec::new();
    loop {
        let started = Instant::now();
        let more = journal.drop_bodies(64).unwrap();
        journal.commit().unwrap();
        steps.push(started.elapsed());
        if !more {
            break;
        }
    }
    steps.sort();
    let (median, longest) = (steps[steps.len() / 2], steps[steps.len() - 1]);
    println!(
        "{} steps over bodies of {} KB each: median {median:?}, longest {longest:?}",
        steps.len(),
        bytes / 2_000_000
    );
}
