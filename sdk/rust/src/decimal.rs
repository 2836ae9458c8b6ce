//! Exact decimals: what decides a threshold never passes through a float.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use alloy_primitives::{I256, U256, U512};
use serde::{Deserialize, Deserializer};

/// Most fractional digits that a [`Decimal`] can have.
pub const MAX_SCALE: u8 = 36;

/// A number with a sign, any 256-bit digits and up to 36 of them behind the point.
#[derive(Clone, Copy, Debug)]
pub struct Decimal {
    negative: bool,
    /// The number times ten to the power of `scale`.
    digits: U256,
    scale: u8,
}

/// Why a text is no decimal, or a decimal no whole number of units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecimalError(String);

impl fmt::Display for DecimalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DecimalError {}

impl Decimal {
    /// A number of units of which 10^`decimals` make one: 1,500,000 units of 6 decimals are 1.5. More than 36
    /// decimals count as 36.
    pub fn from_units(units: U256, decimals: u8) -> Self {
        Self { negative: false, digits: units, scale: decimals.min(MAX_SCALE) }
    }

    /// The same of a number of units that may be negative.
    pub fn from_signed_units(units: I256, decimals: u8) -> Self {
        Self { negative: units.is_negative(), ..Self::from_units(units.unsigned_abs(), decimals) }
    }

    /// So many times it; it stays at its largest digits rather than wrap.
    pub fn times(self, factor: U256) -> Self {
        Self { digits: self.digits.saturating_mul(factor), ..self }
    }

    /// Whether it is below zero.
    pub fn is_negative(&self) -> bool {
        self.negative && !self.digits.is_zero()
    }

    /// Whether it is zero.
    pub fn is_zero(&self) -> bool {
        self.digits.is_zero()
    }

    /// In units of which 10^`decimals` make one; an error where it is negative, has finer digits, or is too large.
    pub fn to_units(&self, decimals: u8) -> Result<U256, DecimalError> {
        if self.is_negative() {
            return Err(DecimalError(format!("{self} is negative")));
        }
        let trimmed = self.trimmed();
        let Some(missing) = decimals.checked_sub(trimmed.scale) else {
            return Err(DecimalError(format!("{self} has more than {decimals} digits behind the point")));
        };
        U256::from(10)
            .checked_pow(U256::from(missing))
            .and_then(|factor| trimmed.digits.checked_mul(factor))
            .ok_or_else(|| DecimalError(format!("{self} is too large for {decimals} decimals")))
    }

    /// How far it is from `reference`, in basis points of `reference`, rounded down; `None` where the reference is
    /// zero or the two have opposite signs.
    pub fn distance_bps(&self, reference: &Decimal) -> Option<U512> {
        if reference.is_zero() || self.is_negative() != reference.is_negative() {
            return None;
        }
        let (own, other) = (self.aligned(reference), reference.aligned(self));
        let distance = if own > other { own - other } else { other - own };
        Some(distance * U512::from(10_000) / other)
    }

    /// Whether it is further from `reference` than `limit_bps` basis points of `reference`, exactly; true where the
    /// reference is zero and this is not, or the two have opposite signs.
    pub fn is_further_than(&self, reference: &Decimal, limit_bps: u32) -> bool {
        if reference.is_zero() || self.is_negative() != reference.is_negative() {
            return self != reference;
        }
        let (own, other) = (self.aligned(reference), reference.aligned(self));
        let distance = if own > other { own - other } else { other - own };
        distance * U512::from(10_000) > other * U512::from(limit_bps)
    }

    /// Its digits at a scale that both share: 2^256 times 10^36 at most, so that 2^136 times that still fits.
    fn aligned(&self, with: &Decimal) -> U512 {
        let missing = with.scale.saturating_sub(self.scale);
        U512::from(self.digits) * U512::from(10).pow(U512::from(missing))
    }

