//! A contract that is entered again while a call of it is under way.

use watchfire_sdk::flow::selectors::{
    CALLBACK, DEPOSIT, FLASH, GET_RESERVES, HOOK, PAIR_BURN, PAIR_MINT, PAIR_SWAP, POOL_SWAP, ROUTER,
    SUPPORTS_INTERFACE, SYNC, TOKEN, WITHDRAW,
};
use watchfire_sdk::flow::{Call, Party, Transaction, to_f64};
use watchfire_sdk::prelude::*;

use crate::claim::{Claim, hex};
use crate::config::Rules;

pub(super) fn look(tx: &Transaction<'_>, rules: &Rules, claims: &mut Vec<Claim>) {
    let worth = |victim: Party, what: String, kind| {
        let severity = if tx.has_money(1.0) { Severity::Critical } else { Severity::High };
        Claim::new(kind, severity, victim, what)
    };
    if let Some((victim, what)) = reentered(tx, rules).or_else(|| reentered_through_another(tx, rules)) {
        claims.push(worth(victim, what, "reentered"));
    }
    if let Some((victim, what)) = read_while_entered(tx, rules) {
        claims.push(worth(victim, what, "read-only-reentered"));
    }
    if let Some((victim, what)) = loan_as_deposit(tx) {
        claims.push(worth(victim, what, "loan-as-deposit"));
    }
}

/// The call by which the actor that makes call `at` came to run, below the frame of `victim`.
fn control<'t, 'b>(tx: &'t Transaction<'b>, at: u32, victim: Party) -> Option<&'t Call<'b>> {
    let mut found = None;
    for call in tx.around(at) {
        if call.context == victim && !call.is_static {
            break;
        }
        if call.kind == FrameKind::Call && tx.parties.is_actor(call.context) && !tx.parties.is_actor(call.sender) {
            found = Some(call);
        }
    }
    found
}

/// Loans, swaps and hubs call back by design; coins, hooks of token standards and functions of assets do not.
fn is_by_design(call: Option<&Call<'_>>) -> bool {
    call.is_some_and(|call| call.is(CALLBACK) && !call.is(HOOK))
}

fn reentered(tx: &Transaction<'_>, rules: &Rules) -> Option<(Party, String)> {
    let parties = &tx.parties;
    for (at, call) in (0u32..).zip(&tx.calls) {
        if !call.changes() || !parties.is_actor(call.sender) || parties.is_actor(call.target) {
            continue;
        }
        let victim = call.target;
        let is_plain = !call.has_selector();
        if is_plain && (call.value.is_zero() || tx.is_wrapped(victim)) {
            continue;
        }
        if call.is(TOKEN) || !is_plain && [DEPOSIT, WITHDRAW].contains(&call.selector) || rules.ignores(tx, victim) {
            continue;
        }
        let Some((outer, _)) = tx.around_at(at).find(|(_, it)| it.context == victim && !it.is_static) else { continue };
        let entry_at = tx.entry_at(outer);
        let entry = &tx.calls[entry_at as usize];
        if entry.is(FLASH | TOKEN | ROUTER) || tx.is_loan(entry_at) {
            continue;
        }
        let came = control(tx, at, victim);
        if is_by_design(came) {
            continue;
        }
        if is_plain {
            let handed = came.is_some_and(|came| {
                came.input.is_empty() && came.sender == victim && to_f64(call.value) >= 0.3 * to_f64(came.value)
            });
            if !handed || entry.selector == WITHDRAW {
                continue;
            }
        }
        let by = came.map_or_else(String::new, |came| format!(" by {}", hex(came.selector)));
        let what =
            format!("enters it by {} and, called back{by}, by {} again", hex(entry.selector), hex(call.selector));
        return Some((victim, what));
    }
    None
}

