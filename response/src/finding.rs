//! What detectors claim, and what the host makes of a claim.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::chain::{Assurance, BlockRef, Finality};
use crate::digest::Hasher;

/// The id under which the host itself reports that the watch is weakened.
pub const COVERAGE: &str = "watchfire/coverage";

/// Detector id of the host's own findings about people's hands on the watch: what was removed, weakened, silenced or halted, and a
/// journal that was changed. They stand apart from coverage, so that no plan that answers a gap answers a change by itself.
pub const WATCH: &str = "watchfire/watch";

/// Whether a detector id is the host's own.
pub fn is_own(detector: &str) -> bool {
    [COVERAGE, WATCH].contains(&detector)
}

/// How bad it would be if the finding is true.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth a line.
    Info,
    /// Worth a look.
    Low,
    /// Worth a look today.
    Medium,
    /// Worth waking somebody.
    High,
    /// Worth waking everybody.
    Critical,
}

impl std::fmt::Display for Severity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Severity::Info => "info",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        })
    }
}

/// What a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Subject {
    /// `address`, `pool`, `role`, `feed`, …
    pub kind: String,
    /// Which one.
    pub id: String,
}

/// A log on the chain of the finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogReference {
    /// Height of its block.
    pub block_number: u64,
    /// Position among the logs of its block.
    pub log_index: u32,
}

/// How much of what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Amount {
    /// `native`, a token's `0x…` address, or a label such as `usd`.
    pub asset: String,
    /// Decimal digits in the asset's smallest unit, with a leading `-` if negative.
    pub value: String,
}

/// What a detector claims, as it crossed the boundary: bounded in length and free of control characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// One of the kinds that the detector's manifest declares.
    pub kind: String,
    /// How bad.
    pub severity: Severity,
    /// How sure, 0 to 100.
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
    /// Anything else, in the detector's order.
    pub attributes: Vec<(String, String)>,
    /// Findings of one kind about one subject with the same key are one condition.
    pub condition_key: String,
}

/// A claim with its place in the log and what stands behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Hash of the detector, its digest, the block or input that it came from, and its position there.
    pub id: B256,
    /// Hash of detector, kind, chain, subject and condition key: the same condition, seen again.
    pub fingerprint: B256,
    /// The detector's id in the config.
    pub detector: String,
    /// SHA-256 of the component that made it; zero for the host's own.
    pub digest: B256,
    /// The block under inspection; `None` if no chain was involved.
    pub block: Option<BlockRef>,
    /// Chain time of that block or the feed's own time, milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// When the host took in the input that caused it, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// What was checked of the block.
    pub assurance: Option<Assurance>,
    /// How settled the block was when it was found; `None` if no chain was involved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finality: Option<Finality>,
    /// What the detector claims.
    #[serde(flatten)]
    pub claim: Claim,
}

/// Where a claim was made; with the claim it makes a [`Finding`].
#[derive(Clone, Debug)]
pub struct Origin<'a> {
    /// The detector's id in the config.
    pub detector: &'a str,
    /// SHA-256 of the component.
    pub digest: B256,
    /// Hash that distinguishes this input from every other: a block's hash, or a hash of the observation.
    pub input: B256,
    /// The block under inspection.
    pub block: Option<BlockRef>,
    /// Chain time, milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// When the host took in the input, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// What was checked of the block.
    pub assurance: Option<Assurance>,
    /// How settled the block is.
    pub finality: Option<Finality>,
}

impl Finding {
    /// Returns the id of the `position`-th claim that a detector makes of an input.
    pub fn id_of(detector: &str, digest: B256, input: B256, position: usize) -> B256 {
        Hasher::new("finding")
            .text(detector)
            .bytes(digest.as_slice())
            .bytes(input.as_slice())
            .number(position as u64)
            .finish()
    }

    /// Makes a finding of the `position`-th claim of one input.
    pub fn place(origin: &Origin<'_>, position: usize, claim: Claim) -> Self {
        let id = Self::id_of(origin.detector, origin.digest, origin.input, position);
        let fingerprint = fingerprint(origin.detector, origin.block, &claim);
        Self {
            id,
            fingerprint,
            detector: origin.detector.to_owned(),
            digest: origin.digest,
            block: origin.block,
            time_ms: origin.time_ms,
            at_ms: origin.at_ms,
            assurance: origin.assurance.clone(),
            finality: origin.finality,
            claim,
        }
    }

    /// Returns the same finding as another detector's.
    pub fn by(self, detector: &str) -> Self {
        let fingerprint = fingerprint(detector, self.block, &self.claim);
        Self { detector: detector.to_owned(), fingerprint, ..self }
    }
}

fn fingerprint(detector: &str, block: Option<BlockRef>, claim: &Claim) -> B256 {
    Hasher::new("fingerprint")
        .text(detector)
        .text(&claim.kind)
        .number(block.map_or(0, |block| block.chain))
        .text(&claim.subject.kind)
        .text(&claim.subject.id)
        .text(&claim.condition_key)
        .finish()
}
