//! Whether an answer can be trusted. Thresholds are decided in whole numbers.

use watchfire_sdk::batch::Log;
use watchfire_sdk::prelude::*;

use crate::config::Pair;
use crate::memory::{Answer, Memory, More, Said};

/// One pair at one batch.
pub(crate) struct Case<'a> {
    pub(crate) pair: &'a Pair,
    pub(crate) memory: &'a mut Memory,
    pub(crate) more: &'a More,
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
        let Some(answer) = self.memory.answer.filter(|answer| answer.value.is_positive()) else { return };
        let price = Decimal::from_signed_units(answer.value, self.pair.decimals);
        let Some(reference) = self.reference(&price) else { return };
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
            "The oracle answers {price}, {} says {reference}: {distance} basis points {side}, {limit_bps} are \
             allowed. Either the oracle is manipulated or late, or the feed is wrong.",
            self.pair.feeds_name()
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
            let heartbeat_s = self.pair.feed_heartbeat_s;
            let (what, description) = match self.pair.feeds().count() {
                1 => (
                    format!("feed `{}` is silent for {silent_s} s", self.pair.feed),
                    format!("The feed should speak every {heartbeat_s} s. Until it does, nothing checks the oracle."),
                ),
                all => {
                    let speak = self.ages_s().iter().filter(|(age_s, _)| *age_s <= heartbeat_s).count();
                    let quorum = self.pair.quorum();
                    (
                        format!("{speak} of {all} feeds speak, and {quorum} are needed, for {silent_s} s"),
                        format!("Each should speak every {heartbeat_s} s. Until enough do, nothing checks the oracle."),
                    )
                }
            };
            self.tell("feed-stale", Severity::Medium, what, description, None, &[("silent-s", silent_s.to_string())]);
        } else {
            self.memory.is_over("feed-stale");
        }
    }

    /// How long each feed is silent in chain time, and what it said last; from the first look on if it has never spoken. Those
    /// that spoke last come first.
    fn ages_s(&self) -> Vec<(u64, Option<&Said>)> {
        let more = self.pair.more_feeds.iter().map(|feed| self.more.0.get(feed));
        let all = std::iter::once(self.memory.said.as_ref()).chain(more);
        let age_s = |said: Option<&Said>| {
            let spoke_s = said.map_or(self.memory.since_s, |said| said.observed_at_ms / 1_000);
            self.now_s.saturating_sub(spoke_s)
        };
        let mut ages: Vec<(u64, Option<&Said>)> = all.map(|said| (age_s(said), said)).collect();
        ages.sort_by_key(|(age_s, _)| *age_s);
        ages
    }

    /// For how long fewer feeds speak than are needed.
    fn feed_silent_s(&self) -> u64 {
        self.ages_s().get(self.pair.quorum() - 1).map_or(u64::MAX, |(age_s, _)| *age_s)
    }

    /// The median of what feeds said, of those that are not silent for too long to hold anything against it. Of two in the middle, the
    /// one that is nearer to the answer: one feed that is wrong raises no alarm.
    fn reference(&self, answer: &Decimal) -> Option<Decimal> {
        let spoke = self.ages_s().into_iter().filter(|(age_s, _)| *age_s <= self.pair.feed_heartbeat_s);
        let mut prices: Vec<Decimal> = spoke.filter_map(|(_, said)| said?.price.parse().ok()).collect();
        if prices.len() < self.pair.quorum() {
            return None;
        }
        prices.sort_by(|one, other| one.partial_cmp(other).unwrap_or(std::cmp::Ordering::Equal));
        let (low, high) = (prices.get((prices.len() - 1) / 2)?, prices.get(prices.len() / 2)?);
        let is_nearer = answer.distance_bps(high) < answer.distance_bps(low);
        Some(if is_nearer { *high } else { *low })
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
