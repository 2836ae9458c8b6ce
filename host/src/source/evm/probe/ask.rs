//! Asks one endpoint.

use std::time::Instant;

use alloy::primitives::{Address, B256, U64};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{EndpointReport, MethodReport};
use crate::source::evm::config::ChainConfig;
use crate::source::evm::fault::{Fault, Meaning};
use crate::source::evm::pool::Endpoint;
use crate::source::evm::rpc::Call;

/// How many answers are timed.
const TIMED: usize = 5;
/// How far below the head a block with transactions is looked for: methods are tried on it.
const LOOKED_THROUGH: u64 = 32;
/// Batches that are tried, in calls.
const BATCHES: [u32; 4] = [8, 32, 100, 500];
/// Ranges of logs that are tried, in blocks.
const RANGES: [u64; 4] = [100, 1_000, 10_000, 100_000];
/// Depths that are tried, in blocks. A full node has 128 or so.
const DEPTHS: [u64; 6] = [0, 32, 120, 1_000, 10_000, 100_000];
/// Longest answer that is shown.
const SAID_CHARS: usize = 160;

#[derive(Debug, Deserialize)]
struct Outline {
    hash: B256,
    number: U64,
    timestamp: U64,
    #[serde(default)]
    transactions: Vec<B256>,
}

pub(super) async fn report(endpoint: &Endpoint, config: &ChainConfig, now_s: u64) -> EndpointReport {
    let mut report = EndpointReport { endpoint: endpoint.label.clone(), ..EndpointReport::default() };
    match ask::<U64>(endpoint, "eth_chainId", json!([])).await {
        Ok(chain) => report.chain = chain.map(|chain| chain.to()),
        Err(fault) if fault.meaning() == Meaning::MethodUnknown => {
            report.faults.push("it does not say which chain it is on".to_owned());
        }
        Err(fault) => {
            report.faults.push(format!("it does not answer: {}", said(&fault)));
            return report;
        }
    }
    report.is_right_chain = report.chain.is_none_or(|chain| chain == config.id);
    report.client = ask::<String>(endpoint, "web3_clientVersion", json!([])).await.ok().flatten();
    report.latency_ms = latency_ms(endpoint).await;
    let head = match outline(endpoint, "latest").await {
        Ok(Some(head)) => head,
        Ok(None) => {
            report.faults.push("it has no newest block".to_owned());
            return report;
        }
        Err(fault) => {
            report.faults.push(format!("its newest block can't be had: {}", said(&fault)));
            return report;
        }
    };
    let height = head.number.to::<u64>();
    let time_s = i64::try_from(head.timestamp.to::<u64>()).unwrap_or(i64::MAX);
    report.head = Some(height);
    report.head_age_s = Some(i64::try_from(now_s).unwrap_or(i64::MAX).saturating_sub(time_s));
    report.safe = tag(endpoint, "safe").await;
    report.finalized = tag(endpoint, "finalized").await;
    report.announces_heads =
        endpoint.client.subscribes() && matches!(endpoint.client.subscribe(json!(["newHeads"])).await, Ok(Some(_)));
    let sample = with_transactions(endpoint, head).await;
    report.methods = methods(endpoint, &sample).await;
    report.batch = batch(endpoint).await;
    report.logs_range = logs_range(endpoint, height).await;
    depths(endpoint, height, &mut report).await;
    report
}

/// Makes a call and reads its answer; `None` if that is `null`.
async fn ask<T: DeserializeOwned>(
    endpoint: &Endpoint,
    method: &'static str,
    params: Value,
) -> Result<Option<T>, Fault> {
    let answer = endpoint.client.call(Call::new(method, params)).await?;
    serde_json::from_str(answer.get()).map_err(|error| Fault::Unreadable(error.to_string()))
}

async fn outline(endpoint: &Endpoint, block: &str) -> Result<Option<Outline>, Fault> {
    ask(endpoint, "eth_getBlockByNumber", json!([block, false])).await
}

async fn tag(endpoint: &Endpoint, tag: &str) -> Option<u64> {
    outline(endpoint, tag).await.ok().flatten().map(|block| block.number.to())
}

async fn latency_ms(endpoint: &Endpoint) -> Option<u64> {
    let mut took = Vec::with_capacity(TIMED);
    for _ in 0..TIMED {
        let began = Instant::now();
        endpoint.client.call(Call::new("eth_blockNumber", json!([]))).await.ok()?;
        took.push(began.elapsed().as_millis() as u64);
    }
    took.sort_unstable();
    took.get(TIMED / 2).copied()
}

/// The newest block that has a transaction, or the head if none has one.
async fn with_transactions(endpoint: &Endpoint, head: Outline) -> Outline {
    let height = head.number.to::<u64>();
    let mut number = height;
    while head.transactions.is_empty() && number > height.saturating_sub(LOOKED_THROUGH) {
        number -= 1;
        match outline(endpoint, &format!("{number:#x}")).await {
            Ok(Some(block)) if !block.transactions.is_empty() => return block,
            Ok(_) => {}
            Err(_) => break,
        }
    }
    head
}

