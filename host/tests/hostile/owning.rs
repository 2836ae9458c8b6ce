//! The same tricks where the batch is the guest's own: what it keeps is gone, what it gives back twice harms nobody.

use watchfire::plugin::Outcome;

use crate::kit::{Trick, limits, load, run, runtime, told};

/// A guest of the other world beside a neighbour; what came of each block of the guest, and of the neighbour.
fn beside_a_neighbour(trick: &Trick, blocks: u64) -> (Vec<Outcome>, Vec<String>) {
    let runtime = runtime();
    let neighbour = load(&runtime, "neighbour", &Trick::read("neighbour").component(), limits()).unwrap();
    let odd = load(&runtime, "odd", &trick.owning(), limits()).unwrap();
    let all = run(vec![odd, neighbour], blocks).into_iter().flatten();
    let (odd, neighbour): (Vec<Outcome>, Vec<Outcome>) = all.partition(|outcome| outcome.detector == "odd");
    (odd, neighbour.iter().map(told).collect())
}

/// A guest without a trick.
fn plain() -> Trick {
    Trick { name: "plain".to_owned(), expected: String::new(), at_last: None, text: String::new() }
}

#[test]
fn tricks_with_handles_end_with_their_guest() {
    let (well, calm) = beside_a_neighbour(&plain(), 3);
    assert_eq!(well.iter().map(told).collect::<Vec<_>>(), ["ok: guest"; 3]);
    for (name, expected) in [
        // Nobody asks for it back: it is gone when the call has ended.
        ("handle-kept", ["ok: guest"; 3]),
        ("handle-after-return", ["trap: unknown handle index 1"; 3]),
        ("handle-forged", ["trap: unknown handle index"; 3]),
        ("handle-after-batch", ["trap: unknown handle index 1"; 3]),
    ] {
        let (outcomes, neighbour) = beside_a_neighbour(&Trick::read(name), 3);
        let came: Vec<String> = outcomes.iter().map(told).collect();
        assert!(came.iter().zip(expected).all(|(came, expected)| came.starts_with(expected)), "{name}: {came:?}");
        assert_eq!(neighbour, calm, "{name}");
    }
}

#[test]
fn a_guest_that_never_gives_a_batch_back_starts_anew_now_and_then_and_misses_none() {
    let (outcomes, _) = beside_a_neighbour(&Trick::read("handle-kept"), 1_100);
    assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()), "no batch is lost");
    let again: Vec<usize> = (0..outcomes.len()).filter(|&at| outcomes[at].first_failure.is_some()).collect();
    assert_eq!(again.len(), 1, "{again:?}");
    assert!(told(&outcomes[again[0]]).contains("handle"), "{}", told(&outcomes[again[0]]));
}
