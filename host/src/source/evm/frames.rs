//! Call frames: from `callTracer`'s trees or from the flat list of `trace_block`.

use alloy::primitives::{Address, B256, Bytes, U64, U256};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::refusal::{Check, Refusal, same};
use crate::block::{Frames, Transactions, frame_kind};

/// Deeper than the EVM goes; what claims more would overflow the stack that reads it.
const DEEPEST: u32 = 1_100;

/// Reads either shape. Each transaction must have its tree, begun by its sender.
pub(super) fn decode(traces: &RawValue, transactions: &Transactions) -> Result<Frames, Refusal> {
    #[derive(Deserialize)]
    struct Probe {
        #[serde(default)]
        action: Option<IgnoredAny>,
    }
    let elements: Vec<&RawValue> = parse(traces)?;
    let flat = match elements.first() {
        Some(first) => parse::<Probe>(first)?.action.is_some(),
        None => false,
    };
    let mut frames = Frames::default();
    let roots =
        if flat { read_flat(&elements, &mut frames)? } else { read_trees(&elements, transactions, &mut frames)? };
    same(Check::Traces, || "traces of another number of transactions".into(), transactions.len(), roots.len())?;
    for (index, root) in roots.into_iter().enumerate() {
        let sender = Address::from(*transactions.sender.get(index));
        let stated = Address::from(*frames.sender.get(root));
        same(Check::Traces, || format!("a trace that another sender begins for transaction {index}"), sender, stated)?;
    }
    Ok(frames)
}

fn parse<'a, T: Deserialize<'a>>(json: &'a RawValue) -> Result<T, Refusal> {
    serde_json::from_str(json.get()).map_err(|error| Refusal::shape("traces", &error))
}

fn kind_of(name: &str) -> Result<u8, Refusal> {
    frame_kind::code(name).ok_or_else(|| {
        Refusal::new(
            Check::Traces,
            "a call of an unknown kind",
            format!("one of {}", frame_kind::NAMES.join(", ")),
            name,
        )
    })
}

/// A frame in either shape.
struct Row<'a> {
    transaction: u32,
    depth: u32,
    kind: u8,
    sender: Address,
    target: Option<Address>,
    value: U256,
    input: &'a [u8],
    output: &'a [u8],
    gas_used: u64,
    /// Neither it nor a frame around it was reverted.
    stands: bool,
}

fn push(frames: &mut Frames, row: &Row<'_>) {
    let is_creation = matches!(row.kind, frame_kind::CREATE | frame_kind::CREATE2);
    let target = row.target.filter(|_| row.stands || !is_creation).unwrap_or_default();
    frames.transaction_index.push(row.transaction);
    frames.depth.push(row.depth);
    frames.kind.push(row.kind);
    frames.sender.push(&row.sender);
    frames.target.push(&target);
    frames.value.push(&row.value.to_be_bytes());
    frames.input.push(row.input);
    frames.output.push(row.output);
    frames.gas_used.push(row.gas_used);
    frames.status.push(u8::from(row.stands));
}

/// One transaction's tree, as `debug_traceBlockByHash` gives it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Traced<'a> {
    #[serde(default)]
    tx_hash: Option<B256>,
    #[serde(default)]
    result: Option<Call<Calls8<'a>>>,
    #[serde(default)]
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "C: Deserialize<'de>"))]
struct Call<C> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    from: Address,
    #[serde(default)]
    to: Option<Address>,
    #[serde(default)]
    value: Option<U256>,
    #[serde(default)]
    input: Bytes,
    #[serde(default)]
    output: Bytes,
    #[serde(default)]
    gas_used: U64,
    #[serde(default)]
    error: Option<String>,
    #[serde(default = "Vec::new")]
    calls: Vec<C>,
}

/// A tree is read eight levels at a time: the JSON reader keeps to 128 levels of nesting, calls don't; and to
/// read each level by itself would go over a deep tree's text as often as it is deep.
type Calls8<'a> = Call<Call<Call<Call<Call<Call<Call<&'a RawValue>>>>>>>;

/// What a level of calls holds: calls, or text that is still to be read.
trait Callee {
    fn visit(&self, at: Place, frames: &mut Frames) -> Result<(), Refusal>;
}

#[derive(Clone, Copy)]
struct Place {
    transaction: u32,
    depth: u32,
    stands: bool,
}

