//! A block in the JSON-RPC shape of nodes and recordings, not yet parsed.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::block::ChainId;

/// A block as a node gives it. Unknown members are ignored, so that recordings may carry notes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RawBlock {
    /// EIP-155 id of the chain.
    pub chain_id: ChainId,
    /// Result of `eth_getBlockByHash` with full transactions.
    pub block: Box<RawValue>,
    /// Result of `eth_getBlockReceipts`.
    pub receipts: Box<RawValue>,
    /// Result of `debug_traceBlockByHash` with `callTracer`, or of `trace_block`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traces: Option<Box<RawValue>>,
    /// Result of `debug_traceBlockByHash` with `prestateTracer` in diff mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<Box<RawValue>>,
}
