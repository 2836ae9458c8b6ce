//! A proxy in front of a real node that misbehaves at random, by a seed, in the ways that nodes and providers are known for.
//!
//! It goes through spells: for some seconds it is well, flaky, or of no use at all. What it does in which order follows
//! from the seed and from the requests that come. Beside that it traces nothing for a third of the time, and neither do
//! others that were started with it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::seed::Seeded;
use crate::serving::serve;

/// How a spell is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spell {
    /// All is passed on.
    Well,
    /// Of so many in a hundred answers something is wrong.
    Flaky(u64),
    /// Nothing of use comes back.
    Dead,
}

/// What becomes of a request as a whole.
#[derive(Clone, Copy, Debug)]
enum Transport {
    TooMany,
    Unavailable,
    Page,
    Nothing,
    Half,
    Slow,
    Silent,
    OneError,
}

const TRANSPORTS: [Transport; 8] = [
    Transport::TooMany,
    Transport::Unavailable,
    Transport::Page,
    Transport::Nothing,
    Transport::Half,
    Transport::Slow,
    Transport::Silent,
    Transport::OneError,
];

/// For how long it traces nothing, and then traces for twice as long.
const NO_TRACES_S: u64 = 6;

/// Errors that nodes give in place of a result.
const ERRORS: [(i64, &str); 10] = [
    (-32000, "tracing failed: insufficient funds for gas * price + value"),
    (-32000, "execution timeout"),
    (-32000, "historical state not available in path scheme yet"),
    (-32603, "internal error"),
    (-32005, "daily request count exceeded, request rate limited"),
    (-32003, "response too large"),
    (-32601, "the method does not exist/is not available"),
    (-32000, "header not found"),
    (-32001, "resource not found"),
    (429, "compute units per second capacity exceeded"),
];

/// A proxy that misbehaves.
pub struct ChaosProxy {
    url: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    node: String,
    http: reqwest::Client,
    began: Instant,
    chance: Mutex<Chance>,
    calls: AtomicU64,
    deeds: Mutex<BTreeMap<String, u64>>,
}

struct Chance {
    seeded: Seeded,
    spell: Spell,
    until: Instant,
    spells: Duration,
    is_calm: bool,
    traces_nothing: bool,
}

impl Chance {
    /// The spell of now: when one is over, another begins.
    fn spell(&mut self) -> Spell {
        let now = Instant::now();
        if self.is_calm {
            return Spell::Well;
        }
        if now >= self.until {
            self.spell = match self.seeded.below(6) {
                0 | 1 => Spell::Well,
                2..=4 => Spell::Flaky(5 + self.seeded.below(60)),
                _ => Spell::Dead,
            };
            let most_ms = self.spells.as_millis() as u64;
            self.until = now + Duration::from_millis(most_ms / 4 + self.seeded.below(most_ms));
        }
        self.spell
    }
}

