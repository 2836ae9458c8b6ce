//! JSON-RPC answers as nodes and the proxies before them give them: an error that is a text or has no code, a result that is
//! left out because it is null, an id that is a text.

use alloy::rpc::json_rpc::ErrorPayload;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::fault::Fault;

/// Longest part of a body that is shown, in characters.
const SHOWN_CHARS: usize = 120;

/// One answer.
pub(super) struct Answer {
    /// Which call it is to; `None` if it does not say.
    pub id: Option<u64>,
    /// The result, or the error that the node gave in its place.
    pub outcome: Result<Box<RawValue>, Fault>,
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, default)]
    jsonrpc: Option<&'a RawValue>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
}

/// Reads an answer to one call.
///
/// # Errors
/// If it is no JSON-RPC: a page of a proxy, or an error of another protocol.
pub(super) fn one(body: &[u8]) -> Result<Answer, Fault> {
    let wire: Wire<'_> = serde_json::from_slice(body).map_err(|error| unreadable(body, &error))?;
    // A list would be read as an object whose members have no names.
    let answer = if is_object(body) { wire.answer() } else { None };
    answer.ok_or_else(|| Fault::Unreadable(format!("it is no JSON-RPC: {}", shown(body))))
}

/// Reads the answers to a batch, in whatever order the node gives them; those that are no JSON-RPC are left out.
///
/// # Errors
/// If it is no list: the fault that stands for the whole batch.
pub(super) fn many(body: &[u8]) -> Result<Vec<Answer>, Fault> {
    match serde_json::from_slice::<Vec<Wire<'_>>>(body) {
        Ok(wires) => Ok(wires.iter().filter_map(Wire::answer).collect()),
        Err(_) => match one(body)?.outcome {
            Err(fault) => Err(fault),
            Ok(_) => Err(Fault::Unreadable("one answer to a batch".into())),
        },
    }
}

/// True if a body that came under an HTTP status of failure is an error of JSON-RPC all the same.
pub(super) fn is_error(body: &[u8]) -> bool {
    let Ok(wire) = serde_json::from_slice::<Wire<'_>>(body) else { return false };
    is_object(body) && wire.error.is_some_and(|error| wire.is_rpc() || error.get().starts_with('{'))
}

fn is_object(json: &[u8]) -> bool {
    json.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
}

impl Wire<'_> {
    fn is_rpc(&self) -> bool {
        self.jsonrpc.is_some() || self.id.is_some()
    }

    /// `None` if it is nothing of JSON-RPC.
    fn answer(&self) -> Option<Answer> {
        let outcome = match (self.error, self.result) {
            (Some(error), _) => Err(fault(error)),
            (None, Some(result)) => Ok(result.to_owned()),
            // Some nodes leave a null out.
            (None, None) if self.is_rpc() => Ok(RawValue::from_string("null".to_owned()).ok()?),
            (None, None) => match fault(self.message?) {
                fault @ Fault::Throttled { .. } => Err(fault),
                _ => return None,
            },
        };
        Some(Answer { id: self.id.and_then(number), outcome })
    }
}

/// A number, or a text that is one.
fn number(raw: &RawValue) -> Option<u64> {
    match serde_json::from_str(raw.get()).ok()? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        },
        _ => None,
    }
}

/// Reads an error, whatever shape it has.
fn fault(error: &RawValue) -> Fault {
    #[derive(Deserialize)]
    struct Parts<'a> {
        #[serde(borrow, default)]
        code: Option<&'a RawValue>,
        #[serde(borrow, default)]
        message: Option<&'a RawValue>,
        #[serde(borrow, default)]
        data: Option<&'a RawValue>,
    }
    let text = |raw: &RawValue| match serde_json::from_str(raw.get()) {
        Ok(Value::String(text)) => text,
        _ => raw.get().to_owned(),
    };
    let parts = serde_json::from_str::<Parts<'_>>(error.get()).ok().filter(|_| is_object(error.get().as_bytes()));
    let parts = parts.filter(|parts| parts.code.is_some() || parts.message.is_some());
    let (code, message, data) = match parts {
        Some(parts) => {
            let code = parts.code.and_then(|code| text(code).parse::<f64>().ok()).unwrap_or_default() as i64;
            let said = parts.message.or(parts.data).map(text).unwrap_or_default();
            (code, said, parts.data.map(ToOwned::to_owned))
        }
        None => (0, text(error), None),
    };
    Fault::payload(ErrorPayload { code, message: message.into(), data })
}

