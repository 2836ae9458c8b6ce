//! A contract that is made to use what it may for whoever calls it: by calldata that it passes on, by code that it borrows, by a
//! callback that nobody owes it.

use hashbrown::{HashMap, HashSet};
use memchr::memmem;
use watchfire_sdk::flow::selectors::{APPROVE, CALLBACK, HOOK, NEUTRAL, PERMIT, TRANSFER_FROM, WALLET};
use watchfire_sdk::flow::{Call, Party, Transaction, ZERO};
use watchfire_sdk::prelude::*;

use crate::claim::{Claim, hex};
use crate::config::Rules;

/// Callbacks that token standards and wallets make on anybody: none of a pool or a lender.
const NOT_OF_POOLS: [u32; 3] = [0xc0ee0b8a, 0x88a7ca5c, 0x1626ba7e];

pub(super) fn look(tx: &Transaction<'_>, rules: &Rules, claims: &mut Vec<Claim>) {
    let severity = || if tx.has_money(1.0) { Severity::Critical } else { Severity::High };
    let found = dictated(tx, rules).map(|it| ("dictated-call", it));
    let found = found.or_else(|| forged_callback(tx, rules).map(|it| ("forged-callback", it)));
    let found = found.or_else(|| foreign_code(tx, rules).map(|it| ("foreign-code", it)));
    if let Some((kind, (victim, what))) = found {
        claims.push(Claim::new(kind, severity(), victim, what));
    }
}

/// A contract is given calldata by an actor and passes it on as it is: it moves to actors what somebody else approved to it, or approves
/// an actor who then takes what it has.
fn dictated(tx: &Transaction<'_>, rules: &Rules) -> Option<(Party, String)> {
    let parties = &tx.parties;
    let candidate = |call: &Call<'_>| {
        call.changes() && [TRANSFER_FROM, APPROVE].contains(&call.selector) && call.agrees() && call.input.len() >= 68
    };
    if !tx.calls.iter().any(candidate) {
        return None;
    }
    let moves = Moves::of(tx);
    for (at, call) in (0u32..).zip(&tx.calls).filter(|(_, call)| candidate(call)) {
        let passes_on = call.sender;
        if call.depth == 0 || parties.is_made(passes_on) || rules.ignores(tx, passes_on) {
            continue;
        }
        let takes = match call.selector {
            TRANSFER_FROM => moves.pulls(tx, call),
            _ => !parties.is_actor(passes_on) && moves.pulls_after(tx, at, call),
        };
        if !takes {
            continue;
        }
        // Whoever acts for the sender alone is asked by the sender; a wallet does what its owner signed.
        let asks = |outer: &Call<'_>| {
            outer.kind == FrameKind::Call
                && parties.is_actor(outer.sender)
                && outer.context == passes_on
                && !outer.is(WALLET)
                && contains(outer.input, call.input)
        };
        if let Some(outer) = tx.around(at).find(|outer| asks(outer)) {
            let what = format!(
                "gives it {} as calldata in {}, and it passes that on with what it may",
                hex(call.selector),
                hex(outer.selector)
            );
            return Some((passes_on, what));
        }
    }
    None
}

/// What the calls and transfers of a transaction say of approvals. Gathered once: who pays for the gas chooses how many there are.
struct Moves {
    /// Who gets something.
    takers: HashSet<Party>,
    /// Who permits something by a signature.
    permit: HashSet<Party>,
    /// Last call by which an actor moves tokens to actors: by spender, token and owner.
    last_pull: HashMap<(Party, Party, Party), u32>,
}

impl Moves {
    fn of(tx: &Transaction<'_>) -> Self {
        let parties = &tx.parties;
        let party = |call: &Call<'_>, position| call.address(position).and_then(|it| parties.find(&it));
        let takers = tx.transfers.iter().map(|it| it.to).collect();
        let permit = tx.calls.iter().filter(|it| it.selector == PERMIT).filter_map(|it| party(it, 0)).collect();
        let mut last_pull = HashMap::new();
        for (at, call) in (0u32..).zip(&tx.calls) {
            if call.changes()
                && call.selector == TRANSFER_FROM
                && let (Some(owner), Some(to)) = (party(call, 0), party(call, 1))
                && parties.is_ours(to)
            {
                last_pull.insert((call.sender, call.target, owner), at);
            }
        }
        Self { takers, permit, last_pull }
    }

