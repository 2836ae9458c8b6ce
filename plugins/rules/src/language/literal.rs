//! Numbers as operators write them: `1_000_000`, `10^18`, `2.5`, `0x…` of any length. CEL has none of these, so each is
//! put aside and a name of the same length stands in its place; every column stays where it was.

use watchfire_sdk::prelude::*;

use super::number::Number;

/// What a literal says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    /// A number.
    Number(Number),
    /// Hexadecimal digits.
    Hex(Vec<u8>),
}

/// An expression in CEL's own letters, and what was put aside.
pub struct Put {
    /// As long as the expression, byte by byte.
    pub text: String,
    /// By the number in their names.
    pub literals: Vec<Literal>,
}

/// A literal that is none: where, and why.
pub struct Wrong {
    /// Byte in the expression.
    pub at: usize,
    /// What is wrong.
    pub message: String,
}

/// Names of literals begin so; no name of an operator may.
pub const MARK: char = '_';

/// Puts literals aside.
///
/// # Errors
///
/// If one of them is none.
pub fn put_aside(source: &str) -> Result<Put, Wrong> {
    let bytes = source.as_bytes();
    let mut text = String::with_capacity(source.len());
    let mut literals = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            quote @ (b'"' | b'\'') => end_of_text(bytes, at, quote),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => run(bytes, at, |byte| byte.is_ascii_alphanumeric() || byte == b'_'),
            b'0'..=b'9' => {
                let end = end_of_number(bytes, at);
                let written = &source[at..end];
                // CEL reads what is short enough by itself, and no name is as short.
                match written.len() < 3 && written.bytes().all(|byte| byte.is_ascii_digit()) {
                    true => text.push_str(written),
                    false => {
                        let literal = literal(written).map_err(|message| Wrong { at, message })?;
                        let name = name(literals.len()).filter(|name| name.len() <= written.len());
                        let name = name.ok_or_else(|| Wrong { at, message: "too many numbers".to_owned() })?;
                        text.push_str(&name);
                        text.extend(std::iter::repeat_n(' ', written.len() - name.len()));
                        literals.push(literal);
                    }
                }
                at = end;
                continue;
            }
            _ => at + source[at..].chars().next().map_or(1, char::len_utf8),
        };
        text.push_str(&source[at..end]);
        at = end;
    }
    Ok(Put { text, literals })
}

/// The literal that a name stands for.
pub fn position(name: &str) -> Option<usize> {
    let digits = name.strip_prefix(MARK)?;
    usize::from_str_radix(digits, 36).ok().filter(|_| digits.len() == 2)
}

fn name(position: usize) -> Option<String> {
    let digit = |value: usize| char::from_digit(value as u32, 36);
    Some([MARK, digit(position / 36)?, digit(position % 36)?].iter().collect())
}

fn run(bytes: &[u8], at: usize, holds: impl Fn(u8) -> bool) -> usize {
    at + bytes[at..].iter().take_while(|byte| holds(**byte)).count()
}

fn end_of_text(bytes: &[u8], start: usize, quote: u8) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn end_of_number(bytes: &[u8], start: usize) -> usize {
    let digits = |at: usize| run(bytes, at, |byte| byte.is_ascii_digit() || byte == b'_');
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    if bytes[start] == b'0' && matches!(bytes.get(start + 1), Some(b'x' | b'X')) {
        return run(bytes, start + 2, |byte| byte.is_ascii_alphanumeric() || byte == b'_').max(start + 2);
    }
    let mut end = digits(start);
    if bytes.get(end) == Some(&b'.') && is_digit(end + 1) {
        end = digits(end + 1);
    }
    while matches!(bytes.get(end), Some(b'^' | b'e' | b'E')) && is_digit(end + 1) {
        end = digits(end + 1);
    }
    // What follows a number without a blank belongs to it, so that `10x` is one mistake.
    run(bytes, end, |byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn literal(written: &str) -> Result<Literal, String> {
    let none = || format!("`{written}` is no number");
    if let Some(digits) = written.strip_prefix("0x").or_else(|| written.strip_prefix("0X")) {
        let digits = digits.replace('_', "");
        if digits.is_empty() || digits.len() > 512 {
            return Err(format!("{}; hexadecimal digits follow `0x`", none()));
        }
        let is_mixed = digits.bytes().any(|byte| byte.is_ascii_uppercase())
            && digits.bytes().any(|byte| byte.is_ascii_lowercase());
        if digits.len() == 40 && is_mixed && Address::parse_checksummed(format!("0x{digits}"), None).is_err() {
            return Err(format!(
                "`{written}` has a wrong checksum: a digit is mistyped, or write all of it in small letters"
            ));
        }
        let digits = if digits.len() % 2 == 1 { format!("0{digits}") } else { digits };
        let bytes = watchfire_sdk::alloy_primitives::hex::decode(&digits);
        return bytes.map(Literal::Hex).map_err(|_| format!("{}; hexadecimal digits follow `0x`", none()));
    }
    let plain = written.replace('_', "");
    let (base, powers) = match plain.find(['^', 'e', 'E']) {
        Some(end) => plain.split_at(end),
        None => (plain.as_str(), ""),
    };
    let mut number = Number::parse(base).ok_or_else(none)?;
    if let Some(exponent) = powers.strip_prefix('^') {
        let exponent = Number::parse(exponent).ok_or_else(none)?;
        number = number.power(&exponent).map_err(|error| format!("`{written}`: {error}"))?;
    } else if let Some(exponent) = powers.get(1..) {
        let exponent = Number::parse(exponent).ok_or_else(none)?;
        let scale = Number::Small(10).power(&exponent).and_then(|scale| number.multiply(&scale));
        number = scale.map_err(|error| format!("`{written}`: {error}"))?;
    }
    Ok(Literal::Number(number))
}
