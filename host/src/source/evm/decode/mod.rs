//! From a node's JSON to a [`Block`]: parsed, checked as far as the chain's level says, laid out in columns.
//! What can be derived from the transactions and receipts themselves is derived; a node's word is taken only
//! where the level asks for no more.

mod belong;
mod receipts;
mod transactions;

use alloy::consensus::Header;
use alloy::primitives::{Address, B256, Bloom};
use serde_json::value::RawValue;

use super::family::{Family, Rules};
use super::refusal::{Check, Refusal, same};
use super::wire::{WireBlock, WireHeader, WireReceipt};
use super::{frames, storage};
use crate::block::{Assurance, Block, Parts, Verification};
use crate::column::Overflow;
use crate::source::raw::RawBlock;
use receipts::Receipts;

/// Blocks before Byzantium, by chain: their receipts hold a state root that most nodes no longer have.
const BYZANTIUM: [(u64, u64); 2] = [(1, 4_370_000), (61, 8_772_000)];

/// The end of the year 9999: later times are legal on a chain and mean nothing to anybody else.
const LATEST_S: u64 = 253_402_300_799;

/// A block, and what it lacks.
pub(super) struct Decoded {
    pub(super) block: Block,
    /// Transactions that no receipt came for; only [`Verification::None`] takes such a block.
    pub(super) missing: Vec<B256>,
}

/// Parses and checks a block by a chain's rules (a level alone takes the family that the chain's id stands for), and lays it
/// out in columns. `source` is the endpoint's label or the file's name.
///
/// What is read and checked at which level is in `docs/config.md`. Whether a block's parent is the one before it is the
/// caller's to check.
///
/// # Errors
/// If something that the level reads is unreadable, or a check of the level fails. The [`Refusal`] says what was expected,
/// what came, and which level to use if the chain has rules of its own.
pub fn decode(raw: &RawBlock, rules: impl Into<Rules>, source: &str) -> Result<Block, Refusal> {
    decode_block(raw, rules.into(), source).map(|decoded| decoded.block)
}

/// The same, with what the block lacks.
pub(super) fn decode_block(raw: &RawBlock, rules: Rules, source: &str) -> Result<Decoded, Refusal> {
    let text = raw.block.get();
    let wire: WireBlock<'_> = serde_json::from_str(text).map_err(|error| Refusal::shape("block", text, &error))?;
    let (number, hash) = (wire.number.to(), wire.hash);
    let family = rules.family_of(raw.chain_id);
    checked(raw, &wire, rules, family, source).map_err(|refusal| refusal.of(number, hash).advise_level(rules.level))
}

fn checked(
    raw: &RawBlock,
    wire: &WireBlock<'_>,
    rules: Rules,
    family: Family,
    source: &str,
) -> Result<Decoded, Refusal> {
    let most = family.most(raw.chain_id, wire.number.to());
    let level = rules.level.min(most);
    let text = raw.receipts.get();
    // Some nodes write null for a receipt that there is not.
    let receipts: Vec<Option<WireReceipt<'_>>> =
        serde_json::from_str(text).map_err(|error| Refusal::shape("receipts", text, &error))?;
    let receipts: Vec<WireReceipt<'_>> = receipts.into_iter().flatten().collect();
    let mut exceptions = Vec::new();
    if level < rules.level {
        exceptions.push(
            "it is older than what its chain is now, and can't be recomputed: only its parent was checked".into(),
        );
    }
    let head = Head::new(&raw.block, wire, level, family, &mut exceptions)?;
    let transactions = transactions::read(wire, head.header.as_ref(), level, family, rules.recover)?;
    if transactions.iter().any(|sent| sent.is_opaque) {
        exceptions.push(
            "the transactions root could not be checked, since sources don't give what its state sync is made of: the \
             hashes and senders of the other transactions, and all receipts, were"
                .into(),
        );
    }
    if transactions.iter().any(|sent| sent.is_outside) {
        exceptions
            .push("its state sync and the logs of it are the source's word: the chain's headers cover neither".into());
    }
    let nameless = transactions.iter().filter(|sent| !sent.wire.names_sender()).count();
    if nameless > 0 && level < Verification::Full {
        exceptions.push(format!("the source does not say by whom {nameless} of its transactions are; theirs is zero"));
    }
    let (receipts, missing) = belong::check(wire.hash, &transactions, receipts, level, &mut exceptions)?;

    let receipts = Receipts::new(&transactions, receipts, level, family)?;
    let settles_later = head.header.is_some() && family.settles_later(&raw.block);
    if settles_later {
        exceptions.push(
            "its header commits to receipts of earlier blocks: its own, and its logs, are the source's word".into(),
        );
    }
    if let Some(header) = head.header.as_ref().filter(|_| !settles_later) {
        let came = receipts.bloom();
        if came != header.logs_bloom {
            let what = "logs that its bloom does not stand for".to_owned();
            return Err(Refusal::new(Check::Bloom, what, short(&header.logs_bloom), short(&came)));
        }
        if level == Verification::Full {
            receipts.add_up(header)?;
            let before_byzantium =
                BYZANTIUM.iter().any(|(chain, byzantium)| *chain == raw.chain_id && header.number < *byzantium);
            if before_byzantium && !receipts.has_state_roots() {
                exceptions.push(
                    "the receipts root could not be checked: receipts before Byzantium hold a state root that the \
                     source does not give; bloom and gas were checked, whether a transaction succeeded is its word"
                        .into(),
                );
            } else {
                let what = || "receipts that its root does not stand for".into();
                same(Check::ReceiptsRoot, what, header.receipts_root, receipts.root())?;
            }
        }
    }

    let too_large = |Overflow| Refusal::new(Check::Shape, "more bytes in one column", "up to 4 GiB", "more");
    let columns = receipts.transactions(&transactions, level)?;
    let frames = raw.traces.as_ref().map(|traces| frames::decode(traces, &columns)).transpose()?;
    let storage = raw.storage.as_ref().map(|changes| storage::decode(changes, &columns)).transpose()?;
    let block = Block {
        chain: raw.chain_id,
        number: head.number,
        hash: wire.hash,
        parent_hash: wire.parent_hash,
        timestamp_s: head.timestamp_s,
        beneficiary: head.beneficiary,
        gas_used: head.gas_used,
        base_fee_wei: head.base_fee_wei,
        assurance: Assurance { verification: level, exceptions, source: source.to_owned() },
        transactions: columns,
        logs: receipts.logs().map_err(too_large)?,
        frames,
        storage,
        awaited: Parts::default(),
    };
    Ok(Decoded { block, missing })
}

