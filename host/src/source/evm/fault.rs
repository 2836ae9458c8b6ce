//! Faults of a node: why a call has no result, and what an error answer means.

use std::time::Duration;

use alloy::rpc::json_rpc::{ErrorPayload, RpcError};
use alloy::transports::{TransportError, TransportErrorKind};
use serde_json::value::RawValue;

use crate::text::line;

/// Longest text of a node that is shown, bytes. What it says stands in the log and in findings.
const SAID_BYTES: usize = 300;

/// Why a call has no result. Holds no URL: messages of the libraries are kept only if they have none.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    #[error("{}", line(.0, SAID_BYTES))]
    Transport(String),
    #[error("it asks for fewer requests{}", .said.as_ref().map_or_else(|| " (HTTP 429)".to_owned(), |said| format!(": {}", line(said, SAID_BYTES))))]
    Throttled { retry_after: Option<Duration>, said: Option<String> },
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    #[error("the answer can't be read: {}", line(.0, SAID_BYTES))]
    Unreadable(String),
    #[error("error {code}: {}", line(message, SAID_BYTES))]
    Rpc { code: i64, message: String, data: Option<Box<RawValue>> },
}

/// What a node means by a fault, whatever words its client has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It does not offer the method, or not with such parameters.
    MethodUnknown,
    /// It no longer has the state of that block, or not yet.
    StateUnavailable,
    /// It does not know the block.
    BlockUnknown,
    /// The chain has no block at that height, and will have none.
    NoBlock,
    /// It asks for fewer requests.
    Throttled,
    /// The answer, the range or the batch is larger than it gives.
    TooLarge,
    /// It did not answer, or not so that anybody could read it.
    Unanswered,
    /// Something else went wrong with this call.
    Other,
}

const STATE: [&str; 15] = [
    "historical state",
    "state not available",
    "state is not available",
    "state unavailable",
    "state is unavailable",
    "missing trie node",
    "no state available",
    "state does not exist",
    "state histories",
    "world state",
    "state root not found",
    "pruned",
    "pruning",
    "archive",
    "proof window",
];
const METHOD: [&str; 17] = [
    "method not found",
    "method not supported",
    "unsupported method",
    "unknown method",
    "no such method",
    "method is not",
    "method not",
    "not whitelisted",
    "not supported",
    "unsupported",
    "not implemented",
    "not enabled",
    "does not exist/is not available",
    "tracer not found",
    "not available on the free",
    "upgrade your plan",
    "method disabled",
];
const BLOCK: [&str; 9] = [
    "block not found",
    "unknown block",
    "header not found",
    "header for hash not found",
    "could not find block",
    "cannot find block",
    "block does not exist",
    "resource not found",
    "requested block",
];
const LARGE: [&str; 33] = [
    "too large",
    "too big",
    "query returned more than",
    "more than 10000 results",
    "block range",
    "blocks range",
    "range is too",
    "range too",
    "range limit",
    "exceeds the range",
    "exceed maximum block range",
    "max results",
    "too many results",
    "too many logs",
    "too many blocks",
    "response size",
    "size exceeded",
    "exceeds limit",
    "batch limit",
    "batch size",
    "too many calls in batch",
    "logs matched by query exceeds",
    "block height range",
    "max range",
    "maximum range",
    "range exceeds",
    "range is limited",
    "range size",
    "too wide",
    "reduce the range",
    "narrow your",
    "response body",
    "message too big",
];
const THROTTLE: [&str; 30] = [
    "rate limit",
    "rate-limit",
    "ratelimit",
    "rate exceeded",
    "too many requests",
    "request limit",
    "requests per second",
    "compute units",
    "credits",
    "daily request count",
    "concurrent requests",
    "capacity exceeded",
    "rate is limited",
    "rate limited",
    "rps limit",
    "limit of requests",
    "number of requests",
    "requests per minute",
    "requests per day",
    "calls per second",
    "request count exceeded",
    "throttl",
    "throughput",
    "quota",
    "too many connections",
    "slow down",
    "usage limit",
    "monthly limit",
    "daily limit",
    "request rate",
];
/// Codes that providers have for no more than that.
const THROTTLE_CODES: [i64; 4] = [-32_029, -32_090, -32_097, 429];

/// Longest that a provider is believed, in seconds. Whoever rests caps it further.
const LONGEST_REST_S: f64 = 86_400.0;

