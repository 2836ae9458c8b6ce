//! What a detector claims.

use alloy_primitives::{Address, B256, I256, U256};
use serde::{Deserialize, Serialize};

use crate::Severity;
use crate::batch::{Frame, Log};

/// What a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Subject {
    /// `address`, `pool`, `role`, `feed`, …
    pub kind: String,
    /// Which one.
    pub id: String,
}

impl Subject {
    /// A subject of any kind.
    pub fn new(kind: &str, id: impl ToString) -> Self {
        Self { kind: kind.to_owned(), id: id.to_string() }
    }

    /// An account or contract.
    pub fn address(address: Address) -> Self {
        Self::new("address", address)
    }
}

/// A log on the chain of the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogReference {
    /// Height of its block.
    pub block_number: u64,
    /// Position among the logs of its block.
    pub log_index: u32,
}

/// How much of what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// `native`, a token's `0x…` address, or a label such as `usd`.
    pub asset: String,
    /// Decimal digits in the asset's smallest unit, with a leading `-` where negative.
    pub value: String,
}

/// What a detector claims; made by [`Finding::new`] and the methods that add to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// One of the kinds that the manifest declares.
    pub kind: String,
    /// How bad it would be if it is true.
    pub severity: Severity,
    /// How sure the detector is, 0 to 100.
    pub confidence_percent: u8,
    /// One line.
    pub title: String,
    /// What was seen and why it matters.
    pub description: String,
    /// What it is about.
    pub subject: Subject,
    /// Hashes of the transactions that are evidence.
    pub transactions: Vec<B256>,
    /// Logs that are evidence.
    pub logs: Vec<LogReference>,
    /// How much is at stake or moved.
    pub amounts: Vec<Amount>,
    /// Anything else.
    pub attributes: Vec<(String, String)>,
    /// Findings of one kind about one subject with the same key are one condition, counted once.
    pub condition_key: String,
}

impl Finding {
    /// A finding of which the detector is sure, with nothing but its kind for a title.
    pub fn new(kind: &str, severity: Severity, subject: Subject) -> Self {
        Self {
            kind: kind.to_owned(),
            severity,
            confidence_percent: 100,
            title: kind.to_owned(),
            description: String::new(),
            subject,
            transactions: Vec::new(),
            logs: Vec::new(),
            amounts: Vec::new(),
            attributes: Vec::new(),
            condition_key: String::new(),
        }
    }

    /// How sure the detector is, 0 to 100.
    pub fn confidence(mut self, percent: u8) -> Self {
        self.confidence_percent = percent.min(100);
        self
    }

    /// One line.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// What was seen and why it matters.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// What makes two findings of this kind about this subject one condition.
    pub fn condition_key(mut self, key: impl ToString) -> Self {
        self.condition_key = key.to_string();
        self
    }

    /// Adds a log and its transaction as evidence.
    pub fn evidence(mut self, log: &Log<'_>) -> Self {
        self.logs.push(log.reference());
        self.transaction(log.transaction_hash())
    }

    /// Adds a call frame's transaction as evidence.
    pub fn frame_evidence(self, frame: &Frame<'_>) -> Self {
        self.transaction(frame.transaction_hash())
    }

    /// Adds a transaction as evidence, once.
    pub fn transaction(mut self, hash: B256) -> Self {
        if !hash.is_zero() && !self.transactions.contains(&hash) {
            self.transactions.push(hash);
        }
        self
    }

    /// Adds an amount in the asset's smallest unit.
    pub fn amount(mut self, asset: impl ToString, value: U256) -> Self {
        self.amounts.push(Amount { asset: asset.to_string(), value: value.to_string() });
        self
    }

    /// Adds an amount that may be negative, in the asset's smallest unit.
    pub fn signed_amount(mut self, asset: impl ToString, value: I256) -> Self {
        self.amounts.push(Amount { asset: asset.to_string(), value: value.to_string() });
        self
    }

    /// Adds anything else.
    pub fn attribute(mut self, key: &str, value: impl ToString) -> Self {
        self.attributes.push((key.to_owned(), value.to_string()));
        self
    }
}
