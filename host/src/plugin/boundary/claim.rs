//! Findings as they come out of a guest: checked against the manifest, bounded, and cleaned.

use alloy::primitives::B256;

use crate::failure_kind::FailureKind;
use crate::finding::{Amount, Claim, LogReference, Subject};
use crate::plugin::boundary::bindings::watchfire::detector::types;
use crate::plugin::boundary::manifest::{Manifest, severity};
use crate::plugin::failure::Failure;
use crate::plugin::limits::Limits;
use crate::plugin::text::{line, lines};

/// Most rows of evidence, amounts and attributes of one finding, each.
const ROWS_AT_MOST: usize = 256;
const WORD_BYTES: usize = 256;
const TITLE_BYTES: usize = 512;

/// All findings of one batch; one that can't be fails the batch, for what else it says can't be trusted either.
pub(in crate::plugin) fn claims(
    findings: Vec<types::Finding>,
    manifest: &Manifest,
    limits: &Limits,
) -> Result<Vec<Claim>, Failure> {
    if findings.len() > limits.findings_per_batch {
        let message = format!("{} findings on one batch, {} are allowed", findings.len(), limits.findings_per_batch);
        return Err(Failure::new(FailureKind::Findings, message));
    }
    let bytes: usize = findings.iter().map(size).sum();
    if bytes > limits.findings_bytes_per_batch {
        let message =
            format!("findings of {bytes} bytes on one batch, {} are allowed", limits.findings_bytes_per_batch);
        return Err(Failure::new(FailureKind::Findings, message));
    }
    findings.into_iter().map(|finding| claim(finding, manifest, limits)).collect()
}

fn claim(finding: types::Finding, manifest: &Manifest, limits: &Limits) -> Result<Claim, Failure> {
    let kind = line(&finding.kind, WORD_BYTES);
    let invalid = |message: String| Err(Failure::new(FailureKind::InvalidFinding, format!("{kind}: {message}")));
    if !manifest.finding_kinds.iter().any(|declared| declared.id == finding.kind) {
        let message = format!("it found `{kind}`, which its manifest does not declare");
        return Err(Failure::new(FailureKind::UndeclaredKind, message));
    }
    let size = size(&finding);
    if size > limits.finding_bytes {
        return invalid(format!("{size} bytes of text, {} are allowed", limits.finding_bytes));
    }
    if finding.confidence_percent > 100 {
        return invalid(format!("a confidence of {} percent", finding.confidence_percent));
    }
    let rows = [finding.transactions.len(), finding.logs.len(), finding.amounts.len(), finding.attributes.len()];
    if let Some(rows) = rows.into_iter().find(|rows| *rows > ROWS_AT_MOST) {
        return invalid(format!("a list of {rows}, {ROWS_AT_MOST} are allowed"));
    }
    let mut transactions = Vec::with_capacity(finding.transactions.len());
    for hash in &finding.transactions {
        match B256::try_from(hash.as_slice()) {
            Ok(hash) => transactions.push(hash),
            Err(_) => return invalid(format!("a transaction hash of {} bytes", hash.len())),
        }
    }
    if let Some(amount) = finding.amounts.iter().find(|amount| !is_whole(&amount.value)) {
        return invalid(format!("an amount of `{}`, which is no whole number", line(&amount.value, WORD_BYTES)));
    }
    Ok(Claim {
        severity: severity(finding.severity),
        confidence_percent: finding.confidence_percent,
        title: line(&finding.title, TITLE_BYTES),
        description: lines(&finding.description, limits.finding_bytes),
        subject: Subject { kind: line(&finding.subject.kind, WORD_BYTES), id: line(&finding.subject.id, WORD_BYTES) },
        transactions,
        logs: finding
            .logs
            .into_iter()
            .map(|log| LogReference { block_number: log.block_number, log_index: log.log_index })
            .collect(),
        amounts: finding
            .amounts
            .into_iter()
            .map(|amount| Amount { asset: line(&amount.asset, WORD_BYTES), value: amount.value })
            .collect(),
        attributes: finding
            .attributes
            .into_iter()
            .map(|(key, value)| (line(&key, WORD_BYTES), line(&value, TITLE_BYTES)))
            .collect(),
        condition_key: line(&finding.condition_key, TITLE_BYTES),
        kind,
    })
}

fn size(finding: &types::Finding) -> usize {
    let amounts: usize = finding.amounts.iter().map(|amount| amount.asset.len() + amount.value.len()).sum();
    let attributes: usize = finding.attributes.iter().map(|(key, value)| key.len() + value.len()).sum();
    [&finding.kind, &finding.title, &finding.description, &finding.subject.kind, &finding.subject.id]
        .into_iter()
        .map(String::len)
        .sum::<usize>()
        + finding.condition_key.len()
        + finding.transactions.iter().map(Vec::len).sum::<usize>()
        + finding.logs.len() * 12
        + amounts
        + attributes
}

/// Decimal digits, with a leading `-` where negative; no more than a 256-bit number has.
fn is_whole(value: &str) -> bool {
    let digits = value.strip_prefix('-').unwrap_or(value);
    !digits.is_empty() && digits.len() <= 78 && digits.bytes().all(|byte| byte.is_ascii_digit())
}