/// Largest body of an answer "too many requests" that is looked into, bytes.
const ASKING_BYTES: usize = 64 << 10;

/// Returns for how long a provider asks to be left alone, by whatever name it says so.
fn retry_after(data: &serde_json::Value) -> Option<Duration> {
    const NAMES: [&str; 5] = ["backoff_seconds", "try_again_in", "retry_after", "retryAfter", "retry_after_seconds"];
    let stated = |value: &serde_json::Value| NAMES.iter().find_map(|name| value.get(name)).cloned();
    rest(match stated(data).or_else(|| data.as_object()?.values().find_map(stated))? {
        serde_json::Value::Number(number) => number.as_f64()?,
        serde_json::Value::String(text) => seconds(&text)?,
        _ => return None,
    })
}

/// A time to rest, seconds, as far as it is believed.
fn rest(seconds: f64) -> Option<Duration> {
    (seconds.is_finite() && seconds >= 0.0).then(|| Duration::from_secs_f64(seconds.min(LONGEST_REST_S)))
}

/// Reads the header `retry-after` (RFC 9110): so many seconds, or a date. `now_s` is the wall clock, seconds since the Unix
/// epoch.
pub(super) fn rest_of_header(text: &str, now_s: u64) -> Option<Duration> {
    let text = text.trim();
    if let Some(seconds) = seconds(text) {
        return rest(seconds);
    }
    let until = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    rest((until.as_second() as f64 - now_s as f64).max(0.0))
}

/// Reads how long to rest from the body of an answer "too many requests", wherever it says so.
pub(super) fn rest_of_body(body: &[u8]) -> Option<Duration> {
    if body.len() > ASKING_BYTES {
        return None;
    }
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let body = body.get(0).unwrap_or(&body);
    let error = body.get("error").unwrap_or(body);
    error.get("data").and_then(retry_after).or_else(|| retry_after(error))
}

/// Reads `1.5`, `1.5s`, `300ms`, `2m`.
fn seconds(text: &str) -> Option<f64> {
    let text = text.trim();
    let end = text.find(|sign: char| !(sign.is_ascii_digit() || sign == '.')).unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    match text[end..].trim() {
        "" | "s" => Some(number),
        "ms" => Some(number / 1e3),
        "m" => Some(number * 60.0),
        _ => None,
    }
}

/// Reads the body of an answer that is no JSON-RPC, under an HTTP status of failure.
pub(super) fn of_status(status: u16, body: &[u8]) -> Fault {
    // As much as says what it is: pages are long.
    let said = String::from_utf8_lossy(&body[..body.len().min(2_000)]).to_lowercase();
    let is_throttle = matches!(status, 402 | 403 | 420 | 503) && has(&said, &THROTTLE);
    match is_throttle {
        true => Fault::Throttled { retry_after: None, said: Some(format!("HTTP {status}")) },
        false => Fault::Transport(format!("HTTP {status}")),
    }
}

fn has(message: &str, signs: &[&str]) -> bool {
    signs.iter().any(|sign| message.contains(sign))
}

impl Fault {
    /// Reads an error answer.
    pub fn payload(error: ErrorPayload<Box<RawValue>>) -> Self {
        let message = line(&error.message, SAID_BYTES);
        let lower = message.to_lowercase();
        // -32005 is "limit exceeded" of any kind: of requests, and of results.
        let of_results = has(&lower, &LARGE) || has(&lower, &BLOCK);
        let asks_for_fewer = error.is_retry_err() || THROTTLE_CODES.contains(&error.code) || has(&lower, &THROTTLE);
        // What a contract says of its own limits is none of the node's.
        let is_revert = error.code == 3 || lower.contains("revert");
        if !of_results && !is_revert && asks_for_fewer {
            let data: Option<serde_json::Value> =
                error.data.as_deref().and_then(|data| serde_json::from_str(data.get()).ok());
            let retry_after = data.as_ref().and_then(retry_after);
            return Self::Throttled { retry_after, said: Some(message) };
        }
        Self::Rpc { code: error.code, message, data: error.data }
    }

    /// Reads an error of the connection.
    pub fn transport(error: TransportError) -> Self {
        match error {
            RpcError::ErrorResp(payload) => Self::payload(payload),
            RpcError::DeserError { err, .. } => Self::Unreadable(err.to_string()),
            RpcError::Transport(TransportErrorKind::BackendGone) => Self::Transport("the connection was lost".into()),
            other => Self::Transport(other.to_string()),
        }
    }

