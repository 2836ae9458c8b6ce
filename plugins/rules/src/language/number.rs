//! Exact numbers: whole ones of 256 bits and what arithmetic makes of them, and fractions. Nothing is rounded and nothing wraps.

use std::cmp::Ordering;
use std::fmt;

use watchfire_sdk::alloy_primitives::{I256, Sign, Signed, U256, Uint};

/// Room for the product of two 256-bit numbers and a sign.
type Wide = Signed<576, 9>;
type UnsignedWide = Uint<576, 9>;

/// Digits behind the point of a fraction that has no end.
const DIGITS_OF_ENDLESS: usize = 6;
/// Most digits behind the point of a fraction that has an end: what 36 decimals leave.
const DIGITS_AT_MOST: usize = 36;

/// Why an operation has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberError {
    /// More than 575 bits.
    TooLarge,
    /// A division by zero.
    DivisionByZero,
    /// An operation on whole numbers had a fraction.
    NotWhole,
}

impl fmt::Display for NumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NumberError::TooLarge => "a number has more than 575 bits",
            NumberError::DivisionByZero => "division by zero",
            NumberError::NotWhole => "a fraction where a whole number is needed",
        })
    }
}

/// A whole number or a fraction in lowest terms, exact.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Number {
    /// A whole number that fits.
    Small(i128),
    /// Any other.
    Large(Box<Fraction>),
}

/// Numerator, and a denominator above zero.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fraction {
    over: Wide,
    under: Wide,
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Number::Small(value.into())
    }
}

impl From<i128> for Number {
    fn from(value: i128) -> Self {
        Number::Small(value)
    }
}

impl From<U256> for Number {
    fn from(value: U256) -> Self {
        match i128::try_from(value) {
            Ok(small) => Number::Small(small),
            Err(_) => Number::whole(Wide::from_raw(UnsignedWide::from(value))),
        }
    }
}

impl From<I256> for Number {
    fn from(value: I256) -> Self {
        let magnitude = Wide::from_raw(UnsignedWide::from(value.unsigned_abs()));
        Number::whole(if value.is_negative() { -magnitude } else { magnitude })
    }
}

impl Number {
    /// Nothing.
    pub const ZERO: Number = Number::Small(0);

    fn whole(value: Wide) -> Self {
        match i128::try_from(value) {
            Ok(small) => Number::Small(small),
            Err(_) => Number::Large(Box::new(Fraction { over: value, under: Wide::ONE })),
        }
    }

    fn fraction(over: Wide, under: Wide) -> Result<Self, NumberError> {
        if under.is_zero() {
            return Err(NumberError::DivisionByZero);
        }
        let (mut over, mut under) = if under.is_negative() {
            (over.checked_neg().ok_or(NumberError::TooLarge)?, under.checked_neg().ok_or(NumberError::TooLarge)?)
        } else {
            (over, under)
        };
        let shared = over.unsigned_abs().gcd(under.unsigned_abs());
        if shared > UnsignedWide::ONE {
            let shared = Wide::from_raw(shared);
            (over, under) = (over / shared, under / shared);
        }
        match under == Wide::ONE {
            true => Ok(Number::whole(over)),
            false => Ok(Number::Large(Box::new(Fraction { over, under }))),
        }
    }

    fn parts(&self) -> (Wide, Wide) {
        match self {
            Number::Small(value) => (wide(*value), Wide::ONE),
            Number::Large(fraction) => (fraction.over, fraction.under),
        }
    }

    /// The sum.
    ///
    /// # Errors
    ///
    /// If it is too large.
    pub fn add(&self, other: &Self) -> Result<Self, NumberError> {
        if let (Number::Small(own), Number::Small(other)) = (self, other)
            && let Some(sum) = own.checked_add(*other)
        {
            return Ok(Number::Small(sum));
        }
        let ((over, under), (other_over, other_under)) = (self.parts(), other.parts());
        let sum = || {
            if under == other_under {
                return Some((over.checked_add(other_over)?, under));
            }
            let left = over.checked_mul(other_under)?;
            Some((left.checked_add(other_over.checked_mul(under)?)?, under.checked_mul(other_under)?))
        };
        let (over, under) = sum().ok_or(NumberError::TooLarge)?;
        Self::fraction(over, under)
    }

    /// The difference.
    ///
    /// # Errors
    ///
    /// If it is too large.
    pub fn subtract(&self, other: &Self) -> Result<Self, NumberError> {
        self.add(&other.negate()?)
    }

