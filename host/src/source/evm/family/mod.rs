//! Families of chains: what each adds to Ethereum's encodings, and how far its blocks can be checked by their own data.

mod arbitrum;
mod avalanche;
mod op_stack;
mod polygon;
mod table;

use alloy::consensus::Header;
use alloy::primitives::{Address, B256, U64};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::refusal::{Check, Refusal};
use super::wire::WireTransaction;
use crate::block::{ChainId, Verification};

/// Which rules a chain has beside Ethereum's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Ethereum, and all that encode as it does.
    Ethereum,
    /// Deposit transactions (type 0x7e) and their receipts.
    OpStack,
    /// Transactions of types 0x64 to 0x6a, which nobody signs.
    Arbitrum,
    /// State syncs at the end of a sprint, which stand in no root and no bloom.
    Polygon,
    /// BNB Smart Chain and opBNB's like.
    Bsc,
    /// Gnosis; its first blocks have headers of their own.
    Gnosis,
    /// Headers with more members.
    Avalanche,
    /// Fees in tokens (type 0x7b), on top of the OP stack.
    Celo,
    /// Blocks that are no hash of their header.
    Zksync,
    /// Linea.
    Linea,
    /// Messages from Ethereum (type 0x7e, of another shape than the OP stack's).
    Scroll,
    /// Cosmos chains with an EVM: headers are made up for JSON-RPC, and some transactions have no receipt.
    CosmosEvm,
    /// Filecoin, whose headers are made up for JSON-RPC.
    Filecoin,
}

/// How a chain's blocks are read and checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How much is checked.
    pub level: Verification,
    /// Whose encodings; `None` for those that the chain's id stands for.
    pub family: Option<Family>,
}

impl From<Verification> for Rules {
    fn from(level: Verification) -> Self {
        Self { level, family: None }
    }
}

impl Rules {
    /// Returns whose encodings a chain has.
    pub fn family_of(&self, chain: ChainId) -> Family {
        self.family.unwrap_or_else(|| Family::of_chain(chain))
    }
}

/// A transaction that nobody signed: made by the chain itself.
pub(super) struct Unsigned {
    /// As the transactions trie holds it.
    pub encoded: Vec<u8>,
    /// In whose name it acts.
    pub sender: Address,
}

impl Family {
    /// Returns the family of a chain by its id: Ethereum's for one that is not known.
    pub fn of_chain(chain: ChainId) -> Self {
        table::FAMILIES.iter().find(|(_, ids)| ids.contains(&chain)).map_or(Self::Ethereum, |(family, _)| *family)
    }

    /// Returns the level that is checked unless the config says otherwise: the highest at which none of the family's blocks
    /// is known to be refused.
    pub fn level(self) -> Verification {
        match self {
            Self::Ethereum | Self::OpStack | Self::Arbitrum => Verification::Full,
            // They encode as Ethereum does.
            Self::Bsc | Self::Gnosis | Self::Linea => Verification::Full,
            Self::Polygon | Self::Avalanche | Self::Celo | Self::Scroll => Verification::Links,
            Self::Zksync | Self::Filecoin => Verification::Links,
            Self::CosmosEvm => Verification::None,
        }
    }

    /// Encodes a transaction of a type that only this family has; `None` if it has no such type.
    pub(super) fn encode(
        self,
        kind: u64,
        index: usize,
        transaction: &WireTransaction,
        raw: &RawValue,
    ) -> Option<Result<Unsigned, Refusal>> {
        let read = match self {
            Self::OpStack | Self::Celo if kind == op_stack::DEPOSIT => op_stack::encode(transaction, raw),
            Self::Arbitrum if arbitrum::TYPES.contains(&kind) => arbitrum::encode(kind, transaction, raw),
            _ => return None,
        };
        let what = format!("transaction of type {kind:#x} at place {index}");
        Some(read.map_err(|error| Refusal::shape(&what, raw.get(), &error).suggest(Verification::Header)))
    }

    /// True if a transaction is the chain's own and stands in no root and no bloom.
    pub(super) fn is_outside(self, transaction: B256, number: u64, block: B256) -> bool {
        self == Self::Polygon && transaction == polygon::state_sync(number, block)
    }

    /// Returns what a receipt's encoding has beyond Ethereum's, as RLP items one after the other.
    pub(super) fn receipt_tail(self, kind: u64, nonce: Option<U64>, version: Option<U64>) -> Vec<u8> {
        match self {
            Self::OpStack | Self::Celo if kind == op_stack::DEPOSIT => op_stack::receipt_tail(nonce, version),
            _ => Vec::new(),
        }
    }

    /// True if a type of transaction is one of this family's own.
    pub(super) fn has_type(self, kind: u64) -> bool {
        match self {
            Self::OpStack | Self::Celo => kind == op_stack::DEPOSIT,
            Self::Arbitrum => arbitrum::TYPES.contains(&kind),
            _ => false,
        }
    }

    /// Returns the hash of a header.
    ///
    /// # Errors
    /// If a member that this family adds is unreadable.
    pub(super) fn header_hash(self, header: &Header, block: &RawValue) -> Result<B256, Refusal> {
        match self {
            Self::Avalanche => avalanche::hash(header, block)
                .map_err(|error| Refusal::shape("header", block.get(), &error).suggest(Verification::Links)),
            _ => Ok(header.hash_slow()),
        }
    }

    /// Says what to do about a transaction type that is not known.
    pub(super) fn unknown_type(self, index: usize, kind: u64) -> Refusal {
        let what = format!("a transaction of a type that its family does not have at place {index}");
        Refusal::new(Check::Shape, what, "a type of the family that is set", format!("{kind:#x}"))
            .advise("this chain has encodings of its own: set its `family`, or `verify = \"header\"` for it")
    }
}

#[cfg(test)]
mod tests;
