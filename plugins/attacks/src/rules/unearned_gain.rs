//! Money that was gained and not earned.

use hashbrown::{HashMap, HashSet};
use watchfire_sdk::flow::selectors::{LIQUIDATE, TOKEN};
use watchfire_sdk::flow::{Party, Transaction};
use watchfire_sdk::prelude::*;

use crate::claim::{Claim, hex};
use crate::config::Rules;

pub(super) fn look(tx: &Transaction<'_>, rules: &Rules, claims: &mut Vec<Claim>) {
    if rules.knows(tx) {
        return;
    }
    let pure = tx.pure_gain();
    let liquidates = || tx.calls_out().iter().any(|&at| tx.calls[at as usize].is(LIQUIDATE));
    if pure >= 0.1 && !tx.loans().is_empty() {
        let lender = tx.calls[tx.loans()[0].at as usize].target;
        let what = |calls: usize| format!("keeps money after a loan from {} and {calls} calls that matter", tx.parties.address(lender));
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
    if pure >= 0.1 && tx.parties.all().any(|party| tx.parties.is_made(party) && tx.parties.is_actor(party)) {
        let what = "keeps money by contracts that it makes".to_owned();
        claims.push(Claim::new("born-gain", Severity::High, tx.sender(), what).confidence(75));
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
    (called.len() >= 2).then(|| (victim, format!("keeps money for {} calls that matter, and spends nothing", called.len())))
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
    (who.len() >= 3).then(|| (victim, format!("calls {} of it by {} contracts of the same code", hex(selector), who.len())))
}
