//! JSON-RPC to one node, with all that keeps a bad node from doing harm: each call has a deadline, each answer a
//! largest size, and requests keep to the rate that was set.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use alloy::primitives::B256;
use alloy::pubsub::RawSubscription;
use alloy::rpc::client::{ClientBuilder, RpcClient};
use alloy::rpc::json_rpc::{ErrorPayload, Id, Response, ResponsePayload, RpcError};
use alloy::transports::ipc::IpcConnect;
use alloy::transports::ws::{WebSocketConfig, WsConnect};
use alloy::transports::{TransportError, TransportErrorKind};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::config::ChainConfig;
use crate::secret::Secret;

/// One call.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub method: &'static str,
    pub params: Value,
}

impl Call {
    pub fn new(method: &'static str, params: Value) -> Self {
        Self { method, params }
    }
}

/// Why a call has no result. Holds no URL: messages of the libraries are kept only where they have none.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    #[error("{0}")]
    Transport(String),
    #[error("it asks for fewer requests (HTTP 429)")]
    Throttled { retry_after: Option<Duration> },
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    #[error("the answer can't be read: {0}")]
    Unreadable(String),
    #[error("error {code}: {message}")]
    Rpc { code: i64, message: String, data: Option<Box<RawValue>> },
}

impl Fault {
    fn payload(error: ErrorPayload<Box<RawValue>>) -> Self {
        let message = error.message.chars().take(300).collect::<String>();
        if error.code == 429 || error.code == -32005 && error.is_retry_err() {
            return Self::Throttled { retry_after: None };
        }
        Self::Rpc { code: error.code, message, data: error.data }
    }

    fn transport(error: TransportError) -> Self {
        match error {
            RpcError::ErrorResp(payload) => Self::payload(payload),
            RpcError::DeserError { err, .. } => Self::Unreadable(err.to_string()),
            RpcError::Transport(TransportErrorKind::BackendGone) => Self::Transport("the connection was lost".into()),
            other => Self::Transport(other.to_string()),
        }
    }

    /// Whether the node does not offer the method, or not with such parameters.
    pub fn is_unsupported(&self) -> bool {
        let Self::Rpc { code, message, .. } = self else { return false };
        let message = message.to_lowercase();
        matches!(code, -32601 | -32602 | -32004)
            || [
                "method not found",
                "not supported",
                "unsupported",
                "does not exist",
                "not available",
                "not whitelisted",
            ]
            .iter()
            .any(|sign| message.contains(sign))
    }

    /// Whether the node does not know the block that was asked about.
    pub fn is_unknown_block(&self) -> bool {
        let Self::Rpc { code, message, .. } = self else { return false };
        let message = message.to_lowercase();
        *code == -32001
            || (message.contains("not found") && !message.contains("method"))
            || message.contains("unknown block")
    }
}

/// A node and how it is reached.
pub(super) struct Client {
    way: Way,
    secret: Secret,
    limiter: Option<DefaultDirectRateLimiter>,
    timeout: Duration,
    max_bytes: usize,
    batch: usize,
    takes_no_batch: AtomicBool,
}

enum Way {
    Http { http: reqwest::Client, url: reqwest::Url },
    Socket(tokio::sync::Mutex<Option<RpcClient>>),
}

impl Client {
    pub fn new(secret: Secret, config: &ChainConfig) -> Self {
        let timeout = Duration::from_millis(config.timeout_ms);
        let url = reqwest::Url::parse(secret.expose()).ok().filter(|url| url.scheme().starts_with("http"));
        let way = match url {
            Some(url) => {
                let http = crate::http::client_builder().timeout(timeout).connect_timeout(timeout).build();
                Way::Http { http: http.unwrap_or_default(), url }
            }
            None => Way::Socket(tokio::sync::Mutex::new(None)),
        };
        Self {
            way,
            secret,
            limiter: config
                .max_requests_per_second
                .and_then(NonZeroU32::new)
                .map(|rate| RateLimiter::direct(Quota::per_second(rate))),
            timeout,
            max_bytes: config.max_response_mib as usize * 1024 * 1024,
            batch: config.batch as usize,
            takes_no_batch: AtomicBool::new(config.batch <= 1),
        }
    }

