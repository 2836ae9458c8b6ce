//! Money that was gained and not earned.

use hashbrown::{HashMap, HashSet};
use watchfire_sdk::flow::selectors::{LIQUIDATE, TOKEN, WALLET};
use watchfire_sdk::flow::{Party, Transaction};
use watchfire_sdk::prelude::*;

use crate::claim::{Claim, hex};
use crate::config::Rules;

pub(super) fn look(tx: &Transaction<'_>, rules: &Rules, claims: &mut Vec<Claim>) {
    if rules.knows(tx) {
        return;
    }
    let pure = if tx.moved() >= 0.03 { tx.pure_gain() } else { 0.0 };
    let liquidates = || tx.calls_out().iter().any(|&at| tx.calls[at as usize].is(LIQUIDATE));
    if pure >= 0.1 && !tx.loans().is_empty() {
        let lender = tx.calls[tx.loans()[0].at as usize].target;
        let what = |calls: usize| {
            format!("keeps money after a loan from {} and {calls} calls that matter", tx.parties.address(lender))
        };
        if let Some(&at) = tx.material().first()
            && !liquidates()
        {
            let victim = tx.calls[at as usize].target;
            claims.push(Claim::new("flash-gain", Severity::High, victim, what(tx.material().len())).confidence(80));
        } else if pure >= rules.flash_floors && !liquidates() {
            let severity = if pure >= rules.flash_high_floors { Severity::High } else { Severity::Medium };
            claims.push(Claim::new("flash-large", severity, tx.sender(), what(0)).confidence(60));
        }
    }
    let makes = || tx.parties.all().any(|party| tx.parties.is_made(party) && tx.parties.is_actor(party));
    if (pure >= 0.1 || tx.has_money(10.0)) && makes() {
        let what = match pure >= 0.1 {
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

/// The same function of the same contract again and again.
fn repeated(tx: &Transaction<'_>) -> Option<(Party, String)> {
    if tx.calls.len() < 5 || !tx.has_money(0.1) {
        return None;
    }
    let mut times: HashMap<(Party, u32), usize> = HashMap::new();
    for call in &tx.calls {
        if call.changes()
            && call.has_selector()
            && tx.parties.is_actor(call.sender)
            && !tx.parties.is_actor(call.target)
            && !tx.parties.is_token(call.target)
            && !call.is(TOKEN)
        {
            *times.entry((call.target, call.selector)).or_default() += 1;
        }
    }
    let ((victim, selector), times) = times.into_iter().max_by_key(|&(call, times)| (times, call))?;
    (times >= 4).then(|| (victim, format!("calls {} of it {times} times, and keeps money", hex(selector))))
}

/// Money kept and nothing spent, over several calls that matter.
fn free(tx: &Transaction<'_>) -> Option<(Party, String)> {
    if tx.calls.len() < 12 || tx.pure_gain() < 1.0 || !tx.has_own_contract() {
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
