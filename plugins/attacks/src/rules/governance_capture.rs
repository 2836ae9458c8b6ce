//! A vote or its execution, with money in the same transaction.

use watchfire_sdk::flow::Transaction;
use watchfire_sdk::flow::selectors::GOVERNANCE;
use watchfire_sdk::prelude::*;

use crate::claim::{Claim, hex};
use crate::config::Rules;

pub(super) fn look(tx: &Transaction<'_>, rules: &Rules, claims: &mut Vec<Claim>) {
    let parties = &tx.parties;
    let decides = |call: &&watchfire_sdk::flow::Call<'_>| {
        call.changes()
            && call.is(GOVERNANCE)
            && parties.is_actor(call.sender)
            && !parties.is_actor(call.target)
            && !parties.is_token(call.target)
    };
    let Some(call) = tx.calls.iter().find(decides) else { return };
    // What a decision pays to others is what people decide about.
    if tx.moved() >= 0.1 && tx.gain() >= 0.1 && !rules.ignores(tx, call.target) {
        let what = format!("decides by {} of it, and money is gained in the same transaction", hex(call.selector));
        claims.push(Claim::new("governed-gain", Severity::Critical, call.target, what));
    }
}
