//! A large share of what a contract holds leaves it at once.

use hashbrown::HashMap;
use watchfire_sdk::flow::{NATIVE, Party, Transaction, ZERO, signed, to_f64};
use watchfire_sdk::prelude::*;

use crate::claim::Claim;
use crate::config::Rules;

sol! {
    function balanceOf(address account) external view returns (uint256 balance);
}

/// Reads for one transaction: the host counts them for the whole batch.
const READS_AT_MOST: usize = 3;

pub(super) fn look(tx: &Transaction<'_>, rules: &Rules, claims: &mut Vec<Claim>) {
    // Who gave shares or another kind of money for it has withdrawn or traded.
    if tx.moved() < rules.share_floors || tx.pure_gain() < 0.5 * rules.share_floors || rules.knows(tx) {
        return;
    }
    let mut lost: Vec<(f64, Party, Party, U256)> = Vec::new();
    let mut paid: HashMap<Party, f64> = HashMap::new();
    for moved in tx.transfers.iter().filter(|it| tx.parties.is_ours(it.to)) {
        *paid.entry(moved.from).or_default() += tx.floors(moved.token, moved.amount).unwrap_or_default();
    }
    let balances = tx.balances();
    let is_paid = |party: Party| balances.iter().any(|(key, sum)| key.0 == party && !sum.is_zero() && !sum.bit(255));
    for (&(party, token), &sum) in &balances {
        let counts = sum.bit(255) && party != ZERO && !tx.parties.is_ours(party) && tx.parties.runs_code(party);
        let Some(floors) = counts.then(|| tx.floors(token, sum.wrapping_neg())).flatten() else { continue };
        let to_actors = paid.get(&party).copied().unwrap_or_default();
        if floors >= rules.share_floors && to_actors >= 0.5 * floors && !is_paid(party) && !rules.ignores(tx, party) {
            lost.push((floors, party, token, sum.wrapping_neg()));
        }
    }
    lost.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
    for (_, party, token, out) in lost.into_iter().take(READS_AT_MOST) {
        let holder = tx.parties.address(party);
        let left = match token {
            NATIVE => chain::balance(holder),
            token => chain::call(tx.parties.address(token), &balanceOfCall { account: holder }),
        };
        // Without `chain`, and where the node has no answer, nothing is known.
        let Ok(left) = left else { return };
        let (out, left) = (signed(out), to_f64(left));
        let share = out / (out + left);
        if share >= rules.share {
            let severity = if share >= 0.8 { Severity::Critical } else { Severity::High };
            let what = format!("takes {:.0} % of what it held of an asset", share * 100.0);
            claims.push(
                Claim::new("balance-drain", severity, party, what).confidence(70).with("share", format!("{share:.3}")),
            );
            return;
        }
    }
}
