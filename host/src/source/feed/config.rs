//! A feed in the config.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::secret::{Secret, SecretRef};

/// What a value is taken for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ValueType {
    /// A number, every digit of it; digits in a string count.
    #[default]
    Number,
    /// Text.
    Text,
    /// True or false.
    Boolean,
    /// Whatever it is, as JSON text.
    Json,
    /// The SHA-256 of all that a URL answers, whatever it is, as text: `sha256:…`. For `http`.
    Digest,
    /// The SHA-256 of the certificate that a server shows, as text: `sha256:…`. For `http`.
    Certificate,
    /// The records in a resolver's JSON answer (DNS over HTTPS), as text: a line for each, in order, without times to live.
    Dns,
    /// What a registrar's JSON entry of a domain (RDAP, RFC 9083) says: registrar, name servers, locks, keys, as text, a line for each.
    Registrar,
    /// The advisories of a repository that stand, as GitHub lists them in JSON, as text: a line for each, with its severity.
    Advisories,
}

impl ValueType {
    /// Whether the value is of the answer itself, and not of a place in its JSON.
    fn is_of_the_answer(self) -> bool {
        matches!(self, Self::Digest | Self::Certificate)
    }

    /// What a server is asked to answer in, where it has several ways.
    pub(super) fn accepts(self) -> Option<&'static str> {
        match self {
            Self::Dns => Some("application/dns-json"),
            Self::Registrar => Some("application/rdap+json"),
            Self::Advisories => Some("application/json"),
            _ => None,
        }
    }
}

/// A feed: where it comes from, and where in what it says the value is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeedConfig {
    /// What kind of source it is: `http` (polled), `websocket`, `webhook` (takes POSTs), `jsonl` (a file that grows).
    pub kind: FeedKind,
    /// Where the value is, as a JSON pointer (RFC 6901): `/data/price`. Empty for the whole.
    #[serde(default)]
    pub pointer: String,
    /// Where the time of the value is, as a JSON pointer: seconds or milliseconds since the Unix epoch, or RFC 3339.
    /// Without one the time is that of its arrival.
    pub time_pointer: Option<String>,
    /// What the value is taken for.
    #[serde(default, rename = "type")]
    pub value_type: ValueType,
    /// After how many seconds of silence the watch counts as weakened; never where it is not set.
    pub silent_after_s: Option<u64>,
    /// Where to ask or connect: for `http` and `websocket`.
    pub url: Option<SecretRef>,
    /// Headers to send, by name: for `http`.
    #[serde(default)]
    pub headers: BTreeMap<String, SecretRef>,
    /// How often to ask, milliseconds: for `http`.
    #[serde(default = "default_interval_ms")]
    pub interval_ms: u64,
    /// How long an answer may take, milliseconds: for `http` and `websocket`.
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
    /// Largest message that is read, bytes.
    #[serde(default = "default_max_body_bytes")]
    pub max_body_bytes: usize,
    /// Most values a second that are taken in; past that the newest one is, and that it is too many is a finding: for
    /// `websocket` and `webhook`, whose sender decides how often it speaks.
    #[serde(default = "default_max_per_s")]
    pub max_per_s: NonZeroU32,
    /// Messages to send once connected: for `websocket`.
    #[serde(default)]
    pub subscribe: Vec<String>,
    /// Address to listen on: for `webhook`.
    pub listen: Option<SocketAddr>,
    /// Path to listen on: for `webhook`.
    #[serde(default = "default_path")]
    pub path: String,
    /// Keys of the HMAC-SHA256 over timestamp, delivery id and body, two while one replaces the other: for `webhook`.
    #[serde(default)]
    pub secrets: Vec<SecretRef>,
    /// How far a sender's clock may be off, seconds: for `webhook`.
    #[serde(default = "default_max_skew_s")]
    pub max_skew_s: u64,
    /// The file, relative to the config's folder: for `jsonl`.
    pub file: Option<PathBuf>,
}

/// What kind of source a feed is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FeedKind {
    /// A URL that is asked again and again.
    Http,
    /// A connection that speaks by itself.
    Websocket,
    /// An address that takes POSTs.
    Webhook,
    /// A file that grows by a line at a time.
    Jsonl,
}

fn default_interval_ms() -> u64 {
    10_000
}

fn default_timeout_ms() -> u64 {
    10_000
}

fn default_max_body_bytes() -> usize {
    1 << 20
}

fn default_max_per_s() -> NonZeroU32 {
    const { NonZeroU32::new(10).expect("ten is not zero") }
}

fn default_path() -> String {
    "/".to_owned()
}

fn default_max_skew_s() -> u64 {
    300
}

/// A feed with its secrets fetched and its parts there.
pub enum Resolved {
    /// A URL that is asked again and again.
    Http(HttpSource),
    /// A connection that speaks by itself.
    Websocket(WebsocketSource),
    /// An address that takes POSTs.
    Webhook(WebhookSource),
    /// A file that grows by a line at a time.
    Jsonl(JsonlSource),
}

pub struct HttpSource {
    pub(super) value_type: ValueType,
    pub(super) url: Secret,
    pub(super) headers: Vec<(String, Secret)>,
    pub(super) interval_ms: u64,
    pub(super) timeout_ms: u64,
    pub(super) max_body_bytes: usize,
}

pub struct WebsocketSource {
    pub(super) url: Secret,
    pub(super) subscribe: Vec<String>,
    pub(super) timeout_ms: u64,
    pub(super) max_body_bytes: usize,
}

