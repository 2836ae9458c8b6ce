//! What feeds say, and what other detectors find.

use watchfire_sdk::prelude::*;

use crate::judge::{Candidate, Judge};
use crate::language::{Number, Scope, Type, Value};
use crate::memory::Level;
use crate::rule::Rule;
use crate::trigger::common::{Commons, Origin, Senders};

/// Rules on feeds.
pub struct Feeds {
    /// Names of their values.
    pub scope: Scope,
    commons: Commons,
    /// Positions of the rules, and the feed of each.
    pub rules: Vec<(usize, String)>,
}

/// Rules on findings of others.
pub struct Others {
    /// Names of their values.
    pub scope: Scope,
    commons: Commons,
    /// Positions of the rules, and the detector and kind that each is about.
    pub rules: Vec<(usize, Option<String>, Option<String>)>,
}

impl Default for Feeds {
    fn default() -> Self {
        let mut scope = Scope::default();
        for (name, of) in [
            ("value", Type::Number),
            ("text", Type::Text),
            ("before", Type::Number),
            ("change", Type::Number),
            ("change_percent", Type::Number),
            ("age_s", Type::Number),
        ] {
            scope.add(name, of);
        }
        let commons = Commons::add(&mut scope, false, false);
        Self { scope, commons, rules: Vec::new() }
    }
}

impl Feeds {
    /// What they want to see.
    pub fn settle(&self) -> Vec<Subscription> {
        self.rules.iter().map(|(_, feed)| Subscription::Feed(feed.clone())).collect()
    }

    /// Judges what was said.
    ///
    /// # Errors
    ///
    /// If the state can't be read.
    pub fn look(&self, batch: &Batch<'_>, senders: &Senders, judge: &mut Judge<'_>) -> Result<(), state::StateError> {
        if self.rules.is_empty() {
            return Ok(());
        }
        for row in batch.observations() {
            for (position, _) in self.rules.iter().filter(|(_, feed)| *feed == row.feed) {
                let id = judge.rules[*position].id;
                let mut level = Level::load(id, row.feed.as_bytes())?;
                let number = Number::parse(&row.value);
                let value = number.clone().unwrap_or(Number::ZERO);
                let before = level.before().unwrap_or_else(|| value.clone());
                let mut values = vec![Value::Number(value.clone()), Value::text(&row.value)];
                values.extend(changes(&before, &value));
                let age_ms = row.received_at_ms.saturating_sub(row.observed_at_ms);
                values.push(Value::number(age_ms / 1_000));
                let origin = Origin { batch, transaction: None, contract: None, log_index: None, senders };
                self.commons.fill(&mut values, &origin);
                let candidate = Candidate {
                    shared: &values,
                    contract: None,
                    unique: &|| row.observed_at_ms.to_string(),
                    evidence: &|finding| finding.attribute("feed", &row.feed).attribute("value", &row.value),
                };
                judge.judge(*position, &candidate);
                if number.is_some() {
                    level.value = Some(row.value.clone());
                    level.save(id, row.feed.as_bytes())?;
                }
            }
        }
        Ok(())
    }
}

/// `before`, `change` and `change_percent`: 100 percent where it was nothing before.
pub(super) fn changes(before: &Number, value: &Number) -> [Value; 3] {
    let change = value.subtract(before).unwrap_or(Number::ZERO);
    let hundred = Number::Small(100);
    let percent = match (before == &Number::ZERO, change == Number::ZERO) {
        (true, true) => Number::ZERO,
        (true, false) => hundred,
        (false, _) => {
            before.absolute().and_then(|before| change.multiply(&hundred)?.divide(&before)).unwrap_or(Number::ZERO)
        }
    };
    [Value::Number(before.clone()), Value::Number(change), Value::Number(percent)]
}

impl Default for Others {
    fn default() -> Self {
        let mut scope = Scope::default();
        for (name, of) in [
            ("detector", Type::Text),
            ("kind", Type::Text),
            ("severity", Type::Text),
            ("severity_level", Type::Number),
            ("confidence", Type::Number),
            ("title", Type::Text),
            ("subject", Type::Text),
            ("amount", Type::Number),
            ("asset", Type::Text),
        ] {
            scope.add(name, of);
        }
        let commons = Commons::add(&mut scope, false, false);
        Self { scope, commons, rules: Vec::new() }
    }
}

impl Others {
    /// What they want to see.
    pub fn settle(&mut self, rules: &[Rule]) -> Vec<Subscription> {
        self.commons.keep_read(self.rules.iter().map(|(position, ..)| &rules[*position]));
        let filter = |(_, detector, kind): &(usize, Option<String>, Option<String>)| {
            let (detectors, kinds) = (detector.iter().cloned().collect(), kind.iter().cloned().collect());
            FindingFilter { detectors, kinds }.into()
        };
        self.rules.iter().map(filter).collect()
    }

    /// Judges what was found.
    pub fn look(&self, batch: &Batch<'_>, senders: &Senders, judge: &mut Judge<'_>) {
        if self.rules.is_empty() {
            return;
        }
        for row in batch.findings() {
            let found = &row.finding;
            let severity = serde_json::to_value(found.severity).ok();
            let severity = severity.as_ref().and_then(|severity| severity.as_str()).unwrap_or_default();
            let amount = found.amounts.first();
            let mut values = vec![
                Value::text(&row.detector),
                Value::text(&found.kind),
                Value::text(severity),
                Value::number(found.severity as u64),
                Value::number(u64::from(found.confidence_percent)),
                Value::text(&found.title),
                Value::text(&found.subject.id),
                Value::Number(amount.and_then(|amount| Number::parse(&amount.value)).unwrap_or(Number::ZERO)),
                Value::text(amount.map_or("", |amount| &amount.asset)),
            ];
            let contract = found.subject.id.parse::<Address>().ok();
            self.commons.fill(&mut values, &Origin { batch, transaction: None, contract, log_index: None, senders });
            let candidate = Candidate {
                shared: &values,
                contract,
                unique: &|| row.id.clone(),
                evidence: &|finding| {
                    let finding = finding.attribute("finding", &row.id);
                    found.transactions.iter().take(16).fold(finding, |finding, hash| finding.transaction(*hash))
                },
            };
            for (position, detector, kind) in &self.rules {
                let fits = detector.as_ref().is_none_or(|detector| *detector == row.detector)
                    && kind.as_ref().is_none_or(|kind| *kind == found.kind)
                    && contract.is_none_or(|contract| judge.rules[*position].is_about(&contract));
                if fits {
                    judge.judge(*position, &candidate);
                }
            }
        }
    }
}
