//! How an entry is written: JSON text where an operator may want to query it, compressed MessagePack for columns.

use std::cell::RefCell;
use std::io::Read;
use std::sync::Arc;

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, Type, Value, ValueRef};
use serde::{Deserialize, Serialize};
use zstd::bulk::Compressor;
use zstd::stream::raw::CParameter;

use crate::block::{Block, BlockRef, ChainId, Frames, Parts, StorageChanges, Transactions};
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
    Block {
        at_ms: u64,
        block: Arc<Block>,
    },
    Pending {
        at_ms: u64,
        chain: ChainId,
        transactions: Arc<Transactions>,
    },
    Parts {
        at_ms: u64,
        block: BlockRef,
        frames: Option<Arc<Frames>>,
        storage: Option<Arc<StorageChanges>>,
        given_up: Parts,
    },
}

/// The first byte of a blob: zstd over MessagePack with field names.
pub(super) const ZSTD_MESSAGE_PACK: u8 = 1;
/// Two thirds of the time of level 1 on blocks of mainnet, and a tenth more bytes.
const LEVEL: i32 = -3;
/// 8 MiB: frames repeat the inputs of their transactions, which stand a megabyte before them. With the window of the level a
/// block with frames takes a third more.
const WINDOW_LOG: u32 = 23;
const LARGEST_BYTES: u64 = 1 << 30;
/// Memory that a thread keeps from one body to the next, at most.
const KEPT_BYTES: usize = 16 << 20;

impl Body {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Body::Text(text) => text.as_bytes(),
            Body::Packed(bytes) => bytes,
        }
    }

    /// Whether it was dropped: no entry has an empty body.
    pub(super) fn is_dropped(&self) -> bool {
        matches!(self, Body::Packed(bytes) if bytes.is_empty())
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

/// Whether an entry is mostly columns.
pub(super) fn is_packed(entry: &Entry) -> bool {
    let Entry::Input(Stamped { event, .. }) = entry else { return false };
    matches!(event, Event::Committed { .. } | Event::Pending { .. } | Event::Completed { .. })
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
        Entry::Input(Stamped { at_ms, event: Event::Completed { block, frames, storage, given_up } }) => {
            let (frames, storage) = (frames.clone(), storage.clone());
            pack(&Packed::Parts { at_ms: *at_ms, block: *block, frames, storage, given_up: *given_up })
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
            let unpacked = uncompressed(packed).map_err(|error| unreadable(&error))?;
            let event = rmp_serde::from_slice(&unpacked).map_err(|error| unreadable(&error))?;
            let is_even = match &event {
                Packed::Block { block, .. } => block.has_equal_columns(),
                Packed::Pending { transactions, .. } => transactions.has_equal_columns(),
                Packed::Parts { frames, storage, .. } => {
                    frames.as_ref().is_none_or(|frames| frames.has_equal_columns())
                        && storage.as_ref().is_none_or(|storage| storage.has_equal_columns())
                }
            };
            if !is_even {
                return Err(JournalError::Unreadable("columns of one table have different numbers of rows".into()));
            }
            Ok(Entry::Input(match event {
                Packed::Block { at_ms, block } => Stamped { at_ms, event: Event::Committed { block } },
                Packed::Pending { at_ms, chain, transactions } => {
                    Stamped { at_ms, event: Event::Pending { chain, transactions } }
                }
                Packed::Parts { at_ms, block, frames, storage, given_up } => {
                    Stamped { at_ms, event: Event::Completed { block, frames, storage, given_up } }
                }
            }))
        }
    }
}

fn pack(packed: &Packed) -> Result<Body> {
    KEPT.with_borrow_mut(|kept| {
        kept.plain.clear();
        let mut serializer = rmp_serde::Serializer::new(&mut kept.plain).with_struct_map();
        packed.serialize(&mut serializer).map_err(|error| unreadable(&error))?;
        let plain = std::mem::take(&mut kept.plain);
        let bytes = kept.compressed(&plain).map_err(|error| unreadable(&error));
        if plain.capacity() <= KEPT_BYTES {
            kept.plain = plain;
        }
        Ok(Body::Packed(bytes?))
    })
}

/// What a thread keeps from one body to the next: memory that is larger than most blocks.
#[derive(Default)]
struct Kept {
    plain: Vec<u8>,
    compressor: Option<Compressor<'static>>,
}

thread_local! {
    static KEPT: RefCell<Kept> = RefCell::default();
}

