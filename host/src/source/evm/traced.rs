//! Which transaction each trace is of.

use alloy::primitives::B256;

use super::refusal::{Check, Refusal, same};
use crate::block::Transactions;

/// Returns the transaction of each trace. By its hash if it names one, by its place otherwise. Traces come in the order
/// of the transactions; only one that used no gas (a system's own, which nobody signed) may have none.
pub(super) fn assign(
    check: Check,
    what: &str,
    stated: &[Option<B256>],
    transactions: &Transactions,
) -> Result<Vec<usize>, Refusal> {
    let count = transactions.len();
    let may_lack = |index: usize| transactions.gas_used.get(index) == Some(&0);
    let number = || format!("{what} of another number of transactions");
    if stated.len() > count {
        return Err(Refusal::new(check, number(), count, stated.len()));
    }
    let mut left_out = count - stated.len();
    let mut next = 0;
    let mut places = Vec::with_capacity(stated.len());
    for stated in stated {
        let is_it = |index: usize| stated.is_none_or(|hash| transactions.hash.get(index) == &hash.0);
        while left_out > 0 && next < count && may_lack(next) && (stated.is_none() || !is_it(next)) {
            left_out -= 1;
            next += 1;
        }
        if next >= count {
            return Err(Refusal::new(check, number(), count, places.len()));
        }
        if !is_it(next) {
            let expected = B256::from(*transactions.hash.get(next));
            let other = || format!("{what} of another transaction at place {next}");
            same(check, other, expected, stated.unwrap_or(expected))?;
        }
        places.push(next);
        next += 1;
    }
    if (next..count).all(may_lack) { Ok(places) } else { Err(Refusal::new(check, number(), count, stated.len())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(gas: &[u64], stated: &[Option<u8>], expected: Option<&[usize]>) {
        let mut transactions = Transactions::default();
        for (hash, gas) in (0..).zip(gas) {
            transactions.hash.push(&B256::repeat_byte(hash).0);
            transactions.gas_used.push(*gas);
        }
        let stated: Vec<Option<B256>> = stated.iter().map(|hash| hash.map(B256::repeat_byte)).collect();
        let came = assign(Check::Traces, "traces", &stated, &transactions);
        assert_eq!(came.ok().as_deref(), expected, "{gas:?} {stated:?}");
    }

    #[test]
    fn only_a_system_transaction_may_have_no_trace() {
        check(&[5, 0], &[Some(0), Some(1)], Some(&[0, 1]));
        check(&[5, 0], &[Some(0)], Some(&[0]));
        check(&[0, 5], &[Some(1)], Some(&[1]));
        check(&[0, 5, 0], &[None], Some(&[1]));
        check(&[0, 5, 0], &[None, None, None], Some(&[0, 1, 2]));
        check(&[5, 5], &[Some(0)], None);
        check(&[5, 5], &[Some(1), Some(0)], None);
        check(&[5], &[Some(0), Some(1)], None);
        check(&[5], &[Some(7)], None);
        check(&[], &[], Some(&[]));
    }
}
