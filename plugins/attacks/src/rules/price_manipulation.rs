//! A price that is bent for as long as one transaction needs it.

use hashbrown::HashMap;
use watchfire_sdk::flow::selectors::{LATEST_ROUND, NO_PRICE, PRICE, TOKEN};
use watchfire_sdk::flow::{Party, Transaction, ZERO, to_f64};
use watchfire_sdk::prelude::*;

use crate::claim::{Claim, hex};
use crate::config::Rules;

/// How many times as much may go one way as the other of a token that is traded there and back.
const EVEN: f64 = 2.5;
/// And of one of the two: where a pair is emptied of a token, a little of it buys back all that was paid.
const LOPSIDED: f64 = 1e6;

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
    /// Whether about as much of both tokens came back as went.
    is_even: bool,
}

/// A pool is traded one way and back, and the actors gain, or others lose to what is called in between.
fn round_trip(tx: &Transaction<'_>) -> Option<(Party, String)> {
    if tx.moved() < 0.03 || tx.pure_gain() < 0.03 && tx.loss() < 0.1 && tx.loans().is_empty() {
        return None;
    }
    for trip in trips(tx) {
        // An order that is split among pools trades none of them back; who trades a pool there and back by a loan bends it.
        let why = match () {
            () if tx.pure_gain() >= 0.03 => "and keeps money",
            () if !tx.loans().is_empty() => "with what it was lent",
            () if trip.is_even && tx.loss() >= 0.1 => "and others lose and get nothing",
            () => continue,
        };
        return Some((trip.pool, format!("trades a pool one way and back, {why}")));
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
    let within = |side: &Side, most: f64| {
        side.out > 0.0 && side.into > 0.0 && (1.0 / most..=most).contains(&(side.out / side.into))
    };
    let mut both: Vec<(Party, Party, f64, f64, bool)> = sides
        .into_iter()
        .filter(|(_, side)| within(side, LOPSIDED))
        .map(|((pool, token), side)| {
            (pool, token, side.out_at / side.out, side.into_at / side.into, within(&side, EVEN))
        })
        .collect();
    both.sort_by_key(|side| (side.0, side.1));
    let mut trips = Vec::new();
    for (at, one) in both.iter().enumerate() {
        for other in both[at + 1..].iter().take_while(|other| other.0 == one.0) {
            let ((out, into), (other_out, other_into)) = ((one.2, one.3), (other.2, other.3));
            if (one.4 || other.4) && (into - out) * (other_into - other_out) < 0.0 {
                trips.push(Trip { pool: one.0, is_even: one.4 && other.4 });
            }
        }
    }
    trips
}

/// The same question is answered differently within the transaction: of a price by a tenth, of any other word by half.
fn view_jump(tx: &Transaction<'_>, rules: &Rules) -> Option<(Party, String)> {
    let mut seen: HashMap<(Party, &[u8]), (f64, f64)> = HashMap::new();
    // With money in it, less says as much.
    let keeps = tx.moved() >= 0.1 && tx.pure_gain() >= 0.1;
    let jump = |usual: f64| if keeps { usual.min(1.05) } else { usual };
    for call in &tx.calls {
        let kinds = [FrameKind::StaticCall, FrameKind::Call, FrameKind::DelegateCall];
        if !call.success || !call.has_selector() || call.output.len() < 32 || !kinds.contains(&call.kind) {
            continue;
        }
        let is_price = call.is(PRICE);
        let is_word = call.kind == FrameKind::StaticCall
            && call.input.len() <= if keeps { 68 } else { 36 }
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
        let jumps = is_price && *high >= jump(rules.price_jump) * *low && *low > 1e4
            || is_word && *high >= jump(rules.view_jump) * *low && *low > 1e6;
        if jumps {
            let times = *high / *low;
            return Some((call.target, format!("makes {} of it answer {times:.3} times as much", hex(call.selector))));
        }
    }
    None
}