impl Kept {
    fn compressed(&mut self, plain: &[u8]) -> std::io::Result<Vec<u8>> {
        let compressor = match &mut self.compressor {
            Some(compressor) => compressor,
            none => {
                let compressor = none.insert(Compressor::new(LEVEL)?);
                compressor.set_parameter(CParameter::WindowLog(WINDOW_LOG))?;
                compressor
            }
        };
        Ok([&[ZSTD_MESSAGE_PACK], &compressor.compress(plain)?[..]].concat())
    }
}

#[cfg(any(test, fuzzing))]
pub(super) fn compressed(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    KEPT.with_borrow_mut(|kept| kept.compressed(plain))
}

/// No larger than a block that a source takes in may be, whatever a damaged row says.
fn uncompressed(packed: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    let read = zstd::stream::read::Decoder::new(packed)?.take(LARGEST_BYTES + 1).read_to_end(&mut plain)?;
    if read as u64 > LARGEST_BYTES {
        return Err(std::io::Error::other(format!("it is larger than {LARGEST_BYTES} bytes")));
    }
    Ok(plain)
}

fn unreadable(error: &dyn std::error::Error) -> JournalError {
    JournalError::Unreadable(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::Verification;
    use crate::journal::Journal;
    use crate::source::evm::decode::decode as decode_block;
    use crate::source::raw::RawBlock;

    const MAINNET: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/mainnet");

    /// Blocks of mainnet with their call frames; none, with one visible line, where they are not here.
    fn real_blocks() -> Vec<Block> {
        let Ok(files) = std::fs::read_dir(MAINNET) else {
            assert!(std::env::var_os("CI").is_none(), "../shared/data is not here");
            println!("skipped: ../shared/data is not here");
            return Vec::new();
        };
        let mut blocks: Vec<Block> = files.map(|file| real_block(&file.unwrap().path())).collect();
        blocks.sort_by_key(|block| block.number);
        assert_eq!(blocks.len(), 42);
        blocks
    }

    fn real_block(file: &std::path::Path) -> Block {
        let mut text = String::new();
        flate2::read::GzDecoder::new(std::fs::File::open(file).unwrap()).read_to_string(&mut text).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let part = |name: &str| serde_json::value::to_raw_value(&value[name]).unwrap();
        let (block, receipts, traces) = (part("block"), part("receipts"), Some(part("traces")));
        decode_block(&RawBlock { chain_id: 1, block, receipts, traces, storage: None }, Verification::Full, "a")
            .unwrap()
    }

    #[test]
    fn real_blocks_come_back() {
        let blocks: Vec<Arc<Block>> = real_blocks().into_iter().map(Arc::new).collect();
        let mut journal = Journal::in_memory().unwrap();
        for block in &blocks {
            let event = Event::Committed { block: block.clone() };
            journal.append(&Entry::Input(Stamped { at_ms: block.timestamp_s * 1_000, event })).unwrap();
        }
        journal.commit().unwrap();
        let mut causes = journal.causes().unwrap();
        for block in &blocks {
            let cause = causes.next().unwrap().unwrap();
            assert_eq!(cause.stamped.event, Event::Committed { block: block.clone() });
        }
        let rows: usize = blocks.iter().map(|block| block.transactions.len() + block.logs.len()).sum();
        assert_eq!(rows, if blocks.is_empty() { 0 } else { 9_489 + 6_740 });
        journal.verify(Some(journal.head().1), |_, _| {}).unwrap();
    }

    #[test]
    fn a_block_with_rows_missing_is_told() {
        let mut transactions = Transactions::default();
        transactions.hash.push(&[1; 32]);
        let body = pack(&Packed::Pending { at_ms: 1, chain: 1, transactions: transactions.into() }).unwrap();
        let message = decode(&body).unwrap_err().to_string();
        assert_eq!(message, "an entry can't be read: columns of one table have different numbers of rows");
    }

    #[test]
    fn a_blob_of_no_known_format_is_told() {
        let event = Event::Pending { chain: 1, transactions: Arc::default() };
        let Body::Packed(bytes) = encode(&Entry::Input(Stamped { at_ms: 1, event })).unwrap() else { panic!("text") };
        let check = |bytes: &[u8]| {
            let error = decode(&Body::Packed(bytes.to_vec())).unwrap_err();
            assert!(error.to_string().starts_with("an entry can't be read: "), "{error}");
        };
        check(&[]);
        check(&[2]);
        check(&[&[2], &bytes[1..]].concat());
        for end in 1..bytes.len() {
            check(&bytes[..end]);
        }
    }
}
