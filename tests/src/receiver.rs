//! A webhook's receiver that notes what it is given, under the path that it was posted to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;

use crate::serving::serve;

/// One delivery, as it was posted.
#[derive(Clone, Debug)]
struct Posted {
    id: String,
    body: Value,
    /// Whether the receiver answered that it has it.
    accepted: bool,
}

#[derive(Default)]
struct Noted {
    posted: BTreeMap<String, Vec<Posted>>,
    /// What is answered under a path; 200 where nothing is set.
    answers: BTreeMap<String, StatusCode>,
}

type Shared = Arc<Mutex<Noted>>;

/// A server that takes every delivery, unless it is set to answer otherwise.
pub struct Receiver {
    noted: Shared,
    port: u16,
}

async fn note(State(noted): State<Shared>, Path(name): Path<String>, headers: HeaderMap, body: String) -> StatusCode {
    let id = headers.get("x-watchfire-delivery").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
    let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
    let answer = noted.answers.get(&name).copied().unwrap_or(StatusCode::OK);
    let body = serde_json::from_str(&body).unwrap_or(Value::String(body));
    noted.posted.entry(name).or_default().push(Posted { id, body, accepted: answer.is_success() });
    answer
}

impl Receiver {
    /// Listens on a port of its own.
    pub async fn start() -> anyhow::Result<Self> {
        let noted = Shared::default();
        let (port, _) = serve(Router::new().route("/{name}", post(note)).with_state(noted.clone())).await?;
        Ok(Self { noted, port })
    }

    /// Where deliveries of a name go.
    pub fn url(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}/{name}", self.port)
    }

    /// From here on deliveries of a name are answered with this status.
    pub fn answer(&self, name: &str, status: u16) {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).answers.insert(name.to_owned(), status);
    }

    /// Ids of the deliveries of a name, in the order in which they came; the same id may come again.
    pub fn ids(&self, name: &str) -> Vec<String> {
        self.posted(name).into_iter().map(|posted| posted.id).collect()
    }

    /// Bodies of the deliveries of a name that were accepted, in the order in which they came.
    pub fn accepted(&self, name: &str) -> Vec<Value> {
        self.posted(name).into_iter().filter(|posted| posted.accepted).map(|posted| posted.body).collect()
    }

    fn posted(&self, name: &str) -> Vec<Posted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).posted.get(name).cloned().unwrap_or_default()
    }
}
