//! Servers that stand for services which nobody can run at home. Each enforces what its service documents, with the source of
//! each rule beside it, and keeps what stands there: alerts by their key, messages by their name.

mod chat;
mod pager;
mod push;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::serving::serve;

/// What a service was asked, and what it answered.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The service: `pagerduty`, `slack`, …
    pub service: &'static str,
    /// What was asked of it, as `chat.update`.
    pub method: String,
    /// The body.
    pub body: Value,
    /// Whether it was accepted.
    pub accepted: bool,
}

/// What the services hold.
#[derive(Default)]
struct Held {
    asked: Vec<Asked>,
    /// Alerts by key, each with its status.
    alerts: BTreeMap<String, String>,
    /// Messages by service and name, each with its text as it stands.
    messages: BTreeMap<(&'static str, String), String>,
    /// Events of Matrix by their transaction.
    transactions: BTreeMap<String, String>,
    /// Answers that are given in place of the next ones, by service.
    instead: BTreeMap<&'static str, VecDeque<(u16, Option<String>)>>,
    /// How long a service takes to answer what it has taken, by service.
    late: BTreeMap<String, Duration>,
    /// Places that a service refuses for good: the service and the address in it.
    closed: BTreeSet<(&'static str, String)>,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Held>>);

impl Shared {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer that a test asked for in place of the service's own.
    fn instead(&self, service: &'static str, method: &str, body: &Value) -> Option<Response> {
        let (status, retry_after) = self.told_instead(service, body)?;
        self.note(service, method, body, false);
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after.and_then(|value| HeaderValue::from_str(&value).ok()) {
            headers.insert("retry-after", value);
        }
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Some((status, headers, "as the test wants it").into_response())
    }

    fn told_instead(&self, service: &'static str, body: &Value) -> Option<(u16, Option<String>)> {
        let mut held = self.held();
        // Where a letter goes stands under one of these names, whatever the service.
        let place = ["chat_id", "channel", "topic", "To"].iter().find_map(|name| body[*name].as_str());
        if place.is_some_and(|place| held.closed.contains(&(service, place.to_owned()))) {
            return Some((403, None));
        }
        held.instead.get_mut(service)?.pop_front()
    }

    fn note(&self, service: &'static str, method: &str, body: &Value, accepted: bool) {
        let (method, body) = (method.to_owned(), body.clone());
        self.held().asked.push(Asked { service, method, body, accepted });
    }

    /// Opens an alert, or ends it.
    fn alert(&self, key: Option<&str>, is_over: bool) {
        let status = if is_over { "resolve" } else { "trigger" };
        self.held().alerts.insert(key.unwrap_or_default().to_owned(), status.to_owned());
    }

    /// Keeps a message under a new name.
    fn keep(&self, service: &'static str, text: &str) -> String {
        let mut held = self.held();
        let name = (held.messages.len() + 1_001).to_string();
        held.messages.insert((service, name.clone()), text.to_owned());
        name
    }

    /// Changes a message. Returns whether there is one of that name.
    fn edit(&self, service: &'static str, name: &str, text: &str) -> bool {
        match self.held().messages.get_mut(&(service, name.to_owned())) {
            Some(message) => {
                text.clone_into(message);
                true
            }
            None => false,
        }
    }
}

/// Holds the answer of a service back that is slow.
async fn late(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let service = request.uri().path().split('/').nth(1).unwrap_or_default().to_owned();
    let response = next.run(request).await;
    let after = shared.held().late.get(&service).copied();
    tokio::time::sleep(after.unwrap_or_default()).await;
    response
}

/// All services on one port of their own.
pub struct Services {
    shared: Shared,
    port: u16,
}

/// The routing key of PagerDuty: 32 characters.
pub const ROUTING_KEY: &str = "R0123456789abcdef0123456789abcde";
/// The bots' tokens.
pub const SLACK_TOKEN: &str = "xoxb-0123-test";
/// See [`SLACK_TOKEN`].
pub const TELEGRAM_TOKEN: &str = "123456:test-token";
/// The token of ntfy, Matrix and incident.io.
pub const TOKEN: &str = "tk_0123456789";
/// The account of Twilio, whose token is [`TOKEN`].
pub const TWILIO_ACCOUNT: &str = "AC0123";
/// Both as Basic authorization: base64 of `AC0123:tk_0123456789`.
const TWILIO_AUTHORIZATION: &str = "Basic QUMwMTIzOnRrXzAxMjM0NTY3ODk=";

/// A time as services write it.
pub fn rfc3339(at_s: u64) -> String {
    jiff::Timestamp::from_second(at_s as i64).unwrap_or_default().to_string()
}

impl Services {
    /// Listens.
    ///
    /// # Errors
    ///
    /// If no port is free.
    pub async fn start() -> anyhow::Result<Self> {
        let shared = Shared::default();
        let router = Router::new().merge(pager::routes()).merge(chat::routes()).merge(push::routes());
        let router = router.layer(from_fn_with_state(shared.clone(), late)).with_state(shared.clone());
        let (port, _) = serve(router).await?;
        Ok(Self { shared, port })
    }

    /// Where a path is.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// The next request to a service is answered with this status, and with how long to wait if that is given.
    pub fn answer_next(&self, service: &'static str, status: u16, retry_after: Option<&str>) {
        let answer = (status, retry_after.map(str::to_owned));
        self.shared.held().instead.entry(service).or_default().push_back(answer);
    }

    /// From here on the service takes what it is sent at once, and answers after so long.
    pub fn answer_late(&self, service: &str, after: Duration) {
        self.shared.held().late.insert(service.to_owned(), after);
    }

    /// From here on the service refuses every letter to this place, as a chat that the bot was taken out of does.
    pub fn close(&self, service: &'static str, place: &str) {
        self.shared.held().closed.insert((service, place.to_owned()));
    }

    /// What a service was asked so far.
    pub fn asked(&self, service: &str) -> Vec<Asked> {
        self.shared.held().asked.iter().filter(|asked| asked.service == service).cloned().collect()
    }

    /// Bodies that a service accepted.
    pub fn accepted(&self, service: &str) -> Vec<Value> {
        self.asked(service).into_iter().filter(|asked| asked.accepted).map(|asked| asked.body).collect()
    }

    /// Alerts by key, each with its status.
    pub fn alerts(&self) -> BTreeMap<String, String> {
        self.shared.held().alerts.clone()
    }

    /// Texts of the messages that stand at a service, in the order in which they were posted.
    pub fn messages(&self, service: &str) -> Vec<String> {
        let held = self.shared.held();
        held.messages.iter().filter(|((of, _), _)| *of == service).map(|(_, text)| text.clone()).collect()
    }
}
