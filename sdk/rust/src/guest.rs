//! Between the generated bindings and [`Detector`](crate::Detector): only moves, no decisions.

use std::sync::Once;

pub use crate::bindings::exports::watchfire::detector::guest::{
    Batch, ConfigError, Finding, Guest, Manifest, Subscription,
};
use crate::bindings::watchfire::detector::types as wit;
use crate::{Detector, Severity, log};

/// Writes a panic's message and place to the operator's log before the trap hides both.
fn tell_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| std::panic::set_hook(Box::new(|panic| log::error(&panic.to_string()))));
}

pub fn describe<D: Detector>() -> Manifest {
    tell_panics();
    let manifest = D::manifest();
    Manifest {
        config_schema: crate::schema::of::<D::Config>(),
        name: manifest.name,
        version: manifest.version,
        summary: manifest.summary,
        finding_kinds: manifest
            .finding_kinds
            .into_iter()
            .map(|kind| wit::FindingKind {
                id: kind.id,
                default_severity: kind.default_severity.into(),
                description: kind.description,
                runbook_url: kind.runbook_url,
            })
            .collect(),
        capabilities: manifest.capabilities.into_iter().map(|capability| capability.name().to_owned()).collect(),
    }
}

pub fn start<D: Detector>(slot: &mut Option<D>, config: &str) -> Result<Vec<Subscription>, ConfigError> {
    tell_panics();
    let told = |error: crate::ConfigError| ConfigError { key: error.key, message: error.message };
    let config = crate::parse_config(config).map_err(told)?;
    let (detector, subscriptions) = D::start(config).map_err(told)?;
    *slot = Some(detector);
    Ok(subscriptions.into_iter().map(Into::into).collect())
}

pub fn on_batch<D: Detector>(detector: Option<&mut D>, batch: &Batch) -> Result<Vec<Finding>, String> {
    let detector = detector.ok_or("`start` comes before `on-batch`")?;
    let findings = detector.on_batch(&crate::Batch::new(batch)).map_err(|error| error.to_string())?;
    Ok(findings.into_iter().map(Into::into).collect())
}

impl From<Severity> for wit::Severity {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Info => Self::Info,
            Severity::Low => Self::Low,
            Severity::Medium => Self::Medium,
            Severity::High => Self::High,
            Severity::Critical => Self::Critical,
        }
    }
}

impl From<wit::Severity> for Severity {
    fn from(severity: wit::Severity) -> Self {
        match severity {
            wit::Severity::Info => Self::Info,
            wit::Severity::Low => Self::Low,
            wit::Severity::Medium => Self::Medium,
            wit::Severity::High => Self::High,
            wit::Severity::Critical => Self::Critical,
        }
    }
}

fn lists<T: AsRef<[u8]>>(rows: Vec<T>) -> Vec<Vec<u8>> {
    rows.into_iter().map(|row| row.as_ref().to_vec()).collect()
}

impl From<crate::TransactionFilter> for wit::TransactionFilter {
    fn from(filter: crate::TransactionFilter) -> Self {
        Self {
            recipients: lists(filter.recipients),
            selectors: lists(filter.selectors),
            senders: lists(filter.senders),
        }
    }
}

impl From<crate::Subscription> for Subscription {
    fn from(subscription: crate::Subscription) -> Self {
        use crate::Subscription as S;
        match subscription {
            S::Logs(filter) => Self::Logs(wit::LogFilter {
                addresses: lists(filter.addresses),
                topics: filter.topics.into_iter().map(lists).collect(),
            }),
            S::Transactions(filter) => Self::Transactions(filter.into()),
            S::Frames(filter) => Self::Frames(wit::FrameFilter {
                targets: lists(filter.targets),
                selectors: lists(filter.selectors),
                kinds: filter.kinds.iter().map(|kind| kind.name().to_owned()).collect(),
                with_value: filter.with_value,
            }),
            S::Storage(filter) => {
                Self::Storage(wit::StorageFilter { addresses: lists(filter.addresses), slots: lists(filter.slots) })
            }
            S::Creations => Self::Creations,
            S::Feed(name) => Self::Feed(name),
            S::Findings(filter) => {
                Self::Findings(wit::FindingFilter { detectors: filter.detectors, kinds: filter.kinds })
            }
            S::EveryBlocks(count) => Self::EveryBlocks(count),
            S::EverySeconds(span_s) => Self::EverySeconds(span_s),
            S::Pending(filter) => Self::Pending(filter.into()),
        }
    }
}

impl From<crate::Finding> for Finding {
    fn from(finding: crate::Finding) -> Self {
        Self {
            kind: finding.kind,
            severity: finding.severity.into(),
            confidence_percent: finding.confidence_percent,
            title: finding.title,
            description: finding.description,
            subject: wit::Subject { kind: finding.subject.kind, id: finding.subject.id },
            transactions: lists(finding.transactions),
            logs: finding
                .logs
                .into_iter()
                .map(|log| wit::LogReference { block_number: log.block_number, log_index: log.log_index })
                .collect(),
            amounts: finding
                .amounts
                .into_iter()
                .map(|amount| wit::Amount { asset: amount.asset, value: amount.value })
                .collect(),
            attributes: finding.attributes,
            condition_key: finding.condition_key,
        }
    }
}

impl From<Finding> for crate::Finding {
    fn from(finding: Finding) -> Self {
        Self {
            kind: finding.kind,
            severity: finding.severity.into(),
            confidence_percent: finding.confidence_percent,
            title: finding.title,
            description: finding.description,
            subject: crate::finding::Subject { kind: finding.subject.kind, id: finding.subject.id },
            transactions: finding
                .transactions
                .iter()
                .filter_map(|hash| alloy_primitives::B256::try_from(hash.as_slice()).ok())
                .collect(),
            logs: finding
                .logs
                .into_iter()
                .map(|log| crate::finding::LogReference { block_number: log.block_number, log_index: log.log_index })
                .collect(),
            amounts: finding
                .amounts
                .into_iter()
                .map(|amount| crate::finding::Amount { asset: amount.asset, value: amount.value })
                .collect(),
            attributes: finding.attributes,
            condition_key: finding.condition_key,
        }
    }
}
