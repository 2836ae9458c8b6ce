//! Families of chains: what each adds to Ethereum's encodings, and how far its blocks can be checked by their own data.

mod arbitrum;
mod avalanche;
mod celo;
mod op_stack;
mod polygon;
mod scroll;
mod table;

use alloy::consensus::Header;
use alloy::primitives::{Address, B256, U64, U128};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::refusal::{Check, Refusal};
use super::wire::WireTransaction;
use crate::block::{ChainId, Proof, Verification};

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
    /// Others whose blocks have hashes that can't be recomputed from what nodes give.
    Other,
}

/// How a chain's blocks are read and checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How much is checked.
    pub level: Verification,
    /// Whose encodings; `None` for those that the chain's id stands for.
    pub family: Option<Family>,
    /// When senders are recovered, at [`Verification::Full`].
    pub recover: Recover,
}

/// When the senders of a block's transactions are recovered from their signatures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Recover {
    /// As the block is taken in: a node that has another sender is refused.
    #[default]
    Now,
    /// Of a large block, when somebody first asks for the sender; a node's word for it counts for nothing.
    Later,
}

impl From<Verification> for Rules {
    fn from(level: Verification) -> Self {
        Self { level, family: None, recover: Recover::Now }
    }
}

impl Rules {
    /// Returns whose encodings a chain has.
    pub fn family_of(&self, chain: ChainId) -> Family {
        self.family.unwrap_or_else(|| Family::of_chain(chain))
    }
}

/// A transaction of a type that only a family has, and that somebody signed.
pub(super) struct SelfSigned {
    /// As the transactions trie holds it.
    pub encoded: Vec<u8>,
    /// What was signed.
    pub proof: Proof,
}

/// What receipts have in JSON beside Ethereum's members.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ReceiptMembers {
    /// `depositNonce` and `depositReceiptVersion`.
    pub deposit: (Option<U64>, Option<U64>),
    /// `baseFee`.
    pub base_fee: Option<U128>,
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
            Self::Polygon | Self::Avalanche | Self::Celo => Verification::Full,
            Self::Scroll | Self::Zksync | Self::Filecoin | Self::Other => Verification::Links,
            Self::CosmosEvm => Verification::None,
        }
    }

    /// Returns how far a block can be checked at most, whatever level is set: some chains were of another make before a height.
    pub(super) fn most(self, chain: ChainId, number: u64) -> Verification {
        let is_of_old =
            table::REMADE.iter().any(|(of, family, first)| *of == chain && *family == self && number < *first);
        if is_of_old { Verification::Links } else { Verification::Full }
    }

    /// True if a header commits to receipts of earlier blocks, and not to its own.
    pub(super) fn settles_later(self, block: &RawValue) -> bool {
        self == Self::Avalanche && avalanche::settles_later(block)
    }

    /// True if the chain has heights without a block: the next one names the block below them as its parent.
    pub(in crate::source) fn skips_heights(self) -> bool {
        self == Self::Filecoin
    }

    /// True if a transaction stands in the roots by bytes that nodes don't give.
    pub(super) fn is_opaque(self, kind: u64) -> bool {
        self == Self::Polygon && kind == polygon::STATE_SYNC
    }

    /// Encodes a transaction of a type that only this family has and that somebody signed; `None` if it has no such type.
    pub(super) fn encode_signed(
        self,
        kind: u64,
        index: usize,
        transaction: &WireTransaction,
        raw: &RawValue,
    ) -> Option<Result<SelfSigned, Refusal>> {
        let read = match self {
            Self::Celo if kind == celo::FEE_IN_TOKEN => celo::encode(transaction, raw),
            _ => return None,
        };
        Some(read.map_err(|error| unreadable(kind, index, raw, &error)))
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
            Self::Scroll if kind == scroll::MESSAGE => scroll::encode(transaction, raw),
            _ => return None,
        };
        Some(read.map_err(|error| unreadable(kind, index, raw, &error)))
    }

    /// True if a transaction is the chain's own and stands in no root and no bloom.
    pub(super) fn is_outside(self, transaction: B256, number: u64, block: B256) -> bool {
        self == Self::Polygon && transaction == polygon::state_sync(number, block)
    }

    /// Returns what a receipt's encoding has beyond Ethereum's, as RLP items one after the other.
    pub(super) fn receipt_tail(self, kind: u64, members: ReceiptMembers) -> Vec<u8> {
        let (nonce, version) = members.deposit;
        match self {
            Self::OpStack | Self::Celo if kind == op_stack::DEPOSIT => op_stack::receipt_tail(nonce, version),
            Self::Celo if kind == celo::FEE_IN_TOKEN => celo::receipt_tail(members.base_fee),
            _ => Vec::new(),
        }
    }

    /// True if a type of transaction is one of this family's own.
    pub(super) fn has_type(self, kind: u64) -> bool {
        match self {
            Self::OpStack => kind == op_stack::DEPOSIT,
            Self::Celo => kind == op_stack::DEPOSIT || kind == celo::FEE_IN_TOKEN,
            Self::Arbitrum => arbitrum::TYPES.contains(&kind),
            Self::Scroll => kind == scroll::MESSAGE,
            Self::Polygon => kind == polygon::STATE_SYNC,
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

fn unreadable(kind: u64, index: usize, raw: &RawValue, error: &serde_json::Error) -> Refusal {
    let what = format!("transaction of type {kind:#x} at place {index}");
    Refusal::shape(&what, raw.get(), error).suggest(Verification::Header)
}

#[cfg(test)]
mod tests;
