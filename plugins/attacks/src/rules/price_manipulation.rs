//! A price that is bent for as long as one transaction needs it.

use hashbrown::HashMap;
use watchfire_sdk::flow::selectors::{LATEST_ROUND, NO_PRICE, PRICE, TOKEN};
use watchfire_sdk::flow::{Party, Transaction, ZERO, to_f64};
use watchfire_sdk::prelude::*;

use crate::claim::{Claim, hex};
use crate::config::Rules;

pub(super) fn look(tx: &Transaction<'_>, rules: &Rules, claims: &mut Vec<Claim>) {
    let severity = || if tx.has_money(10.0) { Severity::Critical } else { Severity::High };
    if let Some((pool, what)) = round_trip(tx) {
        claims.push(Claim::new("round-trip", severity(), pool, what));
    }
    if let Some((asked, what)) = view_jump(tx, rules) {
        claims.push(Claim::new("view-jump", severity(), asked, what));
    }
}

/// A pool that is traded one way and back.
struct Trip {
    pool: Party,
    from: f64,
    to: f64,
}

/// A pool is traded one way and back, and the actors gain, or others lose to what is called in between.
fn round_trip(tx: &Transaction<'_>) -> Option<(Party, String)> {
    if !tx.has_money(0.1) {
        return None;
    }
    for trip in trips(tx) {
        let pool = trip.pool;
        if tx.pure_gain() >= 0.1 {
            return Some((pool, "trades a pool one way and back, and keeps money".to_owned()));
        }
        let between = tx
            .calls_out()
            .iter()
            .find(|&&at| trip.from < f64::from(at) && f64::from(at) < trip.to && tx.calls[at as usize].target != pool);
        if let Some(&at) = between {
            let call = &tx.calls[at as usize];
            let (called, address) = (hex(call.selector), tx.parties.address(call.target));
            return Some((pool, format!("trades a pool one way and back, and calls {called} of {address} in between")));
        }
    }
    None
}

/// What went into a pool and out of it of one token: how much, and where in the transaction on average.
#[derive(Clone, Copy, Default)]
struct Side {
    out: f64,
    out_at: f64,
    into: f64,
    into_at: f64,
}

fn trips(tx: &Transaction<'_>) -> Vec<Trip> {
    let mut sides: HashMap<(Party, Party), Side> = HashMap::new();
    for moved in &tx.transfers {
        let (amount, at) = (to_f64(moved.amount), f64::from(moved.at));
        if moved.from != ZERO && !tx.parties.is_ours(moved.from) {
            let side = sides.entry((moved.from, moved.token)).or_default();
            (side.out, side.out_at) = (side.out + amount, side.out_at + at * amount);
        }
        if moved.to != ZERO && !tx.parties.is_ours(moved.to) {
            let side = sides.entry((moved.to, moved.token)).or_default();
            (side.into, side.into_at) = (side.into + amount, side.into_at + at * amount);
        }
    }
    let both_ways = |side: &Side| side.out > 0.0 && side.into > 0.0 && (0.4..=2.5).contains(&(side.out / side.into));
    let mut both: Vec<(Party, Party, f64, f64)> = sides
        .into_iter()
        .filter(|(_, side)| both_ways(side))
        .map(|((pool, token), side)| (pool, token, side.out_at / side.out, side.into_at / side.into))
        .collect();
    both.sort_by_key(|side| (side.0, side.1));
    let mut trips = Vec::new();
    for (at, one) in both.iter().enumerate() {
        for other in both[at + 1..].iter().take_while(|other| other.0 == one.0) {
            let ((out, into), (other_out, other_into)) = ((one.2, one.3), (other.2, other.3));
            if (into - out) * (other_into - other_out) < 0.0 {
                let from = out.min(into).min(other_out).min(other_into);
                let to = out.max(into).max(other_out).max(other_into);
                trips.push(Trip { pool: one.0, from, to });
            }
        }
    }
    trips
}

/// The same question is answered differently within the transaction: of a price by a tenth, of any other word by half.
fn view_jump(tx: &Transaction<'_>, rules: &Rules) -> Option<(Party, String)> {
    let mut seen: HashMap<(Party, &[u8]), (f64, f64)> = HashMap::new();
    for call in &tx.calls {
        let kinds = [FrameKind::StaticCall, FrameKind::Call, FrameKind::DelegateCall];
        if !call.success || !call.has_selector() || call.output.len() < 32 || !kinds.contains(&call.kind) {
            continue;
        }
        let is_price = call.is(PRICE);
        let is_word = call.kind == FrameKind::StaticCall
            && call.input.len() <= 36
            && call.output.len() == 32
            && !call.is(NO_PRICE | TOKEN)
            && !tx.parties.is_actor(call.target)
            && !tx.parties.is_actor(call.sender);
        if !is_price && !is_word || rules.ignores(tx, call.target) {
            continue;
        }
        let at = if call.selector == LATEST_ROUND { 32 } else { 0 };
        let Some(word) = call.output.get(at..at + 32) else { continue };
        let value = to_f64(U256::from_be_slice(word));
        if value == 0.0 || value >= if is_price { 2f64.powi(200) } else { 2f64.powi(160) } {
            continue;
        }
        let (low, high) = seen.entry((call.target, call.input)).or_insert((value, value));
        (*low, *high) = (low.min(value), high.max(value));
        let jumps = is_price && *high >= rules.price_jump * *low && *low > 1e4
            || is_word && *high >= rules.view_jump * *low && *low > 1e6;
        if jumps {
            let times = *high / *low;
            return Some((call.target, format!("makes {} of it answer {times:.3} times as much", hex(call.selector))));
        }
    }
    None
}
