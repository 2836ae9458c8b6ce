//! A token that counts wrongly: what is sent to oneself grows, what was never got is sold.

use hashbrown::HashSet;
use watchfire_sdk::flow::selectors::{ROUTER, SWAP, TOKEN, TRANSFER, TRANSFER_FROM, WALLET};
use watchfire_sdk::flow::{Call, NATIVE, Party, Transaction, ZERO, to_f64};
use watchfire_sdk::prelude::*;

use crate::claim::{Claim, hex};
use crate::config::Rules;

pub(super) fn look(tx: &Transaction<'_>, rules: &Rules, claims: &mut Vec<Claim>) {
    if rules.knows(tx) || tx.calls.len() < 3 || tx.moved() < 0.1 {
        return;
    }
    if let Some((token, what)) = to_oneself(tx)
        && !rules.ignores(tx, token)
    {
        claims.push(Claim::new("self-transfer", Severity::High, token, what).confidence(80));
    }
    if let Some((token, what)) = issued(tx)
        && !rules.ignores(tx, token)
    {
        claims.push(Claim::new("issued-gain", Severity::High, token, what).confidence(70));
    }
}

/// An actor sends itself a token that has no price, then gives it away and has money. What grew by that was never got, so that it looks
/// like a token that was spent.
fn to_oneself(tx: &Transaction<'_>) -> Option<(Party, String)> {
    let parties = &tx.parties;
    if tx.gain() < 0.1 {
        return None;
    }
    let sends = |call: &&Call<'_>| {
        let (from, to, amount) = match call.selector {
            TRANSFER => (Some(call.sender), call.address(0), call.amount(1)),
            TRANSFER_FROM => (call.address(0).and_then(|it| parties.find(&it)), call.address(1), call.amount(2)),
            _ => return false,
        };
        call.changes()
            && parties.is_actor(call.sender)
            && from.is_some_and(|from| parties.is_actor(from) && to.and_then(|it| parties.find(&it)) == Some(from))
            && amount.is_some_and(|amount| !amount.is_zero())
            && tx.asset(call.target).is_none()
            && !parties.is_made(call.target)
    };
    let (at, call) = (0u32..).zip(&tx.calls).find(|(_, call)| sends(call))?;
    let gives = |it: &watchfire_sdk::flow::Transfer| {
        it.at > at && it.token == call.target && parties.is_ours(it.from) && !parties.is_ours(it.to)
    };
    tx.transfers.iter().any(gives).then_some(())?;
    Some((call.target, "sends it to the account that it comes from, gives it away, and keeps money".to_owned()))
}

/// An actor calls a function of a token that is none of a token's, and sells what it never got.
fn issued(tx: &Transaction<'_>) -> Option<(Party, String)> {
    let parties = &tx.parties;
    if tx.pure_gain() < 0.1 || tx.root().is(WALLET) || !tx.has_own_contract() {
        return None;
    }
    let moved: HashSet<Party> = tx.transfers.iter().map(|it| it.token).filter(|&token| token != NATIVE).collect();
    for (at, call) in (0u32..).zip(&tx.calls) {
        let token = call.target;
        let asks = call.changes()
            && call.has_selector()
            && !call.is(TOKEN | SWAP | ROUTER)
            && parties.is_actor(call.sender)
            && !parties.is_actor(token)
            && !parties.is_made(token)
            && moved.contains(&token)
            && tx.asset(token).is_none();
        if !asks {
            continue;
        }
        let sum = |gives: bool| -> f64 {
            let counts = |it: &&watchfire_sdk::flow::Transfer| {
                let (ours, other) = if gives { (it.from, it.to) } else { (it.to, it.from) };
                it.token == token && parties.is_ours(ours) && !parties.is_ours(other) && other != ZERO
            };
            tx.transfers.iter().filter(counts).filter(|it| !gives || it.at > at).map(|it| to_f64(it.amount)).sum()
        };
        let (given, got) = (sum(true), sum(false));
        if given > 0.0 && got < 0.5 * given {
            return Some((
                token,
                format!("calls {} of it, sells what it never got, and keeps money", hex(call.selector)),
            ));
        }
    }
    None
}