    fn trimmed(mut self) -> Self {
        let ten = U256::from(10);
        while self.scale > 0 && (self.digits % ten).is_zero() {
            self.digits /= ten;
            self.scale -= 1;
        }
        self
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let magnitude = self.aligned(other).cmp(&other.aligned(self));
        Some(match (self.is_negative(), other.is_negative()) {
            (false, false) => magnitude,
            (true, true) => magnitude.reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        })
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let wrong = |why: &str| DecimalError(format!("`{text}` is not a decimal number: {why}"));
        let (negative, unsigned) = match text.as_bytes() {
            [b'-', ..] => (true, &text[1..]),
            [b'+', ..] => (false, &text[1..]),
            _ => (false, text),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let fraction = fraction.trim_end_matches('0');
        if whole.is_empty() || unsigned.ends_with('.') {
            return Err(wrong("digits belong on both sides of the point"));
        }
        if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
            return Err(wrong("only digits, one point and a sign, as in `-1234.5`"));
        }
        let scale = u8::try_from(fraction.len())
            .ok()
            .filter(|&scale| scale <= MAX_SCALE)
            .ok_or_else(|| wrong("more than 36 digits behind the point"))?;
        let digits = U256::from_str_radix(&format!("{whole}{fraction}"), 10).map_err(|_| wrong("too many digits"))?;
        Ok(Self { negative, digits, scale })
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trimmed = self.trimmed();
        let digits = format!("{:0>width$}", trimmed.digits.to_string(), width = trimmed.scale as usize + 1);
        let (whole, fraction) = digits.split_at(digits.len() - trimmed.scale as usize);
        let sign = if self.is_negative() { "-" } else { "" };
        if fraction.is_empty() { write!(f, "{sign}{whole}") } else { write!(f, "{sign}{whole}.{fraction}") }
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl serde::de::Visitor<'_> for Visitor {
            type Value = Decimal;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal number as text, such as \"1234.5\", so that no digit is lost")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Decimal, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Decimal, E> {
                Ok(Decimal { negative: false, digits: U256::from(number), scale: 0 })
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Decimal, E> {
                Ok(Decimal { negative: number < 0, digits: U256::from(number.unsigned_abs()), scale: 0 })
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn texts_come_back_trimmed_or_are_refused() {
        let check = |text: &str, expected: &str| match text.parse::<Decimal>() {
            Ok(decimal) => assert_eq!(decimal.to_string(), expected),
            Err(error) => assert_eq!(error.to_string(), format!("`{text}` is not a decimal number: {expected}")),
        };
        check("1234.50", "1234.5");
        check("-0.000001", "-0.000001");
        check("-0", "0");
        check("007", "7");
        check("0.0", "0");
        check("1e5", "only digits, one point and a sign, as in `-1234.5`");
        check("NaN", "only digits, one point and a sign, as in `-1234.5`");
        check("1.", "digits belong on both sides of the point");
        check("", "digits belong on both sides of the point");
        check(&format!("0.{}1", "0".repeat(36)), "more than 36 digits behind the point");
        check(&"9".repeat(78), "too many digits");
    }

    #[test]
    fn units_are_exact() {
        let check = |text: &str, decimals: u8, expected: Result<u64, &str>| {
            let units = decimal(text).to_units(decimals).map_err(|error| error.to_string());
            assert_eq!(units, expected.map(U256::from).map_err(str::to_owned));
        };
        check("1.5", 6, Ok(1_500_000));
        check("1.500000", 6, Ok(1_500_000));
        check("0.0000001", 6, Err("0.0000001 has more than 6 digits behind the point"));
        check("-1", 6, Err("-1 is negative"));
        check(&format!("1{}", "0".repeat(76)), 18, Err(&format!("1{} is too large for 18 decimals", "0".repeat(76))));
    }

    #[test]
    fn a_limit_is_crossed_by_the_last_digit_only() {
        let check = |value: &str, reference: &str, limit_bps: u32, expected: bool| {
            assert_eq!(decimal(value).is_further_than(&decimal(reference), limit_bps), expected, "{value} {reference}");
        };
        check("101", "100", 100, false);
        check("101.000000000000000000000000000000000001", "100", 100, true);
        check("99", "100", 100, false);
        check("98.999999999999999999999999999999999999", "100", 100, true);
        check("-1", "1", u32::MAX, true);
        check("1", "0", u32::MAX, true);
        check("0", "0", 0, false);
        let largest = U256::MAX.to_string();
        check(&largest, "0.000000000000000000000000000000000001", u32::MAX, true);
        check(&largest, &largest, 0, false);
    }

    #[test]
    fn distances_are_rounded_down() {
        let check = |value: &str, reference: &str, expected: Option<u64>| {
            assert_eq!(decimal(value).distance_bps(&decimal(reference)), expected.map(U512::from));
        };
        check("1.99", "2", Some(50));
        check("2.0003", "2", Some(1));
        check("3000", "0.3", Some(99_990_000));
        check("1", "0", None);
        check("-1", "1", None);
    }

    #[test]
    fn order_follows_the_value() {
        let mut numbers: Vec<Decimal> = ["1.10", "-2", "1.1", "0", "-2.5", "1.09"].into_iter().map(decimal).collect();
        numbers.sort_by(|a, b| a.partial_cmp(b).unwrap());
        let texts: Vec<String> = numbers.iter().map(Decimal::to_string).collect();
        assert_eq!(texts, ["-2.5", "-2", "0", "1.09", "1.1", "1.1"]);
    }
}
