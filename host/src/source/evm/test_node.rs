//! A node for tests: answers JSON-RPC over HTTP from a document in the form of `../shared/cases` (`tools/mocknode.py`
//! there says what stands in it), and counts what it was asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// A running node; it ends when it is dropped.
pub(crate) struct Node {
    pub(crate) url: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    case: Mutex<Value>,
    began: Instant,
    /// Seconds of the case in one second.
    speed: f64,
    asked: Mutex<BTreeMap<String, u64>>,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Node {
    pub(crate) async fn start(case: Value) -> Self {
        Self::start_at(case, 1.0).await
    }

    /// Starts a node whose time goes by faster.
    pub(crate) async fn start_at(case: Value, speed: f64) -> Self {
        let shared = Shared { case: Mutex::new(case), began: Instant::now(), speed, asked: Mutex::default() };
        let shared = Arc::new(shared);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/", post(answer)).with_state(shared.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, shared, task }
    }

    /// How often a method was asked for.
    pub(crate) fn asked(&self, method: &str) -> u64 {
        self.shared.asked.lock().unwrap().get(method).copied().unwrap_or(0)
    }

    /// Changes the case.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Value)) {
        change(&mut self.shared.case.lock().unwrap());
    }

    /// Moves the head of a case of one phase.
    pub(crate) fn head(&self, number: u64) {
        self.change(|case| case["phases"][0]["head"] = json!(number));
    }
}

type Answer = Result<Value, Value>;

async fn answer(State(shared): State<Arc<Shared>>, body: String) -> Json<Value> {
    let body: Value = serde_json::from_str(&body).unwrap();
    let posts = {
        let mut asked = shared.asked.lock().unwrap();
        let posts = asked.entry("(posts)".to_owned()).or_default();
        *posts += 1;
        *posts
    };
    // Broken are those after `good` of each `of`.
    let broken = shared.case.lock().unwrap()["broken"].clone();
    if let (Some(good), Some(of)) = (broken["good"].as_u64(), broken["of"].as_u64())
        && posts % of >= good
    {
        return Json(json!("broken"));
    }
    let one = |call: &Value| {
        let method = call["method"].as_str().unwrap();
        *shared.asked.lock().unwrap().entry(method.to_owned()).or_default() += 1;
        let result = shared.result(method, &call["params"]);
        match result {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": call["id"], "result": result }),
            Err(error) => json!({ "jsonrpc": "2.0", "id": call["id"], "error": error }),
        }
    };
    let Some(calls) = body.as_array() else { return Json(one(&body)) };
    let rule = shared.case.lock().unwrap()["batch"].clone();
    if rule["refuse"].is_object() {
        return Json(json!({ "jsonrpc": "2.0", "id": null, "error": rule["refuse"] }));
    }
    let mut answers: Vec<Value> = calls.iter().map(one).collect();
    let most = rule["too_large_after"].as_u64().map_or(usize::MAX, |most| most as usize);
    for (answer, call) in answers.iter_mut().zip(calls).skip(most) {
        let error = json!({ "code": -32003, "message": "response too large" });
        *answer = json!({ "jsonrpc": "2.0", "id": call["id"], "error": error });
    }
    Json(Value::Array(answers))
}

fn unknown(method: &str) -> Value {
    json!({ "code": -32601, "message": format!("the method {method} does not exist/is not available") })
}

/// A value of the case, which may stand for an error or for null. `$times` says how often it does; then comes `then`.
fn value(value: &mut Value) -> Answer {
    if let Some(times) = value.get("$times").and_then(Value::as_u64) {
        match times {
            0 => return Ok(value["then"].clone()),
            left => value["$times"] = json!(left - 1),
        }
    }
    match (value.get("$error"), value.get("$null")) {
        (Some(error), _) => Err(error.clone()),
        (_, Some(_)) => Ok(Value::Null),
        _ => Ok(value.clone()),
    }
}

impl Shared {
    /// The fork that stands, its head, and how far ahead of that the node says its head is.
    fn now(&self, case: &Value) -> (String, u64, u64) {
        let at_s = self.began.elapsed().as_secs_f64() * self.speed;
        let phases = case["phases"].as_array().unwrap();
        let after = |phase: &Value| phase["after_s"].as_f64().unwrap_or(0.0);
        let phase = phases.iter().rev().find(|phase| at_s >= after(phase)).unwrap();
        let head = phase["head"].as_u64().unwrap();
        let moved = phase["to"].as_u64().map_or(head, |to| {
            let every_s = phase["every_s"].as_f64().unwrap_or(1.0);
            to.min(head + ((at_s - after(phase)) / every_s) as u64)
        });
        let ahead = phases.iter().rev().filter(|phase| at_s >= after(phase)).find_map(|phase| phase.get("head_ahead"));
        // Beyond 64 bits it is the largest height that there is.
        let ahead = ahead.or(case.get("head_ahead")).map_or(0, |ahead| ahead.as_u64().unwrap_or(u64::MAX));
        (phase["fork"].as_str().unwrap().to_owned(), moved, ahead)
    }