impl ChaosProxy {
    /// Starts in front of a node. A spell lasts for a quarter of `spells` up to one and a quarter of it.
    ///
    /// # Errors
    /// If no port can be had.
    pub async fn start(node: String, seed: u64, spells: Duration) -> anyhow::Result<Self> {
        let chance = Chance {
            seeded: Seeded::of(seed),
            spell: Spell::Well,
            until: Instant::now() + spells / 4,
            spells,
            is_calm: false,
            traces_nothing: false,
        };
        let shared = Arc::new(Shared {
            node,
            http: watchfire::http::client_builder().build().unwrap_or_default(),
            began: Instant::now(),
            chance: Mutex::new(chance),
            calls: AtomicU64::new(0),
            deeds: Mutex::default(),
        });
        let (port, task) = serve(Router::new().route("/", post(pass)).with_state(shared.clone())).await?;
        Ok(Self { url: format!("http://127.0.0.1:{port}"), shared, task })
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Misbehaves no more.
    pub fn calm(&self) {
        let mut chance = self.shared.chance();
        (chance.is_calm, chance.traces_nothing) = (true, false);
    }

    /// Traces nothing until it is calmed, and is well otherwise.
    pub fn trace_nothing(&self) {
        let mut chance = self.shared.chance();
        (chance.is_calm, chance.traces_nothing) = (true, true);
    }

    /// Whether it passes on what it is asked now.
    pub fn is_well(&self) -> bool {
        self.shared.chance().spell() == Spell::Well
    }

    /// How many calls came, each of a batch counted.
    pub fn calls(&self) -> u64 {
        self.shared.calls.load(Ordering::Relaxed)
    }

    /// What it did, and how often.
    pub fn deeds(&self) -> BTreeMap<String, u64> {
        self.shared.deeds.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for ChaosProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn chance(&self) -> MutexGuard<'_, Chance> {
        self.chance.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn did(&self, what: impl Into<String>) {
        *self.deeds.lock().unwrap_or_else(PoisonError::into_inner).entry(what.into()).or_default() += 1;
    }

    /// What to do with a request as a whole.
    fn transport(&self) -> Option<Transport> {
        let mut chance = self.chance();
        let picked = |chance: &mut Chance| TRANSPORTS[chance.seeded.below(TRANSPORTS.len() as u64) as usize];
        match chance.spell() {
            Spell::Well => None,
            // One that is dead says so in one way or the other; what is slow would be of use.
            Spell::Dead => Some(match picked(&mut chance) {
                Transport::Slow => Transport::Nothing,
                other => other,
            }),
            Spell::Flaky(percent) => (chance.seeded.below(100) < percent / 3).then(|| picked(&mut chance)),
        }
    }

    /// Spoils what a node says to one call. Returns `None` if the answer is left out.
    fn spoil(&self, method: &str, mut answer: Value) -> Option<Value> {
        let mut chance = self.chance();
        let has_pause = !chance.is_calm && self.began.elapsed().as_secs() / NO_TRACES_S % 3 == 1;
        if method.contains("trace") && (has_pause || chance.traces_nothing) {
            drop(chance);
            self.did(format!("{method}: no traces"));
            answer["error"] = json!({ "code": -32000, "message": "tracing failed: the state is being rebuilt" });
            answer.as_object_mut().map(|answer| answer.remove("result"));
            return Some(answer);
        }
        let Spell::Flaky(percent) = chance.spell() else { return Some(answer) };
        if chance.seeded.below(100) >= percent {
            return Some(answer);
        }
        let way = chance.seeded.below(8);
        let error = ERRORS[chance.seeded.below(ERRORS.len() as u64) as usize];
        drop(chance);
        let of_batch = |what: &str| self.did(format!("{method}: {what}"));
        match way {
            0 | 1 => {
                of_batch("error");
                answer["error"] = json!({ "code": error.0, "message": error.1 });
                answer.as_object_mut().map(|answer| answer.remove("result"));
            }
            2 => {
                of_batch("null");
                answer["result"] = Value::Null;
            }
            3 => {
                of_batch("left out");
                return None;
            }
            _ => {
                if lie(method, &mut answer["result"]) {
                    of_batch("lie");
                } else {
                    of_batch("error");
                    answer["error"] = json!({ "code": error.0, "message": error.1 });
                    answer.as_object_mut().map(|answer| answer.remove("result"));
                }
            }
        }
        Some(answer)
    }
}

/// Gives another result than the node's, if there is one for such a call.
fn lie(method: &str, result: &mut Value) -> bool {
    let hash = json!(format!("0x{}", "11".repeat(32)));
    match method {
        "eth_getBlockByNumber" if result["transactions"][0].is_object() => {
            result["transactions"][0]["value"] = json!("0x7");
            true
        }
        "eth_getBlockByNumber" if result.is_object() => {
            result["parentHash"] = hash;
            true
        }
        "eth_getBlockReceipts" => match result.as_array_mut() {
            Some(receipts) if !receipts.is_empty() => receipts.pop().is_some(),
            _ => false,
        },
        "debug_traceBlockByHash" => {
            // Another tracer than was asked for.
            *result = json!([{ "result": { "gas": 1, "failed": false, "returnValue": "", "structLogs": [] } }]);
            true
        }
        "eth_chainId" => false,
        _ => false,
    }
}

async fn pass(State(shared): State<Arc<Shared>>, body: String) -> Response {
    let request = serde_json::from_str::<Value>(&body).unwrap_or_default();
    let calls = request.as_array().map_or(1, Vec::len);
    shared.calls.fetch_add(calls as u64, Ordering::Relaxed);
    let transport = shared.transport();
    if let Some(transport) = transport {
        shared.did(format!("{transport:?}"));
        match transport {
            Transport::TooMany => {
                return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")], "slow down").into_response();
            }
            Transport::Unavailable => return (StatusCode::SERVICE_UNAVAILABLE, "try later").into_response(),
            Transport::Page => return (StatusCode::OK, "<html><body>Bad gateway</body></html>").into_response(),
            Transport::Nothing => return StatusCode::BAD_GATEWAY.into_response(),
            Transport::OneError => {
                let error =
                    json!({ "jsonrpc": "2.0", "id": null, "error": { "code": -32600, "message": "batch too large" } });
                return axum::Json(error).into_response();
            }
            Transport::Slow => tokio::time::sleep(Duration::from_millis(300)).await,
            Transport::Silent => {
                tokio::time::sleep(Duration::from_secs(120)).await;
                return StatusCode::GATEWAY_TIMEOUT.into_response();
            }
            Transport::Half => {}
        }
    }
    let sent = shared.http.post(&shared.node).header("content-type", "application/json").body(body).send().await;
    let answer = match sent {
        Ok(response) => response.text().await.ok(),
        Err(_) => None,
    };
    let Some(answer) = answer else { return StatusCode::BAD_GATEWAY.into_response() };
    let as_json = |body: String| {
        Response::builder().header(header::CONTENT_TYPE, "application/json").body(Body::from(body)).unwrap_or_default()
    };
    if matches!(transport, Some(Transport::Half)) {
        return as_json(answer[..answer.len() / 2].to_owned());
    }
    let Ok(answer) = serde_json::from_str::<Value>(&answer) else { return StatusCode::BAD_GATEWAY.into_response() };
    let method = |request: &Value| request["method"].as_str().unwrap_or_default().to_owned();
    let spoiled = match (&request, answer) {
        (Value::Array(requests), Value::Array(answers)) => {
            let pairs = requests.iter().zip(answers);
            Value::Array(pairs.filter_map(|(request, answer)| shared.spoil(&method(request), answer)).collect())
        }
        (request, answer) => match shared.spoil(&method(request), answer) {
            Some(answer) => answer,
            None => return as_json(String::new()),
        },
    };
    as_json(spoiled.to_string())
}
