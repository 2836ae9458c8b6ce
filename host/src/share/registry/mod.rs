//! A registry, spoken to by the OCI distribution protocol. Whatever it sends is bounded, hashed, and believed no further.
//!
//! Requests are made here rather than by a library since those that there are read manifests and tokens of any length.

mod auth;
mod credentials;
mod error;
mod pull;
mod push;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};

pub use credentials::{Credential, Credentials};
pub use error::RegistryError;

use super::reference::{Reference, is_loopback};

/// How long a connection may take.
const CONNECTS_WITHIN: Duration = Duration::from_secs(15);
/// How long a registry may stay silent within an answer, and before its first byte.
const SPEAKS_WITHIN: Duration = Duration::from_secs(60);
/// The slowest answer that is waited for: after the time above, so many bytes per second must have come on the average.
const LEAST_BYTES_PER_S: u32 = 8 << 10;
/// How often a request is made that fails for the moment.
const ATTEMPTS: u32 = 4;
/// Longest wait that a registry may ask for.
const WAITS_AT_MOST: Duration = Duration::from_secs(30);
/// How many redirects are followed.
const REDIRECTS: usize = 5;
/// Largest answer to a question for a token, or explanation of an error, bytes.
const SHORT_ANSWER_BYTES: u64 = 256 << 10;

/// What is done in a repository, as tokens name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Doing {
    Pull,
    Push,
}

/// A repository of a registry.
pub struct Repository {
    client: Client,
    reference: Reference,
    /// Scheme, host and port.
    base: Url,
    credential: Option<Credential>,
    /// The header that the registry last took, by what is done.
    granted: Mutex<BTreeMap<Doing, String>>,
}

impl Repository {
    /// Begins to speak with the registry of a reference. Plain HTTP is spoken with a registry on this machine only, and there
    /// only if it does not answer by TLS.
    ///
    /// # Errors
    ///
    /// If no client can be made, or credentials can't be read.
    pub async fn open(reference: &Reference, credentials: &Credentials) -> Result<Self, RegistryError> {
        let malformed = |why: String| RegistryError::Malformed { registry: reference.registry.clone(), why };
        let client = crate::http::client_builder()
            .connect_timeout(CONNECTS_WITHIN)
            .read_timeout(SPEAKS_WITHIN)
            .user_agent(concat!("watchfire/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::custom(redirect))
            .build()
            .map_err(|error| malformed(error.to_string()))?;
        let url = |scheme: &str| {
            Url::parse(&format!("{scheme}://{}/", reference.server())).map_err(|e| malformed(e.to_string()))
        };
        let mut base = url("https")?;
        if reference.is_loopback()
            && let Err(error) = client.get(base.join("v2/").unwrap_or(base.clone())).send().await
        {
            // Who speaks TLS, by a certificate that does not hold, is not spoken to without.
            if let Some(why) = of_certificate(&error) {
                let why = format!("{why}; name what vouches for its certificate by `SSL_CERT_FILE`");
                return Err(RegistryError::Unreachable { registry: reference.registry.clone(), why });
            }
            base = url("http")?;
        }
        let credential = credentials.of(&reference.registry).map_err(malformed)?;
        Ok(Self { client, reference: reference.clone(), base, credential, granted: Mutex::default() })
    }

    /// Returns the reference that it was opened by.
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("/v2/{}/{path}", self.reference.path()));
        url
    }