    fn result(&self, method: &str, params: &Value) -> Answer {
        let case = &mut *self.case.lock().unwrap();
        if case["missing"].as_array().is_some_and(|missing| missing.iter().any(|lacks| lacks == method)) {
            return Err(unknown(method));
        }
        if let Some(error) = case["errors"].get_mut(method) {
            return value(error);
        }
        let (fork, head, ahead) = self.now(case);
        match method {
            "eth_chainId" => return Ok(json!(format!("{:#x}", case["chain_id"].as_u64().unwrap()))),
            "eth_getLogs" => return logs(case, &fork, head, &params[0]),
            _ => {}
        }
        let first = params[0].as_str().unwrap_or_default().to_owned();
        let height = u64::from_str_radix(first.trim_start_matches("0x"), 16);
        let entry = match method {
            "eth_getBlockByNumber" => match (first.as_str(), height) {
                ("latest" | "pending", _) if ahead > 0 => {
                    let (number, hash) = (head.saturating_add(ahead), format!("0x{}", "ab".repeat(32)));
                    return Ok(json!({ "number": format!("{number:#x}"), "hash": hash, "transactions": [] }));
                }
                ("latest" | "pending", _) => at(case, &fork, head, head),
                ("safe" | "finalized", _) => match case["finalized"].as_u64() {
                    Some(number) => at(case, &fork, head, number),
                    None => None,
                },
                (_, Ok(number)) => at(case, &fork, head, number),
                _ => None,
            },
            "trace_block" => at(case, &fork, head, height.unwrap()),
            "eth_getTransactionReceipt" => return single(case, &first),
            "debug_traceTransaction" => return traced(case, &first),
            _ => by_hash(case, &first),
        };
        let key = match method {
            "eth_getBlockByNumber" => "block",
            "eth_getBlockReceipts" => "receipts",
            "trace_block" => "flat",
            "debug_traceBlockByHash" if params[1]["tracer"] == "prestateTracer" => "storage",
            "debug_traceBlockByHash" => "traces",
            _ => return Err(unknown(method)),
        };
        let Some(entry) = entry else { return Ok(Value::Null) };
        match entry.get_mut(key) {
            Some(found) => value(found),
            None => Err(unknown(method)),
        }
    }
}

fn at<'a>(case: &'a mut Value, fork: &str, head: u64, number: u64) -> Option<&'a mut Value> {
    case["forks"][fork].get_mut(number.to_string()).filter(|_| number <= head)
}

fn all(case: &mut Value) -> impl Iterator<Item = &mut Value> {
    case["forks"].as_object_mut().unwrap().values_mut().flat_map(|fork| fork.as_object_mut().unwrap().values_mut())
}

fn by_hash<'a>(case: &'a mut Value, hash: &str) -> Option<&'a mut Value> {
    all(case).find(|entry| entry["block"]["hash"] == hash)
}

fn single(case: &mut Value, hash: &str) -> Answer {
    for entry in all(case) {
        if let Some(single) = entry.get_mut("singles").and_then(|singles| singles.get_mut(hash)) {
            return value(single);
        }
        let receipts = entry["receipts"].as_array().into_iter().flatten();
        if let Some(receipt) = receipts.into_iter().find(|receipt| receipt["transactionHash"] == hash) {
            return Ok(receipt.clone());
        }
    }
    Ok(Value::Null)
}

fn traced(case: &mut Value, hash: &str) -> Answer {
    for entry in all(case) {
        if let Some(trace) = entry.get_mut("each").and_then(|each| each.get_mut(hash)) {
            return value(trace);
        }
    }
    Err(unknown("debug_traceTransaction"))
}

fn logs(case: &mut Value, fork: &str, head: u64, filter: &Value) -> Answer {
    let height = |name: &str| {
        let text = filter[name].as_str().unwrap();
        u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap()
    };
    let (from, to) = (height("fromBlock"), height("toBlock"));
    if to - from + 1 > case["logs"]["max_blocks"].as_u64().unwrap_or(u64::MAX) {
        return value(&mut case["logs"]);
    }
    let mut found = Vec::new();
    for number in from..=to.min(head) {
        let Some(entry) = at(case, fork, head, number) else { continue };
        for receipt in entry["receipts"].as_array().into_iter().flatten() {
            found.extend(receipt["logs"].as_array().unwrap().iter().cloned());
        }
    }
    Ok(Value::Array(found))
}
