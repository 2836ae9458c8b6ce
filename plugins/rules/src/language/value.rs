//! What expressions are made of: values, and their types, known before anything runs.

use std::fmt;
use std::rc::Rc;

use watchfire_sdk::prelude::*;

use super::number::Number;

/// The type of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// `true` or `false`.
    Bool,
    /// A number of any kind, exact.
    Number,
    /// An account or contract.
    Address,
    /// Bytes of any length, hashes among them.
    Bytes,
    /// Text.
    Text,
    /// Values of one type.
    List(Rc<Type>),
    /// Named values.
    Tuple(Rc<Vec<(String, Type)>>),
    /// Hexadecimal digits that stand in the expression: an address, bytes or a number, by what they are compared with.
    Hex,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Bool => f.write_str("a bool"),
            Type::Number => f.write_str("a number"),
            Type::Address => f.write_str("an address"),
            Type::Bytes => f.write_str("bytes"),
            Type::Text => f.write_str("text"),
            Type::List(of) => write!(f, "a list of {}", of.plural()),
            Type::Tuple(_) => f.write_str("a tuple"),
            Type::Hex => f.write_str("hexadecimal digits"),
        }
    }
}

impl Type {
    fn plural(&self) -> &'static str {
        match self {
            Type::Bool => "bools",
            Type::Number => "numbers",
            Type::Address => "addresses",
            Type::Bytes => "bytes",
            Type::Text => "texts",
            Type::List(_) => "lists",
            Type::Tuple(_) => "tuples",
            Type::Hex => "hexadecimal digits",
        }
    }
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Of type [`Type::Bool`].
    Bool(bool),
    /// Of type [`Type::Number`].
    Number(Number),
    /// Of type [`Type::Address`].
    Address(Address),
    /// Of type [`Type::Bytes`].
    Bytes(Rc<[u8]>),
    /// Of type [`Type::Text`].
    Text(Rc<str>),
    /// Of type [`Type::List`] or [`Type::Tuple`].
    List(Rc<[Value]>),
}

impl Value {
    /// A text.
    pub fn text(text: &str) -> Self {
        Value::Text(text.into())
    }

    /// A number.
    pub fn number(number: impl Into<Number>) -> Self {
        Value::Number(number.into())
    }

    /// Bytes that name it among others, for keys of the state.
    pub fn key(&self) -> Vec<u8> {
        match self {
            Value::Address(address) => address.to_vec(),
            Value::Bytes(bytes) => bytes.to_vec(),
            other => other.to_string().into_bytes(),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bool(value) => write!(f, "{value}"),
            Value::Number(number) => write!(f, "{number}"),
            Value::Address(address) => write!(f, "{address}"),
            Value::Bytes(bytes) => {
                f.write_str("0x")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Value::Text(text) => f.write_str(text),
            Value::List(values) => {
                f.write_str("[")?;
                for (at, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if at > 0 { ", " } else { "" })?;
                }
                f.write_str("]")
            }
        }
    }
}
