//! Assets: what is to be protected, and how amounts that findings give in smallest units are read by people.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an asset is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AssetKind {
    /// A coin or token that findings give amounts of.
    #[default]
    Token,
    /// A contract.
    Contract,
    /// A key, or whoever signs by it.
    Key,
    /// A name that users come by.
    Domain,
    /// An account at a service: a repository, a registrar, a social network.
    Account,
}

impl AssetKind {
    /// Returns its name, as plans write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Contract => "contract",
            Self::Key => "key",
            Self::Domain => "domain",
            Self::Account => "account",
        }
    }

    fn is_token(&self) -> bool {
        *self == Self::Token
    }
}

/// An asset: something that findings are about, or give amounts of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Asset {
    /// What it is.
    #[serde(default, skip_serializing_if = "AssetKind::is_token")]
    pub kind: AssetKind,
    /// What findings call it: `native`, a token's or contract's `0x…` address, or a label.
    pub names: Vec<String>,
    /// What it is for, in a line; for assets that are no tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// What people call it, as `USDC`; needed for a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// How many of the digits stand behind the decimal point; needed for a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 77))]
    pub decimals: Option<u8>,
    /// What watches it that is no detector of this host, one each: `registrar's own alerts, by mail`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub watched_by: Vec<String>,
    /// Why nothing watches or stops it, if that is known and accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<String>,
    /// What one whole unit is worth in US dollars, as `"1999.5"`; amounts are not valued without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd: Option<String>,
}

impl Asset {
    /// Makes a token that is called by one name.
    pub fn token(name: &str, symbol: &str, decimals: u8) -> Self {
        Self {
            kind: AssetKind::Token,
            names: vec![name.to_owned()],
            summary: None,
            symbol: Some(symbol.to_owned()),
            decimals: Some(decimals),
            watched_by: Vec::new(),
            gap: None,
            usd: None,
        }
    }

    /// Returns an amount in smallest units as people read it, as `8,460,000.5 hUSD`: two digits behind the point where
    /// there are whole units, four digits that say something where there are none.
    pub fn text(&self, amount: u128) -> String {
        format!("{} {}", decimal(amount, self.decimals()), self.symbol.as_deref().unwrap_or_default())
    }

    fn decimals(&self) -> u8 {
        self.decimals.unwrap_or_default()
    }

    /// Returns what an amount in smallest units is worth in whole US dollars; `None` without a price, or beyond what fits.
    pub fn worth_usd(&self, amount: u128) -> Option<u128> {
        let micros = price_micros(self.usd.as_deref()?)?;
        let unit = 10_u128.checked_pow(u32::from(self.decimals()))?;
        let whole = (amount / unit).checked_mul(micros)?;
        // What is left is less than a unit, so that little is lost where it does not fit.
        let part = (amount % unit).checked_mul(micros).map_or(0, |part| part / unit);
        Some((whole + part) / 1_000_000)
    }
}

/// Reads a price in US dollars as millionths of a dollar; `None` if it is no decimal number.
pub(crate) fn price_micros(text: &str) -> Option<u128> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(part) {
        return None;
    }
    let part: String = part.chars().chain("000000".chars()).take(6).collect();
    whole.parse::<u128>().ok()?.checked_mul(1_000_000)?.checked_add(part.parse().ok()?)
}

/// Writes an amount of smallest units with its decimal point.
fn decimal(amount: u128, decimals: u8) -> String {
    let digits = format!("{amount:0>width$}", width = usize::from(decimals) + 1);
    let (whole, part) = digits.split_at(digits.len() - usize::from(decimals));
    let kept = match whole {
        "0" => part.len() - part.trim_start_matches('0').len() + 4,
        _ => 2,
    };
    let part = part.get(..kept).unwrap_or(part).trim_end_matches('0');
    let whole = grouped(whole);
    if part.is_empty() { whole } else { format!("{whole}.{part}") }
}

/// Writes digits in groups of three.
pub(crate) fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asset(decimals: u8, usd: Option<&str>) -> Asset {
        Asset { usd: usd.map(str::to_owned), ..Asset::token("x", "X", decimals) }
    }

    #[test]
    fn amounts_read_in_whole_units() {
        let check = |amount, decimals, expected: &str| assert_eq!(asset(decimals, None).text(amount), expected);
        check(8_460_000_000_000, 6, "8,460,000 X");
        check(1_234_567_890, 6, "1,234.56 X");
        check(1_500_000, 6, "1.5 X");
        check(123_456, 6, "0.1234 X");
        check(1, 18, "0.000000000000000001 X");
        check(0, 6, "0 X");
        check(999, 0, "999 X");
        check(u128::MAX, 18, "340,282,366,920,938,463,463.37 X");
    }

    #[test]
    fn amounts_are_worth_what_the_price_says() {
        let check = |amount, decimals, usd, worth| assert_eq!(asset(decimals, Some(usd)).worth_usd(amount), worth);
        check(8_460_000_000_000, 6, "1", Some(8_460_000));
        check(1_500_000_000_000_000_000, 18, "2000.5", Some(3_000));
        check(10, 0, "0.25", Some(2));
        check(1, 0, "one", None);
        check(1, 0, ".5", None);
        assert_eq!(asset(6, None).worth_usd(1), None);
    }
}
