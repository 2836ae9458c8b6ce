//! Blocks from whichever node gives them as they are: header and transactions, receipts, and call frames and storage
//! changes if somebody wants them. All parts are asked for by the block's hash, so that a reorg in between can't mix two
//! blocks. What fails in one way is asked for in another, for each block and each node by itself.

mod extras;
mod receipts;

use alloy::primitives::{B256, U64};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::decode::{Decoded, decode_block};
use super::family::Rules;
use super::fault::{Fault, Meaning};
use super::pool::{Endpoint, Pool};
use super::refusal::{Check, Refusal};
use super::rpc::Call;
use crate::block::{Block, ChainId};
use crate::source::raw::RawBlock;
use crate::subscription::Needs;

pub(super) use extras::{Part, Without};

/// A block and the form in which it came.
pub(super) struct Fetched {
    pub(super) block: Block,
    pub(super) raw: RawBlock,
    /// The place of the node that gave it.
    pub(super) endpoint: usize,
    /// Parts that somebody wants and no node gives.
    pub(super) without: Vec<Without>,
}

/// What names a block, as nodes give it.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Name {
    pub(super) hash: B256,
    pub(super) number: U64,
}

/// What is asked of each block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Want {
    pub(super) chain: ChainId,
    pub(super) rules: Rules,
    pub(super) needs: Needs,
    /// True if a block is to wait for parts that may come in a moment, false if it goes on without them.
    pub(super) patient: bool,
    /// True if it was taken in before: what fails on it says nothing of those to come.
    pub(super) is_late: bool,
}

/// Blocks from the first that was asked for, as far as they could be had.
pub(super) struct Served {
    pub(super) fetched: Vec<Fetched>,
    /// How many of the heights that were asked for are done: those blocks, and heights that have none.
    pub(super) passed: usize,
    /// Why there are no more; `None` if all came.
    pub(super) short: Option<Short>,
}

/// Why a block could not be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Short {
    /// Its height.
    pub(super) number: u64,
    /// True if no node has it, false if something failed.
    pub(super) is_missing: bool,
    /// What each node said.
    pub(super) reason: String,
}

/// Why a node did not give a block.
pub(super) enum Failed {
    /// It did not answer as it should.
    Fault(Fault),
    /// What it gave does not hold.
    Refused(Box<Refusal>),
    /// It does not have the block.
    Missing,
    /// It has the block, and not all of its parts.
    Partial(String),
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        if fault.meaning() == Meaning::BlockUnknown { Failed::Missing } else { Failed::Fault(fault) }
    }
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        Failed::Refused(Box::new(refusal))
    }
}

/// A block as a node named it, with its transactions.
pub(super) struct Body {
    pub(super) hash: B256,
    pub(super) number: u64,
    pub(super) transactions: Vec<B256>,
    pub(super) json: Box<RawValue>,
}

/// Fetches blocks of these heights, in order, as far as any node gives them.
pub(super) async fn blocks(pool: &Pool, numbers: &[u64], want: Want) -> Served {
    let mut fetched: Vec<Fetched> = Vec::with_capacity(numbers.len());
    let (mut passed, mut reasons) = (0, Vec::new());
    let mut is_missing = true;
    for endpoint in pool.order() {
        let left = &numbers[passed..];
        if left.is_empty() {
            break;
        }
        let (some, failed) = match pool.admit(endpoint).await {
            Ok(()) => from(pool, endpoint, left, want).await,
            Err(fault) => {
                is_missing = false;
                reasons.push(format!("{}: {fault}", endpoint.label));
                continue;
            }
        };
        if !some.is_empty() {
            pool.good(endpoint);
            reasons.clear();
            is_missing = true;
        }
        let Some(failed) = failed else {
            passed = numbers.len();
            fetched.extend(some);
            continue;
        };
        let newest = some.last().map(|fetched| fetched.block.number);
        passed += left.iter().take_while(|number| newest.is_some_and(|newest| **number <= newest)).count();
        fetched.extend(some);
        is_missing &= matches!(failed, Failed::Missing);
        reasons.push(format!("{}: {}", endpoint.label, note(pool, endpoint, failed)));
    }
    let short = numbers.get(passed).map(|number| {
        let reason = if reasons.is_empty() { "no node is configured".to_owned() } else { reasons.join("; ") };
        Short { number: *number, is_missing, reason }
    });
    Served { fetched, passed, short }
}

/// Notes a failure with the pool, and returns it in words.
fn note(pool: &Pool, endpoint: &Endpoint, failed: Failed) -> String {
    match failed {
        Failed::Fault(fault) => {
            if fault.is_answer() {
                pool.unserved(endpoint);
            } else {
                pool.fault(endpoint, &fault);
            }
            fault.to_string()
        }
        Failed::Refused(refusal) => {
            pool.refused(endpoint, refusal.to_string());
            refusal.to_string()
        }
        Failed::Partial(what) => {
            pool.unserved(endpoint);
            what
        }
        Failed::Missing => "it does not have the block".to_owned(),
    }
}

