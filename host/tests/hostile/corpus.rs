//! Every file of the corpus, beside two honest detectors.

use watchfire::plugin::{Detector, Limits, Runtime};

use crate::kit::{Trick, all_of, fits, limits, load, run, runtime, told};
use crate::measure::{cpu_ms, memory_now, memory_peak, reset_memory_peak};

/// Three failures, and one block after the quarantine began.
const BLOCKS: u64 = 4;

/// What no trick may cost, whatever it tries: the processor time of three batches, and the memory that its limits
/// allow with what the host copies of it.
const LONGEST_MS: u64 = 6_000;
const LARGEST_BYTES: u64 = 320 << 20;

fn honest(runtime: &Runtime, id: &str) -> Detector {
    load(runtime, id, &Trick::read("neighbour").component(), Limits::default()).unwrap()
}

/// Beside an honest detector that comes before it and one that comes after it, in the order of ids.
const NEIGHBOURS: [&str; 2] = ["a-neighbour", "z-neighbour"];

#[test]
fn each_trick_ends_as_it_should_and_harms_nobody_else() {
    let runtime = runtime();
    let alone = run(NEIGHBOURS.map(|id| honest(&runtime, id)).into(), BLOCKS);
    let alone = NEIGHBOURS.map(|id| all_of(&alone, id));
    assert!(alone[0][3].contains("batch 4"), "the neighbour does what it does: {:?}", alone[0]);
    let mut wrong = Vec::new();
    let tricks = Trick::all();
    println!("{:<32} {:>8} {:>9}  what came of it", "trick", "ms", "MiB");
    for trick in &tricks {
        let name = &trick.name;
        let bytes = trick.component();
        // What ends by itself has all the time it needs, however busy the machine is.
        let limits = if trick.expected.contains("longer than") {
            limits()
        } else {
            Limits { batch_deadline_ms: 20_000, start_deadline_ms: 20_000, ..limits() }
        };
        reset_memory_peak();
        let (before, started) = (memory_now(), cpu_ms());
        let (first, last) = match load(&runtime, "m-guest", &bytes, limits.clone()) {
            Err(error) => (format!("refused: {error}"), None),
            Ok(guest) => {
                let neighbours = NEIGHBOURS.map(|id| honest(&runtime, id));
                let rounds = run(neighbours.into_iter().chain([guest]).collect(), BLOCKS);
                for (id, alone) in NEIGHBOURS.iter().zip(&alone) {
                    assert_eq!(&all_of(&rounds, id), alone, "{id} beside {name}");
                }
                let mine = rounds.iter().filter_map(|outcomes| outcomes.iter().find(|o| o.detector == "m-guest"));
                let mine: Vec<_> = mine.collect();
                for outcome in &mine {
                    assert!(outcome.log.len() <= limits.log_lines_per_batch as usize + 1, "{name}");
                    assert!(outcome.log.iter().all(|line| line.message.len() <= limits.log_line_bytes + 3), "{name}");
                    assert!(outcome.reads.len() <= limits.chain_reads_per_batch as usize, "{name}");
                    assert!(outcome.state.len() <= limits.state_writes_per_batch as usize, "{name}");
                }
                (told(mine[0]), mine.last().map(|outcome| told(outcome)))
            }
        };
        let (took_ms, grown) = (cpu_ms() - started, memory_peak().saturating_sub(before));
        println!("{name:<32} {took_ms:>8} {:>9.1}  {first}", grown as f64 / f64::from(1 << 20));
        let mut expect = |holds: bool, what: String| {
            if !holds {
                wrong.push(format!("{name}: {what}"));
            }
        };
        expect(fits(&trick.expected, &first), format!("expected `{}`, came `{first}`", trick.expected));
        if let Some(expected) = &trick.at_last {
            let last = last.clone().unwrap_or_default();
            expect(fits(expected, &last), format!("expected `{expected}` at last, came `{last}`"));
        }
        let shown = format!("{first}{}", last.unwrap_or_default());
        let hidden = |c: char| c.is_control() || ('\u{200b}'..='\u{202e}').contains(&c);
        expect(!shown.contains(hidden), format!("it reaches the terminal: {shown:?}"));
        expect(first.len() < 2_000, format!("its message has {} bytes", first.len()));
        expect(took_ms <= LONGEST_MS, format!("it took {took_ms} ms of processor time"));
        expect(grown <= LARGEST_BYTES, format!("it took {grown} bytes of memory"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tricks.len() >= 40, "{} tricks", tricks.len());
}

#[test]
fn what_is_no_detector_is_refused_in_words() {
    let runtime = runtime();
    let check = |bytes: &[u8], limits: &Limits, expected: &str| {
        let told = runtime.compile(bytes, limits).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(told.contains(expected), "`{expected}` is not in `{told}`");
    };
    let limits = limits();
    check(b"#!/bin/sh", &limits, "it is no WebAssembly");
    check(b"", &limits, "it is no WebAssembly");
    check(&wat::parse_str("(module)").unwrap(), &limits, "it is a core module");
    check(&wat::parse_str("(component)").unwrap(), &limits, "does not export");
    let truncated = &Trick::read("neighbour").component();
    check(&truncated[..truncated.len() / 2], &limits, "it is no component");
}

#[test]
fn a_guest_that_keeps_failing_rests_and_is_not_called() {
    let runtime = runtime();
    let guest = load(&runtime, "guest", &Trick::read("trap").component(), limits()).unwrap();
    let rounds = run(vec![guest], 40);
    let outcomes = (1_u64..).zip(rounds.iter().map(|outcomes| &outcomes[0]));
    let called: Vec<(u64, Option<u64>)> = outcomes
        .filter(|(_, outcome)| !told(outcome).starts_with("quarantined"))
        .map(|(number, outcome)| (number, outcome.quarantined_for))
        .collect();
    assert_eq!(called, [(1, None), (2, None), (3, Some(8)), (12, Some(16)), (29, Some(32))]);
}
