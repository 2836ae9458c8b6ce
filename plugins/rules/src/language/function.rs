//! Functions of the language. Each takes time by the length of what it is given alone.

use hashbrown::HashMap;
use watchfire_sdk::prelude::*;

use super::evaluate::EvaluationError;
use super::number::Number;
use super::value::{Type, Value};

/// A function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// The smaller of two numbers.
    Min,
    /// The larger of two numbers.
    Max,
    /// A number without its sign.
    Abs,
    /// A number to the power of another.
    Pow,
    /// The largest whole number that is not above a number.
    Floor,
    /// A number with so many digits behind the point, cut.
    Fixed,
    /// A number divided by ten to the power of so many decimals.
    Units,
    /// How many members a list, bytes a byte string, characters a text has.
    Size,
    /// Whether a text holds another.
    Contains,
    /// Whether a text begins with another.
    StartsWith,
    /// Whether a text ends with another.
    EndsWith,
    /// A text in small letters.
    Lower,
    /// What findings call an address.
    Label,
    /// The first four bytes of a byte string.
    Selector,
    /// The whole number that bytes spell, the most significant first.
    Number,
    /// The address in the last 20 of 32 bytes.
    Address,
}

const ALL: [(&str, Function); 16] = [
    ("min", Function::Min),
    ("max", Function::Max),
    ("abs", Function::Abs),
    ("pow", Function::Pow),
    ("floor", Function::Floor),
    ("fixed", Function::Fixed),
    ("units", Function::Units),
    ("size", Function::Size),
    ("contains", Function::Contains),
    ("startsWith", Function::StartsWith),
    ("endsWith", Function::EndsWith),
    ("lower", Function::Lower),
    ("label", Function::Label),
    ("selector", Function::Selector),
    ("number", Function::Number),
    ("address", Function::Address),
];

impl Function {
    pub(super) fn named(name: &str) -> Option<Self> {
        ALL.iter().find(|(known, _)| *known == name).map(|(_, function)| *function)
    }

    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        ALL.iter().map(|(name, _)| *name)
    }

    /// What it takes; `None` where several types fit.
    pub(super) fn takes(self) -> &'static [Option<Type>] {
        const NUMBER: Option<Type> = Some(Type::Number);
        const TEXT: Option<Type> = Some(Type::Text);
        match self {
            Function::Min | Function::Max | Function::Pow | Function::Fixed | Function::Units => {
                const { &[NUMBER, NUMBER] }
            }
            Function::Abs | Function::Floor => const { &[NUMBER] },
            Function::Size => &[None],
            Function::Contains | Function::StartsWith | Function::EndsWith => const { &[TEXT, TEXT] },
            Function::Lower => const { &[TEXT] },
            Function::Label => const { &[Some(Type::Address)] },
            Function::Selector | Function::Number | Function::Address => const { &[Some(Type::Bytes)] },
        }
    }

    pub(super) fn fits(self, of: &Type) -> bool {
        matches!(of, Type::List(_) | Type::Bytes | Type::Text)
    }

    pub(super) fn gives(self) -> Type {
        match self {
            Function::Contains | Function::StartsWith | Function::EndsWith => Type::Bool,
            Function::Fixed | Function::Lower | Function::Label => Type::Text,
            Function::Selector => Type::Bytes,
            Function::Address => Type::Address,
            _ => Type::Number,
        }
    }

    pub(super) fn needs_labels(self) -> bool {
        self == Function::Label
    }

    pub(super) fn apply(
        self,
        given: &[Value],
        labels: Option<&HashMap<Address, String>>,
    ) -> Result<Value, EvaluationError> {
        use Value::{Bytes, Text};
        Ok(match (self, given) {
            (Function::Min, [Value::Number(left), Value::Number(right)]) => Value::Number(left.min(right).clone()),
            (Function::Max, [Value::Number(left), Value::Number(right)]) => Value::Number(left.max(right).clone()),
            (Function::Abs, [Value::Number(number)]) => Value::Number(number.absolute()?),
            (Function::Pow, [Value::Number(base), Value::Number(exponent)]) => Value::Number(base.power(exponent)?),
            (Function::Floor, [Value::Number(number)]) => Value::Number(number.floor()),
            (Function::Units, [Value::Number(number), Value::Number(decimals)]) => {
                Value::Number(number.divide(&Number::Small(10).power(decimals)?)?)
            }
            (Function::Fixed, [Value::Number(number), Value::Number(digits)]) => {
                let scale = Number::Small(10).power(digits)?;
                let magnitude = number.absolute()?.multiply(&scale)?.floor().to_string();
                let digits = digits.to_u64().unwrap_or(0) as usize;
                let magnitude = format!("{magnitude:0>width$}", width = digits + 1);
                let (whole, part) = magnitude.split_at(magnitude.len() - digits);
                let sign = if number.is_negative() { "-" } else { "" };
                let point = if digits > 0 { "." } else { "" };
                Value::text(&format!("{sign}{whole}{point}{part}"))
            }
            (Function::Size, [Value::List(values)]) => Value::number(values.len() as u64),
            (Function::Size, [Bytes(bytes)]) => Value::number(bytes.len() as u64),
            (Function::Size, [Text(text)]) => Value::number(text.chars().count() as u64),
            (Function::Contains, [Text(text), Text(part)]) => Value::Bool(text.contains(&**part)),
            (Function::StartsWith, [Text(text), Text(part)]) => Value::Bool(text.starts_with(&**part)),
            (Function::EndsWith, [Text(text), Text(part)]) => Value::Bool(text.ends_with(&**part)),
            (Function::Lower, [Text(text)]) => Value::text(&text.to_lowercase()),
            (Function::Label, [Value::Address(address)]) => {
                let label = labels.and_then(|labels| labels.get(address)).cloned();
                Value::text(&label.unwrap_or_else(|| address.to_string()))
            }
            (Function::Selector, [Bytes(bytes)]) => Bytes(bytes.get(..4).unwrap_or(bytes).into()),
            (Function::Number, [Bytes(bytes)]) => {
                let number = U256::try_from_be_slice(bytes).ok_or(super::number::NumberError::TooLarge)?;
                Value::number(number)
            }
            (Function::Address, [Bytes(bytes)]) => {
                let last = bytes.len().checked_sub(20).and_then(|start| bytes.get(start..));
                Value::Address(Address::from_slice(last.ok_or(EvaluationError::Index)?))
            }
            _ => return Err(EvaluationError::Missing),
        })
    }
}