/// The victim's frame, a contract that it did not have to know, the victim again by the same function.
fn reentered_through_another(tx: &Transaction<'_>, rules: &Rules) -> Option<(Party, String)> {
    let parties = &tx.parties;
    let harmless = [DEPOSIT, WITHDRAW, SYNC, PAIR_SWAP, PAIR_MINT, PAIR_BURN, GET_RESERVES];
    for (at, call) in (0u32..).zip(&tx.calls) {
        let (victim, through) = (call.target, call.sender);
        let passes = call.changes()
            && call.has_selector()
            && !parties.is_actor(victim)
            && !call.is(TOKEN | CALLBACK | ROUTER)
            && !harmless.contains(&call.selector)
            && through != victim
            && !parties.is_token(victim)
            && !rules.ignores(tx, victim);
        if !passes {
            continue;
        }
        for (outer, it) in tx.around_at(at) {
            if it.context != victim || it.is_static {
                continue;
            }
            let entry = &tx.calls[tx.entry_at(outer) as usize];
            if entry.is(FLASH | TOKEN | ROUTER) {
                break;
            }
            let came = tx.around(at).find(|it| it.target == through && it.sender != through);
            let by_token = came.is_some_and(|came| came.is(TOKEN | HOOK));
            if !by_token || entry.selector != call.selector || entry.sender == through {
                break;
            }
            let what = format!("enters it by {} and again through {}", hex(call.selector), parties.address(through));
            return Some((victim, what));
        }
    }
    None
}

fn read_while_entered(tx: &Transaction<'_>, rules: &Rules) -> Option<(Party, String)> {
    let parties = &tx.parties;
    for (at, call) in (0u32..).zip(&tx.calls) {
        if call.kind != FrameKind::StaticCall
            || parties.is_actor(call.sender)
            || parties.is_actor(call.target)
            || !call.has_selector()
            || call.is(TOKEN)
            || call.selector == SUPPORTS_INTERFACE
        {
            continue;
        }
        let victim = call.target;
        let mut actor: Option<(u32, &Call<'_>)> = None;
        for (outer, it) in tx.around_at(at) {
            if actor.is_none() && parties.is_actor(it.context) {
                actor = Some((outer, it));
            }
            let Some((actor_at, acting)) = actor else { continue };
            if it.context != victim || it.is_static || outer >= actor_at {
                continue;
            }
            let entry_at = tx.entry_at(outer);
            let entry = &tx.calls[entry_at as usize];
            if entry.is(FLASH | TOKEN) || tx.is_loan(entry_at) || rules.ignores(tx, victim) {
                break;
            }
            let came = control(tx, actor_at, victim).or((!parties.is_actor(acting.sender)).then_some(acting));
            if is_by_design(came) {
                break;
            }
            let what = format!(
                "is in the middle of {} of it while {} reads {} of it",
                hex(entry.selector),
                parties.address(call.sender),
                hex(call.selector)
            );
            return Some((victim, what));
        }
    }
    None
}

/// Who owes the victim a loan pays it back as a deposit, and takes that out afterwards.
fn loan_as_deposit(tx: &Transaction<'_>) -> Option<(Party, String)> {
    let parties = &tx.parties;
    for loan in tx.loans() {
        let taken = &tx.calls[loan.at as usize];
        let victim = taken.target;
        if [PAIR_SWAP, POOL_SWAP].contains(&taken.selector) {
            continue;
        }
        let asks = |call: &Call<'_>| call.changes() && parties.is_actor(call.sender) && call.target == victim;
        let moves = |at: u32, end: u32, gives: bool| {
            tx.transfers.iter().any(|it| {
                let party = if gives { it.from } else { it.to };
                at < it.at && it.at < end && it.token == loan.token && parties.is_actor(party)
            })
        };
        let all = || (0u32..).zip(&tx.calls);
        let pays = all().find(|&(at, call)| {
            loan.at < at
                && at < taken.end
                && asks(call)
                && call.has_selector()
                && !call.is(TOKEN)
                && moves(at, call.end, true)
        });
        let takes = all().find(|&(at, call)| at >= taken.end && asks(call) && moves(at, call.end, false));
        if let (Some((_, pays)), Some((_, takes))) = (pays, takes) {
            let what = format!(
                "borrows by {}, pays back by {} and takes it out by {}",
                hex(taken.selector),
                hex(pays.selector),
                hex(takes.selector)
            );
            return Some((victim, what));
        }
    }
    None
}
