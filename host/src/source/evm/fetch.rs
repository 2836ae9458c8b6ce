//! Whole blocks from whichever node gives them as they are: header and transactions, receipts, and traces and storage
//! changes where somebody wants them. All parts are asked for by the block's hash, so that a reorg in between can't
//! mix two blocks.

use alloy::primitives::B256;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::decode::decode;
use super::pool::{Endpoint, Pool};
use super::refusal::{Check, Refusal};
use super::rpc::{Call, Fault};
use crate::block::{Block, ChainId, Verification};
use crate::event::Coverage;
use crate::finding::Severity;
use crate::source::raw::RawBlock;
use crate::subscription::Needs;

/// A block and the form in which it came.
pub(super) struct Fetched {
    pub(super) block: Block,
    pub(super) raw: RawBlock,
}

/// What names a block, as nodes give it.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Name {
    pub(super) hash: B256,
    pub(super) number: alloy::primitives::U64,
}

/// What is asked of each block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Want {
    pub(super) chain: ChainId,
    pub(super) level: Verification,
    pub(super) needs: Needs,
}

enum Failed {
    /// The node did not answer as it should.
    Fault(Fault),
    /// What it gave does not hold.
    Refused(Box<Refusal>),
    /// It does not have the block.
    Missing,
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        if fault.is_unknown_block() { Failed::Missing } else { Failed::Fault(fault) }
    }
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        Failed::Refused(Box::new(refusal))
    }
}

/// Blocks of these heights, in order, all from one node. Turns to the next node as long as one does not give them;
/// `None` where none does for now.
pub(super) async fn blocks(pool: &Pool, numbers: &[u64], want: Want) -> Option<Vec<Fetched>> {
    for endpoint in pool.order() {
        match from(pool, endpoint, numbers, want).await {
            Ok(fetched) => {
                pool.good(endpoint);
                return Some(fetched);
            }
            Err(Failed::Fault(fault)) => pool.fault(endpoint, &fault),
            Err(Failed::Refused(refusal)) => pool.refused(endpoint, refusal.to_string()),
            Err(Failed::Missing) => {}
        }
    }
    None
}

async fn from(pool: &Pool, endpoint: &Endpoint, numbers: &[u64], want: Want) -> Result<Vec<Fetched>, Failed> {
    let calls = numbers.iter().map(|number| Call::new("eth_getBlockByNumber", json!([format!("{number:#x}"), true])));
    let mut bodies = Vec::with_capacity(numbers.len());
    for (number, result) in numbers.iter().zip(endpoint.client.calls(calls.collect()).await?) {
        let body = result?;
        if body.get() == "null" {
            return Err(Failed::Missing);
        }
        let name: Name = serde_json::from_str(body.get()).map_err(|error| Refusal::shape("block", &error))?;
        if name.number.to::<u64>() != *number {
            let what = "another height than was asked for";
            return Err(Refusal::new(Check::OtherBlock, what, number, name.number.to::<u64>()).into());
        }
        bodies.push((name.hash, body));
    }
    let hashes: Vec<B256> = bodies.iter().map(|(hash, _)| *hash).collect();
    let receipts = receipts(endpoint, &bodies).await?;
    let traces = match want.needs.traces {
        true => traces(pool, endpoint, &bodies, want.chain).await?,
        false => vec![None; hashes.len()],
    };
    let storage = match want.needs.storage {
        true => storage(pool, endpoint, &hashes, want.chain).await?,
        false => vec![None; hashes.len()],
    };
    let raws = bodies
        .into_iter()
        .zip(receipts)
        .zip(traces.into_iter().zip(storage))
        .map(|(((_, block), receipts), (traces, storage))| RawBlock {
            chain_id: want.chain,
            block,
            receipts,
            traces,
            storage,
        })
        .collect::<Vec<_>>();
    let label = endpoint.label.clone();
    // Recovering senders takes milliseconds, which the tasks that wait for nodes should not.
    let decoded = tokio::task::spawn_blocking(move || {
        raws.into_iter().map(|raw| Ok(Fetched { block: decode(&raw, want.level, &label)?, raw })).collect()
    });
    let decoded: Result<Vec<Fetched>, Refusal> = decoded
        .await
        .map_err(|error| Failed::Fault(Fault::Unreadable(format!("decoding ended by a panic: {error}"))))?;
    Ok(decoded?)
}

async fn receipts(endpoint: &Endpoint, bodies: &[(B256, Box<RawValue>)]) -> Result<Vec<Box<RawValue>>, Failed> {
    const METHOD: &str = "eth_getBlockReceipts";
    if !endpoint.lacks(METHOD) {
        let calls = bodies.iter().map(|(hash, _)| Call::new(METHOD, json!([hash])));
        let answers = endpoint.client.calls(calls.collect()).await?;
        if !answers.iter().any(|answer| answer.as_ref().is_err_and(Fault::is_unsupported)) {
            let answers = answers.into_iter().map(|answer| present(answer?));
            return answers.collect();
        }
        endpoint.note_lack(METHOD);
    }
    let mut all = Vec::with_capacity(bodies.len());
    for (_, body) in bodies {
        all.push(receipts_one_by_one(endpoint, body).await?);
    }
    Ok(all)
}

