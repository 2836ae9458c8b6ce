//! The flat list of `trace_block`: frames in depth-first order, each with its place in its transaction's tree.

use alloy::primitives::{Address, B256, Bytes, U64, U256};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{DEEPEST, Root, Row, bytes, failed, kind_of, parse, push};
use crate::block::{Frames, Transactions, frame_kind};
use crate::source::evm::refusal::{Check, Refusal};
use crate::source::evm::traced;

/// One frame, as `trace_block` gives it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Flat {
    #[serde(rename = "type")]
    kind: String,
    action: Action,
    #[serde(default)]
    result: Option<Outcome>,
    #[serde(rename = "error", default, deserialize_with = "failed")]
    has_failed: bool,
    #[serde(default)]
    trace_address: Option<Vec<u32>>,
    #[serde(default)]
    transaction_position: Option<U64>,
    #[serde(default)]
    transaction_hash: Option<B256>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Action {
    #[serde(default)]
    call_type: Option<String>,
    #[serde(default)]
    creation_method: Option<String>,
    #[serde(default)]
    from: Option<Address>,
    #[serde(default)]
    to: Option<Address>,
    #[serde(default)]
    value: Option<U256>,
    /// Of a creation `init`; some nodes give both.
    #[serde(default)]
    input: Option<Bytes>,
    #[serde(default)]
    init: Option<Bytes>,
    /// Of a self-destruct: who ends, who gets the balance, and how much.
    #[serde(default)]
    address: Option<Address>,
    #[serde(default)]
    refund_address: Option<Address>,
    #[serde(default)]
    balance: Option<U256>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    #[serde(default)]
    gas_used: Option<U64>,
    /// Of a creation `code`; some nodes give both.
    #[serde(default)]
    output: Option<Bytes>,
    #[serde(default)]
    code: Option<Bytes>,
    #[serde(default)]
    address: Option<Address>,
}

/// Reads the frames. Rewards belong to no transaction and are left out.
pub(super) fn read(
    elements: &[&RawValue],
    transactions: &Transactions,
    frames: &mut Frames,
) -> Result<Vec<Root>, Refusal> {
    let mut all: Vec<Flat> = elements.iter().map(|element| parse(element)).collect::<Result<_, _>>()?;
    all.retain(|flat| flat.kind != "reward");
    let begins: Vec<&Flat> = all.iter().filter(|flat| flat.depth() == 0).collect();
    let of_position = |position: u64| {
        let index = usize::try_from(position).ok().filter(|index| *index < transactions.len())?;
        Some(B256::from(*transactions.hash.get(index)))
    };
    let stated: Vec<Option<B256>> = begins
        .iter()
        .map(|flat| {
            flat.transaction_hash.or_else(|| flat.position().map(|place| of_position(place).unwrap_or_default()))
        })
        .collect();
    let places = traced::assign(Check::Traces, "traces", &stated, transactions)?;
    let mut places = places.into_iter();
    let mut roots = Vec::new();
    // The transaction at hand, and whether the frames around the one at hand stand, by depth.
    let mut current: Option<(usize, u64)> = None;
    let mut around: Vec<bool> = Vec::new();
    for flat in &all {
        let depth = flat.depth();
        let out_of_order =
            |expected: String, came: String| Refusal::new(Check::Traces, "traces out of order", expected, came);
        if depth == 0 {
            let place = places.next().ok_or_else(|| out_of_order("a transaction".into(), "none".into()))?;
            // Positions may count what others leave out: within a tree they only have to stay the same.
            current = Some((place, flat.position().unwrap_or(place as u64)));
        }
        let Some((transaction, position)) = current else {
            return Err(out_of_order("a transaction's own call".into(), format!("a call at depth {depth}")));
        };
        if flat.position().is_some_and(|stated| stated != position) {
            let came = flat.position().unwrap_or_default();
            return Err(out_of_order(position.to_string(), came.to_string()));
        }
        if depth > around.len() || depth as u32 > DEEPEST {
            return Err(out_of_order(format!("depth {} at most", around.len()), depth.to_string()));
        }
        around.truncate(depth);
        let stands = around.last().copied().unwrap_or(true) && !flat.has_failed;
        around.push(stands);
        let row = frames.len();
        flat.push(transaction as u32, stands, frames)?;
        if depth == 0 && frames.len() > row {
            roots.push((transaction, row));
        }
    }
    Ok(roots)
}

impl Flat {
    fn depth(&self) -> usize {
        self.trace_address.as_ref().map_or(0, Vec::len)
    }

    fn position(&self) -> Option<u64> {
        self.transaction_position.map(|position| position.to())
    }

    fn push(&self, transaction: u32, stands: bool, frames: &mut Frames) -> Result<(), Refusal> {
        let Flat { kind, action, result, .. } = self;
        let none = Outcome::default();
        let outcome = result.as_ref().unwrap_or(&none);
        let (name, target) = match kind.as_str() {
            "call" => (action.call_type.as_deref().unwrap_or("call"), action.to),
            "create" => (action.creation_method.as_deref().unwrap_or("create"), outcome.address),
            "suicide" | "selfdestruct" => ("selfdestruct", action.refund_address),
            other => (other, action.to),
        };
        let value = action.value.or(action.balance).unwrap_or_default();
        let Some(kind) = kind_of(name, stands && !value.is_zero())? else { return Ok(()) };
        let is_creation = matches!(kind, frame_kind::CREATE | frame_kind::CREATE2);
        let (first, last) = match is_creation {
            true => (action.init.as_ref().or(action.input.as_ref()), outcome.code.as_ref().or(outcome.output.as_ref())),
            false => {
                (action.input.as_ref().or(action.init.as_ref()), outcome.output.as_ref().or(outcome.code.as_ref()))
            }
        };
        let row = Row {
            transaction,
            depth: self.depth() as u32,
            kind,
            sender: action.from.or(action.address).unwrap_or_default(),
            target,
            value,
            input: bytes(first),
            output: bytes(last),
            gas_used: outcome.gas_used.unwrap_or_default().to(),
            stands,
        };
        push(frames, &row)
    }
}
