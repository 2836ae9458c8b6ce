//! Reads of the state before a block, by a real guest.

use watchfire::chain_read::ChainRead;
use watchfire::plugin::Limits;

use crate::kit::{Trick, block, limits, load, run, runtime, told};

#[test]
fn a_guest_reads_the_state_before_its_block_and_the_answer_is_noted_there() {
    let limits = Limits { batch_deadline_ms: 20_000, start_deadline_ms: 20_000, ..limits() };
    let guest = load(&runtime(), "guest", &Trick::read("chain-before").component(), limits).unwrap();
    let rounds = run(vec![guest], 3);
    assert!(rounds.iter().all(|round| told(&round[0]) == "ok: guest"), "{}", told(&rounds[0][0]));
    assert!(rounds[0][0].reads.is_empty(), "the block before the first is not known");
    for (round, before) in rounds[1..].iter().zip(1..) {
        let [(at, read, answer)] = round[0].reads.as_slice() else { panic!("{:?}", round[0].reads) };
        assert_eq!(*at, block(before).reference());
        assert!(matches!(read, ChainRead::Balance { .. }) && answer.is_ok(), "{read:?}: {answer:?}");
    }
}
