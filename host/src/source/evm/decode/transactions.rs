//! A block's transactions: parsed, in their places, and by whom they were sent.

use alloy::consensus::Header;
use alloy::primitives::{Address, B256, U64};
use rayon::prelude::*;
use serde_json::value::RawValue;

use crate::block::{Proof, Verification};
use crate::source::evm::family::{Family, Recover};
use crate::source::evm::refusal::{Check, Refusal, same};
use crate::source::evm::transaction::{self, By};
use crate::source::evm::wire::{WireBlock, WirePlace, WireSigned, WireTransaction};

/// Fewer transactions than this are not worth spreading over threads.
const PARALLEL_FROM: usize = 16;

/// A transaction as far as its level reads it.
pub(super) struct Sent {
    pub(super) wire: WireTransaction,
    /// Recovered from the signature at [`Verification::Full`], the node's word otherwise, and where there is a proof.
    pub(super) sender: Address,
    /// By what the sender will be recovered once somebody asks for it.
    pub(super) proof: Option<Proof>,
    /// The type of its encoding; 0 below [`Verification::Full`], where nothing hangs on it.
    pub(super) kind: u64,
    /// EIP-2718 encoding, at [`Verification::Full`].
    encoded: Vec<u8>,
    /// True if it is the chain's own and stands in no root and no bloom.
    pub(super) is_outside: bool,
    /// True if it stands in the roots by bytes that the source does not give.
    pub(super) is_opaque: bool,
}

/// Reads all transactions of a block. `header` is that of the block if the level reads it.
pub(super) fn read(
    block: &WireBlock<'_>,
    header: Option<&Header>,
    level: Verification,
    family: Family,
    recover: Recover,
) -> Result<Vec<Sent>, Refusal> {
    let count = block.transactions.len();
    // A few are recovered at once in any case, and one of many: a node that has senders of its own making is found out.
    let recover = if count < PARALLEL_FROM { Recover::Now } else { recover };
    let sample = block.hash.0.iter().fold(0, |sum, byte| (sum * 256 + usize::from(*byte)) % count.max(1));
    let named = Named { number: block.number.to(), hash: block.hash, level, family, recover, sample };
    let read = |(index, raw): (usize, &&RawValue)| one(index, raw, named);
    let all: Vec<Sent> = match count < PARALLEL_FROM {
        true => block.transactions.iter().enumerate().map(read).collect::<Result<_, _>>()?,
        false => block.transactions.par_iter().enumerate().map(read).collect::<Result<_, _>>()?,
    };
    if let Some(header) = header.filter(|_| level == Verification::Full) {
        if !all.iter().any(|sent| sent.is_opaque) {
            let covered = all.iter().filter(|sent| !sent.is_outside);
            let encoded: Vec<&[u8]> = covered.map(|sent| sent.encoded.as_slice()).collect();
            let root = alloy::trie::root::ordered_trie_root_encoded(&encoded);
            let what = || "transactions that its root does not stand for".into();
            same(Check::TransactionsRoot, what, header.transactions_root, root)?;
        }
        for (index, sent) in all.iter().enumerate().filter(|(_, sent)| sent.wire.names_sender()) {
            let what = || format!("another sender in transaction {index}");
            same(Check::Sender, what, sent.sender, sent.wire.sender())?;
        }
    }
    Ok(all)
}

/// What is known of a block when its transactions are read.
#[derive(Clone, Copy)]
struct Named {
    number: u64,
    hash: B256,
    level: Verification,
    family: Family,
    recover: Recover,
    /// Place of the transaction whose sender is recovered in any case.
    sample: usize,
}

fn one(index: usize, raw: &RawValue, block: Named) -> Result<Sent, Refusal> {
    let Named { number, hash, level, family, recover, sample } = block;
    let what = || format!("transaction {index}");
    let unreadable = |error: serde_json::Error| Refusal::shape(&what(), raw.get(), &error);
    let wire: WireTransaction = serde_json::from_str(raw.get()).map_err(unreadable)?;
    if wire.contradicts_itself() {
        let what = format!("call data in transaction {index}, as `input` and as `data`");
        return Err(Refusal::new(Check::Shape, what, "the same", "two"));
    }
    let sender = wire.sender();
    match level {
        Verification::None | Verification::Links => {
            Ok(Sent { wire, sender, proof: None, kind: 0, encoded: Vec::new(), is_outside: false, is_opaque: false })
        }
        Verification::Header => {
            let place: WirePlace =
                serde_json::from_str(raw.get()).map_err(|error| unreadable(error).suggest(Verification::Links))?;
            placed(index, hash, &place)?;
            let is_outside = family.is_outside(wire.hash, number, hash);
            Ok(Sent { wire, sender, proof: None, kind: 0, encoded: Vec::new(), is_outside, is_opaque: false })
        }
        Verification::Full => {
            let parts: WireSigned =
                serde_json::from_str(raw.get()).map_err(|error| unreadable(error).suggest(Verification::Header))?;
            placed(index, hash, &parts.place())?;
            let kind = parts.kind.unwrap_or_default().to();
            if family.is_outside(wire.hash, number, hash) {
                return Ok(Sent {
                    wire,
                    sender,
                    proof: None,
                    kind,
                    encoded: Vec::new(),
                    is_outside: true,
                    is_opaque: false,
                });
            }
            if family.is_opaque(kind) {
                let encoded = Vec::new();
                return Ok(Sent { wire, sender, proof: None, kind, encoded, is_outside: false, is_opaque: true });
            }
            // What was created has an address made of its sender's.
            let at_once = index == sample || wire.to.is_none() || !wire.names_sender();
            let recover = if at_once { Recover::Now } else { recover };
            let signed = match family.encode(kind, index, &wire, raw) {
                Some(unsigned) => transaction::unsigned(index, &wire, unsigned?)?,
                None => match family.encode_signed(kind, index, &wire, raw) {
                    Some(signed) => transaction::proved(index, &wire, signed?, recover)?,
                    None => transaction::verify(index, &wire, &parts, family, recover)?,
                },
            };
            let (sender, proof) = match signed.sender {
                By::Sender(sender) => (sender, None),
                By::Proof(proof) => (sender, Some(proof)),
            };
            Ok(Sent { wire, sender, proof, kind, encoded: signed.encoded, is_outside: false, is_opaque: false })
        }
    }
}

/// Checks where a transaction says that it stands.
fn placed(index: usize, block: B256, place: &WirePlace) -> Result<(), Refusal> {
    let other = || format!("a transaction of another place at place {index}");
    same(Check::TransactionIndex, other, block, place.block_hash.unwrap_or(block))?;
    let expected = U64::from(index);
    same(Check::TransactionIndex, other, expected, place.transaction_index.unwrap_or(expected))
}