    /// Returns what the node means. Words go before codes: clients share codes, and few share their meaning.
    pub fn meaning(&self) -> Meaning {
        let (code, message) = match self {
            Self::Timeout(_) | Self::Transport(_) | Self::Unreadable(_) => return Meaning::Unanswered,
            Self::Throttled { .. } => return Meaning::Throttled,
            Self::TooLarge(_) => return Meaning::TooLarge,
            Self::Rpc { code, message, .. } => (*code, message.to_lowercase()),
        };
        // "transaction type not supported" is about one transaction.
        let of_method = has(&message, &METHOD) && !message.contains("transaction type");
        let names_method = message.contains("method") && has(&message, &["not found", "not exist", "not available"]);
        match code {
            _ if message.contains("null round") || message.contains("null tipset") => Meaning::NoBlock,
            -32601 | -32004 => Meaning::MethodUnknown,
            _ if has(&message, &STATE) => Meaning::StateUnavailable,
            // Before blocks: `trace_block` is a method, and may be "not found".
            _ if names_method => Meaning::MethodUnknown,
            _ if has(&message, &BLOCK) => Meaning::BlockUnknown,
            _ if has(&message, &LARGE) => Meaning::TooLarge,
            _ if of_method => Meaning::MethodUnknown,
            -32001 => Meaning::BlockUnknown,
            -32003 | -32008 => Meaning::TooLarge,
            _ => Meaning::Other,
        }
    }

