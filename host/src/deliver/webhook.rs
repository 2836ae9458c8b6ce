//! One effect to one URL: a signed POST that its receiver can check, and recognise when it comes again.

use std::time::Duration;

use rand::RngExt;
use reqwest::header::RETRY_AFTER;
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::effect::Ordered;
use crate::secret::{Secret, SecretRef};
use crate::signature::Signed;

/// A place that effects are posted to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Where to post.
    pub url: SecretRef,
    /// Key of the HMAC-SHA256 over timestamp, delivery id and body; unsigned without one.
    pub secret: Option<SecretRef>,
    /// How long the receiver may take, milliseconds.
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
    /// Which pages it carries, by the scheme of the person's channel: `["phone", "sms"]` for `phone:…` and `sms:…`. All
    /// if it is absent. Effects other than pages go to every webhook.
    #[serde(default)]
    pub schemes: Option<Vec<String>>,
}

fn default_timeout_ms() -> u64 {
    10_000
}

/// A webhook with its secrets fetched.
#[derive(Clone, Debug)]
pub struct Webhook {
    client: Client,
    url: Secret,
    key: Option<Secret>,
}

/// Why a delivery did not arrive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Undelivered {
    /// What happened, without the URL's secrets.
    pub message: String,
    /// How long the receiver asked us to wait, milliseconds.
    pub retry_after_ms: Option<u64>,
    /// Whether it is refused however often it is sent.
    pub is_final: bool,
}

impl Undelivered {
    /// A failure that may pass, after so many milliseconds if the receiver says so.
    pub fn for_now(message: String, retry_after_ms: Option<u64>) -> Self {
        Self { message, retry_after_ms, is_final: false }
    }

    /// A refusal that no further attempt changes.
    pub fn for_good(message: String) -> Self {
        Self { message, retry_after_ms: None, is_final: true }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    delivery_id: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    test: bool,
    #[serde(flatten)]
    ordered: &'a Ordered,
}

impl Webhook {
    /// Makes a webhook of its config's values.
    ///
    /// # Errors
    ///
    /// If the HTTP client can't be made.
    pub fn new(url: Secret, key: Option<Secret>, timeout_ms: u64) -> anyhow::Result<Self> {
        // Followed, a redirect can turn the POST into a GET, whose 200 would pass for a delivery.
        let client = crate::http::client_builder()
            .timeout(Duration::from_millis(timeout_ms))
            .redirect(Policy::none())
            .build()?;
        Ok(Self { client, url, key })
    }

    /// Posts an effect. The delivery's id is the effect's key, the same on each attempt, so that a receiver that has it
    /// already can say so; a test says that it is one. `now_ms` is the wall clock, milliseconds since the Unix epoch.
    ///
    /// # Errors
    ///
    /// If the receiver can't be reached, takes too long, or answers with neither 2xx nor 409.
    pub async fn deliver(&self, ordered: &Ordered, is_test: bool, now_ms: u64) -> Result<(), Undelivered> {
        let delivery_id = hex::encode(ordered.key);
        let body = serde_json::to_string(&Body { delivery_id: delivery_id.clone(), test: is_test, ordered })
            .map_err(|error| undelivered(format!("the effect is no JSON: {error}")))?;
        let timestamp = (now_ms / 1_000).to_string();
        let mut request = self
            .client
            .post(self.url.expose())
            .header("content-type", "application/json")
            .header("x-watchfire-timestamp", &timestamp)
            .header("x-watchfire-delivery", &delivery_id);
        if let Some(key) = &self.key {
            let signed = Signed { timestamp: &timestamp, delivery_id: &delivery_id, body: body.as_bytes() };
            request = request
                .header("x-watchfire-signature", signed.sign(key))
                .header("x-watchfire-signature-v2", signed.sign_v2(key));
        }
        let response = request
            .body(body)
            .send()
            .await
            .map_err(|error| undelivered(format!("{}: {}", self.url, plain(&error.without_url()))))?;
        let status = response.status();
        // 409 is a receiver's way to say that it has this delivery already.
        if status.is_success() || status == StatusCode::CONFLICT {
            return Ok(());
        }
        let retry_after_ms = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse::<u64>().ok())
            .map(|seconds| seconds.saturating_mul(1_000));
        Err(Undelivered::for_now(format!("{} answered {status}", self.url), retry_after_ms))
    }
}

fn undelivered(message: String) -> Undelivered {
    Undelivered::for_now(message, None)
}

/// Returns what an error says, with all of its causes, each once: some errors repeat those below them.
pub(super) fn plain(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !message.contains(&said) {
            message = format!("{message}: {said}");
        }
        cause = inner.source();
    }
    message
}

/// How long to wait before the next attempt, milliseconds: doubling from one second to ten minutes, with up to
/// a quarter of jitter, and never sooner than the receiver asked.
pub fn backoff_ms(attempts: u32, retry_after_ms: Option<u64>) -> u64 {
    let base_ms = 1_000_u64.saturating_mul(1 << attempts.min(10)).min(600_000);
    let jittered_ms = base_ms + rand::rng().random_range(0..=base_ms / 4);
    jittered_ms.max(retry_after_ms.unwrap_or(0).min(3_600_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_ten_minutes_and_heed_the_receiver() {
        assert!((1_000..=1_250).contains(&backoff_ms(0, None)));
        assert!((8_000..=10_000).contains(&backoff_ms(3, None)));
        assert!((600_000..=750_000).contains(&backoff_ms(40, None)));
        assert_eq!(backoff_ms(0, Some(90_000)), 90_000);
    }

    /// Attempts at a receiver that wants fewer requests for an hour, and after how long the last one, which it takes, is made.
    fn attempts_of(asks_to_wait_ms: impl Fn(u64) -> Option<u64>) -> (u32, u64) {
        const HOUR_MS: u64 = 3_600_000;
        let (mut attempts, mut at_ms) = (0, 0);
        while at_ms < HOUR_MS {
            at_ms += backoff_ms(attempts, asks_to_wait_ms(at_ms));
            attempts += 1;
        }
        (attempts + 1, at_ms - HOUR_MS)
    }

    #[test]
    fn a_receiver_that_wants_fewer_for_an_hour_gets_fewer_and_soon_after_it_gets_all() {
        assert_eq!(attempts_of(|at_ms| Some(3_600_000 - at_ms)), (2, 0), "it says how long");
        for wait_ms in [None, Some(0), Some(5_000)] {
            let (attempts, late_ms) = attempts_of(|_| wait_ms);
            assert!((12..=17).contains(&attempts) && late_ms <= 750_000, "{wait_ms:?}: {attempts}, {late_ms} ms late");
        }
        let (attempts, late_ms) = attempts_of(|_| Some(u64::MAX));
        assert_eq!((attempts, late_ms), (2, 0), "nobody is waited for longer than an hour");
    }
}
