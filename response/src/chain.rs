//! Where on which chain something happened, and what stands behind it.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

/// A chain's EIP-155 id.
pub type ChainId = u64;

/// Which block, on which chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BlockRef {
    /// EIP-155 id of the chain.
    pub chain: ChainId,
    /// Height.
    pub number: u64,
    /// Hash of the header.
    pub hash: B256,
}

/// How much of a block was checked against its own header before it was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verification {
    /// Nothing: the source's word for it.
    None,
    /// Only that each block names the one before it as its parent.
    Links,
    /// Links, and that the header hashes to the block's hash and its bloom covers the logs.
    Header,
    /// Header, the transactions root, each sender's signature, and the receipts root.
    Full,
}

/// What stands behind a block's rows; shown with each finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assurance {
    /// What was checked.
    pub verification: Verification,
    /// What that level would have checked and could not, in a few words; empty as a rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<String>,
    /// The endpoint or file that it came from, without credentials.
    pub source: String,
}

/// How far a block is from never leaving its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finality {
    /// It may still leave.
    Latest,
    /// By the chain's own rules it leaves only if many validators fail together.
    Safe,
    /// It stays: finalized by the chain, or deep enough by the operator's count of confirmations.
    Finalized,
}
