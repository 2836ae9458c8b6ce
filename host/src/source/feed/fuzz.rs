//! Deliveries to a webhook, made of any bytes.

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue};

use super::config::ValueType;
use super::value;
use super::webhook::Door;
use crate::secret::Secret;
use crate::signature::Signed;

/// Three lines for the headers, then the body; where the first line is `signed`, the delivery is signed with the right key.
pub(crate) fn delivery(data: &[u8]) {
    let mut parts = data.splitn(4, |byte| *byte == b'\n');
    let mut part = || parts.next().unwrap_or_default();
    let (signature, timestamp, id, body) = (part(), part(), part(), Bytes::copy_from_slice(part()));
    let secret = Secret::new("s3cret");
    let door = Door { secrets: vec![secret.clone()], max_skew_s: u64::MAX };
    let mut headers = HeaderMap::new();
    let mut set = |name: &'static str, value: &[u8]| {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.insert(name, value);
        }
    };
    set("x-watchfire-timestamp", timestamp);
    set("x-watchfire-delivery", id);
    let of_text = (std::str::from_utf8(timestamp), std::str::from_utf8(id));
    match of_text {
        (Ok(timestamp), Ok(delivery_id)) if signature == b"signed" => {
            let signed = Signed { timestamp, delivery_id, body: &body };
            let signature = if body.len() % 2 == 0 { signed.sign(&secret) } else { signed.sign_v2(&secret) };
            set("x-watchfire-signature", signature.as_bytes());
        }
        _ => set("x-watchfire-signature", signature),
    }
    let taken = door.check(&headers, &body);
    assert!(taken.is_err() || signature == b"signed", "nobody else has the key");
    let Ok((_, _, text)) = taken else { return };
    for pointer in ["", "/price", "/data/0/value", "/a~1b/~0", "//"] {
        let Ok(part) = value::part(&text, pointer) else { continue };
        for wanted in [
            ValueType::Number,
            ValueType::Text,
            ValueType::Boolean,
            ValueType::Json,
            ValueType::Dns,
            ValueType::Registrar,
            ValueType::Advisories,
        ] {
            if let Ok(crate::event::Value::Number(number)) = value::typed(part, wanted) {
                assert!(number.len() <= 512, "a number is bounded");
            }
        }
        std::hint::black_box(value::time_ms(part).is_ok());
    }
}
