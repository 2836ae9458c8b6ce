//! A pair that holds less than its rule allows.

use hashbrown::{HashMap, HashSet};
use watchfire_sdk::flow::selectors::{GET_RESERVES, PAIR_BURN, PAIR_SWAP, SKIM, SYNC};
use watchfire_sdk::flow::{Party, Transaction, to_f64};
use watchfire_sdk::prelude::*;

use crate::claim::{Claim, hex};
use crate::config::Rules;

/// First topic of `Sync(uint112,uint112)`.
pub(crate) const SYNC_EVENT: B256 = b256!("0x1c411e9a96e071241c2f21f7726b17ae89e3cab4c78be50e062b03a9fffbbad1");
/// First topic of a pair's `Burn`.
pub(crate) const BURN_EVENT: B256 = b256!("0xdccd412f0b1252819cb1fd330b93224ca42612892bb3f4f789976e6d81936496");

pub(super) fn look(tx: &Transaction<'_>, rules: &Rules, claims: &mut Vec<Claim>) {
    if let Some((pair, times)) = fell_by_answers(tx, rules).or_else(|| fell_by_events(tx, rules)) {
        let what =
            format!("leaves {:.1} % of the product of its reserves, and nobody withdrew liquidity", times * 100.0);
        claims.push(Claim::new("reserves-fell", Severity::High, pair, what));
    }
    if let Some((pair, selector)) = skim_then_swap(tx) {
        let what = format!("calls {} of it, and keeps money", hex(selector));
        claims.push(Claim::new("skim-sync", Severity::High, pair, what));
    }
}

/// The product of the reserves, as `getReserves` answers in turn.
fn fell_by_answers(tx: &Transaction<'_>, rules: &Rules) -> Option<(Party, f64)> {
    let mut last: HashMap<Party, (u32, f64)> = HashMap::new();
    for (at, call) in (0u32..).zip(&tx.calls) {
        if call.selector != GET_RESERVES || call.input.len() != 4 || call.output.len() < 96 {
            continue;
        }
        let word = |position: usize| to_f64(U256::from_be_slice(&call.output[position * 32..position * 32 + 32]));
        let product = word(0) * word(1);
        let before = last.insert(call.target, (at, product));
        let Some((since, before)) = before else { continue };
        if before > 0.0 && product > 0.0 && product < rules.reserves_left * before {
            let burns =
                |it: &watchfire_sdk::flow::Call<'_>| it.target == call.target && it.selector == PAIR_BURN && it.success;
            if !tx.calls[since as usize + 1..at as usize].iter().any(burns) && !rules.ignores(tx, call.target) {
                return Some((call.target, product / before));
            }
        }
    }
    None
}

/// The same by `Sync` events; a `Burn` between two of them excuses.
fn fell_by_events(tx: &Transaction<'_>, rules: &Rules) -> Option<(Party, f64)> {
    let mut last: HashMap<Address, f64> = HashMap::new();
    let mut burnt: HashSet<Address> = HashSet::new();
    for log in &tx.logs {
        let topic = log.topic_or_zero(0);
        if topic == BURN_EVENT {
            burnt.insert(log.address());
        }
        if topic != SYNC_EVENT || log.data().len() < 64 {
            continue;
        }
        let word = |position: usize| to_f64(U256::from_be_slice(&log.data()[position * 32..position * 32 + 32]));
        let product = word(0) * word(1);
        let excused = burnt.remove(&log.address());
        let Some(before) = last.insert(log.address(), product) else { continue };
        if before > 0.0 && product < rules.reserves_left * before && !excused {
            let pair = tx.parties.find(&log.address().into_array()).unwrap_or_default();
            if !rules.ignores(tx, pair) {
                return Some((pair, product / before));
            }
        }
    }
    None
}

/// Who skims or syncs a pair and keeps money, or then swaps with it and is paid by it.
fn skim_then_swap(tx: &Transaction<'_>) -> Option<(Party, u32)> {
    for (at, call) in (0u32..).zip(&tx.calls) {
        if !call.changes() || ![SKIM, SYNC].contains(&call.selector) || call.input.len() > 36 {
            continue;
        }
        let pair = call.target;
        let later = &tx.calls[call.end as usize..];
        let swaps = later.iter().any(|it| it.target == pair && it.selector == PAIR_SWAP && it.success);
        let pays = |it: &watchfire_sdk::flow::Transfer| it.at > at && it.from == pair && tx.parties.is_ours(it.to);
        let keeps = tx.parties.is_actor(call.sender) && tx.moved() >= 0.03 && tx.pure_gain() >= 0.03;
        if keeps || swaps && tx.gain() >= 0.1 && tx.transfers.iter().any(pays) {
            return Some((pair, call.selector));
        }
    }
    None
}
