//! What does not happen: an event or a feed that is silent for longer than it may.

use watchfire_sdk::prelude::*;

use crate::abi::EventLayout;
use crate::judge::{Candidate, Judge};
use crate::language::{Scope, Slots, Type, Value, Verdict};
use crate::memory::Level;
use crate::rule::Rule;
use crate::trigger::common::{Commons, Origin, Senders};

/// What must be heard of.
pub enum Awaited {
    /// An event.
    Event(EventLayout),
    /// A feed.
    Feed(String),
}

/// A rule on silence.
pub struct SilenceRule {
    /// Its position.
    pub position: usize,
    /// What must be heard of.
    pub awaited: Awaited,
    /// For how long it may be silent, seconds.
    pub within_s: u64,
    /// Names of what it hears.
    pub commons: Commons,
}

/// The names of what is awaited, and how long it has been silent.
pub fn scope(awaited: &Awaited) -> (Scope, Commons) {
    let mut scope = Scope::default();
    if let Awaited::Event(layout) = awaited {
        for parameter in &layout.parameters {
            scope.add(&parameter.name, EventLayout::type_of(parameter));
        }
    }
    let commons = Commons::add(&mut scope, false, false);
    scope.add_below("silent_s", Type::Number);
    (scope, commons)
}

impl SilenceRule {
    /// What it wants to see.
    pub fn wants(&self, rules: &[Rule]) -> Option<Subscription> {
        Some(match &self.awaited {
            Awaited::Feed(name) => Subscription::Feed(name.clone()),
            Awaited::Event(layout) => {
                let contracts = rules[self.position].contracts.iter().flatten().map(|key| Address::new(key.0));
                let mut filter = LogFilter::default().topic(0, [layout.topic]).addresses(contracts);
                filter.addresses.sort_unstable();
                filter.into()
            }
        })
    }

    /// Whether something was heard in the batch.
    fn heard(&self, batch: &Batch<'_>, senders: &Senders, judge: &mut Judge<'_>) -> bool {
        match &self.awaited {
            Awaited::Feed(name) => batch.observations().iter().any(|row| row.feed == *name),
            Awaited::Event(layout) => batch.logs().any(|log| {
                let rule = &judge.rules[self.position];
                if log.topic_or_zero(0) != layout.topic || !rule.is_about(&log.address()) {
                    return false;
                }
                let decoded = layout.decode(|at| log.topic_or_zero(at), log.topic_count(), log.data());
                let Some(mut values) = decoded else { return false };
                let (transaction, contract) = (Some(log.transaction_index()), Some(log.address()));
                self.commons.fill(&mut values, &Origin { batch, transaction, contract, log_index: None, senders });
                values.push(Value::number(0_u64));
                let verdict = rule.when.judge(&Slots { shared: &values, own: &[] });
                match verdict {
                    Ok(verdict) => verdict == Verdict::Holds,
                    Err(error) => {
                        judge.fail(self.position, error.to_string());
                        false
                    }
                }
            }),
        }
    }

    /// Judges how long it has been silent.
    ///
    /// # Errors
    ///
    /// If the state can't be read or written.
    pub fn look(&self, batch: &Batch<'_>, senders: &Senders, judge: &mut Judge<'_>) -> Result<(), state::StateError> {
        let id = judge.rules[self.position].id;
        let now_s = judge.now_s;
        let before = Level::load(id, b"silence")?;
        let mut level = before.clone();
        // The watch begins as if it had just been heard.
        if level.changed_s == 0 || self.heard(batch, senders, judge) {
            (level.changed_s, level.held) = (now_s, false);
        }
        let silent_s = now_s.saturating_sub(level.changed_s);
        if silent_s > self.within_s && !level.held {
            let parameters = match &self.awaited {
                Awaited::Event(layout) => layout.parameters.len(),
                Awaited::Feed(_) => 0,
            };
            let rule = &judge.rules[self.position];
            let contract = rule.contracts.as_ref().and_then(|all| all.iter().min_by_key(|key| key.0));
            let contract = contract.map(|key| Address::new(key.0));
            let mut values = vec![Value::Bool(false); parameters];
            let origin = Origin { batch, transaction: None, contract, log_index: None, senders };
            self.commons.fill(&mut values, &origin);
            values.push(Value::number(silent_s));
            let since = level.changed_s.to_string();
            let candidate = Candidate {
                shared: &values,
                contract,
                unique: &String::new,
                evidence: &|finding| finding.attribute("silent-since", &since),
            };
            judge.tell(self.position, &candidate, &[]);
            level.held = true;
        }
        if level != before { level.save(id, b"silence") } else { Ok(()) }
    }
}