impl Callee for &RawValue {
    fn visit(&self, at: Place, frames: &mut Frames) -> Result<(), Refusal> {
        parse::<Call<Calls8<'_>>>(self)?.visit(at, frames)
    }
}

impl<C: Callee> Callee for Call<C> {
    fn visit(&self, at: Place, frames: &mut Frames) -> Result<(), Refusal> {
        if at.depth > DEEPEST {
            return Err(Refusal::new(Check::Traces, "calls deeper than the EVM goes", "up to 1024", at.depth));
        }
        let stands = at.stands && self.error.is_none();
        let row = Row {
            transaction: at.transaction,
            depth: at.depth,
            kind: kind_of(&self.kind)?,
            sender: self.from,
            target: self.to,
            value: self.value.unwrap_or_default(),
            input: &self.input,
            output: &self.output,
            gas_used: self.gas_used.to(),
            stands,
        };
        push(frames, &row);
        let below = Place { depth: at.depth + 1, stands, ..at };
        self.calls.iter().try_for_each(|call| call.visit(below, frames))
    }
}

/// Gives the row at which each transaction's tree begins.
fn read_trees(elements: &[&RawValue], transactions: &Transactions, frames: &mut Frames) -> Result<Vec<usize>, Refusal> {
    let mut roots = Vec::with_capacity(elements.len());
    for (index, element) in elements.iter().enumerate() {
        let traced: Traced<'_> = parse(element)?;
        if let Some(stated) = traced.tx_hash.filter(|_| index < transactions.len()) {
            let expected = B256::from(*transactions.hash.get(index));
            same(Check::Traces, || format!("a trace of another transaction at place {index}"), expected, stated)?;
        }
        let Some(root) = traced.result else {
            let came = traced.error.unwrap_or_else(|| "none".into());
            return Err(Refusal::new(
                Check::Traces,
                format!("no trace of transaction {index}"),
                "a tree of calls",
                came,
            ));
        };
        roots.push(frames.len());
        root.visit(Place { transaction: index as u32, depth: 0, stands: true }, frames)?;
    }
    Ok(roots)
}

/// One frame, as `trace_block` gives it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Flat {
    #[serde(rename = "type")]
    kind: String,
    action: Action,
    #[serde(default)]
    result: Option<Outcome>,
    #[serde(default)]
    error: Option<String>,
    trace_address: Vec<u32>,
    #[serde(default)]
    transaction_position: Option<u32>,
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
    #[serde(alias = "init", default)]
    input: Bytes,
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
    gas_used: U64,
    #[serde(alias = "code", default)]
    output: Bytes,
    #[serde(default)]
    address: Option<Address>,
}

fn read_flat(elements: &[&RawValue], frames: &mut Frames) -> Result<Vec<usize>, Refusal> {
    let mut roots = Vec::new();
    // Whether the frames around the one at hand stand, by depth.
    let mut around: Vec<bool> = Vec::new();
    for element in elements {
        let Flat { kind, action, result, error, trace_address, transaction_position } = parse(element)?;
        if kind == "reward" {
            continue;
        }
        let depth = trace_address.len();
        if depth == 0 {
            roots.push(frames.len());
        }
        let current = roots.len().saturating_sub(1) as u32;
        let what = || "traces out of order".to_owned();
        same(Check::Traces, what, current, transaction_position.unwrap_or(current))?;
        if roots.is_empty() || depth > around.len() || depth as u32 > DEEPEST {
            return Err(Refusal::new(Check::Traces, what(), format!("depth {} at most", around.len()), depth));
        }
        around.truncate(depth);
        let stands = around.last().copied().unwrap_or(true) && error.is_none();
        around.push(stands);
        let outcome = result.unwrap_or_default();
        let (name, target) = match kind.as_str() {
            "call" => (action.call_type.as_deref().unwrap_or("call"), action.to),
            "create" => (action.creation_method.as_deref().unwrap_or("create"), outcome.address),
            "suicide" | "selfdestruct" => ("selfdestruct", action.refund_address),
            other => (other, action.to),
        };
        let row = Row {
            transaction: current,
            depth: depth as u32,
            kind: kind_of(name)?,
            sender: action.from.or(action.address).unwrap_or_default(),
            target,
            value: action.value.or(action.balance).unwrap_or_default(),
            input: &action.input,
            output: &outcome.output,
            gas_used: outcome.gas_used.to(),
            stands,
        };
        push(frames, &row);
    }
    Ok(roots)
}
