//! Receipts as the receipts trie holds them, with what the nodes add; and the columns that are made of them.

use alloy::consensus::{Eip658Value, Header, Receipt, ReceiptEnvelope, ReceiptWithBloom, TxType};
use alloy::eips::eip2718::Encodable2718;
use alloy::primitives::{Address, B256, Bloom, Log, LogData, U64, U128};

use super::transactions::Sent;
use crate::block::{Logs, Transactions, Verification};
use crate::column::Overflow;
use crate::source::evm::family::{Family, ReceiptMembers};
use crate::source::evm::refusal::{Check, Refusal, same};
use crate::source::evm::wire::WireReceipt;

/// The receipts of a block.
pub(super) struct Receipts {
    consensus: Vec<ReceiptEnvelope<Log>>,
    status: Vec<u8>,
    has_root: Vec<bool>,
    gas_used: Vec<u64>,
    created: Vec<Option<Address>>,
    encodings: Vec<Encoding>,
}

/// How the trie holds a receipt.
enum Encoding {
    /// As Ethereum does.
    Ethereum,
    /// Under a type of the chain's family, with more items.
    Own { kind: u8, tail: Vec<u8> },
    /// Not at all.
    Outside,
}

impl Receipts {
    /// Lays them out; a transaction without a receipt counts as failed. Blooms are made only if something is checked by
    /// them: they take a hash for each address and topic.
    pub(super) fn new(
        transactions: &[Sent],
        receipts: Vec<Option<WireReceipt<'_>>>,
        level: Verification,
        family: Family,
    ) -> Result<Self, Refusal> {
        let mut all = Self {
            consensus: Vec::with_capacity(receipts.len()),
            status: Vec::with_capacity(receipts.len()),
            has_root: Vec::with_capacity(receipts.len()),
            gas_used: Vec::with_capacity(receipts.len()),
            created: Vec::with_capacity(receipts.len()),
            encodings: Vec::with_capacity(receipts.len()),
        };
        for (index, (transaction, receipt)) in transactions.iter().zip(receipts).enumerate() {
            all.push(index, transaction, receipt, level, family)?;
        }
        Ok(all)
    }

    fn push(
        &mut self,
        index: usize,
        transaction: &Sent,
        receipt: Option<WireReceipt<'_>>,
        level: Verification,
        family: Family,
    ) -> Result<(), Refusal> {
        let (mut status, mut has_root, mut gas_used, mut cumulative_gas_used) = (0, false, 0, 0);
        let (mut outcome, mut logs, mut created) = (Eip658Value::Eip658(false), Vec::new(), None);
        let mut tail = Vec::new();
        if let Some(receipt) = receipt {
            let (succeeded, root) = match level {
                Verification::Full => {
                    let of = format!("receipt {index}");
                    let given = |name: &str| {
                        let what = format!("an incomplete receipt at place {index}");
                        Refusal::new(Check::Shape, what, format!("`{name}`"), "no such member")
                            .suggest(Verification::Header)
                    };
                    let cumulative =
                        receipt.cumulative_gas_used.read::<U64>(&of, "cumulativeGasUsed", Verification::Header)?;
                    cumulative_gas_used = cumulative.ok_or_else(|| given("cumulativeGasUsed"))?.to();
                    let alone = receipt.gas_used.read::<U64>(&of, "gasUsed", Verification::Header)?;
                    gas_used = alone.ok_or_else(|| given("gasUsed"))?.to();
                    created = receipt.contract_address.read::<Address>(&of, "contractAddress", Verification::Header)?;
                    let nonce = receipt.deposit_nonce.read::<U64>(&of, "depositNonce", Verification::Header)?;
                    let version = receipt.deposit_receipt_version.read::<U64>(
                        &of,
                        "depositReceiptVersion",
                        Verification::Header,
                    )?;
                    // Other chains have members of this name that are not of the receipt.
                    let base_fee = receipt.base_fee.if_readable::<U128>();
                    let members = ReceiptMembers { deposit: (nonce, version), base_fee };
                    tail = family.receipt_tail(transaction.kind, members);
                    let root = receipt.root.read::<B256>(&of, "root", Verification::Header)?;
                    (receipt.status.read::<U64>(&of, "status", Verification::Header)?, root)
                }
                _ => {
                    gas_used = receipt.gas_used.if_readable::<U64>().unwrap_or_default().to();
                    created = receipt.contract_address.if_readable::<Address>();
                    (receipt.status.if_readable::<U64>(), None)
                }
            };
            let succeeded = succeeded.map(|status| !status.is_zero());
            status = succeeded.map_or(2, u8::from);
            has_root = root.is_some();
            outcome = match (root, succeeded) {
                (Some(root), None) => Eip658Value::PostState(root),
                (_, succeeded) => Eip658Value::Eip658(succeeded.unwrap_or(false)),
            };
            logs = receipt
                .logs
                .into_iter()
                .map(|log| Log {
                    address: log.address,
                    data: LogData::new_unchecked(log.topics, log.data.unwrap_or_default()),
                })
                .collect();
        }
        let receipt = Receipt { status: outcome, cumulative_gas_used, logs };
        let kind = u8::try_from(transaction.kind).ok();
        self.encodings.push(match kind {
            _ if transaction.is_outside => Encoding::Outside,
            Some(kind) if family.has_type(kind.into()) => Encoding::Own { kind, tail },
            _ => Encoding::Ethereum,
        });
        let kind = kind.and_then(|kind| TxType::try_from(kind).ok());
        let logs_bloom = if level >= Verification::Header { receipt.bloom_slow() } else { Bloom::ZERO };
        let receipt = ReceiptWithBloom { receipt, logs_bloom };
        self.consensus.push(ReceiptEnvelope::from_typed(kind.unwrap_or(TxType::Legacy), receipt));
        self.status.push(status);
        self.has_root.push(has_root);
        self.gas_used.push(gas_used);
        self.created.push(created);
        Ok(())
    }

