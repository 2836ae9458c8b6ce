//! Each limit, run into: a trick under a limit that is far too small for it.

use std::collections::BTreeSet;

use watchfire::failure_kind::FailureKind;
use watchfire::plugin::{Limits, Outcome};

use crate::kit::{Trick, limits, load, run, runtime, told};

/// What came of a trick's first batch, or why it was refused.
fn came(trick: &str, limits: Limits) -> Result<Outcome, String> {
    let runtime = runtime();
    let guest = load(&runtime, "guest", &Trick::read(trick).component(), limits).map_err(|error| error.to_string())?;
    Ok(run(vec![guest], 1).remove(0).remove(0))
}

fn refused(trick: &str, limits: Limits) -> String {
    came(trick, limits).map(|outcome| told(&outcome)).expect_err("it is refused")
}

fn ended(trick: &str, limits: Limits) -> String {
    told(&came(trick, limits).unwrap())
}

#[test]
fn each_limit_holds() {
    // Those are run into in `compiling.rs` and `late.rs`.
    let mut tried = BTreeSet::from(["compile_deadline_ms", "compile_memory_bytes", "batches_behind"]);
    let mut check = |key: &'static str, came: String, expected: &str| {
        tried.insert(key);
        assert!(came.contains(expected), "{key}: `{expected}` is not in `{came}`");
    };
    // What doesn't run into a deadline has all the time it needs, however busy the machine is.
    let base = || Limits { batch_deadline_ms: 20_000, start_deadline_ms: 20_000, ..limits() };
    check("component_bytes", refused("trap", Limits { component_bytes: 100, ..base() }), "may have 100");
    let low = Limits { memory_bytes: 1 << 20, ..base() };
    check("memory_bytes", ended("memory-hog", low), "`limits.memory_bytes` is 1048576");
    let low = Limits { table_elements: 2_000, ..base() };
    check("table_elements", ended("table-hog", low), "`limits.table_elements` is 2000");
    check("instances", refused("trap", Limits { instances: 1, ..base() }), "instance count too high");
    let low = Limits { stack_bytes: 64 << 10, ..base() };
    check("stack_bytes", ended("recursion", low), "stack: it recursed deeper than its stack of 65536 bytes");
    let low = Limits { batch_deadline_ms: 20, ..base() };
    check("batch_deadline_ms", ended("endless-loop", low), "deadline: it took longer than 20 ms");
    let low = Limits { start_deadline_ms: 20, ..base() };
    check("start_deadline_ms", refused("endless-start", low), "it took longer than 20 ms");
    let low = Limits { fuel_per_batch: Some(1_000_000), batch_deadline_ms: 60_000, ..base() };
    check("fuel_per_batch", ended("endless-loop", low), "fuel: it used up its 1000000 units of fuel");
    let low = Limits { fuel_per_start: Some(1_000_000), batch_deadline_ms: 200, ..base() };
    check(
        "fuel_per_start",
        refused("endless-start", low.clone()),
        "its 1000000 units of fuel, its `limits.fuel_per_start`",
    );
    check("fuel_per_start", ended("endless-loop", low), "deadline: it took longer than");
    let reads = came("chain-flood", Limits { chain_reads_per_batch: 3, ..base() }).unwrap().reads.len();
    check("chain_reads_per_batch", reads.to_string(), "3");
    // The question takes 20 bytes and the answer 32: the third answer is one too many, and nobody is asked a fourth time.
    let reads = came("chain-flood", Limits { chain_read_bytes: 150, ..base() }).unwrap().reads.len();
    check("chain_read_bytes", reads.to_string(), "3");
    let state = came("state-flood", Limits { state_bytes: 5_000, ..base() }).unwrap().state;
    let size: usize = state.iter().map(|change| change.key.len() + change.after.as_ref().unwrap().len()).sum();
    assert_eq!(size, 9 * 516, "what fits of entries of 516 bytes");
    check("state_bytes", size.to_string(), "4644");
    let state = came("state-flood", Limits { state_writes_per_batch: 7, ..base() }).unwrap().state;
    check("state_writes_per_batch", state.len().to_string(), "7");
    let state = came("state-flood", Limits { state_write_bytes_per_batch: 3 * 516, ..base() }).unwrap().state;
    check("state_write_bytes_per_batch", state.len().to_string(), "3");
    let low = Limits { findings_per_batch: 0, ..base() };
    check("findings_per_batch", ended("nan-payload", low), "findings: 1 findings on one batch, 0 are allowed");
    let low = Limits { finding_bytes: 10, ..base() };
    check("finding_bytes", ended("nan-payload", low), "bytes of text, 10 are allowed");
    let low = Limits { findings_bytes_per_batch: 10, ..base() };
    check("findings_bytes_per_batch", ended("nan-payload", low), "findings: findings of 29 bytes");
    let log = came("log-flood", Limits { log_lines_per_batch: 2, ..base() }).unwrap().log;
    assert_eq!(log.len(), 3, "two lines, and one that tells the rest");
    check("log_lines_per_batch", log[2].message.clone(), "99998 more lines were dropped");
    let log = came("log-flood", Limits { log_line_bytes: 3, ..base() }).unwrap().log;
    check("log_line_bytes", log[0].message.clone(), "gue…");

    let all = Limits::default().table();
    let missing: Vec<_> = all.iter().map(|limit| limit.key).filter(|key| !tried.contains(key)).collect();
    assert!(missing.is_empty(), "nobody runs into {missing:?}");
}

