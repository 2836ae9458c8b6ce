//! JSON-RPC to one node, with all that keeps a bad node from doing harm: each call has a deadline, each answer a
//! largest size, and requests keep to the rate that was set.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alloy::primitives::B256;
use alloy::pubsub::RawSubscription;
use alloy::rpc::client::{ClientBuilder, RpcClient};
use alloy::transports::TransportError;
use alloy::transports::ipc::IpcConnect;
use alloy::transports::ws::{WebSocketConfig, WsConnect};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::answer;
use super::batching::Batching;
use super::body::{causes, inflate};
use super::budget::{Budget, Calls};
use super::config::ChainConfig;
use super::fault::{self, Fault, Meaning};
use super::once::Once;
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

/// A node and how it is reached.
pub(super) struct Client {
    way: Way,
    secret: Secret,
    limiter: Option<DefaultDirectRateLimiter>,
    timeout: Duration,
    max_bytes: usize,
    batching: Mutex<Batching>,
    budget: Budget,
    /// How many connections were made by a socket.
    connections: AtomicU64,
    /// Whether the answer before could not be read.
    is_broken: AtomicBool,
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
                // A redirect would carry the URL's key to wherever it points.
                let http = crate::http::client_builder().redirect(reqwest::redirect::Policy::none()).referer(false);
                let http = http.timeout(timeout).connect_timeout(timeout).build();
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
            batching: Mutex::new(Batching::new(config.batch as usize)),
            budget: Budget::new(config.max_requests_per_day),
            connections: AtomicU64::new(0),
            is_broken: AtomicBool::new(false),
        }
    }

    /// True if the node can announce new heads by itself.
    pub fn subscribes(&self) -> bool {
        matches!(self.way, Way::Socket(_))
    }

    /// Which of its connections a socket is at. Whoever answers over another one may be another node.
    pub fn connection(&self) -> u64 {
        self.connections.load(Ordering::Acquire)
    }

    /// Returns how many calls it was asked.
    pub fn calls_made(&self) -> Calls {
        self.budget.calls(now_s())
    }

    /// Drops a connection that may be dead; the next call makes a new one.
    pub async fn disconnect(&self) {
        if let Way::Socket(socket) = &self.way {
            *socket.lock().await = None;
        }
    }

    /// Makes one call. A `null` is a result like any other. A single answer that can't be read is asked for once more at once:
    /// a node that spoils each third one would otherwise spoil the same step of every round.
    ///
    /// # Errors
    /// If the node does not answer in time, answers with an error, or with something unreadable.
    pub async fn call(&self, call: Call) -> Result<Box<RawValue>, Fault> {
        let answer = self.ask(call.clone()).await;
        let is_broken = matches!(answer, Err(Fault::Unreadable(_)));
        let was_broken = self.is_broken.swap(is_broken, Ordering::Relaxed);
        if !is_broken || was_broken || self.subscribes() {
            return answer;
        }
        let answer = self.ask(call).await;
        self.is_broken.store(matches!(answer, Err(Fault::Unreadable(_))), Ordering::Relaxed);
        answer
    }

    async fn ask(&self, call: Call) -> Result<Box<RawValue>, Fault> {
        self.permit(1).await?;
        self.in_time(async {
            match &self.way {
                Way::Http { http, url } => {
                    let body = self.post(http, url, &request(0, &call)).await?;
                    answer::one(&body)?.outcome
                }
                Way::Socket(_) => {
                    let socket = self.socket().await?;
                    socket.request(call.method, call.params).await.map_err(Fault::transport)
                }
            }
        })
        .await
    }

    /// Makes many calls and returns the result of each. Batches are as large as the node takes them; a call that a batch
    /// had no room for is made by itself. Once the node does not answer, the calls that are left have its fault.
    pub async fn calls(&self, calls: Vec<Call>) -> Vec<Result<Box<RawValue>, Fault>> {
        let mut results: Vec<Result<_, Fault>> = Vec::with_capacity(calls.len());
        while results.len() < calls.len() {
            let left = &calls[results.len()..];
            let size = self.batching(|batching| batching.size()).min(left.len());
            let answers = match size {
                1 => vec![self.call(left[0].clone()).await],
                _ => match self.batch(&left[..size]).await {
                    Ok(answers) => self.complete(&left[..size], answers).await,
                    Err(fault) => {
                        self.batching(Batching::refused);
                        // The node answered, or the answer had no room: smaller batches may do better at once.
                        let by_size = matches!(fault, Fault::Rpc { .. } | Fault::Unreadable(_) | Fault::TooLarge(_));
                        if by_size {
                            continue;
                        }
                        vec![Err(fault)]
                    }
                },
            };
            let stop = answers.iter().find_map(|answer| match answer {
                Err(fault @ (Fault::Timeout(_) | Fault::Transport(_) | Fault::Throttled { .. })) => Some(fault.clone()),
                _ => None,
            });
            results.extend(answers);
            if let Some(fault) = stop {
                results.resize_with(calls.len(), || Err(fault.clone()));
            }
        }
        results
    }

    /// Makes by themselves the calls that a batch had no room for, and those that it did not answer.
    async fn complete(
        &self,
        calls: &[Call],
        mut answers: Vec<Result<Box<RawValue>, Fault>>,
    ) -> Vec<Result<Box<RawValue>, Fault>> {
        let is_left = |answer: &Result<_, Fault>| match answer {
            Err(Fault::Unreadable(_)) => true,
            Err(fault) => fault.meaning() == Meaning::TooLarge,
            Ok(_) => false,
        };
        if !answers.iter().any(is_left) {
            self.batching(Batching::answered);
            return answers;
        }
        self.batching(Batching::refused);
        for (call, answer) in calls.iter().zip(&mut answers) {
            if is_left(answer) {
                *answer = self.call(call.clone()).await;
                if matches!(answer, Err(Fault::Timeout(_) | Fault::Transport(_) | Fault::Throttled { .. })) {
                    break;
                }
            }
        }
        answers
    }

    fn batching<T>(&self, change: impl FnOnce(&mut Batching) -> T) -> T {
        change(&mut self.batching.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes many calls as one batch, whatever size the node took before. A socket has no batches: it takes the calls at once.
    ///
    /// # Errors
    /// If the batch as a whole was not answered.
    pub async fn batch(&self, calls: &[Call]) -> Result<Vec<Result<Box<RawValue>, Fault>>, Fault> {
        self.permit(calls.len()).await?;
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
                    let answers: Vec<Result<_, TransportError>> = futures::future::join_all(answers).await;
                    Ok(answers.into_iter().map(|answer| answer.map_err(Fault::transport)).collect())
                }
            }
        })
        .await
    }

    /// Opens a subscription; returns `None` if the node is reached by HTTP, which has none.
    ///
    /// # Errors
    /// If the node does not answer in time, or with an error.
    pub async fn subscribe(&self, params: Value) -> Result<Option<RawSubscription>, Fault> {
        if !self.subscribes() {
            return Ok(None);
        }
        self.permit(1).await?;
        self.in_time(async {
            let socket = self.socket().await?;
            let id: B256 = socket.request("eth_subscribe", params).await.map_err(Fault::transport)?;
            Ok(Some(socket.get_raw_subscription(id).await))
        })
        .await
    }

    /// Waits until so many calls may be made.
    async fn permit(&self, calls: usize) -> Result<(), Fault> {
        if let Err(until) = self.budget.take(calls as u64, now_s()) {
            let said = "its budget of `max_requests_per_day` is used up; it is asked again after midnight, UTC";
            return Err(Fault::Throttled { retry_after: Some(until), said: Some(said.to_owned()) });
        }
        if let Some(limiter) = &self.limiter {
            for _ in 0..calls {
                limiter.until_ready().await;
            }
        }
        Ok(())
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
            ClientBuilder::default().pubsub(Once(WsConnect::new(place).with_config(limits))).await
        } else {
            ClientBuilder::default().pubsub(Once(IpcConnect::from(std::path::PathBuf::from(place)))).await
        };
        let client = connected.map_err(|error| match Fault::transport(error) {
            Fault::Transport(message) if message.contains(place) => Fault::Transport("no connection".into()),
            fault => fault,
        })?;
        self.connections.fetch_add(1, Ordering::AcqRel);
        *socket = Some(client.clone());
        Ok(client)
    }

    async fn post(&self, http: &reqwest::Client, url: &reqwest::Url, body: &Value) -> Result<Vec<u8>, Fault> {
        let response = http.post(url.clone()).json(body).send().await.map_err(|error| self.lost(error))?;
        let status = response.status();
        let is_throttled = status == reqwest::StatusCode::TOO_MANY_REQUESTS;
        if is_throttled || status == reqwest::StatusCode::SERVICE_UNAVAILABLE {
            let header = response.headers().get(reqwest::header::RETRY_AFTER).and_then(|value| value.to_str().ok());
            let asked = header.and_then(|text| fault::rest_of_header(text, now_s()));
            if asked.is_some() {
                return Err(Fault::Throttled { retry_after: asked, said: None });
            }
        }
        if is_throttled {
            // Whatever becomes of its body, it has asked for fewer requests.
            let body = self.body(response).await.unwrap_or_default();
            return Err(Fault::Throttled { retry_after: fault::rest_of_body(&body), said: None });
        }
        if status == reqwest::StatusCode::PAYLOAD_TOO_LARGE {
            return Err(Fault::TooLarge(self.max_bytes));
        }
        let bytes = self.body(response).await?;
        // Some nodes answer errors of JSON-RPC under an HTTP status that is not 200.
        if !status.is_success() && !answer::is_error(&bytes) {
            return Err(fault::of_status(status.as_u16(), &bytes));
        }
        Ok(bytes)
    }

    fn lost(&self, error: reqwest::Error) -> Fault {
        match error.is_timeout() {
            true => Fault::Timeout(self.timeout),
            false => Fault::Transport(causes(error.without_url())),
        }
    }

    /// Reads an answer to its end, up to the largest one.
    async fn body(&self, mut response: reqwest::Response) -> Result<Vec<u8>, Fault> {
        // Some nodes compress without being asked to.
        let encoding = response.headers().get(reqwest::header::CONTENT_ENCODING);
        let gzipped = encoding.is_some_and(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"gzip"));
        let mut bytes = Vec::with_capacity(response.content_length().unwrap_or(0).min(self.max_bytes as u64) as usize);
        while let Some(chunk) = response.chunk().await.map_err(|error| self.lost(error))? {
            if bytes.len() + chunk.len() > self.max_bytes {
                return Err(Fault::TooLarge(self.max_bytes));
            }
            bytes.extend_from_slice(&chunk);
        }
        match gzipped {
            true => inflate(&bytes, self.max_bytes),
            false => Ok(bytes),
        }
    }
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn request(id: u64, call: &Call) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": call.method, "params": call.params })
}

/// Whether a body answers so many calls, each in its place.
#[cfg(any(test, fuzzing))]
pub(super) fn unpacked(body: &[u8], calls: usize) -> bool {
    let is_there = |answer: &Result<_, Fault>| !matches!(answer, Err(Fault::Unreadable(_)));
    unpack(body, calls).is_ok_and(|answers| answers.len() == calls && answers.iter().all(is_there))
}

/// The answers of a batch in the order of its calls, whatever order the node gave them in.
fn unpack(body: &[u8], calls: usize) -> Result<Vec<Result<Box<RawValue>, Fault>>, Fault> {
    let mut answers: Vec<Option<Result<_, Fault>>> = (0..calls).map(|_| None).collect();
    for answer in answer::many(body)? {
        let place = answer.id.and_then(|id| usize::try_from(id).ok()).and_then(|id| answers.get_mut(id));
        if let Some(place) = place {
            *place = Some(answer.outcome);
        }
    }
    let missing = || Fault::Unreadable("an answer is missing from a batch".into());
    Ok(answers.into_iter().map(|answer| answer.unwrap_or_else(|| Err(missing()))).collect())
}