async fn receipts_one_by_one(endpoint: &Endpoint, body: &RawValue) -> Result<Box<RawValue>, Failed> {
    #[derive(Deserialize)]
    struct Hash {
        hash: B256,
    }
    #[derive(Deserialize)]
    struct Body {
        transactions: Vec<Hash>,
    }
    let body: Body = serde_json::from_str(body.get()).map_err(|error| Refusal::shape("block", &error))?;
    let calls = body.transactions.iter().map(|tx| Call::new("eth_getTransactionReceipt", json!([tx.hash])));
    let answers = endpoint.client.calls(calls.collect()).await?;
    let receipts = answers.into_iter().map(|answer| present(answer?)).collect::<Result<Vec<_>, Failed>>()?;
    let all: Vec<&str> = receipts.iter().map(|receipt| receipt.get()).collect();
    RawValue::from_string(format!("[{}]", all.join(",")))
        .map_err(|error| Failed::Fault(Fault::Unreadable(error.to_string())))
}

fn present(answer: Box<RawValue>) -> Result<Box<RawValue>, Failed> {
    if answer.get() == "null" { Err(Failed::Missing) } else { Ok(answer) }
}

/// Call frames by `callTracer`, or where the node has no `debug_` methods by `trace_block`. A block without them
/// where they are wanted is delivered all the same, and that is told.
async fn traces(
    pool: &Pool,
    endpoint: &Endpoint,
    bodies: &[(B256, Box<RawValue>)],
    chain: ChainId,
) -> Result<Vec<Option<Box<RawValue>>>, Failed> {
    let by_tracer = |(hash, _): &(B256, Box<RawValue>)| json!([hash, { "tracer": "callTracer" }]);
    let by_height = |(_, body): &(B256, Box<RawValue>)| match serde_json::from_str::<Name>(body.get()) {
        Ok(name) => json!([name.number]),
        Err(_) => json!([]),
    };
    let tracer: Vec<_> = bodies.iter().map(by_tracer).collect();
    if let Some(found) = offered(endpoint, "debug_traceBlockByHash", "callTracer", tracer).await? {
        return Ok(found);
    }
    let heights: Vec<_> = bodies.iter().map(by_height).collect();
    if let Some(found) = offered(endpoint, "trace_block", "trace_block", heights).await? {
        return Ok(found);
    }
    blind(pool, endpoint, chain, "traces", "`debug_traceBlockByHash` nor `trace_block`");
    Ok(vec![None; bodies.len()])
}

async fn storage(
    pool: &Pool,
    endpoint: &Endpoint,
    hashes: &[B256],
    chain: ChainId,
) -> Result<Vec<Option<Box<RawValue>>>, Failed> {
    let config = json!({ "tracer": "prestateTracer", "tracerConfig": { "diffMode": true } });
    let params = hashes.iter().map(|hash| json!([hash, config])).collect();
    match offered(endpoint, "debug_traceBlockByHash", "prestateTracer", params).await? {
        Some(found) => Ok(found),
        None => {
            blind(pool, endpoint, chain, "storage", "`debug_traceBlockByHash` with `prestateTracer`");
            Ok(vec![None; hashes.len()])
        }
    }
}

/// The answers of a method; `None` where the node does not offer it. `feature` is what is remembered as lacking.
async fn offered(
    endpoint: &Endpoint,
    method: &'static str,
    feature: &'static str,
    params: Vec<serde_json::Value>,
) -> Result<Option<Vec<Option<Box<RawValue>>>>, Failed> {
    if endpoint.lacks(feature) {
        return Ok(None);
    }
    let answers = endpoint.client.calls(params.into_iter().map(|params| Call::new(method, params)).collect()).await?;
    if answers.iter().any(|answer| answer.as_ref().is_err_and(Fault::is_unsupported)) {
        endpoint.note_lack(feature);
        return Ok(None);
    }
    let found: Result<Vec<_>, Failed> = answers.into_iter().map(|answer| present(answer?).map(Some)).collect();
    found.map(Some)
}

fn blind(pool: &Pool, endpoint: &Endpoint, chain: ChainId, what: &str, lacks: &str) {
    let message = format!("{} offers neither {lacks}: detectors that need {what} see none", endpoint.label);
    let message = if what == "storage" { message.replace("neither ", "no ") } else { message };
    pool.tell(Coverage {
        kind: format!("{what}-unavailable"),
        subject: format!("chain/{chain}"),
        severity: Severity::High,
        message,
        over: false,
    });
}
