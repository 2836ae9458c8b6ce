//! Values of one column, whichever of the types that `cryo` and Polars write it has.

use std::sync::Arc;

use alloy::primitives::U256;
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, FixedSizeBinaryArray, Int32Array, Int64Array, StringArray, UInt32Array,
    UInt64Array,
};

use super::ArchiveError;
use super::layout::Shape;

#[derive(Clone)]
enum Values {
    Binary(BinaryArray),
    FixedBinary(FixedSizeBinaryArray),
    Text(StringArray),
    Flag(BooleanArray),
    Unsigned32(UInt32Array),
    Unsigned64(UInt64Array),
    Signed32(Int32Array),
    Signed64(Int64Array),
}

/// One column of some rows.
#[derive(Clone)]
pub(super) struct Column {
    file: Arc<str>,
    name: Arc<str>,
    values: Values,
}

impl Column {
    /// Takes an array whose type can be what the shape asks for.
    pub(super) fn new(file: &Arc<str>, name: &Arc<str>, shape: Shape, array: &ArrayRef) -> Result<Self, ArchiveError> {
        let any = array.as_any();
        let values = None
            .or_else(|| any.downcast_ref().cloned().map(Values::Binary))
            .or_else(|| any.downcast_ref().cloned().map(Values::FixedBinary))
            .or_else(|| any.downcast_ref().cloned().map(Values::Text))
            .or_else(|| any.downcast_ref().cloned().map(Values::Flag))
            .or_else(|| any.downcast_ref().cloned().map(Values::Unsigned32))
            .or_else(|| any.downcast_ref().cloned().map(Values::Unsigned64))
            .or_else(|| any.downcast_ref().cloned().map(Values::Signed32))
            .or_else(|| any.downcast_ref().cloned().map(Values::Signed64));
        let (fits, expected) = match (shape, &values) {
            (
                Shape::Number,
                Some(Values::Unsigned32(_) | Values::Unsigned64(_) | Values::Signed32(_) | Values::Signed64(_)),
            ) => (true, ""),
            (Shape::Bytes | Shape::Wei, Some(Values::Binary(_) | Values::FixedBinary(_) | Values::Text(_))) => {
                (true, "")
            }
            (Shape::Text, Some(Values::Text(_))) | (Shape::Flag, Some(Values::Flag(_))) => (true, ""),
            (Shape::Number, _) => (false, "whole numbers of 32 or 64 bits"),
            (Shape::Bytes, _) => (false, "bytes, or text in hex"),
            (Shape::Wei, _) => (false, "bytes or text that keep every digit (`cryo --u256-types binary`)"),
            (Shape::Text, _) => (false, "text"),
            (Shape::Flag, _) => (false, "true or false"),
        };
        match values {
            Some(values) if fits => Ok(Self { file: file.clone(), name: name.clone(), values }),
            _ => {
                let what = format!("column `{name}`: expected {expected}, came {}", array.data_type());
                Err(ArchiveError::new(&**file, what))
            }
        }
    }

    fn array(&self) -> &dyn Array {
        match &self.values {
            Values::Binary(array) => array,
            Values::FixedBinary(array) => array,
            Values::Text(array) => array,
            Values::Flag(array) => array,
            Values::Unsigned32(array) => array,
            Values::Unsigned64(array) => array,
            Values::Signed32(array) => array,
            Values::Signed64(array) => array,
        }
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
        if self.array().is_null(row) {
            return Ok(None);
        }
        let signed = match &self.values {
            Values::Unsigned32(array) => return Ok(Some(array.value(row).into())),
            Values::Unsigned64(array) => return Ok(Some(array.value(row))),
            Values::Signed32(array) => i64::from(array.value(row)),
            Values::Signed64(array) => array.value(row),
            _ => return Err(self.wrong("a number", "another type")),
        };
        let number = u64::try_from(signed);
        number.map(Some).map_err(|_| self.wrong("a number that is not negative", signed))
    }

    /// Bytes, in `scratch` where they must be decoded from hex; `None` for null.
    pub(super) fn bytes<'a>(&'a self, row: usize, scratch: &'a mut Vec<u8>) -> Result<Option<&'a [u8]>, ArchiveError> {
        if self.array().is_null(row) {
            return Ok(None);
        }
        match &self.values {
            Values::Binary(array) => Ok(Some(array.value(row))),
            Values::FixedBinary(array) => Ok(Some(array.value(row))),
            Values::Text(array) => {
                let text = array.value(row);
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
        if self.array().is_null(row) {
            return Ok(None);
        }
        let value = match &self.values {
            Values::Text(array) => {
                let text = array.value(row);
                // Bytes that were written in hex may have no prefix that tells them from decimal digits.
                let radix = if self.name.ends_with("_binary") { 16 } else { 10 };
                match text.strip_prefix("0x") {
                    Some(digits) => U256::from_str_radix(digits, 16).ok(),
                    None => U256::from_str_radix(text, radix).ok(),
                }
                .ok_or_else(|| self.wrong("up to 256 bits in hex or decimal", format_args!("`{}`", short(text))))?
            }
            Values::Binary(array) => self.big_endian(array.value(row))?,
            Values::FixedBinary(array) => self.big_endian(array.value(row))?,
            _ => return Err(self.wrong("256 bits", "another type")),
        };
        Ok(Some(value.to_be_bytes()))
    }

    fn big_endian(&self, bytes: &[u8]) -> Result<U256, ArchiveError> {
        U256::try_from_be_slice(bytes)
            .ok_or_else(|| self.wrong("up to 32 bytes", format_args!("{} bytes", bytes.len())))
    }

    /// Text; `None` for null.
    pub(super) fn text(&self, row: usize) -> Option<&str> {
        match &self.values {
            Values::Text(array) if array.is_valid(row) => Some(array.value(row)),
            _ => None,
        }
    }

    /// True or false; `None` for null.
    pub(super) fn flag(&self, row: usize) -> Option<bool> {
        match &self.values {
            Values::Flag(array) if array.is_valid(row) => Some(array.value(row)),
            _ => None,
        }
    }
}

/// The start of a text that may be long.
fn short(text: &str) -> String {
    text.chars().take(80).collect()
}
