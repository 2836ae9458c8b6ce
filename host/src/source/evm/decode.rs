//! From a node's JSON to a [`Block`]: parsed, checked as far as the chain's level says, laid out in columns.
//! What can be derived from the transactions and receipts themselves is derived; a node's word is taken only
//! where the level asks for no more.

use alloy::consensus::{Eip658Value, Receipt, ReceiptEnvelope, ReceiptWithBloom, TxType, proofs};
use alloy::primitives::{Address, B256, Bloom, Log, LogData, U64};
use rayon::prelude::*;

use super::refusal::{Check, Refusal, same};
use super::wire::{WireBlock, WireReceipt, WireTransaction};
use super::{frames, storage, transaction};
use crate::block::{Assurance, Block, Logs, Transactions, Verification};
use crate::source::raw::RawBlock;

/// Blocks before Byzantium, by chain: their receipts hold a state root that most nodes no longer have.
const BYZANTIUM: [(u64, u64); 2] = [(1, 4_370_000), (61, 8_772_000)];

/// Fewer transactions than this are not worth spreading over threads.
const PARALLEL_FROM: usize = 16;

/// Parses and checks a block and lays it out in columns. `source` is the endpoint's label or the file's name.
///
/// Each check that fails is a [`Refusal`] with what was expected and what came. That receipts and logs belong to
/// the transactions and that traces do is checked at every level; whose hash the block has, at
/// [`Verification::Header`] and up; everything that the header commits to, at [`Verification::Full`]. Whether
/// a block's parent is the one before it is the caller's to check.
pub fn decode(raw: &RawBlock, level: Verification, source: &str) -> Result<Block, Refusal> {
    let wire: WireBlock = serde_json::from_str(raw.block.get()).map_err(|error| Refusal::shape("block", &error))?;
    let (number, hash) = (wire.number.to(), wire.hash);
    decode_block(raw, wire, level, source).map_err(|refusal| refusal.of(number, hash))
}