    /// Whether tokens of an account that takes no part, and did not permit it in this transaction, go to actors.
    fn pulls(&self, tx: &Transaction<'_>, call: &Call<'_>) -> bool {
        let parties = &tx.parties;
        let party = |position: usize| call.address(position).and_then(|it| parties.find(&it));
        let (Some(victim), Some(to)) = (party(0), party(1)) else { return false };
        call.amount(2).is_some_and(|amount| !amount.is_zero())
            && victim != ZERO
            && victim != call.sender
            && to != call.sender
            && parties.is_ours(to)
            && !parties.is_actor(victim)
            && !parties.runs_code(victim)
            && !self.takers.contains(&victim)
            && !self.permit.contains(&victim)
    }

    /// Whether whoever is approved is an actor, and takes tokens of the approver's afterwards.
    fn pulls_after(&self, tx: &Transaction<'_>, at: u32, approval: &Call<'_>) -> bool {
        let Some(spender) = approval.address(0).and_then(|it| tx.parties.find(&it)) else { return false };
        let pull = self.last_pull.get(&(spender, approval.target, approval.sender));
        tx.parties.is_actor(spender) && pull.is_some_and(|last| *last > at)
    }
}

/// Whether some bytes stand in the arguments of a call, at whatever place.
fn contains(outer: &[u8], inner: &[u8]) -> bool {
    outer.get(4..).is_some_and(|arguments| memmem::find(arguments, inner).is_some())
}

/// An actor calls, as a pool or a lender would, a contract that asked for nothing, and that pays.
fn forged_callback(tx: &Transaction<'_>, rules: &Rules) -> Option<(Party, String)> {
    let parties = &tx.parties;
    for (at, call) in (0u32..).zip(&tx.calls) {
        let forges = call.changes()
            && call.is(CALLBACK)
            && !call.is(HOOK | NEUTRAL)
            && !NOT_OF_POOLS.contains(&call.selector)
            && parties.is_actor(call.sender)
            && !parties.is_actor(call.target)
            && !parties.is_made(call.target);
        if !forges || rules.ignores(tx, call.target) {
            continue;
        }
        // A lender has handed something out before it calls back, and whoever asked for it is on the stack.
        let was_given = tx.transfers.iter().any(|it| it.at < at && it.to == call.target);
        let asked = tx.around(at).any(|outer| outer.context == call.target || outer.sender == call.target);
        let pays = |it: &watchfire_sdk::flow::Transfer| {
            at < it.at && it.at < call.end && parties.is_ours(it.to) && !parties.is_ours(it.from) && it.from != ZERO
        };
        if !was_given && !asked && tx.transfers.iter().any(pays) {
            let what =
                format!("calls {} of it as a pool would, which it did not ask for, and is paid", hex(call.selector));
            return Some((call.target, what));
        }
    }
    None
}

/// A contract runs code of the attacker's on its own storage, and there is money in it.
fn foreign_code(tx: &Transaction<'_>, rules: &Rules) -> Option<(Party, String)> {
    let parties = &tx.parties;
    if !tx.calls.iter().any(|call| call.delegates() && call.success && parties.is_actor(call.target)) {
        return None;
    }
    let payers: HashSet<Party> =
        tx.transfers.iter().filter(|it| parties.is_ours(it.to) && !it.amount.is_zero()).map(|it| it.from).collect();
    for call in tx.calls.iter().filter(|call| call.delegates() && call.success) {
        let victim = call.context;
        let borrows = parties.is_actor(call.target)
            && call.target != victim
            && !parties.is_actor(victim)
            && !parties.is_made(victim)
            && payers.contains(&victim);
        if borrows && !rules.ignores(tx, victim) && tx.has_money(0.1) {
            let what = format!(
                "makes it run {} of {}, which is the attacker's, as its own",
                hex(call.selector),
                parties.address(call.target)
            );
            return Some((victim, what));
        }
    }
    None
}
