//! What moved, in order.

use alloy_primitives::U256;
use alloy_sol_types::{SolEvent, sol};

use super::call::{Call, address_of};
use super::party::{Parties, Party, ZERO};
use super::selectors;
use crate::batch::column::number;
use crate::batch::{FrameKind, Log};

sol! {
    event TransferEvent(address indexed from, address indexed to, uint256 value);
    event Deposit(address indexed account, uint256 value);
    event Withdrawal(address indexed account, uint256 value);
}

/// First topic of the `Transfer` of ERC-20 and ERC-721.
pub(super) const TRANSFER: [u8; 32] =
    alloy_primitives::b256!("0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef").0;
pub(super) const DEPOSIT: [u8; 32] = Deposit::SIGNATURE_HASH.0;
pub(super) const WITHDRAWAL: [u8; 32] = Withdrawal::SIGNATURE_HASH.0;

/// Stands in for the token where the chain's own coin moves.
pub const NATIVE: Party = Party::MAX;

/// An amount that went from one party to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Position of the call in which it moved.
    pub at: u32,
    /// The token; [`NATIVE`] for the chain's own coin.
    pub token: Party,
    /// Who gave it; [`ZERO`] where it was minted.
    pub from: Party,
    /// Who got it; [`ZERO`] where it was burnt.
    pub to: Party,
    /// In the token's smallest unit.
    pub amount: U256,
}

/// An amount as a float, for what needs no last digit.
pub fn to_f64(amount: U256) -> f64 {
    const LIMB: f64 = 18_446_744_073_709_551_616.0;
    amount.as_limbs().iter().rev().fold(0.0, |sum, &limb| sum * LIMB + limb as f64)
}

/// A two's complement sum as a float.
pub fn signed(sum: U256) -> f64 {
    if sum.bit(255) { -to_f64(sum.wrapping_neg()) } else { to_f64(sum) }
}

/// Native value and transfers that the calls ask for, in order.
pub(super) fn by_calls(
    calls: &[Call<'_>],
    parties: &mut Parties,
    wrapped: Option<Party>,
    tokens: bool,
) -> Vec<Transfer> {
    let mut moved = Vec::new();
    for (at, call) in (0u32..).zip(calls) {
        if !call.success {
            continue;
        }
        if call.kind.moves_value() && call.sender != call.target && !call.value.is_zero() {
            moved.push(Transfer { at, token: NATIVE, from: call.sender, to: call.target, amount: call.value });
        }
        if tokens && call.kind == FrameKind::Call && !call.is_static {
            moved.extend(of_token(at, call, parties, wrapped));
        }
    }
    moved
}

/// What a call to a token moves, by its calldata.
fn of_token(at: u32, call: &Call<'_>, parties: &mut Parties, wrapped: Option<Party>) -> Option<Transfer> {
    let is_wrapped = wrapped == Some(call.target);
    let (from, to, amount) = match call.selector {
        selectors::TRANSFER if call.input.len() >= 68 && call.agrees() => {
            (call.sender, parties.of(call.address(0)?), call.amount(1)?)
        }
        selectors::TRANSFER_FROM if call.input.len() >= 100 && call.agrees() => {
            (parties.of(call.address(0)?), parties.of(call.address(1)?), call.amount(2)?)
        }
        selectors::TRANSFER | selectors::TRANSFER_FROM => return None,
        selectors::WITHDRAW if is_wrapped => (call.sender, ZERO, call.amount(0)?),
        selectors::DEPOSIT if is_wrapped => (ZERO, call.sender, call.value),
        _ if is_wrapped && call.input.len() < 4 => (ZERO, call.sender, call.value),
        _ => return None,
    };
    (!amount.is_zero()).then_some(Transfer { at, token: call.target, from, to, amount })
}

/// What the logs say that moved, each in the place of the call that moved it, with native value between.
pub(super) fn by_logs<'b>(
    calls: &[Call<'_>],
    logs: impl Iterator<Item = Log<'b>>,
    parties: &mut Parties,
    wrapped: Option<Party>,
) -> Vec<Transfer> {
    let asked = by_calls(calls, parties, wrapped, true);
    let mut known: Vec<(Party, Party, Party, U256, u32)> = asked
        .iter()
        .filter(|moved| moved.token != NATIVE)
        .map(|moved| (moved.token, moved.from, moved.to, moved.amount, moved.at))
        .collect();
    known.sort_unstable();
    let mut used = vec![false; known.len()];
    let mut moved: Vec<Transfer> = asked.into_iter().filter(|moved| moved.token == NATIVE).collect();
    let mut last = 0u32;
    for log in logs {
        let Some(value) = log.data().first_chunk::<32>() else { continue };
        let amount = number(value);
        let token = parties.of(log.address().into_array());
        let mut party = |position: usize| parties.of(address_of(&log.topic_or_zero(position).0));
        let (from, to) = match (log.topic_or_zero(0).0, log.topic_count()) {
            (TRANSFER, 3) => (party(1), party(2)),
            (DEPOSIT, 2) if wrapped == Some(token) => (ZERO, party(1)),
            (WITHDRAWAL, 2) if wrapped == Some(token) => (party(1), ZERO),
            _ => continue,
        };
        // The call that asked for exactly this; else the next one in which the token runs.
        let start = known.partition_point(|it| (it.0, it.1, it.2, it.3) < (token, from, to, amount));
        let same = |at: usize| known.get(at).is_some_and(|it| (it.0, it.1, it.2, it.3) == (token, from, to, amount));
        let exact = (start..).take_while(|&at| same(at)).find(|&at| !used[at]);
        let at = match exact {
            Some(at) => {
                used[at] = true;
                known[at].4
            }
            None => {
                let runs = |call: &&Call<'_>| call.context == token && call.success && !call.is_static;
                let ahead = calls.iter().enumerate().skip(last as usize).find(|(_, call)| runs(call));
                ahead.map_or(last, |(at, _)| at as u32)
            }
        };
        last = last.max(at);
        moved.push(Transfer { at, token, from, to, amount });
    }
    moved.sort_by_key(|moved| moved.at);
    moved
}
