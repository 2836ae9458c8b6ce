//! Refusals: what of a block did not fit, what was expected and what came.

use alloy::primitives::B256;

use crate::block::Verification;
use crate::text::line;

/// Which check a block did not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// The JSON is not that of a block, receipts or traces.
    Shape,
    /// It is another block than the one that was asked for.
    OtherBlock,
    /// The header does not hash to the block's hash.
    BlockHash,
    /// The block does not name the one before it as its parent.
    ParentHash,
    /// A transaction does not hash to its hash.
    TransactionHash,
    /// The transactions do not give the header's root.
    TransactionsRoot,
    /// A transaction has another place than its row.
    TransactionIndex,
    /// The signature is somebody else's.
    Sender,
    /// Not one receipt for each transaction.
    ReceiptCount,
    /// A receipt is that of another transaction or block.
    ReceiptTransaction,
    /// The receipts do not give the header's root.
    ReceiptsRoot,
    /// A log is that of another transaction or block, or has another place.
    LogPlace,
    /// The logs do not give the header's bloom.
    Bloom,
    /// The gas does not add up.
    GasUsed,
    /// A creation made another contract.
    Created,
    /// The traces are not those of these transactions.
    Traces,
    /// The storage changes are not those of these transactions.
    Storage,
}

impl Check {
    /// Returns its name in messages: `block-hash`, `receipts-root`, …
    pub fn name(self) -> &'static str {
        match self {
            Self::Shape => "shape",
            Self::OtherBlock => "other-block",
            Self::BlockHash => "block-hash",
            Self::ParentHash => "parent-hash",
            Self::TransactionHash => "transaction-hash",
            Self::TransactionsRoot => "transactions-root",
            Self::TransactionIndex => "transaction-index",
            Self::Sender => "sender",
            Self::ReceiptCount => "receipt-count",
            Self::ReceiptTransaction => "receipt-transaction",
            Self::ReceiptsRoot => "receipts-root",
            Self::LogPlace => "log-place",
            Self::Bloom => "bloom",
            Self::GasUsed => "gas-used",
            Self::Created => "created",
            Self::Traces => "traces",
            Self::Storage => "storage",
        }
    }
}

/// Longest part of a refusal that is shown, bytes: what came is the node's.
const CAME_BYTES: usize = 300;

/// A block that was not taken in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {} has {}: expected {}, came {}{}", .check.name(), .subject, line(.what, CAME_BYTES), line(.expected, CAME_BYTES), line(.came, CAME_BYTES), .advice.as_ref().map(|advice| format!("; {advice}")).unwrap_or_default())]
pub struct Refusal {
    /// Which check it did not pass.
    pub check: Check,
    /// Which block: `block 17 (0x…)`, or `a block` where not even that is known.
    pub subject: String,
    /// What of it: `a wrong hash`, `another sender in transaction 3`, …
    pub what: String,
    /// What was expected.
    pub expected: String,
    /// What came.
    pub came: String,
    /// What to do, where it is not the node's fault.
    pub advice: Option<String>,
}

impl Refusal {
    /// Refuses a block that is not known by name yet.
    pub fn new(check: Check, what: impl Into<String>, expected: impl ToString, came: impl ToString) -> Self {
        Self {
            check,
            subject: "a block".into(),
            what: what.into(),
            expected: expected.to_string(),
            came: came.to_string(),
            advice: None,
        }
    }

    /// Refuses JSON that could not be read, and names the member at which the reader stopped.
    pub fn shape(what: &str, json: &str, error: &serde_json::Error) -> Self {
        match member_at(json, error) {
            Some(member) => Self::new(Check::Shape, format!("unreadable {what}"), format!("a good `{member}`"), error),
            None => Self::new(Check::Shape, format!("unreadable {what}"), format!("{what} in JSON-RPC shape"), error),
        }
    }

    /// Refuses one member that could not be read.
    pub fn member(what: &str, member: &str, came: &str, error: &serde_json::Error) -> Self {
        let came = line(came, 80);
        Self::new(Check::Shape, format!("unreadable {what}"), format!("a good `{member}` ({error})"), came)
    }

    /// Names the block that is refused.
    pub fn of(mut self, number: u64, hash: B256) -> Self {
        self.subject = format!("block {number} ({hash})");
        self
    }

    /// Adds what to do.
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// Adds the level of verification that does without the check, unless there is advice already.
    pub fn advise_level(self, level: Verification) -> Self {
        let lower = match self.check {
            // What is read at every level, and what no level does without.
            Check::Shape | Check::OtherBlock | Check::ParentHash | Check::Traces | Check::Storage => return self,
            Check::ReceiptCount => Verification::None,
            Check::TransactionHash | Check::TransactionsRoot | Check::Sender => Verification::Header,
            Check::ReceiptsRoot | Check::GasUsed | Check::Created => Verification::Header,
            Check::BlockHash | Check::Bloom | Check::TransactionIndex => Verification::Links,
            Check::ReceiptTransaction | Check::LogPlace => Verification::Links,
        };
        if lower < level { self.suggest(lower) } else { self }
    }

    /// Adds a level that does without what could not be read, unless there is advice already.
    pub fn suggest(self, level: Verification) -> Self {
        let name = match level {
            Verification::None => "none",
            Verification::Links => "links",
            Verification::Header => "header",
            Verification::Full => "full",
        };
        if self.advice.is_some() {
            return self;
        }
        self.advise(format!(
            "if the chain's other nodes answer the same, it has rules of its own: set `verify = \"{name}\"` for it"
        ))
    }
}

/// Returns the name of the last member that begins before the place of an error.
fn member_at<'a>(json: &'a str, error: &serde_json::Error) -> Option<&'a str> {
    let line = error.line().checked_sub(1)?;
    let before: usize = json.split_inclusive('\n').take(line).map(str::len).sum();
    let read = json.get(..(before + error.column()).min(json.len()))?;
    let colon = read.rfind("\":")?;
    let name = read[..colon].rsplit('"').next()?;
    Some(name).filter(|name| !name.is_empty() && name.len() < 40)
}

/// Refuses if two things that must be the same are not.
pub(super) fn same<T: PartialEq + ToString>(
    check: Check,
    what: impl FnOnce() -> String,
    expected: T,
    came: T,
) -> Result<(), Refusal> {
    if expected == came { Ok(()) } else { Err(Refusal::new(check, what(), expected, came)) }
}