fn unreadable(body: &[u8], error: &serde_json::Error) -> Fault {
    Fault::Unreadable(match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => "it is empty".to_owned(),
        // A page in place of an answer: a proxy, a login, a provider's outage.
        Some(b'<') => format!("it is a page, not JSON: {}", shown(body)),
        Some(_) => format!("{error}: {}", shown(body)),
    })
}

/// The beginning of a body, on one line.
fn shown(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * SHOWN_CHARS)]);
    text.chars().map(|sign| if sign.is_control() { ' ' } else { sign }).take(SHOWN_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: Result<&str, &str>) {
        let came = one(body.as_bytes()).and_then(|answer| answer.outcome);
        let came = came.map(|result| result.get().to_owned()).map_err(|fault| fault.to_string());
        assert_eq!(came.as_deref().map_err(String::as_str), expected, "{body}");
    }

    #[test]
    fn answers_of_many_shapes_are_read() {
        check(r#"{"jsonrpc":"2.0","id":0,"result":"0x1"}"#, Ok("\"0x1\""));
        check(r#"{"jsonrpc":"2.0","id":0,"result":null}"#, Ok("null"));
        check(r#"{"jsonrpc":"2.0","id":0}"#, Ok("null"));
        check(r#"{"id":"0","result":{"a":1},"error":null}"#, Ok(r#"{"a":1}"#));
        check(r#"{"result":[]}"#, Ok("[]"));
        check(r#"{"id":0,"error":{"code":-32000,"message":"boom"}}"#, Err("error -32000: boom"));
        check(r#"{"id":0,"error":{"code":"-32000","message":"boom"},"result":null}"#, Err("error -32000: boom"));
        check(r#"{"id":0,"error":{"message":"boom"}}"#, Err("error 0: boom"));
        check(r#"{"id":0,"error":{"code":-32603,"data":"inner"}}"#, Err("error -32603: inner"));
        check(r#"{"id":0,"error":"boom"}"#, Err("error 0: boom"));
        check(r#"{"id":0,"error":{"reason":"odd"}}"#, Err(r#"error 0: {"reason":"odd"}"#));
        check(r#"{"id":0,"error":true}"#, Err("error 0: true"));
        check(r#"{"message":"API rate limit exceeded"}"#, Err("it asks for fewer requests: API rate limit exceeded"));
    }

    #[test]
    fn what_is_no_answer_says_what_it_is() {
        check(
            "\n<html>\n<body>Bad gateway</body>",
            Err("the answer can't be read: it is a page, not JSON:  <html> <body>Bad gateway</body>"),
        );
        check("", Err("the answer can't be read: it is empty"));
        check(
            r#"{"message":"Unauthorized"}"#,
            Err(r#"the answer can't be read: it is no JSON-RPC: {"message":"Unauthorized"}"#),
        );
        check("{}", Err("the answer can't be read: it is no JSON-RPC: {}"));
        let cut = r#"{"jsonrpc":"2.0","id":0,"result":{"nu"#;
        let came = one(cut.as_bytes()).err().map(|fault| fault.to_string()).unwrap_or_default();
        assert!(came.starts_with("the answer can't be read: EOF while parsing"), "{came}");
        assert!(one(b"\xff\xfe").is_err());
        assert!(one(b"[1]").is_err() && one(b"null").is_err());
    }

    #[test]
    fn a_batch_is_a_list_or_one_error() {
        let answers = many(br#"[{"id":"0x1","result":1},{"id":0,"error":"no"},{"odd":1}]"#).unwrap_or_default();
        assert_eq!(answers.iter().map(|answer| answer.id).collect::<Vec<_>>(), [Some(1), Some(0)]);
        let whole = many(br#"{"id":null,"error":{"code":-32600,"message":"batch limit"}}"#).err();
        assert_eq!(whole.map(|fault| fault.to_string()).as_deref(), Some("error -32600: batch limit"));
        assert!(many(br#"{"id":0,"result":1}"#).is_err());
    }

    #[test]
    fn an_error_under_a_status_of_failure_is_one_of_json_rpc_only_if_it_looks_like_it() {
        assert!(is_error(br#"{"jsonrpc":"2.0","id":0,"error":"limit"}"#));
        assert!(is_error(br#"{"error":{"code":-32005,"message":"limit"}}"#));
        assert!(!is_error(br#"{"status":403,"error":"Forbidden"}"#));
        assert!(!is_error(b"<html>"));
    }
}
