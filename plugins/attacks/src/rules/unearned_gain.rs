//! Money that was gained and not earned.

use hashbrown::{HashMap, HashSet};
use watchfire_sdk::flow::selectors::{FLASH, LIQUIDATE, ROUTER, SWAP, TOKEN, WALLET};
use watchfire_sdk::flow::{Call, Party, Transaction};
use watchfire_sdk::prelude::*;

use crate::claim::{Claim, hex};
use crate::config::Rules;

pub(super) fn look(tx: &Transaction<'_>, rules: &Rules, claims: &mut Vec<Claim>) {
    if rules.knows(tx) {
        return;
    }
    let pure = if tx.moved() >= 0.03 { tx.pure_gain() } else { 0.0 };
    let own = own_liquidation(tx);
    let liquidates = || own.is_none() && tx.calls_out().iter().any(|&at| tx.calls[at as usize].is(LIQUIDATE));
    if pure >= 0.05 && !tx.loans().is_empty() {
        let lender = tx.calls[tx.loans()[0].at as usize].target;
        let what = |calls: usize| {
            format!("keeps money after a loan from {} and {calls} calls that matter", tx.parties.address(lender))
        };
        let asked = || tx.material().first().copied().or_else(|| of_token(tx));
        if let Some(at) = asked()
            && !liquidates()
        {
            let victim = tx.calls[at as usize].target;
            claims.push(Claim::new("flash-gain", Severity::High, victim, what(tx.material().len())).confidence(80));
        } else if pure >= rules.flash_floors && !liquidates() {
            let severity = if pure >= rules.flash_high_floors { Severity::High } else { Severity::Medium };
            claims.push(Claim::new("flash-large", severity, tx.sender(), what(0)).confidence(60));
        }
    }
    if pure >= 0.1
        && !liquidates()
        && let Some((lender, percent)) = margin(tx)
    {
        let what = format!("keeps {percent:.0} % of what it was lent by {}", tx.parties.address(lender));
        claims.push(Claim::new("flash-margin", Severity::High, lender, what).confidence(75));
    }
    if pure >= 0.1
        && let Some(at) = own
    {
        let call = &tx.calls[at as usize];
        let what = format!("liquidates a position of its own by {}, and keeps money", hex(call.selector));
        claims.push(Claim::new("own-liquidation", Severity::High, call.target, what).confidence(80));
    }
    if pure < 0.05
        && tx.mixed_gain() >= 1.0
        && !tx.loans().is_empty()
        && !liquidates()
        && let Some(&at) = tx.material().first()
    {
        let what = "gains more than it spends of another kind of money, by a loan and calls that matter".to_owned();
        claims.push(Claim::new("flash-gain", Severity::High, tx.calls[at as usize].target, what).confidence(60));
    }
    let makes = || tx.parties.all().any(|party| tx.parties.is_made(party) && tx.parties.is_actor(party));
    if (pure >= 0.03 || tx.has_money(1.0)) && makes() {
        let what = match pure >= 0.03 {
            true => "keeps money by contracts that it makes",
            false => "makes contracts, and others lose money and get nothing for it",
        };
        claims.push(Claim::new("born-gain", Severity::High, tx.sender(), what.to_owned()).confidence(75));
    }
    if let Some((victim, what)) = large(tx, rules)
        && !liquidates()
    {
        claims.push(Claim::new("large-gain", Severity::High, victim, what).confidence(60));
    }
    if let Some((victim, what)) = by_helpers(tx) {
        claims.push(Claim::new("helpers-gain", Severity::High, victim, what).confidence(70));
    }
    if let Some((victim, what)) = repeated(tx) {
        claims.push(Claim::new("repeated-gain", Severity::High, victim, what).confidence(80));
    }
    if let Some((victim, what)) = free(tx)
        && !liquidates()
    {
        claims.push(Claim::new("free-gain", Severity::High, victim, what).confidence(70));
    }
    if let Some((victim, what)) = swarm(tx) {
        claims.push(Claim::new("swarm", Severity::High, victim, what).confidence(75));
    }
}

