//! A proxy in front of a real node that lies on demand.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::serving::serve;

/// What the proxy does to what the node says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lie {
    /// Nothing.
    #[default]
    None,
    /// Blocks name another parent.
    WrongParent,
    /// The last receipt of each block is gone, and so is each that is asked for by itself.
    MissingReceipt,
    /// The first log of each block has another topic.
    AlteredLog,
    /// Transactions are sent by somebody else.
    OtherSender,
    /// Answers break off in the middle.
    HalfABody,
    /// Every request is one too many.
    TooMany,
    /// Nothing comes back.
    Silence,
    /// The head stays where it was.
    OldHead,
    /// No lie: the node does not have these methods.
    Lacks(&'static [&'static str]),
}

/// A proxy, and how often it lied.
pub struct LyingProxy {
    url: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    node: String,
    lie: Mutex<Lie>,
    lies: AtomicU64,
    old_head: Mutex<Option<Value>>,
    http: reqwest::Client,
}

impl LyingProxy {
    /// Starts in front of a node.
    pub async fn start(node: String) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared {
            node,
            lie: Mutex::default(),
            lies: AtomicU64::new(0),
            old_head: Mutex::default(),
            http: watchfire::http::client_builder().build().unwrap_or_default(),
        });
        let (port, task) = serve(Router::new().route("/", post(pass)).with_state(shared.clone())).await?;
        Ok(Self { url: format!("http://127.0.0.1:{port}"), shared, task })
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Lies like this from here on.
    pub fn tell(&self, lie: Lie) {
        *self.shared.lie.lock().unwrap_or_else(PoisonError::into_inner) = lie;
    }

    /// Waits until it has lied, for 30 s at most.
    ///
    /// # Errors
    /// If nobody asked it for anything that it could lie about.
    pub async fn until_it_lied(&self) -> anyhow::Result<()> {
        for _ in 0..3_000 {
            if self.lies() > 0 {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        anyhow::bail!("nothing was asked that it could lie about")
    }

    /// How many answers it has spoiled.
    pub fn lies(&self) -> u64 {
        self.shared.lies.load(Ordering::Relaxed)
    }
}

impl Drop for LyingProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(State(shared): State<Arc<Shared>>, body: String) -> Response {
    let lie = *shared.lie.lock().unwrap_or_else(PoisonError::into_inner);
    let lied = || shared.lies.fetch_add(1, Ordering::Relaxed);
    match lie {
        Lie::TooMany => {
            lied();
            return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")], "slow down").into_response();
        }
        Lie::Silence => {
            lied();
            tokio::time::sleep(Duration::from_secs(3_600)).await;
        }
        _ => {}
    }
    let sent =
        shared.http.post(&shared.node).header("content-type", "application/json").body(body.clone()).send().await;
    let Ok(Ok(answer)) = (match sent {
        Ok(response) => Ok(response.text().await),
        Err(error) => Err(error),
    }) else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    if lie == Lie::HalfABody {
        lied();
        let half = answer[..answer.len() / 2].to_owned();
        return Response::builder()
            .header("content-type", "application/json")
            .body(Body::from(half))
            .unwrap_or_default();
    }
    let (Ok(request), Ok(mut answer)) = (serde_json::from_str::<Value>(&body), serde_json::from_str::<Value>(&answer))
    else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let pairs: Vec<(&Value, &mut Value)> = match (&request, &mut answer) {
        (Value::Array(requests), Value::Array(answers)) => requests.iter().zip(answers).collect(),
        (request, answer) => vec![(request, answer)],
    };
    for (request, answer) in pairs {
        let method = request["method"].as_str().unwrap_or_default();
        if matches!(lie, Lie::Lacks(methods) if methods.contains(&method)) {
            lied();
            let error = json!({ "code": -32601, "message": format!("the method {method} does not exist") });
            *answer = json!({ "jsonrpc": "2.0", "id": request["id"], "error": error });
        } else if spoil(&shared, lie, method, &request["params"], &mut answer["result"]) {
            lied();
        }
    }
    axum::Json(answer).into_response()
}

/// Spoils one result; whether it did.
fn spoil(shared: &Shared, lie: Lie, method: &str, params: &Value, result: &mut Value) -> bool {
    let is_whole_block = method == "eth_getBlockByNumber" && params[1] == true && result.is_object();
    match lie {
        Lie::WrongParent if is_whole_block => {
            result["parentHash"] = json!(format!("0x{}", "11".repeat(32)));
            true
        }
        Lie::OtherSender if is_whole_block => {
            let transactions = result["transactions"].as_array_mut();
            transactions.and_then(|all| all.first_mut()).is_some_and(|first| {
                first["from"] = json!(format!("0x{}", "22".repeat(20)));
                true
            })
        }
        Lie::MissingReceipt if method == "eth_getBlockReceipts" => {
            result.as_array_mut().is_some_and(|receipts| receipts.pop().is_some())
        }
        Lie::MissingReceipt if method == "eth_getTransactionReceipt" => {
            *result = Value::Null;
            true
        }
        Lie::AlteredLog if method == "eth_getBlockReceipts" => {
            let receipts = result.as_array_mut().into_iter().flatten();
            let mut logs = receipts.filter_map(|receipt| receipt["logs"].as_array_mut()?.first_mut());
            logs.next().is_some_and(|log| {
                log["topics"][0] = json!(format!("0x{}", "33".repeat(32)));
                true
            })
        }
        Lie::OldHead if method == "eth_getBlockByNumber" && params[0] == "latest" => {
            let mut old = shared.old_head.lock().unwrap_or_else(PoisonError::into_inner);
            *result = old.get_or_insert_with(|| result.clone()).clone();
            true
        }
        _ => false,
    }
}
