//! How an entry is written: JSON text where an operator may want to query it, compressed MessagePack for columns.

use std::sync::Arc;

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, Type, Value, ValueRef};
use serde::{Deserialize, Serialize};

use crate::block::{Block, ChainId, Transactions};
use crate::entry::Entry;
use crate::event::{Event, Stamped};
use crate::journal::{JournalError, Result};

/// An entry as the `body` column has it.
pub(super) enum Body {
    /// JSON, stored as text.
    Text(String),
    /// Columns, stored as a blob.
    Packed(Vec<u8>),
}

/// Inputs that are mostly columns. Written with field names, so that fields may come to them later.
#[derive(Serialize, Deserialize)]
enum Packed {
    Block { at_ms: u64, block: Arc<Block> },
    Pending { at_ms: u64, chain: ChainId, transactions: Arc<Transactions> },
}

/// The first byte of a blob: zstd over MessagePack with field names.
const ZSTD_MESSAGE_PACK: u8 = 1;
const LEVEL: i32 = 1;

impl Body {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Body::Text(text) => text.as_bytes(),
            Body::Packed(bytes) => bytes,
        }
    }

    pub(super) fn read(value: ValueRef<'_>) -> rusqlite::Result<Self> {
        match value {
            ValueRef::Text(text) => match std::str::from_utf8(text) {
                Ok(text) => Ok(Body::Text(text.to_owned())),
                Err(error) => Err(rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error))),
            },
            ValueRef::Blob(bytes) => Ok(Body::Packed(bytes.to_vec())),
            other => Err(rusqlite::Error::InvalidColumnType(0, "body".into(), other.data_type())),
        }
    }
}

impl ToSql for Body {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Body::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Body::Packed(bytes) if bytes.is_empty() => ToSqlOutput::Owned(Value::Null),
            Body::Packed(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        })
    }
}

/// Writes an entry.
pub(super) fn encode(entry: &Entry) -> Result<Body> {
    match entry {
        Entry::Input(Stamped { at_ms, event: Event::Committed { block } }) => {
            pack(&Packed::Block { at_ms: *at_ms, block: block.clone() })
        }
        Entry::Input(Stamped { at_ms, event: Event::Pending { chain, transactions } }) => {
            pack(&Packed::Pending { at_ms: *at_ms, chain: *chain, transactions: transactions.clone() })
        }
        other => serde_json::to_string(other).map(Body::Text).map_err(|error| unreadable(&error)),
    }
}

/// Reads an entry back.
pub(super) fn decode(body: &Body) -> Result<Entry> {
    match body {
        Body::Text(text) => serde_json::from_str(text).map_err(|error| unreadable(&error)),
        Body::Packed(bytes) => {
            let Some((&ZSTD_MESSAGE_PACK, packed)) = bytes.split_first() else {
                return Err(JournalError::Unreadable("an entry of a format that nobody knows".into()));
            };
            let unpacked = zstd::decode_all(packed).map_err(|error| unreadable(&error))?;
            let event = rmp_serde::from_slice(&unpacked).map_err(|error| unreadable(&error))?;
            Ok(Entry::Input(match event {
                Packed::Block { at_ms, block } => Stamped { at_ms, event: Event::Committed { block } },
                Packed::Pending { at_ms, chain, transactions } => {
                    Stamped { at_ms, event: Event::Pending { chain, transactions } }
                }
            }))
        }
    }
}

fn pack(packed: &Packed) -> Result<Body> {
    let plain = rmp_serde::to_vec_named(packed).map_err(|error| unreadable(&error))?;
    let mut bytes = vec![ZSTD_MESSAGE_PACK];
    zstd::stream::copy_encode(plain.as_slice(), &mut bytes, LEVEL).map_err(|error| unreadable(&error))?;
    Ok(Body::Packed(bytes))
}

fn unreadable(error: &dyn std::error::Error) -> JournalError {
    JournalError::Unreadable(error.to_string())
}
