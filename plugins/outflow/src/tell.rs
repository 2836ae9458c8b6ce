//! The findings.

use std::collections::BTreeMap;

use watchfire_sdk::prelude::*;

use crate::config::{AssetId, Rules, Tracked, Watched};
use crate::flow::{BUCKETS, Flow};

/// Most logs and transactions that one finding names.
const EVIDENCE_AT_MOST: usize = 20;

/// An outflow within the window.
pub(crate) struct Case<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) watched: &'a Watched,
    /// `None` where every token counts.
    pub(crate) tracked: Option<&'a Tracked>,
    pub(crate) flow: &'a Flow,
    /// In smallest units.
    pub(crate) out: U256,
}

impl Case<'_> {
    /// The finding, where the outflow is over the asset's limit.
    pub(crate) fn over_limit(&self, batch: &Batch<'_>) -> Option<Finding> {
        let limit = self.tracked?.limit.filter(|&limit| self.out > limit)?;
        let severity =
            if self.out >= limit.saturating_mul(U256::from(2)) { Severity::Critical } else { Severity::High };
        let (out, limit_text) = (self.amount(self.out), self.amount(limit));
        let description = format!(
            "{out} left {} within {} s, inflows deducted; the limit is {limit_text}.",
            self.watched.label, self.rules.window_s
        );
        Some(
            self.finding("outflow-limit", severity, batch)
                .title(format!("{}: {out} out, over the limit of {limit_text}", self.watched.label))
                .description(description)
                .attribute("limit", limit)
                .attribute("percent-of-limit", percent(self.out, limit)),
        )
    }

    /// The finding, where the outflow is far over what usually leaves within a window.
    pub(crate) fn unusual(&self, batch: &Batch<'_>, usual: U256) -> Option<Finding> {
        let rule = self.rules.history.as_ref()?;
        if !exceeds(self.out, usual, &rule.multiple, 1) {
            return None;
        }
        let severity = if exceeds(self.out, usual, &rule.multiple, 3) { Severity::High } else { Severity::Medium };
        let (out, usual_text) = (self.amount(self.out), self.amount(usual));
        let description = format!(
            "{out} left {} within {} s, inflows deducted; past windows had {usual_text} on average, and {} times that is \
             unusual.",
            self.watched.label, self.rules.window_s, rule.multiple
        );
        Some(
            self.finding("outflow-unusual", severity, batch)
                .confidence(70)
                .title(format!("{}: {out} out, usually {usual_text}", self.watched.label))
                .description(description)
                .attribute("usual", usual)
                .attribute("percent-of-usual", percent(self.out, usual)),
        )
    }

    fn finding(&self, kind: &str, severity: Severity, batch: &Batch<'_>) -> Finding {
        let asset = self.flow.asset;
        let mut finding = Finding::new(kind, severity, Subject::address(self.watched.address))
            .condition_key(asset)
            .amount(asset, self.out)
            .attribute("label", &self.watched.label)
            .attribute("asset", self.tracked.map_or_else(|| asset.to_string(), |tracked| tracked.symbol.clone()))
            .attribute("window-s", self.rules.window_s)
            .attribute("covers-s", self.rules.window_s.saturating_add(self.rules.window_s.div_ceil(BUCKETS.into())));
        let mut received: BTreeMap<Address, U256> = BTreeMap::new();
        match asset {
            AssetId::Token(token) => {
                let leaves = |log: &watchfire_sdk::batch::Log<'_>| {
                    let gives = matches!(log.topic_count(), 2 | 3);
                    log.address() == token && gives && log.topic_address(1) == self.watched.address
                };
                for log in batch.logs().filter(leaves).take(EVIDENCE_AT_MOST) {
                    finding = finding.evidence(&log);
                }
                for log in batch.logs().filter(leaves).filter(|log| log.topic_count() == 3) {
                    let value = log.data().first_chunk::<32>().map_or(U256::ZERO, |value| U256::from_be_bytes(*value));
                    add(&mut received, log.topic_address(2), value);
                }
            }
            AssetId::Native => {
                let leaves = |frame: &watchfire_sdk::batch::Frame<'_>| {
                    frame.sender() == self.watched.address && frame.kind().moves_value() && frame.success()
                };
                for frame in batch.frames().filter(leaves).take(EVIDENCE_AT_MOST) {
                    finding = finding.frame_evidence(&frame);
                }
                for frame in batch.frames().filter(leaves) {
                    add(&mut received, frame.target(), frame.value());
                }
            }
        }
        received.remove(&self.watched.address);
        // Of those who got as much, the one with the lowest address: the same blocks give the same words.
        let most = received.iter().rev().max_by_key(|(_, amount)| **amount).map(|(recipient, _)| *recipient);
        match (most, received.len()) {
            (None, _) => finding,
            (Some(recipient), 1) => finding.attribute("recipient", recipient),
            (Some(recipient), all) => finding.attribute("recipient", recipient).attribute("other-recipients", all - 1),
        }
    }

    fn amount(&self, value: U256) -> String {
        match self.tracked {
            Some(tracked) => format!("{} {}", Decimal::from_units(value, tracked.decimals), tracked.symbol),
            None => format!("{value} units of {}", self.flow.asset),
        }
    }
}

fn add(received: &mut BTreeMap<Address, U256>, recipient: Address, amount: U256) {
    let sum = received.entry(recipient).or_default();
    *sum = sum.saturating_add(amount);
}

/// Whether `out` is more than `times` times `multiple` times `usual`.
fn exceeds(out: U256, usual: U256, multiple: &Decimal, times: u64) -> bool {
    Decimal::from_units(out, 0) > multiple.times(usual).times(U256::from(times))
}

fn percent(part: U256, whole: U256) -> U256 {
    part.saturating_mul(U256::from(100)).checked_div(whole).unwrap_or(U256::MAX)
}
