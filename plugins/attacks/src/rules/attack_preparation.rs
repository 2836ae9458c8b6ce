//! What comes before an attack: approvals in stock, a victim's name in new code, money that comes from nowhere.

use watchfire_sdk::flow::selectors::APPROVE;
use watchfire_sdk::flow::{Call, NATIVE, Transaction};
use watchfire_sdk::prelude::*;

use crate::claim::Claim;
use crate::config::Rules;

pub(super) fn look(tx: &Transaction<'_>, rules: &Rules, claims: &mut Vec<Claim>) {
    let payout = tx
        .transfers
        .iter()
        .find(|it| it.token == NATIVE && rules.is_mixer(tx, it.from) && !tx.parties.runs_code(it.to));
    if let Some(payout) = payout {
        let what = format!("pays {} from a mixer", tx.parties.address(payout.to));
        let payee = tx.parties.address(payout.to);
        claims.push(Claim::new("mixer-payout", Severity::Low, payout.to, what).with("prepares", payee));
    }
    for (at, call) in (0u32..).zip(&tx.calls).filter(|(_, call)| call.creates()) {
        let named =
            rules.protect.iter().find(|protected| names(call.output, protected) || names(call.input, protected));
        if let Some(protected) = named {
            let what = format!("makes a contract whose code names {protected}");
            claims
                .push(Claim::new("names-protected", Severity::Medium, call.target, what).with("protected", protected));
        }
        let unlimited = |it: &&Call<'_>| {
            it.changes() && it.selector == APPROVE && it.amount(1).is_some_and(|it| it.bit_len() > 128)
        };
        let mut pairs: Vec<_> = tx.within(at).iter().filter(unlimited).map(|it| (it.target, it.address(0))).collect();
        pairs.sort_unstable();
        pairs.dedup();
        let does_else =
            tx.within(at).iter().any(|it| it.depth == call.depth + 1 && it.changes() && it.selector != APPROVE);
        if pairs.len() >= 3 && !does_else {
            let what = format!("makes a contract that approves {} spenders without limit", pairs.len());
            claims.push(Claim::new("unlimited-approvals", Severity::Medium, call.target, what).confidence(60));
            return;
        }
    }
}

fn names(code: &[u8], address: &Address) -> bool {
    code.windows(20).any(|window| window == address.as_slice())
}
