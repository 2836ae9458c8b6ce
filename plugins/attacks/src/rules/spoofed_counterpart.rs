//! A contract that takes the attacker's for an asset or a vault.

use watchfire_sdk::flow::selectors::{
    APPROVE, ASSET, BALANCE_OF, CALLBACK, FLASH, MINT, NEUTRAL, PAIR_MINT, PAIR_SWAP, ROUTER, TOKEN,
};
use watchfire_sdk::flow::{Call, Party, Transaction};
use watchfire_sdk::prelude::*;

use crate::claim::{Claim, hex};
use crate::config::Rules;

pub(super) fn look(tx: &Transaction<'_>, rules: &Rules, claims: &mut Vec<Claim>) {
    let found = spoofed(tx, rules).map(|it| ("spoofed-counterpart", it));
    let found = found.or_else(|| by_name(tx, rules).map(|it| ("spoofed-counterpart", it)));
    let found = found.or_else(|| inert(tx, rules).map(|it| ("inert-counterpart", it)));
    let found = found.or_else(|| acting(tx, rules).map(|it| ("acting-asset", it)));
    if let Some((kind, (victim, what))) = found {
        let severity = if tx.has_money(1.0) { Severity::Critical } else { Severity::High };
        claims.push(Claim::new(kind, severity, victim, what));
    }
}

/// The outermost call by which an actor came to a contract that is not theirs, around a call.
fn outermost<'t, 'b>(tx: &'t Transaction<'b>, at: u32) -> Option<(u32, &'t Call<'b>)> {
    let by_actor = |call: &Call<'_>| {
        call.kind == FrameKind::Call && tx.parties.is_actor(call.sender) && !tx.parties.is_actor(call.target)
    };
    tx.around_at(at).filter(|(_, call)| by_actor(call)).last()
}

fn is_service(call: &Call<'_>) -> bool {
    call.is(ROUTER) || [PAIR_SWAP, PAIR_MINT].contains(&call.selector)
}

fn spoofed(tx: &Transaction<'_>, rules: &Rules) -> Option<(Party, String)> {
    let parties = &tx.parties;
    for (at, call) in (0u32..).zip(&tx.calls) {
        let asks = call.changes()
            && parties.is_actor(call.target)
            && call.target != tx.sender()
            && !parties.is_actor(call.sender)
            && call.is(ASSET)
            && !call.is(CALLBACK | NEUTRAL);
        if !asks || rules.ignores(tx, call.sender) {
            continue;
        }
        let Some((top_at, top)) = outermost(tx, at) else { continue };
        if is_service(top) {
            continue;
        }
        let gave = tx.transfers.iter().any(|it| {
            top_at <= it.at && parties.is_ours(it.to) && !parties.is_ours(it.from) && !parties.is_actor(it.token)
        });
        let minted = || {
            tx.calls[top_at as usize..top.end as usize].iter().any(|it| {
                it.kind == FrameKind::Call
                    && it.selector == MINT
                    && it.address(0).and_then(|to| parties.find(&to)).is_some_and(|to| parties.is_ours(to))
            })
        };
        if gave || minted() {
            let what = format!(
                "makes it call {} of {}, which is the attacker's, in {}",
                hex(call.selector),
                parties.address(call.target),
                hex(top.selector)
            );
            return Some((call.sender, what));
        }
    }
    None
}

/// A contract of the attacker's that did not make the call, or is named in it, is called there by a function that nothing is known of,
/// and what called it pays.
fn by_name(tx: &Transaction<'_>, rules: &Rules) -> Option<(Party, String)> {
    if rules.knows(tx) || tx.moved() < 0.1 || tx.pure_gain() < 0.1 {
        return None;
    }
    let parties = &tx.parties;
    for (at, call) in (0u32..).zip(&tx.calls) {
        let asks = call.changes()
            && call.has_selector()
            && call.classes == 0
            && parties.is_actor(call.target)
            && call.target != tx.sender()
            && !parties.is_actor(call.sender)
            && !parties.is_made(call.sender);
        if !asks || rules.ignores(tx, call.sender) {
            continue;
        }
        let Some((top_at, top)) = outermost(tx, at) else { continue };
        // Whoever is called back by what it calls may have agreed on that.
        let is_named = |position| top.address(position).and_then(|it| parties.find(&it)) == Some(call.target);
        let names = || top.sender != call.target || (0..16).any(is_named);
        let lends = || top.is(FLASH) || tx.is_loan(top_at) || tx.around_at(at).any(|(outer, _)| tx.is_loan(outer));
        let pays =
            |it: &watchfire_sdk::flow::Transfer| it.at > top_at && it.from == call.sender && parties.is_ours(it.to);
        if !is_service(top) && names() && !lends() && tx.transfers.iter().any(pays) {
            let what = format!(
                "makes it call {} of {}, which is the attacker's, in {}, and pays",
                hex(call.selector),
                parties.address(call.target),
                hex(top.selector)
            );
            return Some((call.sender, what));
        }
    }
    None
}

/// A contract that an actor names in a call, is asked there for what a vault is asked for, and does nothing; then its caller pays.
fn inert(tx: &Transaction<'_>, rules: &Rules) -> Option<(Party, String)> {
    let parties = &tx.parties;
    for (at, call) in (0u32..).zip(&tx.calls) {
        let asks = call.changes()
            && call.end == at + 1
            && call.output.is_empty()
            && call.is(ASSET)
            && !call.is(CALLBACK | NEUTRAL | TOKEN)
            && !parties.is_actor(call.target)
            && !parties.is_actor(call.sender)
            && !parties.is_token(call.target);
        if !asks || rules.ignores(tx, call.sender) {
            continue;
        }
        let Some((top_at, top)) = outermost(tx, at) else { continue };
        let named =
            (0..8).any(|position| top.address(position).as_ref().and_then(|it| parties.find(it)) == Some(call.target));
        let speaks = tx.logs.iter().any(|log| log.address() == parties.address(call.target));
        let moves = tx.transfers.iter().any(|it| [it.from, it.to, it.token].contains(&call.target));
        let paid =
            |it: &watchfire_sdk::flow::Transfer| it.at > top_at && it.from == call.sender && parties.is_ours(it.to);
        if top.target == call.sender && named && !is_service(top) && !speaks && !moves && tx.transfers.iter().any(paid)
        {
            let what = format!(
                "names {} in {}, which is asked for {} and does nothing, and is paid",
                parties.address(call.target),
                hex(top.selector),
                hex(call.selector)
            );
            return Some((call.sender, what));
        }
    }
    None
}

/// A token that, asked to approve or to say a balance, calls others and moves money.
fn acting(tx: &Transaction<'_>, rules: &Rules) -> Option<(Party, String)> {
    let parties = &tx.parties;
    for (at, call) in (0u32..).zip(&tx.calls) {
        let asks = call.kind == FrameKind::Call
            && call.success
            && [APPROVE, BALANCE_OF].contains(&call.selector)
            && call.end > at + 1
            && !parties.is_actor(call.sender);
        if !asks || rules.ignores(tx, call.sender) {
            continue;
        }
        let moved = tx.transfers.iter().filter(|it| at < it.at && it.at < call.end && it.token != call.target);
        let floors: f64 = moved.filter_map(|it| tx.floors(it.token, it.amount)).sum();
        if floors >= 1.0 {
            let what = format!(
                "makes it call {} of {}, which then moves money",
                hex(call.selector),
                parties.address(call.target)
            );
            return Some((call.sender, what));
        }
    }
    None
}