async fn methods(endpoint: &Endpoint, sample: &Outline) -> Vec<MethodReport> {
    let (hash, height) = (sample.hash, format!("{:#x}", sample.number.to::<u64>()));
    let call_tracer = json!({ "tracer": "callTracer" });
    let prestate_tracer = json!({ "tracer": "prestateTracer", "tracerConfig": { "diffMode": true } });
    let first = sample.transactions.first();
    let of_transaction = |more: Vec<Value>| first.map(|hash| [vec![json!(hash)], more].concat());
    let all: [(&'static str, &'static str, Option<Vec<Value>>); 9] = [
        ("eth_getBlockReceipts", "eth_getBlockReceipts", Some(vec![json!(hash)])),
        ("eth_getTransactionReceipt", "eth_getTransactionReceipt", of_transaction(Vec::new())),
        ("debug_traceBlockByHash", "debug_traceBlockByHash", Some(vec![json!(hash), call_tracer.clone()])),
        ("trace_block", "trace_block", Some(vec![json!(height)])),
        ("debug_traceTransaction", "debug_traceTransaction", of_transaction(vec![call_tracer])),
        (
            "debug_traceBlockByHash with prestateTracer",
            "debug_traceBlockByHash",
            Some(vec![json!(hash), prestate_tracer]),
        ),
        ("pending block", "eth_getBlockByNumber", Some(vec![json!("pending"), json!(true)])),
        (
            "reads at a block's hash",
            "eth_getBalance",
            Some(vec![json!(Address::ZERO), json!({ "blockHash": sample.hash })]),
        ),
        ("eth_getLogs", "eth_getLogs", Some(vec![json!({ "blockHash": sample.hash })])),
    ];
    let mut reports = Vec::with_capacity(all.len());
    for (name, method, params) in all {
        let (works, said) = match params {
            None => (None, "no transaction to try it on".to_owned()),
            Some(params) => match endpoint.client.call(Call::new(method, Value::Array(params))).await {
                Ok(answer) => judged(name, &answer),
                Err(fault) => (Some(false), said(&fault)),
            },
        };
        reports.push(MethodReport { name, works, said });
    }
    reports
}

/// Whether an answer is of the kind that was asked for.
fn judged(name: &str, answer: &RawValue) -> (Option<bool>, String) {
    match answer.get() {
        "null" => (Some(false), "null".to_owned()),
        // A node that ignores the tracer answers with steps of its virtual machine.
        text if name.starts_with("debug_") && text.contains("\"structLogs\"") => {
            (Some(false), "it ignores the tracer that is asked for".to_owned())
        }
        _ => (Some(true), String::new()),
    }
}

/// The largest batch that is answered in full; 1 if none is.
async fn batch(endpoint: &Endpoint) -> Option<u32> {
    let mut largest = 1;
    for size in BATCHES {
        let calls = vec![Call::new("eth_blockNumber", json!([])); size as usize];
        match endpoint.client.batch(&calls).await {
            Ok(answers) if answers.iter().all(Result::is_ok) => largest = size,
            Err(Fault::Timeout(_) | Fault::Throttled { .. }) if largest == 1 => return None,
            _ => break,
        }
    }
    Some(largest)
}

/// The widest range of logs that is answered. Of an address that has none, so that only the range counts.
async fn logs_range(endpoint: &Endpoint, head: u64) -> Option<u64> {
    let nobody = Address::repeat_byte(0xee);
    let mut widest = None;
    for range in RANGES {
        let from = head.saturating_sub(range - 1);
        let filter = json!([{ "fromBlock": format!("{from:#x}"), "toBlock": format!("{head:#x}"), "address": nobody }]);
        if endpoint.client.call(Call::new("eth_getLogs", filter)).await.is_err() {
            break;
        }
        widest = Some(range.min(head + 1));
        if range > head {
            break;
        }
    }
    widest
}

/// How deep state and traces go.
async fn depths(endpoint: &Endpoint, head: u64, report: &mut EndpointReport) {
    let tracing = ["debug_traceBlockByHash", "trace_block"].into_iter().find(|name| report.offers(name));
    let (mut has_state, mut has_traces) = (true, tracing.is_some());
    // The first block is the deepest: before it there is no state to trace from.
    let all = DEPTHS.into_iter().filter(|depth| *depth + 1 < head).chain(head.checked_sub(1));
    for depth in all {
        if !has_state && !has_traces {
            return;
        }
        let height = format!("{:#x}", head - depth);
        if has_state {
            has_state = ask::<Value>(endpoint, "eth_getBalance", json!([Address::ZERO, height])).await.is_ok();
            report.state_depth = if has_state { Some(depth) } else { report.state_depth };
        }
        if has_traces {
            has_traces = match tracing {
                Some("trace_block") => {
                    matches!(ask::<Value>(endpoint, "trace_block", json!([height])).await, Ok(Some(_)))
                }
                _ => traces_by_hash(endpoint, &height).await,
            };
            report.traces_depth = if has_traces { Some(depth) } else { report.traces_depth };
        }
    }
    report.is_archive = has_state && (has_traces || tracing.is_none());
}

async fn traces_by_hash(endpoint: &Endpoint, height: &str) -> bool {
    let Ok(Some(block)) = outline(endpoint, height).await else { return false };
    let params = json!([block.hash, { "tracer": "callTracer" }]);
    matches!(ask::<Value>(endpoint, "debug_traceBlockByHash", params).await, Ok(Some(_)))
}

fn said(fault: &Fault) -> String {
    fault.to_string().chars().take(SAID_CHARS).collect()
}
