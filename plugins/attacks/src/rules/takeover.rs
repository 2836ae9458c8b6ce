//! A contract that is initialised, or given to another owner, and then pays.

use watchfire_sdk::flow::Transaction;
use watchfire_sdk::flow::selectors::{INITIALIZE, WALLET};
use watchfire_sdk::prelude::*;

use crate::claim::{Claim, hex};
use crate::config::Rules;

pub(super) fn look(tx: &Transaction<'_>, rules: &Rules, claims: &mut Vec<Claim>) {
    let parties = &tx.parties;
    for call in &tx.calls {
        let takes = call.changes()
            && call.is(INITIALIZE)
            && parties.is_actor(call.sender)
            && !parties.is_actor(call.target)
            && !parties.is_made(call.target);
        if !takes || rules.ignores(tx, call.target) {
            continue;
        }
        let pays = |it: &watchfire_sdk::flow::Transfer| {
            it.at > call.end && it.from == call.target && parties.is_ours(it.to) && !it.amount.is_zero()
        };
        if tx.transfers.iter().any(pays) {
            let what = format!("calls {} of it, and it then pays", hex(call.selector));
            claims.push(Claim::new("takeover-drain", Severity::Critical, call.target, what));
            return;
        }
        if tx.moved() >= 0.1 && tx.pure_gain() >= 0.1 && !tx.root().is(WALLET) && !rules.knows(tx) {
            let what = format!("calls {} of it, and money is kept in the same transaction", hex(call.selector));
            claims.push(Claim::new("takeover-gain", Severity::High, call.target, what).confidence(70));
            return;
        }
    }
}