    /// The number with the other sign.
    ///
    /// # Errors
    ///
    /// If it is too large.
    pub fn negate(&self) -> Result<Self, NumberError> {
        if let Number::Small(value) = self
            && let Some(value) = value.checked_neg()
        {
            return Ok(Number::Small(value));
        }
        let (over, under) = self.parts();
        Self::fraction(over.checked_neg().ok_or(NumberError::TooLarge)?, under)
    }

    /// The product.
    ///
    /// # Errors
    ///
    /// If it is too large.
    pub fn multiply(&self, other: &Self) -> Result<Self, NumberError> {
        if let (Number::Small(own), Number::Small(other)) = (self, other)
            && let Some(product) = own.checked_mul(*other)
        {
            return Ok(Number::Small(product));
        }
        let ((over, under), (other_over, other_under)) = (self.parts(), other.parts());
        let product = || Some((over.checked_mul(other_over)?, under.checked_mul(other_under)?));
        let (over, under) = product().ok_or(NumberError::TooLarge)?;
        Self::fraction(over, under)
    }

    /// The exact quotient: a fraction where it does not come out even.
    ///
    /// # Errors
    ///
    /// If the other is zero, or it is too large.
    pub fn divide(&self, other: &Self) -> Result<Self, NumberError> {
        if let (Number::Small(own), Number::Small(other)) = (self, other)
            && let Some(quotient) = small_quotient(*own, *other)
        {
            return Ok(quotient);
        }
        let ((over, under), (other_over, other_under)) = (self.parts(), other.parts());
        if other_over.is_zero() {
            return Err(NumberError::DivisionByZero);
        }
        let quotient = || Some((over.checked_mul(other_under)?, under.checked_mul(other_over)?));
        let (over, under) = quotient().ok_or(NumberError::TooLarge)?;
        Self::fraction(over, under)
    }

    /// What a division of whole numbers leaves, with the sign of this one.
    ///
    /// # Errors
    ///
    /// If the other is zero, or one of them is no whole number.
    pub fn remainder(&self, other: &Self) -> Result<Self, NumberError> {
        if let (Number::Small(own), Number::Small(other)) = (self, other)
            && let Some(left) = own.checked_rem(*other)
        {
            return Ok(Number::Small(left));
        }
        let ((over, under), (other_over, other_under)) = (self.parts(), other.parts());
        if under != Wide::ONE || other_under != Wide::ONE {
            return Err(NumberError::NotWhole);
        }
        over.checked_rem(other_over).map(Self::whole).ok_or(NumberError::DivisionByZero)
    }

    /// This number to the power of a whole number from 0 to 575.
    ///
    /// # Errors
    ///
    /// If the exponent is another, or the result is too large.
    pub fn power(&self, exponent: &Self) -> Result<Self, NumberError> {
        let mut left = match exponent {
            Number::Small(exponent @ 0..=575) => *exponent,
            Number::Small(_) => return Err(NumberError::TooLarge),
            Number::Large(_) => return Err(NumberError::NotWhole),
        };
        let (mut result, mut base) = (Number::Small(1), self.clone());
        while left > 0 {
            if left % 2 == 1 {
                result = result.multiply(&base)?;
            }
            left /= 2;
            if left > 0 {
                base = base.multiply(&base)?;
            }
        }
        Ok(result)
    }

    /// The largest whole number that is not above it.
    pub fn floor(&self) -> Self {
        let (over, under) = self.parts();
        let whole = over / under;
        let is_below = over.is_negative() && over % under != Wide::ZERO;
        Self::whole(if is_below { whole - Wide::ONE } else { whole })
    }

    /// Whether it is below zero.
    pub fn is_negative(&self) -> bool {
        match self {
            Number::Small(value) => *value < 0,
            Number::Large(fraction) => fraction.over.is_negative(),
        }
    }

    /// The number without its sign.
    ///
    /// # Errors
    ///
    /// If it is too large.
    pub fn absolute(&self) -> Result<Self, NumberError> {
        if self.is_negative() { self.negate() } else { Ok(self.clone()) }
    }

    /// As 256 bits without a sign; `None` where it is none.
    pub fn to_u256(&self) -> Option<U256> {
        let (over, under) = self.parts();
        let fits = under == Wide::ONE && !over.is_negative() && over.into_raw().bit_len() <= 256;
        fits.then(|| over.into_raw().wrapping_to())
    }

