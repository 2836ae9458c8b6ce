//! Names that candidates of all kinds have, and the sender of a candidate's transaction.

use hashbrown::HashMap;
use watchfire_sdk::prelude::*;

use crate::language::{Scope, Type, Value};
use crate::rule::Rule;

/// A value that does not come from the row itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Common {
    /// The contract that the row is of.
    Contract,
    /// The log's position in its block.
    LogIndex,
    /// The transaction's hash.
    TransactionHash,
    /// The transaction's position in its block.
    TransactionIndex,
    /// Who signed the transaction.
    TransactionFrom,
    /// Whom the transaction calls.
    TransactionTo,
    /// What the transaction sends, wei.
    TransactionValue,
    /// The block's height.
    BlockNumber,
    /// The block's time, seconds since the Unix epoch.
    BlockTimestamp,
    /// The chain's number.
    ChainId,
}

const OF_BLOCKS: [(&str, Type, Common); 3] = [
    ("block.number", Type::Number, Common::BlockNumber),
    ("block.timestamp", Type::Number, Common::BlockTimestamp),
    ("chain.id", Type::Number, Common::ChainId),
];

const OF_TRANSACTIONS: [(&str, Type, Common); 5] = [
    ("tx.hash", Type::Bytes, Common::TransactionHash),
    ("tx.index", Type::Number, Common::TransactionIndex),
    ("tx.from", Type::Address, Common::TransactionFrom),
    ("tx.to", Type::Address, Common::TransactionTo),
    ("tx.value", Type::Number, Common::TransactionValue),
];

/// Values of this kind that the rules of a group read, by their places.
#[derive(Clone, Debug, Default)]
pub struct Commons {
    places: Vec<(usize, Common)>,
    len: usize,
}

/// What a candidate's common values are taken from.
#[derive(Clone, Copy)]
pub struct Origin<'a> {
    /// The batch.
    pub batch: &'a Batch<'a>,
    /// Position of the transaction in the block, where there is one.
    pub transaction: Option<u32>,
    /// The contract.
    pub contract: Option<Address>,
    /// The log's position in its block.
    pub log_index: Option<u32>,
    /// Transactions of the batch by their position.
    pub senders: &'a Senders,
}

impl Commons {
    /// Adds the names to a scope; what the row itself names goes first.
    pub fn add(scope: &mut Scope, of_transactions: bool, of_logs: bool) -> Self {
        let mut places = vec![(scope.add_below("contract", Type::Address), Common::Contract)];
        if of_logs {
            places.push((scope.add_below("log.index", Type::Number), Common::LogIndex));
        }
        if of_transactions {
            for (name, of, common) in OF_TRANSACTIONS {
                places.push((scope.add_below(name, of), common));
            }
        }
        for (name, of, common) in OF_BLOCKS {
            places.push((scope.add_below(name, of), common));
        }
        Self { places, len: scope.len() }
    }

    /// Leaves out what no rule reads. Returns whether transactions are needed.
    pub fn keep_read<'r>(&mut self, rules: impl Iterator<Item = &'r Rule>) -> bool {
        let rules: Vec<&Rule> = rules.collect();
        self.places.retain(|(at, _)| rules.iter().any(|rule| rule.reads(*at)));
        let of_transactions = [Common::TransactionFrom, Common::TransactionTo, Common::TransactionValue];
        self.places.iter().any(|(_, common)| of_transactions.contains(common))
    }

    /// Adds the values to those of a row.
    pub fn fill(&self, values: &mut Vec<Value>, origin: &Origin<'_>) {
        values.resize(self.len, Value::Bool(false));
        for (at, common) in &self.places {
            let transaction = || origin.transaction.and_then(|index| origin.senders.get(index, origin.batch));
            values[*at] = match common {
                Common::Contract => Value::Address(origin.contract.unwrap_or_default()),
                Common::LogIndex => Value::number(u64::from(origin.log_index.unwrap_or_default())),
                Common::TransactionHash => {
                    let hash = origin.transaction.map(|index| origin.batch.transaction_hash(index));
                    Value::Bytes(hash.unwrap_or_default().as_slice().into())
                }
                Common::TransactionIndex => Value::number(u64::from(origin.transaction.unwrap_or_default())),
                Common::TransactionFrom => Value::Address(transaction().map(|row| row.sender()).unwrap_or_default()),
                Common::TransactionTo => Value::Address(transaction().map(|row| row.recipient()).unwrap_or_default()),
                Common::TransactionValue => Value::number(transaction().map(|row| row.value()).unwrap_or_default()),
                Common::BlockNumber => Value::number(origin.batch.block_number()),
                Common::BlockTimestamp => Value::number(origin.batch.timestamp_s()),
                Common::ChainId => Value::number(origin.batch.chain_id()),
            };
        }
    }
}

/// Rows of the batch's transactions by their position in the block, looked up once.
#[derive(Default)]
pub struct Senders(std::cell::OnceCell<HashMap<u32, usize>>);

impl Senders {
    fn get<'b>(&self, index: u32, batch: &'b Batch<'b>) -> Option<watchfire_sdk::batch::Transaction<'b>> {
        let rows = self.0.get_or_init(|| batch.transactions().enumerate().map(|(row, t)| (t.index(), row)).collect());
        batch.transactions().nth(*rows.get(&index)?)
    }
}
