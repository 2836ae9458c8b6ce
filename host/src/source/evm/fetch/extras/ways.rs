//! The ways in which a node may offer call frames and storage changes.

use alloy::primitives::B256;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::super::Fetched;
use crate::source::evm::fault::Fault;
use crate::source::evm::pool::Endpoint;
use crate::source::evm::rpc::Call;
use crate::subscription::Needs;

/// A part of a block that is fetched only if some detector wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::source::evm) enum Part {
    /// Call frames.
    Traces,
    /// Storage changes.
    Storage,
}

/// One way to ask for a part.
pub(super) struct Way {
    /// What is remembered as lacking or failing.
    pub(super) name: &'static str,
    method: &'static str,
    shape: Shape,
}

enum Shape {
    /// The whole block by its hash, with a tracer.
    Block(fn() -> Value),
    /// The whole block by its height, without a tracer.
    Height,
    /// Each transaction by its hash, with a tracer.
    Each(fn() -> Value),
}

fn call_tracer() -> Value {
    json!({ "tracer": "callTracer" })
}

fn prestate_tracer() -> Value {
    json!({ "tracer": "prestateTracer", "tracerConfig": { "diffMode": true } })
}

const BY_BLOCK: &str = "debug_traceBlockByHash";
const BY_TRANSACTION: &str = "debug_traceTransaction";

const TRACES: [Way; 3] = [
    Way { name: BY_BLOCK, method: BY_BLOCK, shape: Shape::Block(call_tracer) },
    Way { name: "trace_block", method: "trace_block", shape: Shape::Height },
    Way { name: BY_TRANSACTION, method: BY_TRANSACTION, shape: Shape::Each(call_tracer) },
];
const STORAGE: [Way; 2] = [
    Way { name: "debug_traceBlockByHash with prestateTracer", method: BY_BLOCK, shape: Shape::Block(prestate_tracer) },
    Way {
        name: "debug_traceTransaction with prestateTracer",
        method: BY_TRANSACTION,
        shape: Shape::Each(prestate_tracer),
    },
];

impl Part {
    pub(super) fn ways(self) -> &'static [Way] {
        match self {
            Part::Traces => &TRACES,
            Part::Storage => &STORAGE,
        }
    }

    pub(super) fn is_wanted(self, needs: &Needs) -> bool {
        match self {
            Part::Traces => needs.traces,
            Part::Storage => needs.storage,
        }
    }

    /// What a node that offers none of its ways lacks.
    pub(super) fn lacking(self) -> &'static str {
        match self {
            Part::Traces => "neither `debug_traceBlockByHash` nor `trace_block` nor `debug_traceTransaction`",
            Part::Storage => "no tracing with `prestateTracer`",
        }
    }

    /// The kind of the finding while it is missing.
    pub(in crate::source::evm) fn kind(self) -> &'static str {
        match self {
            Part::Traces => "traces-unavailable",
            Part::Storage => "storage-unavailable",
        }
    }

    /// What people call it.
    pub(in crate::source::evm) fn name(self) -> &'static str {
        match self {
            Part::Traces => "call frames",
            Part::Storage => "storage changes",
        }
    }
}

impl Way {
    /// Asks a node for the part of each block.
    pub(super) async fn ask(&self, endpoint: &Endpoint, blocks: &[&Fetched]) -> Vec<Result<Box<RawValue>, Fault>> {
        let params = |block: &Fetched| match &self.shape {
            Shape::Block(tracer) => json!([block.block.hash, tracer()]),
            _ => json!([format!("{:#x}", block.block.number)]),
        };
        let Shape::Each(tracer) = &self.shape else {
            let calls = blocks.iter().map(|block| Call::new(self.method, params(block)));
            return endpoint.client.calls(calls.collect()).await;
        };
        let mut answers = Vec::with_capacity(blocks.len());
        for block in blocks {
            answers.push(self.each(endpoint, block, tracer()).await);
        }
        answers
    }

    /// Asks for each transaction of a block, and puts the answers together as if the block had been asked for.
    async fn each(&self, endpoint: &Endpoint, block: &Fetched, tracer: Value) -> Result<Box<RawValue>, Fault> {
        let hashes: Vec<B256> = block.block.transactions.hash.iter().map(|hash| B256::from(*hash)).collect();
        let call = |hash: &B256| Call::new(self.method, json!([hash, tracer]));
        // The first one alone: a node that does not offer the method is not asked a hundred times.
        let (first, others) = hashes.split_at(hashes.len().min(1));
        let mut results = endpoint.client.calls(first.iter().map(call).collect()).await;
        let may_fail = block.block.transactions.gas_used.first() == Some(&0);
        if may_fail || results.iter().all(Result::is_ok) {
            results.extend(endpoint.client.calls(others.iter().map(call).collect()).await);
        }
        let mut parts = Vec::with_capacity(hashes.len());
        for ((hash, result), gas_used) in hashes.iter().zip(results).zip(&block.block.transactions.gas_used) {
            match result {
                Ok(result) => parts.push(format!("{{\"txHash\":\"{hash}\",\"result\":{}}}", result.get())),
                // A system's own transaction, which nobody signed, may have no trace.
                Err(fault) if fault.is_answer() && *gas_used == 0 => {}
                Err(fault) => return Err(fault),
            }
        }
        RawValue::from_string(format!("[{}]", parts.join(","))).map_err(|error| Fault::Unreadable(error.to_string()))
    }
}

/// Why an answer that lists transactions has no result of the tracer.
pub(super) enum NoResult {
    /// The node ignores the tracer and lists the steps of the machine.
    Steps,
    /// The tracer failed on a transaction.
    Error(String),
}

/// Returns why an answer has no result of the tracer; `None` if it has, or if it is something else altogether.
pub(super) fn no_result(answer: &RawValue) -> Option<NoResult> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Entry {
        #[serde(default)]
        result: Option<Steps>,
        #[serde(default)]
        struct_logs: Option<IgnoredAny>,
        #[serde(default)]
        error: Option<Value>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Steps {
        #[serde(default)]
        struct_logs: Option<IgnoredAny>,
    }
    let entries: Vec<Entry> = serde_json::from_str(answer.get()).ok()?;
    let is_steps = |entry: &Entry| {
        entry.struct_logs.is_some() || entry.result.as_ref().is_some_and(|result| result.struct_logs.is_some())
    };
    if entries.iter().any(is_steps) {
        return Some(NoResult::Steps);
    }
    let error = entries.into_iter().find(|entry| entry.result.is_none())?.error?;
    Some(NoResult::Error(error.as_str().map_or_else(|| error.to_string(), str::to_owned)))
}
