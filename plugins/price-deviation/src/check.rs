//! Whether an answer can be trusted. Thresholds are decided in whole numbers.

use watchfire_sdk::batch::Log;
use watchfire_sdk::prelude::*;

use crate::config::Pair;
use crate::memory::{Answer, Memory};

/// One pair at one batch.
pub(crate) struct Case<'a> {
    pub(crate) pair: &'a Pair,
    pub(crate) memory: &'a mut Memory,
    pub(crate) now_s: u64,
    pub(crate) findings: Vec<Finding>,
}

impl Case<'_> {
    /// The oracle answered.
    pub(crate) fn answered(&mut self, answer: Answer, log: Option<&Log<'_>>) {
        self.memory.answer = Some(answer);
        let price = Decimal::from_signed_units(answer.value, self.pair.decimals);
        let impossible = if !answer.value.is_positive() {
            Some((Severity::Critical, format!("it answers {price}, which is no price")))
        } else if answer.updated_at_s == 0 {
            Some((Severity::Critical, "its round is not complete".to_owned()))
        } else if answer.updated_at_s > self.now_s {
            let ahead_s = answer.updated_at_s - self.now_s;
            Some((Severity::High, format!("its answer is dated {ahead_s} s into the future")))
        } else {
            None
        };
        match impossible {
            Some((severity, what)) => {
                let description = "Whatever reads this oracle may take what can't be for a price.";
                self.tell(
                    "price-invalid",
                    severity,
                    what,
                    description.to_owned(),
                    log,
                    &[("answer", price.to_string())],
                );
            }
            None => self.memory.is_over("price-invalid"),
        }
        self.compared(log);
    }

    /// The oracle can't answer.
    pub(crate) fn unanswerable(&mut self, error: &dyn std::fmt::Display) {
        let description = format!("`latestRoundData` does not answer: {error}.");
        let what = "it does not answer".to_owned();
        self.tell("price-invalid", Severity::Critical, what, description, None, &[]);
    }

    /// Compares the last answer with what the feed said last, where both can be.
    pub(crate) fn compared(&mut self, log: Option<&Log<'_>>) {
        let (Some(answer), Some(reference)) = (self.memory.answer, self.reference()) else { return };
        if !answer.value.is_positive() {
            return;
        }
        let price = Decimal::from_signed_units(answer.value, self.pair.decimals);
        let limit_bps = self.pair.max_deviation_bps;
        if !price.is_further_than(&reference, limit_bps) {
            self.memory.is_over("price-divergence");
            return;
        }
        let twice = limit_bps.saturating_mul(2);
        let severity = if price.is_further_than(&reference, twice) { Severity::Critical } else { Severity::High };
        let distance = price.distance_bps(&reference).unwrap_or_default();
        let side = if price > reference { "above" } else { "below" };
        let what = format!("{price} on chain, {distance} bps {side} the feed's {reference}");
        let description = format!(
            "The oracle answers {price}, feed `{}` says {reference}: {distance} basis points {side}, {limit_bps} are \
             allowed. Either the oracle is manipulated or late, or the feed is wrong.",
            self.pair.feed
        );
        let attributes = [
            ("answer", price.to_string()),
            ("feed-price", reference.to_string()),
            ("deviation-bps", distance.to_string()),
            ("max-deviation-bps", limit_bps.to_string()),
        ];
        self.tell("price-divergence", severity, what, description, log, &attributes);
    }

    /// Time has passed: for the oracle's last answer, and for the feed.
    pub(crate) fn aged(&mut self) {
        if let Some(answer) = self.memory.answer {
            let age_s = self.now_s.saturating_sub(answer.updated_at_s);
            if age_s > self.pair.heartbeat_s && answer.updated_at_s != 0 {
                let what = format!("no answer for {age_s} s");
                let description = format!(
                    "The oracle's last answer is {age_s} s old, and it should answer every {} s. Whatever reads it \
                     acts on an old price.",
                    self.pair.heartbeat_s
                );
                let severity = if age_s / 3 > self.pair.heartbeat_s { Severity::Critical } else { Severity::High };
                self.tell("price-stale", severity, what, description, None, &[("age-s", age_s.to_string())]);
            } else {
                self.memory.is_over("price-stale");
            }
        }
        let silent_s = self.feed_silent_s();
        if silent_s > self.pair.feed_heartbeat_s {
            let what = format!("feed `{}` is silent for {silent_s} s", self.pair.feed);
            let description = format!(
                "The feed should speak every {} s. Until it does, nothing checks the oracle.",
                self.pair.feed_heartbeat_s
            );
            self.tell("feed-stale", Severity::Medium, what, description, None, &[("silent-s", silent_s.to_string())]);
        } else {
            self.memory.is_over("feed-stale");
        }
    }

    /// How long the feed is silent in chain time; from the first look on where it has never spoken.
    fn feed_silent_s(&self) -> u64 {
        let spoke_s = self.memory.said.as_ref().map_or(self.memory.since_s, |said| said.observed_at_ms / 1_000);
        self.now_s.saturating_sub(spoke_s)
    }

    /// What the feed said last, unless that is too long ago to hold anything against it.
    fn reference(&self) -> Option<Decimal> {
        let said = self.memory.said.as_ref()?;
        (self.feed_silent_s() <= self.pair.feed_heartbeat_s).then(|| said.price.parse().ok()).flatten()
    }

    fn tell(
        &mut self,
        kind: &str,
        severity: Severity,
        what: String,
        description: String,
        log: Option<&Log<'_>>,
        attributes: &[(&str, String)],
    ) {
        if !self.memory.is_to_be_told(kind, severity, self.now_s) {
            return;
        }
        let mut finding = Finding::new(kind, severity, Subject::address(self.pair.aggregator))
            .title(format!("{}: {what}", self.pair.name))
            .description(description)
            .condition_key(&self.pair.name)
            .attribute("pair", &self.pair.name)
            .attribute("feed", &self.pair.feed);
        for (name, value) in attributes {
            finding = finding.attribute(name, value);
        }
        self.findings.push(match log {
            Some(log) => finding.evidence(log),
            None => finding,
        });
    }
}
