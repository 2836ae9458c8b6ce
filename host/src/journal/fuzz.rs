//! Rows of a journal, made of any bytes.

use super::body::{self, Body};
use crate::entry::Entry;
use crate::event::{Event, Stamped};

/// A row's body: text where the first byte is `{`, columns where it is 1, and columns that are still to be compressed
/// otherwise, for few changes go through a decompressor. What is read is written and read again as the same.
pub(crate) fn row(data: &[u8]) {
    let body = match data.split_first() {
        Some((b'{', _)) => Body::Text(String::from_utf8_lossy(data).into_owned()),
        Some((&body::ZSTD_MESSAGE_PACK, _)) | None => Body::Packed(data.to_vec()),
        Some((_, plain)) => Body::Packed(body::compressed(plain).expect("memory takes all")),
    };
    let Ok(entry) = body::decode(&body) else { return };
    if let Entry::Input(Stamped { event: Event::Committed { block }, .. }) = &entry {
        crate::narrow::fuzz::look_at(block);
    }
    let written = body::encode(&entry).expect("what was read can be written");
    let again = body::decode(&written).expect("what was written can be read");
    assert_eq!(entry, again);
}
