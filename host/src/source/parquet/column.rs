//! Values of one column, whichever of the types that `cryo` and Polars write it has.

use std::sync::Arc;

use alloy::primitives::U256;

use super::ArchiveError;
use super::layout::Shape;
use super::table::{Kind, Values};

/// One column of some rows.
#[derive(Clone)]
pub(super) struct Column {
    file: Arc<str>,
    name: Arc<str>,
    values: Values,
}

impl Shape {
    /// Checks that values of a kind can be what the shape asks for.
    ///
    /// # Errors
    /// What the shape asks for, in words.
    pub(super) fn takes(self, kind: Option<Kind>) -> Result<(), &'static str> {
        match (self, kind) {
            (Self::Number, Some(Kind::Unsigned | Kind::Signed))
            | (Self::Bytes | Self::Wei, Some(Kind::Bytes | Kind::Text))
            | (Self::Text, Some(Kind::Text))
            | (Self::Flag, Some(Kind::Flag)) => Ok(()),
            (Self::Number, _) => Err("whole numbers"),
            (Self::Bytes, _) => Err("bytes, or text in hex"),
            (Self::Wei, _) => Err("bytes or text that keep every digit (`cryo --u256-types binary`)"),
            (Self::Text, _) => Err("text"),
            (Self::Flag, _) => Err("true or false"),
        }
    }
}

impl Column {
    /// Names values that were read from a file.
    pub(super) fn new(file: &Arc<str>, name: &Arc<str>, values: Values) -> Self {
        Self { file: file.clone(), name: name.clone(), values }
    }

    /// How many rows it has.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// An error of this column.
    pub(super) fn wrong(&self, expected: &str, came: impl std::fmt::Display) -> ArchiveError {
        ArchiveError::new(&*self.file, format!("column `{}`: expected {expected}, came {came}", self.name))
    }

    /// What was given, or an error where nothing was.
    pub(super) fn given<T>(&self, value: Option<T>) -> Result<T, ArchiveError> {
        value.ok_or_else(|| self.wrong("a value", "null"))
    }

    /// A number; `None` for null.
    pub(super) fn number(&self, row: usize) -> Result<Option<u64>, ArchiveError> {
        match &self.values {
            Values::Unsigned(values) => Ok(values[row]),
            Values::Signed(values) => {
                let unsigned =
                    |value: i64| u64::try_from(value).map_err(|_| self.wrong("a number that is not negative", value));
                values[row].map(unsigned).transpose()
            }
            _ => Err(self.wrong("a number", "another type")),
        }
    }

    /// Bytes, in `scratch` where they must be decoded from hex; `None` for null.
    pub(super) fn bytes<'a>(&'a self, row: usize, scratch: &'a mut Vec<u8>) -> Result<Option<&'a [u8]>, ArchiveError> {
        match &self.values {
            Values::Bytes(values) => Ok(values[row].as_ref().map(|value| value.data())),
            Values::Text(values) => {
                let Some(text) = &values[row] else { return Ok(None) };
                let digits = text.strip_prefix("0x").unwrap_or(text);
                scratch.resize(digits.len() / 2, 0);
                let decoded = hex::decode_to_slice(digits, scratch);
                decoded.map_err(|_| self.wrong("bytes in hex", format_args!("`{}`", short(text))))?;
                Ok(Some(scratch))
            }
            _ => Err(self.wrong("bytes", "another type")),
        }
    }

    /// Exactly `N` bytes; `None` for null.
    pub(super) fn fixed<const N: usize>(&self, row: usize) -> Result<Option<[u8; N]>, ArchiveError> {
        let mut scratch = Vec::new();
        let Some(bytes) = self.bytes(row, &mut scratch)? else { return Ok(None) };
        let fixed = bytes.try_into();
        fixed.map(Some).map_err(|_| self.wrong(&format!("{N} bytes"), format_args!("{} bytes", bytes.len())))
    }

    /// 256 bits, big-endian; `None` for null.
    pub(super) fn wei(&self, row: usize) -> Result<Option<[u8; 32]>, ArchiveError> {
        let value = match &self.values {
            Values::Text(values) => values[row].as_deref().map(|text| {
                // Bytes that were written in hex may have no prefix that tells them from decimal digits.
                let radix = if self.name.ends_with("_binary") { 16 } else { 10 };
                match text.strip_prefix("0x") {
                    Some(digits) => U256::from_str_radix(digits, 16).ok(),
                    None => U256::from_str_radix(text, radix).ok(),
                }
                .ok_or_else(|| self.wrong("up to 256 bits in hex or decimal", format_args!("`{}`", short(text))))
            }),
            Values::Bytes(values) => values[row].as_ref().map(|value| {
                let bytes = value.data();
                U256::try_from_be_slice(bytes)
                    .ok_or_else(|| self.wrong("up to 32 bytes", format_args!("{} bytes", bytes.len())))
            }),
            _ => return Err(self.wrong("256 bits", "another type")),
        };
        Ok(value.transpose()?.map(|value| value.to_be_bytes()))
    }

    /// Text; `None` for null.
    pub(super) fn text(&self, row: usize) -> Option<&str> {
        match &self.values {
            Values::Text(values) => values[row].as_deref(),
            _ => None,
        }
    }

    /// True or false; `None` for null.
    pub(super) fn flag(&self, row: usize) -> Option<bool> {
        match &self.values {
            Values::Flag(values) => values[row],
            _ => None,
        }
    }
}

/// The start of a text that may be long.
fn short(text: &str) -> String {
    text.chars().take(80).collect()
}