/// What is kept of a header.
struct Head {
    /// All of it, at [`Verification::Header`] and up.
    header: Option<Header>,
    number: u64,
    timestamp_s: u64,
    beneficiary: Address,
    gas_used: u64,
    base_fee_wei: Option<u64>,
}

impl Head {
    fn new(
        block: &RawValue,
        wire: &WireBlock<'_>,
        level: Verification,
        family: Family,
        exceptions: &mut Vec<String>,
    ) -> Result<Self, Refusal> {
        let number = wire.number.to::<u64>();
        if number > i64::MAX as u64 {
            return Err(Refusal::new(Check::Shape, "an absurd height", format!("up to {}", i64::MAX), number));
        }
        let (miner, author): (Option<Address>, Option<Address>) = (wire.miner.if_readable(), wire.author.if_readable());
        if let (Some(miner), Some(author)) = (miner, author) {
            same(Check::Shape, || "two beneficiaries, `miner` and `author`".into(), miner, author)?;
        }
        let header = match level >= Verification::Header {
            true => Some(header(block, wire.hash, family)?),
            false => None,
        };
        let stated_s = wire.timestamp.to::<u64>();
        if stated_s > LATEST_S {
            exceptions.push(format!("its time is {stated_s} s, which is after the year 9999; it counts as {LATEST_S}"));
        }
        let base_fee = wire.base_fee_per_gas.if_readable::<alloy::primitives::U64>();
        if let (None, Some(text)) = (base_fee, wire.base_fee_per_gas.text()) {
            let text: String = text.chars().take(80).collect();
            exceptions.push(format!("its base fee, {text}, is no number of 64 bits; it is left out"));
        }
        let gas_used = wire.gas_used.if_readable::<alloy::primitives::U64>().unwrap_or_default();
        Ok(Self {
            number,
            timestamp_s: stated_s.min(LATEST_S),
            beneficiary: miner.or(author).unwrap_or_default(),
            gas_used: gas_used.to(),
            base_fee_wei: base_fee.map(|fee| fee.to()),
            header,
        })
    }
}

/// Reads all of a header, and checks that it hashes to the block's hash.
fn header(block: &RawValue, hash: B256, family: Family) -> Result<Header, Refusal> {
    let unreadable = |error| Refusal::shape("header", block.get(), &error).suggest(Verification::Links);
    let wire: WireHeader = serde_json::from_str(block.get()).map_err(unreadable)?;
    let header = wire.header();
    let came = family.header_hash(&header, block)?;
    same(Check::BlockHash, || "a header that is not what its hash says".into(), hash, came)?;
    Ok(header)
}

/// The ends of a bloom's hash: enough to tell two apart.
fn short(bloom: &Bloom) -> String {
    format!("a bloom of hash {}", alloy::primitives::keccak256(bloom))
}

#[cfg(test)]
mod levels;
#[cfg(test)]
mod tests;