pub struct WebhookSource {
    pub(super) listen: SocketAddr,
    pub(super) path: String,
    pub(super) secrets: Vec<Secret>,
    pub(super) max_skew_s: u64,
    pub(super) max_body_bytes: usize,
}

pub struct JsonlSource {
    pub(super) file: PathBuf,
    pub(super) max_body_bytes: usize,
}

impl FeedConfig {
    /// Fetches secrets and checks that the parts of its kind are there.
    ///
    /// # Errors
    /// The offending key, and what is wrong with it.
    pub fn resolve(&self, folder: &Path) -> Result<Resolved, (String, String)> {
        for (key, pointer) in [("pointer", Some(&self.pointer)), ("time_pointer", self.time_pointer.as_ref())] {
            if pointer.is_some_and(|pointer| !pointer.is_empty() && !pointer.starts_with('/')) {
                return Err((key.into(), "a JSON pointer starts with `/`, as `/data/price`".into()));
            }
        }
        if self.value_type.is_of_the_answer() {
            let key = match (self.kind, self.pointer.is_empty(), &self.time_pointer) {
                (FeedKind::Http, true, None) => None,
                (FeedKind::Http, true, Some(_)) => Some("time_pointer"),
                (FeedKind::Http, false, _) => Some("pointer"),
                _ => Some("type"),
            };
            if let Some(key) = key {
                let message =
                    "`digest` and `certificate` are of an `http` feed's whole answer, in which nothing is looked up";
                return Err((key.into(), message.into()));
            }
        }
        let spans = [
            ("silent_after_s", self.silent_after_s.unwrap_or(1), 366 * 86_400),
            ("interval_ms", self.interval_ms, 86_400_000),
            ("timeout_ms", self.timeout_ms, 86_400_000),
            ("max_skew_s", self.max_skew_s, 86_400),
        ];
        if let Some((key, value, most)) = spans.into_iter().find(|(_, value, most)| !(1..=*most).contains(value)) {
            return Err((key.into(), format!("{value} is not between 1 and {most}")));
        }
        let (http, websocket) = (FeedKind::Http, FeedKind::Websocket);
        let belongs: [(&str, bool, &[FeedKind]); 6] = [
            ("url", self.url.is_some(), &[http, websocket]),
            ("headers", !self.headers.is_empty(), &[http]),
            ("subscribe", !self.subscribe.is_empty(), &[websocket]),
            ("listen", self.listen.is_some(), &[FeedKind::Webhook]),
            ("secrets", !self.secrets.is_empty(), &[FeedKind::Webhook]),
            ("file", self.file.is_some(), &[FeedKind::Jsonl]),
        ];
        for (key, is_set, kinds) in belongs {
            if is_set && !kinds.contains(&self.kind) {
                return Err((
                    key.into(),
                    format!("a feed of another kind has a `{key}`; take it out, or change `kind`"),
                ));
            }
        }
        let secret =
            |key: &str, secret: &SecretRef| secret.resolve(folder).map_err(|error| (key.to_owned(), error.to_string()));
        let missing = |key: &str, what: &str| (key.to_owned(), format!("`{key}` is missing; {what}"));
        let url = |schemes: [&str; 2]| {
            let url = self.url.as_ref().ok_or_else(|| missing("url", "name where to ask"))?;
            let url = secret("url", url)?;
            match schemes.iter().any(|scheme| url.expose().starts_with(scheme)) {
                true => Ok(url),
                false => Err(("url".into(), format!("it must start with {}", schemes.join(" or ")))),
            }
        };
        let max_body_bytes = self.max_body_bytes;
        Ok(match self.kind {
            FeedKind::Http => {
                if self.interval_ms < 100 {
                    return Err(("interval_ms".into(), "ask no more often than every 100 ms".into()));
                }
                let mut headers = Vec::new();
                for (name, value) in &self.headers {
                    headers.push((name.clone(), secret("headers", value)?));
                }
                let url = url(["http://", "https://"])?;
                if self.value_type == ValueType::Certificate && !url.expose().starts_with("https://") {
                    return Err(("url".into(), "only a server of https:// shows a certificate".into()));
                }
                Resolved::Http(HttpSource {
                    value_type: self.value_type,
                    url,
                    headers,
                    interval_ms: self.interval_ms,
                    timeout_ms: self.timeout_ms,
                    max_body_bytes,
                })
            }
            FeedKind::Websocket => Resolved::Websocket(WebsocketSource {
                url: url(["ws://", "wss://"])?,
                subscribe: self.subscribe.clone(),
                timeout_ms: self.timeout_ms,
                max_body_bytes,
            }),
            FeedKind::Webhook => {
                if self.secrets.is_empty() {
                    return Err(missing("secrets", "without a key anybody could speak for this feed"));
                }
                Resolved::Webhook(WebhookSource {
                    listen: self.listen.ok_or_else(|| missing("listen", "name an address, as `127.0.0.1:8088`"))?,
                    path: self.path.clone(),
                    secrets: self.secrets.iter().map(|key| secret("secrets", key)).collect::<Result<_, _>>()?,
                    max_skew_s: self.max_skew_s,
                    max_body_bytes,
                })
            }
            FeedKind::Jsonl => {
                let file = self.file.as_ref().ok_or_else(|| missing("file", "name the file to follow"))?;
                Resolved::Jsonl(JsonlSource { file: folder.join(file), max_body_bytes })
            }
        })
    }
}
