//! What a rule claims of a transaction.

use watchfire_sdk::flow::Party;
use watchfire_sdk::prelude::*;

/// What a rule claims of a transaction, before it becomes a finding.
pub(crate) struct Claim {
    pub(crate) kind: &'static str,
    pub(crate) severity: Severity,
    pub(crate) confidence_percent: u8,
    /// The contract that is attacked; the sender where none is known.
    pub(crate) victim: Party,
    /// After "The transaction …".
    pub(crate) what: String,
    pub(crate) attributes: Vec<(&'static str, String)>,
}

impl Claim {
    pub(crate) fn new(kind: &'static str, severity: Severity, victim: Party, what: String) -> Self {
        Self { kind, severity, confidence_percent: 90, victim, what, attributes: Vec::new() }
    }

    pub(crate) fn confidence(mut self, percent: u8) -> Self {
        self.confidence_percent = percent;
        self
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.attributes.push((name, value.to_string()));
        self
    }
}

/// A selector as people write it.
pub(crate) fn hex(selector: u32) -> String {
    format!("0x{selector:08x}")
}