    pub(super) fn bloom(&self) -> Bloom {
        let mut bloom = Bloom::ZERO;
        let encodings = self.consensus.iter().zip(&self.encodings);
        for (receipt, _) in encodings.filter(|(_, encoding)| !matches!(encoding, Encoding::Outside)) {
            bloom.accrue_bloom(receipt.logs_bloom());
        }
        bloom
    }

    pub(super) fn root(&self) -> B256 {
        let encoded = self.consensus.iter().zip(&self.encodings).filter_map(|(receipt, encoding)| match encoding {
            Encoding::Ethereum => Some(receipt.encoded_2718()),
            Encoding::Own { kind, tail } => Some(own(receipt, *kind, tail)),
            Encoding::Outside => None,
        });
        alloy::trie::root::ordered_trie_root_encoded(&encoded.collect::<Vec<_>>())
    }

    pub(super) fn has_state_roots(&self) -> bool {
        self.has_root.iter().all(|has_root| *has_root)
    }

    /// Checks that the gas of each transaction is what all up to it used, less what all before it used; and that all of
    /// it is what the header says.
    pub(super) fn add_up(&self, header: &Header) -> Result<(), Refusal> {
        let mut before = 0_u64;
        let receipts = self.consensus.iter().zip(&self.gas_used).zip(&self.encodings).enumerate();
        // What stands in no root has counts of its own.
        let covered = receipts.filter(|(_, (_, encoding))| !matches!(encoding, Encoding::Outside));
        for (index, ((receipt, stated), _)) in covered {
            let cumulative = receipt.cumulative_gas_used();
            let what = || format!("gas that does not add up in receipt {index}");
            let Some(alone) = cumulative.checked_sub(before) else {
                return Err(Refusal::new(Check::GasUsed, what(), format!("at least {before} in all"), cumulative));
            };
            same(Check::GasUsed, what, alone, *stated)?;
            before = cumulative;
        }
        // Where headers commit to access lists, a header's gas is counted before refunds, a receipt's after.
        if header.block_access_list_hash.is_none() {
            same(Check::GasUsed, || "gas that does not add up to the header's".into(), header.gas_used, before)?;
        }
        Ok(())
    }

    /// Lays out the transactions.
    pub(super) fn transactions(&self, all: &[Sent], level: Verification) -> Result<Transactions, Refusal> {
        let mut out = Transactions::default();
        for (index, Sent { wire, sender, proof, is_outside, is_opaque, .. }) in all.iter().enumerate() {
            let (nonce, status) = (wire.nonce(), self.status[index]);
            // What is the chain's own has no recipient and makes nothing.
            let is_creation = wire.to.is_none() && !is_outside && !is_opaque;
            let mut created = Address::ZERO;
            if is_creation && status != 0 {
                created = match self.created[index] {
                    Some(stated) if level < Verification::Full => stated,
                    _ => sender.create(nonce),
                };
                let stated = self.created[index].unwrap_or(created);
                same(Check::Created, || format!("another contract made by transaction {index}"), created, stated)?;
            }
            out.hash.push(&wire.hash);
            match proof {
                Some(proof) => out.sender.push_signed(sender, proof),
                None => out.sender.push(sender),
            }
            out.recipient.push(&wire.to.unwrap_or_default());
            out.created.push(&created);
            out.is_creation.push(u8::from(is_creation));
            out.value.push(&wire.value.to_be_bytes());
            out.input.push(wire.input()).map_err(|Overflow| {
                Refusal::new(Check::Shape, format!("too much call data at transaction {index}"), "up to 4 GiB", "more")
            })?;
            out.nonce.push(nonce);
            out.gas_used.push(self.gas_used[index]);
            out.status.push(status);
        }
        Ok(out)
    }

    /// Lays out the logs.
    pub(super) fn logs(&self) -> Result<Logs, Overflow> {
        let mut out = Logs::default();
        for (index, receipt) in self.consensus.iter().enumerate() {
            for log in receipt.logs() {
                out.address.push(&log.address);
                let topics = log.topics();
                out.topic_count.push(topics.len() as u8);
                for (position, column) in out.topics.iter_mut().enumerate() {
                    column.push(&topics.get(position).copied().unwrap_or_default());
                }
                out.data.push(&log.data.data)?;
                out.transaction_index.push(index as u32);
            }
        }
        Ok(out)
    }
}

/// Encodes a receipt under another type, with more items at its end.
fn own(receipt: &ReceiptEnvelope<Log>, kind: u8, tail: &[u8]) -> Vec<u8> {
    // One of type 0 is the list alone.
    let list = receipt.encoded_2718();
    let mut items = list.as_slice();
    let length = alloy::rlp::Header::decode(&mut items).map_or(0, |header| header.payload_length);
    let mut encoded = Vec::with_capacity(length + tail.len() + 8);
    encoded.push(kind);
    alloy::rlp::Header { list: true, payload_length: length + tail.len() }.encode(&mut encoded);
    encoded.extend_from_slice(&items[..length.min(items.len())]);
    encoded.extend_from_slice(tail);
    encoded
}