/// A call by which an actor asks a token that has no price for what is none of a token's ordinary functions.
fn of_token(tx: &Transaction<'_>) -> Option<u32> {
    let asks = |call: &Call<'_>| {
        call.changes()
            && call.has_selector()
            && !call.is(TOKEN | SWAP | ROUTER | FLASH)
            && tx.parties.is_actor(call.sender)
            && tx.parties.is_token(call.target)
            && tx.asset(call.target).is_none()
            && !tx.parties.is_made(call.target)
    };
    (0u32..).zip(&tx.calls).find(|(at, call)| asks(call) && !tx.is_loan(*at)).map(|(at, _)| at)
}

/// A call by which an actor liquidates another contract of the actors'.
fn own_liquidation(tx: &Transaction<'_>) -> Option<u32> {
    let parties = &tx.parties;
    let is_own = |call: &Call<'_>| {
        (0..4).filter_map(|position| call.address(position)).filter_map(|it| parties.find(&it)).any(|party| {
            // The caller, the sender and the contract in front are where the proceeds of any liquidation go.
            parties.is_actor(party) && ![call.sender, tx.sender(), tx.root().target].contains(&party)
        })
    };
    let own = |call: &Call<'_>| call.changes() && call.is(LIQUIDATE) && parties.is_actor(call.sender) && is_own(call);
    tx.calls.iter().position(own).map(|at| at as u32)
}

/// Who lent most, where at least a twentieth of all that was lent is kept: what arbitrage earns is a small part of what it trades.
fn margin(tx: &Transaction<'_>) -> Option<(Party, f64)> {
    let lent = |loan: &watchfire_sdk::flow::Loan| {
        let call = &tx.calls[loan.at as usize];
        let of_loan = |it: &&watchfire_sdk::flow::Transfer| {
            loan.at <= it.at && it.at < call.end && it.token == loan.token && tx.parties.is_actor(it.to)
        };
        let moved = tx.transfers.iter().find(of_loan)?;
        Some((call.target, tx.floors(moved.token, moved.amount)?))
    };
    // A loan of something without a price says nothing of how much that is.
    let lent: Option<Vec<(Party, f64)>> = tx.loans().iter().map(lent).collect();
    let lent = lent?;
    let sum: f64 = lent.iter().map(|(_, floors)| floors).sum();
    let most = lent.iter().max_by(|one, other| one.1.total_cmp(&other.1))?;
    let share = tx.pure_gain() / sum;
    (share >= 0.05).then_some((most.0, share * 100.0))
}

/// The same function of the same contract again and again: four times, or three if each moves something.
fn repeated(tx: &Transaction<'_>) -> Option<(Party, String)> {
    if tx.calls.len() < 4 || !tx.has_money(0.03) {
        return None;
    }
    let mut times: HashMap<(Party, u32), (usize, usize)> = HashMap::new();
    for (at, call) in (0u32..).zip(&tx.calls) {
        if call.changes()
            && call.has_selector()
            && tx.parties.is_actor(call.sender)
            && !tx.parties.is_actor(call.target)
            && tx.asset(call.target).is_none()
            && !tx.is_wrapped(call.target)
            && !call.is(TOKEN)
        {
            let first = tx.transfers.partition_point(|it| it.at < at);
            let moves = !call.is(ROUTER | SWAP) && tx.transfers.get(first).is_some_and(|it| it.at < call.end);
            let counts = times.entry((call.target, call.selector)).or_default();
            *counts = (counts.0 + 1, counts.1 + usize::from(moves));
        }
    }
    let (&(victim, selector), &(times, moving)) = times.iter().max_by_key(|&(call, times)| (times.0, *call))?;
    let is_often = times >= 4 || moving >= 3 && tx.has_money(0.2);
    is_often.then(|| (victim, format!("calls {} of it {times} times, and keeps money", hex(selector))))
}

/// Money kept and nothing spent, over several calls that matter.
fn free(tx: &Transaction<'_>) -> Option<(Party, String)> {
    if tx.calls.len() < 12 || tx.pure_gain() < 0.2 || !tx.has_own_contract() {
        return None;
    }
    let called: HashSet<(Party, u32)> =
        tx.material().iter().map(|&at| (tx.calls[at as usize].target, tx.calls[at as usize].selector)).collect();
    let victim = tx.calls[*tx.material().first()? as usize].target;
    (called.len() >= 2)
        .then(|| (victim, format!("keeps money for {} calls that matter, and spends nothing", called.len())))
}