    /// Whether the node can tell of new heads by itself.
    pub fn subscribes(&self) -> bool {
        matches!(self.way, Way::Socket(_))
    }

    /// Drops a connection that may be dead; the next call makes a new one.
    pub async fn disconnect(&self) {
        if let Way::Socket(socket) = &self.way {
            *socket.lock().await = None;
        }
    }

    /// One call. A `null` is a result like any other.
    pub async fn call(&self, call: Call) -> Result<Box<RawValue>, Fault> {
        self.permit().await;
        self.in_time(async {
            match &self.way {
                Way::Http { http, url } => {
                    let body = self.post(http, url, &request(0, &call)).await?;
                    let response: Response =
                        serde_json::from_slice(&body).map_err(|error| Fault::Unreadable(error.to_string()))?;
                    outcome(response)
                }
                Way::Socket(_) => {
                    let socket = self.socket().await?;
                    socket.request(call.method, call.params).await.map_err(Fault::transport)
                }
            }
        })
        .await
    }

    /// Many calls, in batches of the size that was set; a node that takes no batch gets one after another.
    pub async fn calls(&self, calls: Vec<Call>) -> Result<Vec<Result<Box<RawValue>, Fault>>, Fault> {
        let mut results = Vec::with_capacity(calls.len());
        for chunk in calls.chunks(self.batch.max(1)) {
            if chunk.len() > 1 && !self.takes_no_batch.load(Ordering::Relaxed) {
                match self.batch(chunk).await {
                    Ok(batch) => {
                        results.extend(batch);
                        continue;
                    }
                    Err(Fault::Rpc { .. } | Fault::Unreadable(_)) => self.takes_no_batch.store(true, Ordering::Relaxed),
                    Err(fault) => return Err(fault),
                }
            }
            for call in chunk {
                match self.call(call.clone()).await {
                    Err(fault) if !matches!(fault, Fault::Rpc { .. }) => return Err(fault),
                    result => results.push(result),
                }
            }
        }
        Ok(results)
    }

    async fn batch(&self, calls: &[Call]) -> Result<Vec<Result<Box<RawValue>, Fault>>, Fault> {
        for _ in calls {
            self.permit().await;
        }
        self.in_time(async {
            match &self.way {
                Way::Http { http, url } => {
                    let requests: Vec<Value> = (0..).zip(calls).map(|(id, call)| request(id, call)).collect();
                    let body = self.post(http, url, &Value::Array(requests)).await?;
                    unpack(&body, calls.len())
                }
                Way::Socket(_) => {
                    let socket = self.socket().await?;
                    let answers =
                        calls.iter().map(|call| socket.request::<_, Box<RawValue>>(call.method, call.params.clone()));
                    let answers = futures::future::join_all(answers).await;
                    let faults = |answer: Result<_, TransportError>| match answer.map_err(Fault::transport) {
                        Err(fault) if !matches!(fault, Fault::Rpc { .. }) => Err(fault),
                        answer => Ok(answer),
                    };
                    answers.into_iter().map(faults).collect()
                }
            }
        })
        .await
    }

    /// Opens a subscription; `None` where the node can't be subscribed to.
    pub async fn subscribe(&self, params: Value) -> Result<Option<RawSubscription>, Fault> {
        if !self.subscribes() {
            return Ok(None);
        }
        self.permit().await;
        self.in_time(async {
            let socket = self.socket().await?;
            let id: B256 = socket.request("eth_subscribe", params).await.map_err(Fault::transport)?;
            Ok(Some(socket.get_raw_subscription(id).await))
        })
        .await
    }

    async fn permit(&self) {
        if let Some(limiter) = &self.limiter {
            limiter.until_ready().await;
        }
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        let result = tokio::time::timeout(self.timeout, work).await.unwrap_or(Err(Fault::Timeout(self.timeout)));
        if matches!(result, Err(Fault::Timeout(_) | Fault::Transport(_))) {
            self.disconnect().await;
        }
        result
    }