#[test]
fn a_larger_stack_goes_deeper() {
    // Each level writes a line, so the last line's count tells the depth.
    let depth = |stack_bytes| {
        let low = Limits { stack_bytes, log_lines_per_batch: 0, ..limits() };
        let outcome = came("recursion-through-the-host", low).unwrap();
        let line = &outcome.log[0].message;
        line.split(' ').next().unwrap().parse::<u64>().unwrap()
    };
    let (small, large, largest) = (depth(64 << 10), depth(512 << 10), depth(1 << 20));
    assert!(large > small * 6, "{small} levels in 64 KiB, {large} in 512 KiB");
    assert!(largest > large * 3 / 2, "{large} levels in 512 KiB, {largest} in 1 MiB");
}

#[test]
fn fuel_runs_out_at_the_same_place_each_time() {
    assert!(!FailureKind::Fuel.is_environmental(), "a replay runs into it itself");
    let fuel = |trick: &str, fuel| {
        let low = Limits { fuel_per_batch: Some(fuel), batch_deadline_ms: 60_000, ..limits() };
        came(trick, low).unwrap()
    };
    let lines = |outcome: &Outcome| outcome.log.last().map(|line| line.message.clone());
    let (one, two) = (fuel("log-flood", 50_000), fuel("log-flood", 50_000));
    assert_eq!(told(&one), "fuel: it used up its 50000 units of fuel, its `limits.fuel_per_batch`");
    assert_eq!(lines(&one), lines(&two));
    assert!(lines(&one).unwrap().contains("more lines were dropped"), "it got some way: {:?}", lines(&one));
    assert_eq!(told(&fuel("log-flood", 50_000_000)), "ok: guest", "and with enough of it, to its end");
}

#[test]
fn limits_that_cannot_be_are_refused_by_name() {
    let told = refused("trap", Limits { stack_bytes: 64 << 20, ..limits() });
    assert_eq!(told, "`limits.stack_bytes` can't be so: a stack has 16384 to 1048576 bytes");
}

#[test]
fn what_a_start_saw_of_another_state_does_not_stay() {
    let runtime = runtime();
    let mut guest = load(&runtime, "guest", &Trick::read("state-seen-in-start").component(), limits()).unwrap();
    guest.set_state([(b"guest".to_vec(), b"here".to_vec())].into());
    guest.get_ready();
    let told = told(&run(vec![guest], 1)[0][0]);
    assert!(told.contains("unreachable"), "it was started over the state that it has: {told}");
}
