//! Call frames: from `callTracer`'s trees or from the flat list of `trace_block`.

use alloy::primitives::{Address, B256, Bytes, U64, U256};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::refusal::{Check, Refusal, same};
use super::traced;
use crate::block::{Frames, Transactions, frame_kind};
use crate::column::Overflow;

mod flat;

/// Deeper than the EVM goes; what claims more would overflow the stack that reads it.
const DEEPEST: u32 = 1_100;

/// Reads either shape. Each transaction must have its tree, begun by its sender; only one that used no gas may have none.
///
/// # Errors
/// If the traces are unreadable, are those of other transactions, or hold a call of an unknown kind that moved something.
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
    let roots = match flat {
        true => flat::read(&elements, transactions, &mut frames)?,
        false => read_trees(&elements, transactions, &mut frames)?,
    };
    for (transaction, row) in roots {
        // By the source's word: the frames are no more than that.
        let sender = Address::from(*transactions.sender.stated(transaction));
        let stated = Address::from(*frames.sender.get(row));
        let what = || format!("a trace that another sender begins for transaction {transaction}");
        same(Check::Traces, what, sender, stated)?;
    }
    Ok(frames)
}

/// A transaction, and the row at which its tree begins.
type Root = (usize, usize);

fn parse<'a, T: Deserialize<'a>>(json: &'a RawValue) -> Result<T, Refusal> {
    serde_json::from_str(json.get()).map_err(|error| Refusal::shape("traces", json.get(), &error))
}

/// Returns the kind of a frame; `None` for one that is no call and moved nothing (`STOP`, `INVALID`), which is left out.
fn kind_of(name: &str, moved: bool) -> Result<Option<u8>, Refusal> {
    if let Some(code) = frame_kind::code(name) {
        return Ok(Some(code));
    }
    if moved {
        let expected = format!("one of {}", frame_kind::NAMES.join(", "));
        return Err(Refusal::new(Check::Traces, "a call of an unknown kind", expected, name));
    }
    Ok(None)
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

fn push(frames: &mut Frames, row: &Row<'_>) -> Result<(), Refusal> {
    let too_large = |Overflow| Refusal::new(Check::Traces, "more bytes in one column", "up to 4 GiB", "more");
    let is_creation = matches!(row.kind, frame_kind::CREATE | frame_kind::CREATE2);
    let target = row.target.filter(|_| row.stands || !is_creation).unwrap_or_default();
    frames.transaction_index.push(row.transaction);
    frames.depth.push(row.depth);
    frames.kind.push(row.kind);
    frames.sender.push(&row.sender);
    frames.target.push(&target);
    frames.value.push(&row.value.to_be_bytes());
    frames.input.push(row.input).map_err(too_large)?;
    frames.output.push(row.output).map_err(too_large)?;
    frames.gas_used.push(row.gas_used);
    frames.status.push(u8::from(row.stands));
    Ok(())
}

/// One transaction's tree, as `debug_traceBlockByHash` gives it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Traced<'a> {
    #[serde(default)]
    tx_hash: Option<B256>,
    #[serde(default)]
    result: Option<Call<Calls8<'a>>>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

/// Any of its members may be missing or null.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "C: Deserialize<'de>"))]
struct Call<C> {
    #[serde(rename = "type", default)]
    kind: Option<String>,
    #[serde(default)]
    from: Option<Address>,
    #[serde(default)]
    to: Option<Address>,
    #[serde(default)]
    value: Option<U256>,
    #[serde(default)]
    input: Option<Bytes>,
    #[serde(default)]
    output: Option<Bytes>,
    #[serde(default)]
    gas_used: Option<U64>,
    #[serde(rename = "error", default, deserialize_with = "failed")]
    has_failed: bool,
    #[serde(default)]
    calls: Option<Vec<C>>,
}

fn bytes(bytes: Option<&Bytes>) -> &[u8] {
    match bytes {
        Some(bytes) => bytes,
        None => &[],
    }
}

/// Whether an error is told, of whatever type.
fn failed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let error = <&RawValue>::deserialize(deserializer)?;
    Ok(!matches!(error.get(), "null" | "\"\"" | "false"))
}

/// A tree is read eight levels at a time: the JSON reader keeps to 128 levels of nesting, calls don't; and to
/// read each level by itself would go over a deep tree's text as often as it is deep.
type Calls8<'a> = Call<Call<Call<Call<Call<Call<Call<&'a RawValue>>>>>>>;

/// Bytes of stack that eight levels take at most, and how many are added if fewer are left.
const STACK_LEFT: usize = 256 * 1024;
const STACK_MORE: usize = 2 * 1024 * 1024;

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
        // A node may send 1,024 levels, which take more than a thread's stack where nothing is optimised.
        stacker::maybe_grow(STACK_LEFT, STACK_MORE, || parse::<Call<Calls8<'_>>>(self)?.visit(at, frames))
    }
}

impl<C: Callee> Callee for Call<C> {
    fn visit(&self, at: Place, frames: &mut Frames) -> Result<(), Refusal> {
        if at.depth > DEEPEST {
            return Err(Refusal::new(Check::Traces, "calls deeper than the EVM goes", "up to 1024", at.depth));
        }
        let stands = at.stands && !self.has_failed;
        let value = self.value.unwrap_or_default();
        let calls = self.calls.as_deref().unwrap_or_default();
        let moved = stands && !(value.is_zero() && calls.is_empty());
        let Some(kind) = kind_of(self.kind.as_deref().unwrap_or_default(), moved)? else { return Ok(()) };
        let row = Row {
            transaction: at.transaction,
            depth: at.depth,
            kind,
            sender: self.from.unwrap_or_default(),
            target: self.to,
            value,
            input: bytes(self.input.as_ref()),
            output: bytes(self.output.as_ref()),
            gas_used: self.gas_used.unwrap_or_default().to(),
            stands,
        };
        push(frames, &row)?;
        let below = Place { depth: at.depth + 1, stands, ..at };
        calls.iter().try_for_each(|call| call.visit(below, frames))
    }
}

/// Reads one tree for each transaction.
fn read_trees(elements: &[&RawValue], transactions: &Transactions, frames: &mut Frames) -> Result<Vec<Root>, Refusal> {
    let traced: Vec<Traced<'_>> = elements.iter().map(|element| parse(element)).collect::<Result<_, _>>()?;
    let stated: Vec<Option<B256>> = traced.iter().map(|traced| traced.tx_hash).collect();
    let places = traced::assign(Check::Traces, "traces", &stated, transactions)?;
    let mut roots = Vec::with_capacity(elements.len());
    for ((transaction, traced), element) in places.into_iter().zip(traced).zip(elements) {
        // Some nodes give the trees alone.
        let bare = || parse::<Call<Calls8<'_>>>(element).ok().filter(|call| call.kind.is_some() && call.from.is_some());
        // Steps of the machine have no type: the node does not know the tracer.
        let Some(root) = traced.result.filter(|root| root.kind.is_some()).or_else(bare) else {
            let came = traced.error.map_or_else(|| "none".to_owned(), |error| error.get().to_owned());
            let what = format!("no trace of transaction {transaction}");
            return Err(Refusal::new(Check::Traces, what, "a tree of calls", came));
        };
        let row = frames.len();
        root.visit(Place { transaction: transaction as u32, depth: 0, stands: true }, frames)?;
        if frames.len() > row {
            roots.push((transaction, row));
        }
    }
    Ok(roots)
}