    async fn socket(&self) -> Result<RpcClient, Fault> {
        let Way::Socket(socket) = &self.way else { return Err(Fault::Transport("no socket".into())) };
        let mut socket = socket.lock().await;
        if let Some(client) = socket.as_ref() {
            return Ok(client.clone());
        }
        let place = self.secret.expose();
        let connected = if place.contains("://") {
            let limits =
                WebSocketConfig::default().max_message_size(Some(self.max_bytes)).max_frame_size(Some(self.max_bytes));
            // Reconnecting is this module's own business, which knows other nodes to turn to.
            let way = WsConnect::new(place).with_config(limits).with_max_retries(1);
            ClientBuilder::default().ws(way).await
        } else {
            ClientBuilder::default().ipc(IpcConnect::from(std::path::PathBuf::from(place))).await
        };
        let client = connected.map_err(|error| match Fault::transport(error) {
            Fault::Transport(message) if message.contains(place) => Fault::Transport("no connection".into()),
            fault => fault,
        })?;
        *socket = Some(client.clone());
        Ok(client)
    }

    async fn post(&self, http: &reqwest::Client, url: &reqwest::Url, body: &Value) -> Result<Vec<u8>, Fault> {
        let lost = |error: reqwest::Error| {
            if error.is_timeout() {
                Fault::Timeout(self.timeout)
            } else {
                Fault::Transport(causes(error.without_url()))
            }
        };
        let mut response = http.post(url.clone()).json(body).send().await.map_err(lost)?;
        let status = response.status();
        if status == reqwest::StatusCode::TOO_MANY_REQUESTS || status == reqwest::StatusCode::SERVICE_UNAVAILABLE {
            let retry_after = response.headers().get(reqwest::header::RETRY_AFTER);
            let retry_after = retry_after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
            if status == reqwest::StatusCode::TOO_MANY_REQUESTS || retry_after.is_some() {
                return Err(Fault::Throttled { retry_after: retry_after.map(Duration::from_secs) });
            }
        }
        let mut bytes = Vec::with_capacity(response.content_length().unwrap_or(0).min(self.max_bytes as u64) as usize);
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            if bytes.len() + chunk.len() > self.max_bytes {
                return Err(Fault::TooLarge(self.max_bytes));
            }
            bytes.extend_from_slice(&chunk);
        }
        // Some nodes answer errors of JSON-RPC under an HTTP status that is not 200.
        if !status.is_success() && serde_json::from_slice::<Response>(&bytes).is_err() {
            return Err(Fault::Transport(format!("HTTP {}", status.as_u16())));
        }
        Ok(bytes)
    }
}

/// An error with what caused it: "error sending request" alone helps nobody.
fn causes(error: reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

fn request(id: u64, call: &Call) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": call.method, "params": call.params })
}

fn outcome(response: Response) -> Result<Box<RawValue>, Fault> {
    match response.payload {
        ResponsePayload::Success(result) => Ok(result),
        ResponsePayload::Failure(error) => Err(Fault::payload(error)),
    }
}

/// Whether a body answers so many calls, each in its place.
#[cfg(any(test, fuzzing))]
pub(super) fn unpacked(body: &[u8], calls: usize) -> bool {
    unpack(body, calls).is_ok_and(|answers| answers.len() == calls)
}

/// The answers of a batch in the order of its calls, whatever order the node gave them in.
fn unpack(body: &[u8], calls: usize) -> Result<Vec<Result<Box<RawValue>, Fault>>, Fault> {
    let Ok(responses) = serde_json::from_slice::<Vec<Response>>(body) else {
        // A single error stands for the whole batch; anything else is no JSON-RPC.
        let response: Response = serde_json::from_slice(body).map_err(|error| Fault::Unreadable(error.to_string()))?;
        return Err(outcome(response).err().unwrap_or_else(|| Fault::Unreadable("one answer to a batch".into())));
    };
    let mut answers: Vec<Option<Result<_, Fault>>> = (0..calls).map(|_| None).collect();
    for response in responses {
        let Id::Number(id) = response.id else { continue };
        if let Some(answer) = usize::try_from(id).ok().and_then(|id| answers.get_mut(id)) {
            *answer = Some(outcome(response));
        }
    }
    let missing = || Fault::Unreadable("an answer is missing from a batch".into());
    if let Some(throttled) = answers.iter().flatten().find(|answer| matches!(answer, Err(Fault::Throttled { .. }))) {
        return Err(throttled.clone().err().unwrap_or_else(missing));
    }
    answers.into_iter().map(|answer| answer.ok_or_else(missing)).collect()
}
