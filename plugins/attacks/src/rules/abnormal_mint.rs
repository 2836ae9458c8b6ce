//! Amounts that no token has.

use watchfire_sdk::flow::selectors::{TOKEN, WALLET};
use watchfire_sdk::flow::{NATIVE, Party, Transaction, Transfer, ZERO, to_f64};
use watchfire_sdk::prelude::*;

use crate::claim::{Claim, hex};
use crate::config::Rules;

sol! {
    function totalSupply() external view returns (uint256 supply);
}

/// How many words of the arguments are looked at.
const WORDS: usize = 12;

pub(super) fn look(tx: &Transaction<'_>, rules: &Rules, claims: &mut Vec<Claim>) {
    if let Some((token, what)) = absurd(tx).or_else(|| wraps(tx))
        && !rules.ignores(tx, token)
    {
        claims.push(Claim::new("absurd-amount", Severity::High, token, what));
    }
    if let Some((token, what)) = large(tx, rules)
        && !rules.ignores(tx, token)
    {
        claims.push(Claim::new("large-mint", Severity::Medium, token, what).confidence(60));
    }
}

/// Tokens that are minted to actors, as a share of all there are then. Asked only where money comes with it: shares of vaults and
/// pools are minted all day.
fn large(tx: &Transaction<'_>, rules: &Rules) -> Option<(Party, String)> {
    if !tx.by_logs() || !tx.has_own_contract() || tx.root().is(WALLET) {
        return None;
    }
    let minted = |it: &&Transfer| {
        it.token != NATIVE
            && it.from == ZERO
            && tx.parties.is_ours(it.to)
            && tx.asset(it.token).is_none()
            && !tx.parties.is_made(it.token)
    };
    let mut tokens: Vec<Party> = tx.transfers.iter().filter(minted).map(|it| it.token).collect();
    tokens.sort_unstable();
    tokens.dedup();
    let given = |it: &Transfer| tx.parties.is_ours(it.from) && !tx.parties.is_ours(it.to);
    let spent: f64 = tx.transfers.iter().filter(|it| given(it)).filter_map(|it| tx.floors(it.token, it.amount)).sum();
    if spent >= 0.1 {
        return None;
    }
    for token in tokens.into_iter().take(2) {
        let amount: f64 =
            tx.transfers.iter().filter(minted).filter(|it| it.token == token).map(|it| to_f64(it.amount)).sum();
        let Ok(supply) = chain::call(tx.parties.address(token), &totalSupplyCall {}) else { return None };
        let share = amount / to_f64(supply).max(1.0);
        if share >= rules.mint_share {
            return Some((
                token,
                format!("mints {:.0} % of it to itself and spends next to nothing", share.min(10.0) * 100.0),
            ));
        }
    }
    None
}

/// A transfer of more than any supply.
fn absurd(tx: &Transaction<'_>) -> Option<(Party, String)> {
    if !tx.by_logs() {
        return None;
    }
    let moved = tx.transfers.iter().find(|it| it.token != NATIVE && it.amount.bit_len() > 160)?;
    Some((moved.token, format!("moves {} units of it, more than any supply", moved.amount)))
}

/// Amounts in the arguments of a call that add up, or times the length of a list, to less than one of them: they overflow.
fn wraps(tx: &Transaction<'_>) -> Option<(Party, String)> {
    let is_leaf = |(at, call): &(u32, &watchfire_sdk::flow::Call<'_>)| {
        call.changes()
            && call.has_selector()
            && !call.is(TOKEN)
            && tx.within(*at).iter().all(|it| it.is_static || tx.parties.is_precompile(it.target))
    };
    for (_, call) in (0u32..).zip(&tx.calls).filter(is_leaf) {
        let words: Vec<U256> = (0..WORDS).map_while(|position| call.amount(position)).collect();
        // Neither small, nor a small negative number.
        let is_huge = |word: &U256| word.bit_len() > 200 && word.wrapping_neg().bit_len() > 200;
        for (at, one) in words.iter().enumerate().filter(|(_, word)| is_huge(word)) {
            let sum_wraps =
                words[at + 1..].iter().any(|other| is_huge(other) && one.wrapping_add(*other).bit_len() < 64);
            let is_length = |other: &&U256| **other >= U256::from(2) && **other <= U256::from(1_000);
            let is_list = |length: &U256| {
                words.len() > at + 1 && (call.input.len() - 4) / 32 >= at + 1 + length.saturating_to::<usize>()
            };
            let product_wraps = words[at + 1..]
                .iter()
                .filter(is_length)
                .any(|length| is_list(length) && one.wrapping_mul(*length).bit_len() < 64);
            if sum_wraps || product_wraps {
                return Some((call.target, format!("calls {} of it with amounts that overflow", hex(call.selector))));
            }
        }
    }
    None
}
