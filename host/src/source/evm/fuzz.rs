//! Answers of nodes, made of any bytes.

use super::decode::decode;
use super::rpc;
use crate::block::Verification;
use crate::source::raw::RawBlock;

/// An answer to a batch of four, and a block with its receipts, traces and storage, at each level.
pub(crate) fn answers(data: &[u8]) {
    rpc::unpacked(data, 4);
    let Ok(raw) = serde_json::from_slice::<RawBlock>(data) else { return };
    for level in [Verification::None, Verification::Links, Verification::Header, Verification::Full] {
        if let Ok(block) = decode(&raw, level, "fuzz") {
            crate::narrow::fuzz::look_at(&block);
        }
    }
}