    /// True if the node did answer, with an error of its own for this call.
    pub fn is_answer(&self) -> bool {
        matches!(self, Self::Rpc { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: i64, message: &str, expected: Meaning) {
        let payload = ErrorPayload { code, message: message.to_owned().into(), data: None };
        assert_eq!(Fault::payload(payload).meaning(), expected, "{code} {message}");
    }

    #[test]
    fn what_a_node_says_is_cut_and_cleaned() {
        let said = format!("no\nERROR forged line\u{1b}[2J{}", "x".repeat(30_000_000));
        let payload = ErrorPayload { code: -1, message: said.clone().into(), data: None };
        for fault in [Fault::payload(payload), Fault::Transport(said.clone()), Fault::Unreadable(said)] {
            let shown = fault.to_string();
            assert!(shown.len() < 400 && !shown.contains('\n') && !shown.contains('\u{1b}'), "{shown}");
        }
    }

    #[test]
    fn how_long_to_rest_is_read_by_whatever_name() {
        let rest = |data: &str| {
            let data: serde_json::Value = serde_json::from_str(data).unwrap();
            retry_after(&data).map(|rest| rest.as_millis())
        };
        assert_eq!(rest(r#"{"rate":{"allowed_rps":5,"backoff_seconds":30,"current_rps":5.2}}"#), Some(30_000));
        assert_eq!(rest(r#"{"try_again_in":"1.5s"}"#), Some(1_500));
        assert_eq!(rest(r#"{"try_again_in":"300ms"}"#), Some(300));
        assert_eq!(rest(r#"{"retry_after":2}"#), Some(2_000));
        assert_eq!(rest(r#"{"retry_after":1e300}"#), Some(86_400_000));
        for odd in [r#"{"retry_after":-1}"#, r#"{"retry_after":"soon"}"#, r#"{"a":1}"#, "null", "[]", r#""x""#] {
            assert_eq!(rest(odd), None, "{odd}");
        }
    }

    #[test]
    fn how_long_to_rest_is_read_from_headers_and_bodies() {
        const NOW_S: u64 = 1_445_412_450;
        let header = |text: &str| rest_of_header(text, NOW_S).map(|rest| rest.as_millis());
        assert_eq!((header("7"), header(" 1.5 "), header("86401")), (Some(7_000), Some(1_500), Some(86_400_000)));
        assert_eq!(header("Wed, 21 Oct 2015 07:28:00 GMT"), Some(30_000));
        assert_eq!(header("Wed, 21 Oct 2015 07:27:00 GMT"), Some(0), "it is past");
        assert_eq!((header("soon"), header("-1"), header("")), (None, None, None));
        let body = |text: &str| rest_of_body(text.as_bytes()).map(|rest| rest.as_millis());
        let infura =
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"x","data":{"rate":{"backoff_seconds":30}}}}"#;
        assert_eq!((body(infura), body(&format!("[{infura}]"))), (Some(30_000), Some(30_000)));
        assert_eq!(body(r#"{"message":"too many requests","retry_after":2}"#), Some(2_000));
        assert_eq!(body(r#"{"error":{"retry_after_seconds":3}}"#), Some(3_000));
        let endless = format!("{{\"retry_after\":2,\"pad\":\"{}\"}}", "x".repeat(ASKING_BYTES));
        for odd in ["", "<html>", "[]", "1", r#"{"error":"slow down"}"#, &endless] {
            assert_eq!(body(odd), None);
        }
    }

    #[test]
    fn a_page_under_a_status_of_failure_may_ask_for_fewer_requests() {
        let meaning = |status, body: &str| of_status(status, body.as_bytes()).meaning();
        assert_eq!(meaning(403, r#"{"message":"API rate limit exceeded"}"#), Meaning::Throttled);
        assert_eq!(meaning(503, "<html>You are being rate limited</html>"), Meaning::Throttled);
        assert_eq!(meaning(403, "Forbidden"), Meaning::Unanswered);
        assert_eq!(meaning(500, "quota"), Meaning::Unanswered);
    }

    #[test]
    fn answers_of_many_clients_are_told_apart() {
        use Meaning::*;
        check(-32601, "the method debug_traceBlockByHash does not exist/is not available", MethodUnknown);
        check(-32000, "the method trace_block does not exist/is not available", MethodUnknown);
        check(-32000, "Method trace_block not found", MethodUnknown);
        check(-32600, "debug_traceBlockByHash is not available on the Free tier", MethodUnknown);
        check(-32602, "unsupported tracer type", MethodUnknown);
        check(-32000, "tracer not found", MethodUnknown);
        check(-32000, "historical state not available in path scheme yet", StateUnavailable);
        check(-32000, "missing trie node 3a (path ) state 0x3a is not available, not found", StateUnavailable);
        check(-32000, "required historical state unavailable (reexec=128)", StateUnavailable);
        check(-32000, "state at block #5 is pruned", StateUnavailable);
        check(-32001, "block not found: 0x12", BlockUnknown);
        check(-32000, "header not found", BlockUnknown);
        check(1, "requested epoch was a null round (4137213)", NoBlock);
        check(-32005, "query returned more than 10000 results", TooLarge);
        check(-32602, "eth_getLogs is limited to up to a 500 block range", TooLarge);
        check(-32003, "response too large", TooLarge);
        check(-32005, "project ID request rate exceeded", Throttled);
        check(429, "Your app has exceeded its compute units per second capacity", Throttled);
        check(-32016, "over rate limit", Throttled);
        check(-32007, "50/second request limit reached - reduce calls per second", Throttled);
        check(-32000, "429 Too Many Requests: {\"error\":{\"code\":-32016}}", Throttled);
        check(-32005, "You've exceeded the RPS limit available on the current plan", Throttled);
        check(-32005, "limit exceeded", Throttled);
        check(-32029, "please wait", Throttled);
        check(3, "execution reverted: rate limit exceeded", Other);
        check(-32000, "execution reverted: daily limit", Other);
        check(-32090, "Too many requests, retry in 10s", Throttled);
        check(-32603, "request was throttled", Throttled);
        check(-32000, "monthly quota exceeded", Throttled);
        check(1, "daily limit reached", Throttled);
        check(-32000, "Exceeded the number of requests", Throttled);
        check(-32602, "Block range is too wide", TooLarge);
        check(-32005, "please limit the query to at most 2000: block height range exceeds", TooLarge);
        check(-32600, "eth_getLogs: maximum range is 5000 blocks", TooLarge);
        check(-32000, "Response body exceeds 10 MB", TooLarge);
        check(-32000, "tracing failed: insufficient funds for gas * price + value", Other);
        check(-32000, "genesis is not traceable", Other);
        check(-32602, "invalid argument 0: json: cannot unmarshal", Other);
        check(-32000, "receipts length mismatch: 1 vs 0", Other);
        check(-32000, "execution timeout", Other);
        check(-32000, "transaction type not supported", Other);
        check(-32000, "transaction not found", Other);
    }
}
