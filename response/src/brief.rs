//! What an effect says of its incident, for machines and for whoever reads a page: the worst, how much, and what shows it.

use alloy_primitives::B256;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::chain::ChainId;
use crate::finding::{Amount, Finding, Severity};
use crate::foreign::tame;

/// How many findings an incident shows as its evidence: the newest of each kind.
pub const EVIDENCE_KEPT: usize = 6;
/// How many transactions and attributes of one finding are shown.
const PARTS_KEPT: usize = 12;

/// A finding as evidence of an incident: where it was seen, and by what. Its words are a detector's, made harmless: the
/// finding has them as they came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Id of the finding.
    #[schemars(with = "String")]
    pub finding: B256,
    /// The detector's id in the config.
    pub detector: String,
    /// One of the kinds that the detector declares.
    pub kind: String,
    /// How bad.
    pub severity: Severity,
    /// One line.
    pub title: String,
    /// What was seen and why it matters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// EIP-155 id of the chain; `None` if no chain was involved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<ChainId>,
    /// Height of the block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<u64>,
    /// Chain time of the block, milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// When the host took it in, milliseconds since the Unix epoch. Long after `time_ms`, the host was away or behind.
    pub at_ms: u64,
    /// What it is about, as `address:0x…`.
    pub subject: String,
    /// Hashes of transactions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub transactions: Vec<B256>,
    /// How much is at stake or moved, in the smallest unit of each asset.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amounts: Vec<Amount>,
    /// What the detector says besides, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<(String, String)>,
}

impl Evidence {
    /// Makes evidence of a finding.
    pub fn of(finding: &Finding) -> Self {
        let claim = &finding.claim;
        Self {
            finding: finding.id,
            detector: finding.detector.clone(),
            kind: claim.kind.clone(),
            severity: claim.severity,
            title: tame(&claim.title),
            description: tame(&claim.description),
            chain: finding.block.map(|block| block.chain),
            block: finding.block.map(|block| block.number),
            time_ms: finding.time_ms,
            at_ms: finding.at_ms,
            subject: tame(&format!("{}:{}", claim.subject.kind, claim.subject.id)),
            transactions: claim.transactions.iter().take(PARTS_KEPT).copied().collect(),
            amounts: claim.amounts.iter().take(PARTS_KEPT).cloned().collect(),
            attributes: claim
                .attributes
                .iter()
                .take(PARTS_KEPT)
                .map(|(name, value)| (tame(name), tame(value)))
                .collect(),
        }
    }
}

/// Returns who did something, by the attributes that detectors name so.
pub fn actor_of(attributes: &[(String, String)]) -> Option<&str> {
    let value = |name: &&str| attributes.iter().find(|(key, _)| key == *name).map(|(_, value)| value.as_str());
    ACTORS.iter().find_map(value)
}

/// Attributes that say who did something, the surest first.
const ACTORS: [&str; 4] = ["actor", "by", "recipient", "new-owner"];

/// How much of one asset is lost or moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Loss {
    /// `native`, a token's `0x…` address, or a label, as findings name it.
    pub asset: String,
    /// Decimal digits in the asset's smallest unit.
    pub amount: String,
    /// The same as people read it, as `8,460,000 hUSD`.
    pub text: String,
    /// What that is worth in whole US dollars, by the plan's price; `None` if the plan has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worth_usd: Option<String>,
}

/// What is known of an incident at the moment of an effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Brief {
    /// Name of the protocol, by its plan; may be empty.
    pub protocol: String,
    /// One line that says the worst.
    pub title: String,
    /// How grave it is.
    pub severity: Severity,
    /// What is lost or moved so far.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loss: Vec<Loss>,
    /// How many conditions are live.
    pub findings: u64,
    /// How many more conditions were counted and not kept: what is lost is at least what is said then.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub uncounted: u64,
    /// How many times a live condition was seen again.
    pub duplicates: u64,
    /// Id of the person who has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acked_by: Option<String>,
    /// Incidents that are related to it, by number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<u64>,
    /// The newest finding of each kind, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// Links to transactions and addresses, by the plan's templates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
    /// The signal's runbook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runbook: Option<String>,
    /// What to type next.
    pub next: String,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}
