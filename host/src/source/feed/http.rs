//! A URL that is asked again and again.

use std::time::Duration;

use alloy::primitives::hex;
use rand::RngExt;
use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::tls::TlsInfo;
use reqwest::{Client, Response};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::config::{HttpSource, ValueType};
use super::outlet::Outlet;
use super::until_stopped;
use crate::digest::sha256;

/// Longest wait between two attempts, whatever went wrong.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// What an attempt came to, where it did not come to a value.
struct Failed {
    message: String,
    retry_after: Option<Duration>,
}

pub(super) async fn run(source: HttpSource, mut outlet: Outlet, mut stop: watch::Receiver<bool>) -> anyhow::Result<()> {
    let mut headers = HeaderMap::new();
    if let Some(accepts) = source.value_type.accepts() {
        headers.insert(ACCEPT, HeaderValue::from_static(accepts));
    }
    for (name, value) in &source.headers {
        let mut value = HeaderValue::from_str(value.expose())?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_bytes(name.as_bytes())?, value);
    }
    // A redirect would carry the headers, keys among them, to wherever the answer points.
    let mut builder = crate::http::client_builder()
        .timeout(Duration::from_millis(source.timeout_ms))
        .default_headers(headers)
        .redirect(Policy::none());
    if source.value_type == ValueType::Certificate {
        // A connection that is kept shows the certificate of when it was made.
        builder = builder.tls_info(true).pool_max_idle_per_host(0);
    }
    let client = builder.build()?;
    let interval = Duration::from_millis(source.interval_ms);
    let (mut failures, mut why) = (0_u32, String::new());
    let mut next = Instant::now();
    loop {
        tokio::select! {
            () = until_stopped(&mut stop) => return Ok(()),
            () = sleep_until(outlet.silence_due()) => outlet.silent(&why).await?,
            () = sleep_until(next) => {
                let started = Instant::now();
                let asked = tokio::select! {
                    () = until_stopped(&mut stop) => return Ok(()),
                    asked = ask(&client, &source) => asked,
                };
                match asked {
                    Ok(body) => {
                        failures = 0;
                        why.clear();
                        outlet.reached().await?;
                        outlet.message(&body, String::new()).await?;
                        next = started + interval;
                    }
                    Err(failed) => {
                        tracing::warn!(feed = outlet.name(), "{}", failed.message);
                        let wait = (interval * 2_u32.saturating_pow(failures.min(6))).min(LONGEST_WAIT);
                        let jitter = wait.mul_f64(rand::rng().random_range(0.0..0.25));
                        next = Instant::now() + (wait + jitter).max(failed.retry_after.unwrap_or_default());
                        failures += 1;
                        why = failed.message;
                        outlet.failed(&why).await?;
                    }
                }
            }
        }
    }
}

async fn ask(client: &Client, source: &HttpSource) -> Result<String, Failed> {
    let failed = |message: String| Failed { message, retry_after: None };
    let response = client
        .get(source.url.expose())
        .send()
        .await
        .map_err(|error| failed(format!("{}: {}", source.url, error.without_url())))?;
    let status = response.status();
    if !status.is_success() {
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(|seconds: u64| Duration::from_secs(seconds).min(LONGEST_WAIT));
        return Err(Failed { message: format!("{} answered {status}", source.url), retry_after });
    }
    value(response, source).await.map_err(|what| failed(format!("{}: {what}", source.url)))
}

/// What an answer says, as JSON.
async fn value(response: Response, source: &HttpSource) -> Result<String, String> {
    let digest = |bytes: &[u8]| format!("\"sha256:{}\"", hex::encode(sha256(bytes)));
    match source.value_type {
        ValueType::Certificate => {
            let shown = response.extensions().get::<TlsInfo>().and_then(TlsInfo::peer_certificate);
            shown.map(digest).ok_or_else(|| "the server shows no certificate".to_owned())
        }
        ValueType::Digest => body(response, source.max_body_bytes).await.map(|bytes| digest(&bytes)),
        _ => {
            let bytes = body(response, source.max_body_bytes).await?;
            String::from_utf8(bytes).map_err(|_| "the answer is not UTF-8".to_owned())
        }
    }
}

async fn body(mut response: Response, at_most: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let broken = |error: reqwest::Error| format!("the answer broke off: {}", error.without_url());
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > at_most {
            return Err(format!("the answer has more than {at_most} bytes"));
        }
    }
    Ok(bytes)
}