/// Much money kept through a contract of one's own that is no wallet, for which whoever lost it got nothing.
fn large(tx: &Transaction<'_>, rules: &Rules) -> Option<(Party, String)> {
    let pure = tx.pure_gain();
    if pure < rules.large_floors
        || tx.calls.len() < 8
        || !tx.has_own_contract()
        || tx.root().is(WALLET)
        || tx.loss() < 0.5 * pure
    {
        return None;
    }
    // What is collected by a call without arguments goes where the contract always sends it.
    let asks = |&&at: &&u32| tx.calls[at as usize].input.len() >= 36;
    let victim = tx.calls[*tx.material().iter().find(asks)? as usize].target;
    Some((victim, "is paid much, spends nothing, and whoever pays gets nothing".to_owned()))
}

/// Several contracts are given tokens by an actor, call the same function of one contract, and give back more.
fn by_helpers(tx: &Transaction<'_>) -> Option<(Party, String)> {
    let parties = &tx.parties;
    let mut asked: HashMap<u32, Vec<(u32, Party)>> = HashMap::new();
    for (at, call) in (0u32..).zip(&tx.calls) {
        let is_helper = call.changes()
            && call.has_selector()
            && call.classes == 0
            && parties.is_actor(call.sender)
            && !parties.is_actor(call.target)
            && !parties.is_token(call.target);
        if is_helper {
            asked.entry(call.selector).or_default().push((at, call.target));
        }
    }
    let mut asked: Vec<_> = asked.into_iter().filter(|(_, calls)| calls.len() >= 3).collect();
    asked.sort_unstable();
    for (_, calls) in asked {
        let mut victims: HashMap<(Party, u32), HashSet<Party>> = HashMap::new();
        for (at, helper) in calls {
            let end = tx.calls[at as usize].end;
            let given = tx.transfers.iter().rfind(|it| it.at < at && it.to == helper && parties.is_actor(it.from));
            let Some(given) = given else { continue };
            let back = tx.transfers.iter().any(|it| {
                at < it.at
                    && it.at < end
                    && it.token == given.token
                    && it.from == helper
                    && parties.is_actor(it.to)
                    && it.amount > given.amount
            });
            if !back {
                continue;
            }
            for call in tx.within(at).iter().filter(|it| it.sender == helper && it.changes() && !it.is(TOKEN)) {
                if !parties.is_token(call.target) && !parties.is_actor(call.target) {
                    victims.entry((call.target, call.selector)).or_default().insert(helper);
                }
            }
        }
        let most = victims.into_iter().max_by_key(|(key, helpers)| (helpers.len(), *key));
        if let Some(((victim, selector), helpers)) = most
            && helpers.len() >= 3
        {
            let what = format!(
                "has {} contracts call {} of it, each of which gives back more than it was given",
                helpers.len(),
                hex(selector)
            );
            return Some((victim, what));
        }
    }
    None
}

/// Several contracts made of the same code each call the same function.
fn swarm(tx: &Transaction<'_>) -> Option<(Party, String)> {
    let made = || tx.calls.iter().filter(|call| call.creates() && tx.parties.is_actor(call.target));
    if made().count() < 3 || tx.pure_gain() < 0.03 {
        return None;
    }
    let code: HashMap<Party, &[u8]> = made().map(|call| (call.target, call.input)).collect();
    let mut callers: HashMap<(&[u8], Party, u32), HashSet<Party>> = HashMap::new();
    for call in &tx.calls {
        let Some(code) = code.get(&call.sender) else { continue };
        if call.changes()
            && call.has_selector()
            && !call.is(TOKEN)
            && !tx.parties.is_actor(call.target)
            && !tx.parties.is_token(call.target)
        {
            callers.entry((code, call.target, call.selector)).or_default().insert(call.sender);
        }
    }
    let ((_, victim, selector), who) = callers.into_iter().max_by_key(|(key, who)| (who.len(), key.1, key.2))?;
    (who.len() >= 3)
        .then(|| (victim, format!("calls {} of it by {} contracts of the same code", hex(selector), who.len())))
}