/// Fetches from one node. Returns the blocks before the first that failed, and why that one did.
async fn from(pool: &Pool, endpoint: &Endpoint, numbers: &[u64], want: Want) -> (Vec<Fetched>, Option<Failed>) {
    let skips = want.rules.family_of(want.chain).skips_heights();
    let (bodies, mut failed) = bodies(endpoint, numbers, skips).await;
    let mut receipts = receipts::of(endpoint, &bodies, want.patient).await.into_iter();
    let mut fetched = Vec::with_capacity(bodies.len());
    let mut again = Vec::new();
    for body in bodies {
        let receipts = match receipts.next() {
            Some(Ok(receipts)) => receipts,
            Some(Err(why)) => {
                failed = Some(why);
                break;
            }
            None => break,
        };
        again.push(body.transactions);
        let raw = RawBlock { chain_id: want.chain, block: body.json, receipts, traces: None, storage: None };
        fetched.push(raw);
    }
    let expected = fetched.len();
    let mut decoded = Vec::with_capacity(expected);
    for (result, transactions) in decode_all(fetched, want.rules, endpoint).await.into_iter().zip(again) {
        let result = match result {
            (raw, Ok(Decoded { block, missing })) if missing.is_empty() => Ok((raw, block)),
            (raw, Ok(Decoded { missing, .. })) => completed(endpoint, raw, missing, want).await,
            (raw, Err(refusal)) if refusal.check == Check::ReceiptCount => {
                completed(endpoint, raw, transactions, want).await.map_err(|_| Failed::from(refusal))
            }
            (_, Err(refusal)) => Err(Failed::from(refusal)),
        };
        match result {
            Ok((raw, block)) => {
                decoded.push(Fetched { block, raw, endpoint: endpoint.index, without: Vec::new() });
            }
            Err(why) => {
                failed = Some(why);
                break;
            }
        }
    }
    if failed.is_none() && decoded.len() < expected {
        failed = Some(Failed::Partial("decoding ended by a panic, please report it".into()));
    }
    let (decoded, short) = extras::complete(pool, endpoint, decoded, want).await;
    (decoded, short.or(failed))
}

/// Fetches headers and transactions. `skips`: whether the chain has heights without a block.
async fn bodies(endpoint: &Endpoint, numbers: &[u64], skips: bool) -> (Vec<Body>, Option<Failed>) {
    let calls = numbers.iter().map(|number| Call::new("eth_getBlockByNumber", json!([format!("{number:#x}"), true])));
    let mut bodies = Vec::with_capacity(numbers.len());
    for (number, result) in numbers.iter().zip(endpoint.client.calls(calls.collect()).await) {
        if skips && result.as_ref().is_err_and(|fault| fault.meaning() == Meaning::NoBlock) {
            continue;
        }
        match result.map_err(Failed::from).and_then(|json| body(*number, json)) {
            Ok(body) => bodies.push(body),
            Err(failed) => return (bodies, Some(failed)),
        }
    }
    (bodies, None)
}

fn body(asked: u64, json: Box<RawValue>) -> Result<Body, Failed> {
    #[derive(Deserialize)]
    struct Hash {
        hash: B256,
    }
    #[derive(Deserialize)]
    struct Outline {
        hash: B256,
        number: U64,
        /// Some nodes write null for none.
        transactions: Option<Vec<Hash>>,
    }
    if json.get() == "null" {
        return Err(Failed::Missing);
    }
    let outline: Outline =
        serde_json::from_str(json.get()).map_err(|error| Refusal::shape("block", json.get(), &error))?;
    let number = outline.number.to::<u64>();
    if number != asked {
        return Err(Refusal::new(Check::OtherBlock, "another height than was asked for", asked, number).into());
    }
    let transactions = outline.transactions.into_iter().flatten().map(|transaction| transaction.hash).collect();
    Ok(Body { hash: outline.hash, number, transactions, json })
}

/// Decodes a block again, once the receipts that were missing have been asked for one by one.
async fn completed(
    endpoint: &Endpoint,
    raw: RawBlock,
    missing: Vec<B256>,
    want: Want,
) -> Result<(RawBlock, Block), Failed> {
    let receipts = receipts::with_singles(endpoint, &raw.receipts, &missing).await?;
    let raw = RawBlock { receipts, ..raw };
    let mut decoded = decode_all(vec![raw], want.rules, endpoint).await;
    match decoded.pop() {
        Some((raw, Ok(Decoded { block, .. }))) => Ok((raw, block)),
        Some((_, Err(refusal))) => Err(refusal.into()),
        None => Err(Failed::Partial("decoding ended by a panic".into())),
    }
}

/// Decodes blocks on a thread of its own: recovering senders takes milliseconds, which the tasks that wait for nodes should
/// not.
async fn decode_all(
    raws: Vec<RawBlock>,
    rules: Rules,
    endpoint: &Endpoint,
) -> Vec<(RawBlock, Result<Decoded, Refusal>)> {
    let label = endpoint.label.clone();
    let decode = move |raw: RawBlock| {
        let decoded = decode_block(&raw, rules, &label);
        (raw, decoded)
    };
    let decoding = tokio::task::spawn_blocking(move || raws.into_iter().map(decode).collect());
    decoding.await.unwrap_or_else(|error| {
        // A task is cancelled when the host ends, which is no fault.
        if error.is_panic() {
            tracing::error!("decoding ended by a panic, please report it: {error}");
        }
        Vec::new()
    })
}