fn decode_block(raw: &RawBlock, wire: WireBlock, level: Verification, source: &str) -> Result<Block, Refusal> {
    let receipts: Vec<WireReceipt> =
        serde_json::from_str(raw.receipts.get()).map_err(|error| Refusal::shape("receipts", &error))?;
    let header = wire.header();
    if level >= Verification::Header {
        same(Check::BlockHash, || "a header that is not what its hash says".into(), wire.hash, header.hash_slow())?;
    }
    let senders = senders(&wire, level)?;
    belong(&wire, &receipts)?;

    let mut exceptions = Vec::new();
    let receipts = Receipts::new(&wire.transactions, receipts, level);
    if level >= Verification::Header {
        let came = receipts.bloom();
        if came != header.logs_bloom {
            let what = "logs that its bloom does not stand for".to_owned();
            return Err(Refusal::new(Check::Bloom, what, short(&header.logs_bloom), short(&came)));
        }
    }
    if level == Verification::Full {
        receipts.add_up(&wire)?;
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

    let transactions = receipts.transactions(&wire.transactions, &senders, level)?;
    let frames = match &raw.traces {
        Some(traces) => Some(frames::decode(traces, &transactions)?),
        None => None,
    };
    let storage = match &raw.storage {
        Some(changes) => Some(storage::decode(changes, &transactions)?),
        None => None,
    };
    Ok(Block {
        chain: raw.chain_id,
        number: header.number,
        hash: wire.hash,
        parent_hash: header.parent_hash,
        timestamp_s: header.timestamp,
        beneficiary: header.beneficiary,
        gas_used: header.gas_used,
        base_fee_wei: header.base_fee_per_gas,
        assurance: Assurance { verification: level, exceptions, source: source.to_owned() },
        transactions,
        logs: receipts.logs(),
        frames,
        storage,
    })
}

/// Senders in order: recovered from the signatures under [`Verification::Full`], the node's word otherwise.
fn senders(wire: &WireBlock, level: Verification) -> Result<Vec<Address>, Refusal> {
    for (index, transaction) in wire.transactions.iter().enumerate() {
        transaction::placed(index, wire.hash, transaction)?;
    }
    if level < Verification::Full {
        return Ok(wire.transactions.iter().map(|transaction| transaction.from).collect());
    }
    let verify = |(index, transaction)| transaction::verify(index, transaction);
    let signed: Result<Vec<_>, Refusal> = if wire.transactions.len() < PARALLEL_FROM {
        wire.transactions.iter().enumerate().map(verify).collect()
    } else {
        wire.transactions.par_iter().enumerate().map(verify).collect()
    };
    let signed = signed?;
    let encoded: Vec<&[u8]> = signed.iter().map(|signed| signed.encoded.as_slice()).collect();
    let what = || "transactions that its root does not stand for".into();
    same(
        Check::TransactionsRoot,
        what,
        wire.transactions_root,
        alloy::trie::root::ordered_trie_root_encoded(&encoded),
    )?;
    for (index, (signed, transaction)) in signed.iter().zip(&wire.transactions).enumerate() {
        same(Check::Sender, || format!("another sender in transaction {index}"), signed.sender, transaction.from)?;
    }
    Ok(signed.into_iter().map(|signed| signed.sender).collect())
}

/// Whether there is one receipt for each transaction, and each log stands in its transaction's.
fn belong(wire: &WireBlock, receipts: &[WireReceipt]) -> Result<(), Refusal> {
    same(Check::ReceiptCount, || "another number of receipts".into(), wire.transactions.len(), receipts.len())?;
    let mut log_index = 0_usize;
    for (index, (transaction, receipt)) in wire.transactions.iter().zip(receipts).enumerate() {
        let place = U64::from(index);
        let other = || format!("a receipt of another transaction at place {index}");
        same(Check::ReceiptTransaction, other, transaction.hash, receipt.transaction_hash)?;
        same(Check::ReceiptTransaction, other, wire.hash, receipt.block_hash.unwrap_or(wire.hash))?;
        same(Check::ReceiptTransaction, other, place, receipt.transaction_index.unwrap_or(place))?;
        for log in &receipt.logs {
            let other = || format!("a log of another place as log {log_index}");
            same(Check::LogPlace, other, transaction.hash, log.transaction_hash.unwrap_or(transaction.hash))?;
            same(Check::LogPlace, other, wire.hash, log.block_hash.unwrap_or(wire.hash))?;
            same(Check::LogPlace, other, place, log.transaction_index.unwrap_or(place))?;
            let stated = log.log_index.unwrap_or(U64::from(log_index));
            same(Check::LogPlace, other, U64::from(log_index), stated)?;
            same(Check::LogPlace, other, "a log that stands".to_owned(), removed(log.removed))?;
            if log.topics.len() > 4 {
                let what = format!("too many topics in log {log_index}");
                return Err(Refusal::new(Check::Shape, what, "up to 4", log.topics.len()));
            }
            log_index += 1;
        }
    }
    Ok(())
}

fn removed(removed: bool) -> String {
    if removed { "a log that was removed".into() } else { "a log that stands".into() }
}

/// The ends of a bloom's hash: enough to tell two apart.
fn short(bloom: &Bloom) -> String {
    format!("a bloom of hash {}", alloy::primitives::keccak256(bloom))
}

/// Receipts as the receipts trie holds them, with what the nodes add.
struct Receipts {
    consensus: Vec<ReceiptEnvelope<Log>>,
    status: Vec<u8>,
    has_root: Vec<bool>,
    gas_used: Vec<u64>,
    created: Vec<Option<Address>>,
}

impl Receipts {
    /// Blooms are made only where something is checked by them: they take a hash for each address and topic.
    fn new(transactions: &[WireTransaction], receipts: Vec<WireReceipt>, level: Verification) -> Self {
        let mut all = Self {
            consensus: Vec::with_capacity(receipts.len()),
            status: Vec::with_capacity(receipts.len()),
            has_root: Vec::with_capacity(receipts.len()),
            gas_used: Vec::with_capacity(receipts.len()),
            created: Vec::with_capacity(receipts.len()),
        };
        for (transaction, receipt) in transactions.iter().zip(receipts) {
            let succeeded = receipt.status.map(|status| !status.is_zero());
            all.status.push(succeeded.map_or(2, u8::from));
            all.has_root.push(receipt.root.is_some());
            all.gas_used.push(receipt.gas_used.to());
            all.created.push(receipt.contract_address);
            let status = match (receipt.root, succeeded) {
                (Some(root), None) => Eip658Value::PostState(root),
                (_, succeeded) => Eip658Value::Eip658(succeeded.unwrap_or(false)),
            };
            let logs = receipt.logs.into_iter();
            let logs = logs
                .map(|log| Log { address: log.address, data: LogData::new_unchecked(log.topics, log.data) })
                .collect();
            let receipt = Receipt { status, cumulative_gas_used: receipt.cumulative_gas_used.to(), logs };
            // The type of a chain of its own stands in no receipt whose root is computed.
            let kind = transaction.kind.unwrap_or_default().to::<u64>();
            let kind = u8::try_from(kind).ok().and_then(|kind| TxType::try_from(kind).ok()).unwrap_or(TxType::Legacy);
            let logs_bloom = if level >= Verification::Header { receipt.bloom_slow() } else { Bloom::ZERO };
            all.consensus.push(ReceiptEnvelope::from_typed(kind, ReceiptWithBloom { receipt, logs_bloom }));
        }
        all
    }

    fn bloom(&self) -> Bloom {
        let mut bloom = Bloom::ZERO;
        for receipt in &self.consensus {
            bloom.accrue_bloom(receipt.logs_bloom());
        }
        bloom
    }

    fn root(&self) -> B256 {
        proofs::calculate_receipt_root(&self.consensus)
    }

    fn has_state_roots(&self) -> bool {
        self.has_root.iter().all(|has_root| *has_root)
    }

    /// Gas of each transaction by what all up to it used; and whether it is what the node says, and the header.
    fn add_up(&self, wire: &WireBlock) -> Result<(), Refusal> {
        let mut before = 0_u64;
        for (index, (receipt, stated)) in self.consensus.iter().zip(&self.gas_used).enumerate() {
            let cumulative = receipt.cumulative_gas_used();
            let what = || format!("gas that does not add up in receipt {index}");
            let Some(alone) = cumulative.checked_sub(before) else {
                return Err(Refusal::new(Check::GasUsed, what(), format!("at least {before} in all"), cumulative));
            };
            same(Check::GasUsed, what, alone, *stated)?;
            before = cumulative;
        }
        // Where headers commit to access lists, a header's gas is counted before refunds, a receipt's after.
        if wire.block_access_list_hash.is_none() {
            let what = || "gas that does not add up to the header's".into();
            same(Check::GasUsed, what, wire.gas_used.to::<u64>(), before)?;
        }
        Ok(())
    }

    fn transactions(
        &self,
        wire: &[WireTransaction],
        senders: &[Address],
        level: Verification,
    ) -> Result<Transactions, Refusal> {
        let mut out = Transactions::default();
        for (index, (transaction, sender)) in wire.iter().zip(senders).enumerate() {
            let (nonce, status) = (transaction.nonce.to(), self.status[index]);
            let mut created = Address::ZERO;
            if transaction.to.is_none() && status != 0 {
                created = match self.created[index] {
                    Some(stated) if level < Verification::Full => stated,
                    _ => sender.create(nonce),
                };
                let stated = self.created[index].unwrap_or(created);
                same(Check::Created, || format!("another contract made by transaction {index}"), created, stated)?;
            }
            out.hash.push(&transaction.hash);
            out.sender.push(sender);
            out.recipient.push(&transaction.to.unwrap_or_default());
            out.created.push(&created);
            out.is_creation.push(u8::from(transaction.to.is_none()));
            out.value.push(&transaction.value.to_be_bytes());
            out.input.push(&transaction.input);
            out.nonce.push(nonce);
            out.gas_used.push(self.gas_used[index]);
            out.status.push(status);
        }
        Ok(out)
    }

    fn logs(&self) -> Logs {
        let mut out = Logs::default();
        for (index, receipt) in self.consensus.iter().enumerate() {
            for log in receipt.logs() {
                out.address.push(&log.address);
                let topics = log.topics();
                out.topic_count.push(topics.len() as u8);
                for (position, column) in out.topics.iter_mut().enumerate() {
                    column.push(&topics.get(position).copied().unwrap_or_default());
                }
                out.data.push(&log.data.data);
                out.transaction_index.push(index as u32);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests;
