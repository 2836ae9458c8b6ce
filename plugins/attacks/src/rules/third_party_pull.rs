//! Tokens of accounts that take no part, moved by what they once approved.

use hashbrown::{HashMap, HashSet};
use watchfire_sdk::flow::selectors::{TRANSFER_FROM, WALLET};
use watchfire_sdk::flow::{Party, Transaction, ZERO};
use watchfire_sdk::prelude::*;

use crate::claim::Claim;
use crate::config::Rules;

/// `safeTransferFrom` of ERC-721 in both forms, and of ERC-1155, single and batch.
const COLLECTIBLES: [u32; 4] = [0x42842e0e, 0xb88d4fde, 0xf242432a, 0x2eb2c2d6];

pub(super) fn look(tx: &Transaction<'_>, rules: &Rules, claims: &mut Vec<Claim>) {
    if let Some((spender, what)) = by_recipient(tx, rules) {
        claims.push(Claim::new("third-party-pull", Severity::High, spender, what).confidence(70));
        return;
    }
    let parties = &tx.parties;
    if !tx.calls.iter().any(|call| call.selector == TRANSFER_FROM && call.changes() && !parties.is_actor(call.sender)) {
        return;
    }
    let mut got: HashSet<Party> = tx.transfers.iter().map(|moved| moved.to).collect();
    for call in tx.calls.iter().filter(|call| call.success && COLLECTIBLES.contains(&call.selector)) {
        got.extend(call.address(1).and_then(|to| parties.find(&to)));
    }
    let mut losses: HashMap<Party, f64> = HashMap::new();
    let mut others: HashMap<[u8; 20], HashSet<[u8; 20]>> = HashMap::new();
    let (mut spender, mut has_unpriced) = (None, false);
    for (at, call) in (0u32..).zip(&tx.calls) {
        if !call.changes() || call.selector != TRANSFER_FROM || !call.agrees() || parties.is_actor(call.sender) {
            continue;
        }
        let (Some(from), Some(to), Some(amount)) = (call.address(0), call.address(1), call.amount(2)) else { continue };
        let Some(victim) = parties.find(&from) else { continue };
        if amount.is_zero()
            || victim == ZERO
            || victim == call.sender
            || parties.is_actor(victim)
            || parties.runs_code(victim)
            || got.contains(&victim)
            || rules.ignores(tx, call.sender)
        {
            continue;
        }
        let by_actor = |it: &watchfire_sdk::flow::Call<'_>| parties.is_actor(it.sender) && !parties.is_actor(it.target);
        if !by_actor(call) && !tx.around(at).any(by_actor) {
            continue;
        }
        spender = spender.or(Some(call.sender));
        match tx.floors(call.target, amount) {
            Some(floors) => {
                *losses.entry(victim).or_default() += floors;
                // Somebody's dust in one's own pocket is no matter of three.
                if floors >= 0.01 {
                    others.entry(to).or_default().insert(from);
                }
            }
            None => {
                others.entry(to).or_default().insert(from);
                has_unpriced = true;
            }
        }
    }
    let Some(spender) = spender else { return };
    let most = others.values().map(HashSet::len).max().unwrap_or_default();
    let mut sorted: Vec<f64> = losses.values().copied().collect();
    sorted.sort_by(f64::total_cmp);
    let lost: f64 = sorted.iter().sum();
    let priced = lost >= rules.pull_floors && tx.gain() >= rules.pull_floors * 0.3;
    let unpriced = has_unpriced && tx.pure_gain() >= rules.pull_floors;
    if most < 3 && !priced && !unpriced {
        return;
    }
    let accounts = losses.len().max(most);
    let severity = if accounts >= 3 { Severity::Critical } else { Severity::High };
    let what =
        format!("moves tokens of {accounts} accounts that take no part and get nothing, through what they approved");
    claims.push(Claim::new("third-party-pull", severity, spender, what).with("accounts", accounts));
}

/// The recipient itself moves tokens of an account that takes no part to the sender, who gave nothing for them.
fn by_recipient(tx: &Transaction<'_>, rules: &Rules) -> Option<(Party, String)> {
    let (parties, root) = (&tx.parties, tx.root());
    if root.is(WALLET) || parties.is_made(root.target) || rules.ignores(tx, root.target) || rules.knows(tx) {
        return None;
    }
    let gives = |victim: Party| tx.transfers.iter().any(|it| it.to == victim || it.from == tx.sender());
    for call in tx.calls.iter().filter(|call| call.changes() && call.selector == TRANSFER_FROM && call.agrees()) {
        let party = |position: usize| call.address(position).and_then(|it| parties.find(&it));
        let (Some(victim), Some(to), Some(amount)) = (party(0), party(1), call.amount(2)) else { continue };
        let pulls = call.depth > 0
            && call.sender == root.target
            && to == tx.sender()
            && victim != ZERO
            && victim != call.sender
            && !parties.is_actor(victim)
            && !parties.runs_code(victim)
            && !gives(victim)
            && tx.floors(call.target, amount).is_some_and(|floors| floors >= rules.pull_floors);
        if pulls {
            let what =
                "has it move tokens of an account that takes no part to the sender, and nobody gives anything for them";
            return Some((root.target, what.to_owned()));
        }
    }
    None
}
