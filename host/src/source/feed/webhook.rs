//! An address that takes POSTs: signed, fresh, each once, and answered only when the journal has them.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::config::WebhookSource;
use super::outlet::{Outlet, now_ms};
use super::{FeedResume, until_stopped};
use crate::http::serve::serve;
use crate::secret::Secret;
use crate::signature::{Signed, is_plain_id};

/// How often it is looked at whether anybody still posts.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often a refused delivery is told.
const REFUSALS_TOLD: Quota = Quota::per_minute(NonZeroU32::new(6).expect("six is not zero"));

struct Desk {
    door: Door,
    told: Refusals,
    inner: Mutex<Inner>,
}

/// Who is let in.
pub(super) struct Door {
    pub(super) secrets: Vec<Secret>,
    pub(super) max_skew_s: u64,
}

/// Tells of refused deliveries without letting strangers fill the log.
struct Refusals {
    pace: DefaultDirectRateLimiter,
    untold: AtomicU64,
}

struct Inner {
    outlet: Outlet,
    /// Delivery ids of the last while, with the time of their signature in seconds.
    seen: BTreeMap<String, u64>,
}

type Answer = (StatusCode, String);

pub(super) async fn run(
    source: WebhookSource,
    resume: FeedResume,
    outlet: Outlet,
    mut stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let listener = TcpListener::bind(source.listen)
        .await
        .map_err(|error| anyhow::anyhow!("nobody can listen on {}: {error}", source.listen))?;
    tracing::info!(feed = outlet.name(), "listening on http://{}{}", listener.local_addr()?, source.path);
    let now_s = now_ms() / 1_000;
    let seen = resume.recent.into_iter().map(|observation| (observation.position, now_s)).collect();
    let desk = Arc::new(Desk {
        door: Door { secrets: source.secrets, max_skew_s: source.max_skew_s },
        told: Refusals { pace: RateLimiter::direct(REFUSALS_TOLD), untold: AtomicU64::new(0) },
        inner: Mutex::new(Inner { outlet, seen }),
    });
    let router = Router::new()
        .route(&source.path, post(take))
        .layer(DefaultBodyLimit::max(source.max_body_bytes))
        .with_state(desk.clone());
    let mut until = stop.clone();
    let name = format!("feed {}", desk.inner.lock().await.outlet.name());
    let mut serving =
        tokio::spawn(async move { serve(&name, listener, router, async { until_stopped(&mut until).await }).await });
    loop {
        // Whoever posts moves the time without a word to this loop.
        let due = desk.inner.lock().await.outlet.silence_due().min(Instant::now() + LOOK_EVERY);
        tokio::select! {
            () = until_stopped(&mut stop) => break,
            served = &mut serving => return Ok(served?),
            () = sleep_until(due) => desk.inner.lock().await.outlet.silent("nobody posted").await?,
        }
    }
    Ok(serving.await?)
}

async fn take(State(desk): State<Arc<Desk>>, headers: HeaderMap, body: Bytes) -> Answer {
    let checked = desk.door.check(&headers, &body);
    let (timestamp_s, id, text) = match checked {
        Ok(checked) => checked,
        Err((status, what)) => {
            desk.told.refused(status, &what);
            return (status, what);
        }
    };
    let (done, durable) = oneshot::channel();
    {
        let mut inner = desk.inner.lock().await;
        let oldest_s = (now_ms() / 1_000).saturating_sub(2 * desk.door.max_skew_s);
        inner.seen.retain(|_, signed_s| *signed_s >= oldest_s);
        if inner.seen.contains_key(&id) {
            return (StatusCode::CONFLICT, "this delivery was taken already".to_owned());
        }
        match inner.outlet.has_room().await {
            Ok(true) => {}
            Ok(false) => {
                return (StatusCode::TOO_MANY_REQUESTS, "more than `max_per_s`; try again in a second".to_owned());
            }
            Err(_) => return (StatusCode::SERVICE_UNAVAILABLE, "the host is stopping".to_owned()),
        }
        let observation = match inner.outlet.read(&text, id.clone()) {
            Ok(observation) => observation,
            Err(what) => {
                // The sender is told; whether the loop still runs shows with the next good one.
                let _ = inner.outlet.malformed(what.clone()).await;
                return (StatusCode::UNPROCESSABLE_ENTITY, what);
            }
        };
        if inner.outlet.observe(observation, Some(done)).await.is_err() {
            return (StatusCode::SERVICE_UNAVAILABLE, "the host is stopping".to_owned());
        }
        inner.seen.insert(id, timestamp_s);
    }
    match durable.await {
        Ok(()) => (StatusCode::OK, "journaled".to_owned()),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the host stopped before it was journaled".to_owned()),
    }
}

impl Refusals {
    fn refused(&self, status: StatusCode, what: &str) {
        if self.pace.check().is_err() {
            self.untold.fetch_add(1, Ordering::Relaxed);
            return;
        }
        match self.untold.swap(0, Ordering::Relaxed) {
            0 => tracing::warn!(%status, "a delivery was refused: {what}"),
            untold => tracing::warn!(%status, "{} deliveries were refused; the last: {what}", untold + 1),
        }
    }
}

impl Door {
    /// Time of the signature, delivery id and body of a delivery that is what it says.
    pub(super) fn check(&self, headers: &HeaderMap, body: &Bytes) -> Result<(u64, String, String), Answer> {
        let header = |name: &str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty());
            value.ok_or_else(|| (StatusCode::UNAUTHORIZED, format!("the header `{name}` is missing")))
        };
        let timestamp = header("x-watchfire-timestamp")?;
        let id = header("x-watchfire-delivery")?;
        let signature = header("x-watchfire-signature")?;
        let unauthorized = |what: &str| (StatusCode::UNAUTHORIZED, what.to_owned());
        // The first version puts dots between its parts: none of them may be in a part, or a delivery could be split anew.
        if !is_plain_id(id) {
            return Err(unauthorized("a delivery id has 1 to 128 letters, digits, `-`, `_` and `:`, and nothing else"));
        }
        let is_number = (1..=20).contains(&timestamp.len()) && timestamp.bytes().all(|byte| byte.is_ascii_digit());
        let timestamp_s = if is_number { timestamp.parse().ok() } else { None };
        let timestamp_s: u64 = timestamp_s.ok_or_else(|| unauthorized("the timestamp is no number of seconds"))?;
        if !["v1=", "v2="].iter().any(|version| signature.starts_with(version)) {
            return Err(unauthorized("the signature is not `v2=` or `v1=` and hex digits"));
        }
        let delivery = Signed { timestamp, delivery_id: id, body };
        if !self.secrets.iter().any(|secret| delivery.is_by(secret, signature)) {
            return Err(unauthorized("the signature is of another key, or of another body"));
        }
        let off_s = timestamp_s.abs_diff(now_ms() / 1_000);
        if off_s > self.max_skew_s {
            return Err(unauthorized(&format!("the timestamp is {off_s} s off, {} s are allowed", self.max_skew_s)));
        }
        let text = std::str::from_utf8(body)
            .map_err(|_| (StatusCode::UNPROCESSABLE_ENTITY, "the body is not UTF-8".to_owned()))?;
        Ok((timestamp_s, id.to_owned(), text.to_owned()))
    }
}