    /// As 256 bits with a sign; `None` where it has more, or is a fraction.
    pub fn to_i256(&self) -> Option<I256> {
        let (over, under) = self.parts();
        let sign = if over.is_negative() { Sign::Negative } else { Sign::Positive };
        let magnitude = over.unsigned_abs();
        if under != Wide::ONE || magnitude.bit_len() > 256 {
            return None;
        }
        I256::checked_from_sign_and_abs(sign, magnitude.wrapping_to())
    }

    /// As an index or a count; `None` where it is none.
    pub fn to_u64(&self) -> Option<u64> {
        match self {
            Number::Small(value) => u64::try_from(*value).ok(),
            Number::Large(_) => None,
        }
    }

    /// Reads digits with an optional sign and an optional point: `1`, `-2.5`.
    pub fn parse(text: &str) -> Option<Self> {
        let (is_negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() || digits.ends_with('.') || part.len() > 77 || whole.len() + part.len() > 160 {
            return None;
        }
        let mut value = Number::ZERO;
        for digit in whole.bytes().chain(part.bytes()) {
            let digit = digit.is_ascii_digit().then(|| i128::from(digit - b'0'))?;
            value = value.multiply(&Number::Small(10)).ok()?.add(&Number::Small(digit)).ok()?;
        }
        let scale = Number::Small(10).power(&Number::Small(part.len() as i128)).ok()?;
        let value = value.divide(&scale).ok()?;
        if is_negative { value.negate().ok() } else { Some(value) }
    }
}

fn wide(value: i128) -> Wide {
    let magnitude = Wide::from_raw(UnsignedWide::from(value.unsigned_abs()));
    if value < 0 { -magnitude } else { magnitude }
}

/// The exact quotient of small numbers; `None` where it takes more room, or the second is zero.
fn small_quotient(own: i128, other: i128) -> Option<Number> {
    if own.checked_rem(other)? == 0 {
        return Some(Number::Small(own / other));
    }
    let (mut shared, mut left) = (own.unsigned_abs(), other.unsigned_abs());
    while left > 0 {
        (shared, left) = (left, shared % left);
    }
    let shared = i128::try_from(shared).ok()?;
    let (over, under) = (own / shared, other / shared);
    let (over, under) = if under < 0 { (over.checked_neg()?, under.checked_neg()?) } else { (over, under) };
    Some(Number::Large(Box::new(Fraction { over: wide(over), under: wide(under) })))
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        if let (Number::Small(own), Number::Small(other)) = (self, other) {
            return own.cmp(other);
        }
        let ((over, under), (other_over, other_under)) = (self.parts(), other.parts());
        if under == other_under {
            return over.cmp(&other_over);
        }
        let (own, other) = (over.checked_mul(other_under), other_over.checked_mul(under));
        match (own, other) {
            (Some(own), Some(other)) => own.cmp(&other),
            // Whole parts first; equal ones leave fractions below one, whose products fit half the room.
            _ => compare_slowly((over, under), (other_over, other_under)),
        }
    }
}

/// Compares by continued fractions, in which no number grows.
fn compare_slowly(own: (Wide, Wide), other: (Wide, Wide)) -> Ordering {
    let split = |(over, under): (Wide, Wide)| {
        let (mut whole, mut rest) = (over / under, over % under);
        if rest.is_negative() {
            (whole, rest) = (whole - Wide::ONE, rest + under);
        }
        (whole, rest)
    };
    let ((own_whole, own_rest), (other_whole, other_rest)) = (split(own), split(other));
    match own_whole.cmp(&other_whole) {
        Ordering::Equal => match (own_rest.is_zero(), other_rest.is_zero()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => compare_slowly((other.1, other_rest), (own.1, own_rest)),
        },
        unequal => unequal,
    }
}

impl fmt::Display for Number {
    /// All digits where the fraction has an end, else six behind the point, cut.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (over, under) = match self {
            Number::Small(value) => return write!(f, "{value}"),
            Number::Large(fraction) => (fraction.over.unsigned_abs(), fraction.under.unsigned_abs()),
        };
        if self.is_negative() {
            f.write_str("-")?;
        }
        write!(f, "{}", over / under)?;
        let (mut rest, ten) = (over % under, UnsignedWide::from(10));
        let mut digits = String::new();
        while !rest.is_zero() && digits.len() < DIGITS_AT_MOST {
            let Some(next) = rest.checked_mul(ten) else { break };
            digits.push(char::from(b'0' + (next / under).wrapping_to::<u8>()));
            rest = next % under;
        }
        if !rest.is_zero() {
            digits.truncate(DIGITS_OF_ENDLESS);
        }
        if digits.is_empty() { Ok(()) } else { write!(f, ".{digits}") }
    }
}
