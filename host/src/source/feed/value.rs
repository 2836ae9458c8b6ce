//! From JSON text to a typed value, with every digit that was there.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::config::ValueType;
use super::records;
use crate::event::Value;

/// Longest number that is taken for one, digits.
const DIGITS_AT_MOST: usize = 200;

/// The part of a JSON text that a pointer (RFC 6901) names, as it is written there.
pub(super) fn part<'a>(json: &'a str, pointer: &str) -> Result<&'a str, String> {
    let mut raw: &RawValue = serde_json::from_str(json).map_err(|error| format!("it is no JSON: {error}"))?;
    for step in pointer.split('/').skip(1) {
        let name = step.replace("~1", "/").replace("~0", "~");
        let text = raw.get();
        let found = match text.trim_start().as_bytes().first() {
            Some(b'{') => {
                let object: BTreeMap<String, &RawValue> = parse(text)?;
                object.get(&name).copied()
            }
            Some(b'[') => {
                let array: Vec<&RawValue> = parse(text)?;
                name.parse::<usize>().ok().and_then(|at| array.get(at).copied())
            }
            _ => None,
        };
        raw = found.ok_or_else(|| format!("there is no `{pointer}` in it: `{name}` is not there"))?;
    }
    Ok(raw.get())
}

fn parse<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))
}

/// A JSON text as a value of a type.
pub(super) fn typed(json: &str, wanted: ValueType) -> Result<Value, String> {
    let json = json.trim();
    let text = || serde_json::from_str::<String>(json);
    match wanted {
        ValueType::Json => Ok(Value::Json(json.to_owned())),
        ValueType::Dns => records::dns(json).map(Value::Text),
        ValueType::Registrar => records::registrar(json).map(Value::Text),
        ValueType::Advisories => records::advisories(json).map(Value::Text),
        ValueType::Text | ValueType::Digest | ValueType::Certificate => {
            text().map(Value::Text).map_err(|_| format!("a string was expected, and {} came", came(json)))
        }
        ValueType::Boolean => match json {
            "true" => Ok(Value::Boolean(true)),
            "false" => Ok(Value::Boolean(false)),
            _ => Err(format!("true or false was expected, and {} came", came(json))),
        },
        ValueType::Number => {
            let digits = text().unwrap_or_else(|_| json.to_owned());
            plain(digits.trim())
                .map(Value::Number)
                .ok_or_else(|| format!("a number was expected, and {} came", came(json)))
        }
    }
}

/// What came in place of what was expected. A text is not repeated: the file may be another one than it was, and hold a secret.
fn came(json: &str) -> String {
    match json.as_bytes().first() {
        Some(b'"') => {
            let chars = serde_json::from_str::<String>(json).unwrap_or_default().chars().count();
            format!("a string of {chars} characters")
        }
        Some(b'{') => "an object".to_owned(),
        Some(b'[') => "a list".to_owned(),
        _ => format!("`{}`", json.chars().take(80).collect::<String>()),
    }
}

/// A number as plain decimal digits, without an exponent; `None` for what is no number, or a monstrous one.
fn plain(number: &str) -> Option<String> {
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (number, 0),
    };
    let (sign, digits) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = !(whole.is_empty() && fraction.is_empty()) && all_digits(whole) && all_digits(fraction);
    if !is_number || whole.len() + fraction.len() + exponent.unsigned_abs() as usize > DIGITS_AT_MOST {
        return None;
    }
    let mut all = format!("{whole}{fraction}");
    let mut point = whole.len() as i32 + exponent;
    while point < 0 {
        all.insert(0, '0');
        point += 1;
    }
    while (all.len() as i32) < point {
        all.push('0');
    }
    let (whole, fraction) = all.split_at(point as usize);
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let is_zero = whole == "0" && fraction.bytes().all(|byte| byte == b'0');
    let sign = if is_zero { "" } else { sign };
    Some(if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

/// A time in milliseconds since the Unix epoch: RFC 3339, or a number of seconds or (from the year 1973 on, by its
/// size) milliseconds.
pub(super) fn time_ms(json: &str) -> Result<u64, String> {
    let json = json.trim();
    let text = serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned());
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return u64::try_from(time.as_millisecond()).map_err(|_| format!("`{text}` is before 1970"));
    }
    let wrong = || format!("a time was expected, and {} came", came(json));
    let number: f64 = text.parse().map_err(|_| wrong())?;
    if !(0.0..=1e14).contains(&number) {
        return Err(wrong());
    }
    Ok(if number < 1e11 { (number * 1_000.0) as u64 } else { number as u64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, pointer: &str, wanted: ValueType, expected: Result<&str, &str>) {
        let found = part(json, pointer).and_then(|part| typed(part, wanted)).map(|value| value.text());
        let expected = expected.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(found, expected, "{json} {pointer}");
    }

    #[test]
    fn numbers_keep_every_digit() {
        let n = ValueType::Number;
        check(
            r#"{"a":[{"p":1234567890123456789012345678901234567890.10}]}"#,
            "/a/0/p",
            n,
            Ok("1234567890123456789012345678901234567890.10"),
        );
        check(r#"{"p":"2000.15"}"#, "/p", n, Ok("2000.15"));
        check("1.5e3", "", n, Ok("1500"));
        check("-1.5E-4", "", n, Ok("-0.00015"));
        check("-0.0", "", n, Ok("0.0"));
        check("007", "", n, Err("it is no JSON: invalid number at line 1 column 2"));
        check(r#""1e999999999""#, "", n, Err("a number was expected, and a string of 11 characters came"));
        check(r#"{"p":null}"#, "/p", n, Err("a number was expected, and `null` came"));
        check(r#"{"p":1}"#, "/q", n, Err("there is no `/q` in it: `q` is not there"));
    }

    #[test]
    fn other_types_are_what_they_are() {
        check(r#"{"a/b":"x"}"#, "/a~1b", ValueType::Text, Ok("x"));
        check("true", "", ValueType::Boolean, Ok("true"));
        check("1", "", ValueType::Boolean, Err("true or false was expected, and `1` came"));
        check(r#"{"a": {"b": [1, 2]}}"#, "/a", ValueType::Json, Ok(r#"{"b": [1, 2]}"#));
    }

    #[test]
    fn times_come_in_three_ways() {
        assert_eq!(time_ms("1700000000"), Ok(1_700_000_000_000));
        assert_eq!(time_ms("1700000000123"), Ok(1_700_000_000_123));
        assert_eq!(time_ms("\"2023-11-14T22:13:20.5Z\""), Ok(1_700_000_000_500));
        assert!(time_ms("\"yesterday\"").is_err());
    }
}
