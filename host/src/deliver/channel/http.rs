//! A POST to a service, and what its answer means: accepted, to be tried again and when, or refused for good.

use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::Value;

use crate::deliver::webhook::{Undelivered, plain};
use crate::secret::Secret;

/// Most of an answer that is read, bytes.
const ANSWER_BYTES: usize = 64 * 1024;
/// Most of a refusal that is repeated to people, in characters.
const SAID_CHARS: usize = 160;

/// What a service answered to what it accepted.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// The status.
    pub(super) status: StatusCode,
    /// The body, if it is JSON; null otherwise.
    pub(super) body: Value,
    /// What the service asks to wait by its header, milliseconds.
    pub(super) retry_after_ms: Option<u64>,
}

/// Makes the client of a service.
///
/// # Errors
///
/// If the system has no source of certificates.
pub(super) fn client(timeout_ms: u64) -> Result<Client, String> {
    // Followed, a redirect can turn the POST into a GET, whose 200 would pass for a delivery.
    let builder = crate::http::client_builder().timeout(Duration::from_millis(timeout_ms)).redirect(Policy::none());
    builder.build().map_err(|error| format!("no HTTP client can be made: {error}"))
}

/// Sends a request. `secrets` are kept out of what is said of a failure.
///
/// # Errors
///
/// If the service can't be reached or takes too long, which may pass; answers 408, 425, 429 or 5xx, which may pass too; or
/// answers anything else that is no 2xx, which is final.
pub(super) async fn send(request: RequestBuilder, secrets: &[&Secret]) -> Result<Answer, Undelivered> {
    let answer = ask(request, secrets).await?;
    if answer.status.is_success() { Ok(answer) } else { Err(refusal(&answer, secrets)) }
}

/// Sends a request and returns whatever is answered, for services whose status says little.
///
/// # Errors
///
/// If the service can't be reached or takes too long.
pub(super) async fn ask(request: RequestBuilder, secrets: &[&Secret]) -> Result<Answer, Undelivered> {
    let place = request.try_clone().and_then(|request| request.build().ok());
    let place = place.map(|request| Secret::new(request.url().as_str()).label()).unwrap_or_default();
    let failed = |error: reqwest::Error| {
        Undelivered::for_now(format!("{place}: {}", without(&plain(&error.without_url()), secrets)), None)
    };
    let mut response = request.send().await.map_err(failed)?;
    let (status, retry_after_ms) = (response.status(), retry_after_ms(&response));
    let mut bytes = Vec::new();
    // A service that has accepted may still fail to say so in full.
    while let Ok(Some(chunk)) = response.chunk().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > ANSWER_BYTES {
            break;
        }
    }
    let body = serde_json::from_slice(&bytes)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).chars().take(SAID_CHARS).collect()));
    Ok(Answer { status, body, retry_after_ms })
}

/// Writes pairs as a form is posted.
pub(super) fn form(pairs: &[(&str, String)]) -> String {
    let Ok(mut url) = reqwest::Url::parse("form:") else { return String::new() };
    url.query_pairs_mut().extend_pairs(pairs);
    url.query().unwrap_or_default().to_owned()
}

/// Makes of an answer what is known of the delivery that it refuses.
pub(super) fn refusal(answer: &Answer, secrets: &[&Secret]) -> Undelivered {
    let status = answer.status;
    let said = match &answer.body {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let said: String = said.chars().filter(|c| !c.is_control()).take(SAID_CHARS).collect();
    let said = without(&said, secrets);
    let message = if said.is_empty() { format!("answered {status}") } else { format!("answered {status}: {said}") };
    // 408 Request Timeout, 425 Too Early, 429 Too Many Requests: RFC 9110, 8470, 6585.
    let may_pass = status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429);
    if may_pass { Undelivered::for_now(message, answer.retry_after_ms) } else { Undelivered::for_good(message) }
}

/// RFC 9110, 10.2.3: seconds, or the date until which to wait.
fn retry_after_ms(response: &reqwest::Response) -> Option<u64> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        // Some services write fractions.
        return (seconds.is_finite() && seconds >= 0.0).then_some((seconds * 1_000.0).ceil() as u64);
    }
    let until = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    let now = response.headers().get(reqwest::header::DATE).and_then(|date| date.to_str().ok());
    let now = now.and_then(|date| jiff::fmt::rfc2822::parse(date).ok())?.timestamp();
    u64::try_from(until.as_millisecond() - now.as_millisecond()).ok()
}

fn without(text: &str, secrets: &[&Secret]) -> String {
    secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.expose(), "(secret)"))
}
