//! A webhook's receiver that notes what it is given, under the path that it was posted to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::routing::post;

type Noted = Arc<Mutex<BTreeMap<String, Vec<String>>>>;

/// A server that takes every delivery.
pub struct Receiver {
    noted: Noted,
    port: u16,
}

async fn note(State(noted): State<Noted>, Path(name): Path<String>, headers: HeaderMap) {
    let id = headers.get("x-watchfire-delivery").and_then(|id| id.to_str().ok()).unwrap_or_default();
    noted.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default().push(id.to_owned());
}

impl Receiver {
    /// Listens on a port of its own.
    pub async fn start() -> anyhow::Result<Self> {
        let noted = Noted::default();
        let router = Router::new().route("/{name}", post(note)).with_state(noted.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { noted, port })
    }

    /// Where deliveries of a name go.
    pub fn url(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}/{name}", self.port)
    }

    /// Ids of the deliveries of a name, in the order in which they came; the same id may come again.
    pub fn ids(&self, name: &str) -> Vec<String> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned().unwrap_or_default()
    }
}
