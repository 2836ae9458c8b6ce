//! What comes a few at a time, as plain records.

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

use super::{Host, address};
use crate::decimal::{Decimal, DecimalError};
use crate::finding::Finding;

/// A contract that came into being.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Creation {
    /// Position of its transaction in the block.
    pub transaction_index: u32,
    /// Who made it.
    pub creator: Address,
    /// Where it is.
    pub address: Address,
}

/// What a feed said, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// The feed's name in the operator's config.
    pub feed: String,
    /// When it was true by the feed's own account, milliseconds since the Unix epoch.
    pub observed_at_ms: u64,
    /// When the host took it in, milliseconds since the Unix epoch.
    pub received_at_ms: u64,
    /// `number`, `text`, `boolean` or `json`.
    pub kind: String,
    /// The value as text.
    pub value: String,
}

impl Observation {
    /// The value as an exact number; an error where the feed said something else.
    pub fn number(&self) -> Result<Decimal, DecimalError> {
        self.value.parse()
    }
}

/// What another detector found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    /// The detector's id in the operator's config.
    pub detector: String,
    /// The finding's id.
    pub id: String,
    /// What it claims.
    pub finding: Finding,
}

pub(super) fn creations(host: &Host) -> Vec<Creation> {
    host.creations()
        .into_iter()
        .map(|row| Creation {
            transaction_index: row.transaction_index,
            creator: address(row.creator.as_ref()),
            address: address(row.address.as_ref()),
        })
        .collect()
}

pub(super) fn observations(host: &Host) -> Vec<Observation> {
    host.observations()
        .into_iter()
        .map(|row| Observation {
            feed: row.feed,
            observed_at_ms: row.observed_at_ms,
            received_at_ms: row.received_at_ms,
            kind: row.kind,
            value: row.value,
        })
        .collect()
}

// Off wasm the host's finding is of this type already.
#[allow(clippy::useless_conversion)]
pub(super) fn findings(host: &Host) -> Vec<Reported> {
    host.findings()
        .into_iter()
        .map(|row| Reported { detector: row.detector, id: row.id, finding: Finding::from(row.finding) })
        .collect()
}