    /// Makes a request until it succeeds, is refused for good, or failed too often.
    async fn send(
        &self,
        doing: Doing,
        what: &str,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<Response, RegistryError> {
        let (mut failures, mut asked) = (0, false);
        loop {
            let mut request = request();
            let granted = self.granted.lock().map(|granted| granted.get(&doing).cloned()).unwrap_or_default();
            if let Some(header) = granted {
                request = request.header(AUTHORIZATION, header);
            }
            let answer = request.send().await;
            failures += 1;
            let wait = match &answer {
                Err(_) if failures < ATTEMPTS => Duration::from_millis(200 << failures),
                Ok(answer) if is_passing(answer.status()) && failures < ATTEMPTS => match retry_after(answer) {
                    Some(wait) if wait > WAITS_AT_MOST => {
                        return Err(RegistryError::Limited { registry: self.name(), after_s: wait.as_secs() });
                    }
                    // None at all would be no wait, which is how a final answer is told below.
                    Some(wait) => wait.max(Duration::from_millis(200)),
                    None => Duration::from_millis(200 << failures),
                },
                Ok(answer) if answer.status() == StatusCode::UNAUTHORIZED && !asked => {
                    asked = true;
                    let headers = answer.headers().get_all(WWW_AUTHENTICATE);
                    let challenges = headers.iter().filter_map(|header| header.to_str().ok().map(str::to_owned));
                    let header = self.authenticate(doing, challenges.collect()).await?;
                    if let Ok(mut granted) = self.granted.lock() {
                        granted.insert(doing, header);
                    }
                    continue;
                }
                _ => Duration::ZERO,
            };
            match answer {
                Ok(answer) if answer.status().is_success() => return Ok(answer),
                Ok(answer) if wait.is_zero() => return Err(self.refusal(what, answer).await),
                Err(error) if wait.is_zero() => {
                    let why = chain(&error);
                    return Err(RegistryError::Unreachable { registry: self.name(), why });
                }
                Ok(answer) => tracing::debug!("{}: {} to {what}; again in {wait:?}", self.name(), answer.status()),
                Err(error) => tracing::debug!("{}: {error} at {what}; again in {wait:?}", self.name()),
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// Words what a registry answered in place of what was asked for.
    async fn refusal(&self, what: &str, answer: Response) -> RegistryError {
        let (registry, status, wait) = (self.name(), answer.status(), retry_after(&answer));
        let said = read(answer, SHORT_ANSWER_BYTES, &registry, what).await.unwrap_or_default();
        let said = auth::explanation(&said);
        let what = what.to_owned();
        match status {
            StatusCode::NOT_FOUND => RegistryError::Missing { registry, what },
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => RegistryError::Denied {
                with: if self.credential.is_some() {
                    "with the credentials of Docker's config"
                } else {
                    "without credentials"
                },
                registry,
                what,
                said,
            },
            StatusCode::TOO_MANY_REQUESTS => {
                RegistryError::Limited { registry, after_s: wait.unwrap_or_default().as_secs() }
            }
            _ => RegistryError::Status { registry, what, status: status.as_u16(), said },
        }
    }

    fn name(&self) -> String {
        self.reference.registry.clone()
    }

    fn get(&self, url: Url) -> RequestBuilder {
        self.client.request(Method::GET, url)
    }
}

/// True when the same request may succeed a little later.
fn is_passing(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::REQUEST_TIMEOUT || status.is_server_error()
}

fn retry_after(answer: &Response) -> Option<Duration> {
    answer.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// Returns what is wrong with the certificate of a server, if that is why it was not spoken to.
fn of_certificate(error: &reqwest::Error) -> Option<String> {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(one) = cause {
        let said = one.to_string();
        if said.contains("certificate") {
            return Some(said);
        }
        cause = one.source();
    }
    None
}

/// Follows registries to where they keep their blobs, yet not from TLS to plain HTTP, nor from elsewhere into this machine.
fn redirect(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let (to, from) = (attempt.url().clone(), attempt.previous().last().cloned());
    let is_local = |url: &Url| url.host_str().is_some_and(is_loopback);
    let refused = match from {
        _ if attempt.previous().len() > REDIRECTS => Some("it redirects too often"),
        Some(from) if to.scheme() != "https" && !(is_local(&from) && is_local(&to)) => {
            Some("it redirects to plain HTTP")
        }
        Some(from) if is_local(&to) && !is_local(&from) => Some("it redirects to an address of this machine"),
        _ => None,
    };
    match refused {
        Some(why) => attempt.error(why),
        None => attempt.follow(),
    }
}

/// Reads a body of no more than so many bytes.
async fn read(answer: Response, limit: u64, registry: &str, what: &str) -> Result<Vec<u8>, RegistryError> {
    read_within(answer, limit, registry, what, SPEAKS_WITHIN).await
}

/// Reads a body of no more than so many bytes, and gives up one that drips: after `patience`, so many bytes per second must have
/// come.
async fn read_within(
    mut answer: Response,
    limit: u64,
    registry: &str,
    what: &str,
    patience: Duration,
) -> Result<Vec<u8>, RegistryError> {
    let unreachable = |why: String| RegistryError::Unreachable { registry: registry.to_owned(), why };
    let too_large = || RegistryError::TooLarge { registry: registry.to_owned(), what: what.to_owned(), limit };
    if answer.content_length().is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    let began = tokio::time::Instant::now();
    loop {
        let late_at = began + patience + Duration::from_secs(1) * (bytes.len() as u32 / LEAST_BYTES_PER_S);
        let chunk = tokio::time::timeout_at(late_at, answer.chunk()).await.map_err(|_| {
            let (came, took_s) = (bytes.len(), began.elapsed().as_secs());
            unreachable(format!("it sent {came} bytes of {what} within {took_s} s, which is too slow to wait for"))
        })?;
        let chunk = chunk.map_err(|error| unreachable(format!("it broke off {what}: {}", chain(&error))))?;
        let Some(chunk) = chunk else { return Ok(bytes) };
        if bytes.len() as u64 + chunk.len() as u64 > limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
}

/// Returns an error with all that caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        words.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// Answers with a body of `length` bytes, in pieces, one each 20 ms; returns the URL.
    fn drips(length: usize, piece_bytes: usize) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4_096]);
            let _ = write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
            for _ in 0..length.div_ceil(piece_bytes) {
                // The reader may have gone.
                if stream.write_all(&vec![b'x'; piece_bytes]).is_err() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        url
    }

    #[tokio::test]
    async fn an_answer_that_drips_is_given_up_and_a_slow_one_is_waited_for() {
        let client = crate::http::client_builder().build().unwrap();
        let answer = client.get(drips(1 << 20, 1)).send().await.unwrap();
        let patience = Duration::from_millis(300);
        let error = read_within(answer, 2 << 20, "here", "layer a", patience).await.unwrap_err().to_string();
        assert!(error.starts_with("here can't be reached: it sent ") && error.contains("bytes of layer a"), "{error}");

        // Twice as long as the patience, and fast enough.
        let answer = client.get(drips(30 << 10, 1 << 10)).send().await.unwrap();
        let read = read_within(answer, 2 << 20, "here", "layer a", patience).await.unwrap();
        assert_eq!(read.len(), 30 << 10);
    }
}
